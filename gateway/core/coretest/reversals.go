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

func takenBack(t *testing.T, b *bench) {
	sw, ok := b.Switch.(core.Reverser)
	if !ok {
		t.Skip("this core takes nothing back")
	}
	for name, faults := range map[string][]Fault{"answered": nil, "its answer is lost": {DropAnswers}} {
		t.Run(name, func(t *testing.T) {
			first := b.pay(t)
			if !sw.Reverses(first.Call) || sw.Reverses(core.Reversal) || sw.Reverses(core.Balance) {
				t.Fatal("it does not say what it takes back")
			}
			out, err := b.call(t, first, patient)
			out = b.final(t, first, out, err)
			key := first.WireKey
			b.Set(t, faults...)
			r := b.takeBack(t, first, out.Ref, key)
			got, err := b.call(t, r, b.Slow*3)
			if errors.Is(err, core.ErrNotSent) {
				t.Fatal(err)
			}
			if faults != nil && (got.Status == core.Done || got.Status == core.Rejected) {
				t.Errorf("%v before there was an answer", got.Status)
			}
			b.Set(t)
			got = b.final(t, r, got, err)
			if got.Status != core.Done || got.Ref == "" {
				t.Errorf("%v %q %q", got.Status, got.Ref, got.Detail)
			}
			for range 2 { // asking changes nothing
				if again := b.settle(t, r, got); again.Status != core.Done {
					t.Errorf("asked again: %v", again.Status)
				}
			}
			if n := b.TakenBack(first); n != 1 {
				t.Errorf("taken back %d times", n)
			}
		})
	}
	r := b.pay(t) // and never sent
	back := b.takeBack(t, r, "NOSUCHREF1", r.WireKey)
	out, err := b.call(t, back, patient)
	if out = b.final(t, back, out, err); out.Status != core.Rejected {
		t.Errorf("what never was is taken back: %v", out.Status)
	}
	back = b.takeBack(t, r, "", "")
	if out, err := b.call(t, back, patient); !errors.Is(err, core.ErrNotSent) {
		t.Errorf("what has no name at the core: %v %v", out.Status, err)
	}
}
