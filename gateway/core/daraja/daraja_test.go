package daraja_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/core/coretest"
	"nyota/gateway/core/daraja"
	"nyota/gateway/simulator/darajasim"
)

const (
	actionID = "0197f0c2-0000-7000-8000-000000000001"
	otherID  = "0197f0c2-0000-7000-8000-000000000002"
)

func TestBadConfigurationIsAnError(t *testing.T) {
	for want, change := range map[string]func(*daraja.Config){
		"url must be an http":        func(c *daraja.Config) { c.URL = "ftp://x" },
		"url must be an https":       func(c *daraja.Config) { c.URL = "http://daraja.example" },
		"callbacks must be an http":  func(c *daraja.Config) { c.Callbacks = "" },
		"callbacks must be an https": func(c *daraja.Config) { c.Callbacks = "http://gateway.example" },
		"consumer key":               func(c *daraja.Config) { c.ConsumerSecret = core.Secret{} },
		"short code must be":         func(c *daraja.Config) { c.ShortCode = "nyota" },
		"no call could be served":    func(c *daraja.Config) { c.Passkey, c.Payouts = core.Secret{}, nil },
		"payouts need":               func(c *daraja.Config) { c.Payouts.Key = nil },
		"no reason of a refusal":     func(c *daraja.Config) { c.Reasons = map[string]string{"1": "because"} },
	} {
		cfg := config("https://daraja.example", "https://gateway.example")
		change(&cfg)
		if _, err := daraja.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// pair is a connector, its simulator and the listener for its callbacks.
type pair struct {
	*daraja.Connector
	sim *darajasim.Core
	cfg daraja.Config
}

func join(t *testing.T, change ...func(*daraja.Config)) *pair {
	t.Helper()
	p := &pair{}
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		c := p.Connector
		mu.Unlock()
		c.ServeHTTP(w, r)
	}))
	var url string
	p.sim, url = begin(t)
	p.cfg = config(url, s.URL)
	for _, f := range change {
		f(&p.cfg)
	}
	mu.Lock()
	p.Connector = connect(t, p.cfg)
	mu.Unlock()
	t.Cleanup(s.Close)
	return p
}

func pay(call string, args ...string) core.Request {
	r := coretest.Request(call, args...)
	r.ID, r.WireKey = actionID, actionID
	return r
}

