package coretest

import (
	"errors"
	"testing"

	"nyota/gateway/core"
)

func callbacks(t *testing.T, b *bench) {
	tried := 0
	for _, tc := range []struct {
		name  string
		fault Fault
		come  int // how many callbacks, so that the rig is seen to misbehave
	}{
		{"twice", CallbacksTwice, 2}, {"late", CallbacksLate, 1}, {"before the answer", CallbacksEarly, 1}, {"never", NoCallbacks, 0},
	} {
		if !b.has(tc.fault) {
			continue
		}
		tried++
		t.Run(tc.name, func(t *testing.T) {
			b.Set(t, tc.fault)
			defer b.Set(t)
			before := b.callbacks()
			r := b.pay(t)
			out, err := b.call(t, r, b.Slow*3)
			if tc.come > 0 {
				b.eventually(t, "callback", func() bool { return b.callbacks()-before >= tc.come })
			}
			if n := b.callbacks() - before; n != tc.come {
				t.Errorf("%d callbacks came, want %d", n, tc.come)
			}
			if errors.Is(err, core.ErrNotSent) || out.Status == core.Rejected {
				t.Fatalf("%v: %v", out.Status, err)
			}
			if tc.fault == NoCallbacks {
				b.Set(t) // an inquiry's own answer may be a callback
			}
			if got := b.final(t, r, out, err); got.Status != core.Done {
				t.Errorf("%v %q", got.Status, got.Detail)
			}
			b.took(t, r, 1)
		})
	}
	if tried == 0 {
		t.Skip("this core has no callbacks")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, out := range b.nudged {
		if out.Status == core.Rejected {
			t.Errorf("an inquiry after a callback said %v", out.Status)
		}
	}
}

// callbacks is how many came.
func (b *bench) callbacks() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.came
}

// liedTo sends callbacks about another amount. What reads callbacks for the ledger
// says which, so that it refuses them, and records it; what takes them itself
// reports a mismatch, which the ledger records too.
func liedTo(t *testing.T, b *bench) {
	if !b.has(CallbacksLate) {
		t.Skip("this core has no callbacks")
	}
	b.Set(t, WrongAmount, CallbacksLate)
	r := b.pay(t)
	out, err := b.call(t, r, b.Slow*3)
	if out.Status == core.Done || out.Status == core.Rejected || errors.Is(err, core.ErrNotSent) {
		t.Fatalf("%v: %v", out.Status, err)
	}
	b.eventually(t, "callback", func() bool { return b.callbacks() > 0 })
	if b.Handler != nil {
		b.eventually(t, "mismatch", func() bool {
			got, err := b.inquireSoon(t, r, out)
			return errors.Is(err, core.ErrMismatch) && got.Status == core.Unknown
		})
		return
	}
	want, _ := core.Canonical(r.Args.Get("amount"))
	b.eventually(t, "claim", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.claims[r.ID]) > 0
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.claims[r.ID] {
		if c.Amount == "" || c.Amount == want {
			t.Errorf("a callback claims the amount %q, and the core sent another than %s", c.Amount, want)
		}
	}
	for _, out := range b.nudged {
		if out.Status == core.Done || out.Status == core.Rejected {
			t.Errorf("an inquiry after it said %v", out.Status)
		}
	}
}

func forged(t *testing.T, b *bench) {
	if b.Forge == nil {
		t.Skip("this core has no callbacks")
	}
	// Never sent: whoever says that it is done is wrong.
	r := b.pay(t)
	b.Forge(t, r)
	for range 2 {
		got, err := b.inquireSoon(t, r, core.Outcome{})
		if got.Status == core.Done || got.Status == core.Rejected {
			t.Fatalf("forged, and %v: %v", got.Status, err)
		}
	}
	// Sent, and refused by the core.
	for _, refused := range b.Refuse {
		r := b.prepare(t, refused)
		out, err := b.call(t, r, patient)
		if errors.Is(err, core.ErrNotSent) {
			t.Fatal(err)
		}
		b.Forge(t, r)
		if got := b.final(t, r, out, err); got.Status != core.Rejected {
			t.Errorf("forged, and %v", got.Status)
		}
		if again := b.settle(t, r, out); again.Status != core.Rejected {
			t.Errorf("forged, and then %v", again.Status)
		}
		b.took(t, r, 0)
		break
	}
}
