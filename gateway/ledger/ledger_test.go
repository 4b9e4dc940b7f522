package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/sessions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeSwitch answers as the test says, and counts.
type fakeSwitch struct {
	mu      sync.Mutex
	calls   int
	asks    int
	call    func(ctx context.Context, r core.Request) (core.Outcome, error)
	inquire func(q core.Inquiry) (core.Outcome, error)
}

func (f *fakeSwitch) Prepare(r core.Request) (string, error) { return "wire-" + r.ID, nil }
func (f *fakeSwitch) Horizon() time.Duration                 { return time.Hour }
func (f *fakeSwitch) Health(context.Context) (core.Health, error) {
	return core.Health{State: core.Available}, nil
}

func (f *fakeSwitch) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	f.mu.Lock()
	f.calls++
	f.mu.Unlock()
	return f.call(ctx, r)
}

func (f *fakeSwitch) Inquire(_ context.Context, q core.Inquiry) (core.Outcome, error) {
	f.mu.Lock()
	f.asks++
	f.mu.Unlock()
	return f.inquire(q)
}

// failingStore fails what its test tells it to.
type failingStore struct {
	sessions.Store
	put func(records []sessions.Record) error
}

func (s *failingStore) Put(ctx context.Context, records ...sessions.Record) error {
	if s.put != nil {
		if err := s.put(records); err != nil {
			return err
		}
	}
	return s.Store.Put(ctx, records...)
}

