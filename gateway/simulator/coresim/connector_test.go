package coresim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/gateway/core"
)

// The GSMA connector and this core, end to end; every exchange is held against
// the API's document on the way.

// joined is a connector and the core behind it.
type joined struct {
	*core.GSMA
	core *Core
	url  string
	spec *spec
}

func join(t *testing.T, cfg Config, change ...func(*core.GSMAConfig)) joined {
	t.Helper()
	sp := loadSpec(t)
	c, url := beginChecked(t, sp, cfg, true)
	gc := core.GSMAConfig{URL: url + base, Currency: "TZS", PollInterval: 2 * time.Millisecond}
	for _, f := range change {
		f(&gc)
	}
	g, err := core.NewGSMA(gc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(); sound(t, c) })
	return joined{g, c, url, sp}
}

// request prepares one, as the gateway does; args are names and values in turn.
func (j joined) request(t *testing.T, call string, args ...string) core.Request {
	t.Helper()
	r := core.Request{ID: newID(), Call: call, MSISDN: asha, PIN: core.NewSecret([]byte("1234"))}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args = append(r.Args, core.Arg{Name: args[i], Value: args[i+1]})
	}
	key, err := j.Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	r.WireKey = key
	return r
}

func inquiryOf(r core.Request, out core.Outcome) core.Inquiry {
	q := core.Inquiry{ID: r.ID, WireKey: r.WireKey, Ref: out.Ref, Call: r.Call, MSISDN: r.MSISDN, Args: r.Args}
	if out.WireKey != "" {
		q.WireKey = out.WireKey
	}
	return q
}

func (j joined) times(id string) int {
	for _, e := range j.core.Effects() {
		if e.CorrelationID == id {
			return e.Times
		}
	}
	return 0
}

// payments are one of each kind, with what they answer.
var payments = []struct {
	call   string
	args   []string
	fields map[string]string
	credit string
}{
	{core.Transfer, []string{"to", baraka, "amount", "5000", "note", "Asante"}, map[string]string{"fee": "100", "balance": "994900", "payee_name": "Baraka Elias Mushi", "payee_msisdn": baraka}, baraka},
	{core.MerchantPay, []string{"till", "500100", "amount", "5000"}, map[string]string{"fee": "0", "balance": "995000", "payee_name": "Mlimani Supermarket", "payee_msisdn": "255720000001"}, "till-500100"},
	{core.BillPay, []string{"biller", "LUKU", "reference", "12345678901", "amount", "5000"}, map[string]string{"fee": "100", "balance": "994900"}, "biller-100100"},
	{core.Airtime, []string{"to", baraka, "amount", "500"}, map[string]string{"fee": "0", "balance": "999500", "payee_msisdn": baraka}, airtimeAccount},
	{core.Withdrawal, []string{"agent", "10001", "amount", "20000"}, map[string]string{"fee": "1800", "balance": "978200", "payee_name": "Duka la Mama Salma", "agent_msisdn": "255710000001"}, "255710000001"},
}