func asked(r core.Request, wire string) core.Inquiry {
	return core.Inquiry{ID: r.ID, WireKey: wire, Call: r.Call, MSISDN: r.MSISDN, Args: r.Args}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestAfterARestartAPayoutIsFoundByItsIDAndAPushByTheCoresID(t *testing.T) {
	for _, r := range []core.Request{pay(core.Transfer, "to", "255700000002", "amount", "5000"), pay(core.MerchantPay, "till", "500100", "amount", "5000")} {
		t.Run(r.Call, func(t *testing.T) {
			p := join(t)
			if err := p.sim.SetFaults(darajasim.Faults{Callbacks: "none"}); err != nil {
				t.Fatal(err)
			}
			out, err := p.Call(within(t, slow), r)
			if err != nil || out.Status != core.Pending {
				t.Fatalf("%v: %v", out.Status, err)
			}
			if err := p.sim.SetFaults(darajasim.DefaultFaults()); err != nil {
				t.Fatal(err)
			}
			// Nothing is remembered: only what the ledger stored.
			fresh := join(t, func(c *daraja.Config) { c.URL = p.cfg.URL })
			wire := out.WireKey
			if r.Call == core.Transfer {
				wire = r.WireKey
			}
			got, err := fresh.Inquire(within(t, 2*time.Second), asked(r, wire))
			if err != nil || got.Status != core.Done || got.Ref == "" {
				t.Errorf("%v %q: %v", got.Status, got.Detail, err)
			}
		})
	}
}

func TestPushWhoseIDNeverCameCannotBeAskedAbout(t *testing.T) {
	p := join(t)
	r := pay(core.MerchantPay, "till", "500100", "amount", "5000")
	out, err := p.Inquire(t.Context(), asked(r, r.WireKey))
	if err == nil || out.Status != core.Unknown {
		t.Errorf("%v: %v", out.Status, err)
	}
}

func TestQueueTimeoutDecidesNothing(t *testing.T) {
	p := join(t)
	f := darajasim.DefaultFaults()
	f.Timeout = true
	f.DecideMS = 30
	if err := p.sim.SetFaults(f); err != nil {
		t.Fatal(err)
	}
	out, err := p.Call(within(t, 2*time.Second), pay(core.Transfer, "to", "255700000002", "amount", "5000"))
	if err != nil || out.Status != core.Done {
		t.Errorf("%v: %v", out.Status, err)
	}
}

func TestResultThatNobodyWaitsForNudges(t *testing.T) {
	nudged := make(chan string, 4)
	p := join(t, func(c *daraja.Config) { c.Nudge = func(callback string) { nudged <- callback } })
	f := darajasim.DefaultFaults()
	f.DecideMS = 60
	if err := p.sim.SetFaults(f); err != nil {
		t.Fatal(err)
	}
	r := pay(core.Transfer, "to", "255700000002", "amount", "5000")
	r.Callback = "http://127.0.0.1/callbacks/token"
	if out, err := p.Call(within(t, slow/4), r); err != nil || out.Status != core.Pending {
		t.Fatalf("%v: %v", out.Status, err)
	}
	select {
	case got := <-nudged:
		if got != r.Callback {
			t.Errorf("%q", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was nudged")
	}
	if out, err := p.Inquire(t.Context(), asked(r, r.WireKey)); err != nil || out.Status != core.Done {
		t.Errorf("%v: %v", out.Status, err)
	}
}

func TestAnswerToAnInquiryThatNobodyWaitsForNudgesAndIsKnown(t *testing.T) {
	nudged := make(chan string, 4)
	c, k := taking(t, func(c *daraja.Config) { c.Nudge = func(callback string) { nudged <- callback } })
	r := pay(core.Transfer, "to", "255700000002", "amount", "5000")
	r.Callback = "http://127.0.0.1/callbacks/token"
	for _, ask := range []func(ctx context.Context) (core.Outcome, error){
		func(ctx context.Context) (core.Outcome, error) { return c.Call(ctx, r) },
		func(ctx context.Context) (core.Outcome, error) { return c.Inquire(ctx, asked(r, r.WireKey)) },
	} { // each has arrived when whoever asks leaves
		ctx, leave := context.WithCancel(t.Context())
		k.before = func(string) { leave() }
		if out, err := ask(ctx); err == nil || out.Status != core.Unknown || errors.Is(err, core.ErrNotSent) {
			t.Fatalf("%v: %v", out.Status, err)
		}
	}
	if c.Known(asked(r, r.WireKey)) {
		t.Error("known before anything came")
	}
	tell(c, k.asked()["ResultURL"], `{"Result":{"ResultCode":0,"ResultParameters":{"ResultParameter":[{"Key":"ReceiptNo","Value":"QK1"},`+
		`{"Key":"TransactionStatus","Value":"Completed"},{"Key":"Amount","Value":5000},{"Key":"CreditPartyName","Value":"255700000002 - B"}]}}}`)
	select {
	case got := <-nudged:
		if got != r.Callback || !c.Known(asked(r, r.WireKey)) {
			t.Errorf("%q, known %t", got, c.Known(asked(r, r.WireKey)))
		}
	default:
		t.Fatal("nobody was nudged")
	}
	posts := k.count()
	if out, err := c.Inquire(t.Context(), asked(r, r.WireKey)); err != nil || out.Status != core.Done || k.count() != posts {
		t.Errorf("what is known is asked for: %v, %d posts: %v", out.Status, k.count()-posts, err)
	}
}

func TestCallbackThatIsNotBelievedIsRefusedAndTold(t *testing.T) {
	var mu sync.Mutex
	var told []string
	refused := func(c *daraja.Config) {
		c.Refused = func(from, action, why string) {
			mu.Lock()
			defer mu.Unlock()
			if from == "" {
				t.Error("nobody knows where it came from")
			}
			told = append(told, action+" "+why)
		}
	}
	p := join(t, refused)
	if err := p.sim.SetFaults(darajasim.Faults{WrongAmount: true, Callbacks: "once"}); err != nil {
		t.Fatal(err)
	}
	r := pay(core.Transfer, "to", "255700000002", "amount", "5000")
	if out, err := p.Call(within(t, 5*time.Second), r); !errors.Is(err, core.ErrMismatch) || out.Status != core.Unknown {
		t.Fatalf("%v: %v", out.Status, err)
	}
	if status := coretest.Send(t, http.MethodPost, p.cfg.Callbacks+"/daraja/"+r.ID, "{}"); status != http.StatusNotFound {
		t.Errorf("a URL that was not given out: %d", status)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{actionID + " mismatch", " token"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestPushesAndPayoutsAreAskedAboutInTheirOwnTime(t *testing.T) {
	p := join(t)
	push, bill, payout := p.Pace(core.MerchantPay), p.Pace(core.BillPay), p.Pace(core.Transfer)
	if push != bill || push.After >= payout.After || push.Rate <= payout.Rate || push.Budget == payout.Budget {
		t.Errorf("push %+v, bill %+v, payout %+v", push, bill, payout)
	}
}

func TestTokenIsRenewedWhenTheCoreRefusesIt(t *testing.T) {
	p := join(t)
	r := pay(core.Transfer, "to", "255700000002", "amount", "5000")
	if out, err := p.Call(within(t, 2*time.Second), r); err != nil || out.Status != core.Done || p.sim.Tokens() != 1 {
		t.Fatalf("%v after %d tokens: %v", out.Status, p.sim.Tokens(), err)
	}
	p.sim.RevokeTokens()
	r.ID, r.WireKey = otherID, otherID
	if out, err := p.Call(within(t, 2*time.Second), r); err != nil || out.Status != core.Rejected {
		t.Errorf("%v: %v", out.Status, err)
	}
	r.ID, r.WireKey = "0197f0c2-0000-7000-8000-000000000003", "0197f0c2-0000-7000-8000-000000000003"
	if out, err := p.Call(within(t, 2*time.Second), r); err != nil || out.Status != core.Done || p.sim.Tokens() != 2 {
		t.Errorf("%v after %d tokens: %v", out.Status, p.sim.Tokens(), err)
	}
}

// TestResultsMeanWhatTheySay plays a Daraja that accepts, and whose result is
// what the case says.
func TestResultsMeanWhatTheySay(t *testing.T) {
	payout := func(changes ...string) string {
		s := `{"Result":{"ResultCode":0,"ResultDesc":"x","OriginatorConversationID":"` + actionID + `","ConversationID":"AG_1","TransactionID":"QK1","ResultParameters":{"ResultParameter":[{"Key":"TransactionAmount","Value":5000},{"Key":"ReceiverPartyPublicName","Value":"2557****0002 - Baraka"}]}}}`
		return strings.NewReplacer(changes...).Replace(s)
	}
	push := func(changes ...string) string {
		s := `{"Body":{"stkCallback":{"CheckoutRequestID":"ws_1","ResultCode":0,"ResultDesc":"x","CallbackMetadata":{"Item":[{"Name":"Amount","Value":5000.00},{"Name":"MpesaReceiptNumber","Value":"QK1"},{"Name":"Balance"},{"Name":"PhoneNumber","Value":255700000001}]}}}}`
		return strings.NewReplacer(changes...).Replace(s)
	}
	for _, tc := range []struct {
		name   string
		call   string
		body   string
		status core.Status
		reason string
		err    error
	}{
		{"paid out", core.Transfer, payout(), core.Done, "", nil},
		{"another amount", core.Transfer, payout("5000", "50000"), core.Unknown, "", core.ErrMismatch},
		{"another payee", core.Transfer, payout("2557****0002", "2557****0003"), core.Unknown, "", core.ErrMismatch},
		{"another action", core.Transfer, payout(actionID, otherID), core.Unknown, "", core.ErrMismatch},
		{"no amount", core.Transfer, payout("TransactionAmount", "Amount"), core.Pending, "", nil},
		{"no receipt", core.Transfer, payout("QK1", ""), core.Pending, "", nil},
		{"unregistered", core.Transfer, payout(`"ResultCode":0`, `"ResultCode":2040`), core.Rejected, core.UnknownPayee, nil},
		{"a code of letters", core.Transfer, payout(`"ResultCode":0`, `"ResultCode":"SFC_IC0003"`), core.Rejected, core.UnknownPayee, nil},
		{"a code that nobody knows", core.Transfer, payout(`"ResultCode":0`, `"ResultCode":17`), core.Pending, "", nil},
		{"a push's result for a payout", core.Transfer, push(), core.Pending, "", nil},
		{"a value named twice", core.Transfer, payout("ReceiverPartyPublicName", "TransactionAmount"), core.Pending, "", nil},
		{"pushed", core.MerchantPay, push(), core.Done, "", nil},
		{"pushed for another amount", core.MerchantPay, push("5000.00", "50"), core.Unknown, "", core.ErrMismatch},
		{"pushed to another", core.MerchantPay, push("255700000001", "255700000002"), core.Unknown, "", core.ErrMismatch},
		{"the customer refused", core.MerchantPay, push(`"ResultCode":0`, `"ResultCode":1032`), core.Rejected, core.NotAllowed, nil},
		{"a wrong PIN", core.MerchantPay, push(`"ResultCode":0`, `"ResultCode":"2001"`), core.Rejected, core.WrongPIN, nil},
		{"no JSON", core.MerchantPay, `<xml>`, core.Pending, "", nil},
		{"nothing", core.MerchantPay, `{}`, core.Pending, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var c *daraja.Connector
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = w.Write([]byte(`{"access_token":"t","expires_in":"3599"}`))
					return
				}
				var asked map[string]string
				_ = json.NewDecoder(r.Body).Decode(&asked)
				to := asked["ResultURL"] + asked["CallBackURL"]
				// The result is here before the answer, and again after it.
				for range 2 {
					c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, to, strings.NewReader(tc.body))) //nolint:noctx // a test's
				}
				_, _ = w.Write([]byte(`{"ResponseCode":"0","CheckoutRequestID":"ws_1"}`))
			}))
			t.Cleanup(s.Close)
			c = connect(t, config(s.URL, "http://127.0.0.1:9"))
			r := pay(core.Transfer, "to", "255700000002", "amount", "5000")
			if tc.call == core.MerchantPay {
				r = pay(core.MerchantPay, "till", "500100", "amount", "5000")
			}
			wait := within(t, time.Minute)
			if tc.status == core.Pending { // nothing ends the wait for the result but the customer's time
				wait = within(t, time.Second)
			}
			out, err := c.Call(wait, r)
			if out.Status != tc.status || out.Reason != tc.reason || !errors.Is(err, tc.err) {
				t.Errorf("%v %q %q: %v", out.Status, out.Reason, out.Detail, err)
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	p := join(t, func(c *daraja.Config) { c.MaxOpen = 2 })
	if err := p.sim.SetFaults(darajasim.Faults{Callbacks: "none"}); err != nil {
		t.Fatal(err)
	}
	r := pay(core.Transfer, "to", "255700000002", "amount", "5000")
	for i, id := range []string{actionID, otherID, "0197f0c2-0000-7000-8000-000000000003"} {
		r.ID, r.WireKey = id, id
		if _, err := p.Call(within(t, slow/4), r); errors.Is(err, core.ErrNotSent) != (i == 2) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
