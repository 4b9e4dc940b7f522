package dialog

import (
	"context"
	"testing"
	"time"

	"nyota/sessions"
)

// peers are the processes whose sessions continue.
type peers map[string]bool

func (p peers) Continues(_ context.Context, s *sessions.Session) bool { return p[s.Node] }

// move lets another process of those on the store take the dialogue.
func (b *bench) move(node string, living peers) {
	b.t.Helper()
	b.restart(node)
	b.Dialog.Peers = living
}

func TestM7DialogueGoesOnAtAnotherNodeIfItsOwnLives(t *testing.T) {
	b := newBench(t)
	all := peers{"first": true, "second": true}
	b.Dialog.Peers = all
	b.dial("home")
	b.move("second", all)
	b.press("1", "send_to")
	b.move("first", all)
	b.press("0700000002", "send_amount")
	b.press("5000", "send_pin")
	b.move("second", all)
	b.press("1234", "sent")
	if len(b.core.posts) != 1 {
		t.Errorf("%d posts", len(b.core.posts))
	}
}

func TestM7DialogueOfADeadNodeShowsItsScreenFirst(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	b.move("second", peers{"second": true})
	b.press("1", "home")
	b.press("1", "send_to")
}

func TestM9KeyThatAnotherNodeIsAtWorkOnIsNoAnswer(t *testing.T) {
	b := newBench(t)
	all := peers{"first": true, "second": true}
	b.dial("home")
	m := b.message(Answer, "1")
	b.expect("send_to", m)

	// The same message again, at another node: nobody knows whether its screen left.
	b.move("second", all)
	b.expect("send_to", m)

	// Another key that came before the first node was done with its own.
	b.move("first", all)
	early := b.message(Answer, "0700000002")
	b.advance(time.Second)
	late := b.message(Answer, "0700000002")
	b.expect("send_amount", late)
	b.move("second", all)
	early.Text = "5000"
	b.expect("send_amount", early)
	b.press("5000", "send_pin")
}
