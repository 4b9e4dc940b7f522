package ledger_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nyota/gateway/core"
	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

const horizon = 10 * time.Minute

// fate is what the core does with one request.
type fate uint8

const (
	confirms      fate = iota
	refuses            // a refusal
	neverLeft          // provably nothing was sent
	answerLost         // it took effect, and its answer was lost
	requestLost        // it never arrived, which nobody can know
	arrivesLate        // it takes effect later, within the horizon
	decidesLater       // taken, and done later
	refusesLater       // taken, and refused later
	mismatches         // it took effect, and the answer is about something else
	diesInCall         // the process dies before it arrives
	diesAfterCall      // and after it took effect
	fates
)

// payment is what truly became of a request at the core.
type payment struct {
	posts   int
	at      time.Time // it takes effect, or is refused, then; zero: never
	refused bool
}

// world is a gateway with its customers, its core and its store, in which
// everything that goes wrong is drawn. What the world knows and the gateway does
// not is held against what the gateway says.
type world struct {
	*rapid.T
	clock  time.Time
	menus  *dialog.Menus
	keys   *sessions.Keyring
	store  *memStore
	ledger *ledger.Ledger
	dialog *dialog.Dialog

	calm     bool // nothing goes wrong any more
	ill      int  // commits in a hundred that go wrong
	nodes    int
	dials    int
	at       map[string]sessions.Key // the dialogue that each customer is in
	last     map[string]dialog.Message
	screen   map[string]string
	seq      uint8
	payments map[string]*payment // by wire key
	pins     map[sessions.Key]int
	notSent  map[string]string // actions of which "nothing was sent" was said
	posted   map[string]string // action by wire key
}

func (w *world) now() time.Time { return w.clock }

