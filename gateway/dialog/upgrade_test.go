package dialog

import (
	"bytes"
	"context"
	"encoding"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/menus"
	"nyota/sessions"
)

// Where the state of one of the first 128 screens has what later releases change,
// and a question that no release knows.
const (
	stateFlags = 8
)

var unknownQuestion = []byte{200, 0, 0, 0}

// rewrite stores the dialogue as another release, on another gateway, would.
func (b *bench) rewrite(change func(s *sessions.Session)) {
	b.t.Helper()
	s, err := b.store.Load(b.t.Context(), key())
	if err != nil {
		b.t.Fatal(err)
	}
	change(&s)
	if _, err := b.store.Commit(b.t.Context(), s); err != nil {
		b.t.Fatal(err)
	}
}

func TestM9AQuestionOfALaterReleaseIsNotAnswered(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.rewrite(func(s *sessions.Session) {
		s.State[stateFlags] |= 0x20
		s.State = append(s.State, unknownQuestion...)
	})
	m := b.message(Answer, "1234")
	b.expect("send_pin", m)
	if r, ok := b.say(m); ok || len(b.core.posts) != 0 {
		t.Fatalf("delivered twice it shows %q, %d posts", r.Screen, len(b.core.posts))
	}
	m.Seq, m.At = m.Seq+1, m.At.Add(200*time.Millisecond) // typed again, however soon
	b.expect("sent", m)
	if len(b.core.posts) != 1 {
		t.Errorf("%d posts", len(b.core.posts))
	}
}

// Whatever a later release asks while its action is under way: this one neither
// shows a screen that could pay again, nor invites to dial again.
func TestM3AQuestionOfALaterReleaseDuringAnActionIsBeingChecked(t *testing.T) {
	for name, at := range map[string]func(b *bench){
		"on the screen before": func(b *bench) {},
		"on the call":          func(b *bench) { b.Handle(t.Context(), b.message(Answer, "1234")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.toPIN()
			at(b)
			b.rewrite(func(s *sessions.Session) {
				s.State[stateFlags] |= 0x21
				s.State = append(s.State, unknownQuestion...)
				s.Action, s.Asking = "0192f0c1-7f00-7000-8000-000000000001", false
			})
			if r, ok := b.say(b.message(Answer, "1")); ok {
				t.Errorf("while the later release may be at work a key shows %q", r.Screen)
			}
			b.restart("second")
			if r := b.press("1", "still_checking"); !r.End || len(b.core.posts) != 0 {
				t.Errorf("%+v, %d posts", r, len(b.core.posts))
			}
		})
	}
}

func TestM9AStateThatMustBeUnderstoodEndsTheDialogue(t *testing.T) {
	for name, change := range map[string]func(s *sessions.Session){
		"a flag":    func(s *sessions.Session) { s.State[stateFlags] |= 0x40 },
		"a field":   func(s *sessions.Session) { s.State = append(s.State, 0x81, 1, 'x') },
		"a version": func(s *sessions.Session) { s.State[0]++ },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.toPIN()
			b.rewrite(change)
			if r := b.press("1234", ScreenExpired); !r.End || len(b.core.posts) != 0 || len(b.open()) != 0 {
				t.Errorf("%+v, %d posts", r, len(b.core.posts))
			}
		})
	}
}

