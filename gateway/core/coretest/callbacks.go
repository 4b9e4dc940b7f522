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
	}{
		{"twice", CallbacksTwice}, {"late", CallbacksLate}, {"before the answer", CallbacksEarly}, {"never", NoCallbacks},
	} {
		if !b.has(tc.fault) {
			continue
		}
		tried++
		t.Run(tc.name, func(t *testing.T) {
			b.Set(t, tc.fault)
			defer b.Set(t)
			r := b.pay(t)
			out, err := b.call(t, r, b.Slow*3)
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
