package daraja_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nyota/gateway/core"
	"nyota/gateway/core/daraja"
	"nyota/gateway/simulator/darajasim"
)

// back is the reversal of a payment at a till, as the ledger asks for it.
func back(receipt string) core.Request {
	r := pay(core.Reversal, "till", "500100", "amount", "5000", core.ReversedCall, core.MerchantPay, core.ReversedID, otherID,
		core.ReversedKey, "ws_CO_1", core.ReversedRef, receipt)
	return r
}

// took is a Daraja that takes every request, and keeps what it was asked.
type took struct {
	mu     sync.Mutex
	path   string
	body   map[string]string
	posts  int
	before func(resultURL string) // it is told of a result before it answers
}

func (k *took) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, `{"access_token":"t","expires_in":"3599"}`)
		return
	}
	k.mu.Lock()
	k.path, k.body, k.posts = r.URL.Path, nil, k.posts+1
	_ = json.NewDecoder(r.Body).Decode(&k.body)
	url, before := k.body["ResultURL"], k.before
	k.mu.Unlock()
	if before != nil {
		before(url)
	}
	_, _ = io.WriteString(w, `{"ResponseCode":"0","OriginatorConversationID":"srv-1","ConversationID":"AG_1"}`)
}

func taking(t *testing.T, change ...func(*daraja.Config)) (*daraja.Connector, *took) {
	t.Helper()
	k := &took{}
	s := httptest.NewServer(k)
	t.Cleanup(s.Close)
	cfg := config(s.URL, "http://127.0.0.1:9")
	for _, f := range change {
		f(&cfg)
	}
	return connect(t, cfg), k
}

// asked is the body of the last request, and count how many there were.
func (k *took) asked() map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.body
}

func (k *took) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.posts
}

// tell sends a callback.
func tell(c *daraja.Connector, url, body string) int {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, url, strings.NewReader(body))) //nolint:noctx // a test's
	return w.Code
}

func TestReversalIsWhatTheAPIDocuments(t *testing.T) {
	c, k := taking(t)
	out, err := c.Call(within(t, time.Second), back("QK10000001"))
	if err != nil || out.Status != core.Pending || out.WireKey != "srv-1" {
		t.Fatalf("%v %q: %v", out.Status, out.WireKey, err)
	}
	url := k.asked()["ResultURL"]
	if k.asked()["SecurityCredential"] == "" || strings.Contains(k.asked()["SecurityCredential"], password) || !strings.Contains(url, "/daraja/") {
		t.Errorf("%v", k.asked())
	}
	want := map[string]string{
		"Initiator": "nyota", "SecurityCredential": k.asked()["SecurityCredential"], "CommandID": "TransactionReversal", "TransactionID": "QK10000001",
		"Amount": "5000", "ReceiverParty": "500100", "RecieverIdentifierType": "11", "Remarks": "Reversal", "ResultURL": url, "QueueTimeOutURL": url + "/timeout",
	}
	if diff := cmp.Diff(want, k.asked()); diff != "" || k.path != "/mpesa/reversal/v1/request" {
		t.Errorf("%s -want +got:\n%s", k.path, diff)
	}
}

// result is that of a reversal, with changes.
func result(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`{"Result":{"ResultCode":0,"ResultDesc":"x","OriginatorConversationID":"srv-1",` +
		`"ConversationID":"AG_1","TransactionID":"QK2","ResultParameters":{"ResultParameter":[{"Key":"Amount","Value":5000.00},` +
		`{"Key":"OriginalTransactionID","Value":"QK10000001"},{"Key":"CreditPartyPublicName","Value":"255700000001 - Asha"}]}}}`)
}

func TestReversalResultsMeanWhatTheySay(t *testing.T) {
	code := func(c string) string { return result(`"ResultCode":0`, `"ResultCode":`+c) }
	for _, tc := range []struct {
		name   string
		body   string
		status core.Status
		reason string
		err    error
	}{
		{"taken back", result(), core.Done, "", nil},
		{"another amount", result("5000", "50000"), core.Unknown, "", core.ErrMismatch},
		{"to another customer", result("255700000001", "255700000003"), core.Unknown, "", core.ErrMismatch},
		{"of another transaction", result("QK10000001", "QK10000002"), core.Unknown, "", core.ErrMismatch},
		{"of which it does not say", result(`{"Key":"OriginalTransactionID","Value":"QK10000001"},`, ""), core.Done, "", nil},
		{"no amount", result(`"Amount"`, `"Total"`), core.Pending, "", nil},
		{"no receipt", result(`"QK2"`, `""`), core.Pending, "", nil},
		{"no id", result("srv-1", ""), core.Pending, "", nil},
		{"no such transaction", code(`"R000002"`), core.Rejected, core.UnknownReference, nil},
		{"the organisation has spent it", code(`1`), core.Rejected, core.InsufficientFunds, nil},
		{"no right to", code(`"21"`), core.Rejected, core.NotAllowed, nil},
		{"reversed already, perhaps by this", code(`"R000001"`), core.Pending, "", nil},
		{"a code that nobody knows", code(`17`), core.Pending, "", nil},
		{"a push's result", `{"Body":{"stkCallback":{"CheckoutRequestID":"srv-1","ResultCode":0}}}`, core.Pending, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, k := taking(t)
			k.before = func(url string) {
				for range 2 { // early, and twice
					tell(c, url, tc.body)
				}
			}
			wait := within(t, time.Minute)
			if tc.status == core.Pending { // nothing ends the wait but the operator's time
				wait = within(t, time.Second)
			}
			out, err := c.Call(wait, back("QK10000001"))
			if out.Status != tc.status || out.Reason != tc.reason || !errors.Is(err, tc.err) {
				t.Errorf("%v %q %q: %v", out.Status, out.Reason, out.Detail, err)
			}
			if tc.status == core.Done && out.Ref != "QK2" {
				t.Errorf("reference %q", out.Ref)
			}
		})
	}
}

