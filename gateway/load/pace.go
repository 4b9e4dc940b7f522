package load

import (
	"context"
	"errors"
	"math"
	"time"
)

// patience is how late the last requests of a schedule may be begun after its
// end. What is later is missed.
const patience = 100 * time.Millisecond

// coarse is how long before an instant the ordinary timer must have ended: it is
// late by up to some milliseconds.
const coarse = 5 * time.Millisecond

// nap is how long a bind's schedule sleeps at least. Waking for each of many
// requests costs more than sending them, and what it costs would be taken from the
// peer on the same machine. What is due meanwhile is late by the rest of the nap,
// and counted so.
const nap = 100 * time.Microsecond

// schedule calls begin for each request of this bind when it is due, or at once
// when it was due before. It ends with the schedule, with ctx, with the connection
// or with an error of begin; after that it counts what was due and not begun.
//
// Request n of all binds together is due n/Rate after the start; the binds take
// turns.
func (s *sender) schedule(ctx context.Context, begin func(due time.Duration) error) {
	alarm := newAlarm(s.cfg.plainTimers)
	defer alarm.close()
	end, alive, woken := s.cfg.Duration, true, time.Duration(-nap)
	for alive && s.due(s.begun) < end {
		due, now := s.due(s.begun), time.Since(s.start)
		if now < due {
			alive = alarm.wait(ctx, s.conn.Done(), max(due, woken+nap)-now)
			now = time.Since(s.start)
			woken = now
		}
		switch {
		case ctx.Err() != nil:
			end, alive = min(end, now), false
		case now > end+patience:
			alive = false
		case alive:
			err := begin(due)
			if !errors.Is(err, errNotBegun) {
				s.begun++
			}
			alive = err == nil
		}
	}
	if left := s.cfg.Duration - time.Since(s.start); alive && left > 0 {
		alarm.wait(ctx, s.conn.Done(), left) // the rate is one of the whole time
	}
	s.missed = max(s.dueBefore(end), s.begun) - s.begun
}

// due is when request k of this bind is due.
func (s *sender) due(k uint64) time.Duration {
	n := float64(k)*float64(s.cfg.Binds) + float64(s.index)
	return time.Duration(n / s.cfg.Rate * float64(time.Second))
}

// dueBefore counts this bind's requests that are due before t.
func (s *sender) dueBefore(t time.Duration) uint64 {
	if t <= 0 {
		return 0
	}
	k := uint64(math.Max(0, math.Floor((t.Seconds()*s.cfg.Rate-float64(s.index))/float64(s.cfg.Binds))))
	for k > 0 && s.due(k-1) >= t { // rounding
		k--
	}
	for s.due(k) < t {
		k++
	}
	return k
}

// timer is the ordinary timer.
type timer struct{}

// wait returns true after d, and false earlier when ctx ends or gone is closed.
func (timer) wait(ctx context.Context, gone <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-gone:
		return false
	case <-ctx.Done():
		return false
	}
}
