package coretest

import (
	"context"
	"testing"

	"nyota/gateway/core"
)

func (b *bench) inquireSoon(t *testing.T, r core.Request, out core.Outcome) (core.Outcome, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), b.Slow*2)
	defer cancel()
	return b.Switch.Inquire(ctx, inquiry(r, out))
}

// secret goes through all that can go wrong, and then reads everything that was
// said.
func secret(t *testing.T, b *bench) {
	see := func(r core.Request) {
		t.Helper()
		out, err := b.call(t, r, b.Slow*2)
		silent(t, "an outcome", out)
		silent(t, "a request", r)
		if err != nil {
			silent(t, "an error", err, err.Error())
		}
		out, err = b.inquireSoon(t, r, out)
		silent(t, "the outcome of an inquiry", out)
		if err != nil {
			silent(t, "the error of an inquiry", err, err.Error())
		}
	}
	see(b.pay(t))
	for _, r := range b.Refuse {
		see(b.prepare(t, r))
	}
	for _, f := range []Fault{DropAnswers, Slow, Down, WrongAmount, DecideLater} {
		if b.has(f) {
			b.Set(t, f)
			see(b.pay(t))
		}
	}
	b.Set(t)
	odd := b.pay(t)
	odd.PIN = core.NewSecret([]byte(PIN + "\r\n" + PIN))
	see(odd)
	odd = b.pay(t)
	odd.WireKey = "\x00"
	see(odd)
	silent(t, "the log", b.log.String())
}
