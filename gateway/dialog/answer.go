package dialog

import (
	"context"
	"errors"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// The same text so soon after the last step is the same key press (M9).
const repeatWindow = time.Second

// answer takes what a customer typed to the outstanding question. If it turns out
// that this process remembered an older state of the dialogue than the store has,
// it does so again with the store's.
func (t *Turn) answer(ctx context.Context) {
	if remembered := t.take(ctx, false); remembered && t.overtaken {
		t.again()
		t.take(ctx, true)
	}
}

// take loads the dialogue and steps it; it says whether what was loaded was only
// remembered. After a commit on what was remembered has failed, behind is true.
func (t *Turn) take(ctx context.Context, behind bool) (remembered bool) {
	d, m := t.d, t.m
	s, err := d.Store.Load(ctx, m.Key)
	switch {
	case errors.Is(err, sessions.ErrNotFound):
		t.catalog = d.Menus.Current()
		if c, err := d.Store.Customer(ctx, m.Key.MSISDN); err == nil {
			t.language = c.Language
		}
		t.system("session_expired", t.code())
		return false
	case err != nil:
		t.unread(err)
		return false
	}
	remembered = s.Remembered()
	if !t.resume(ctx, s) {
		return remembered
	}
	ours := s.Node == d.Node
	if ours && behind || !(ours && remembered) && !d.continues(ctx, s) {
		// Nobody knows whether the customer has seen the stored screen: this key may
		// be an answer to another one (M7).
		t.showAgain(ctx)
		return remembered
	}
	hash := t.hash()
	same := t.hashed(s.LastHash, hash)
	repeated := same && (m.At.Sub(s.LastAt) < repeatWindow || m.Seq != 0 && m.Seq == s.LastSeq) ||
		m.Seq != 0 && m.Seq == s.LastSeq && t.hashed(again(s.LastHash), hash)
	switch {
	case !ours && s.Asking && (repeated || m.At.Before(d.stepped(&s))):
		// Another node was at work on this dialogue, or on this very message, when
		// it came: it answers no screen that is known to have left.
		t.showAgain(ctx)
		return remembered
	case !s.Asking || repeated:
		t.duplicate(ctx, s)
		return remembered
	case t.turn.State.Unclear():
		t.showAgain(ctx) // whatever a later release asked, this key is no answer to the screen
		return remembered
	}
	t.session.LastHash, t.session.LastSeq, t.session.LastAt = hash, m.Seq, m.At
	t.session.Steps++
	said := t.turn.State.Said()
	turn, err := t.step(t.program, t.turn.State, t.input(menus.Keys))
	if err != nil {
		t.broken(err)
		return remembered
	}
	t.turn = turn
	t.advance(ctx)
	if said != nil {
		t.seen(ctx, said)
	}
	return remembered
}

// continues says whether the next key of a dialogue answers its stored screen.
func (d *Dialog) continues(ctx context.Context, s sessions.Session) bool {
	if d.Peers == nil {
		return s.Node == d.Node
	}
	asked := s // on the heap only now
	return d.Peers.Continues(ctx, &asked)
}

// stepped is when a dialogue was last committed.
func (d *Dialog) stepped(s *sessions.Session) time.Time { return s.Expires.Add(-d.Session - grace) }

// again forgets what the turn did in vain.
func (t *Turn) again() {
	t.overtaken, t.turn, t.session = false, menus.Turn{}, sessions.Session{}
	t.catalog, t.program, t.language = nil, nil, ""
}

// resume makes the stored dialogue this turn's; it says whether that went well.
func (t *Turn) resume(ctx context.Context, s sessions.Session) bool {
	lost := func(err error) bool {
		t.told = s.Action != "" // it goes its own way, and its SMS comes
		t.broken(err)
		return false
	}
	catalog, err := t.d.Menus.Revision(ctx, s.Revision)
	if err != nil {
		return lost(err)
	}
	t.session, t.catalog = s, catalog
	program, ok := catalog.Program(s.Menu)
	if !ok {
		return lost(errors.New("dialog: the revision has no menu " + s.Menu))
	}
	t.program = program
	if err := t.turn.State.UnmarshalBinary(s.State); err != nil {
		return lost(err)
	}
	t.language = t.turn.State.Language()
	return true
}

// again marks the hash of a key that was no answer: the same text, however soon,
// may be the customer's answer now, but the same message delivered twice is not.
func again(hash uint64) uint64 { return ^hash }

// showAgain shows the stored screen without taking the key as its answer. A call
// that was outstanding is answered with what became of it.
func (t *Turn) showAgain(ctx context.Context) {
	d := t.d
	t.session.LastHash, t.session.LastSeq, t.session.LastAt = again(t.hash()), t.m.Seq, t.m.At
	in := t.input(menus.Show)
	if t.turn.State.Unclear() && t.session.Action != "" {
		t.told = true
		t.broken(errors.New("dialog: a later release waits for an action in a way that this one does not know"))
		return
	}
	if t.turn.State.Waiting() {
		in = t.input(menus.Answer)
		// Nobody waits for it any more, and it may have arrived: a menu takes that for
		// unavailable where the call only reads.
		in.Result = menus.Result{Outcome: menus.Pending}
		if t.session.Action != "" {
			t.wait()
			a, err := d.Store.Action(ctx, t.session.Key.MSISDN, t.session.Action)
			t.told = !errors.Is(err, sessions.ErrNotFound)
			switch {
			case !t.told:
				// It was not born: the process ended in its commit, and nothing was sent. No
				// SMS would come.
				t.session.Action = ""
				in.Result = menus.Result{Outcome: menus.Down}
			case err != nil:
				t.storeAway(err)
				return
			default:
				in.Result = actionResult(d.Ledger.Resolve(ctx, a))
				t.ref = in.Result.Ref
			}
		}
	}
	turn, err := t.step(t.program, t.turn.State, in)
	if err != nil {
		t.broken(err)
		return
	}
	t.turn = turn
	t.advance(ctx)
}

// duplicate acknowledges what was already handled. Only a screen that provably
// never left is shown again.
func (t *Turn) duplicate(ctx context.Context, s sessions.Session) {
	if !t.d.wasUnshown(s.Key) || !s.Asking {
		return
	}
	if t.program == nil && !t.resume(ctx, s) {
		return
	}
	turn, err := t.step(t.program, t.turn.State, t.input(menus.Show))
	if err != nil {
		t.broken(err)
		return
	}
	t.screen(turn)
}

// abort forgets the dialogue, but for what its menu may take up again. An action that was born from it goes its own way.
func (t *Turn) abort(ctx context.Context) {
	d := t.d
	d.live.end(d, t.m.Key, EndAbort, t.m.At)
	s, err := d.Store.Load(ctx, t.m.Key)
	for tries := 0; err == nil && tries < 2; tries++ {
		remembered := s.Remembered()
		d.drop(ctx, s, t.m.At)
		s.Ended = true
		if _, err = d.Store.Commit(ctx, s); !remembered || !errors.Is(err, sessions.ErrConflict) {
			break
		}
		s, err = d.Store.Load(ctx, t.m.Key)
	}
	if err != nil && !errors.Is(err, sessions.ErrNotFound) && !errors.Is(err, sessions.ErrConflict) {
		d.Log.Warn("an aborted dialogue stays until it expires", "err", err)
	}
}
