package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"nyota/sessions"
)

// ErrToken says that a callback URL was not one of ours.
var ErrToken = errors.New("ledger: the callback's token is not valid")

// maxCallback bounds what is read of a callback's body, in octets.
const maxCallback = 64 << 10

// Callback handles the core's callbacks. The URL's last part is the token that
// names the action; the body is read and thrown away, as anyone who saw the URL
// could have written it: the action's state comes from an inquiry alone.
func (l *Ledger) Callback(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxCallback))
	err := l.Nudge(r.Context(), r.PathValue("token"))
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrToken), errors.Is(err, sessions.ErrNotFound):
		http.Error(w, "no such callback", http.StatusNotFound)
	default:
		l.Log.Warn("a callback could not be followed", "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	}
}

// Nudge inquires at once about the action that a callback's token names. Its
// error wraps ErrToken or sessions.ErrNotFound if there is none.
func (l *Ledger) Nudge(ctx context.Context, token string) error {
	parts, err := l.Vault.OpenToken(token)
	if err != nil || len(parts) != 2 {
		return ErrToken
	}
	a, err := l.Store.Action(ctx, parts[0], parts[1])
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if a.State != sessions.Sent && a.State != sessions.Unknown && a.State != sessions.Manual {
		return nil
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.slots }()
	l.inquire(ctx, a)
	return nil
}
