package core

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var classes = []Class{
	inquiries,
	{Lane: LanePayment, Key: Transfer},
	{Lane: LanePayment, Key: "billpay/LUKU", Share: 0.5, Party: true},
	{Lane: LaneRead, Key: Balance},
	{Lane: LaneHistory, Key: Statement},
}

// clocked is a Limiter whose time the test moves.
func clocked(cfg LimiterConfig) (*Limiter, *time.Time) {
	now := time.Date(2018, 12, 8, 18, 0, 0, 0, time.UTC)
	cfg.Now = func() time.Time { return now }
	return NewLimiter(cfg), &now
}

func TestLimiterHoldsItsLimitsWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := clocked(LimiterConfig{
			Initial: rapid.IntRange(1, 20).Draw(t, "initial"), Floor: rapid.IntRange(1, 3).Draw(t, "floor"),
			Max: rapid.IntRange(1, 30).Draw(t, "max"), Queue: rapid.IntRange(1, 10).Draw(t, "queue"),
		})
		var waiting []*waiter
		var held []*Permit
		collect := func() {
			waiting = slices.DeleteFunc(waiting, func(w *waiter) bool {
				if w.place != nil {
					held = append(held, w.place)
				}
				return w.place != nil
			})
		}
		t.Repeat(map[string]func(*rapid.T){
			"enter": func(t *rapid.T) {
				c := rapid.SampledFrom(classes).Draw(t, "class")
				before, limit := l.inFlight, l.core.whole()
				deadline := now.Add(time.Duration(rapid.IntRange(-100, 4000).Draw(t, "left")) * time.Millisecond)
				w, wait, err := l.enter(c, deadline)
				switch {
				case err != nil:
					if !errors.Is(err, ErrOverload) || !errors.Is(err, ErrNotSent) {
						t.Fatalf("refused with %v", err)
					}
				case w.place != nil:
					if before >= limit {
						t.Fatalf("a place with %d of %d in flight", before, limit)
					}
					held = append(held, w.place)
				default:
					if wait <= 0 || wait > l.cfg.Wait || deadline.Before(now.Add(wait)) {
						t.Fatalf("waits %v, deadline in %v", wait, deadline.Sub(*now))
					}
					waiting = append(waiting, w)
				}
			},
			"start": func(t *rapid.T) {
				if len(held) > 0 {
					held[rapid.IntRange(0, len(held)-1).Draw(t, "which")].Start()
				}
			},
			"end": func(t *rapid.T) {
				if len(held) == 0 {
					return
				}
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				p := held[i]
				held = slices.Delete(held, i, i+1)
				p.Done(Verdict(rapid.IntRange(0, 2).Draw(t, "verdict")))
				p.Done(Answered) // once is all that counts
				collect()
			},
			"leave": func(t *rapid.T) {
				if len(waiting) == 0 {
					return
				}
				i := rapid.IntRange(0, len(waiting)-1).Draw(t, "which")
				w := waiting[i]
				if p := l.leave(w); p != nil {
					t.Fatal("a waiter had a place and nobody knew")
				}
				waiting = slices.Delete(waiting, i, i+1)
			},
			"time": func(t *rapid.T) {
				*now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
			},
			"": func(t *rapid.T) {
				if l.inFlight != len(held) || l.waiting != len(waiting) {
					t.Fatalf("%d in flight and %d waiting, not %d and %d", l.inFlight, l.waiting, len(held), len(waiting))
				}
				if n := l.core.whole(); n < min(l.cfg.Floor, l.cfg.Max) || n > l.cfg.Max {
					t.Fatalf("limit %d", n)
				}
				if l.inFlight > l.cfg.Max || l.waiting > l.cfg.Queue {
					t.Fatalf("%d in flight, %d waiting", l.inFlight, l.waiting)
				}
				for _, w := range waiting {
					if l.room(w.class) && w.deadline.Sub(*now) >= l.takes(*now) {
						t.Fatalf("%s waits although there is room", w.class.Key)
					}
				}
			},
		})
		for len(held) > 0 {
			held[0].Done(Answered)
			held = held[1:]
			collect()
		}
		// Who would have an answer too late is not served, and leaves in his time.
		for _, w := range waiting {
			if w.deadline.Sub(*now) >= l.takes(*now) {
				t.Fatalf("%s waits at an idle core", w.class.Key)
			}
			l.leave(w)
		}
		for _, s := range l.classes {
			if s.inFlight != 0 || len(s.out) != 0 {
				t.Fatalf("%s keeps %d places", s.Key, s.inFlight)
			}
		}
		if l.inFlight != 0 || l.waiting != 0 || len(l.out) != 0 {
			t.Fatalf("%d places were kept, %d still wait, %d are out", l.inFlight, l.waiting, len(l.out))
		}
	})
}

