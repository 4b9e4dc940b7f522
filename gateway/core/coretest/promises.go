package coretest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"nyota/gateway/core"
)

const patient = 5 * time.Second

func done(t *testing.T, b *bench) {
	r := b.pay(t)
	out, err := b.call(t, r, patient)
	if errors.Is(err, core.ErrNotSent) {
		t.Fatal(err)
	}
	out = b.final(t, r, out, err)
	if out.Status != core.Done || out.Ref == "" {
		t.Errorf("%v, reference %q, %q", out.Status, out.Ref, out.Detail)
	}
	b.took(t, r, 1)
	if n := b.Posts(); n != 1 {
		t.Errorf("posted %d times", n)
	}
	if again := b.settle(t, r, out); again.Status != core.Done {
		t.Errorf("asked again: %v", again.Status)
	}
}

func refused(t *testing.T, b *bench) {
	if len(b.Refuse) == 0 {
		t.Fatal("the rig has no refusals")
	}
	for reason, r := range b.Refuse {
		t.Run(reason, func(t *testing.T) {
			r := b.prepare(t, r)
			out, err := b.call(t, r, patient)
			if errors.Is(err, core.ErrNotSent) {
				t.Fatal(err)
			}
			out = b.final(t, r, out, err)
			if out.Status != core.Rejected || out.Reason != reason {
				t.Errorf("%v %q (%s), want refused for %q", out.Status, out.Reason, out.Detail, reason)
			}
			b.took(t, r, 0)
		})
	}
}

func lostAnswer(t *testing.T, b *bench) {
	b.Set(t, DropAnswers)
	r := b.pay(t)
	out, err := b.call(t, r, b.Slow*3)
	if errors.Is(err, core.ErrNotSent) || out.Status == core.Rejected || out.Status == core.NotFound {
		t.Fatalf("%v: %v", out.Status, err)
	}
	b.eventually(t, "effect", func() bool { return b.Effects(r) > 0 })
	b.Set(t)
	if b.LostForGood {
		for range 3 {
			got, err := b.Switch.Inquire(t.Context(), inquiry(r, out))
			if got.Status == core.Rejected || got.Status == core.NotFound || errors.Is(err, core.ErrNotSent) {
				t.Errorf("%v: %v", got.Status, err)
			}
		}
	} else {
		for range 3 { // asking changes nothing
			if got := b.settle(t, r, out); got.Status != core.Done {
				t.Fatalf("%v %q", got.Status, got.Detail)
			}
		}
	}
	b.took(t, r, 1)
	if n := b.Posts(); n != 1 {
		t.Errorf("posted %d times", n)
	}
}

func slowAnswer(t *testing.T, b *bench) {
	b.warm(t)
	b.Set(t, Slow)
	r := b.pay(t)
	before := b.Posts()
	out, err := b.call(t, r, b.Slow/2)
	if errors.Is(err, core.ErrNotSent) && b.Posts() > before {
		t.Fatalf("it arrived, and was called not sent: %v", err)
	}
	b.notYet(t, r, out)
	b.eventually(t, "effect", func() bool { return b.Effects(r) > 0 })
	b.Set(t)
	if !b.LostForGood {
		if got := b.settle(t, r, out); got.Status != core.Done {
			t.Errorf("%v %q", got.Status, got.Detail)
		}
	}
	b.took(t, r, 1)
}

// warm makes a payment, so that connections and tokens are there.
func (b *bench) warm(t *testing.T) {
	t.Helper()
	r := b.pay(t)
	out, err := b.call(t, r, patient)
	b.final(t, r, out, err)
}

// notYet fails if an outcome is final before the core can have decided. On a machine
// that is busy the caller may come to look after that; then it did take effect.
func (b *bench) notYet(t *testing.T, r core.Request, out core.Outcome) {
	t.Helper()
	if out.Status == core.Rejected || out.Status == core.NotFound || out.Status == core.Done && b.Effects(r) == 0 {
		t.Errorf("%v before there was an answer", out.Status)
	}
}

