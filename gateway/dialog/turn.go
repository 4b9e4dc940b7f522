package dialog

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"nyota/gateway/core"
	"nyota/menus"
	"nyota/sessions"
)

// reserve is kept of a turn's time for the commit and the screen that follow a
// call to the core.
const reserve = 400 * time.Millisecond

// maxCalls bounds the calls of one turn; the menus' own bound on hops is lower.
const maxCalls = 8

// Turn is one message on its way to its screen. It is used again after Release:
// at a hundred thousand steps a second its memory is the collector's largest
// piece of work.
type Turn struct {
	d        *Dialog
	m        Message
	deadline time.Time
	language string

	catalog *menus.Catalog
	program *menus.Program
	session sessions.Session
	turn    menus.Turn
	before  []menus.Earlier // of a dial: what is to be said first
	told    bool            // an action was born: the screen must say what became of it, stored or not
	ref     string          // of that action, as the customer may quote it; "" if it is not known

	overtaken bool // a commit found the dialogue changed by another writer

	action *sessions.Action // committed: to be run
	ticket *core.Ticket     // its place at the core; nil without Admission
	read   *menus.Call      // to be made

	reply Reply
	ready bool

	began time.Time // on the gateway's clock
	waits bool      // for the core or a disk, or it did: see wait

	// What a step needs of the turn, made once and kept over Release.
	seal  func(string) ([]byte, error)
	same  func([]byte, string) (bool, error)
	down  func(string) (menus.Unavailable, bool)
	busy  func(string) bool
	text  []byte    // to be hashed
	parts [3][]byte // to be hashed
}

var turns = sync.Pool{New: func() any {
	t := &Turn{text: make([]byte, 0, 256)}
	t.seal, t.same, t.down, t.busy = t.sealSecret, t.sameSecret, t.unavailable, t.crowded
	return t
}}

// stepped tells how long the customer waited.
func (t *Turn) stepped() {
	if t.d.Stepped != nil {
		t.d.Stepped(t.m.Kind, t.d.Now().Sub(t.m.At))
	}
}

// Release gives the turn back for others to use. It may be called once, after
// Reply, by whoever has done with the turn; a turn that nobody releases is
// collected as usual.
func (t *Turn) Release() {
	clear(t.text[:cap(t.text)]) // a secret may have been typed
	*t = Turn{seal: t.seal, same: t.same, down: t.down, busy: t.busy, text: t.text[:0]}
	turns.Put(t)
}

// wait says, once, that the turn is about to wait for the core or a disk. Whoever
// has a store across a network knows that each step waits for that.
func (t *Turn) wait() {
	if t.waits {
		return
	}
	t.waits = true
	if t.m.Waits != nil {
		t.m.Waits()
	}
}

// now is the present time. A turn that waits for nothing is where it began: it takes
// some microseconds, of which looking at the clock would be a good part.
func (t *Turn) now() time.Time {
	if t.waits || t.d.Peers != nil {
		return t.d.Now()
	}
	return t.began
}

// Deadline is when the customer must have the screen.
func (t *Turn) Deadline() time.Time { return t.deadline }

// Reply makes the call that the turn waits for, if any, and returns the screen.
// It is false where there is nothing to show: a duplicate, an abort, a dialogue
// that another step has moved on.
func (t *Turn) Reply(ctx context.Context) (Reply, bool) {
	defer t.stepped()
	if t.action == nil && t.read == nil {
		return t.reply, t.ready
	}
	t.wait()
	ctx, cancel := context.WithDeadline(ctx, t.deadline)
	defer cancel()
	for calls := 0; t.action != nil || t.read != nil; calls++ {
		if calls == maxCalls {
			t.ticket.Release()
			t.action, t.read = nil, nil
			t.broken(errors.New("dialog: too many calls in one turn"))
			break
		}
		in := t.input(menus.Answer)
		if t.action != nil {
			a := t.d.Ledger.Run(core.WithTicket(ctx, t.ticket), *t.action)
			t.ticket.Release() // a try that came to no call leaves it
			in.Result, t.told = actionResult(a), true
			t.ref = in.Result.Ref
		} else {
			var local bool
			if in.Result, local = t.local(ctx, t.read); !local {
				in.Result = t.d.makeRead(ctx, t.m.Key.MSISDN, t.read, t.callDeadline(t.read))
			}
		}
		t.action, t.read = nil, nil
		turn, err := t.step(t.program, t.turn.State, in)
		if err != nil {
			t.broken(err)
			break
		}
		t.turn = turn
		t.advance(ctx)
	}
	return t.reply, t.ready
}