func TestReversalResultOfAnotherRequestIsAMismatch(t *testing.T) {
	c, k := taking(t)
	r := back("QK10000001")
	out, err := c.Call(within(t, time.Second), r)
	if err != nil || out.Status != core.Pending {
		t.Fatalf("%v: %v", out.Status, err)
	}
	tell(c, k.asked()["ResultURL"], result("srv-1", "srv-2"))
	if got, err := c.Inquire(within(t, time.Second), asked(r, out.WireKey)); !errors.Is(err, core.ErrMismatch) || got.Status != core.Unknown {
		t.Errorf("%v: %v", got.Status, err)
	}
}

func TestReversalWithoutAReceiptIsNotSent(t *testing.T) {
	c, k := taking(t)
	for _, receipt := range []string{"", "ws_CO_191220191020363925", "qk10000001", "QK1", "QK10000001 "} {
		if out, err := c.Call(t.Context(), back(receipt)); !errors.Is(err, core.ErrNotSent) || k.count() != 0 {
			t.Errorf("%q: %v, %d posts: %v", receipt, out.Status, k.count(), err)
		}
	}
}

func TestReversalWithoutAnInitiatorIsNotSent(t *testing.T) {
	p := join(t, func(c *daraja.Config) { c.Payouts = nil })
	if p.Reverses(core.MerchantPay) {
		t.Error("it says that it reverses")
	}
	r := back("QK10000001")
	if _, err := p.Prepare(r); err == nil {
		t.Error("it was prepared")
	}
	if _, err := p.Call(t.Context(), r); !errors.Is(err, core.ErrNotSent) || p.sim.Posts() != 0 {
		t.Errorf("%d posts: %v", p.sim.Posts(), err)
	}
}

// paidAtTill is a payment in a simulator's books: its receipt.
func paidAtTill(t *testing.T, p *pair) string {
	t.Helper()
	r := pay(core.MerchantPay, "till", "500100", "amount", "5000")
	r.ID, r.WireKey = otherID, otherID
	out, err := p.Call(within(t, 5*time.Second), r)
	if err != nil || out.Status != core.Done {
		t.Fatalf("%v: %v", out.Status, err)
	}
	return out.Ref
}

func TestReversalOfWhichNothingCameBackIsNeitherRepeatedNorGuessed(t *testing.T) {
	p := join(t)
	r := back(paidAtTill(t, p))
	if err := p.sim.SetFaults(darajasim.Faults{DropAnswers: 1, Callbacks: "none"}); err != nil {
		t.Fatal(err)
	}
	if out, err := p.Call(within(t, slow), r); err == nil || out.Status != core.Unknown || errors.Is(err, core.ErrNotSent) {
		t.Fatalf("%v: %v", out.Status, err)
	}
	if err := p.sim.SetFaults(darajasim.DefaultFaults()); err != nil {
		t.Fatal(err)
	}
	posts := p.sim.Posts()
	for range 3 {
		if out, err := p.Inquire(within(t, slow), asked(r, r.WireKey)); err == nil || out.Status != core.Unknown || errors.Is(err, core.ErrNotSent) {
			t.Errorf("%v: %v", out.Status, err)
		}
	}
	if p.sim.Posts() != posts {
		t.Error("it was posted again")
	}
}

func TestAfterARestartAReversalIsFoundByTheCoresID(t *testing.T) {
	for name, twice := range map[string]bool{"done": false, "declined: it was reversed before": true} {
		t.Run(name, func(t *testing.T) {
			p := join(t)
			r := back(paidAtTill(t, p))
			if twice {
				other := r
				other.ID, other.WireKey = "0197f0c2-0000-7000-8000-000000000003", "0197f0c2-0000-7000-8000-000000000003"
				if out, err := p.Call(within(t, 5*time.Second), other); err != nil || out.Status != core.Done {
					t.Fatalf("%v: %v", out.Status, err)
				}
			}
			if err := p.sim.SetFaults(darajasim.Faults{Callbacks: "none"}); err != nil {
				t.Fatal(err)
			}
			out, err := p.Call(within(t, time.Second), r)
			if err != nil || out.Status != core.Pending || out.WireKey == r.ID {
				t.Fatalf("%v %q: %v", out.Status, out.WireKey, err)
			}
			if err := p.sim.SetFaults(darajasim.DefaultFaults()); err != nil {
				t.Fatal(err)
			}
			fresh := join(t, func(c *daraja.Config) { c.URL = p.cfg.URL })
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			got, err := fresh.Inquire(ctx, asked(r, out.WireKey))
			want := core.Done
			if twice {
				want = core.Rejected
			}
			if err != nil || got.Status != want {
				t.Errorf("%v %q: %v", got.Status, got.Detail, err)
			}
		})
	}
}
