package momo_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nyota/gateway/core"
	"nyota/gateway/core/coretest"
	"nyota/gateway/core/momo"
)

const paidKey = "0197f0c2-0000-4000-8000-000000000009"

// back is the reversal of a payment at a till, as the ledger asks for it.
func back(key string) core.Request {
	r := coretest.Request(core.Reversal, "till", "500100", "amount", "5000", core.ReversedCall, core.MerchantPay,
		core.ReversedID, "0197f0c2-0000-7000-8000-000000000009", core.ReversedKey, key, core.ReversedRef, "360000001")
	r.ID, r.WireKey = actionID, wireKey
	return r
}

func TestRefundIsWhatTheAPIDocuments(t *testing.T) {
	var paths []string
	var body map[string]string
	var reference, token string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token/") {
			_, _ = w.Write([]byte(`{"access_token":"of ` + strings.Split(r.URL.Path, "/")[1] + `","expires_in":3600}`))
			return
		}
		paths = append(paths, r.Method+" "+r.URL.Path)
		if r.Method == http.MethodPost {
			reference, token = r.Header.Get("X-Reference-Id"), r.Header.Get("Authorization")
			_ = json.NewDecoder(r.Body).Decode(&body)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		_, _ = w.Write([]byte(refund("", "")))
	}))
	t.Cleanup(s.Close)
	c := connect(t, config(s.URL))
	r := back(paidKey)
	if key, err := c.Prepare(r); err != nil || key != wireKey {
		t.Fatalf("%q: %v", key, err)
	}
	if out, err := c.Call(t.Context(), r); err != nil || out.Status != core.Done || out.Ref != "78" || len(out.Fields) != 0 {
		t.Errorf("%v %q %v: %v", out.Status, out.Ref, out.Fields, err)
	}
	want := map[string]string{"amount": "5000", "currency": "TZS", "externalId": actionID, "payerMessage": "Refund", "payeeNote": "Refund", "referenceIdToRefund": paidKey}
	if diff := cmp.Diff(want, body); diff != "" || reference != wireKey || token != "Bearer of disbursement" {
		t.Errorf("reference %q, token %q, -want +got:\n%s", reference, token, diff)
	}
	if diff := cmp.Diff([]string{"POST /disbursement/v2_0/refund", "GET /disbursement/v1_0/refund/" + wireKey}, paths); diff != "" {
		t.Error(diff)
	}
}

// refund is the resource of the test's refund with a change.
func refund(from, to string) string {
	s := `{"amount":"5000","currency":"TZS","financialTransactionId":"78","externalId":"` + actionID + `","payee":{"partyIdType":"PARTY_CODE","partyId":"81bfd732"},"status":"SUCCESSFUL"}`
	if !strings.Contains(s, from) {
		panic("the resource has no " + from)
	}
	return strings.Replace(s, from, to, 1)
}

func TestRefundAnswersMeanWhatTheySay(t *testing.T) {
	const code = `{"partyIdType":"PARTY_CODE","partyId":"81bfd732"}`
	number := func(n string) string { return `{"partyIdType":"MSISDN","partyId":"` + n + `"}` }
	for _, tc := range []struct {
		name   string
		post   int
		body   string
		shown  string
		status core.Status
		err    error
	}{
		{"to a code of MoMo's", 202, "", refund("", ""), core.Done, nil},
		{"to the customer's number", 202, "", refund(code, number("255700000001")), core.Done, nil},
		{"to another number", 202, "", refund(code, number("255700000003")), core.Unknown, core.ErrMismatch},
		{"to nobody that is named", 202, "", refund(`"payee":`+code+`,`, ""), core.Done, nil},
		{"of another action", 202, "", refund(actionID, wireKey), core.Unknown, core.ErrMismatch},
		{"that says nothing of whose it is", 202, "", refund(`"externalId":"`+actionID+`",`, ""), core.Pending, nil},
		{"of another amount", 202, "", refund("5000", "50000"), core.Unknown, core.ErrMismatch},
		{"failed", 202, "", refund(`"SUCCESSFUL"`, `"FAILED","reason":{"code":"NOT_ALLOWED"}`), core.Rejected, nil},
		{"refused at once", 404, `{"code":"RESOURCE_NOT_FOUND"}`, "", core.Rejected, nil},
		{"repeat of one that is done", 409, `{"code":"RESOURCE_ALREADY_EXIST"}`, refund("", ""), core.Done, nil},
		{"in trouble", 500, `{"code":"INTERNAL_PROCESSING_ERROR"}`, "", core.Unknown, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, posts := scripted(t, tc.post, tc.body, http.StatusOK, tc.shown)
			patience := time.Minute
			if tc.status == core.Pending {
				patience = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := c.Call(ctx, back(paidKey))
			if out.Status != tc.status || tc.err != nil && !errors.Is(err, tc.err) || (err != nil) != (tc.status == core.Unknown) || errors.Is(err, core.ErrNotSent) {
				t.Errorf("%v %q: %v", out.Status, out.Detail, err)
			}
			if *posts != 1 {
				t.Errorf("posted %d times", *posts)
			}
		})
	}
}

func TestRefundNeedsBothProductsAndTheFirstOnesReference(t *testing.T) {
	for name, change := range map[string]func(*momo.Config){
		"no disbursement": func(c *momo.Config) { c.Disbursement = nil },
		"no collection":   func(c *momo.Config) { c.Collection = nil },
	} {
		cfg := config("https://momo.example")
		change(&cfg)
		c := connect(t, cfg)
		if c.Reverses(core.MerchantPay) {
			t.Errorf("%s: it says that it refunds", name)
		}
		if _, err := c.Call(t.Context(), back(paidKey)); !errors.Is(err, core.ErrNotSent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, posts := scripted(t, 202, "", 200, "")
	for _, key := range []string{"", "x", wireKey} {
		if _, err := c.Call(t.Context(), back(key)); !errors.Is(err, core.ErrNotSent) || *posts != 0 {
			t.Errorf("%q: %d posts: %v", key, *posts, err)
		}
	}
	if c.Serves(core.Reversal) || c.Reverses(core.Transfer) || c.Reverses(core.Withdrawal) {
		t.Error("menus could reverse, or what cannot be is")
	}
}
