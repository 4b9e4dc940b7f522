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
