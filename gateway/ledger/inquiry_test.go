package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

func TestM4UnknownIsInquiredAboutAndNeverPostedAgain(t *testing.T) {
	b := newBench(t)
	b.sw.call = lost
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{}, errors.New("still down") }
	a := b.Run(t.Context(), b.accept())
	var pauses []time.Duration
	for range 12 {
		wait := b.stored(a).Due.Sub(b.clock())
		pauses = append(pauses, wait)
		b.advance(wait - time.Millisecond)
		asked := b.sw.asks
		b.due()
		if b.sw.asks != asked {
			t.Fatalf("inquired %v early", time.Millisecond)
		}
		b.advance(2 * time.Millisecond)
		b.due()
		if b.sw.asks != asked+1 {
			t.Fatalf("%d inquiries, want %d", b.sw.asks, asked+1)
		}
	}
	if pauses[0] < 1800*time.Millisecond || pauses[0] > 2200*time.Millisecond {
		t.Errorf("first pause %v, want about 2 s", pauses[0])
	}
	if last := pauses[len(pauses)-1]; last < 270*time.Second || last > 330*time.Second {
		t.Errorf("last pause %v, want about 5 min", last)
	}
	if b.sw.calls != 1 {
		t.Errorf("%d posts", b.sw.calls)
	}
	b.sw.inquire = func(q core.Inquiry) (core.Outcome, error) {
		if q.WireKey != "wire-"+a.ID || q.Args.Get("amount") != "5000" {
			t.Errorf("inquiry %+v does not name the request", q)
		}
		return core.Outcome{Status: core.Done, Ref: "R9"}, nil
	}
	b.advance(6 * time.Minute)
	b.due()
	if got := b.stored(a); got.State != sessions.Done || got.Ref != "R9" || len(b.owed()) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestM4NotFoundProvesNothingBeforeTheHorizon(t *testing.T) {
	b := newBench(t)
	b.sw.call = lost
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.NotFound}, nil }
	a := b.Run(t.Context(), b.accept())
	b.advance(59 * time.Minute)
	b.due()
	if got := b.stored(a); got.State != sessions.Unknown {
		t.Fatalf("state %d before the horizon", got.State)
	}
	b.advance(10 * time.Minute)
	b.due()
	if got := b.stored(a); got.State != sessions.Rejected || got.Reason != core.NotSent {
		t.Fatalf("state %d reason %q after the horizon", got.State, got.Reason)
	}
}

func TestM5WithoutAnAnswerForADayAnOperatorDecides(t *testing.T) {
	b := newBench(t)
	b.sw.call = lost
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{}, errors.New("down") }
	a := b.Run(t.Context(), b.accept())
	b.advance(25 * time.Hour)
	b.due()
	if got := b.stored(a); got.State != sessions.Manual || len(b.owed()) != 0 {
		t.Errorf("state %d due %v", got.State, got.Due)
	}
	asked := b.sw.asks
	b.advance(59 * time.Minute)
	b.due()
	if b.sw.asks != asked {
		t.Error("asked again within the hour")
	}
	b.advance(10 * time.Minute)
	b.due()
	if got := b.stored(a); got.State != sessions.Manual || b.sw.asks != asked+1 {
		t.Errorf("state %d after %d inquiries", got.State, b.sw.asks-asked)
	}
	// The outage was longer than the day, and the core knows them all.
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Done, Ref: "R9"}, nil }
	b.advance(70 * time.Minute)
	b.due()
	if got := b.stored(a); got.State != sessions.Done || got.Ref != "R9" || len(b.owed()) != 1 {
		t.Errorf("state %d, owed %v", got.State, b.owed())
	}
}

func TestInquiriesThatWereNotLetThroughCountAsNone(t *testing.T) {
	b := newBench(t)
	b.sw.call = lost
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) {
		return core.Outcome{}, fmt.Errorf("%w: no room", core.ErrNotAsked)
	}
	a := b.Run(t.Context(), b.accept())
	for range 20 {
		b.advance(unaskedPause + time.Second)
		before := b.sw.asks
		b.due()
		if got := b.stored(a); b.sw.asks != before+1 || got.Inquiry != 0 || got.State != sessions.Unknown {
			t.Fatalf("%d asks, inquiry %d, state %d", b.sw.asks-before, got.Inquiry, got.State)
		}
	}
	token, err := b.keys.SealToken(a.MSISDN, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	due := b.stored(a).Due
	if err := b.Nudge(t.Context(), token); !errors.Is(err, core.ErrNotAsked) {
		t.Errorf("a callback that could not be followed: %v", err)
	}
	if got := b.stored(a); !got.Due.Equal(due) {
		t.Error("a callback that could not be followed moved the schedule")
	}
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Done}, nil }
	b.advance(unaskedPause + time.Second)
	b.due()
	if got := b.stored(a); got.State != sessions.Done || got.Inquiry != 1 {
		t.Errorf("state %d after %d inquiries", got.State, got.Inquiry)
	}
}
