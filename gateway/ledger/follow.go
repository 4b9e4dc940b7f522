package ledger

import (
	"context"
	"errors"
	"sync"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

const (
	pollEvery      = 250 * time.Millisecond
	inquireWithin  = 5 * time.Second
	lease          = 30 * time.Second // longer than an inquiry and its commit
	claimWithin    = 3 * time.Second
	unaskedPause   = 10 * time.Second // at most, until one is tried again that the core had no room for
	recoverAtStart = time.Minute      // beyond any lease or deadline of an earlier process
	recoverAtOnce  = 1000             // actions of one claim at the start
)

// Follow claims due actions until ctx ends: it expires what was accepted and
// never sent, and inquires about what was sent and has no final answer.
func (l *Ledger) Follow(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ctx.Err() == nil && l.claim(ctx, &work) {
		}
	}
}

// Recover takes over every action that an earlier process left behind, without
// waiting for its leases to end. Only for a store that no other process uses,
// and before this one serves.
func (l *Ledger) Recover(ctx context.Context) error {
	seen := map[string]bool{}
	for {
		records, err := l.Store.Claim(ctx, sessions.QueueActions, l.Worker, l.Now().Add(recoverAtStart), lease, recoverAtOnce)
		if err != nil {
			return err
		}
		fresh := false
		for _, r := range records {
			a, ok := r.(*sessions.Action)
			if !ok {
				continue
			}
			fresh = fresh || !seen[a.ID]
			seen[a.ID] = true
			if a.State == sessions.Unknown {
				// Its inquiry was due by itself: this claim may not put it off.
				a.Due = l.Now().Add(l.pause(a.Call, 0))
				if err := l.Store.Put(ctx, a); err != nil {
					return err
				}
				continue
			}
			l.Resolve(ctx, *a)
		}
		if len(records) < recoverAtOnce || !fresh {
			return nil
		}
	}
}

// Resolve brings an action whose turn is gone, with the process that ran it, to
// what can be said of it: expired if it was never sent, else unknown.
func (l *Ledger) Resolve(ctx context.Context, a sessions.Action) sessions.Action {
	switch a.State {
	case sessions.Accepted:
		return l.expire(ctx, a, "the gateway stopped before it was sent")
	case sessions.Sent:
		return l.settle(ctx, a, core.Outcome{Status: core.Unknown, Detail: "the gateway stopped before an answer"}, false)
	default:
		return a
	}
}

// claim takes due actions, no more than may be asked about now, and works on each.
// It says whether there may be more. It waits for a place to work in, and for
// nothing else.
func (l *Ledger) claim(ctx context.Context, work *sync.WaitGroup) (more bool) {
	granted := l.budget.grant(l.Now(), l.Parallel)
	n := l.enter(ctx, granted)
	taken := 0 // inquiries that are made
	defer func() { l.budget.unused(granted - taken) }()
	if n == 0 {
		return false
	}
	cctx, cancel := context.WithTimeout(ctx, claimWithin)
	records, err := l.Store.Claim(cctx, sessions.QueueActions, l.Worker, l.Now(), lease, n)
	cancel()
	if err != nil && ctx.Err() == nil {
		l.Log.Warn("due actions cannot be read", "err", err)
	}
	for range n - len(records) {
		<-l.slots
	}
	for _, r := range records {
		a, ok := r.(*sessions.Action)
		if !ok {
			<-l.slots
			continue
		}
		var later time.Time // when the core's own rate has room for it
		if a.State == sessions.Unknown || a.State == sessions.Sent || a.State == sessions.Manual {
			if later, ok = l.budget.turn(l.Now(), l.paceOf(a.Call)); ok {
				taken++
			}
		}
		work.Go(func() {
			defer func() { <-l.slots }()
			if ctx.Err() != nil {
				l.giveBack(ctx, *a, l.Now())
				return
			}
			l.follow(ctx, *a, later)
		})
	}
	return len(records) == n
}

// enter takes up to n places to work in: it waits for the first.
func (l *Ledger) enter(ctx context.Context, n int) (taken int) {
	if n == 0 {
		return 0
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for taken = 1; taken < n; taken++ {
		select {
		case l.slots <- struct{}{}:
		default:
			return taken
		}
	}
	return taken
}

// giveBack ends the lease of an action that nobody has worked on: it is due at a
// time, for whichever process then takes it.
func (l *Ledger) giveBack(ctx context.Context, a sessions.Action, due time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimWithin)
	defer cancel()
	a.Due = due
	if err := l.Store.Put(ctx, &a); err != nil && !errors.Is(err, sessions.ErrConflict) {
		l.Log.Warn("an action waits for the end of its lease", "action", a.ID, "err", err)
	}
}

// follow does what is due for one action. What is to be asked about later is put
// off until then.
func (l *Ledger) follow(ctx context.Context, a sessions.Action, later time.Time) sessions.Action {
	switch a.State {
	case sessions.Accepted:
		return l.expire(ctx, a, "its deadline passed before it was sent")
	case sessions.Sent:
		// Whoever sent it is gone or slower than its deadline: unknown from here on.
		a = l.settle(ctx, a, core.Outcome{Status: core.Unknown, Detail: "no answer by the deadline"}, false)
		if a.State != sessions.Unknown || !later.IsZero() || l.Now().Sub(a.SentAt) < l.paceOf(a.Call).After {
			return a // its turn comes
		}
	case sessions.Unknown, sessions.Manual:
		if !later.IsZero() {
			l.giveBack(ctx, a, later)
			return a
		}
	default:
		return a
	}
	a, asked := l.inquire(ctx, a)
	switch {
	case asked:
	case ctx.Err() != nil:
		l.giveBack(ctx, a, l.Now()) // stopping: another goes on
	default:
		l.giveBack(ctx, a, l.Now().Add(min(l.pause(a.Call, a.Inquiry), unaskedPause)))
	}
	return a
}

// inquire asks the core once and applies the answer. It says whether the core was
// asked: one that has no room for an inquiry is no reason to ask more rarely.
func (l *Ledger) inquire(ctx context.Context, a sessions.Action) (_ sessions.Action, asked bool) {
	ictx, cancel := context.WithTimeout(ctx, inquireWithin)
	defer cancel()
	out, err := l.Switch.Inquire(ictx, question(a))
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, core.ErrNotAsked) {
			return a, false
		}
		l.Log.Info("an inquiry had no answer", "action", a.ID, "made", a.Inquiry+1, "err", err)
		out.Status = core.Unknown
		if out.Detail == "" {
			out.Detail = err.Error()
		}
		if errors.Is(err, core.ErrMismatch) {
			l.discrepancy(ctx, a, KindMismatch, out.Status, err.Error())
		}
	}
	return l.settle(ctx, a, out, true), true
}

// question is what the core is asked about an action.
func question(a sessions.Action) core.Inquiry {
	q := core.Inquiry{ID: a.ID, WireKey: a.WireKey, Ref: a.Ref, Call: a.Call, MSISDN: a.MSISDN, SentAt: a.SentAt}
	for _, arg := range a.Args {
		q.Args = append(q.Args, core.Arg{Name: arg.Name, Value: arg.Value})
	}
	return q
}
