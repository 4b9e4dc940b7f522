package ledger

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"nyota/gateway/core"
	"nyota/sessions"
)

// reversible says whether a confirmed action may be taken back now.
func (l *Ledger) reversible(ctx context.Context, a sessions.Action) error {
	switch {
	case a.Call == core.Reversal:
		return fmt.Errorf("%w: a reversal is not reversed", ErrRefused)
	case !l.Reverses(a.Call):
		return fmt.Errorf("%w: this core does not reverse the call %s", ErrRefused, a.Call)
	case a.Reversal == "":
		return nil
	}
	before, err := l.Store.Action(ctx, a.MSISDN, a.Reversal)
	if err != nil {
		return fmt.Errorf("ledger: its reversal %s: %w", a.Reversal, err)
	}
	if before.State == sessions.Rejected || before.State == sessions.Expired {
		return nil // that one moved no money
	}
	return fmt.Errorf("%w: its reversal %s is %s", ErrRefused, before.ID, StateName(before.State))
}

// reversalOf is a new action that names the one it takes back. The core is told
// all that it was told the first time, and the names the first one has there.
func (l *Ledger) reversalOf(a sessions.Action) (*sessions.Action, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	r := &sessions.Action{
		ID: id.String(), MSISDN: a.MSISDN, State: sessions.Accepted, Session: a.Session, Call: core.Reversal,
		Args: append(unsealed(a.Args),
			sessions.Arg{Name: core.ReversedCall, Value: a.Call},
			sessions.Arg{Name: core.ReversedID, Value: a.ID},
			sessions.Arg{Name: core.ReversedKey, Value: a.WireKey},
			sessions.Arg{Name: core.ReversedRef, Value: a.Ref}),
		Vars: a.Vars, Menu: a.Menu, Revision: a.Revision, Screen: a.Screen, Language: a.Language,
		Created: l.Now(), Deadline: l.Now().Add(reverseWithin), Reverses: a.ID,
	}
	r.Due = r.Deadline.Add(l.Grace)
	return r, nil
}