func TestEveryPayment(t *testing.T) {
	for _, p := range payments {
		t.Run(p.call, func(t *testing.T) {
			j := join(t, quick())
			r := j.request(t, p.call, p.args...)
			out, err := j.Call(t.Context(), r)
			if err != nil || out.Status != core.Done || len(out.Ref) != 10 {
				t.Fatalf("%v %q %q: %v", out.Status, out.Ref, out.Detail, err)
			}
			for name, want := range p.fields {
				if got := out.Fields.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			if p.call == core.BillPay && (len(out.Fields.Get("token")) != 20 || out.Fields.Get("units") == "") {
				t.Errorf("no token: %v", out.Fields)
			}
			e := j.core.Effects()
			if len(e) != 1 || e[0].CorrelationID != r.ID || e[0].Credit != p.credit || e[0].Type != p.call || e[0].Times != 1 {
				t.Errorf("%+v", e)
			}
			// The fee that was quoted is the fee that was taken.
			quote, err := j.Call(t.Context(), core.Request{ID: newID(), Call: core.Fee, MSISDN: asha, Args: append(r.Args[:len(r.Args):len(r.Args)], core.Arg{Name: "call", Value: p.call})})
			if err != nil || quote.Fields.Get("fee") != p.fields["fee"] {
				t.Errorf("quoted %v: %v", quote.Fields, err)
			}
		})
	}
}

func TestLostAnswerIsFoundAgain(t *testing.T) {
	for _, p := range payments {
		t.Run(p.call, func(t *testing.T) {
			j := join(t, quick())
			setFaults(t, j.url, `{"drop_answers": 1}`)
			r := j.request(t, p.call, p.args...)
			out, err := j.Call(t.Context(), r)
			if out.Status != core.Unknown || err == nil || errors.Is(err, core.ErrNotSent) {
				t.Fatalf("%v: %v", out.Status, err)
			}
			for range 3 { // asking changes nothing
				out, err = j.Inquire(t.Context(), inquiryOf(r, out))
				if err != nil || out.Status != core.Done || out.Fields.Get("balance") != p.fields["balance"] {
					t.Fatalf("%v %v: %v", out.Status, out.Fields, err)
				}
			}
			if n := j.times(r.ID); n != 1 {
				t.Errorf("%d times", n)
			}
		})
	}
}

func TestRepeatIsLookedUp(t *testing.T) {
	j := join(t, quick())
	r := j.request(t, core.Transfer, "to", baraka, "amount", "5000")
	if _, err := j.Call(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	out, err := j.Call(t.Context(), r)
	if out.Status != core.Unknown || !errors.Is(err, core.ErrDuplicate) {
		t.Fatalf("%v: %v", out.Status, err)
	}
	if out, err = j.Inquire(t.Context(), inquiryOf(r, out)); err != nil || out.Status != core.Done {
		t.Errorf("%v: %v", out.Status, err)
	}
	if n := j.times(r.ID); n != 1 {
		t.Errorf("%d times", n)
	}
}

func TestDecidedLater(t *testing.T) {
	for _, p := range payments {
		t.Run(p.call, func(t *testing.T) {
			j := join(t, quick())
			setFaults(t, j.url, `{"async": 1, "async_ms": 10}`)
			r := j.request(t, p.call, p.args...)
			out, err := j.Call(t.Context(), r)
			if err != nil || out.Status != core.Done || out.WireKey == r.WireKey || out.Fields.Get("balance") != p.fields["balance"] {
				t.Fatalf("%v %v %q: %v", out.Status, out.Fields, out.Detail, err)
			}
			if n := j.times(r.ID); n != 1 {
				t.Errorf("%d times", n)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		j := join(t, quick())
		setFaults(t, j.url, `{"async": 1}`)
		out, err := j.Call(t.Context(), j.request(t, core.Transfer, "to", asha, "amount", "5000"))
		if err != nil || out.Status != core.Rejected || out.Reason != core.SamePerson {
			t.Errorf("%v %q: %v", out.Status, out.Reason, err)
		}
	})
	t.Run("too late for the customer", func(t *testing.T) {
		j := join(t, quick(), func(c *core.GSMAConfig) { c.PollInterval = 5 * time.Millisecond })
		setFaults(t, j.url, `{"async": 1, "async_ms": 600}`)
		r := j.request(t, core.Transfer, "to", baraka, "amount", "5000")
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		out, err := j.Call(ctx, r)
		if err != nil || out.Status != core.Pending || out.WireKey == "" {
			t.Fatalf("%v: %v", out.Status, err)
		}
		q := inquiryOf(r, out)
		// Asked more often than the core allows, it is still told in the end.
		eventually(t, "an outcome", func() bool {
			out, err = j.Inquire(t.Context(), q)
			return out.Status == core.Done
		})
		if err != nil || j.times(r.ID) != 1 {
			t.Errorf("%v, %d times: %v", out.Status, j.times(r.ID), err)
		}
	})
	t.Run("and the answer is lost", func(t *testing.T) {
		j := join(t, quick())
		setFaults(t, j.url, `{"async": 1, "async_ms": 1, "drop_answers": 1}`)
		r := j.request(t, core.Transfer, "to", baraka, "amount", "5000")
		out, err := j.Call(t.Context(), r)
		if out.Status != core.Unknown || err == nil {
			t.Fatalf("%v: %v", out.Status, err)
		}
		eventually(t, "an outcome", func() bool {
			out, err = j.Inquire(t.Context(), inquiryOf(r, core.Outcome{}))
			return out.Status == core.Done
		})
		if j.times(r.ID) != 1 {
			t.Errorf("%d times", j.times(r.ID))
		}
	})
}

func TestDeadCore(t *testing.T) {
	j := join(t, quick())
	setFaults(t, j.url, `{"down": true}`)
	r := j.request(t, core.Transfer, "to", baraka, "amount", "5000")
	out, err := j.Call(t.Context(), r)
	if out.Status != core.Unknown || !errors.Is(err, core.ErrCut) {
		t.Errorf("it reads and hangs up: %v: %v", out.Status, err)
	}
	w := core.NewWatcher(core.WatcherConfig{Health: j.Health, Interval: time.Millisecond, Failures: 2})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w.Run(ctx) })
	eventually(t, "down", func() bool { _, down := w.Down(core.Transfer); return down })
	setFaults(t, j.url, `{"down": false}`)
	eventually(t, "up again", func() bool { _, down := w.Down(core.Transfer); return !down })
	setFaults(t, j.url, `{"heartbeat": "unavailable", "planned_restoration": "2099-12-08T21:30:00Z"}`)
	eventually(t, "announced", func() bool {
		until, down := w.Down(core.Transfer)
		return down && until.Year() == 2099
	})
	cancel()
	wg.Wait()
	if out, err = j.Inquire(t.Context(), inquiryOf(r, out)); err != nil || out.Status != core.NotFound {
		t.Errorf("%v: %v", out.Status, err)
	}
	if n := j.times(r.ID); n != 0 {
		t.Errorf("%d times", n)
	}
}

func TestNoCoreAtAll(t *testing.T) {
	_, url := begin(t, quick())
	g, err := core.NewGSMA(core.GSMAConfig{URL: strings.Replace(url, "127.0.0.1:", "127.0.0.1:1", 1)[:len("http://127.0.0.1:1")], Currency: "TZS"})
	if err != nil {
		t.Fatal(err)
	}
	j := joined{GSMA: g}
	if out, err := j.Call(t.Context(), j.request(t, core.Transfer, "to", baraka, "amount", "5000")); out.Status != core.Unknown || !errors.Is(err, core.ErrNotSent) {
		t.Errorf("%v: %v", out.Status, err)
	}
	if _, err := j.Health(t.Context()); !errors.Is(err, core.ErrNotSent) {
		t.Error(err)
	}
}

// The night of the brownout in small: the customer's side gives up, the core
// does it later, and inquiries tell first "not found", then the truth.
func TestNotFoundIsNotTheTruthWhileTheCoreIsBehind(t *testing.T) {
	f := DefaultFaults()
	f.Workers, f.ServiceMS = 1, 0
	j := join(t, Config{Faults: &f})
	release := hold(j.core)
	r := j.request(t, core.Transfer, "to", baraka, "amount", "5000")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	out, err := j.Call(ctx, r)
	if out.Status != core.Unknown || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, core.ErrNotSent) {
		t.Fatalf("%v: %v", out.Status, err)
	}
	release()
	eventually(t, "an outcome", func() bool {
		out, err = j.Inquire(t.Context(), inquiryOf(r, core.Outcome{}))
		return out.Status == core.Done
	})
	if j.times(r.ID) != 1 {
		t.Errorf("%d times", j.times(r.ID))
	}
}

func TestRefusalsInTheCustomersTerms(t *testing.T) {
	j := join(t, quick(func(c *Config) {
		d := DefaultDirectory()
		d.Accounts[8].Blocked = true
		c.Directory, c.Limits.Daily = &d, 2_000_000
	}))
	wrong := core.NewSecret([]byte("9999"))
	for _, tc := range []struct {
		name   string
		req    core.Request
		reason string
	}{
		{"too little money", j.request(t, core.Transfer, "to", baraka, "amount", "1000000"), core.InsufficientFunds},
		{"nobody", j.request(t, core.Transfer, "to", "255788888888", "amount", "500"), core.UnknownPayee},
		{"no agent", j.request(t, core.Withdrawal, "agent", "99999", "amount", "5000"), core.UnknownPayee},
		{"no till", j.request(t, core.MerchantPay, "till", "1", "amount", "5000"), core.UnknownPayee},
		{"no biller", j.request(t, core.BillPay, "biller", "ACME", "reference", "1", "amount", "5000"), core.UnknownPayee},
		{"no such reference", j.request(t, core.BillPay, "biller", "LUKU", "reference", "1", "amount", "5000"), core.UnknownPayee},
		{"oneself", j.request(t, core.Transfer, "to", asha, "amount", "500"), core.SamePerson},
		{"too little", j.request(t, core.Transfer, "to", baraka, "amount", "99"), core.AmountInvalid},
		{"half a shilling", j.request(t, core.Transfer, "to", baraka, "amount", "500.5"), core.AmountInvalid},
		{"too much at once", j.request(t, core.Transfer, "to", baraka, "amount", "5000001"), core.LimitExceeded},
		{"too much for a day", j.request(t, core.Transfer, "to", baraka, "amount", "2000001"), core.LimitExceeded},
		{"payee blocked", j.request(t, core.Transfer, "to", "255700000009", "amount", "500"), core.NotAllowed},
	} {
		out, err := j.Call(t.Context(), tc.req)
		if err != nil || out.Status != core.Rejected || out.Reason != tc.reason {
			t.Errorf("%s: %v %q, want %q: %v (%s)", tc.name, out.Status, out.Reason, tc.reason, err, out.Detail)
		}
		// Asked later, the refusal is still one.
		if out, err = j.Inquire(t.Context(), inquiryOf(tc.req, core.Outcome{})); err != nil || out.Status != core.Rejected || out.Reason != tc.reason {
			t.Errorf("%s, asked later: %v %q: %v", tc.name, out.Status, out.Reason, err)
		}
	}
	blocked := j.request(t, core.Transfer, "to", baraka, "amount", "500")
	blocked.MSISDN = "255700000009"
	if out, err := j.Call(t.Context(), blocked); err != nil || out.Reason != core.AccountBlocked {
		t.Errorf("blocked: %q: %v", out.Reason, err)
	}
	for i, want := range []string{core.WrongPIN, core.WrongPIN, core.PINLocked, core.PINLocked} {
		r := j.request(t, core.Transfer, "to", baraka, "amount", "500")
		r.PIN = wrong
		if out, err := j.Call(t.Context(), r); err != nil || out.Reason != want {
			t.Errorf("wrong PIN %d: %q, want %q: %v", i+1, out.Reason, want, err)
		}
	}
	if e := j.core.Effects(); len(e) != 0 {
		t.Errorf("%+v", e)
	}
}

func TestReadsEndToEnd(t *testing.T) {
	j := join(t, quick())
	read := func(call string, args ...string) core.Outcome {
		t.Helper()
		out, err := j.Call(t.Context(), j.request(t, call, args...))
		if err != nil || out.Status != core.Done {
			t.Fatalf("%s %v: %v %q: %v", call, args, out.Status, out.Detail, err)
		}
		return out
	}
	for _, tc := range [][3]string{{"to", baraka, "Baraka Elias Mushi"}, {"till", "500200", "Kariakoo Simu na Vifaa"}, {"agent", "10001", "Duka la Mama Salma"}, {"biller", "dawasa", "DAWASA"}} {
		if got := read(core.AccountName, tc[0], tc[1]).Fields.Get("name"); got != tc[2] {
			t.Errorf("%s %s is %q, want %q", tc[0], tc[1], got, tc[2])
		}
	}
	if a, b := read(core.AccountName, "biller", "LUKU", "reference", "12345678901"), read(core.AccountName, "biller", "100100", "reference", "12345678901"); a.Fields.Get("name") == "" || a.Fields.Get("name") != b.Fields.Get("name") {
		t.Errorf("%v, %v", a.Fields, b.Fields)
	}
	if got := read(core.Balance).Fields.Get("balance"); got != "1000000" {
		t.Errorf("balance %q", got)
	}
	if rows := read(core.Statement).Rows; len(rows) != 0 {
		t.Errorf("%v before anything happened", rows)
	}
	var refs []string
	for _, p := range payments {
		refs = append(refs, read(p.call, p.args...).Ref)
	}
	rows := read(core.Statement, "limit", "3").Rows
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows { // the last first
		want := fmt.Sprint(payments[4-i].call, " out ", refs[4-i])
		if got := fmt.Sprint(row.Get("kind"), " ", row.Get("direction"), " ", row.Get("ref")); got != want {
			t.Errorf("row %d: %s, want %s", i, got, want)
		}
		if _, err := time.Parse(time.RFC3339, row.Get("date")); err != nil {
			t.Error(err)
		}
	}
	for _, operation := range []string{
		"GET /accounts/{identifierType}/{identifier}/accountname 200", "GET /accounts/{accountId}/accountname 200",
		"GET /accounts/{identifierType}/{identifier}/balance 200", "GET /accounts/{identifierType}/{identifier}/statemententries 200",
		"POST /transactions/type/{transactionType} 201",
	} {
		if j.spec.seen(operation) == 0 {
			t.Errorf("%s was not held against the document", operation)
		}
	}
	r := j.request(t, core.Statement)
	r.MSISDN = baraka
	out, err := j.Call(t.Context(), r)
	if err != nil || len(out.Rows) != 1 || out.Rows[0].Get("direction") != "in" || out.Rows[0].Get("party") != asha || out.Rows[0].Get("amount") != "5000" {
		t.Errorf("%v: %v", out.Rows, err)
	}
}

// agent is the one of the directory.
const agent = "255710000001"