func decidedLater(t *testing.T, b *bench) {
	if !b.has(DecideLater) {
		t.Skip("this core decides at once")
	}
	b.warm(t)
	b.Set(t, DecideLater)
	r := b.pay(t)
	out, err := b.call(t, r, b.Slow/2)
	if errors.Is(err, core.ErrNotSent) {
		t.Fatal(err)
	}
	b.notYet(t, r, out)
	if got := b.settle(t, r, out); got.Status != core.Done {
		t.Errorf("%v %q", got.Status, got.Detail)
	}
	b.took(t, r, 1)
}

func repeated(t *testing.T, b *bench) {
	r := b.pay(t)
	out, err := b.call(t, r, patient)
	b.final(t, r, out, err)
	for range 3 {
		r.PIN = core.NewSecret([]byte(PIN))
		again, err := b.call(t, r, patient)
		// Looked up, it is done; else it is unknown and a duplicate. Called
		// refused or not sent, it would tell the customer a lie.
		if again.Status == core.Rejected || again.Status == core.NotFound || errors.Is(err, core.ErrNotSent) {
			t.Fatalf("%v: %v", again.Status, err)
		}
		if again.WireKey == "" {
			again.WireKey = out.WireKey
		}
		if got := b.settle(t, r, again); got.Status != core.Done {
			t.Errorf("%v %q", got.Status, got.Detail)
		}
	}
	b.took(t, r, 1)
}

func notSent(t *testing.T, b *bench) {
	nothing := func(name string, sw core.Switch, r core.Request, ctx context.Context) { //nolint:revive // a table's helper
		t.Helper()
		before := b.Posts()
		out, err := sw.Call(ctx, r)
		if !errors.Is(err, core.ErrNotSent) || out.Status != core.Unknown {
			t.Errorf("%s: %v: %v", name, out.Status, err)
		}
		if b.Posts() != before {
			t.Errorf("%s: it arrived", name)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	nothing("ctx is over", b.Switch, b.pay(t), ended)
	r := b.pay(t)
	r.WireKey = ""
	nothing("wire key not prepared", b.Switch, r, t.Context())
	r = b.pay(t)
	r.Args = nil
	nothing("no arguments", b.Switch, r, t.Context())
	r = b.pay(t)
	r.Call = "lottery"
	nothing("no such call", b.Switch, r, t.Context())
	if b.Unserved != "" {
		r = b.pay(t)
		r.Call = b.Unserved
		nothing("a call that is not served", b.Switch, r, t.Context())
	}
	elsewhere := b.Elsewhere(t)
	r = b.Pay()
	r.ID = b.pay(t).ID
	r.PIN = core.NewSecret([]byte(PIN))
	key, err := elsewhere.Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	r.WireKey = key
	ctx, stop := context.WithTimeout(t.Context(), patient)
	defer stop()
	nothing("nobody listens", elsewhere, r, ctx)
	// Of an action that was sent, an inquiry that cannot be sent says nothing.
	if out, err := elsewhere.Inquire(ctx, inquiry(r, core.Outcome{})); err == nil || errors.Is(err, core.ErrNotSent) || out.Status != core.Unknown {
		t.Errorf("inquiry: %v: %v", out.Status, err)
	}

	// A core that cuts every connection: either nothing arrived, or it is unknown.
	b.warm(t)
	b.Set(t, Down)
	r = b.pay(t)
	before := b.Posts()
	out, err := b.call(t, r, b.Slow*2)
	if err == nil || out.Status != core.Unknown {
		t.Errorf("down: %v: %v", out.Status, err)
	}
	if errors.Is(err, core.ErrNotSent) && b.Posts() != before {
		t.Errorf("down: it arrived, and was called not sent: %v", err)
	}
}

func wrongAmount(t *testing.T, b *bench) {
	b.Set(t, WrongAmount)
	r := b.pay(t)
	out, err := b.call(t, r, b.Slow*3)
	if out.Status == core.Done || out.Status == core.Rejected || errors.Is(err, core.ErrNotSent) {
		t.Errorf("%v: %v", out.Status, err)
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), b.Slow*2)
		got, err := b.Switch.Inquire(ctx, inquiry(r, out))
		cancel()
		if got.Status == core.Done || got.Status == core.Rejected || got.Status == core.NotFound {
			t.Errorf("inquiry: %v: %v", got.Status, err)
		}
	}
}

