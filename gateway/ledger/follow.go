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
	recoverAtStart = time.Minute // beyond any lease or deadline of an earlier process
	recoverAtOnce  = 1000        // actions of one claim at the start
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
		for l.claim(ctx, l.Now(), &work) == l.Parallel {
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
				a.Due = l.Now().Add(l.InquireAfter)
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

// claim takes up to Parallel due actions and works on each; it returns how many.
func (l *Ledger) claim(ctx context.Context, now time.Time, work *sync.WaitGroup) int {
	cctx, cancel := context.WithTimeout(ctx, claimWithin)
	defer cancel()
	records, err := l.Store.Claim(cctx, sessions.QueueActions, l.Worker, now, lease, l.Parallel)
	if err != nil {
		if ctx.Err() == nil {
			l.Log.Warn("due actions cannot be read", "err", err)
		}
		return 0
	}
	for _, r := range records {
		a, ok := r.(*sessions.Action)
		if !ok {
			continue
		}
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			l.giveBack(ctx, *a)
			continue
		}
		work.Go(func() {
			defer func() { <-l.slots }()
			l.follow(ctx, *a)
		})
	}
	return len(records)
}

// giveBack ends the lease of an action that nobody has worked on, so that another
// process, or this one's next start, need not wait for its end.
func (l *Ledger) giveBack(ctx context.Context, a sessions.Action) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimWithin)
	defer cancel()
	a.Due = l.Now()
	if err := l.Store.Put(ctx, &a); err != nil && !errors.Is(err, sessions.ErrConflict) {
		l.Log.Warn("an action waits for the end of its lease", "action", a.ID, "err", err)
	}
}

// follow does what is due for one action.
func (l *Ledger) follow(ctx context.Context, a sessions.Action) sessions.Action {
	switch a.State {
	case sessions.Accepted:
		return l.expire(ctx, a, "its deadline passed before it was sent")
	case sessions.Sent:
		// Whoever sent it is gone or slower than its deadline: unknown from here on.
		a = l.settle(ctx, a, core.Outcome{Status: core.Unknown, Detail: "no answer by the deadline"}, false)
		if a.State != sessions.Unknown {
			return a
		}
		return l.inquire(ctx, a)
	case sessions.Unknown:
		return l.inquire(ctx, a)
	default:
		return a
	}
}

// inquire asks the core once and applies the answer.
func (l *Ledger) inquire(ctx context.Context, a sessions.Action) sessions.Action {
	ictx, cancel := context.WithTimeout(ctx, inquireWithin)
	defer cancel()
	q := core.Inquiry{ID: a.ID, WireKey: a.WireKey, Ref: a.Ref, Call: a.Call, MSISDN: a.MSISDN, SentAt: a.SentAt}
	for _, arg := range a.Args {
		q.Args = append(q.Args, core.Arg{Name: arg.Name, Value: arg.Value})
	}
	out, err := l.Switch.Inquire(ictx, q)
	if err != nil {
		if ctx.Err() != nil {
			l.giveBack(ctx, a) // stopping: another goes on
			return a
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
	return l.settle(ctx, a, out, true)
}