// bench is a ledger on a real store, with a clock that only the test moves. It
// starts at the present, as the deadlines of contexts are real.
type bench struct {
	*Ledger
	t     *testing.T
	store *failingStore
	sw    *fakeSwitch
	keys  *sessions.Keyring
	mu    sync.Mutex
	now   time.Time
	fresh []sessions.Notice
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Now(), sw: &fakeSwitch{}}
	store, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{Now: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b.store = &failingStore{Store: store}
	b.keys, err = sessions.NewKeyring([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	b.Ledger = New(Config{Store: b.store, Switch: b.sw, Vault: b.keys, Worker: "w", Now: b.clock,
		CallbackURL: "http://gateway/callbacks/",
		Notices: func(_ context.Context, a sessions.Action) []*sessions.Notice {
			return []*sessions.Notice{{ID: fmt.Sprintf("%s/customer/%d", a.ID, a.State), Action: a.ID, Owner: a.MSISDN,
				To: a.MSISDN, Role: "customer", Text: "text", State: sessions.NoticePending}}
		},
		Hand: func(n sessions.Notice) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.fresh = append(b.fresh, n)
		}})
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

const customer = "255700000001"

// accept commits an action as the dialog does, with the session it ends.
func (b *bench) accept() sessions.Action {
	b.t.Helper()
	pin, err := b.keys.Seal([]byte("1234"), []byte(customer))
	if err != nil {
		b.t.Fatal(err)
	}
	key := sessions.Key{Network: "demo", MSISDN: customer, ID: fmt.Sprint(b.clock().UnixNano())}
	a, err := b.Accept(Order{Session: key, Call: core.Transfer,
		Args:     []sessions.Arg{{Name: "to", Value: "255700000002"}, {Name: "amount", Value: "5000"}, {Name: "pin", Sealed: pin}},
		Deadline: b.clock().Add(4 * time.Second)})
	if err != nil {
		b.t.Fatal(err)
	}
	s := sessions.Session{Key: key, Menu: "wallet", State: []byte("s"), Action: a.ID, Expires: b.clock().Add(time.Minute)}
	if _, err := b.store.Commit(b.t.Context(), s, a); err != nil {
		b.t.Fatal(err)
	}
	return *a
}

func (b *bench) stored(a sessions.Action) sessions.Action {
	b.t.Helper()
	got, err := b.store.Action(b.t.Context(), a.MSISDN, a.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// due works on everything that is due, as Follow does at a tick.
func (b *bench) due() {
	b.t.Helper()
	var work sync.WaitGroup
	b.claim(b.t.Context(), &work)
	work.Wait()
}

// owed are the notices in the store, whoever was handed them.
func (b *bench) owed() []sessions.Record {
	b.t.Helper()
	all, err := b.store.Claim(b.t.Context(), sessions.QueueNotices, "test", b.clock().Add(time.Hour), time.Minute, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func done(context.Context, core.Request) (core.Outcome, error) {
	return core.Outcome{Status: core.Done, Ref: "R1", Fields: core.Args{{Name: "balance", Value: "1"}}}, nil
}

func lost(context.Context, core.Request) (core.Outcome, error) {
	return core.Outcome{}, errors.New("the answer was lost")
}

func TestM1ActionIsDurableAsSentBeforeItsRequestLeaves(t *testing.T) {
	b := newBench(t)
	a := b.accept()
	b.sw.call = func(_ context.Context, r core.Request) (core.Outcome, error) {
		s := b.stored(a)
		if s.State != sessions.Sent || s.WireKey != r.WireKey || s.SentAt.IsZero() {
			t.Errorf("at the time of the request the store holds state %d, wire key %q", s.State, s.WireKey)
		}
		return done(context.Background(), r)
	}
	if got := b.Run(t.Context(), a); got.State != sessions.Done || b.stored(a).State != sessions.Done {
		t.Errorf("state %d, stored %d", got.State, b.stored(a).State)
	}
}

func TestM1NothingLeavesWhenTheStoreRefusesSent(t *testing.T) {
	b := newBench(t)
	a := b.accept()
	b.store.put = func([]sessions.Record) error { return errors.New("disk full") }
	b.sw.call = done
	if got := b.Run(t.Context(), a); got.State != sessions.Expired {
		t.Errorf("state %d, want EXPIRED", got.State)
	}
	if b.sw.calls != 0 {
		t.Errorf("%d requests left", b.sw.calls)
	}
	// The store comes back: recovery ends the action without money moving.
	b.store.put = nil
	b.advance(time.Minute)
	b.due()
	if got := b.stored(a); got.State != sessions.Expired {
		t.Errorf("stored state %d, want EXPIRED", got.State)
	}
}

func TestM1RecoveryExpiresWhatWasNeverSent(t *testing.T) {
	for name, recoverIt := range map[string]func(b *bench, a sessions.Action){
		"at the start of a sole process": func(b *bench, _ sessions.Action) {
			if err := b.Recover(b.t.Context()); err != nil {
				b.t.Fatal(err)
			}
		},
		"by another process when it is due": func(b *bench, _ sessions.Action) {
			b.due()
			b.advance(7 * time.Second)
			b.due()
		},
		"by the customer's next key": func(b *bench, a sessions.Action) { b.Resolve(b.t.Context(), a) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.accept()
			recoverIt(b, a)
			got := b.stored(a)
			if got.State != sessions.Expired || b.sw.calls+b.sw.asks != 0 {
				t.Errorf("state %d, %d calls, %d inquiries", got.State, b.sw.calls, b.sw.asks)
			}
			for _, arg := range got.Args {
				if arg.Sealed != nil {
					t.Error("a secret is still stored")
				}
			}
			if len(b.owed()) != 1 {
				t.Error("the customer is not told")
			}
			// Whoever still holds the action finds that it is over.
			if got := b.Run(t.Context(), a); got.State != sessions.Expired || b.sw.calls != 0 {
				t.Errorf("a late Run: state %d, %d calls", got.State, b.sw.calls)
			}
		})
	}
}

func TestM1RecoveryInquiresAboutWhatWasSent(t *testing.T) {
	b := newBench(t)
	a := b.accept()
	sent := a
	sent.State, sent.WireKey, sent.SentAt = sessions.Sent, "w", b.clock()
	if err := b.store.Put(t.Context(), &sent); err != nil { // and then the process died
		t.Fatal(err)
	}
	if err := b.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.stored(a); got.State != sessions.Unknown {
		t.Fatalf("state %d, want UNKNOWN", got.State)
	}
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return done(t.Context(), core.Request{}) }
	b.advance(3 * time.Second)
	b.due()
	if got := b.stored(a); got.State != sessions.Done || b.sw.calls != 0 {
		t.Errorf("state %d after inquiry, %d posts", got.State, b.sw.calls)
	}
}

func TestM3OnlyProofEndsAnAction(t *testing.T) {
	refused := func(reason string) func(context.Context, core.Request) (core.Outcome, error) {
		return func(context.Context, core.Request) (core.Outcome, error) {
			return core.Outcome{Status: core.Rejected, Reason: reason}, nil
		}
	}
	for _, tc := range []struct {
		name   string
		call   func(context.Context, core.Request) (core.Outcome, error)
		want   sessions.ActionState
		reason string
	}{
		{"the core confirms", done, sessions.Done, ""},
		{"the core refuses", refused(core.InsufficientFunds), sessions.Rejected, core.InsufficientFunds},
		{"nothing was sent", func(context.Context, core.Request) (core.Outcome, error) {
			return core.Outcome{}, fmt.Errorf("dial: %w", core.ErrNotSent)
		}, sessions.Rejected, core.NotSent},
		{"the answer is lost", lost, sessions.Unknown, ""},
		{"the core has not decided", func(context.Context, core.Request) (core.Outcome, error) {
			return core.Outcome{Status: core.Pending, WireKey: "minted"}, nil
		}, sessions.Unknown, ""},
		{"the deadline passes", func(ctx context.Context, _ core.Request) (core.Outcome, error) {
			return core.Outcome{}, context.DeadlineExceeded
		}, sessions.Unknown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.sw.call = tc.call
			a := b.accept()
			got := b.Run(t.Context(), a)
			if got.State != tc.want || got.Reason != tc.reason {
				t.Errorf("state %d reason %q, want %d %q", got.State, got.Reason, tc.want, tc.reason)
			}
			if s := b.stored(a); s.State != tc.want {
				t.Errorf("stored state %d", s.State)
			}
			if n := len(b.owed()); n == 1 != tc.want.Final() {
				t.Errorf("%d notices for state %d", n, tc.want)
			}
		})
	}
}

func TestM5OneNoticeForOneOutcomeHoweverManyHearOfIt(t *testing.T) {
	b := newBench(t)
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Done, Ref: "R"}, nil }
	b.sw.call = func(ctx context.Context, r core.Request) (core.Outcome, error) {
		// Callbacks overtake the answer.
		token := strings.TrimPrefix(r.Callback, "http://gateway/callbacks/")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := b.Nudge(ctx, token); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return core.Outcome{Status: core.Done, Ref: "R"}, nil
	}
	a := b.Run(t.Context(), b.accept())
	if a.State != sessions.Done || len(b.fresh) != 1 || len(b.owed()) != 1 {
		t.Errorf("state %d, %d handed on, %d stored", a.State, len(b.fresh), len(b.owed()))
	}
}

func TestM6SecretIsErasedByTheCommitThatMakesItSent(t *testing.T) {
	b := newBench(t)
	var pin core.Secret
	a := b.accept()
	b.sw.call = func(_ context.Context, r core.Request) (core.Outcome, error) {
		if string(r.PIN.Reveal()) != "1234" {
			t.Error("the core request has no PIN")
		}
		pin = r.PIN
		if s := b.stored(a); len(s.Args) != 2 {
			t.Errorf("stored with the request under way: %d args", len(s.Args))
		}
		return lost(context.Background(), r)
	}
	b.Run(t.Context(), a)
	if string(pin.Reveal()) == "1234" {
		t.Error("the opened PIN stays in memory")
	}
}

func TestLateEvidenceDoesNotChangeAFinalState(t *testing.T) {
	b := newBench(t)
	b.sw.call = func(context.Context, core.Request) (core.Outcome, error) {
		return core.Outcome{Status: core.Rejected, Reason: core.WrongPIN}, nil
	}
	a := b.Run(t.Context(), b.accept())
	got := b.settle(t.Context(), a, core.Outcome{Status: core.Done}, true)
	if got.State != sessions.Rejected || b.stored(a).State != sessions.Rejected || len(b.owed()) != 1 {
		t.Errorf("state %d", got.State)
	}
}

func TestStoreFailureAfterTheAnswerIsHealedByInquiry(t *testing.T) {
	b := newBench(t)
	a := b.accept()
	b.sw.call = func(ctx context.Context, r core.Request) (core.Outcome, error) {
		b.store.put = func([]sessions.Record) error { return errors.New("connection lost") }
		return done(ctx, r)
	}
	if got := b.Run(t.Context(), a); got.State != sessions.Done {
		t.Errorf("the customer is told state %d: the core confirmed", got.State)
	}
	b.store.put = nil
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Done, Ref: "R1"}, nil }
	b.advance(10 * time.Second)
	b.due()
	if got := b.stored(a); got.State != sessions.Done || len(b.owed()) != 1 {
		t.Errorf("stored state %d", got.State)
	}
}

