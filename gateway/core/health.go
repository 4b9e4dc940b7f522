package core

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// WatcherConfig is how a core's heartbeat is watched.
type WatcherConfig struct {
	// Health asks once: a Switch's method.
	Health   func(context.Context) (Health, error)
	Interval time.Duration // between heartbeats, give or take a fifth; default 5 s
	Timeout  time.Duration // of one; default 2 s
	// Failures is how many heartbeats in a row nobody was there for (ErrNotSent
	// or ErrCut) until the core counts as down; default 3. A heartbeat that is
	// late is no such failure: a slow core still does work.
	Failures int
	// OnChange, if set, is called from Run's goroutine when Down begins or ends
	// or the state changes. It must not block.
	OnChange func(h Health, down bool)
	Now      func() time.Time // default time.Now
	Log      *slog.Logger     // nil: nothing is logged
}

// Watcher knows how the core is, so that customers can be told before they type
// a PIN. It is safe for use by many goroutines.
type Watcher struct {
	cfg WatcherConfig

	soon chan struct{} // told to ask at once

	away atomic.Bool // down, for Down: it is asked for every option of every screen

	mu       sync.Mutex
	health   Health
	failures int
}

// NewWatcher returns a Watcher that knows nothing until Run runs.
func NewWatcher(cfg WatcherConfig) *Watcher {
	if cfg.Interval <= 0 {
		cfg.Interval = 5 * time.Second
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Failures <= 0 {
		cfg.Failures = 3
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{cfg: cfg, soon: make(chan struct{}, 1)}
}

// Run asks at once and then on the interval, until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	for {
		w.beat(ctx)
		t := time.NewTimer(w.pause())
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		case <-w.soon:
			t.Stop()
		}
	}
}

// Soon has the core asked at once: there is reason to think that nobody is there.
// It does not block.
func (w *Watcher) Soon() {
	select {
	case w.soon <- struct{}{}:
	default: // it is about to be asked
	}
}

// whileDown is the longest interval while the core is down: customers are turned
// away until a heartbeat is answered, so that its return must be seen soon.
const whileDown = 150 * time.Millisecond

// pause spreads heartbeats over time, so that many gateways do not beat as one.
func (w *Watcher) pause() time.Duration {
	d := w.cfg.Interval
	if _, down := w.Down(""); down {
		d = min(d, whileDown)
	}
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func (w *Watcher) beat(ctx context.Context) {
	c, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	h, err := w.cfg.Health(c)
	cancel()
	if ctx.Err() != nil {
		return // we are stopping: that says nothing about the core
	}
	w.mu.Lock()
	before, wasDown := w.health, w.down()
	switch {
	case err == nil:
		w.health, w.failures = h, 0
	case errors.Is(err, ErrNotSent) || errors.Is(err, ErrCut):
		w.failures++
	default:
		w.failures = 0 // somebody is there
	}
	now, isDown := w.health, w.down()
	w.away.Store(isDown)
	w.mu.Unlock()
	if err != nil {
		w.cfg.Log.DebugContext(ctx, "core heartbeat failed", "err", err)
	}
	if before.State != now.State || wasDown != isDown || !before.Restore.Equal(now.Restore) {
		w.cfg.Log.InfoContext(ctx, "core health changed", "state", now.State.String(), "down", isDown, "restore", now.Restore)
		if w.cfg.OnChange != nil {
			w.cfg.OnChange(now, isDown)
		}
	}
}

// down is called with mu held.
func (w *Watcher) down() bool {
	return w.health.State == Unavailable || w.failures >= w.cfg.Failures
}

// State returns what the core last said about itself.
func (w *Watcher) State() Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.health
}

// Down says whether a call cannot be made now, and until when if the core said
// so and the time has not passed. A heartbeat speaks for the whole core, so that
// the call makes no difference yet. The first good heartbeat ends it.
func (w *Watcher) Down(_ string) (until time.Time, down bool) {
	if !w.away.Load() {
		return time.Time{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.down() {
		return time.Time{}, false
	}
	if w.health.Restore.After(w.cfg.Now()) {
		until = w.health.Restore
	}
	return until, true
}

// String names the state as the heartbeat does.
func (s HealthState) String() string {
	switch s {
	case Available:
		return "available"
	case Degraded:
		return "degraded"
	case Unavailable:
		return "unavailable"
	}
	return "unknown"
}

// String names the status, for logs and records.
func (s Status) String() string {
	switch s {
	case Done:
		return "done"
	case Rejected:
		return "rejected"
	case Pending:
		return "pending"
	case NotFound:
		return "not_found"
	}
	return "unknown"
}