func TestFreePlacesGoToTheFirstLaneFirst(t *testing.T) {
	l, now := clocked(LimiterConfig{Initial: 4, Floor: 4, Max: 4})
	deadline := now.Add(time.Minute)
	var held []*Permit
	for range 4 {
		w, _, err := l.enter(classes[1], deadline)
		if err != nil || w.place == nil {
			t.Fatal("no place in an idle core")
		}
		w.place.Start()
		held = append(held, w.place)
	}
	var order []string
	var waiting []*waiter
	for _, i := range []int{4, 3, 1, 0} { // history came first, the inquiry last
		w, _, err := l.enter(classes[i], deadline)
		if err != nil || w.place != nil {
			t.Fatalf("%s: %v", classes[i].Key, err)
		}
		waiting = append(waiting, w)
	}
	for _, p := range held {
		p.Done(Answered)
		for _, w := range waiting {
			if w.place != nil && !slices.Contains(order, w.class.Key) {
				order = append(order, w.class.Key)
			}
		}
	}
	if want := []string{"inquiry", Transfer, Balance, Statement}; !slices.Equal(order, want) {
		t.Errorf("places went to %v, want %v", order, want)
	}
}

func TestLimitIsCutOncePerRoundTrip(t *testing.T) {
	start := time.Date(2018, 12, 8, 18, 0, 0, 0, time.UTC)
	a := newAIMD(100, 2, 200, time.Second)
	a.turned, a.recent = start.Add(time.Second), 1000 // much is answered all the same
	for i := range 50 {                               // all left before the first cut
		a.cut(start.Add(time.Second+time.Duration(i)*time.Millisecond), start)
	}
	if a.whole() != 70 {
		t.Errorf("fifty timeouts of one round trip took 100 to %d, want 70", a.whole())
	}
	a.turned, a.recent = start.Add(3*time.Second), 1000
	a.cut(start.Add(3*time.Second), start.Add(2*time.Second))
	if a.whole() != 49 {
		t.Errorf("the next round trip took it to %d, want 49", a.whole())
	}
	for range 100 {
		last := a.cutAt
		a.cut(last.Add(time.Second), last)
	}
	if a.whole() != 2 {
		t.Errorf("the floor is %d", a.whole())
	}
}

func TestLimitFallsAtOnceToWhatIsAnswered(t *testing.T) {
	now := time.Date(2018, 12, 8, 18, 0, 0, 0, time.UTC)
	a := newAIMD(100, 2, 200, time.Second)
	left := now
	for range 20 { // 15 answers in the last second
		now = now.Add(time.Second / 15)
		a.answered(now, now.Add(-500*time.Millisecond), 1)
	}
	a.cut(now, left)
	if n := a.whole(); n < 10 || n > 20 {
		t.Errorf("100 became %d with 15 answers in a ceiling's time", n)
	}
	a.cut(now.Add(3*time.Second), now.Add(time.Second))
	if a.whole() != 2 {
		t.Errorf("nothing is answered, and the limit is %d", a.whole())
	}
}

func TestCutLimitGrowsBackWhenTheCoreIsQuickAgain(t *testing.T) {
	now := time.Date(2018, 12, 8, 18, 0, 0, 0, time.UTC)
	a := newAIMD(2, 2, 256, time.Second)
	a.cutAt, a.base = now, 20*time.Millisecond
	trips := 0
	for ; a.whole() < 64; trips++ {
		left := now
		now = now.Add(20 * time.Millisecond)
		for n := range a.whole() {
			a.answered(now, left, n+1)
		}
		if trips > 1000 {
			t.Fatalf("still %d after %d round trips", a.whole(), trips)
		}
	}
	if trips > 40 { // 0.8 s
		t.Errorf("%d round trips to 64 in flight", trips)
	}
}

