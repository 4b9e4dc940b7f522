package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// beats plays a core: each heartbeat gets the next answer, then the last.
type beats struct {
	mu      sync.Mutex
	answers []beat
	asked   []time.Time
}

type beat struct {
	h   Health
	err error
}

func (b *beats) Health(ctx context.Context) (Health, error) {
	b.mu.Lock()
	n := len(b.asked)
	b.asked = append(b.asked, time.Now())
	a := b.answers[min(n, len(b.answers)-1)]
	b.mu.Unlock()
	if errors.Is(a.err, context.DeadlineExceeded) {
		<-ctx.Done()
	}
	return a.h, a.err
}

var (
	good    = beat{h: Health{State: Available}}
	nobody  = beat{err: fmt.Errorf("heartbeat: %w", ErrNotSent)}
	hungUp  = beat{err: fmt.Errorf("heartbeat: %w", ErrCut)}
	late    = beat{err: context.DeadlineExceeded}
	trouble = beat{err: errors.New("status 500")}
)

func TestWatcher(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []beat
		want    bool
		state   HealthState
	}{
		{"good", []beat{good}, false, Available},
		{"degraded is not down", []beat{{h: Health{State: Degraded}}}, false, Degraded},
		{"it says so itself", []beat{good, {h: Health{State: Unavailable}}}, true, Unavailable},
		{"it said so, and is gone", []beat{{h: Health{State: Unavailable}}, nobody}, true, Unavailable},
		{"nobody, three times", []beat{good, nobody}, true, Available},
		{"hangs up, three times", []beat{good, hungUp}, true, Available},
		{"nobody, from the beginning", []beat{nobody}, true, HealthUnknown},
		{"nobody, twice", []beat{nobody, nobody, good}, false, Available},
		{"nobody, but never three times in a row", []beat{nobody, nobody, trouble, nobody, nobody, late}, false, HealthUnknown},
		{"late is not down", []beat{good, late}, false, Available},
		{"in trouble is not down", []beat{trouble}, false, HealthUnknown},
		{"recovered with the first good one", []beat{nobody, nobody, nobody, nobody, good}, false, Available},
		{"available again", []beat{{h: Health{State: Unavailable}}, good}, false, Available},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &beats{answers: tc.answers}
				w := NewWatcher(WatcherConfig{Health: b.Health, Interval: 10 * time.Second, Timeout: time.Second})
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() { w.Run(ctx) })
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if _, down := w.Down(Transfer); down != tc.want || w.State().State != tc.state {
					t.Errorf("down %v, %v; want %v, %v", down, w.State().State, tc.want, tc.state)
				}
				cancel()
				wg.Wait()
			})
		})
	}
}

func TestWatcherTellsUntilWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		restore := time.Now().Add(time.Minute)
		b := &beats{answers: []beat{{h: Health{State: Unavailable, Restore: restore}}}}
		w := NewWatcher(WatcherConfig{Health: b.Health})
		if _, down := w.Down(Balance); down {
			t.Error("down before anybody asked")
		}
		w.beat(t.Context())
		if until, down := w.Down(Balance); !down || !until.Equal(restore) {
			t.Errorf("%v, %v", until, down)
		}
		time.Sleep(2 * time.Minute)
		if until, down := w.Down(Balance); !down || !until.IsZero() {
			t.Errorf("a promise of the past is told: %v, %v", until, down)
		}
	})
}

func TestWatcherAsksAtItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &beats{answers: []beat{good}}
		w := NewWatcher(WatcherConfig{Health: b.Health, Interval: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		began := time.Now()
		w.Run(ctx)
		if !b.asked[0].Equal(began) {
			t.Error("the first heartbeat is not at once")
		}
		same := true
		for i := 1; i < len(b.asked); i++ {
			gap := b.asked[i].Sub(b.asked[i-1])
			if gap < 8*time.Second || gap > 12*time.Second {
				t.Errorf("a pause of %v", gap)
			}
			same = same && gap == b.asked[1].Sub(b.asked[0])
		}
		if same || len(b.asked) < 40 {
			t.Errorf("%d heartbeats, all in step: %v", len(b.asked), same)
		}
	})
}

func TestWatcherTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		b := &beats{answers: []beat{good, good, nobody, nobody, nobody, nobody, good}}
		w := NewWatcher(WatcherConfig{Health: b.Health, OnChange: func(h Health, down bool) {
			told = append(told, fmt.Sprint(h.State, down))
		}})
		for range 8 {
			w.beat(t.Context())
		}
		if got, want := fmt.Sprint(told), "[available false available true available false]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestWatcherOverTheWire(t *testing.T) {
	g := connect(t, always(200, `{"serviceStatus":"degraded"}`))
	w := NewWatcher(WatcherConfig{Health: g.Health})
	w.beat(t.Context())
	if s := w.State(); s.State != Degraded || s.At.IsZero() {
		t.Errorf("%+v", s)
	}
}
