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

func TestPaymentFromDialToConfirmation(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	r := b.press("1234", "sent")
	if !r.End || !strings.Contains(r.Text, "QK12") || !strings.Contains(r.Text, "5,000") {
		t.Errorf("last screen %+v", r)
	}
	if len(b.core.posts) != 1 {
		t.Fatalf("%d posts", len(b.core.posts))
	}
	p := b.core.posts[0]
	if p.Call != core.Transfer || p.Args.Get("to") != "255700000002" || p.Args.Get("amount") != "5000" || p.WireKey == "" {
		t.Errorf("request %+v", p)
	}
	if len(b.notices) != 2 || b.notices[0].To != customer || b.notices[1].To != "255700000002" {
		t.Fatalf("notices %+v", b.notices)
	}
	for _, n := range b.notices {
		if !strings.Contains(n.Text, "QK12") || !strings.Contains(n.Text, "5,000") {
			t.Errorf("notice %q", n.Text)
		}
	}
	if _, err := b.store.Load(t.Context(), key()); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("the ended dialogue is still stored: %v", err)
	}
	if len(b.records) != 1 || b.records[0].End != EndDone || b.records[0].Screen != "sent" || b.records[0].Steps != 4 {
		t.Errorf("call detail records %+v", b.records)
	}
}

func TestM3WordsFollowWhatIsKnown(t *testing.T) {
	refuse := func(reason string) func(context.Context, core.Request) (core.Outcome, error) {
		return func(context.Context, core.Request) (core.Outcome, error) {
			return core.Outcome{Status: core.Rejected, Reason: reason}, nil
		}
	}
	for _, tc := range []struct {
		name    string
		post    func(context.Context, core.Request) (core.Outcome, error)
		screen  string
		says    string
		notices int // to the customer, at once
	}{
		{"confirmed", done, "sent", "sent to", 2},
		{"wrong PIN asks for it again", refuse(core.WrongPIN), "send_pin", "Wrong PIN", 1},
		{"too little money", refuse(core.InsufficientFunds), "send_short", "No money moved", 1},
		{"unknown payee", refuse(core.UnknownPayee), "send_to", "not found", 1},
		{"blocked", refuse(core.AccountBlocked), "refused", "No money moved", 1},
		{"nothing left", func(context.Context, core.Request) (core.Outcome, error) {
			return core.Outcome{}, core.ErrNotSent
		}, "not_sent", "No money moved", 1},
		{"no answer", func(context.Context, core.Request) (core.Outcome, error) {
			return core.Outcome{}, errors.New("timeout")
		}, "checking", "Do not repeat", 0},
		{"not decided", func(context.Context, core.Request) (core.Outcome, error) {
			return core.Outcome{Status: core.Pending}, nil
		}, "checking", "Do not repeat", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.core.post = tc.post
			b.toPIN()
			r := b.press("1234", tc.screen)
			if !strings.Contains(r.Text, tc.says) {
				t.Errorf("screen %q does not say %q", r.Text, tc.says)
			}
			if len(b.notices) != tc.notices {
				t.Errorf("%d notices: %+v", len(b.notices), b.notices)
			}
		})
	}
}

func TestRefusedPINCanBeTypedAgain(t *testing.T) {
	b := newBench(t)
	b.core.post = func(_ context.Context, r core.Request) (core.Outcome, error) {
		if string(r.PIN.Reveal()) != "1234" {
			return core.Outcome{Status: core.Rejected, Reason: core.WrongPIN}, nil
		}
		return done(context.Background(), r)
	}
	b.toPIN()
	b.press("9999", "send_pin")
	b.press("1234", "sent")
	if len(b.core.posts) != 2 || b.core.posts[0].ID == b.core.posts[1].ID {
		t.Errorf("two tries are two actions: %d posts", len(b.core.posts))
	}
}

func TestCoreThatIsAwayIsSaidBeforeThePIN(t *testing.T) {
	b := newBench(t)
	b.calls.down = true
	r := b.dial("home")
	if !strings.Contains(r.Text, "(not available now)") {
		t.Errorf("the first screen does not say it: %q", r.Text)
	}
	if r := b.press("1", menus.ScreenUnavailable); !strings.Contains(r.Text, "not available") {
		t.Errorf("%q", r.Text)
	}
}

func TestCoreThatGoesAwayAtThePINIsSentNothing(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.calls.down = true
	r := b.press("1234", "not_sent")
	if len(b.core.posts) != 0 || len(b.open()) != 0 || !strings.Contains(r.Text, "No money moved") {
		t.Errorf("%d posts, %d actions, %q", len(b.core.posts), len(b.open()), r.Text)
	}
}