func TestCallbackIsAHintAndNeverEvidence(t *testing.T) {
	b := newBench(t)
	b.sw.call = func(_ context.Context, r core.Request) (core.Outcome, error) {
		t.Logf("callback %d octets", len(r.Callback))
		return core.Outcome{Status: core.Pending}, nil
	}
	a := b.Run(t.Context(), b.accept())
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Pending}, nil }
	token, err := b.keys.SealToken(a.MSISDN, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := b.keys.SealToken("255700000009", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /callbacks/{token}", b.Callback)
	for _, tc := range []struct {
		name, token string
		status      int
	}{
		{"ours", token, http.StatusNoContent},
		{"forged", token[:len(token)-4] + "AAAA", http.StatusNotFound},
		{"of nobody", elsewhere, http.StatusNotFound},
		{"no token at all", "x", http.StatusNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			body := strings.NewReader(`{"transactionStatus":"completed"}`)
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/callbacks/"+tc.token, body))
			if w.Code != tc.status {
				t.Errorf("status %d, want %d", w.Code, tc.status)
			}
			if got := b.stored(a); got.State != sessions.Unknown {
				t.Errorf("state %d: a callback's word was taken", got.State)
			}
		})
	}
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Done}, nil }
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/callbacks/"+token, strings.NewReader("")))
	if got := b.stored(a); got.State != sessions.Done {
		t.Errorf("state %d after a confirmed callback", got.State)
	}
}

func TestReferenceIsTheCoresOnceItIsKnown(t *testing.T) {
	b := newBench(t)
	a := b.accept()
	short := Reference(a)
	if len(short) != 8 || strings.ContainsAny(short, "ILOU") {
		t.Errorf("short reference %q", short)
	}
	a.Ref = "QK1"
	if Reference(a) != "QK1" {
		t.Error("the core's reference is not used")
	}
	a.State, a.EndedAt = sessions.Done, a.Deadline.Add(-time.Second)
	if got := Quoted(a); got != "QK1" {
		t.Errorf("%q, where the screen had the core's reference", got)
	}
	for name, late := range map[string]func(*sessions.Action){
		"found by inquiry":   func(a *sessions.Action) { a.Inquiry = 1 },
		"after the deadline": func(a *sessions.Action) { a.EndedAt = a.Deadline.Add(time.Second) },
	} {
		l := a
		late(&l)
		if got := Quoted(l); got != "QK1/"+short {
			t.Errorf("%s: %q, where the screen had told %s", name, got, short)
		}
	}
	a.Ref, a.Inquiry = "", 1
	if got := Quoted(a); got != short {
		t.Errorf("%q without a reference of the core's", got)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Follow(ctx)
	}()
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Follow goes on")
	}
}