func (w *world) fault() fault {
	if w.calm || w.ill == 0 || rapid.IntRange(1, 100).Draw(w.T, "store is ill") > w.ill {
		return none
	}
	return rapid.SampledFrom(allFaults).Draw(w.T, "store fault")
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
	w.dialog = dialog.New(dialog.Config{Store: w.store, Menus: w.menus, Ledger: w.ledger, Switch: w, Calls: w, Vault: w.keys, Node: node, Now: w.now})
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

func (w *world) crash() {
	w.store.crash(func() bool { return rapid.Bool().Draw(w.T, "a step rolls back") })
	w.start()
	if rapid.Bool().Draw(w.T, "recovers at once") {
		w.do(func() { _ = w.ledger.Recover(context.Background()) })
	}
}

// The world as a core.Switch, and as dialog.Calls.

func (*world) Down(string) (time.Time, bool) { return time.Time{}, false }

func (*world) Busy(string) bool { return false }

func (*world) Seen(string) (works, full time.Time) { return works, full }

func (*world) Prepare(r core.Request) (string, error) { return "wire-" + r.ID, nil }

func (*world) Horizon() time.Duration { return horizon }

func (*world) Health(context.Context) (core.Health, error) { return core.Health{}, nil }

func (w *world) Call(_ context.Context, r core.Request) (core.Outcome, error) {
	if !core.Moves(r.Call) {
		return core.Outcome{Status: core.Done, Fields: core.Args{{Name: "name", Value: "ASHA"}, {Name: "fee", Value: "50"}, {Name: "balance", Value: "900000"}}}, nil
	}
	// M1: what leaves is on disk as SENT, under the id that it leaves with. M2: no
	// other action ever had that id.
	if a := w.store.actions[r.ID]; a.State != sessions.Sent || a.WireKey != r.WireKey {
		w.Fatalf("M1: a request left, and the store has %s, wire key %q", ledger.StateName(a.State), a.WireKey)
	}
	if id, ok := w.posted[r.WireKey]; ok && id != r.ID {
		w.Fatalf("M2: two actions share a wire key")
	}
	w.posted[r.WireKey] = r.ID
	if why, said := w.notSent[r.ID]; said {
		w.Fatalf("M3: %q was said of what is sent now", why)
	}
	p := w.payments[r.WireKey]
	if p == nil {
		p = &payment{}
		w.payments[r.WireKey] = p
	}
	if p.posts++; p.posts > 1 {
		w.Fatalf("M4: posted %d times", p.posts)
	}
	f := confirms
	if !w.calm {
		f = rapid.SampledFrom(allFates).Draw(w.T, "fate")
	}
	done := core.Outcome{Status: core.Done, Ref: "QK" + r.ID[24:]}
	later := w.clock.Add(time.Duration(rapid.IntRange(1, int(horizon/time.Second)-1).Draw(w.T, "seconds")) * time.Second)
	switch f {
	case refuses:
		p.at, p.refused = w.clock, true
		return core.Outcome{Status: core.Rejected, Reason: rapid.SampledFrom([]string{core.InsufficientFunds, core.WrongPIN, core.AccountBlocked}).Draw(w.T, "reason")}, nil
	case neverLeft:
		p.posts = 0
		return core.Outcome{}, fmt.Errorf("dial: %w", core.ErrNotSent)
	case requestLost:
		return core.Outcome{}, context.DeadlineExceeded
	case arrivesLate:
		p.at = later
		return core.Outcome{}, context.DeadlineExceeded
	case decidesLater, refusesLater:
		p.at, p.refused = later, f == refusesLater
		return core.Outcome{Status: core.Pending}, nil
	case diesInCall:
		panic(crashed{})
	}
	p.at = w.clock
	switch f {
	case answerLost:
		return core.Outcome{}, errors.New("the connection ended")
	case mismatches:
		return core.Outcome{}, fmt.Errorf("%w: another amount", core.ErrMismatch)
	case diesAfterCall:
		panic(crashed{})
	}
	return done, nil
}

func (w *world) Inquire(_ context.Context, q core.Inquiry) (core.Outcome, error) {
	if !w.calm {
		switch rapid.IntRange(0, 5).Draw(w.T, "inquiry") {
		case 0:
			return core.Outcome{}, errors.New("no answer")
		case 1:
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
	return core.Outcome{Status: core.Done, Ref: "QK" + q.ID[24:]}, nil
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

// say delivers a message, and judges the screen that answers it.
func (w *world) say(who string, m dialog.Message) {
	w.last[who] = m
	w.do(func() {
		ctx := context.Background()
		reply, ok := w.dialog.Handle(ctx, m).Reply(ctx)
		if !ok {
			return
		}
		w.screen[who] = reply.Screen
		w.judge(m.Key, reply)
	})
}

// judge holds a screen's words against what happened.
func (w *world) judge(key sessions.Key, r dialog.Reply) {
	var a sessions.Action // the last that was born of the dialogue
	for _, b := range w.store.sorted(key.MSISDN) {
		if b.Session == key {
			a = b
		}
	}
	switch {
	case r.Screen == "sent":
		if a.ID == "" || !w.happened(a) {
			w.Fatalf("M3: %q, and it did not happen", r.Text)
		}
	case strings.Contains(r.Text, "No money moved"), strings.Contains(r.Text, "Nothing was sent"):
		if a.ID == "" {
			return
		}
		if w.may(a) {
			w.Fatalf("M3: %q, and money moves", r.Text)
		}
		if p := w.payments["wire-"+a.ID]; p == nil || p.posts == 0 {
			w.notSent[a.ID] = r.Text
		}
	}
}

var people = []string{"255700000001", "255700000002"}

// keys are what customers press on the way to a payment.
var keys = map[string]string{"home": "1", "send_to": "0700000003", "send_amount": "5000", "send_pin": "1234"}

// events are what can happen, the likely ones more than once.
var events = []string{"pay", "pay", "press", "press", "press", "dial", "again", "other key", "hang up", "time", "time", "crash", "callback"}

// allFates and allFaults are drawn from evenly.
var (
	allFates  = upTo(fates)
	allFaults = upTo(storeFaults)
)

func upTo[T ~uint8](n T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = T(i)
	}
	return all
}

// act is one thing that happens.
func (w *world) act() {
	who := rapid.SampledFrom(people).Draw(w.T, "who")
	message := func(kind dialog.Kind, text string) dialog.Message {
		w.clock = w.clock.Add(2 * time.Second)
		w.seq++
		return dialog.Message{Key: w.at[who], Kind: kind, Text: menus.Typed(text), Seq: w.seq, At: w.clock}
	}
	dial := func() {
		w.dials++
		w.at[who] = sessions.Key{Network: "demo", MSISDN: who, ID: fmt.Sprint(w.dials)}
		w.say(who, message(dialog.Dial, "*150*00#"))
	}
	press := func() {
		text, ok := keys[w.screen[who]]
		if !ok {
			dial()
			return
		}
		if text == "1234" {
			w.pins[w.at[who]]++
		}
		w.say(who, message(dialog.Answer, text))
	}
	switch rapid.SampledFrom(events).Draw(w.T, "what") {
	case "dial":
		dial()
	case "press":
		press()
	case "pay":
		for range 5 {
			press()
		}
	case "again": // delivered twice
		if m, ok := w.last[who]; ok {
			w.say(who, m)
		}
	case "other key":
		text := rapid.SampledFrom([]string{"0", "00", "1", "2", "98", "9999", "0700000003", "x"}).Draw(w.T, "key")
		if w.at[who].ID != "" {
			if len(text) == 4 {
				w.pins[w.at[who]]++
			}
			w.say(who, message(dialog.Answer, text))
		}
	case "hang up":
		if w.at[who].ID != "" {
			w.say(who, message(dialog.Abort, ""))
		}
	case "time":
		w.pass(time.Duration(rapid.SampledFrom([]int{1, 3, 7, 30, 200, 700}).Draw(w.T, "seconds")) * time.Second)
	case "crash":
		w.crash()
	case "callback":
		if all := w.store.sorted(""); len(all) > 0 {
			a := rapid.SampledFrom(all).Draw(w.T, "of")
			w.do(func() {
				token, err := w.keys.SealToken(a.MSISDN, a.ID)
				if err == nil {
					err = w.ledger.Nudge(context.Background(), token)
				}
				if err != nil && !errors.Is(err, sessions.ErrNotFound) {
					w.Fatal(err)
				}
			})
		}
	}
}

func (w *world) pass(d time.Duration) {
	w.clock = w.clock.Add(d)
	w.do(func() { _ = w.ledger.Tick(context.Background()) })
}

// settle lets everything come to its end: nothing fails any more, and time passes.
func (w *world) settle() {
	w.calm = true
	for range 400 {
		w.pass(4 * time.Minute)
		if all, _ := w.store.Open(context.Background(), people[0]); len(all) == 0 {
			if all, _ = w.store.Open(context.Background(), people[1]); len(all) == 0 {
				break
			}
		}
	}
	w.pass(horizon)
}

// reckon holds all that is recorded and owed against what happened.
func (w *world) reckon() {
	ids := map[string]bool{}
	born := map[sessions.Key]int{}
	for _, a := range w.store.sorted("") {
		ids[a.ID] = true
		born[a.Session]++
		happened := w.happened(a)
		switch {
		case !a.State.Final():
			w.Fatalf("M5: an action ends %s", ledger.StateName(a.State))
		case happened != (a.State == sessions.Done):
			w.Fatalf("M3: an action is %s, and it happened: %t", ledger.StateName(a.State), happened)
		}
		if why, said := w.notSent[a.ID]; said && happened {
			w.Fatalf("M3: %q was said, and it happened", why)
		}
		for _, arg := range a.Args {
			if arg.Sealed != nil {
				w.Fatalf("M6: a final action holds a secret")
			}
		}
		var owed []string
		for _, n := range w.store.notices {
			if n.Action == a.ID {
				owed = append(owed, n.Role)
			}
		}
		slices.Sort(owed)
		want := "customer"
		if happened {
			want = "customer payee"
		}
		if got := strings.Join(owed, " "); got != want {
			w.Fatalf("M5: an action that is %s owes notices to %q, want %q", ledger.StateName(a.State), got, want)
		}
	}
	for wire := range w.payments {
		if id := strings.TrimPrefix(wire, "wire-"); !ids[id] {
			w.Fatalf("M7: the core knows an action that is lost")
		}
	}
	for key, n := range born {
		if n > w.pins[key] {
			w.Fatalf("M7: %d actions of %d PINs", n, w.pins[key])
		}
	}
	for _, d := range w.store.odd {
		if d.Kind != ledger.KindMismatch {
			w.Fatalf("a core that does not lie is said to contradict itself: %+v", d)
		}
	}
}

// TestM1M2M3M4M5M7HoldWhateverHappens draws interleavings of keys, redials,
// deliveries that come twice, faults of the core and the store, callbacks and
// deaths of the process, and holds all that was said and stored against a model.
func TestM1M2M3M4M5M7HoldWhateverHappens(t *testing.T) {
	if os.Getenv("NYOTA_SOAK") != "" {
		if err := flag.Set("rapid.checks", "50000"); err != nil {
			t.Fatal(err)
		}
	}
	catalog, keyring := shared(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, catalog, keyring)
		for range rapid.IntRange(10, 80).Draw(rt, "events") {
			w.act()
		}
		w.settle()
		w.reckon()
	})
}

// shared is what all worlds have in common: the menus and the key.
func shared(t *testing.T) (*dialog.Menus, *sessions.Keyring) {
	t.Helper()
	store, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	m, err := dialog.OpenMenus(t.Context(), dialog.MenusConfig{Files: os.DirFS("../../menus/catalog"), Env: menus.DefaultEnv(), Store: store, Log: slog.New(slog.DiscardHandler), Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := sessions.NewKeyring([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return m, keyring
}

func newWorld(t *rapid.T, m *dialog.Menus, keyring *sessions.Keyring) *world {
	w := &world{T: t, clock: time.Now(), menus: m, keys: keyring, at: map[string]sessions.Key{}, last: map[string]dialog.Message{},
		screen: map[string]string{}, payments: map[string]*payment{}, pins: map[sessions.Key]int{}, notSent: map[string]string{}, posted: map[string]string{}}
	w.ill = rapid.SampledFrom([]int{0, 5, 15, 40}).Draw(t, "ill")
	w.store = newMemStore(w.now, w.fault)
	w.start()
	return w
}