func TestNameAndFeeThatDoNotComeInTimeAreSaidPlainly(t *testing.T) {
	b := newBench(t)
	b.core.read = func(core.Request) (core.Outcome, error) { return core.Outcome{}, errors.New("slow") }
	b.dial("home")
	b.press("1", "send_to")
	b.press("0700000002", "send_amount")
	r := b.press("5000", "send_pin")
	if !strings.Contains(r.Text, "name not available") || !strings.Contains(r.Text, "Fee not known") {
		t.Errorf("%q", r.Text)
	}
	b.press("1234", "sent")
}

func TestM6NoSecretIsStoredShownOrRecorded(t *testing.T) {
	b := newBench(t)
	const pin = "271828"
	stored := func() {
		t.Helper()
		s, err := b.store.Load(t.Context(), key())
		if err == nil && strings.Contains(string(s.State)+s.Screen, pin) {
			t.Error("the PIN is in the stored session")
		}
		for _, a := range b.open() {
			if strings.Contains(fmt.Sprintf("%q", a.Args), pin) {
				t.Error("the PIN is in the stored action")
			}
		}
	}
	b.core.post = func(_ context.Context, r core.Request) (core.Outcome, error) {
		stored()
		if s := fmt.Sprintf("%v %+v %#v", r, r, r); strings.Contains(s, pin) {
			t.Error("the PIN is formatted with the request")
		}
		return core.Outcome{Status: core.Rejected, Reason: core.WrongPIN}, nil
	}
	b.toPIN()
	m := b.message(Answer, pin)
	if s := fmt.Sprintf("%v %+v %#v %s", m, m, m, m.Text); strings.Contains(s, pin) {
		t.Errorf("the PIN is formatted with the message: %s", s)
	}
	r := b.expect("send_pin", m)
	stored()
	if strings.Contains(r.Text, pin) {
		t.Error("the PIN is on the screen")
	}
	for _, n := range b.notices {
		if strings.Contains(n.Text, pin) {
			t.Error("the PIN is in a notice")
		}
	}
}

func TestM7FirstKeyAfterARestartShowsTheScreenAndIsNoAnswer(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	steps := []struct{ press, next string }{
		{"1", "send_to"}, {"0700000002", "send_amount"}, {"5000", "send_pin"}, {"1234", "sent"},
	}
	screen := "home"
	for i, s := range steps {
		b.restart(fmt.Sprintf("process %d", i))
		r := b.press(s.press, screen) // the stored screen again
		if r.End {
			t.Fatalf("%q ends the dialogue", screen)
		}
		b.press(s.press, s.next)
		screen = s.next
	}
	if len(b.core.posts) != 1 {
		t.Errorf("%d posts", len(b.core.posts))
	}
}

// Found by the property test in gateway/ledger: the amount, delivered twice, was
// taken as the PIN.
func TestM7KeyDeliveredTwiceAfterARestartIsNoAnswerEither(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.restart("second")
	m := b.message(Answer, "1234")
	b.expect("send_pin", m)
	if r, ok := b.say(m); ok || len(b.core.posts) != 0 {
		t.Fatalf("the same message again shows %q, %d posts", r.Screen, len(b.core.posts))
	}
	m.Seq++ // the customer presses it again
	b.expect("sent", m)
}

func TestM7RestartDuringAnActionTellsWhatBecameOfIt(t *testing.T) {
	for _, tc := range []struct {
		name   string
		sent   bool
		screen string
		says   string
	}{
		{"accepted and never sent", false, "not_sent", "No money moved"},
		{"sent and not answered", true, "checking", "Do not repeat"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.toPIN()
			turn := b.Handle(t.Context(), b.message(Answer, "1234")) // committed, and then the process died
			if turn.action == nil {
				t.Fatal("no action was committed")
			}
			if tc.sent {
				a := *turn.action
				a.State, a.SentAt = sessions.Sent, b.now()
				if err := b.store.Put(t.Context(), &a); err != nil {
					t.Fatal(err)
				}
			}
			b.restart("second")
			r := b.press("1", tc.screen)
			if !strings.Contains(r.Text, tc.says) || len(b.core.posts) != 0 {
				t.Errorf("%d posts, %q", len(b.core.posts), r.Text)
			}
			// Whoever still held the action cannot send it any more.
			turn.Reply(t.Context())
			if len(b.core.posts) != 0 {
				t.Error("it was sent after all")
			}
		})
	}
}

func TestM8SameIDOfAnotherNumberIsAnotherDialogue(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	b.press("1", "send_to")
	m := b.message(Dial, "*150*00#")
	m.Key.MSISDN = "255700000003"
	b.expect("home", m)
	b.press("0700000002", "send_amount")
}

