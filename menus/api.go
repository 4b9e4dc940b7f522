package menus

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Typed is what a customer typed. As it may hold a PIN, whatever formats, logs
// or marshals it gets dots (M6); only the engine looks inside.
type Typed string

const masked = "••••"

// String returns dots.
func (t Typed) String() string { return masked }

// Format writes dots, whatever the verb.
func (t Typed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// MarshalText returns dots.
func (t Typed) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue returns dots.
func (t Typed) LogValue() slog.Value { return slog.StringValue(masked) }

// InputKind is what happened to a dialogue.
type InputKind uint8

// What can happen to a dialogue.
const (
	Begin  InputKind = iota + 1 // the customer dialled; State is the zero State
	Keys                        // the customer answered with Text
	Answer                      // the core answered the outstanding Call with Result
	Show                        // show the present screen again; consumes nothing
	Redial                      // the customer dialled again; State is what Program.Dropped kept
	Doubt                       // the outstanding Call was not made, as the customer did the same a short time ago: Input.Open has it, Input.Call the call
)

// Input is everything a step depends on beside the State: the engine has no
// clock, no configuration and no I/O.
type Input struct {
	Kind     InputKind
	Text     Typed                                            // of Keys: what was typed; of Begin: the shortcut behind the code
	Result   Result                                           // of Answer
	Customer string                                           // MSISDN, E.164 digits: {customer}
	Language string                                           // of Begin: the remembered language, "" for the menu's first
	Now      time.Time                                        // of the customer's operator, for date inputs
	Limits   Limits                                           // of the channel; zero means the Env's
	Seal     func(secret string) ([]byte, error)              // seals what a secret input was given
	Same     func(sealed []byte, secret string) (bool, error) // whether a sealed secret is this one, for same_as
	Down     func(name string) (Unavailable, bool)            // why a call cannot be made now, by its name or Party's; nil: all can
	Busy     func(call string) bool                           // whether most of those who want a call are turned away, so that its options are marked; nil: none is busy
	Closed   *Unavailable                                     // the whole service is closed: nothing begins, but what is in Open is said; nil: it is open
	Notice   func(lang string) string                         // of Begin: what the operator wants said in front of the first screen; nil or "": nothing
	Trace    func(screen, way string)                         // told each way that the step takes, by the names of Flow; nil: nobody asks
	Open     []Earlier                                        // of Begin and Redial: what is to be said first; of Doubt: the one that was the same
	Call     *Call                                            // of Doubt: the call as it was returned
}

// Earlier is an action that the customer confirmed before, as far as its fate is
// known.
type Earlier struct {
	Call    string  // transfer, ...
	Ref     string  // what the customer was told to quote
	Outcome Outcome // Pending: nobody knows yet; Down: it was never sent
	Reason  string  // of Rejected
	Amount  string  // "" if it has none
	To      string  // who was paid: an MSISDN, a till, ...; "" if nobody
	At      time.Time
}

// maxEarlier bounds how many are said at once: the newest come first.
const maxEarlier = 3

// Unavailable says why a call cannot be made now.
type Unavailable struct {
	Until time.Time     // zero if nobody said
	Words *Announcement // why, in the operator's words; nil: the catalog's
}

// Outcome of a call, as menus branch on it.
type Outcome uint8

// Outcomes. What only reads has no Pending: an answer that did not come is Down.
const (
	Done     Outcome = iota + 1 // on: done
	Rejected                    // on: rejected
	Pending                     // on: unknown - received, not decided; or it may have been
	Down                        // on: unavailable - not sent, nothing happened
)

// Result is the answer to a Call.
type Result struct {
	Outcome Outcome
	Reason  string  // stable code of a refusal: branches and {reason}
	Ref     string  // {ref}
	Fields  []Value // {balance}, {fee}, {name}, ...
	Rows    [][]Value
	Until   time.Time // of Down: {until}
}

// Value is a named value. Texts are canonical: money as a decimal string,
// numbers as E.164 digits, dates as RFC 3339. Sealed holds a secret instead.
type Value struct {
	Name   string
	Text   string
	Sealed []byte
}

// Limits are a channel's lengths of one screen.
type Limits struct {
	Septets int // GSM 7-bit, extension characters cost two; 182 by default
	UCS2    int // UTF-16 code units; 80 by default
}

// Turn is the outcome of one step: either a Screen to show, or a Call to make
// and answer with an Answer input.
type Turn struct {
	State  State
	Screen Screen
	Call   *Call
	End    bool   // the dialogue is over with this Screen
	SMS    string // an SMS that this step owes to the customer; "" for none
}

// IDs of screens that no menu writes.
const (
	ScreenResume      = "resume"      // asks whether a dialogue that broke off goes on
	ScreenMaintenance = "maintenance" // says that the menu is closed
	ScreenOpen        = "open"        // says what became of an action that was begun before
	ScreenAgain       = "again"       // asks whether the same is to be done a second time
	ScreenUnavailable = "unavailable" // says that an option cannot be chosen now, and offers an SMS when it can
)

// Screen is what the customer sees: one page, within the limits.
type Screen struct {
	ID     string // of the screen in the YAML
	Text   string
	Secret bool // what is typed next is a secret
	UCS2   bool // the text needs UCS-2
	Page   int  // 1-based
	Pages  int
}

// Call is what a menu asks of the core.
type Call struct {
	Action   bool    // moves money: to be made once, durably; otherwise a read
	Name     string  // transfer, balance, ...
	Screen   string  // where it was asked; names the notify texts
	Args     []Value // the `with:` of the screen, in its order; secrets sealed
	Vars     []Value // every variable of the dialogue that is not a secret, for notices
	Deadline time.Duration
	Again    bool // returned before, by an earlier step: its secrets, if it had any, are gone
	Sure     bool // the customer was told of one like it (Doubt) and wants it nevertheless
}

// Role of a notice's recipient.
type Role string

// Roles of `notify:`.
const (
	RoleCustomer Role = "customer"
	RolePayee    Role = "payee"
	RoleAgent    Role = "agent"
)
