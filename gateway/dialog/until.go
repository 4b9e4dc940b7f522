package dialog

import (
	"context"
	"sync/atomic"
	"time"
)

// until is a context with a deadline that makes its timer when somebody first
// waits for it: most turns end without waiting for anything, long before it.
type until struct {
	context.Context // the parent
	at              time.Time
	late            bool // at was over when the turn began

	timed atomic.Pointer[timed] // once somebody waits
	over  atomic.Bool
}

// timed is the context that has a timer.
type timed struct {
	context.Context
	cancel context.CancelFunc
}

// Deadline returns the deadline, or the parent's if that is earlier.
func (u *until) Deadline() (time.Time, bool) {
	if at, ok := u.Context.Deadline(); ok && at.Before(u.at) {
		return at, true
	}
	return u.at, true
}

// wait returns the context that has a timer.
func (u *until) wait() *timed {
	t := u.timed.Load()
	if t == nil {
		t = &timed{}
		t.Context, t.cancel = context.WithDeadline(u.Context, u.at)
		if !u.timed.CompareAndSwap(nil, t) {
			t.cancel()
			t = u.timed.Load()
		}
	}
	if u.over.Load() {
		t.cancel()
	}
	return t
}

// Done is closed at the deadline, with the parent, or when the turn is over.
func (u *until) Done() <-chan struct{} { return u.wait().Done() }

// Err says why Done is closed. While nobody waits there is no timer, and the clock
// is not looked at: a turn that begins late is over from its start.
func (u *until) Err() error {
	if t := u.timed.Load(); t != nil {
		return t.Err()
	}
	switch err := u.Context.Err(); {
	case err != nil:
		return err
	case u.over.Load():
		return context.Canceled
	case u.late:
		return context.DeadlineExceeded
	}
	return nil
}

// Value is that of the context with the timer, if there is one: so a context that
// is derived from this one finds it, and needs no goroutine to follow it.
func (u *until) Value(key any) any {
	if t := u.timed.Load(); t != nil {
		return t.Value(key)
	}
	return u.Context.Value(key)
}

// end is the context's cancel function.
func (u *until) end() {
	u.over.Store(true)
	if t := u.timed.Load(); t != nil {
		t.cancel()
	}
}