func TestM8RecycledIDBeginsAnew(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	b.press("1", "send_to")
	b.advance(10 * time.Minute) // longer ago than the menu takes a dialogue up
	b.dial("home")
	b.press("1", "send_to")
	if len(b.records) != 1 || b.records[0].End != EndReplaced {
		t.Errorf("records %+v", b.records)
	}
}

func TestM9DuplicatesAreAcknowledgedAndDoNothing(t *testing.T) {
	b := newBench(t)
	start := b.message(Dial, "*150*00#")
	b.expect("home", start)
	b.advance(time.Second)
	start.At = b.now()
	if r, ok := b.say(start); ok {
		t.Errorf("a start delivered twice shows %q", r.Screen)
	}
	key := b.message(Answer, "1")
	b.expect("send_to", key)
	again := key
	again.Seq++
	again.At = key.At.Add(900 * time.Millisecond)
	if r, ok := b.say(again); ok {
		t.Errorf("the same text within a second shows %q", r.Screen)
	}
	again = key
	again.At = key.At.Add(20 * time.Second)
	if r, ok := b.say(again); ok {
		t.Errorf("a repeated sequence shows %q", r.Screen)
	}
	// What the customer types next is no duplicate.
	b.press("0700000002", "send_amount")
}

func TestM9ScreenThatNeverLeftIsShownToADuplicate(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	m := b.message(Answer, "1")
	b.expect("send_to", m)
	b.Unshown(m.Key)
	b.expect("send_to", m)
	if r, ok := b.say(m); ok {
		t.Errorf("shown twice: %q", r.Screen)
	}
}

func TestM9KeyDuringACallIsNoAnswer(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.core.post = func(ctx context.Context, r core.Request) (core.Outcome, error) {
		if r, ok := b.say(b.message(Answer, "1234")); ok {
			t.Errorf("a second PIN while the first is at work shows %q", r.Screen)
		}
		return done(ctx, r)
	}
	b.press("1234", "sent")
	if len(b.core.posts) != 1 {
		t.Errorf("%d posts", len(b.core.posts))
	}
}

func TestM9TwoKeysAtOnceAreOneStep(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	m := b.message(Answer, "1234")
	other := m
	other.Seq++
	// Both nodes have loaded the session before either commits: here the second
	// commit finds that the first was faster.
	first := b.Handle(t.Context(), m)
	s, err := b.store.Load(t.Context(), key())
	if err != nil {
		t.Fatal(err)
	}
	s.Version--
	if _, err := b.store.Commit(t.Context(), s); !errors.Is(err, sessions.ErrConflict) {
		t.Errorf("a stale commit: %v", err)
	}
	if r, ok := first.Reply(t.Context()); !ok || r.Screen != "sent" || len(b.core.posts) != 1 {
		t.Errorf("%+v, %d posts", r, len(b.core.posts))
	}
}

func TestStoreThatIsAwayIsSaidHonestly(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.store.take(errAway)
	r := b.press("1234", "unsure") // a gateway that cannot read the dialogue cannot know what was sent
	if !r.End || strings.Contains(r.Text, "Nothing was sent") || !strings.Contains(r.Text, "look for its SMS") || len(b.core.posts) != 0 {
		t.Errorf("%d posts, %+v", len(b.core.posts), r)
	}
	if r := b.dialled("*150*00#"); r.Screen != "busy" || !strings.Contains(r.Text, "Nothing was sent") {
		t.Errorf("%+v", r)
	}
	b.store.take(nil)
	b.dial("home")
}

func TestM3APINThatWasSentAndComesTwiceIsNotSaidToBeUnsent(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	m := b.message(Answer, "1234")
	b.expect("sent", m)
	b.store.take(errAway)
	if r, ok := b.say(m); ok && strings.Contains(r.Text, "Nothing was sent") {
		t.Errorf("%q, and money moved", r.Text)
	}
}

func (b *bench) dialled(code string) Reply {
	b.t.Helper()
	r, ok := b.say(b.message(Dial, code))
	if !ok {
		b.t.Fatal("no screen")
	}
	return r
}

func TestAnswerWithoutADialogueSaysHowToBegin(t *testing.T) {
	b := newBench(t)
	r := b.press("1", "session_expired")
	if !r.End || !strings.Contains(r.Text, "*150*00#") {
		t.Errorf("%+v", r)
	}
}

func TestUnknownCodeIsSaidWithoutWhatStandsBehindIt(t *testing.T) {
	b := newBench(t)
	for dialled, want := range map[string]string{
		"*150*00*5*1234#": "*150*00*...", "*150*00*1234#": "*150*00*...", "*150*00*9*1234#": "*150*00*...",
		"*150*77#": "*150*77#", "*150*77*1*0712345678*5000*1234#": "*150*77*...", "rubbish": "rubbish#",
	} {
		r := b.dialled(dialled)
		if r.Screen != "unknown_code" || !strings.Contains(r.Text, want) || strings.Contains(r.Text, "1234") || !r.End {
			t.Errorf("%s: %+v", dialled, r)
		}
	}
}

