package ledger

import (
	"context"
	"time"

	"nyota/sessions"
)

// Tick does what is due, one action after another: Follow's work without its
// goroutines, so that a test can repeat what happened.
func (l *Ledger) Tick(ctx context.Context) error {
	records, err := l.Store.Claim(ctx, sessions.QueueActions, l.Worker, l.Now(), lease, sessions.MaxClaim)
	for _, r := range records {
		if a, ok := r.(*sessions.Action); ok {
			l.follow(ctx, *a, time.Time{})
		}
	}
	return err
}
