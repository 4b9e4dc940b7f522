package dialog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestATurnsContextEndsWithItsDeadlineParentOrTurn(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(u *until, cancel context.CancelFunc)
		want error
	}{
		"the deadline": {func(*until, context.CancelFunc) { time.Sleep(time.Second) }, context.DeadlineExceeded},
		"the parent":   {func(_ *until, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"the turn":     {func(u *until, _ context.CancelFunc) { u.end() }, context.Canceled},
	} {
		for _, waited := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithCancel(t.Context())
					defer cancel()
					u := &until{Context: parent, at: time.Now().Add(time.Second)}
					defer u.end()
					if waited {
						select {
						case <-u.Done():
							t.Fatal("over at once")
						default:
						}
					}
					if at, ok := u.Deadline(); !ok || !at.Equal(u.at) || u.Err() != nil {
						t.Fatalf("%v %v %v", at, ok, u.Err())
					}
					child, stop := context.WithCancel(u)
					defer stop()
					tc.end(u, cancel)
					synctest.Wait()
					if !errors.Is(u.Err(), tc.want) {
						t.Errorf("%v, want %v", u.Err(), tc.want)
					}
					<-u.Done()
					<-child.Done()
					if !errors.Is(child.Err(), tc.want) {
						t.Errorf("the child: %v, want %v", child.Err(), tc.want)
					}
				})
			})
		}
	}
}

func TestATurnThatBeginsLateIsOver(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	m := b.message(Answer, "1")
	b.advance(b.Dialog.AnswerWithin)
	b.expect("unsure", m)
	b.press("1", "send_to") // that key was not taken
}

func TestATurnsContextHasTheEarlierDeadlineAndTheParentsValues(t *testing.T) {
	type name struct{}
	early := time.Now().Add(time.Hour)
	parent, cancel := context.WithDeadline(context.WithValue(t.Context(), name{}, 1), early)
	defer cancel()
	u := &until{Context: parent, at: early.Add(time.Hour)}
	defer u.end()
	if at, _ := u.Deadline(); !at.Equal(early) {
		t.Errorf("deadline %v, want %v", at, early)
	}
	before := u.Value(name{})
	u.Done()
	if before != 1 || u.Value(name{}) != 1 {
		t.Error("a value is lost")
	}
}