// advance commits what the last step led to: a screen, or a call to be made.
func (t *Turn) advance(ctx context.Context) {
	if call := t.turn.Call; call != nil {
		t.call(ctx, call)
		return
	}
	if err := t.commit(ctx); err != nil {
		t.uncommitted(err)
		return
	}
	t.remember(ctx)
	t.screen(t.turn)
}

// call commits the dialogue as waiting; an action is born in the same commit.
func (t *Turn) call(ctx context.Context, call *menus.Call) {
	d := t.d
	if !call.Action {
		if err := t.commit(ctx); err != nil {
			t.uncommitted(err)
			return
		}
		t.read = call
		return
	}
	if why, down := d.unavailable(call.Needs()); down {
		t.turnedAway(ctx, why.Until)
		return
	}
	t.wait() // for a place at the core, and for the disk
	order := t.order(call)
	b, err := t.expect(ctx, order, call.Sure)
	switch {
	case err != nil:
		t.storeAway(err)
		return
	case b.same != nil:
		t.doubt(ctx, call, *b.same)
		return
	}
	ticket, err := d.reserve(ctx, order)
	if err != nil {
		d.Log.Debug("the core has no room for an action", "call", call.Name, "err", err)
		t.turnedAway(ctx, time.Time{})
		return
	}
	a, born := t.bear(ctx, call, order, b)
	if !born {
		ticket.Release()
		return
	}
	t.action, t.ticket = a, ticket
}

// turnedAway answers an action that is not born: nothing was sent, and nobody
// owes the customer an SMS about it.
func (t *Turn) turnedAway(ctx context.Context, until time.Time) {
	in := t.input(menus.Answer)
	in.Result = menus.Result{Outcome: menus.Down, Until: until}
	turn, err := t.step(t.program, t.turn.State, in)
	if err != nil {
		t.broken(err)
		return
	}
	t.turn = turn
	t.advance(ctx)
}

// commit stores the dialogue as the last step left it, with the records that are
// born with it.
func (t *Turn) commit(ctx context.Context, records ...sessions.Record) error {
	d := t.d
	state, err := t.turn.State.MarshalBinary()
	if err != nil {
		return err
	}
	s := t.session
	s.State, s.Node, s.Ended = state, d.Node, t.turn.End
	s.Asking = t.turn.Call == nil && !t.turn.End
	s.Expires = t.now().Add(d.Session + grace)
	if t.turn.Call == nil {
		s.Action, s.Screen = "", t.turn.Screen.ID
	}
	if t.turn.SMS != "" {
		t.wait()
		records = append(records, notice(s.Key.MSISDN, fmt.Sprintf("sms/%s/%s/%d/%d", s.Key.Network, s.Key.ID, s.Started.UnixMicro(), s.Version), t.turn.SMS, d.Now()))
	}
	stored, err := d.Store.Commit(ctx, s, records...)
	if err != nil {
		return err
	}
	t.session = stored
	d.live.step(d, stored, t.turn)
	return nil
}

// remember keeps a language that the customer chose in this dialogue.
func (t *Turn) remember(ctx context.Context) {
	chosen := t.turn.State.Language()
	if chosen == "" || chosen == t.language {
		return
	}
	c, err := t.d.Store.Customer(ctx, t.m.Key.MSISDN)
	if errors.Is(err, sessions.ErrNotFound) {
		c, err = sessions.Customer{MSISDN: t.m.Key.MSISDN}, nil
	}
	if err == nil && c.Language != chosen {
		c.Language = chosen
		err = t.d.Store.Put(ctx, &c)
	}
	if err != nil {
		t.d.Log.Info("a language was not remembered", "err", err)
	}
}

func (t *Turn) screen(turn menus.Turn) {
	t.reply = Reply{Screen: turn.Screen.ID, Text: turn.Screen.Text, UCS2: turn.Screen.UCS2,
		Secret: turn.Screen.Secret, End: turn.End}
	t.ready = true
}

// uncommitted ends the turn after a commit that did not happen, or may not have.
func (t *Turn) uncommitted(err error) {
	if errors.Is(err, sessions.ErrConflict) {
		t.overtaken = true
		return // another step of this dialogue was faster, and shows its screen
	}
	if t.turn.Call == nil && t.told {
		// The core has answered: that is the truth to tell, stored or not.
		t.d.Log.Error("a dialogue could not be stored after its action", "err", err)
		t.screen(t.turn)
		t.reply.End = true
		return
	}
	t.storeAway(err)
}

