package dialog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/menus"
	"nyota/sessions"
)

func noAnswer(context.Context, core.Request) (core.Outcome, error) {
	return core.Outcome{}, errors.New("timeout")
}

// dialling is a dial of any code.
func (b *bench) dialling(code, screen string) Reply {
	b.t.Helper()
	return b.expect(screen, b.message(Dial, code))
}

func (b *bench) remembered() sessions.Customer {
	b.t.Helper()
	c, err := b.store.Store.Customer(b.t.Context(), customer)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func TestADialSaysFirstWhatIsOpenWhateverIsDialled(t *testing.T) {
	b := newBench(t)
	b.core.post = noAnswer
	b.toPIN()
	b.press("1234", "checking")
	ref := b.open()[0].ID
	for _, code := range []string{"*150*00#", "*150*01#", "*150*02#", "*150*00*1*0700000003*700#", "*150*00*5#"} {
		r := b.dialling(code, menus.ScreenOpen)
		if !strings.Contains(r.Text, "TZS 5,000 to 0700000002") || !strings.Contains(r.Text, "still checking") || r.End || r.Secret {
			t.Errorf("%s: %+v (action %s)", code, r, ref)
		}
	}
	b.press("1", "balance_pin")
	b.dial(menus.ScreenOpen)
	b.press("1", "home")
}

func TestWhoHasAPaymentUnderCheckReadsOfItBeforeTheServiceIsSaidToBeClosed(t *testing.T) {
	b := newBench(t)
	b.core.post = noAnswer
	b.toPIN()
	b.press("1234", "checking")
	plans := closures{"": menus.Unavailable{Until: b.now().Add(48 * time.Hour)}}
	b.Plans = plans
	for _, code := range []string{"*150*00#", "*150*02#", "*150*00*1*0700000003*700#"} {
		r := b.dialling(code, menus.ScreenOpen)
		if !strings.Contains(r.Text, "still checking. Do not repeat.") || r.End {
			t.Errorf("%s: %+v", code, r)
		}
	}
	if r := b.press("1", menus.ScreenMaintenance); !r.End || !strings.Contains(r.Text, "closed for maintenance until") {
		t.Errorf("%+v", r)
	}
	// Who is not owed a word about anything reads only that.
	other := b.message(Dial, "*150*00#")
	other.Key.MSISDN = "255700000003"
	if r := b.expect(menus.ScreenMaintenance, other); !r.End || !strings.Contains(r.Text, "closed for maintenance until") {
		t.Errorf("%+v", r)
	}
	delete(plans, "")
	b.dial(menus.ScreenOpen)
	b.press("1", "home")
}

func TestWhatIsOpenIsFoundByAnotherProcess(t *testing.T) {
	b := newBench(t)
	b.core.post = noAnswer
	b.toPIN()
	b.press("1234", "checking")
	b.restart("node-2")
	b.dial(menus.ScreenOpen)
	if r := b.press("1", "home"); r.End {
		t.Errorf("%+v", r)
	}
}

func TestADialTellsTheTruthUntilTheSMSHasLeft(t *testing.T) {
	b := newBench(t)
	b.core.post = noAnswer
	b.toPIN()
	b.press("1234", "checking")
	b.mute = true
	a := b.open()[0]
	b.advance(time.Minute)
	a.State, a.Reason, a.EndedAt, a.Due = sessions.Rejected, core.InsufficientFunds, b.now(), time.Time{}
	if err := b.store.Put(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	r := b.dial(menus.ScreenOpen)
	if !strings.Contains(r.Text, "was not done: Your balance is not enough. No money moved.") {
		t.Errorf("%q", r.Text)
	}
	b.dial(menus.ScreenOpen) // hung up without a key: said again
	b.press("1", "home")
	b.dial("home") // read, and not said again
	if c := b.remembered(); len(c.Recent) != 1 || !c.Recent[0].Told {
		t.Errorf("%+v", c.Recent)
	}
}

func TestWhatItsOwnDialogueSaidIsNotSaidAgainWhileTheSMSLeaves(t *testing.T) {
	b := newBench(t)
	b.mute = true
	b.toPIN()
	b.press("1234", "sent")
	b.dial("home")
	b.advance(time.Minute)
	if r := b.dial(menus.ScreenOpen); !strings.Contains(r.Text, "was done") {
		t.Errorf("%q", r.Text)
	}
}

func TestTheSameASecondTimeIsADeliberateChoice(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first func(context.Context, core.Request) (core.Outcome, error)
		last  string
		says  string
	}{
		{"while the first is open", noAnswer, "checking", "still checking"},
		{"when the first is done", done, "sent", "(ref QK12), done"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.core.post = tc.first
			b.toPIN()
			b.press("1234", tc.last)
			b.core.post = done
			again := func() Reply {
				t.Helper()
				r, ok := b.say(b.message(Dial, "*150*00*1*0700000002*5000#"))
				if ok && r.Screen == menus.ScreenOpen {
					r, ok = b.say(b.message(Answer, "1"))
				}
				if !ok || r.Screen != "send_pin" {
					t.Fatalf("%+v", r)
				}
				return b.press("1234", menus.ScreenAgain)
			}
			if r := again(); !strings.Contains(r.Text, tc.says) || r.Secret {
				t.Errorf("%q", r.Text)
			}
			b.press("1", "home")
			if n := len(b.core.posts); n != 1 {
				t.Fatalf("%d posts", n)
			}
			again()
			b.press("5", menus.ScreenAgain)
			b.press("9", "sent")
			if n := len(b.core.posts); n != 2 || b.core.pins[1] != "1234" {
				t.Fatalf("%d posts, PINs %q", n, b.core.pins)
			}
		})
	}
}

