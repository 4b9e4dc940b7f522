package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

const (
	horizon = 10 * time.Minute
	again   = 10 * time.Minute // as the menus have it
)

// fates are what the core does with one request.
var fates = []string{
	"confirms",
	"refuses",
	"never-left",    // provably nothing was sent
	"answer-lost",   // it took effect, and its answer was lost
	"request-lost",  // it never arrived, which nobody can know
	"arrives-late",  // it takes effect later, within the horizon
	"decides-later", // taken, and done later
	"refuses-later", // taken, and refused later
	"mismatches",    // it took effect, and the answer is about something else
	"dies-before",   // the process dies before it arrives
	"dies-after",    // and after it took effect
}

// payment is what truly became of a request at the core.
type payment struct {
	posts   int
	at      time.Time // it takes effect, or is refused, then; zero: never
	refused bool
}

// world is a gateway with its customers, its core, its operators and its store, in
// which everything that goes wrong is decided by dice. What the world knows and
// the gateway does not is held against what the gateway says.
type world struct {
	t      *testing.T
	dice   dice
	story  story
	clock  time.Time
	ahead  func() time.Duration // in a bubble: how far its time has gone on
	menus  *dialog.Menus
	words  *menus.Announcement // of the operators
	keys   *sessions.Keyring
	store  *memStore
	ledger *ledger.Ledger
	dialog *dialog.Dialog

	calm     bool   // nothing goes wrong any more
	ill      int    // commits in a hundred that go wrong
	away     bool   // the core cannot be called
	shut     string // the call that operators have closed; "all" for the whole service
	crowded  bool   // the last action found no place at the core
	nodes    int
	dials    int
	moment   int                     // messages so far
	at       map[string]sessions.Key // the dialogue that each customer is in
	last     map[string]dialog.Message
	shown    map[string]dialog.Reply // the screen that each has
	asked    map[string]dialog.Reply // and the last that was a question
	asks     map[string]bool         // whether the last key asked to be told of a service
	seq      uint8
	payments map[string]*payment // by wire key
	pins     map[sessions.Key]int
	sure     map[sessions.Key]bool // "send again" was pressed
	names    map[string]string     // actions by each of their references
	notSent  map[string]string     // actions of which "nothing was sent" was said
	posted   map[string]string     // action by wire key
	lastAsk  map[string]int        // the moment at which each asked to be told of a service
	lastBack map[[2]string]int     // and at which each was, by number and call
}

// broken is thrown through the gateway when it breaks a promise.
type broken struct{ why string }

func (w *world) failf(format string, args ...any) { panic(broken{fmt.Sprintf(format, args...)}) }

// coreRef is what the core calls an action.
func coreRef(id string) string { return "QK" + id[24:] }

// pick lets the dice decide, and remembers it.
func (w *world) pick(label string, names []string, often int) int {
	i := w.dice.pick(label, names, often)
	w.story.note(label, names[i], i == 0)
	return i
}

func (w *world) now() time.Time {
	if w.ahead != nil {
		return w.clock.Add(w.ahead())
	}
	return w.clock
}

func (w *world) fault() fault {
	if w.calm {
		return none
	}
	return fault(w.pick("store", storeFaults, w.ill))
}

func (w *world) unreadable() bool {
	return !w.calm && w.pick("read", []string{"well", "fails"}, w.ill/2) == 1
}

// start is a process that finds what is on disk.
func (w *world) start() {
	w.nodes++
	node := fmt.Sprintf("node %d", w.nodes)
	log := slog.New(slog.DiscardHandler)
	w.ledger = ledger.New(ledger.Config{Store: w.store, Switch: w, Vault: w.keys, Worker: node, Now: w.now,
		Jitter: func(most time.Duration) time.Duration { return most / 2 },
		Notices: func(ctx context.Context, a sessions.Action) []*sessions.Notice {
			return dialog.Notices(ctx, w.menus, w.store, log, a)
		}})
	w.dialog = dialog.New(dialog.Config{Store: w.store, Menus: w.menus, Ledger: w.ledger, Switch: w, Calls: w, Plans: w, Admit: w,
		Vault: w.keys, Node: node, Now: w.now})
}

// do lets the process work, which may die of it.
func (w *world) do(work func()) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case crashed:
			w.crash()
		default:
			panic(r)
		}
	}()
	work()
}

var (
	noYes = []string{"no", "yes"}
	yesNo = []string{"yes", "no"}
)

func (w *world) crash() {
	w.store.crash(func() bool { return w.pick("step-lost", noYes, 50) == 1 })
	w.start()
	if w.pick("recovers", yesNo, 50) == 0 {
		w.do(func() { _ = w.ledger.Recover(context.Background()) })
	}
}

// The world as a core.Switch, and as dialog.Calls, Plans and Admission.

func (w *world) Down(string) (time.Time, bool) { return time.Time{}, w.away }

// Seen is a core that proves at every moment that it works, unless it is away.
func (w *world) Seen(string) (works, full time.Time) {
	if !w.away {
		works = w.now()
	}
	return works, time.Time{}
}

func (*world) Busy(string) bool { return false }