// storeAway tells the customer honestly that nothing was accepted.
func (t *Turn) storeAway(err error) {
	t.catalog = t.d.Menus.Current()
	if t.told {
		t.d.Log.Error("the store did not answer: what became of a dialogue's action is told by SMS alone", "err", err)
		t.checking()
		return
	}
	t.sayAway(err)
	t.system("busy", t.code())
}

// unread is storeAway for a key whose dialogue cannot be read. It may be a PIN that
// was sent before and is delivered again, so that nothing is said of what was sent.
func (t *Turn) unread(err error) {
	t.catalog = t.d.Menus.Current()
	t.sayAway(err)
	t.system("unsure", t.code())
}

func (t *Turn) sayAway(err error) {
	if n, ok := t.d.away.say(t.d.Now()); ok {
		t.d.Log.Error("the store did not answer: customers were told to try again", "customers", n, "err", err)
	}
}

// broken ends a dialogue that cannot go on: its revision or state is lost.
func (t *Turn) broken(err error) {
	t.d.Log.Error("a dialogue cannot go on", "menu", t.session.Menu, "revision", t.session.Revision, "err", err)
	t.catalog = t.d.Menus.Current()
	if t.told {
		t.checking()
		return
	}
	t.system("session_expired", t.code())
}

// checking ends a dialogue that cannot show what became of its action: "dial again"
// would be an invitation to pay twice, and "nothing was sent" may be false. The SMS
// that every outcome owes comes all the same.
func (t *Turn) checking() {
	t.end("still_checking", menus.Value{Name: "ref", Text: t.ref})
}

// system shows a text from outside any menu, and ends the dialogue.
func (t *Turn) system(name, code string) { t.end(name, menus.Value{Name: "code", Text: code}) }

func (t *Turn) end(name string, value menus.Value) {
	text := t.catalog.Text(name, t.language, value)
	t.reply = Reply{Screen: name, Text: text, UCS2: menus.NeedsUCS2(text), End: true}
	t.ready = true
	t.d.live.end(t.d, t.m.Key, EndError, t.m.At)
	t.d.Outside(name)
}

// code is what to dial to come back.
func (t *Turn) code() string {
	if t.program != nil {
		return t.program.Codes()[0]
	}
	return t.d.Menus.Code()
}

// input is what a step depends on beside the state.
func (t *Turn) input(kind menus.InputKind) menus.Input {
	d := t.d
	in := menus.Input{
		Kind: kind, Customer: t.m.Key.MSISDN, Language: t.language,
		Now: t.now().In(d.Zone), Limits: t.m.Limits,
		Seal: t.seal, Same: t.same, Down: t.down, Busy: t.busy, Closed: d.closed(),
	}
	if kind == menus.Keys {
		in.Text = t.m.Text
	}
	if d.Plans != nil && d.Plans.Notice() != nil {
		in.Notice = t.notice
	}
	return in
}

func (t *Turn) sealSecret(secret string) ([]byte, error) {
	return t.d.Vault.Seal([]byte(secret), []byte(t.m.Key.MSISDN))
}

func (t *Turn) sameSecret(sealed []byte, secret string) (bool, error) {
	plain, err := t.d.Vault.Open(sealed, []byte(t.m.Key.MSISDN))
	defer clear(plain)
	return subtle.ConstantTimeCompare(plain, []byte(secret)) == 1, err
}

func (t *Turn) unavailable(name string) (menus.Unavailable, bool) { return t.d.unavailable(name) }

func (t *Turn) crowded(call string) bool { return t.d.Calls.Busy(call) }

// hash tells this input from others, without keeping it.
func (t *Turn) hash() uint64 {
	b := append(t.text[:0], byte(t.m.Kind))
	b = append(b, t.m.Key.MSISDN...)
	n := len(b)
	b = append(b, t.m.Text...)
	t.text = b
	t.parts = [3][]byte{b[:1], b[1:n], b[n:]}
	return t.d.Vault.Hash(t.parts[:]...)
}

// hashed says whether a hash that is kept is this input's, whatever key it was
// made with. t.hash made the present one.
func (t *Turn) hashed(kept, present uint64) bool {
	return kept == present || t.d.Vault.HashedByOther(kept, t.parts[:]...)
}

// callDeadline leaves time for the screen after the call.
func (t *Turn) callDeadline(call *menus.Call) time.Time {
	last := t.deadline.Add(-reserve)
	if at := t.d.Now().Add(call.Deadline); at.Before(last) {
		return at
	}
	return last
}
