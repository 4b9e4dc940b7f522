package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"nyota/gateway/core"
	"nyota/sessions"
)

// Kinds of discrepancies.
const (
	KindLate     = "late"     // evidence against a state that is final
	KindMismatch = "mismatch" // the core answered about something else: another amount, party or id
	KindCallback = "callback" // a callback said what is not so: forged, or of a wrong amount
)

// discrepancy makes durable that evidence does not fit an action. It changes no
// state. The same again is counted; other evidence opens it again.
func (l *Ledger) discrepancy(ctx context.Context, a sessions.Action, kind string, claim core.Status, detail string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	l.Log.Error("evidence does not fit an action: an operator must look",
		"action", a.ID, "state", StateName(a.State), "kind", kind, "claim", claimName(claim), "detail", detail)
	if _, err := l.evidence(ctx, a, kind, claim, detail); err != nil {
		l.Log.Error("a discrepancy could not be recorded", "action", a.ID, "kind", kind, "err", err)
	}
}

// evidence records a discrepancy and returns it.
func (l *Ledger) evidence(ctx context.Context, a sessions.Action, kind string, claim core.Status, detail string) (d sessions.Discrepancy, err error) {
	id := a.ID + "/" + kind
	for range 8 {
		d, err = l.Store.Discrepancy(ctx, a.MSISDN, id)
		if errors.Is(err, sessions.ErrNotFound) {
			d, err = sessions.Discrepancy{ID: id, MSISDN: a.MSISDN, Action: a.ID, Kind: kind, First: l.Now()}, nil
		}
		if err != nil {
			return d, err
		}
		if d.State != sessions.DiscrepancyClosed || d.Claim != claimName(claim) || d.Recorded != a.State {
			d.State = sessions.DiscrepancyOpen
		}
		d.Recorded, d.Claim, d.Detail, d.Last = a.State, claimName(claim), core.Clean(detail, maxDetail), l.Now()
		d.Times++
		err = l.Store.Put(ctx, &d)
		if !errors.Is(err, sessions.ErrConflict) && !errors.Is(err, sessions.ErrUncertain) {
			return d, err
		}
	}
	return d, err
}

// maxDetail bounds what a discrepancy says of its evidence, in octets.
const maxDetail = 300

// Late records what the core's books say of an action that is final, where that is
// the opposite of what we say, as a discrepancy of KindLate. The outcome is SayDone
// or SayRejected, the note says where it was read. The same once more changes
// nothing, not even a discrepancy that is closed. Its error wraps ErrRefused where
// nothing contradicts.
func (l *Ledger) Late(ctx context.Context, msisdn, id string, v Verdict) (sessions.Discrepancy, error) {
	claim := core.Done
	if v.Outcome == SayRejected {
		claim = core.Rejected
	}
	detail := core.Clean(words(v.Note), maxDetail)
	a, err := l.Store.Action(ctx, msisdn, id)
	switch {
	case err != nil:
		return sessions.Discrepancy{}, fmt.Errorf("ledger: %w", err)
	case v.Outcome != SayDone && v.Outcome != SayRejected || detail == "":
		return sessions.Discrepancy{}, fmt.Errorf("%w: the outcome is done or rejected, and the note says where it was read", ErrRefused)
	case !a.State.Final() || (a.State == sessions.Done) == (claim == core.Done):
		return sessions.Discrepancy{}, fmt.Errorf("%w: the action is %s, which %s does not contradict", ErrRefused, StateName(a.State), v.Outcome)
	}
	d, err := l.Store.Discrepancy(ctx, msisdn, id+"/"+KindLate)
	if err == nil && d.Claim == claimName(claim) && d.Recorded == a.State && d.Detail == detail {
		return d, nil
	}
	if d, err = l.evidence(ctx, a, KindLate, claim, detail); err != nil {
		return d, fmt.Errorf("ledger: it is not known whether this was recorded: look again: %w", err)
	}
	return d, nil
}

// Discrepancies returns those that are open, oldest first, or all that are kept;
// at most limit, and whether there are more.
func (l *Ledger) Discrepancies(ctx context.Context, all bool, limit int) (list []sessions.Discrepancy, more bool, err error) {
	seen := map[string]bool{}
	err = l.Store.Scan(ctx, sessions.ScanDiscrepancies, func(r sessions.Record) error {
		d, ok := r.(*sessions.Discrepancy)
		if !ok || seen[d.ID] || !all && d.State != sessions.DiscrepancyOpen {
			return nil
		}
		if len(list) == limit {
			more = true
			return errEnough
		}
		seen[d.ID] = true
		list = append(list, *d)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	slices.SortFunc(list, func(a, b sessions.Discrepancy) int { return a.First.Compare(b.First) })
	return list, more, err
}

// CloseDiscrepancy records what an operator found a discrepancy to be. It stays closed
// unless other evidence comes.
func (l *Ledger) CloseDiscrepancy(ctx context.Context, by, msisdn, id, note string) (sessions.Discrepancy, error) {
	note = words(note)
	if note == "" {
		return sessions.Discrepancy{}, fmt.Errorf("%w: say what it was", ErrRefused)
	}
	for {
		d, err := l.Store.Discrepancy(ctx, msisdn, id)
		if err != nil {
			return d, fmt.Errorf("ledger: %w", err)
		}
		if d.State == sessions.DiscrepancyClosed {
			return d, fmt.Errorf("%w: %s closed it already", ErrRefused, d.ClosedBy)
		}
		d.State, d.Closed, d.ClosedBy, d.Note = sessions.DiscrepancyClosed, l.Now(), by, note
		err = l.Store.Put(ctx, &d)
		switch {
		case err == nil:
			l.Log.Info("a discrepancy was closed", "discrepancy", d.ID, "by", by)
			return d, nil
		case !errors.Is(err, sessions.ErrConflict):
			return d, fmt.Errorf("ledger: it is not known whether this was recorded: look again: %w", err)
		}
	}
}

func claimName(s core.Status) string {
	switch s {
	case core.Done:
		return "done"
	case core.Rejected:
		return "rejected"
	case core.Pending:
		return "pending"
	case core.NotFound:
		return "not-found"
	}
	return "unknown"
}
