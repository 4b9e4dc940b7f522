package coresim

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"nyota/gateway/core"
)

func TestAnAgentTakesADepositAndEarnsCommission(t *testing.T) {
	j := join(t, quick())
	as := func(who, call string, args ...string) (core.Outcome, error) {
		t.Helper()
		r := j.request(t, call, args...)
		r.MSISDN = who
		return j.Call(t.Context(), r)
	}
	earned := func() string {
		t.Helper()
		out, err := as(agent, core.Commission)
		if err != nil || out.Status != core.Done {
			t.Fatalf("%v: %v", out, err)
		}
		return out.Fields.Get("commission")
	}
	if got := earned(); got != "0" {
		t.Errorf("commission %s before anything happened", got)
	}
	// A withdrawal's fee is what commission is paid from.
	if out, err := as(asha, core.Withdrawal, "agent", "10001", "amount", "20000"); err != nil || out.Status != core.Done {
		t.Fatalf("%v: %v", out, err)
	}
	out, err := as(agent, core.Deposit, "to", baraka, "amount", "30000")
	if err != nil || out.Status != core.Done {
		t.Fatalf("%+v: %v", out, err)
	}
	for name, want := range map[string]string{"fee": "0", "balance": "4990000", "payee_name": "Baraka Elias Mushi", "payee_msisdn": baraka} {
		if got := out.Fields.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := earned(); got != "200" {
		t.Errorf("commission %s", got)
	}
	total := int64(0)
	for _, n := range j.core.Balances() {
		total += n
	}
	if total != 0 {
		t.Errorf("the books are off by %d", total)
	}
	for call, args := range map[string][]string{core.Deposit: {"to", baraka, "amount", "500"}, core.Commission: nil} {
		if out, err := as(asha, call, args...); err != nil || out.Status != core.Rejected {
			t.Errorf("%s of one who is no agent: %+v, %v", call, out, err)
		}
	}
	if j.spec.seen("GET /accounts/{accountId}/balance 200") == 0 {
		t.Error("the commission was not held against the document")
	}
}

func TestACustomerLocksTheAccount(t *testing.T) {
	j := join(t, quick())
	wrong := j.request(t, core.Lock)
	wrong.PIN = core.NewSecret([]byte("0000"))
	if out, err := j.Call(t.Context(), wrong); err != nil || out.Reason != core.WrongPIN {
		t.Fatalf("%+v: %v", out, err)
	}
	for range 2 { // locked twice is locked
		if out, err := j.Call(t.Context(), j.request(t, core.Lock)); err != nil || out.Status != core.Done {
			t.Fatalf("%+v: %v", out, err)
		}
	}
	for _, r := range []core.Request{j.request(t, core.Transfer, "to", baraka, "amount", "500"), j.request(t, core.Balance)} {
		if out, err := j.Call(t.Context(), r); err != nil || out.Reason != core.AccountBlocked {
			t.Errorf("%s: %+v, %v", r.Call, out, err)
		}
	}
	r := j.request(t, core.Transfer, "to", asha, "amount", "500")
	r.MSISDN = baraka
	if out, err := j.Call(t.Context(), r); err != nil || out.Status != core.Done {
		t.Errorf("it cannot be paid: %+v, %v", out, err)
	}
	if j.spec.seen("PATCH /accounts/{identifierType}/{identifier} 204") == 0 {
		t.Error("it was not held against the document")
	}
}

func TestTheStatusOfATransactionIsItsPartiesOwn(t *testing.T) {
	j := join(t, quick())
	paid, err := j.Call(t.Context(), j.request(t, core.Transfer, "to", baraka, "amount", "5000"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(who, ref string) core.Outcome {
		t.Helper()
		out, err := j.Call(t.Context(), core.Request{ID: newID(), Call: core.Lookup, MSISDN: who, Args: core.Args{{Name: "reference", Value: ref}}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for who, direction := range map[string]string{asha: "out", baraka: "in"} {
		f := ask(who, paid.Ref).Fields
		if f.Get("state") != "done" || f.Get("amount") != "5000" || f.Get("direction") != direction || f.Get("kind") != "transfer" {
			t.Errorf("%s: %v", who, f)
		}
	}
	for name, out := range map[string]core.Outcome{"of others": ask("255700000009", paid.Ref), "that never was": ask(asha, "NOSUCHREF1")} {
		if out.Status != core.Rejected || out.Reason != core.UnknownReference || len(out.Fields) != 0 {
			t.Errorf("one %s: %+v", name, out)
		}
	}
	out, err := j.Call(t.Context(), core.Request{ID: newID(), Call: core.Lookup, MSISDN: asha, Args: core.Args{{Name: "reference", Value: "../accounts"}}})
	if !errors.Is(err, core.ErrNotSent) && out.Status != core.Rejected {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestPINsTravelEncrypted(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	j := join(t, quick(func(c *Config) { c.PINKey = key }), func(c *core.GSMAConfig) { c.PIN = &core.PINEncryption{Key: &key.PublicKey} })
	for _, call := range []string{core.Transfer, core.Balance, core.Statement} {
		out, err := j.Call(t.Context(), j.request(t, call, "to", baraka, "amount", "500"))
		if err != nil || out.Status != core.Done {
			t.Errorf("%s: %v %q: %v", call, out.Status, out.Detail, err)
		}
	}
	if a := pay(t, j.url, "transfer", transfer(baraka, 500), newID(), "1234"); a.code() != "validation/formatError header=X-User-Credential-1" {
		t.Errorf("a PIN in the clear: %d %s", a.status, a.code())
	}
}

// What a gateway does on a bad night, many times at once: whatever is lost, each
// payment took effect at most once, and inquiries tell which.
func TestBadNight(t *testing.T) {
	n := 0
	j := join(t, quick(func(c *Config) {
		c.Rand = func() float64 { n = (n + 7) % 100; return float64(n) / 100 }
		d := DefaultDirectory()
		d.Accounts[0].Balance = 100_000_000
		c.Directory, c.Limits.Daily = &d, 100_000_000
	}))
	setFaults(t, j.url, `{"drop_answers": 0.4, "async": 0.3, "async_ms": 3, "workers": 2, "service_ms": 0.5}`)
	type try struct {
		req core.Request
		out core.Outcome
		err error
	}
	tries := make([]try, 120)
	for i := range tries {
		tries[i].req = j.request(t, core.Transfer, "to", baraka, "amount", "500")
	}
	var wg sync.WaitGroup
	for part := range 8 {
		wg.Go(func() {
			for i := part; i < len(tries); i += 8 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%40)*time.Millisecond)
				tries[i].out, tries[i].err = j.Call(ctx, tries[i].req)
				cancel()
			}
		})
	}
	wg.Wait()
	eventually(t, "an empty queue", func() bool { return j.core.pool.waiting() == 0 })
	setFaults(t, j.url, `{"drop_answers": 0, "async_ms": 0, "workers": 20, "service_ms": 0}`)
	counts := make(map[string]int)
	for _, tr := range tries {
		first := tr.out.Status
		if tr.err != nil && errors.Is(tr.err, core.ErrNotSent) {
			counts["not sent"]++
			if j.times(tr.req.ID) != 0 {
				t.Error("not sent, and yet it took effect")
			}
			continue
		}
		out := tr.out
		for try := 0; out.Status != core.Done && out.Status != core.NotFound && try < 50; try++ {
			var err error
			if out, err = j.Inquire(t.Context(), inquiryOf(tr.req, tr.out)); err != nil && try == 49 {
				t.Errorf("no outcome: %v", err)
			}
		}
		counts[fmt.Sprint(first, " then ", out.Status)]++
		if want := map[core.Status]int{core.Done: 1}[out.Status]; j.times(tr.req.ID) != want {
			t.Errorf("%v, and it took effect %d times", out.Status, j.times(tr.req.ID))
		}
	}
	t.Log(counts)
}

func TestDownAndUpAgainMidway(t *testing.T) {
	f := DefaultFaults()
	f.Workers, f.ServiceMS = 1, 0
	j := join(t, Config{Faults: &f})
	release := hold(j.core)
	r := j.request(t, core.Transfer, "to", baraka, "amount", "5000")
	done := make(chan error)
	go func() {
		_, err := j.Call(t.Context(), r)
		done <- err
	}()
	queued(t, j.core, 1)
	setFaults(t, j.url, `{"down": true}`)
	if err := <-done; err == nil || errors.Is(err, core.ErrNotSent) {
		t.Errorf("cut while it waited: %v", err)
	}
	release()
	setFaults(t, j.url, `{"down": false}`)
	var out core.Outcome
	eventually(t, "the truth", func() bool {
		out, _ = j.Inquire(t.Context(), inquiryOf(r, core.Outcome{}))
		return out.Status == core.Done
	})
	if j.times(r.ID) != 1 {
		t.Errorf("%d times", j.times(r.ID))
	}
}
