package dialog

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"nyota/gateway/core"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

// actionResult says in the menus' words what is known of an action. What was
// provably never sent is "unavailable": nothing happened, whoever is to blame.
func actionResult(a sessions.Action) menus.Result {
	r := menus.Result{Outcome: menus.Pending, Reason: a.Reason, Ref: ledger.Quoted(a), Fields: values(a.Results)}
	switch {
	case a.State == sessions.Done:
		r.Outcome = menus.Done
	case a.State == sessions.Expired, a.State == sessions.Rejected && a.Reason == core.NotSent:
		r.Outcome = menus.Down
	case a.State == sessions.Rejected:
		r.Outcome = menus.Rejected
	}
	return r
}

// order is the action that a call asks for.
func (t *Turn) order(call *menus.Call) ledger.Order {
	return ledger.Order{
		Session: t.session.Key, Call: call.Name,
		Args: args(call.Args), Vars: args(call.Vars),
		Menu: t.session.Menu, Revision: t.session.Revision, Screen: call.Screen,
		Language: t.turn.State.Language(), Deadline: t.callDeadline(call),
	}
}

// reserve asks for an action's place at the core.
func (d *Dialog) reserve(ctx context.Context, o ledger.Order) (*core.Ticket, error) {
	if d.Admit == nil {
		return nil, nil
	}
	ctx, cancel := context.WithDeadline(ctx, o.Deadline)
	defer cancel()
	var known core.Args
	for _, arg := range o.Args {
		if arg.Sealed == nil {
			known = append(known, core.Arg{Name: arg.Name, Value: arg.Value})
		}
	}
	return d.Admit.Reserve(ctx, o.Call, known)
}

// makeRead asks the core. One without an answer did nothing if it only reads; what
// changes something may be done, unless nothing left.
func (d *Dialog) makeRead(ctx context.Context, msisdn string, call *menus.Call, deadline time.Time) menus.Result {
	if why, down := d.unavailable(call.Name); down {
		return menus.Result{Outcome: menus.Down, Until: why.Until}
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	r := core.Request{Call: call.Name, MSISDN: msisdn}
	id, err := uuid.NewV7()
	if err == nil {
		r.ID = id.String()
		for _, arg := range call.Args {
			if arg.Sealed == nil {
				r.Args = append(r.Args, core.Arg{Name: arg.Name, Value: arg.Text})
				continue
			}
			var octets []byte
			if octets, err = d.Vault.Open(arg.Sealed, []byte(msisdn)); err != nil {
				break
			}
			if arg.Name == "new_pin" {
				r.NewPIN = core.NewSecret(octets)
			} else {
				r.PIN = core.NewSecret(octets)
			}
		}
		defer r.PIN.Erase()
		defer r.NewPIN.Erase()
	}
	if err != nil {
		d.Log.Error("a read could not be made", "call", call.Name, "err", err)
		return menus.Result{Outcome: menus.Down}
	}
	out, err := d.Switch.Call(ctx, r)
	switch {
	case err == nil && out.Status == core.Done:
		return menus.Result{Outcome: menus.Done, Ref: out.Ref, Fields: coreValues(out.Fields), Rows: rows(out.Rows)}
	case err == nil && out.Status == core.Rejected:
		return menus.Result{Outcome: menus.Rejected, Reason: out.Reason, Fields: coreValues(out.Fields)}
	case !errors.Is(err, context.Canceled):
		d.Log.Info("a read had no answer", "call", call.Name, "err", err)
	}
	if core.Changes(call.Name) && !errors.Is(err, core.ErrNotSent) {
		return menus.Result{Outcome: menus.Pending}
	}
	return menus.Result{Outcome: menus.Down}
}

func values(args []sessions.Arg) []menus.Value {
	vs := make([]menus.Value, len(args))
	for i, a := range args {
		vs[i] = menus.Value{Name: a.Name, Text: a.Value, Sealed: a.Sealed}
	}
	return vs
}

func args(values []menus.Value) []sessions.Arg {
	as := make([]sessions.Arg, len(values))
	for i, v := range values {
		as[i] = sessions.Arg{Name: v.Name, Value: v.Text, Sealed: v.Sealed}
	}
	return as
}

func coreValues(args core.Args) []menus.Value {
	vs := make([]menus.Value, len(args))
	for i, a := range args {
		vs[i] = menus.Value{Name: a.Name, Text: a.Value}
	}
	return vs
}

func rows(all []core.Args) [][]menus.Value {
	rs := make([][]menus.Value, len(all))
	for i, r := range all {
		rs[i] = coreValues(r)
	}
	return rs
}
