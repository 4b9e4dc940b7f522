package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

// queueStore is as much of a store as inquiries need: actions, by when they are
// due. It counts claims and leases.
type queueStore struct {
	sessions.Store
	mu      sync.Mutex
	actions map[string]sessions.Action
	queue   []dueAt
	leased  map[string]bool
	most    int    // leases at once
	claims  int    // calls of Claim
	claimed func() // after a claim that found something
}

type dueAt struct {
	at time.Time
	id string
}

func (d dueAt) compare(o dueAt) int { return cmp.Or(d.at.Compare(o.at), cmp.Compare(d.id, o.id)) }

// move puts an action where it is due. It is called with mu held.
func (s *queueStore) move(a sessions.Action) {
	if old, ok := s.actions[a.ID]; ok && !old.Due.IsZero() {
		i, _ := slices.BinarySearchFunc(s.queue, dueAt{old.Due, a.ID}, dueAt.compare)
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	if !a.Due.IsZero() {
		i, _ := slices.BinarySearchFunc(s.queue, dueAt{a.Due, a.ID}, dueAt.compare)
		s.queue = slices.Insert(s.queue, i, dueAt{a.Due, a.ID})
	}
	s.actions[a.ID] = a
}

func (s *queueStore) Put(_ context.Context, records ...sessions.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		a, ok := r.(*sessions.Action)
		if !ok {
			continue
		}
		if s.actions[a.ID].Version != a.Version {
			return sessions.ErrConflict
		}
		a.Version++
		delete(s.leased, a.ID)
		s.move(*a)
	}
	return nil
}

func (s *queueStore) Action(_ context.Context, _, id string) (sessions.Action, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.actions[id]
	if !ok {
		return a, sessions.ErrNotFound
	}
	return a, nil
}

func (s *queueStore) Claim(_ context.Context, _, _ string, now time.Time, lease time.Duration, n int) ([]sessions.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims++
	var due []sessions.Record
	for len(due) < n && len(s.queue) > 0 && !s.queue[0].at.After(now) {
		a := s.actions[s.queue[0].id]
		a.Due = now.Add(lease)
		s.move(a)
		s.leased[a.ID] = true
		due = append(due, &a)
	}
	s.most = max(s.most, len(s.leased))
	if len(due) > 0 && s.claimed != nil {
		s.claimed()
	}
	return due, nil
}

// plainVault makes tokens that hide nothing.
type plainVault struct{ Vault }

func (plainVault) OpenToken(token string) ([]string, error) { return strings.Split(token, "/"), nil }

// night is a ledger after an outage: actions that are all due. Time in it is that
// of a synctest bubble.
type night struct {
	*Ledger
	t     *testing.T
	store *queueStore

	mu      sync.Mutex
	asked   map[string]int
	when    map[string][]time.Time // of inquiries, by call
	inquire func(ctx context.Context, q core.Inquiry) (core.Outcome, error)
}

func (n *night) Prepare(r core.Request) (string, error) { return r.ID, nil }
func (n *night) Horizon() time.Duration                 { return time.Hour }
func (n *night) Health(context.Context) (core.Health, error) {
	return core.Health{State: core.Available}, nil
}
func (n *night) Call(context.Context, core.Request) (core.Outcome, error) {
	n.t.Error("a request was posted")
	return core.Outcome{}, nil
}

func (n *night) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return core.Outcome{}, err // the stop came at this instant, and no connector asks then
	}
	n.mu.Lock()
	n.asked[q.ID]++
	n.when[q.Call] = append(n.when[q.Call], time.Now())
	n.mu.Unlock()
	if n.inquire != nil {
		return n.inquire(ctx, q)
	}
	time.Sleep(20 * time.Millisecond) // of the bubble
	return core.Outcome{Status: core.Done, Ref: "R"}, nil
}

func newNight(t *testing.T, cfg Config) *night {
	n := &night{t: t, asked: map[string]int{}, when: map[string][]time.Time{},
		store: &queueStore{actions: map[string]sessions.Action{}, leased: map[string]bool{}}}
	cfg.Store, cfg.Switch, cfg.Vault, cfg.Worker = n.store, n, plainVault{}, "night"
	cfg.Notices = func(context.Context, sessions.Action) []*sessions.Notice { return nil }
	n.Ledger = New(cfg)
	return n
}

