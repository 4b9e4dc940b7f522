package dialog

import (
	"context"
	"sync"
	"time"
)

// until is a context with a deadline that makes its timer when somebody first
// waits for it: most turns end without waiting for anything.
type until struct {
	context.Context // the parent
	at              time.Time

	mu     sync.Mutex
	timed  context.Context // once somebody waits
	cancel context.CancelFunc
	over   bool
}

// Deadline returns the deadline, or the parent's if that is earlier.
func (u *until) Deadline() (time.Time, bool) {
	if at, ok := u.Context.Deadline(); ok && at.Before(u.at) {
		return at, true
	}
	return u.at, true
}

// wait returns the context that has a timer.
func (u *until) wait() context.Context {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.timed == nil {
		u.timed, u.cancel = context.WithDeadline(u.Context, u.at)
		if u.over {
			u.cancel()
		}
	}
	return u.timed
}

// Done is closed at the deadline, with the parent, or when the turn is over.
func (u *until) Done() <-chan struct{} { return u.wait().Done() }

// Err says why Done is closed, or would be.
func (u *until) Err() error {
	u.mu.Lock()
	timed, over := u.timed, u.over
	u.mu.Unlock()
	switch {
	case timed != nil:
		return timed.Err()
	case u.Context.Err() != nil:
		return u.Context.Err()
	case over:
		return context.Canceled
	case !time.Now().Before(u.at):
		return context.DeadlineExceeded
	}
	return nil
}

// Value is that of the context with the timer, if there is one: so a context that
// is derived from this one finds it, and needs no goroutine to follow it.
func (u *until) Value(key any) any {
	u.mu.Lock()
	timed := u.timed
	u.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return u.Context.Value(key)
}

// end is the context's cancel function.
func (u *until) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.over = true
	if u.cancel != nil {
		u.cancel()
	}
}
