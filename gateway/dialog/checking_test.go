package dialog

import (
	"context"
	"strings"
	"testing"

	"nyota/gateway/core"
	"nyota/menus"
	"nyota/sessions"
)

// forgetful is a store that gives an error for every action.
type forgetful struct {
	sessions.Store
	err error
}

func (f forgetful) Action(context.Context, string, string) (sessions.Action, error) {
	return sessions.Action{}, f.err
}

func TestM3DialogueThatCannotSayWhatBecameOfItsActionSaysThatItIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		say  func(t *testing.T, b *bench, turn *Turn) Reply
		says string
	}{
		"its state is lost once the core has it": {says: "Your request QK9 is received.", say: func(t *testing.T, b *bench, turn *Turn) Reply {
			b.core.post = func(context.Context, core.Request) (core.Outcome, error) {
				return core.Outcome{Status: core.Done, Ref: "QK9"}, nil
			}
			turn.turn.State = menus.State{}
			r, _ := turn.Reply(t.Context())
			return r
		}},
		"its menus are gone on another gateway": {says: "Your request is received.", say: func(_ *testing.T, b *bench, turn *Turn) Reply {
			s := turn.session
			s.Revision = "gone"
			if _, err := b.store.Commit(b.t.Context(), s); err != nil {
				b.t.Fatal(err)
			}
			b.restart("second")
			r, _ := b.say(b.message(Answer, "1"))
			return r
		}},
		"the store does not say on another gateway": {says: "Your request is received.", say: func(_ *testing.T, b *bench, _ *Turn) Reply {
			b.restart("second")
			b.Store = forgetful{b.store, errAway}
			r, _ := b.say(b.message(Answer, "1"))
			return r
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.toPIN()
			turn := b.Handle(t.Context(), b.message(Answer, "1234"))
			if turn.action == nil {
				t.Fatal("no action was committed")
			}
			r := tc.say(t, b, turn)
			if r.Screen != "still_checking" || !r.End || !strings.Contains(r.Text, tc.says) || !strings.Contains(r.Text, "Do not repeat it. You will get an SMS.") {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestDialogueThatIsLostWithoutAnActionSaysHowToBegin(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	s, err := b.store.Load(t.Context(), key())
	if err != nil {
		t.Fatal(err)
	}
	s.Revision = "gone"
	if _, err := b.store.Commit(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	b.restart("second")
	if r := b.press("1234", "session_expired"); !strings.Contains(r.Text, "*150*00#") {
		t.Errorf("%+v", r)
	}
}

func TestM2ActionThatNobodyHasWasNotSent(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	if turn := b.Handle(t.Context(), b.message(Answer, "1234")); turn.action == nil {
		t.Fatal("no action was committed")
	}
	b.restart("second")
	b.Store = forgetful{b.store, sessions.ErrNotFound} // the process was killed while it committed the action
	r, _ := b.say(b.message(Answer, "1"))
	if r.Screen != "not_sent" || !strings.HasPrefix(r.Text, "Not sent. No money moved.") || strings.Contains(r.Text, "You will get an SMS") {
		t.Errorf("%+v", r)
	}
}