// owe adds so many UNKNOWN actions of a call that are due.
func (n *night) owe(call string, count int) (ids []string) {
	for i := range count {
		a := sessions.Action{ID: fmt.Sprintf("%s-%05d", call, i), MSISDN: customer, State: sessions.Unknown, Call: call,
			Created: time.Now(), SentAt: time.Now().Add(-time.Minute), Due: time.Now().Add(-time.Second)}
		if err := n.store.Put(n.t.Context(), &a); err != nil {
			n.t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	return ids
}

// following runs Follow for so long, and what else is to happen meanwhile.
func (n *night) following(d time.Duration, meanwhile ...func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(n.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { n.Follow(ctx) })
	for _, f := range meanwhile {
		wg.Go(func() { f(ctx) })
	}
	time.Sleep(d)
	cancel()
	wg.Wait()
}

// within fails unless inquiries kept to a rate: in any time, no more than it
// allows and a second's worth.
func (n *night) within(rate float64, calls ...string) {
	n.t.Helper()
	var all []time.Time
	for _, c := range calls {
		all = append(all, n.when[c]...)
	}
	slices.SortFunc(all, time.Time.Compare)
	from := 0
	for to := range all {
		for all[to].Sub(all[from]) > 2*time.Second {
			from++
		}
		if count, most := to-from+1, int(3*rate)+1; count > most {
			n.t.Fatalf("%d inquiries in 2 s at %v a second", count, rate)
		}
	}
	if d := all[len(all)-1].Sub(all[0]); float64(len(all)) > rate*d.Seconds()+rate+1 {
		n.t.Errorf("%d inquiries in %v at %v a second", len(all), d, rate)
	}
}

// done counts the actions of a call that are done.
func (n *night) done(call string) (count int) {
	for _, a := range n.store.actions {
		if a.Call == call && a.State == sessions.Done {
			count++
		}
	}
	return count
}

func TestABacklogIsAskedAboutNoFasterThanTheRateAndAllOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const actions, rate = 5000, 50
		n := newNight(t, Config{InquireRate: rate})
		n.owe("transfer", actions)
		n.following(actions / rate * time.Second * 105 / 100)
		if got := n.done("transfer"); got != actions {
			t.Errorf("%d of %d are settled", got, actions)
		}
		for id, times := range n.asked {
			if times != 1 {
				t.Fatalf("%s was asked about %d times", id, times)
			}
		}
		n.within(rate, "transfer")
		if n.store.most > n.Parallel {
			t.Errorf("%d leases at once", n.store.most)
		}
		// A poll claims, and once more if there is room: it does not spin.
		if most := 2*int(105*time.Second/pollEvery) + 10; n.store.claims > most {
			t.Errorf("%d claims, want no more than %d", n.store.claims, most)
		}
	})
}

func TestWithoutARateABacklogGoesAsFastAsTheCoreAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNight(t, Config{})
		n.owe("transfer", 5000)
		n.following(8 * time.Second) // 16 at once, 20 ms each: 6.25 s
		if got := n.done("transfer"); got != 5000 {
			t.Errorf("%d of 5000 are settled", got)
		}
	})
}

func TestACoresOwnRateHoldsUpNoOtherCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNight(t, Config{InquireRate: 50, Pace: func(call string) core.Pace {
			if call == "merchantpay" {
				return core.Pace{}
			}
			return core.Pace{Rate: 5, Budget: "status"}
		}})
		n.owe("transfer", 300) // in front of the others
		n.owe("reversal", 300)
		n.owe("merchantpay", 600)
		n.following(16 * time.Second)
		if got := n.done("merchantpay"); got != 600 {
			t.Errorf("%d of 600 that the rate does not concern are settled", got)
		}
		n.following(2 * time.Minute)
		if got := n.done("transfer") + n.done("reversal"); got != 600 {
			t.Errorf("%d of 600 are settled", got)
		}
		n.within(5, "transfer", "reversal")
		n.within(50, "transfer", "reversal", "merchantpay")
	})
}

func TestCallbacksGoBeforeABacklogAndDoNotStarveIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 20
		n := newNight(t, Config{InquireRate: rate})
		n.owe("transfer", 3000)
		news := n.owe("push", 1) // its turn is far behind all others
		for _, id := range news {
			a := n.store.actions[id]
			a.Due = time.Now().Add(time.Hour)
			n.store.move(a)
		}
		n.following(10*time.Second, func(ctx context.Context) {
			time.Sleep(5 * time.Second)
			began := time.Now()
			if err := n.Nudge(ctx, customer+"/"+news[0]); err != nil || time.Since(began) > time.Second {
				t.Errorf("a callback's inquiry took %v behind a backlog: %v", time.Since(began), err)
			}
		})
		if n.done("push") != 1 {
			t.Error("it is not settled")
		}

		// A flood of callbacks, five times the rate, for a minute.
		flood := n.owe("flood", 6000)
		for _, id := range flood {
			a := n.store.actions[id]
			a.Due = time.Now().Add(time.Hour)
			n.store.move(a)
		}
		before := n.done("transfer")
		n.following(time.Minute, func(ctx context.Context) {
			var wg sync.WaitGroup
			defer wg.Wait()
			for _, id := range flood {
				wg.Go(func() {
					began := time.Now()
					_ = n.Nudge(ctx, customer+"/"+id)
					if d := time.Since(began); d > askWithin+time.Second {
						t.Errorf("a callback waited %v", d)
					}
				})
				time.Sleep(10 * time.Millisecond)
			}
		})
		if got := n.done("transfer") - before; got < rate*60/5 {
			t.Errorf("%d of the backlog in a minute of callbacks, want a fifth of the rate at least", got)
		}
		if got := n.done("flood"); got < rate*60*2/3 {
			t.Errorf("%d callbacks followed in a minute, want most of the rate", got)
		}
		n.within(rate, "transfer", "push", "flood")
	})
}

