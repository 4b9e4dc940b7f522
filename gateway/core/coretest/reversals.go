package coretest

import (
	"errors"
	"testing"

	"nyota/gateway/core"
)

// takeBack makes a reversal of a payment, as the ledger does.
func (b *bench) takeBack(t *testing.T, first core.Request, ref, key string) core.Request {
	t.Helper()
	r := core.Request{Call: core.Reversal, MSISDN: first.MSISDN}
	r.Args = append(append(r.Args, first.Args...),
		core.Arg{Name: core.ReversedCall, Value: first.Call}, core.Arg{Name: core.ReversedID, Value: first.ID},
		core.Arg{Name: core.ReversedKey, Value: key}, core.Arg{Name: core.ReversedRef, Value: ref})
	r = b.prepare(t, r)
	r.PIN = core.Secret{} // nobody typed one
	return r
}

// paid makes a payment that the core confirms, and returns it with the key and the
// reference that the ledger then has of it.
func (b *bench) paid(t *testing.T) (first core.Request, ref, key string) {
	t.Helper()
	first = b.pay(t)
	out, err := b.call(t, first, patient)
	key = first.WireKey
	if out.WireKey != "" {
		key = out.WireKey
	}
	out = b.final(t, first, out, err)
	if out.Status != core.Done || out.Ref == "" {
		t.Fatalf("the payment is %v, reference %q", out.Status, out.Ref)
	}
	return first, out.Ref, key
}

// reverses says whether the rig's payment can be taken back, which the connector
// must say too.
func (b *bench) reverses(t *testing.T) bool {
	t.Helper()
	sw, ok := b.Switch.(core.Reverser)
	call := b.Pay().Call
	if says := ok && sw.Reverses(call); says != (b.TakenBack != nil) {
		t.Fatalf("it says that it takes %s back: %t", call, says)
	}
	if ok && (sw.Reverses(core.Reversal) || sw.Reverses(core.Balance) || sw.Reverses("lottery")) {
		t.Error("it takes back what moves no money")
	}
	return b.TakenBack != nil
}

// mustNotSend fails if a reversal left, or was called anything but not sent. One
// that cannot even be prepared has not left.
func (b *bench) mustNotSend(t *testing.T, what string, back core.Request) {
	t.Helper()
	before := b.Posts()
	out, err := b.call(t, back, patient)
	if !errors.Is(err, core.ErrNotSent) || b.Posts() != before {
		t.Errorf("%s: %v, %d posts: %v", what, out.Status, b.Posts()-before, err)
	}
}

func takenBack(t *testing.T, b *bench) {
	if !b.reverses(t) {
		first, ref, key := b.paid(t)
		if _, err := b.Switch.Prepare(core.Request{ID: first.ID, Call: core.Reversal, MSISDN: first.MSISDN}); err != nil {
			return
		}
		b.mustNotSend(t, "a call that is not taken back", b.takeBack(t, first, ref, key))
		return
	}
	for _, tc := range []struct {
		name  string
		fault Fault
		given bool
	}{
		{"answered", 0, false}, {"its answer is lost", DropAnswers, true}, {"its answer is slow", Slow, true}, {"decided later", DecideLater, true},
		{"callbacks twice", CallbacksTwice, true}, {"callbacks late", CallbacksLate, true},
		{"callbacks before the answer", CallbacksEarly, true}, {"callbacks never", NoCallbacks, true},
	} {
		if tc.given && !b.has(tc.fault) {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			first, ref, key := b.paid(t)
			if tc.given {
				b.Set(t, tc.fault)
				defer b.Set(t)
			}
			before := b.Posts()
			r := b.takeBack(t, first, ref, key)
			out, err := b.call(t, r, b.Slow*3)
			if errors.Is(err, core.ErrNotSent) || out.Status == core.Rejected || out.Status == core.NotFound {
				t.Fatalf("%v: %v", out.Status, err)
			}
			b.Set(t)
			got := b.final(t, r, out, err)
			if got.Status != core.Done || got.Ref == "" {
				t.Errorf("%v %q %q", got.Status, got.Ref, got.Detail)
			}
			if got.WireKey == "" {
				got.WireKey = out.WireKey
			}
			for range 2 { // asking changes nothing
				if again := b.settle(t, r, got); again.Status != core.Done {
					t.Errorf("asked again: %v", again.Status)
				}
			}
			if n := b.Posts() - before; n > 1 {
				t.Errorf("posted %d times", n)
			}
			// Sent again, whatever for, it moves nothing more.
			again, err := b.call(t, r, patient)
			if again.Status == core.Rejected || again.Status == core.NotFound || errors.Is(err, core.ErrNotSent) {
				t.Errorf("repeated: %v: %v", again.Status, err)
			}
			if n := b.TakenBack(first); n != 1 {
				t.Errorf("taken back %d times", n)
			}
		})
	}
}

func neverTakenBack(t *testing.T, b *bench) {
	if !b.reverses(t) {
		t.Skip("this core does not take the call back")
	}
	never := b.pay(t) // and not sent
	back := b.takeBack(t, never, "NOSUCHREF1", never.WireKey)
	out, err := b.call(t, back, patient)
	if out = b.final(t, back, out, err); out.Status != core.Rejected {
		t.Errorf("what never was is taken back: %v", out.Status)
	}
	b.mustNotSend(t, "what has no name at the core", b.takeBack(t, never, "", ""))
	first, ref, key := b.paid(t)
	other := b.takeBack(t, first, ref, key)
	for i := range other.Args {
		if other.Args[i].Name == core.ReversedCall {
			other.Args[i].Value = core.Balance
		}
	}
	b.mustNotSend(t, "what moved no money", other)
	if b.Forge != nil {
		r := b.takeBack(t, first, ref, key) // and not sent
		b.Forge(t, r)
		for range 2 {
			if got, err := b.inquireSoon(t, r, core.Outcome{}); got.Status == core.Done || got.Status == core.Rejected {
				t.Fatalf("forged, and %v: %v", got.Status, err)
			}
		}
	}
	for range 2 { // two actions that take back the same: the ledger makes no second one
		r := b.takeBack(t, first, ref, key)
		out, err := b.call(t, r, b.Slow*3)
		b.final(t, r, out, err)
	}
	if n := b.TakenBack(first); n != 1 {
		t.Errorf("taken back %d times by two", n)
	}
	first, ref, key = b.paid(t)
	b.Set(t, WrongAmount)
	r := b.takeBack(t, first, ref, key)
	out, err = b.call(t, r, b.Slow*3)
	if out.Status == core.Done || out.Status == core.Rejected || errors.Is(err, core.ErrNotSent) {
		t.Errorf("of another amount, and %v: %v", out.Status, err)
	}
	if got, err := b.inquireSoon(t, r, out); got.Status == core.Done || got.Status == core.Rejected {
		t.Errorf("of another amount, and then %v: %v", got.Status, err)
	}
}