func TestLimitGrowsSlowlyWhileTheCoreQueues(t *testing.T) {
	now := time.Date(2018, 12, 8, 18, 0, 0, 0, time.UTC)
	a := newAIMD(16, 2, 256, 2*time.Second)
	a.base = 20 * time.Millisecond
	for range 100 { // 10 s of a core that is saturated
		left := now
		now = now.Add(100 * time.Millisecond)
		for n := a.whole(); n > 0; n-- {
			a.answered(now, left, a.whole())
		}
	}
	if n := a.whole(); n < 16 || n > 40 {
		t.Errorf("16 became %d", n)
	}
}

// runCore plays requests of some classes against a model of a core on one clock:
// each takes what service says, and times out after 4 s. It returns how many were
// answered by class.
func runCore(t *testing.T, l *Limiter, span time.Duration, every map[int]time.Duration, service func(Class) time.Duration) map[string]int {
	t.Helper()
	var mu sync.Mutex
	answered := map[string]int{}
	var wg sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	for i, pause := range every {
		c := classes[i]
		wg.Go(func() {
			for ctx.Err() == nil {
				wg.Go(func() {
					rctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
					defer cancel()
					p, err := l.Acquire(rctx, c)
					if err != nil {
						return
					}
					p.Start()
					took := service(c)
					time.Sleep(min(took, 4*time.Second))
					if took >= 4*time.Second {
						p.Done(TimedOut)
						return
					}
					p.Done(Answered)
					mu.Lock()
					answered[c.Key]++
					mu.Unlock()
				})
				time.Sleep(pause)
			}
		})
	}
	wg.Wait()
	return answered
}

func TestOneSickBillerDoesNotStopTransfers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(LimiterConfig{})
		got := runCore(t, l, 30*time.Second, map[int]time.Duration{1: 10 * time.Millisecond, 2: 10 * time.Millisecond},
			func(c Class) time.Duration {
				if c.Party {
					return 10 * time.Second
				}
				return 20 * time.Millisecond
			})
		if got[Transfer] < 2950 { // of 3,000
			t.Errorf("%d of 3000 transfers were answered beside a biller that hangs", got[Transfer])
		}
	})
}

func TestFullRateComesBackAfterAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(LimiterConfig{Max: 64})
		begin := time.Now()
		hang := func(Class) time.Duration {
			if s := time.Since(begin); s > 5*time.Second && s < 15*time.Second {
				return 4 * time.Second
			}
			return 20 * time.Millisecond
		}
		every := map[int]time.Duration{1: 5 * time.Millisecond}
		runCore(t, l, 15*time.Second, every, hang)
		if lost := l.Load(); lost.Limit > 6 {
			t.Errorf("after ten seconds without answers the limit is %d", lost.Limit)
		}
		got := runCore(t, l, 10*time.Second, every, hang)
		if got[Transfer] < 1900 { // of 2,000
			t.Errorf("%d of 2000 were answered after the repair", got[Transfer])
		}
	})
}

func TestAcquireEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(LimiterConfig{Initial: 1, Floor: 1, Max: 1, Wait: time.Hour})
		p, err := l.Acquire(t.Context(), classes[1])
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Acquire(ctx, classes[1]); !errors.Is(err, ErrNotSent) {
			t.Errorf("error %v", err)
		}
		p.Release()
		if load := l.Load(); load.InFlight != 0 || load.Waiting != 0 {
			t.Errorf("left behind: %+v", load)
		}
	})
}

func TestManyBillersAreBoundedInMemory(t *testing.T) {
	l, now := clocked(LimiterConfig{})
	for i := range 3 * classesMost {
		c := Class{Lane: LanePayment, Key: BillPay + "/" + string(rune('a'+i)), Share: 0.5, Party: true}
		w, _, err := l.enter(c, now.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		w.place.Release()
	}
	if n := len(l.classes); n > classesMost+int(laneCount) {
		t.Errorf("%d classes are kept", n)
	}
}
