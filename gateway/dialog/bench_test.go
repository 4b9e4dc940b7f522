package dialog

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const customer = "255700000001"

// fakeCore answers reads like a good core, and actions as the test says.
type fakeCore struct {
	mu    sync.Mutex
	posts []core.Request
	pins  []string // of the posts, as they came
	post  func(ctx context.Context, r core.Request) (core.Outcome, error)
	read  func(r core.Request) (core.Outcome, error)
	asks  int
	ask   func() (core.Outcome, error)
}

func (f *fakeCore) Prepare(r core.Request) (string, error)      { return r.ID, nil }
func (f *fakeCore) Horizon() time.Duration                      { return time.Hour }
func (f *fakeCore) Health(context.Context) (core.Health, error) { return core.Health{}, nil }
func (f *fakeCore) Inquire(context.Context, core.Inquiry) (core.Outcome, error) {
	f.mu.Lock()
	f.asks++
	f.mu.Unlock()
	return f.ask()
}

func (f *fakeCore) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	switch r.Call {
	case core.AccountName, core.Fee, core.Balance, core.Statement, core.ChangePIN, core.Lock:
		if f.read != nil {
			return f.read(r)
		}
		return core.Outcome{Status: core.Done, Fields: core.Args{
			{Name: "name", Value: "ASHA JUMA"}, {Name: "fee", Value: "50"}, {Name: "balance", Value: "994950"}}}, nil
	}
	f.mu.Lock()
	f.posts = append(f.posts, r)
	f.pins = append(f.pins, string(r.PIN.Reveal()))
	f.mu.Unlock()
	return f.post(ctx, r)
}

func done(context.Context, core.Request) (core.Outcome, error) {
	return core.Outcome{Status: core.Done, Ref: "QK12", Fields: core.Args{{Name: "balance", Value: "994950"}}}, nil
}

// calls is what the heartbeat says, which is asked all the time.
type calls struct {
	down   bool
	until  time.Time
	silent bool // there is no heartbeat
	works  time.Time
	full   time.Time // no place was left then
	busy   map[string]bool
	now    func() time.Time
}

func (c *calls) Down(string) (time.Time, bool) { return c.until, c.down }

func (c *calls) Busy(call string) bool { return c.busy[call] }

func (c *calls) Seen(string) (works, full time.Time) {
	if !c.down && !c.silent {
		c.works = c.now()
	}
	return c.works, c.full
}

// closures are what operators have closed; "" is the whole service.
type closures map[string]menus.Unavailable

func (c closures) Closed(call string) (menus.Unavailable, bool) {
	why, closed := c[call]
	return why, closed
}

func (closures) Notice() *menus.Unavailable { return nil }

// store can be taken away.
type store struct {
	sessions.Store
	mu       sync.Mutex
	away     error
	onCommit func()
	readAway error // of Customer
	putAway  error
}

func (s *store) Customer(ctx context.Context, msisdn string) (sessions.Customer, error) {
	if s.readAway != nil {
		return sessions.Customer{}, s.readAway
	}
	return s.Store.Customer(ctx, msisdn)
}

func (s *store) Put(ctx context.Context, r ...sessions.Record) error {
	if s.putAway != nil {
		return s.putAway
	}
	return s.Store.Put(ctx, r...)
}

func (s *store) gone() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

func (s *store) take(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

func (s *store) Load(ctx context.Context, k sessions.Key) (sessions.Session, error) {
	if err := s.gone(); err != nil {
		return sessions.Session{}, err
	}
	return s.Store.Load(ctx, k)
}

func (s *store) Commit(ctx context.Context, n sessions.Session, r ...sessions.Record) (sessions.Session, error) {
	if err := s.gone(); err != nil {
		return sessions.Session{}, err
	}
	if s.onCommit != nil {
		s.onCommit()
	}
	return s.Store.Commit(ctx, n, r...)
}

// bench is a whole dialog on a real store and the shipped menus.
type bench struct {
	*Dialog
	t       *testing.T
	menus   fs.FS
	core    *fakeCore
	calls   *calls
	store   *store
	keys    *sessions.Keyring
	records []Record
	notices []sessions.Notice
	mute    bool // no SMS leaves
	mu      sync.Mutex
	clock   time.Time
	seq     uint8
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, os.DirFS("../../menus/catalog"))
}