func unknownID(t *testing.T, b *bench) {
	r := b.pay(t) // and never sent
	ctx, cancel := context.WithTimeout(t.Context(), b.Slow*3)
	defer cancel()
	out, err := b.Switch.Inquire(ctx, inquiry(r, core.Outcome{}))
	if out.Status == core.Done || out.Status == core.Rejected || err != nil && out.Status != core.Unknown {
		t.Errorf("%v: %v", out.Status, err)
	}
	if b.Switch.Horizon() <= 0 {
		t.Errorf("a horizon of %v", b.Switch.Horizon())
	}
	b.took(t, r, 0)
}

func prepared(t *testing.T, b *bench) {
	seen := map[string]bool{}
	for range 100 {
		r := b.pay(t)
		if r.WireKey == "" || seen[r.WireKey] {
			t.Fatalf("wire key %q is empty or came twice", r.WireKey)
		}
		seen[r.WireKey] = true
	}
	if n := b.Posts(); n != 0 {
		t.Errorf("%d requests left", n)
	}
	if key, err := b.Switch.Prepare(core.Request{ID: b.pay(t).ID, Call: core.Balance, MSISDN: "255700000001"}); key != "" && err == nil {
		t.Errorf("a read has the wire key %q", key)
	}
}

func heartbeat(t *testing.T, b *bench) {
	h, err := b.Switch.Health(t.Context())
	if err != nil || h.State != core.Available || h.At.IsZero() {
		t.Errorf("%v at %v: %v", h.State, h.At, err)
	}
	b.Set(t, Down)
	ctx, cancel := context.WithTimeout(t.Context(), b.Slow*2)
	defer cancel()
	if h, err := b.Switch.Health(ctx); err == nil && h.State != core.Unavailable {
		t.Errorf("down: %v", h.State)
	}
	h, err = b.Elsewhere(t).Health(t.Context())
	if !errors.Is(err, core.ErrNotSent) {
		t.Errorf("nobody listens: %v, %v", h.State, err)
	}
}

func paced(t *testing.T, b *bench) {
	sw, ok := b.Switch.(core.Paced)
	if !ok {
		t.Fatal("it does not")
	}
	rates := map[string]float64{}
	for _, call := range []string{b.Pay().Call, core.Reversal} {
		p := sw.Pace(call)
		if p.After <= 0 || p.Max < p.After || p.Rate < 0 || p != sw.Pace(call) {
			t.Errorf("%s: %+v", call, p)
		}
		if other, ok := rates[p.Budget]; ok && other != p.Rate {
			t.Errorf("budget %q has the rates %v and %v", p.Budget, other, p.Rate)
		}
		rates[p.Budget] = p.Rate
	}
}

func parallel(t *testing.T, b *bench) {
	const callers, each = 8, 5
	var wg sync.WaitGroup
	for range callers {
		requests := make([]core.Request, each)
		for i := range requests {
			requests[i] = b.pay(t)
		}
		wg.Go(func() {
			for _, r := range requests {
				ctx, cancel := context.WithTimeout(t.Context(), patient)
				out, err := b.Switch.Call(ctx, r)
				for err == nil && out.Status == core.Pending && ctx.Err() == nil {
					out, err = b.Switch.Inquire(ctx, inquiry(r, out))
				}
				cancel()
				if err != nil || out.Status != core.Done {
					t.Errorf("%v %q: %v", out.Status, out.Detail, err)
				}
				if n := b.Effects(r); n != 1 {
					t.Errorf("it took effect %d times", n)
				}
			}
		})
	}
	wg.Wait()
	if n := b.Posts(); n != callers*each {
		t.Errorf("%d requests were posted for %d actions", n, callers*each)
	}
}
