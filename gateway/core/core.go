// Package core speaks to the operator's core switch, where the money is.
//
//	core.go     Request, Outcome and the Switch interface
//	pace.go     how a core wants to be asked again
//	secret.go   Secret: a PIN on its way to the core
//	guard.go    what stands before a connector, with limiter.go and breaker.go
//	seen.go     how calls fared of late
//	health.go   the heartbeat, watched, so that customers hear the truth early
//	gsma.go     the GSMA Mobile Money API v1.2 connector (and gsma_*.go)
//	gate.go     the proof that no octet left
//
// A connector answers one question truthfully: did the request take effect,
// did it not, or can nobody say yet. It never sends money twice by itself.
package core

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors of a Switch. All others say in words what went wrong.
var (
	// ErrNotSent says that no octet of the request was written to the core:
	// nothing can have happened there. Every other error of a call that moves
	// money leaves the outcome unknown. Only Call and Health return it: an
	// inquiry that could not be sent says nothing about the action.
	ErrNotSent = errors.New("the request was not sent")
	// ErrNotAsked says of an inquiry that it was not let through to the core: it
	// learnt nothing, and counts as none.
	ErrNotAsked = errors.New("the core was not asked")
	// ErrCut says that the connection ended, or was reset, before one octet of
	// an answer came. The request may have arrived.
	ErrCut = errors.New("the connection ended without an answer")
	// ErrDuplicate says that the core has seen the request's id before and did
	// nothing now. What became of the first one is to be looked up.
	ErrDuplicate = errors.New("the core has seen this request before")
	// ErrMismatch says that the core answered about something else than what it
	// was asked: another amount, currency, party or id. A person must look.
	ErrMismatch = errors.New("the core's answer is about something else")
)

// Calls that menus can make. Those that move money (Moves) are actions; the others
// read, but for those that change something else (Changes).
const (
	Transfer    = "transfer"     // to, amount, pin, [note]
	MerchantPay = "merchantpay"  // till, amount, pin
	BillPay     = "billpay"      // biller, reference, amount, pin
	Airtime     = "airtime"      // to, amount, pin
	Withdrawal  = "withdrawal"   // agent, amount, pin
	Balance     = "balance"      // pin
	AccountName = "account_name" // to | till | agent | biller, [reference]
	Fee         = "fee"          // call (which action), amount, and its target
	Statement   = "statement"    // pin, [limit]
	Deposit     = "deposit"      // of an agent, who is the customer here: to, amount, pin
	Commission  = "commission"   // of an agent: pin
	Lookup      = "status"       // what became of a transaction of the customer's: reference
	// Reversal takes an action back that the core confirmed. Operators ask for
	// it, never a menu: the arguments of the first one, and those below.
	Reversal  = "reversal"
	Lock      = "lock"       // the customer's own account, which changes nothing if it is locked already: pin
	ChangePIN = "change_pin" // of the customer: pin, new_pin
)

// Arguments of a Reversal beside those of the action that it takes back.
const (
	ReversedCall = "reversed_call" // its call
	ReversedID   = "reversed_id"   // the action's id
	ReversedKey  = "reversed_key"  // its wire key, as last known
	ReversedRef  = "reversed_ref"  // the core's reference of it
)

// Reverser is a Switch that can take some calls back.
type Reverser interface {
	// Reverses says whether a confirmed call can be taken back by a Reversal.
	Reverses(call string) bool
}

// CallbackReader is a Switch whose core says in callbacks what became of a
// request.
type CallbackReader interface {
	// ParseCallback reads what a callback claims. It is a hint and no more.
	ParseCallback(r io.Reader) (Callback, error)
}

// Arg is a named value.
type Arg struct{ Name, Value string }

// Args are a call's values in the order of the menu.
type Args []Arg

// Get returns the value named, or "".
func (a Args) Get(name string) string {
	for i := range a {
		if a[i].Name == name {
			return a[i].Value
		}
	}
	return ""
}

// Request is one call to the core.
type Request struct {
	ID       string // UUIDv7 of the action; of a read, an id of its own
	WireKey  string // what Prepare returned; "" for reads
	Call     string
	MSISDN   string // the customer, E.164 digits
	Args     Args
	PIN      Secret
	NewPIN   Secret // of ChangePIN
	Callback string // URL for the core's callback, "" if there is none
}

// Status is what a connector knows about a request.
type Status uint8

// What a connector can know.
const (
	Unknown  Status = iota // nobody can say yet: inquire
	Done                   // the core confirmed success
	Rejected               // the core refused: no money moved
	Pending                // the core took it and has not decided: inquire
	NotFound               // the core does not know the id (on inquiry only)
)

// Reasons of a refusal, the same for every connector. Menus have a text for each.
const (
	InsufficientFunds = "insufficient_funds"
	WrongPIN          = "wrong_pin"
	PINLocked         = "pin_locked"
	PINWeak           = "pin_weak" // a new PIN that the core does not take
	UnknownPayee      = "unknown_payee"
	LimitExceeded     = "limit_exceeded"
	AmountInvalid     = "amount_invalid"
	AccountBlocked    = "account_blocked"
	NotAllowed        = "not_allowed"
	SamePerson        = "same_person" // payer and payee are one
	UnknownReference  = "unknown_reference"
	NotSent           = "not_sent" // provably nothing left the gateway
	Other             = "other"
)

// Outcome is a connector's truthful answer.
type Outcome struct {
	Status  Status
	Reason  string        // of Rejected: one of the reasons above
	Detail  string        // the core's own code and words, for the record; never shown
	Ref     string        // the core's transaction reference
	WireKey string        // an id that the core minted for its wire, to be kept (M2)
	Fields  Args          // results: balance, fee, name, ... (amounts are decimal strings)
	Rows    []Args        // of a statement: date (RFC 3339), kind, amount, direction (in|out), party, ref
	Again   time.Duration // of Pending: not to be asked before
}

// Inquiry asks what became of a request that got no final answer.
type Inquiry struct {
	ID      string
	WireKey string
	Ref     string
	Call    string
	MSISDN  string
	Args    Args
	SentAt  time.Time
}

// Health is what the core says about itself.
type Health struct {
	State   HealthState
	Restore time.Time // planned restoration, zero if not said
	At      time.Time // when this was learnt
}

// HealthState is how the core is.
type HealthState uint8

// How the core is. HealthUnknown is before the first heartbeat was answered.
const (
	HealthUnknown HealthState = iota
	Available
	Degraded
	Unavailable
)

// Switch is a connector to a core.
type Switch interface {
	// Prepare returns the id that the request will carry on the core's wire, to
	// be stored before it leaves. It sends nothing.
	Prepare(Request) (wireKey string, err error)
	// Call makes the request and waits for the answer as long as ctx. An error
	// that wraps ErrNotSent means that nothing left; with any other error the
	// Outcome's Status is Unknown and the error says why. Whatever the error,
	// the Outcome's WireKey and Ref, if set, are to be kept.
	Call(ctx context.Context, r Request) (Outcome, error)
	// Inquire asks what became of an action. NotFound proves nothing before
	// Horizon has passed since it was sent. With an error the Status is Unknown
	// and nothing was learnt.
	Inquire(ctx context.Context, q Inquiry) (Outcome, error)
	// Horizon is how long an inquiry may say NotFound of a request that took
	// effect or still will.
	Horizon() time.Duration
	// Health asks the core's heartbeat once.
	Health(ctx context.Context) (Health, error)
}
