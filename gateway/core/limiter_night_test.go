package core

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fifo is a model of a core: workers, a service time that changes, and a queue in
// which requests stay whose callers have gone. The zero time is that of the first
// request.
type fifo struct {
	mu      sync.Mutex
	free    []time.Time // when each worker is through with what it has
	service func() time.Duration
}

// takes queues a request and returns when its answer comes.
func (f *fifo) takes() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := 0
	for i := range f.free {
		if f.free[i].Before(f.free[first]) {
			first = i
		}
	}
	begins := f.free[first]
	if now := time.Now(); begins.Before(now) {
		begins = now
	}
	f.free[first] = begins.Add(f.service())
	return f.free[first]
}

func TestCoreThatSlowsDownTwentyfoldIsKeptBusyAndBackAtOnce(t *testing.T) {
	const workers, quick, slow = 10, 40 * time.Millisecond, 800 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var brownout bool
		var mu sync.Mutex
		f := &fifo{free: make([]time.Time, workers), service: func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			if brownout {
				return slow
			}
			return quick
		}}
		l := NewLimiter(LimiterConfig{})
		inTime := 0
		var wg sync.WaitGroup
		// ask makes requests at a rate for a while, ten times as many as a core that
		// is slow can answer, each with two seconds to wait.
		ask := func(span time.Duration) int {
			mu.Lock()
			before := inTime
			mu.Unlock()
			for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(8 * time.Millisecond) {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
					defer cancel()
					p, err := l.Acquire(ctx, Class{Lane: LanePayment, Key: Transfer})
					if err != nil {
						return
					}
					p.Start()
					if !waitUntil(ctx, f.takes()) {
						p.Done(TimedOut)
						return
					}
					p.Done(Answered)
					mu.Lock()
					inTime++
					mu.Unlock()
				})
			}
			mu.Lock()
			defer mu.Unlock()
			return inTime - before
		}
		set := func(slow bool) {
			mu.Lock()
			brownout = slow
			mu.Unlock()
		}
		ask(5 * time.Second)
		set(true)
		ask(2 * time.Second) // the core's queue and ours find each other
		if got, could := ask(20*time.Second), 250; got < could*95/100 {
			t.Errorf("%d of %d were answered in time in 20 s of a brownout", got, could)
		}
		set(false)
		ask(time.Second)
		if got, asked := ask(5*time.Second), 625; got < asked*95/100 {
			t.Errorf("%d of %d were answered in 5 s, one second after the repair", got, asked)
		}
		wg.Wait()
		if load := l.Load(); load.InFlight != 0 || load.Waiting != 0 {
			t.Errorf("after %v: %+v", time.Since(begun), load)
		}
	})
}

// waitUntil waits for a time, and says whether ctx lived so long.
func waitUntil(ctx context.Context, at time.Time) bool {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func TestBreakerThatOpensHasTheHeartbeatAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{call: answers(&callError{op: Transfer, kind: ErrCut})}
		var w *Watcher
		g := NewGuard(GuardConfig{Switch: s, Absent: 3, Retry: time.Minute, Gone: func() { w.Soon() }})
		w = NewWatcher(WatcherConfig{Health: g.Health, Interval: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { w.Run(ctx) })
		synctest.Wait() // the first heartbeat was answered
		for range 3 {   // answers are lost: nobody seems to be there
			_, _ = g.Call(t.Context(), Request{Call: Transfer})
		}
		synctest.Wait()
		s.call = answers(nil)
		if _, err := g.Call(t.Context(), Request{Call: Transfer}); err != nil {
			t.Errorf("the heartbeat was answered, and the core is still taken for gone: %v", err)
		}
		cancel()
		wg.Wait()
	})
}

func TestLimitGoesBackWhereRequestsOnlyQueue(t *testing.T) {
	now := time.Date(2018, 12, 8, 18, 0, 0, 0, time.UTC)
	a := newAIMD(60, 2, 256, 1500*time.Millisecond)
	a.base, a.typical = 40*time.Millisecond, 110*time.Millisecond
	for range 200 { // a core of ten workers: what is in flight takes as long as it is more than ten
		n := a.whole()
		took := max(time.Duration(n)*4*time.Millisecond, 40*time.Millisecond)
		if took > 3*a.base {
			took = 3 * a.base // the limit's other end is tested by others
		}
		left := now
		now = now.Add(took)
		for range n {
			a.answered(now, left, n)
		}
	}
	if n := a.whole(); n < 12 || n > 22 {
		t.Errorf("60 became %d, want one and a half times the workers and somewhat more", n)
	}
}