func TestWhatIsNotTheSameIsNotAskedTwice(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.press("1234", "sent")
	b.dialling("*150*00*1*0700000002*5001#", "send_pin")
	b.press("1234", "sent")
	b.dialling("*150*00*1*0700000003*5000#", "send_pin")
	b.press("1234", "sent")
	b.core.post = func(context.Context, core.Request) (core.Outcome, error) {
		return core.Outcome{Status: core.Rejected, Reason: core.WrongPIN}, nil
	}
	b.dialling("*150*00*1*0700000004*5000#", "send_pin")
	b.press("9999", "send_pin") // refused: the second try is the first that counts
	b.core.post = done
	b.press("1234", "sent")
	b.dialling("*150*00*1*0700000002*5000#", "send_pin")
	b.advance(11 * time.Minute) // longer than the menu's time, by itself
	m := b.message(Dial, "*150*00*1*0700000002*5000#")
	b.expect("send_pin", m)
	b.press("1234", "sent")
	if n := len(b.core.posts); n != 6 {
		t.Errorf("%d posts", n)
	}
}

func TestNoMoreThanAHandfulIsRemembered(t *testing.T) {
	b := newBench(t)
	b.core.post = noAnswer
	b.dialling("*150*00*1*0700000002*900#", "send_pin")
	b.press("1234", "checking")
	b.core.post = done
	for i := range 2 * sessions.MaxRecent {
		b.dialling(fmt.Sprintf("*150*00*1*0700000002*%d#", 1000+i), menus.ScreenOpen)
		b.press("1", "send_pin")
		b.press("1234", "sent")
	}
	c := b.remembered()
	if len(c.Recent) > sessions.MaxRecent || c.Recent[0].Told {
		t.Errorf("%+v", c.Recent)
	}
	b.advance(25 * time.Hour)
	b.dial(menus.ScreenOpen)
	if c := b.remembered(); len(c.Recent) > 2 {
		t.Errorf("a day later: %+v", c.Recent)
	}
}

func TestOfTwoThatAreTheSameAtOnceOneIsAskedFor(t *testing.T) {
	b := newBench(t)
	b.core.post = noAnswer
	b.toPIN()
	// Another dialogue of the same customer is faster by a commit.
	other := key()
	other.ID = "8"
	raced := false
	b.store.onCommit = func() {
		if raced {
			return
		}
		raced = true
		for _, text := range []string{"*150*00*1*0700000002*5000#", "1234"} {
			kind := Answer
			if text[0] == '*' {
				kind = Dial
			}
			m := b.message(kind, text)
			m.Key = other
			if _, ok := b.Handle(b.t.Context(), m).Reply(b.t.Context()); !ok {
				t.Error("the other dialogue has no screen")
			}
		}
	}
	r := b.press("1234", menus.ScreenAgain)
	if !strings.Contains(r.Text, "still checking") || len(b.core.posts) != 1 {
		t.Errorf("%d posts, %q", len(b.core.posts), r.Text)
	}
}

func TestM6TheQuestionKeepsThePINSealedAndThenForgetsIt(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.press("1234", "sent")
	b.dialling("*150*00*1*0700000002*5000#", "send_pin")
	b.press("1234", menus.ScreenAgain)
	s, err := b.store.Load(t.Context(), key())
	if err != nil || strings.Contains(string(s.State), "1234") {
		t.Fatalf("%v", err)
	}
	b.press("1", "home")
	after, err := b.store.Load(t.Context(), key())
	if err != nil || len(after.State) >= len(s.State) {
		t.Errorf("%v: %d octets, with the PIN %d", err, len(after.State), len(s.State))
	}
}

func TestM7ACrashAtTheQuestionShowsItAgain(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.press("1234", "sent")
	b.dialling("*150*00*1*0700000002*5000#", "send_pin")
	b.press("1234", menus.ScreenAgain)
	b.restart("node-2")
	b.press("9", menus.ScreenAgain) // not taken as an answer
	b.press("9", "sent")
}

func TestTheStoreThatIsAwayAtTheQuestionAcceptsNothing(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.store.readAway = errAway
	r := b.press("1234", "busy")
	if !r.End || len(b.core.posts) != 0 {
		t.Errorf("%+v, %d posts", r, len(b.core.posts))
	}
}

// The change of the key that seals, as it is done while gateways run: what was
// hashed with one key is known by whoever has the other as its current one.
func TestM9TheSameIsKnownAtEveryStepOfAKeyChange(t *testing.T) {
	older, newer := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	ring := func(current []byte, other ...[]byte) *sessions.Keyring {
		t.Helper()
		k, err := sessions.NewKeyring(current, other...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	steps := []*sessions.Keyring{ring(older), ring(older, newer), ring(newer, older), ring(newer)}
	for i := range len(steps) - 1 {
		for _, from := range []int{i, i + 1} { // both run beside each other
			t.Run(fmt.Sprintf("from %d to %d", from, 2*i+1-from), func(t *testing.T) {
				b := newBench(t)
				turn := func(k *sessions.Keyring) {
					b.keys = k
					b.restart("first")
				}
				turn(steps[from])
				b.toPIN()
				b.press("1234", "sent")
				turn(steps[2*i+1-from])
				b.toPIN()
				b.press("1234", menus.ScreenAgain)
				if n := len(b.core.posts); n != 1 {
					t.Errorf("%d posts", n)
				}
			})
		}
	}
}
