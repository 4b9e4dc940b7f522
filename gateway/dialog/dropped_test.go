package dialog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// redial dials under another id of the network, as after a dropped dialogue.
func (b *bench) redial(id, code, screen string) Reply {
	b.t.Helper()
	m := b.message(Dial, code)
	m.Key.ID = id
	return b.expect(screen, m)
}

func (b *bench) pressOn(id, text, screen string) Reply {
	b.t.Helper()
	m := b.message(Answer, text)
	m.Key.ID = id
	return b.expect(screen, m)
}

func (b *bench) hangUp() {
	b.t.Helper()
	if _, ok := b.say(b.message(Abort, "")); ok {
		b.t.Fatal("an abort was answered with a screen")
	}
}

func TestADroppedDialogueIsOfferedAndGoesOn(t *testing.T) {
	b := newResumingBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.press("0700000002", "send_amount")
	b.hangUp()
	r := b.redial("8", "*150*00#", menus.ScreenResume)
	if !strings.Contains(r.Text, "1 Continue") || !strings.Contains(r.Text, "2 Start again") {
		t.Fatalf("%q", r.Text)
	}
	if r = b.pressOn("8", "1", "send_amount"); !strings.Contains(r.Text, "0700000002") {
		t.Errorf("%q", r.Text)
	}
	b.pressOn("8", "5000", "send_pin")
	if r = b.pressOn("8", "1234", "sent"); len(b.core.posts) != 1 {
		t.Errorf("%d posts, %+v", len(b.core.posts), r)
	}
	b.redial("9", "*150*00#", "home") // offered once
}

func TestADroppedDialogueIsOfferedOnlyForItsTime(t *testing.T) {
	b := newResumingBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.hangUp()
	b.advance(6 * time.Minute)
	b.redial("8", "*150*00#", "home")
}

func TestADroppedDialogueStartsAgainWhenAskedTo(t *testing.T) {
	b := newResumingBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.hangUp()
	b.redial("8", "*150*00#", menus.ScreenResume)
	b.pressOn("8", "2", "home")
}

func TestADroppedDialogueIsTakenUpByAnotherProcess(t *testing.T) {
	b := newResumingBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.hangUp()
	b.restart("second")
	b.redial("8", "*150*00#", menus.ScreenResume)
	b.pressOn("8", "1", "send_to")
}

func TestADialogueThatRanIntoItsTimeIsOffered(t *testing.T) {
	b := newResumingBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.advance(b.Session + time.Second)
	b.timeout(t.Context(), key(), b.now())
	if _, err := b.store.Load(t.Context(), key()); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("the dialogue is still stored: %v", err)
	}
	b.redial("8", "*150*00#", menus.ScreenResume)
}

func TestADialogueThatWentOnElsewhereIsNotTimedOut(t *testing.T) {
	b := newResumingBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.timeout(t.Context(), key(), b.now())
	b.press("0700000002", "send_amount")
}

func TestWhatIsKeptOfADroppedDialogueHoldsNoSecret(t *testing.T) {
	b := newResumingBench(t)
	b.toPIN()
	b.press("12", "send_pin")
	b.hangUp()
	s, err := b.store.Load(t.Context(), droppedKey(key()))
	if err != nil {
		t.Fatal(err)
	}
	var state menus.State
	if err := state.UnmarshalBinary(s.State); err != nil || s.Screen != "" || s.LastHash != 0 {
		t.Errorf("%v %q %d", err, s.Screen, s.LastHash)
	}
	b.redial("8", "*150*00#", menus.ScreenResume)
	if r := b.pressOn("8", "1", "send_pin"); !r.Secret {
		t.Error("the PIN is not asked for again")
	}
}

func TestAnotherMenuOrAShortcutOffersNothing(t *testing.T) {
	b := newResumingBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.hangUp()
	r := b.redial("8", "*150*00*1*0700000003*5000*1234#", "send_pin")
	if !r.Secret || !strings.Contains(r.Text, "0700000003") || len(b.core.posts) != 0 {
		t.Errorf("%+v, %d posts", r, len(b.core.posts))
	}
	if _, err := b.store.Load(t.Context(), droppedKey(key())); err != nil {
		t.Errorf("what was dropped is gone: %v", err)
	}
}
