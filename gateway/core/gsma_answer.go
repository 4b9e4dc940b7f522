package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// judge reads the answer to an action's POST. Only three answers decide: 201
// with a transaction that is the one asked for, 202, and a 4xx that carries a
// refusal. All else, every 5xx among it, leaves the outcome unknown.
func (g *GSMA) judge(ctx context.Context, want intent, a Answer, pin Secret) (Outcome, error) {
	switch {
	case a.Status == http.StatusCreated:
		var t wireTransaction
		if err := Decode(a.Body, &t); err != nil {
			return Outcome{}, failed(want.call, err)
		}
		return g.conclude(ctx, want, t)
	case a.Status == http.StatusAccepted:
		var s wireState
		if err := Decode(a.Body, &s); err != nil {
			return Outcome{}, failed(want.call, err)
		}
		if _, err := segment(string(s.ID)); err != nil {
			return Outcome{}, failed(want.call, errors.New("the core took the request and named no serverCorrelationId"))
		}
		return g.await(ctx, want, s, pin)
	case a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		var e wireError
		if err := Decode(a.Body, &e); err != nil {
			return Outcome{}, failed(want.call, fmt.Errorf("status %d: %w", a.Status, err))
		}
		return g.refusal(want.call, e, pin)
	}
	out := Outcome{Detail: fmt.Sprintf("status %d", a.Status)}
	var e wireError
	if Decode(a.Body, &e) == nil && e.Code != "" {
		out.Detail = Scrub(e.detail(), pin)
	}
	return out, failed(want.call, fmt.Errorf("the core answered with status %d", a.Status))
}

// conclude says what a transaction means for the action, after it was found to
// be the one that was asked for.
func (g *GSMA) conclude(ctx context.Context, want intent, t wireTransaction) (Outcome, error) {
	if err := g.verify(want, t); err != nil {
		// Its reference is for the record alone: it belongs to something else.
		ref := reference(t)
		g.log.ErrorContext(ctx, "core answered about something else", "op", want.call, "action", want.id, "ref", ref, "err", err)
		return Outcome{Detail: "the core's transaction " + Clean(ref, 64) + " does not match the action"}, failed(want.call, err)
	}
	out := Outcome{Ref: reference(t)}
	status := strings.ToLower(string(t.Status))
	switch {
	case out.Ref == "":
		return Outcome{}, failed(want.call, errors.New("the core's transaction has no reference"))
	case g.done[status]:
		out.Status = Done
		out.Fields = g.fields(want, t)
	case g.failed[status]:
		out.Status, out.Reason = Rejected, Other
		out.Detail = "transaction " + Clean(status, 40)
	case status == "":
		return out, failed(want.call, errors.New("the core's transaction has no status"))
	default:
		out.Status = Pending
		out.Detail = "transaction " + Clean(status, 40)
	}
	return out, nil
}

func reference(t wireTransaction) string {
	ref := string(t.Reference)
	if _, err := segment(ref); err != nil {
		return ""
	}
	return ref
}

// verify holds a transaction against the action.
func (g *GSMA) verify(want intent, t wireTransaction) error {
	switch {
	case t.Amount == "" || t.Currency == "":
		return errors.New("the core's transaction has no amount or currency")
	case string(t.Amount) != want.amount:
		return fmt.Errorf("%w: another amount", ErrMismatch)
	case !t.Currency.is(g.cfg.Currency):
		return fmt.Errorf("%w: another currency", ErrMismatch)
	case t.Type != "" && !t.Type.is(want.kind):
		return fmt.Errorf("%w: another type", ErrMismatch)
	case t.SubType != "" && want.subType != "" && !t.SubType.is(want.subType):
		return fmt.Errorf("%w: another type", ErrMismatch)
	case t.ClientRef != "" && !t.ClientRef.is(want.id):
		return fmt.Errorf("%w: another request's id", ErrMismatch)
	}
	if want.call == Reversal {
		return want.verifyReversal(t)
	}
	payer, err := compare("payer", want.debit, t.Debit)
	if err != nil {
		return err
	}
	payee, err := compare("payee", want.credit, t.Credit)
	if err != nil {
		return err
	}
	if !payer && !payee {
		return errors.New("the core's transaction names no party that can be compared")
	}
	return nil
}

// fields are the results of a transaction that is done.
func (g *GSMA) fields(want intent, t wireTransaction) Args {
	var out Args
	if want.call == Reversal {
		return out // its parties and its balance are not those of the first
	}
	add := func(name, value string) {
		if value != "" && out.Get(name) == "" {
			out = append(out, Arg{Name: name, Value: value})
		}
	}
	// A core that lists no fees has not said that there are none.
	if fee, ok := g.total(t.Fees); ok && len(t.Fees) > 0 {
		add("fee", fee)
	}
	for _, kv := range append(t.Custom[:len(t.Custom):len(t.Custom)], t.Metadata...) {
		name := g.results[strings.ToLower(string(kv.Key))]
		value := Clean(string(kv.Value), 100)
		if name == "balance" {
			// It is shown as money: anything else under that name is left out.
			value, _ = Canonical(value)
		}
		if name != "" {
			add(name, value)
		}
	}
	add("payee_name", t.Recipient.Name.String())
	who := "payee_msisdn"
	if want.call == Withdrawal {
		who = "agent_msisdn"
	}
	for _, p := range t.Credit {
		if n := digits(string(p.Value)); p.Key.is("msisdn") && len(n) >= 7 && len(n) <= 15 && strings.Trim(n, "0123456789") == "" {
			add(who, n)
		}
	}
	if r := Clean(string(t.Receipt), 64); !strings.EqualFold(r, string(t.Reference)) {
		add("receipt", r)
	}
	return out
}

// total adds fees, and says whether all of them are in our currency.
func (g *GSMA) total(fees []wireFee) (string, bool) {
	amounts := make([]decimal, len(fees))
	for i, f := range fees {
		if !f.Currency.is(g.cfg.Currency) {
			return "", false
		}
		amounts[i] = f.Amount
	}
	return sum(amounts...), true
}
