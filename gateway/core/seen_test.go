package core

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheGuardKnowsWhenTheCoreLastProvedThatItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{call: answers(errors.New("status 500")), health: ErrCut}
		g := NewGuard(GuardConfig{Switch: s})
		works := func(what string, want bool) {
			t.Helper()
			time.Sleep(time.Second)
			before := time.Now()
			switch what {
			case "heartbeat":
				_, _ = g.Health(t.Context())
			default:
				_, _ = g.Call(t.Context(), Request{Call: what})
			}
			if at, _ := g.Seen(Transfer); at.Equal(before) != want {
				t.Errorf("%s: it works since %v, now %v, want it %v", what, at, before, want)
			}
		}
		works("heartbeat", false)
		works(Balance, false)
		s.state = Unavailable
		s.health = nil
		works("heartbeat", false)
		s.state = Degraded
		works("heartbeat", true)
		s.call = func(context.Context, Request) (Outcome, error) { return Outcome{Status: Pending}, nil }
		works(Transfer, false)
		s.call = answers(nil)
		works(Balance, true)
	})
}

func TestTheGuardKnowsWhenACallLastHadNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{call: answers(nil)}
		g := NewGuard(GuardConfig{Switch: s, Limit: LimiterConfig{Initial: 1, Floor: 1, Max: 1, Wait: time.Millisecond}})
		ticket, err := g.Reserve(t.Context(), Transfer, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ticket.Release()
		time.Sleep(time.Second)
		if _, full := g.Seen(Transfer); !full.IsZero() {
			t.Errorf("full at %v, and all had a place", full)
		}
		if _, err := g.Reserve(t.Context(), Transfer, nil); !errors.Is(err, ErrOverload) {
			t.Fatal(err)
		}
		at := time.Now()
		if _, full := g.Seen(Transfer); !full.Equal(at) {
			t.Errorf("full at %v, want %v", full, at)
		}
		if _, full := g.Seen(BillPay); !full.IsZero() {
			t.Errorf("bills were full at %v, and nobody wanted one", full)
		}
		_, _ = g.Call(t.Context(), Request{Call: Balance})
		if _, full := g.Seen(Balance); full.Before(at) {
			t.Errorf("a read that had no room: %v", full)
		}
	})
}

func TestACallIsBusyWhileMostOfThoseWhoWantItAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGuard(GuardConfig{Switch: &scripted{call: answers(nil)}, Limit: LimiterConfig{Initial: 1, Floor: 1, Max: 1, Wait: time.Millisecond}})
		// want has so many ask for a place: the first have one, the others none.
		want := func(call string, admitted, refused int) {
			t.Helper()
			for range admitted {
				ticket, err := g.Reserve(t.Context(), call, nil)
				if err != nil {
					t.Fatal(err)
				}
				ticket.Release()
			}
			ticket, err := g.Reserve(t.Context(), Deposit, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range refused {
				if _, err := g.Reserve(t.Context(), call, nil); !errors.Is(err, ErrOverload) {
					t.Fatal(err)
				}
			}
			ticket.Release()
		}
		busy := func(want bool, when string) {
			t.Helper()
			if got := g.Busy(Transfer); got != want {
				t.Errorf("busy is %v %s", got, when)
			}
		}
		busy(false, "before anybody wanted it")
		want(Transfer, 0, busyLeast-1)
		busy(false, "after a few refusals")
		want(Transfer, 0, 1)
		busy(true, "after a handful of refusals, and nothing else")
		if g.Busy(BillPay) || g.Busy(Deposit) {
			t.Error("other calls are busy")
		}
		want(Transfer, busyLeast, 0)
		busy(false, "when half of them had a place")
		want(Transfer, 0, 1)
		busy(true, "when more than half had none")
		time.Sleep(3 * time.Second)
		busy(true, "three seconds later")
		want(Transfer, 1, 0)
		busy(false, "when one more had a place")
		want(Transfer, 0, 2*busyLeast)
		time.Sleep(busySeconds * time.Second)
		busy(false, "when nobody was refused any more")
		for range 20 { // a brownout that goes on
			want(Transfer, 1, 3)
			time.Sleep(time.Second)
		}
		busy(true, "in a brownout")
		for range busySeconds - 2 { // and its end
			want(Transfer, 4, 0)
			time.Sleep(time.Second)
		}
		busy(false, "soon after it")
		time.Sleep(busySeconds * time.Second)
		want(Transfer, 0, 2*busyLeast)
		time.Sleep((busySeconds - 1) * time.Second)
		want(Transfer, 0, 1)
		time.Sleep(2 * time.Second)
		busy(false, "when all but one of the refusals were long ago")
	})
}
