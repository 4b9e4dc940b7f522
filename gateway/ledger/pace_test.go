package ledger

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nyota/gateway/core"
	"nyota/sessions"
)

func TestPausesDoubleFromTheFirstToTheLongestGiveOrTakeATenth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		after := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(24*time.Hour)).Draw(t, "after"))
		longest := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(30*24*time.Hour)).Draw(t, "longest"))
		share := rapid.Float64Range(0, 1).Draw(t, "jitter")
		l := New(Config{
			Pace:   func(string) core.Pace { return core.Pace{After: after, Max: longest} },
			Jitter: func(most time.Duration) time.Duration { return time.Duration(share * float64(most)) },
		})
		longest = max(longest, after)
		exact := after
		for made := range uint32(70) {
			got := l.pause("x", made)
			if low, high := exact-exact/10, exact+exact/10+1; got < low || got > high {
				t.Fatalf("after %d inquiries a pause of %v, want %v to %v", made, got, low, high)
			}
			if exact > longest/2 {
				exact = longest
			} else {
				exact *= 2
			}
		}
		if got := l.pause("x", math.MaxUint32); got < longest-longest/10 || got > longest+longest/10+1 {
			t.Fatalf("the longest pause is %v, want about %v", got, longest)
		}
	})
}

func TestTheConnectorsPaceHoldsUnlessTheConfigurationSetsAnother(t *testing.T) {
	says := func(call string) core.Pace {
		return map[string]core.Pace{
			"push": {After: 10 * time.Second, Max: time.Minute}, "payout": {After: 30 * time.Second, Max: 15 * time.Minute},
			"short": {After: time.Second, Max: 2 * time.Second},
		}[call]
	}
	for _, tc := range []struct {
		name           string
		pace           func(string) core.Pace
		after, longest time.Duration // configured
		call           string
		first, last    time.Duration // wanted
	}{
		{"nobody says anything", nil, 0, 0, "push", 2 * time.Second, 5 * time.Minute},
		{"the connector has no wish", says, 0, 0, "other", 2 * time.Second, 5 * time.Minute},
		{"of one call", says, 0, 0, "push", 10 * time.Second, time.Minute},
		{"and of another", says, 0, 0, "payout", 30 * time.Second, 15 * time.Minute},
		{"the first is configured", says, 3 * time.Second, 0, "push", 3 * time.Second, time.Minute},
		{"the longest is configured", says, 0, 20 * time.Second, "push", 10 * time.Second, 20 * time.Second},
		{"the longest is shorter than the connector's first", says, 0, 5 * time.Second, "payout", 5 * time.Second, 5 * time.Second},
		{"the first is longer than the connector's longest", says, 4 * time.Second, 0, "short", 4 * time.Second, 4 * time.Second},
		{"both are configured", says, time.Second, 8 * time.Second, "payout", time.Second, 8 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.Pace, b.InquireAfter, b.InquireMax = tc.pace, tc.after, tc.longest
			b.Jitter = func(most time.Duration) time.Duration { return most / 2 }
			b.sw.call = lost
			b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{}, errors.New("down") }
			a := b.accept()
			a.Call = tc.call
			a = b.Run(t.Context(), a)
			near := func(what string, got, want time.Duration) {
				t.Helper()
				if got < want-want/100 || got > want+want/100 {
					t.Errorf("%s after %v, want %v", what, got, want)
				}
			}
			near("first inquiry", b.stored(a).Due.Sub(b.clock()), tc.first)
			for range 12 {
				b.advance(b.stored(a).Due.Sub(b.clock()) + time.Millisecond)
				b.due()
			}
			near("the thirteenth", b.stored(a).Due.Sub(b.clock()), tc.last)
			if b.sw.asks != 12 {
				t.Errorf("%d inquiries", b.sw.asks)
			}
		})
	}
}

func TestWhatADeadProcessSentIsNotAskedAboutBeforeItsTime(t *testing.T) {
	b := newBench(t)
	b.Pace = func(string) core.Pace { return core.Pace{After: time.Minute} }
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Done, Ref: "R"}, nil }
	sent := b.accept()
	sent.State, sent.WireKey, sent.SentAt = sessions.Sent, "w", b.clock()
	if err := b.store.Put(t.Context(), &sent); err != nil { // and then the process died
		t.Fatal(err)
	}
	b.advance(10 * time.Second)
	b.due()
	if got := b.stored(sent); got.State != sessions.Unknown || b.sw.asks != 0 {
		t.Fatalf("state %s after %d inquiries", StateName(got.State), b.sw.asks)
	}
	b.advance(67 * time.Second)
	b.due()
	if got := b.stored(sent); got.State != sessions.Done || b.sw.asks != 1 {
		t.Errorf("state %s after %d inquiries", StateName(got.State), b.sw.asks)
	}
}

func TestPendingIsNotAskedAboutBeforeTheCoreWants(t *testing.T) {
	b := newBench(t)
	b.sw.call = func(context.Context, core.Request) (core.Outcome, error) {
		return core.Outcome{Status: core.Pending, Again: time.Hour}, nil
	}
	a := b.Run(t.Context(), b.accept())
	if wait := b.stored(a).Due.Sub(b.clock()).Round(time.Millisecond); wait != time.Hour {
		t.Errorf("asked about after %v, and the core wants an hour", wait)
	}
}

// The budget alone, whatever is drawn of it: never more than its rates, and no
// place in it is lost.
func TestBudgetKeepsItsRatesWhateverIsDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.SampledFrom([]float64{0, 1, 7, 50}).Draw(t, "whole")
		p := core.Pace{Rate: rapid.SampledFrom([]float64{0, 1, 5, 80}).Draw(t, "own"), Budget: "b"}
		b := newBudget(whole)
		start := time.Now()
		now := start
		went := 0
		var asks []time.Time // when those that wait go
		pass := func(d time.Duration) {
			now = now.Add(d)
			for i := 0; i < len(asks); {
				if asks[i].After(now) {
					i++
					continue
				}
				b.went(asks[i], p)
				went++
				asks = append(asks[:i], asks[i+1:]...)
			}
		}
		for range rapid.IntRange(1, 300).Draw(t, "events") {
			switch rapid.SampledFrom([]string{"turn", "ask", "leave", "time"}).Draw(t, "event") {
			case "turn":
				n := b.grant(now, 16)
				if n > 16 || n < 0 {
					t.Fatalf("%d granted of 16", n)
				}
				used := 0
				for range n {
					later, ok := b.turn(now, p)
					if ok {
						used++
						continue
					}
					if !later.After(now) {
						t.Fatal("put off until now")
					}
				}
				b.unused(n - used)
				went += used
			case "ask":
				if wait, ok := b.reserve(now, p); ok {
					if wait > askWithin {
						t.Fatalf("waits %v", wait)
					}
					asks = append(asks, now.Add(wait))
				}
			case "leave":
				if len(asks) > 0 {
					asks = asks[:len(asks)-1]
					b.cancel(p)
				}
			case "time":
				pass(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			}
			for _, rate := range []float64{whole, p.Rate} {
				if most := rate*now.Sub(start).Seconds() + max(2, rate); rate > 0 && float64(went) > most+1e-6 {
					t.Fatalf("%d inquiries in %v at %v a second", went, now.Sub(start), rate)
				}
			}
		}
		// Left alone, it has all of its places again.
		pass(time.Hour)
		if n := b.grant(now, 16); whole == 0 && n != 16 || whole > 0 && n != int(min(16, max(1, whole/2))) {
			t.Fatalf("%d granted after an hour", n)
		}
	})
}