func (w *world) Closed(call string) (menus.Unavailable, bool) {
	return menus.Unavailable{}, w.shut == "all" || w.shut != "" && w.shut == call
}

func (w *world) Notice() *menus.Unavailable {
	if w.shut == "" {
		return nil
	}
	return &menus.Unavailable{Words: w.words}
}

func (w *world) Reserve(context.Context, string, core.Args) (*core.Ticket, error) {
	if w.crowded = !w.calm && w.pick("admits", yesNo, 10) == 1; w.crowded {
		return nil, fmt.Errorf("no room: %w", core.ErrNotSent)
	}
	return nil, nil
}

func (*world) Prepare(r core.Request) (string, error) { return "wire-" + r.ID, nil }

func (*world) Horizon() time.Duration { return horizon }

func (*world) Health(context.Context) (core.Health, error) { return core.Health{}, nil }

var (
	delays  = []string{"1", "20", "100", "300", "599"} // below the horizon
	reasons = []string{core.InsufficientFunds, core.WrongPIN, core.AccountBlocked}
)

func seconds(s string) time.Duration {
	d, err := time.ParseDuration(s + "s")
	if err != nil {
		panic(err)
	}
	return d
}

func (w *world) Call(_ context.Context, r core.Request) (core.Outcome, error) {
	if !core.Moves(r.Call) {
		return core.Outcome{Status: core.Done, Fields: core.Args{{Name: "name", Value: "ASHA"}, {Name: "fee", Value: "50"}, {Name: "balance", Value: "900000"}}}, nil
	}
	if _, closed := w.Closed(r.Call); closed || w.away {
		w.failf("a call is made that nobody can serve: %s", r.Call)
	}
	// M1: what leaves is on disk as SENT, under the id that it leaves with. M2: no
	// other action ever had that id.
	if a := w.store.actions[r.ID]; a.State != sessions.Sent || a.WireKey != r.WireKey {
		w.failf("M1: a request left, and the store has %s, wire key %q", ledger.StateName(a.State), a.WireKey)
	}
	if id, ok := w.posted[r.WireKey]; ok && id != r.ID {
		w.failf("M2: two actions share a wire key")
	}
	w.posted[r.WireKey] = r.ID
	if why, said := w.notSent[r.ID]; said {
		w.failf("M3: %q was said of what is sent now", why)
	}
	p := w.payments[r.WireKey]
	if p == nil {
		p = &payment{}
		w.payments[r.WireKey] = p
	}
	if p.posts++; p.posts > 1 {
		w.failf("M4: posted %d times", p.posts)
	}
	f := "confirms"
	if !w.calm {
		f = fates[w.pick("fate", fates, 100)]
	}
	done := core.Outcome{Status: core.Done, Ref: coreRef(r.ID), Fields: core.Args{{Name: "balance", Value: "900000"}}}
	later := func() time.Time { return w.clock.Add(seconds(delays[w.pick("decided-after", delays, 100)])) }
	switch f {
	case "refuses":
		p.at, p.refused = w.clock, true
		return core.Outcome{Status: core.Rejected, Reason: reasons[w.pick("reason", reasons, 100)]}, nil
	case "never-left":
		p.posts = 0
		return core.Outcome{}, fmt.Errorf("dial: %w", core.ErrNotSent)
	case "request-lost":
		return core.Outcome{}, context.DeadlineExceeded
	case "arrives-late":
		p.at = later()
		return core.Outcome{}, context.DeadlineExceeded
	case "decides-later", "refuses-later":
		p.at, p.refused = later(), f == "refuses-later"
		return core.Outcome{Status: core.Pending}, nil
	case "dies-before":
		panic(crashed{})
	}
	p.at = w.clock
	switch f {
	case "answer-lost":
		return core.Outcome{}, errors.New("the connection ended")
	case "mismatches":
		return core.Outcome{}, fmt.Errorf("%w: another amount", core.ErrMismatch)
	case "dies-after":
		panic(crashed{})
	}
	return done, nil
}

func (w *world) Inquire(_ context.Context, q core.Inquiry) (core.Outcome, error) {
	if !w.calm {
		switch w.pick("inquiry", []string{"answers", "no-answer", "dies"}, 33) {
		case 1:
			return core.Outcome{}, errors.New("no answer")
		case 2:
			panic(crashed{})
		}
	}
	p := w.payments[q.WireKey]
	switch {
	case p == nil || p.at.IsZero() || p.at.After(w.clock):
		return core.Outcome{Status: core.NotFound}, nil
	case p.refused:
		return core.Outcome{Status: core.Rejected, Reason: core.InsufficientFunds}, nil
	}
	return core.Outcome{Status: core.Done, Ref: coreRef(q.ID)}, nil
}

// happened says whether an action took effect at the core by now.
func (w *world) happened(a sessions.Action) bool {
	p := w.payments["wire-"+a.ID]
	return p != nil && !p.refused && !p.at.IsZero() && !p.at.After(w.clock)
}

// may says whether an action can still take effect, or did.
func (w *world) may(a sessions.Action) bool {
	p := w.payments["wire-"+a.ID]
	return p != nil && !p.refused && !p.at.IsZero()
}
