package dialog

import (
	"context"
	"errors"
	"slices"
	"time"

	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

// keepRecent is how long an action whose fate the customer knows can still be
// "the same again".
const keepRecent = menus.MaxAgain

// smsWithin is how long the SMS about an action that ended in its own dialogue
// may take, before the next dial says it too.
const smsWithin = 30 * time.Second

// earlier is what a dial says first: actions that are open, and those that came
// to their end and whose SMS has not left. It writes down what it learns about
// the others; that may fail, and is learnt again.
func (t *Turn) earlier(ctx context.Context, c sessions.Customer) []menus.Earlier {
	if len(c.Recent) == 0 {
		return nil
	}
	said, changed := t.d.refresh(ctx, &c)
	if changed {
		if err := t.d.Store.Put(ctx, &c); err != nil && !errors.Is(err, sessions.ErrConflict) {
			t.d.Log.Info("what is known of a customer was not remembered", "err", err)
		}
	}
	return said
}

// refresh brings what is remembered of a customer's actions up to date: which of
// them the customer knows the end of, and the last balance that an SMS told. It
// returns what the customer does not know, the newest first.
func (d *Dialog) refresh(ctx context.Context, c *sessions.Customer) (said []menus.Earlier, changed bool) {
	kept := make([]sessions.Recent, 0, len(c.Recent))
	for _, e := range c.Recent {
		if e.Told && d.Now().Sub(e.At) > keepRecent {
			changed = true
			continue
		}
		if e.Told {
			kept = append(kept, e)
			continue
		}
		a, err := d.Store.Action(ctx, c.MSISDN, e.ID)
		switch {
		case errors.Is(err, sessions.ErrNotFound): // past its retention
			changed = true
			continue
		case err != nil:
			d.Log.Warn("an action of a customer who dialled could not be read", "action", e.ID, "err", err)
		case a.State.Final() && !d.owed(ctx, a):
			e.Told, changed = true, true
			learnBalance(c, a)
		case a.State.Final() && !a.EndedAt.After(a.Deadline) && d.Now().Sub(a.EndedAt) < smsWithin:
			// Its own dialogue has said it, and the SMS has a moment to leave.
		default:
			said = append(said, earlierOf(a))
		}
		kept = append(kept, e)
	}
	c.Recent = kept
	slices.Reverse(said)
	return said, changed
}

// owed says whether the SMS about an action's end has not left yet.
func (d *Dialog) owed(ctx context.Context, a sessions.Action) bool {
	n, err := d.Store.Notice(ctx, a.MSISDN, noticeID(a, menus.RoleCustomer))
	return err != nil || n.State != sessions.NoticeSubmitted
}

// learnBalance keeps the balance that an action ended with: its SMS has told it,
// so that whoever reads the phone's SMS learns nothing new from it.
func learnBalance(c *sessions.Customer, a sessions.Action) {
	if a.State != sessions.Done || !a.EndedAt.After(c.BalanceAt) {
		return
	}
	for _, r := range a.Results {
		if r.Name == "balance" && r.Value != "" {
			c.Balance, c.BalanceAt = r.Value, a.EndedAt
		}
	}
}

// earlierOf is an action in the menus' words.
func earlierOf(a sessions.Action) menus.Earlier {
	r := actionResult(a)
	e := menus.Earlier{Call: a.Call, Ref: ledger.Quoted(a), Outcome: r.Outcome, Reason: r.Reason, At: a.Created}
	for _, arg := range a.Args {
		switch arg.Name {
		case "amount":
			e.Amount = arg.Value
		case "to", "till", "biller", "agent":
			e.To = arg.Value
		}
	}
	return e
}

// seen notes that the customer has read what became of actions, once a key says
// so: they are not spoken of again.
func (t *Turn) seen(ctx context.Context, said []menus.Earlier) {
	var refs []string
	for _, e := range said {
		if e.Outcome != menus.Pending {
			refs = append(refs, e.Ref)
		}
	}
	if len(refs) == 0 {
		return
	}
	d := t.d
	c, err := d.Store.Customer(ctx, t.m.Key.MSISDN)
	for i := range c.Recent {
		e := &c.Recent[i]
		if e.Told || err != nil {
			continue
		}
		if a, readErr := d.Store.Action(ctx, c.MSISDN, e.ID); readErr == nil && a.State.Final() && slices.Contains(refs, ledger.Quoted(a)) {
			e.Told = true
		}
	}
	if err == nil {
		err = d.Store.Put(ctx, &c)
	}
	if err != nil && !errors.Is(err, sessions.ErrConflict) {
		d.Log.Info("what a customer has read is said once more", "err", err)
	}
}

// birth is what an action that is about to be born finds: what is known of the
// customer, and whether the same was done before.
type birth struct {
	customer sessions.Customer
	hash     uint64 // of the order
	same     *menus.Earlier
}

// expect looks for an action that was the same: one that is open, or was done
// within the menu's time.
func (t *Turn) expect(ctx context.Context, o ledger.Order, sure bool) (birth, error) {
	d := t.d
	parts := hashedParts(o)
	b := birth{hash: d.Vault.Hash(parts...)}
	var err error
	if b.customer, err = d.Store.Customer(ctx, t.m.Key.MSISDN); errors.Is(err, sessions.ErrNotFound) {
		b.customer, err = sessions.Customer{MSISDN: t.m.Key.MSISDN}, nil
	}
	if err != nil || sure {
		return b, err
	}
	for i := len(b.customer.Recent) - 1; i >= 0; i-- {
		e := b.customer.Recent[i]
		if e.Hash != b.hash && !d.Vault.HashedByOther(e.Hash, parts...) {
			continue
		}
		a, err := d.Store.Action(ctx, b.customer.MSISDN, e.ID)
		switch {
		case errors.Is(err, sessions.ErrNotFound):
			continue
		case err != nil:
			return b, err
		}
		if !a.State.Final() || a.State == sessions.Done && d.Now().Sub(a.EndedAt) < t.program.Again().Within {
			said := earlierOf(a)
			b.same = &said
			return b, nil
		}
	}
	return b, nil
}

// hashedParts tell an order from others: all that was asked but the secret.
func hashedParts(o ledger.Order) [][]byte {
	parts := [][]byte{[]byte("same"), []byte(o.Session.MSISDN), []byte(o.Call)}
	for _, a := range o.Args {
		if a.Sealed == nil {
			parts = append(parts, []byte(a.Name), []byte(a.Value))
		}
	}
	return parts
}

// with returns what is known of the customer with one action more. What is open
// is the last to be forgotten.
func (b *birth) with(a *sessions.Action, now time.Time) *sessions.Customer {
	c := b.customer
	c.Recent = make([]sessions.Recent, 0, len(b.customer.Recent)+1)
	for _, e := range b.customer.Recent {
		if !e.Told || now.Sub(e.At) <= keepRecent {
			c.Recent = append(c.Recent, e)
		}
	}
	for len(c.Recent) >= sessions.MaxRecent {
		oldest := max(0, slices.IndexFunc(c.Recent, func(e sessions.Recent) bool { return e.Told }))
		c.Recent = slices.Delete(c.Recent, oldest, oldest+1)
	}
	c.Recent = append(c.Recent, sessions.Recent{ID: a.ID, Hash: b.hash, At: a.Created})
	return &c
}

// doubt asks whether the same is really to be done a second time.
func (t *Turn) doubt(ctx context.Context, call *menus.Call, same menus.Earlier) {
	in := t.input(menus.Doubt)
	in.Open, in.Call = []menus.Earlier{same}, call
	turn, err := t.step(t.program, t.turn.State, in)
	if err != nil {
		t.broken(err)
		return
	}
	t.turn = turn
	t.advance(ctx)
}

// birthTries bounds how often an action's commit begins again, because something
// else was remembered of its customer meanwhile.
const birthTries = 3

// bear commits an action with its dialogue and with what is remembered of its
// customer, so that of two that are the same one knows of the other. It says no,
// with the turn on its way to another screen, if nothing was born.
func (t *Turn) bear(ctx context.Context, call *menus.Call, o ledger.Order, b birth) (*sessions.Action, bool) {
	d := t.d
	for try := 1; ; try++ {
		a, err := d.Ledger.Accept(o)
		if err != nil {
			t.broken(err)
			return nil, false
		}
		t.session.Action = a.ID
		err = t.commit(ctx, a, b.with(a, d.Now()))
		if err == nil {
			return a, true
		}
		if !errors.Is(err, sessions.ErrConflict) || try == birthTries {
			// Nothing was sent: if the store kept the action after all, it expires.
			t.uncommitted(err)
			return nil, false
		}
		version := b.customer.Version
		if b, err = t.expect(ctx, o, call.Sure); err != nil {
			t.storeAway(err)
			return nil, false
		}
		switch {
		case b.customer.Version == version: // it is the dialogue that has moved on
			t.uncommitted(sessions.ErrConflict)
			return nil, false
		case b.same != nil:
			t.session.Action = ""
			t.doubt(ctx, call, *b.same)
			return nil, false
		}
	}
}