func TestAWrongShortcutComesToTheFirstScreenAndSkipsNoOpenAction(t *testing.T) {
	b := newBench(t)
	r := b.expect("home", b.message(Dial, "*150*00*9#"))
	if !strings.HasPrefix(r.Text, "Wrong choice. Try again.\n") || !strings.Contains(r.Text, "1 Send money") {
		t.Errorf("%q", r.Text)
	}
	b.press("1", "send_to")
	b.core.post = func(context.Context, core.Request) (core.Outcome, error) { return core.Outcome{}, errors.New("lost") }
	b.toPIN()
	b.press("1234", "checking")
	r = b.expect(menus.ScreenOpen, b.message(Dial, "*150*00*9#"))
	if !strings.Contains(r.Text, "still checking") || strings.Contains(r.Text, "Wrong") {
		t.Errorf("%q", r.Text)
	}
	b.press("1", "home")
}

func TestAbortForgetsTheDialogueAndNotItsAction(t *testing.T) {
	b := newBench(t)
	b.core.post = func(context.Context, core.Request) (core.Outcome, error) {
		if _, ok := b.say(b.message(Abort, "")); ok {
			t.Error("an abort was answered with a screen")
		}
		return core.Outcome{Status: core.Done, Ref: "QK12"}, nil
	}
	b.toPIN()
	if r, ok := b.say(b.message(Answer, "1234")); ok {
		t.Errorf("a screen for a dialogue that is gone: %q", r.Text)
	}
	if len(b.notices) != 2 {
		t.Errorf("%d notices", len(b.notices))
	}
	b.press("1", "session_expired")
}

func TestLanguageIsRemembered(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	b.press("8", "language")
	b.press("2", "home")
	b.restart("later")
	r := b.dialled("*150*00#")
	if !strings.Contains(r.Text, "Tuma pesa") {
		t.Errorf("%q", r.Text)
	}
	if r := b.dialled("*1#"); !strings.Contains(r.Text, "haitumiki") {
		t.Errorf("%q", r.Text)
	}
}

func TestDialogueFinishesOnTheMenuItBeganOn(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	env := menus.DefaultEnv()
	env.Limits.Septets = 160 // another revision of the same files
	old := b.Menus.Current().Revision()
	b.Menus.Env = env
	if changed, err := b.Menus.Reload(t.Context(), "a test"); !changed || err != nil {
		t.Fatal(changed, err)
	}
	b.Menus.Env = menus.DefaultEnv()
	b.press("1", "send_to")
	s, err := b.store.Load(t.Context(), key())
	if err != nil || s.Revision != old {
		t.Errorf("revision %s (%v), want %s", s.Revision, err, old)
	}
}

func TestFullCoreRefusesBeforeAnActionIsBorn(t *testing.T) {
	b := newBench(t)
	guard := core.NewGuard(core.GuardConfig{Switch: b.core,
		Limit: core.LimiterConfig{Initial: 1, Floor: 1, Max: 1, Wait: time.Millisecond}})
	b.Switch, b.Ledger.Switch, b.Admit = guard, guard, guard
	b.toPIN()
	busy, err := guard.Reserve(t.Context(), core.Transfer, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := b.press("1234", "not_sent")
	if !strings.Contains(r.Text, "No money moved") {
		t.Errorf("screen %q", r.Text)
	}
	if len(b.core.posts) != 0 || len(b.notices) != 0 || len(b.open()) != 0 {
		t.Errorf("%d posts, %d notices, %d actions of what was refused", len(b.core.posts), len(b.notices), len(b.open()))
	}
	busy.Release()
	b.toPIN()
	b.press("1234", "sent")
	if l := guard.Load(); l.InFlight != 0 || len(b.core.posts) != 1 {
		t.Errorf("after a payment: %+v, %d posts", l, len(b.core.posts))
	}
}

func TestAnOptionWhoseCallIsBusyIsMarkedAndCanBeChosen(t *testing.T) {
	b := newBench(t)
	b.calls.busy = map[string]bool{core.Transfer: true}
	r := b.dial("home")
	if !strings.Contains(r.Text, "1 Send money (very busy)\n") || strings.Count(r.Text, "(") != 1 {
		t.Errorf("%q", r.Text)
	}
	b.press("1", "send_to")
	b.press("0700000002", "send_amount")
	b.press("5000", "send_pin")
	b.press("1234", "sent")
	b.calls.busy = nil
	if r := b.dial("home"); strings.Contains(r.Text, "(") {
		t.Errorf("when it is not busy any more: %q", r.Text)
	}
}
