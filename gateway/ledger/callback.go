package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

// ErrToken says that a callback URL was not one of ours.
var ErrToken = errors.New("ledger: the callback's token is not valid")

// maxCallback bounds what is read of a callback's body, in octets.
const maxCallback = 64 << 10

// Refusal is a callback that was refused.
type Refusal struct {
	At     time.Time
	From   string // the address it came from
	Action string // "" if its URL names none
	Why    string // a stable word: token, size, amount, contradicted, mismatch
}

// Callback handles the core's callbacks. The URL's last part is the token that
// names the action. The body is a hint and no more, as anyone who saw the URL
// could have written it: the action's state comes from an inquiry alone. What a
// body claims and the core itself denies, and a body about another amount, is
// refused, and recorded as a discrepancy.
func (l *Ledger) Callback(w http.ResponseWriter, r *http.Request) {
	refuse := func(id, why string, status int, text string) {
		l.Log.Warn("a callback was refused", "why", why, "action", id)
		l.Refused(Refusal{At: l.Now(), From: r.RemoteAddr, Action: id, Why: why})
		http.Error(w, text, status)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
	a, lookup := l.named(r.Context(), r.PathValue("token"))
	switch {
	case errors.Is(lookup, ErrToken), errors.Is(lookup, sessions.ErrNotFound):
		refuse("", "token", http.StatusNotFound, "no such callback")
		return
	case lookup == nil && err != nil:
		refuse(a.ID, "size", http.StatusRequestEntityTooLarge, "the body cannot be read")
		return
	case lookup != nil:
		l.Log.Warn("a callback could not be followed", "err", lookup)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	claim := l.claimed(body)
	why, err := l.hear(r.Context(), a, claim)
	switch {
	case err != nil:
		l.Log.Warn("a callback could not be followed", "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	case why != "":
		refuse(a.ID, why, http.StatusConflict, "this is not what happened")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// claimed is what a body says; of one that cannot be read, nothing.
func (l *Ledger) claimed(body []byte) core.Callback {
	if l.Read == nil || len(bytes.TrimSpace(body)) == 0 {
		return core.Callback{}
	}
	c, err := l.Read(body)
	if err != nil {
		l.Log.Info("a callback's body is only a hint: it cannot be read", "err", err)
		return core.Callback{}
	}
	return c
}

// hear follows a hint about an action, and says in a word why it is refused.
func (l *Ledger) hear(ctx context.Context, a sessions.Action, claim core.Callback) (why string, err error) {
	if claim.Amount != "" && !sameAmount(claim.Amount, a) {
		l.discrepancy(ctx, a, KindCallback, claim.Status, "a callback names the amount "+core.Clean(claim.Amount, 24))
		why = "amount"
	}
	if !a.State.Final() || against(claim.Status, a.State) {
		if a, err = l.ask(ctx, a); err != nil {
			return "", err
		}
	}
	if why == "" && against(claim.Status, a.State) {
		l.discrepancy(ctx, a, KindCallback, claim.Status, "a callback says "+claimName(claim.Status)+", the core itself does not")
		why = "contradicted"
	}
	return why, nil
}

// against says whether a claim contradicts a state that is final.
func against(claim core.Status, s sessions.ActionState) bool {
	return s.Final() && (claim == core.Done && s != sessions.Done || claim == core.Rejected && s == sessions.Done)
}

func sameAmount(claimed string, a sessions.Action) bool {
	for _, arg := range a.Args {
		if arg.Name == "amount" {
			want, _ := core.Canonical(arg.Value)
			got, ok := core.Canonical(claimed)
			return ok && got == want
		}
	}
	return true // of no amount
}

// named is the action that a callback's token names.
func (l *Ledger) named(ctx context.Context, token string) (sessions.Action, error) {
	parts, err := l.Vault.OpenToken(token)
	if err != nil || len(parts) != 2 {
		return sessions.Action{}, ErrToken
	}
	a, err := l.Store.Action(ctx, parts[0], parts[1])
	if err != nil {
		return a, fmt.Errorf("ledger: %w", err)
	}
	return a, nil
}

// Nudge inquires at once about the action that a callback's token names. Its
// error wraps ErrToken or sessions.ErrNotFound if there is none.
func (l *Ledger) Nudge(ctx context.Context, token string) error {
	a, err := l.named(ctx, token)
	if err != nil || a.State.Final() {
		return err
	}
	_, err = l.ask(ctx, a)
	return err
}

// ask inquires out of turn about an action that was sent. It goes before all that
// is asked by turn, and waits no longer than askWithin for its place in the rate.
func (l *Ledger) ask(ctx context.Context, a sessions.Action) (sessions.Action, error) {
	if a.State == sessions.Accepted {
		return a, nil
	}
	if !l.Known(question(a)) {
		if err := l.await(ctx, a.Call); err != nil {
			return a, err
		}
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return a, ctx.Err()
	}
	defer func() { <-l.slots }()
	a, asked := l.inquire(ctx, a)
	if !asked {
		return a, errors.Join(core.ErrNotAsked, ctx.Err())
	}
	return a, nil
}