func TestCallbackBeyondTheRateIsToComeAgainAndItsActionKeepsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNight(t, Config{InquireRate: 1})
		n.inquire = func(context.Context, core.Inquiry) (core.Outcome, error) {
			return core.Outcome{Status: core.Pending}, nil
		}
		ids := n.owe("transfer", 5)
		mux := http.NewServeMux()
		mux.HandleFunc("PUT /callbacks/{token...}", n.Callback)
		codes := map[int]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/callbacks/"+customer+"/"+id, strings.NewReader("")))
				mu.Lock()
				defer mu.Unlock()
				codes[w.Code]++
			})
		}
		wg.Wait()
		if codes[http.StatusNoContent] != 2 || codes[http.StatusServiceUnavailable] != 3 {
			t.Errorf("answers %v", codes)
		}
		due := 0
		for _, a := range n.store.actions {
			if a.State == sessions.Unknown && !a.Due.After(time.Now()) {
				due++
			}
		}
		if due != 3 {
			t.Errorf("%d of the 3 that were not asked about are due", due)
		}
	})
}

func TestWhoStopsWaitingLeavesTheirPlaceToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNight(t, Config{InquireRate: 1})
		ids := n.owe("transfer", 3)
		if err := n.Nudge(t.Context(), customer+"/"+ids[0]); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := n.Nudge(ctx, customer+"/"+ids[1]); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("it did not have to wait: %v", err)
		}
		if err := n.Nudge(t.Context(), customer+"/"+ids[2]); err != nil {
			t.Errorf("behind one who left: %v", err)
		}
		if got := n.done("transfer"); got != 2 {
			t.Errorf("%d are settled", got)
		}
	})
}

func TestAPollThatFindsNothingUsesNothingOfTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNight(t, Config{InquireRate: 10})
		n.following(10*time.Second+300*time.Millisecond, func(context.Context) {
			time.Sleep(10*time.Second + 100*time.Millisecond) // between two polls
			n.owe("transfer", 5)                              // half a second's worth
		})
		if got := n.done("transfer"); got != 5 {
			t.Errorf("%d of 5 are settled at the first poll", got)
		}
	})
}

func TestWhatTheConnectorKnowsCostsNothingOfTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNight(t, Config{InquireRate: 1, Known: func(core.Inquiry) bool { return true }})
		began := time.Now()
		for _, id := range n.owe("transfer", 100) {
			if err := n.Nudge(t.Context(), customer+"/"+id); err != nil {
				t.Fatal(err)
			}
		}
		if got := n.done("transfer"); got != 100 || time.Since(began) != 100*20*time.Millisecond {
			t.Errorf("%d of 100 are settled after %v", got, time.Since(began))
		}
	})
}

func TestNothingIsLostWhenInquiriesStop(t *testing.T) {
	for name, stop := range map[string]func(n *night, cancel func()){
		"while the core is asked": func(n *night, cancel func()) {
			n.inquire = func(ctx context.Context, _ core.Inquiry) (core.Outcome, error) {
				cancel()
				<-ctx.Done()
				return core.Outcome{}, ctx.Err()
			}
		},
		"between the claim and the asking": func(n *night, cancel func()) { n.store.claimed = cancel },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNight(t, Config{InquireRate: 50})
				n.owe("transfer", 200)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stop(n, cancel)
				n.Follow(ctx)
				if len(n.store.leased) != 0 {
					t.Errorf("%d leases are kept", len(n.store.leased))
				}
				n.inquire, n.store.claimed = nil, nil
				n.following(5 * time.Second) // another process, at once
				if got := n.done("transfer"); got != 200 {
					t.Errorf("%d of 200 are settled", got)
				}
			})
		})
	}
}
