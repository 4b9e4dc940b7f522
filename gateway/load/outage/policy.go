package outage

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"nyota/gateway/core"
	"nyota/gateway/dialog"
)

// Policies that can stand before the core.
const (
	Nyota   = "nyota"   // the guard
	Timeout = "timeout" // deadlines alone
	Breaker = "breaker" // deadlines, and a circuit breaker on failures of any kind
)

// Policies are all of them.
func Policies() []string { return []string{Nyota, Timeout, Breaker} }

// front is what a policy puts between the gateway and the connector.
type front struct {
	core.Switch
	calls dialog.Calls
	admit dialog.Admission // may be nil
	watch *core.Watcher    // may be nil
	load  func() core.Load // may be nil
}

// newFront puts a policy before a switch.
func newFront(policy string, sw core.Switch, limit core.LimiterConfig) (*front, error) {
	switch policy {
	case Nyota:
		f := &front{}
		g := core.NewGuard(core.GuardConfig{Switch: sw, Limit: limit, Gone: func() { f.watch.Soon() },
			Watch: func(call string) (time.Time, bool) { return f.watch.Down(call) }})
		f.watch = core.NewWatcher(core.WatcherConfig{Health: g.Health, Interval: 2 * time.Second, Timeout: 2 * time.Second, Failures: 2})
		f.Switch, f.calls, f.admit, f.load = g, g, g, g.Load
		return f, nil
	case Timeout:
		return &front{Switch: sw, calls: never{}}, nil
	case Breaker:
		b := &fuse{Switch: sw, circuit: circuitbreaker.NewBuilder[any]().
			WithFailureRateThreshold(0.5, 20, 5*time.Second).WithDelay(time.Second).WithSuccessThreshold(5).Build()}
		return &front{Switch: b, calls: b}, nil
	}
	return nil, errors.New("outage: no such policy: " + policy)
}

// never says that all calls can be made.
type never struct{}

func (never) Down(string) (time.Time, bool) { return time.Time{}, false }

func (never) Busy(string) bool { return false }

func (never) Seen(string) (works, full time.Time) { return works, full }

// fuse is the breaker as it is usually built: failures and timeouts open it.
type fuse struct {
	core.Switch
	circuit circuitbreaker.CircuitBreaker[any]
}

func (f *fuse) Down(string) (time.Time, bool) {
	return time.Time{}, f.circuit.IsOpen() && f.circuit.RemainingDelay() > 0
}

func (*fuse) Busy(string) bool { return false }

func (*fuse) Seen(string) (works, full time.Time) { return works, full }

func (f *fuse) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	if !f.circuit.TryAcquirePermit() {
		return core.Outcome{}, core.Unsent(r.Call, errOpen)
	}
	out, err := f.Switch.Call(ctx, r)
	f.circuit.RecordError(err)
	return out, err
}

func (f *fuse) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	if !f.circuit.TryAcquirePermit() {
		return core.Outcome{}, errOpen
	}
	out, err := f.Switch.Inquire(ctx, q)
	f.circuit.RecordError(err)
	return out, err
}

var errOpen = errors.New("the circuit is open")
