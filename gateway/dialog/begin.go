package dialog

import (
	"context"
	"errors"
	"strings"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// A start that comes again so soon, before any answer, was delivered twice:
// nobody hangs up and dials again as fast.
const startWindow = 2 * time.Second

// begin starts a dialogue, in the place of one that the same key still names:
// network ids are recycled, and a customer who dials has left the old one.
func (t *Turn) begin(ctx context.Context) {
	if remembered := t.dial(ctx); remembered && t.overtaken {
		t.again() // another node has moved on what was remembered
		t.dial(ctx)
	}
}

// dial is begin's work. It says whether the dialogue that it replaces was only
// remembered.
func (t *Turn) dial(ctx context.Context) (remembered bool) {
	d, m := t.d, t.m
	old, err := d.Store.Load(ctx, m.Key)
	found := err == nil
	if err != nil && !errors.Is(err, sessions.ErrNotFound) {
		t.storeAway(err)
		return false
	}
	remembered = old.Remembered()
	hash := t.hash()
	if found && old.Steps == 0 && old.Node == d.Node && old.LastHash == hash && m.At.Sub(old.LastAt) < startWindow {
		t.duplicate(ctx, old)
		return remembered
	}
	customer, err := d.Store.Customer(ctx, m.Key.MSISDN)
	if err != nil && !errors.Is(err, sessions.ErrNotFound) {
		t.storeAway(err)
		return remembered
	}
	t.language = customer.Language
	t.before = t.earlier(ctx, customer)

	t.catalog = d.Menus.For(m.Key.MSISDN)
	program, rest, ok := t.catalog.Dial(string(m.Text))
	if !ok && (program == nil || !menus.Misdialled(rest)) {
		t.system("unknown_code", shown(m.Text))
		return remembered
	}
	if closed := d.closed(); closed != nil && len(t.before) == 0 {
		t.turnAway(closed)
		return remembered
	}
	seed := d.Desk.planted(m.Key.MSISDN, program.Menu())
	if seed == nil && rest == "" && program.Resume().Mode != "restart" && t.takeUp(ctx, program.Menu(), old, found, hash) {
		return remembered
	}
	t.program = program
	t.session = sessions.Session{
		Key: m.Key, Menu: program.Menu(), Revision: t.catalog.Revision(),
		Started: m.At, LastHash: hash, LastSeq: m.Seq, LastAt: m.At,
	}
	if found {
		t.session.Version = old.Version
		d.live.end(d, old.Key, EndReplaced, m.At)
	}
	in := t.input(menus.Begin)
	in.Text, in.Open = menus.Typed(rest), t.before
	turn, err := t.first(program, in, seed)
	if err != nil {
		t.broken(err)
		return remembered
	}
	t.turn = turn
	t.advance(ctx)
	return remembered
}

// shown is the part of a dialled string that may be repeated on the screen: its
// first two fields. Anything could stand behind them, a PIN too.
func shown(dialled menus.Typed) string {
	fields := strings.Split(strings.TrimSuffix(string(dialled), "#"), "*")
	if len(fields) <= 3 {
		return strings.Join(fields, "*") + "#"
	}
	return strings.Join(fields[:3], "*") + "*..."
}