// A dialogue finishes on the menus it began on, though their release lacked texts
// that this one has, or has more of them.
func TestADialogueGoesOnWithTheMenusOfAnotherRelease(t *testing.T) {
	b := newBench(t)
	ctx, current := t.Context(), b.Menus.Current()
	told := regexp.MustCompile(`(?m)^  told: .*\n`)
	source := []byte("nyota menus 1\n")
	for name, text := range shipped(t) {
		if name == "texts.yaml" {
			text = told.ReplaceAll(text, []byte("  told_by_letter: {en: A letter comes.}\n"))
		}
		source = append(fmt.Appendf(source, "%s\t%d\n", name, len(text)), text...)
	}
	c, err := menus.LoadSource(source, menus.DefaultEnv(), current)
	if err != nil || c.Revision() == current.Revision() {
		t.Fatalf("%v", err)
	}
	if err := b.store.SaveRevision(ctx, c.Revision(), source); err != nil {
		t.Fatal(err)
	}
	wallet, _ := c.Program("wallet")
	turn, err := wallet.Step(menus.State{}, menus.Input{Kind: menus.Begin, Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	state, err := turn.State.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Commit(ctx, sessions.Session{Key: key(), Menu: "wallet", Revision: c.Revision(), State: state,
		Node: b.Node, Asking: true, Expires: b.now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	b.press("1", "send_to")
	b.restart("second")
	b.press("0700000002", "send_to")
	b.press("0700000002", "send_amount")
}

// shipped are the shipped menus.
func shipped(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../../menus/catalog/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if strings.HasSuffix(name, ".test.yaml") {
			continue
		}
		if all[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// fields stand behind all that this release knows of a record, and states have what
// a later one keeps for the dialogue, and for its screen.
const (
	fields       = "\x05later"
	ofDialogue   = "\x01\x03sms"
	ofScreen     = "\x41\x04page"
	stateHints   = 10
	hintStays    = 0x02
	hintOfScreen = 0x20
)

// enrich makes a record one of a later release.
func enrich(t *testing.T, r interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}) {
	t.Helper()
	row, err := r.MarshalBinary()
	if err == nil {
		err = r.UnmarshalBinary(append(row, fields...))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func carries(r encoding.BinaryMarshaler) bool {
	row, err := r.MarshalBinary()
	return err == nil && bytes.HasSuffix(row, []byte(fields))
}

// In a rolling upgrade a later release writes, this one goes on, and the later one
// reads: nothing is lost but what belonged to a screen that was left.
func TestM7ALaterReleaseFindsWhatItWroteAfterThisOneWentOn(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.core.post = func(context.Context, core.Request) (core.Outcome, error) {
		b.touch(func(a *sessions.Action) { enrich(t, a) }) // the later one, while the core is at work
		return core.Outcome{}, errors.New("timeout")
	}
	b.dial("home")
	b.press("1", "send_to")
	b.rewrite(func(s *sessions.Session) {
		s.State[stateHints] = hintStays | hintOfScreen
		s.State = append(s.State, ofDialogue+ofScreen...)
		enrich(t, s)
	})
	c, err := b.store.Store.Customer(ctx, customer)
	if err != nil {
		t.Fatal(err)
	}
	enrich(t, &c)
	if err := b.store.Store.Put(ctx, &c); err != nil {
		t.Fatal(err)
	}
	later := func(where string) sessions.Session {
		t.Helper()
		s, err := b.store.Load(ctx, key())
		if err != nil {
			t.Fatal(err)
		}
		if !carries(&s) {
			t.Errorf("%s: the session lost its fields", where)
		}
		return s
	}
	b.restart("second")
	b.press("0700000002", "send_to") // shown again: no step
	if s := later("shown again"); s.State[stateHints] != hintStays|hintOfScreen || !bytes.HasSuffix(s.State, []byte(ofDialogue+ofScreen)) {
		t.Errorf("shown again the state is %x", s.State)
	}
	b.press("0700000002", "send_amount")
	b.press("5000", "send_pin")
	if s := later("after steps"); s.State[stateHints] != hintStays || !bytes.HasSuffix(s.State, []byte(ofDialogue)) {
		t.Errorf("after steps the state is %x", s.State)
	}
	b.press("1234", "checking")
	if len(b.open()) != 1 || b.open()[0].State != sessions.Unknown || !carries(&b.open()[0]) {
		t.Fatalf("the action: %+v", b.open())
	}
	if c, err := b.store.Store.Customer(ctx, customer); err != nil || len(c.Recent) != 1 || !carries(&c) {
		t.Errorf("the customer: %+v, %v", c, err)
	}
}

// touch changes the one open action as another gateway would.
func (b *bench) touch(change func(*sessions.Action)) {
	b.t.Helper()
	a := b.open()[0]
	change(&a)
	if err := b.store.Store.Put(b.t.Context(), &a); err != nil {
		b.t.Fatal(err)
	}
}