// newResumingBench is newBench with a wallet that asks whether to go on with a
// dialogue that broke off, which the shipped one does not.
func newResumingBench(t *testing.T) *bench {
	t.Helper()
	shipped := os.DirFS("../../menus/catalog")
	asking := fstest.MapFS{}
	names, err := fs.Glob(shipped, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(shipped, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "wallet.yaml" {
			const restart = "resume: {mode: restart}"
			if !bytes.Contains(text, []byte(restart)) {
				t.Fatal("the shipped wallet has another resume")
			}
			text = bytes.Replace(text, []byte(restart), []byte("resume: {mode: ask, within: 5m}"), 1)
		}
		asking[name] = &fstest.MapFile{Data: text}
	}
	return newBenchOn(t, asking)
}

func newBenchOn(t *testing.T, menus fs.FS) *bench {
	t.Helper()
	b := &bench{t: t, menus: menus, core: &fakeCore{post: done}, calls: &calls{}, clock: time.Now()}
	b.calls.now = b.now
	embedded, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := embedded.Close(); err != nil {
			t.Error(err)
		}
	})
	b.store = &store{Store: embedded}
	if b.keys, err = sessions.NewKeyring([]byte(strings.Repeat("k", 32))); err != nil {
		t.Fatal(err)
	}
	b.restart("first")
	return b
}

// restart makes the dialog anew on the same store, as another process would.
func (b *bench) restart(node string) {
	b.t.Helper()
	log := slog.New(slog.DiscardHandler)
	m, err := OpenMenus(b.t.Context(), MenusConfig{Files: b.menus, Env: menus.DefaultEnv(), Store: b.store.Store, Log: log, Now: b.now, Every: -1})
	if err != nil {
		b.t.Fatal(err)
	}
	l := ledger.New(ledger.Config{Store: b.store.Store, Switch: b.core, Vault: b.keys, Worker: node, Now: b.now,
		Notices: func(ctx context.Context, a sessions.Action) []*sessions.Notice {
			return Notices(ctx, m, b.store.Store, log, a)
		},
		Hand: func(n sessions.Notice) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.notices = append(b.notices, n)
			if b.mute {
				return
			}
			n.State, n.Due = sessions.NoticeSubmitted, time.Time{}
			if err := b.store.Store.Put(context.WithoutCancel(b.t.Context()), &n); err != nil {
				b.t.Error(err)
			}
		}})
	b.Dialog = New(Config{Store: b.store, Menus: m, Ledger: l, Switch: b.core, Calls: b.calls, Vault: b.keys,
		Node: node, Now: b.now, Record: func(r Record) { b.records = append(b.records, r) }})
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock = b.clock.Add(d)
}

func key() sessions.Key { return sessions.Key{Network: "demo", MSISDN: customer, ID: "7"} }

// message is the next message of the one dialogue that the tests lead, two
// seconds after the last.
func (b *bench) message(kind Kind, text string) Message {
	b.advance(2 * time.Second)
	b.seq++
	return Message{Key: key(), Kind: kind, Text: menus.Typed(text), Seq: b.seq, At: b.now()}
}

// say takes a message through its whole turn; ok is whether a screen came.
func (b *bench) say(m Message) (Reply, bool) {
	b.t.Helper()
	return b.Handle(b.t.Context(), m).Reply(b.t.Context())
}

// dial and press expect a screen with the given id.
func (b *bench) dial(screen string) Reply {
	b.t.Helper()
	return b.expect(screen, b.message(Dial, "*150*00#"))
}

func (b *bench) press(text, screen string) Reply {
	b.t.Helper()
	return b.expect(screen, b.message(Answer, text))
}

func (b *bench) expect(screen string, m Message) Reply {
	b.t.Helper()
	r, ok := b.say(m)
	if !ok || r.Screen != screen {
		b.t.Fatalf("screen %q (%v) %q, want %q", r.Screen, ok, r.Text, screen)
	}
	return r
}

// toPIN leads the dialogue to the PIN of a transfer of 5,000.
func (b *bench) toPIN() {
	b.t.Helper()
	b.dial("home")
	b.press("1", "send_to")
	b.press("0700000002", "send_amount")
	r := b.press("5000", "send_pin")
	if !strings.Contains(r.Text, "ASHA JUMA") || !strings.Contains(r.Text, "50") || !r.Secret {
		b.t.Fatalf("before the PIN: %+v", r)
	}
}

// open are the customer's actions that are not final.
func (b *bench) open() []sessions.Action {
	b.t.Helper()
	all, err := b.store.Open(b.t.Context(), customer)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

var errAway = errors.New("connection refused")
