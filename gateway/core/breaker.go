package core

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// breaker knows a core that is not there: connections refused or cut. A core
// that is slow is the limiter's business; timeouts never open the breaker.
type breaker struct {
	circuit circuitbreaker.CircuitBreaker[any]
	astray  atomic.Bool // the circuit may not be closed: open is asked for every option of every screen, and the circuit has a lock
	heard   atomic.Bool // a heartbeat was answered since the circuit opened
}

// newBreaker opens after so many requests in a row that met nobody, and lets one
// through after delay.
func newBreaker(failures int, delay time.Duration, changed func(open bool)) *breaker {
	b := &breaker{}
	b.circuit = circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(uint(max(failures, 1))).WithSuccessThreshold(1).WithDelay(delay).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			switch e.NewState {
			case circuitbreaker.OpenState:
				b.astray.Store(true)
				b.heard.Store(false)
				changed(true)
			case circuitbreaker.ClosedState:
				b.astray.Store(false)
				if !b.circuit.IsClosed() { // changes may be told in another order
					b.astray.Store(true)
				}
				changed(false)
			}
		}).Build()
	return b
}

// allow says whether a request may try. While nobody knows whether the core is
// back, one at a time finds out; what may change something is not sent to find out
// unless a heartbeat was answered. What was allowed must be reported to ended.
func (b *breaker) allow(changes bool) bool {
	if changes && !b.circuit.IsClosed() && !b.heard.Load() {
		return false
	}
	return b.circuit.TryAcquirePermit()
}

// open says whether requests are refused without a try.
func (b *breaker) open() bool {
	return b.astray.Load() && b.circuit.IsOpen() && b.circuit.RemainingDelay() > 0
}

// ended takes the end of a request that was allowed.
func (b *breaker) ended(err error) {
	switch {
	case err == nil:
		b.circuit.RecordSuccess()
	case absent(err):
		b.circuit.RecordFailure()
	case b.circuit.IsHalfOpen():
		b.circuit.RecordFailure() // nothing was learnt: the next one tries
	}
}

// beat takes a heartbeat that was answered: early truth that somebody is there.
func (b *breaker) beat() {
	if b.heard.Swap(true) {
		return
	}
	if b.circuit.IsOpen() {
		b.circuit.HalfOpen()
	}
}

// absent says whether an error means that nobody was there.
func absent(err error) bool {
	return !errors.Is(err, ErrOverload) && (errors.Is(err, ErrNotSent) || errors.Is(err, ErrCut))
}
