package dialog

import (
	"context"
	"errors"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// grace is how long the store keeps a dialogue beyond its time: long enough for
// Sweep to find it and to keep what its menu may take up again.
const grace = 6 * sweepEvery

// droppedID is the place of a session of its own for what is left of a
// customer's last dialogue in a network. No network numbers a dialogue so.
const droppedID = "~dropped"

func droppedKey(k sessions.Key) sessions.Key {
	return sessions.Key{Network: k.Network, MSISDN: k.MSISDN, ID: droppedID}
}

// left is the state of a broken off dialogue as it may be taken up again, and
// for how long.
func (d *Dialog) left(ctx context.Context, s sessions.Session) (*menus.Catalog, *menus.Program, menus.State, bool) {
	if s.Ended || !s.Asking {
		return nil, nil, menus.State{}, false
	}
	catalog, err := d.Menus.Revision(ctx, s.Revision)
	if err != nil {
		return nil, nil, menus.State{}, false
	}
	program, ok := catalog.Program(s.Menu)
	if !ok {
		return nil, nil, menus.State{}, false
	}
	var state menus.State
	if err := state.UnmarshalBinary(s.State); err != nil {
		return nil, nil, menus.State{}, false
	}
	state, ok = program.Dropped(state)
	return catalog, program, state, ok
}

// drop keeps what is left of a dialogue that broke off, without its secrets. A
// dialogue that cannot be kept begins anew: nothing else is lost.
func (d *Dialog) drop(ctx context.Context, s sessions.Session, at time.Time) {
	_, program, state, ok := d.left(ctx, s)
	if !ok {
		return
	}
	b, err := state.MarshalBinary()
	if err != nil {
		return
	}
	kept := sessions.Session{Key: droppedKey(s.Key), Menu: s.Menu, Revision: s.Revision, State: b, Asking: true,
		Node: d.Node, LastAt: at, Started: s.Started, Expires: at.Add(program.Resume().Within)}
	older, err := d.Store.Load(ctx, kept.Key)
	switch {
	case err == nil:
		kept.Version = older.Version
	case !errors.Is(err, sessions.ErrNotFound):
		return
	}
	if _, err := d.Store.Commit(ctx, kept); err != nil && !errors.Is(err, sessions.ErrConflict) {
		d.Log.Info("a dialogue that broke off was not kept", "err", err)
	}
}

// timeout ends a dialogue that ran into its time. It is false if another node
// has gone on with it.
func (d *Dialog) timeout(ctx context.Context, k sessions.Key, now time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := d.Store.Load(ctx, k)
	switch {
	case errors.Is(err, sessions.ErrNotFound):
		return false // it has not expired yet: it was ended elsewhere
	case err != nil:
		return true
	case s.Node != d.Node || s.Expires.Add(-grace).After(now):
		return false
	}
	d.drop(ctx, s, now)
	s.Ended = true
	if _, err := d.Store.Commit(ctx, s); err != nil && !errors.Is(err, sessions.ErrConflict) {
		d.Log.Info("a dialogue stays until it expires", "err", err)
	}
	return true
}

// takeUp goes on with the customer's last dialogue in this menu, or asks whether
// to, if it broke off a short time ago. It says no where there is none: then the
// menu begins.
func (t *Turn) takeUp(ctx context.Context, menu string, old sessions.Session, found bool, hash uint64) bool {
	d, m := t.d, t.m
	s := old
	if !found {
		var err error
		if s, err = d.Store.Load(ctx, droppedKey(m.Key)); err != nil {
			return false
		}
	}
	if s.Menu != menu {
		return false
	}
	catalog, program, state, ok := d.left(ctx, s)
	if !ok || m.At.Sub(s.LastAt) > program.Resume().Within {
		return false
	}
	in := t.input(menus.Redial)
	in.Open = t.before
	turn, err := t.step(program, state, in)
	if err != nil {
		d.Log.Warn("a dialogue that broke off cannot be taken up", "menu", menu, "err", err)
		return false
	}
	t.catalog, t.program, t.turn = catalog, program, turn
	t.session = sessions.Session{
		Key: m.Key, Menu: menu, Revision: s.Revision,
		Started: m.At, LastHash: hash, LastSeq: m.Seq, LastAt: m.At,
	}
	if found {
		t.session.Version = old.Version
		d.live.end(d, old.Key, EndReplaced, m.At)
	}
	t.language = state.Language()
	t.advance(ctx)
	if !found {
		s.Ended = true
		if _, err := d.Store.Commit(ctx, s); err != nil && !errors.Is(err, sessions.ErrConflict) {
			d.Log.Info("a dialogue that was taken up may be offered again", "err", err)
		}
	}
	return true
}
