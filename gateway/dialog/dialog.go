// Package dialog is the one orchestrator: a customer's message in, a screen out.
// Every channel comes through it, and nothing else steps a menu, commits a
// session or gives birth to an action.
//
//	dialog.go     Message, Reply, Dialog
//	begin.go      a customer dials
//	answer.go     a customer answers, or goes away
//	dropped.go    a dialogue that broke off, and is taken up again
//	until.go      a turn's deadline
//	turn.go       a turn from its first commit to its screen
//	outcome.go    what the core and the ledger say, in the menus' words
//	earlier.go    what a customer did before: said first, and not done twice unasked
//	wishes.go     SMS that no action owes: a service is back, the last known balance
//	elsewhere.go  dialogues by SMS: keywords in, no secrets out
//	notices.go    the SMS owed for an action's outcome
//	reversal.go   and for a payment that was taken back
//	revisions.go  the menus: what new dialogues begin on, and what is still in use
//	rollout.go    what all gateways agree to serve: current, on trial, before
//	publish.go    publish, promote, roll back; follow what others publish
//	watch.go      edits of the menu files
//	counts.go     how dialogues fare on each revision
//	desk.go       what authors of menus see of the phones they try them with
//	plans.go      what operators have closed, and want said
//	live.go       dialogues under way, for their call detail records
package dialog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

// Kind is what a customer did.
type Kind uint8

// What a customer can do.
const (
	Dial   Kind = iota + 1 // dialled Text
	Answer                 // answered Text
	Abort                  // hung up, or the network gave up
)

// Message is one event of a dialogue, whatever the channel.
type Message struct {
	Key    sessions.Key
	Kind   Kind
	Text   menus.Typed
	Seq    uint8        // the dialect's sequence; 0 if it has none
	Limits menus.Limits // of the channel; zero: the installation's
	At     time.Time    // when it came in: the answer's deadline counts from here
	Waits  func()       // called once, before the turn waits for the core or a disk; may be nil
}

// Reply is the screen that answers a Message.
type Reply struct {
	Screen string // its id in the menu
	Text   string
	UCS2   bool // Text needs UCS-2
	Secret bool // what is typed next is a secret
	End    bool // the dialogue is over
}

// Calls says how calls fare at the moment. *core.Guard is one.
type Calls interface {
	// Down says whether a call cannot be made, and until when if that is known.
	Down(call string) (until time.Time, down bool)
	// Busy says whether most of those who want a call are turned away for want of
	// room. It is asked for every option, and must be fast.
	Busy(call string) bool
	// Seen says when the core last proved that it works, and when it last had no
	// room for a call; zero is not since this process began.
	Seen(call string) (works, full time.Time)
}

// Admission gives an action its place at the core before it is born. What it
// refuses leaves no trace: no action, no SMS, "not sent" on the screen.
// *core.Guard is one.
type Admission interface {
	Reserve(ctx context.Context, call string, args core.Args) (*core.Ticket, error)
}

// Vault seals and opens secrets, and hashes inputs. *sessions.Keyring is one.
type Vault interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
	Hash(data ...[]byte) uint64
	HashedByOther(sum uint64, data ...[]byte) bool // hashed with the other key, while one is being changed
}

// Peers knows the other processes on a shared store. *sessions.Nodes is one.
type Peers interface {
	// Continues says whether the customer can be taken to have seen what the
	// session says: who stepped it last lives or left in order, and the store has
	// lost nothing since.
	Continues(ctx context.Context, s *sessions.Session) bool
}

// Config is what a Dialog needs. All but Admit, Peers, Desk, the durations, Record, Now and Log are
// required.
type Config struct {
	Store  sessions.Store
	Menus  *Menus
	Ledger *ledger.Ledger
	Switch core.Switch // for reads
	Calls  Calls
	Plans  Plans     // nil: operators plan nothing
	Admit  Admission // nil: every action is born, and its call may be refused
	Vault  Vault
	Node   string         // this process: unlike any other that ever ran
	Peers  Peers          // of a store that is reached over the network; nil: this process has it alone
	Zone   *time.Location // the operator's

	AnswerWithin time.Duration             // 5 s
	Session      time.Duration             // 180 s
	Desk         *Desk                     // of a simulated operator; nil: none
	TellRate     int                       // SMS a second to who waits for a service; 10
	TellAfter    time.Duration             // it must be back for so long; 30 s
	TellWithin   time.Duration             // then nobody waits any more, or so long after it is known to be away; 24 h
	Stepped      func(Kind, time.Duration) // counts turns and their time to the screen; must not block; nil: nobody
	Outside      func(screen string)       // counts screens that are of no menu, and end a dialogue: busy and unsure (the store is away), session_expired, still_checking, unknown_code; must not block; nil: nobody
	Record       func(Record)              // takes call detail records; must not block
	Now          func() time.Time
	Log          *slog.Logger
}

// Dialog steps dialogues. Its methods are safe for use by many goroutines;
// messages of one dialogue are to be handled one after the other.
type Dialog struct {
	Config
	live live
	away seldom // said of the store

	mu      sync.Mutex
	unshown map[sessions.Key]struct{} // screens that provably did not leave
}

// New returns a Dialog with cfg's defaults filled in.
func New(cfg Config) *Dialog {
	if cfg.AnswerWithin == 0 {
		cfg.AnswerWithin = 5 * time.Second
	}
	if cfg.Session == 0 {
		cfg.Session = 180 * time.Second
	}
	if cfg.TellRate == 0 {
		cfg.TellRate = 10
	}
	if cfg.TellAfter == 0 {
		cfg.TellAfter = 30 * time.Second
	}
	if cfg.TellWithin == 0 {
		cfg.TellWithin = 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Record == nil {
		cfg.Record = func(Record) {}
	}
	if cfg.Outside == nil {
		cfg.Outside = func(string) {}
	}
	d := &Dialog{Config: cfg, unshown: map[sessions.Key]struct{}{}}
	d.live.init()
	return d
}

// Handle takes one message to its first commit. What it returns is durable as
// the promises say, so the network's request may be acknowledged; the screen, and
// the call to the core that may come before it, are Turn.Reply's.
func (d *Dialog) Handle(ctx context.Context, m Message) *Turn {
	now := d.Now()
	if m.At.IsZero() {
		m.At = now
	}
	t := turns.Get().(*Turn)
	t.d, t.m, t.began, t.deadline = d, m, now, m.At.Add(d.AnswerWithin)
	limited := &until{Context: ctx, at: t.deadline, late: !now.Before(t.deadline)}
	defer limited.end()
	switch m.Kind {
	case Dial:
		t.begin(limited)
	case Answer:
		t.answer(limited)
	case Abort:
		t.abort(limited)
	}
	return t
}

// Unshown says that the last screen of a dialogue provably did not leave the
// gateway: the next duplicate of its message submits it again (M9).
func (d *Dialog) Unshown(k sessions.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.unshown) < maxUnshown {
		d.unshown[k] = struct{}{}
	}
}

// maxUnshown bounds the memory of screens that did not leave: beyond it a
// customer waits for the network's timeout and dials again.
const maxUnshown = 10_000

// wasUnshown says, once, whether the dialogue's last screen did not leave.
func (d *Dialog) wasUnshown(k sessions.Key) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, was := d.unshown[k]
	delete(d.unshown, k)
	return was
}
