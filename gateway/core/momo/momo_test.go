package momo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/core/coretest"
	"nyota/gateway/core/momo"
	"nyota/gateway/simulator/momosim"
)

const actionID = "0197f0c2-0000-7000-8000-000000000001"
const wireKey = "0197f0c2-0000-4000-8000-000000000001"

func TestBadConfigurationIsAnError(t *testing.T) {
	for name, change := range map[string]func(*momo.Config){
		"url must be":               func(c *momo.Config) { c.URL = "ftp://x" },
		"no user":                   func(c *momo.Config) { c.URL = "https://u:p@x" },
		"use an https url":          func(c *momo.Config) { c.URL = "http://momo.example" },
		"target environment":        func(c *momo.Config) { c.Environment = "" },
		"not an ISO 4217 code":      func(c *momo.Config) { c.Currency = "tzs" },
		"no call could be served":   func(c *momo.Config) { c.Collection, c.Disbursement = nil, nil },
		"collection needs a user":   func(c *momo.Config) { c.Collection.User = "" },
		"disbursement needs a user": func(c *momo.Config) { c.Disbursement.Key = core.Secret{} },
		"no reason of a refusal":    func(c *momo.Config) { c.Reasons = map[string]string{"X": "because"} },
	} {
		cfg := config("https://momo.example")
		change(&cfg)
		if _, err := momo.New(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not say %q", err, name)
		}
	}
}

func TestWhatIsServedFollowsTheProducts(t *testing.T) {
	both, collects := config("https://momo.example"), config("https://momo.example")
	collects.Disbursement = nil
	for call, want := range map[string][2]bool{
		core.MerchantPay: {true, true}, core.BillPay: {true, true}, core.Withdrawal: {true, true}, core.Transfer: {true, false},
		core.AccountName: {true, true}, core.Airtime: {}, core.Balance: {}, core.Fee: {}, core.Statement: {},
	} {
		if got := [2]bool{connect(t, both).Serves(call), connect(t, collects).Serves(call)}; got != want {
			t.Errorf("%s: %v, want %v", call, got, want)
		}
	}
	r := coretest.Request(core.Transfer, "to", "255700000002", "amount", "5000")
	r.ID = actionID
	if _, err := connect(t, collects).Prepare(r); err == nil {
		t.Error("a transfer was prepared without disbursement")
	}
}

func TestReferenceIsTheActionsIDInVersionFour(t *testing.T) {
	r := coretest.Request(core.MerchantPay, "till", "500100", "amount", "5000")
	r.ID = actionID
	if key, err := connect(t, config("https://momo.example")).Prepare(r); err != nil || key != wireKey {
		t.Errorf("%q, %v", key, err)
	}
	keep := config("https://momo.example")
	keep.KeepVersion = true
	if key, err := connect(t, keep).Prepare(r); err != nil || key != actionID {
		t.Errorf("%q, %v", key, err)
	}
}

func TestTokenIsRenewedWhenTheCoreRefusesIt(t *testing.T) {
	sim, url := begin(t, momosim.Config{})
	c := connect(t, config(url))
	for range 3 {
		if h, err := c.Health(t.Context()); err != nil || h.State != core.Available {
			t.Fatalf("%v: %v", h.State, err)
		}
	}
	if n := sim.Tokens(); n != 1 {
		t.Errorf("%d tokens for three requests", n)
	}
	sim.RevokeTokens()
	if _, err := c.Health(t.Context()); err == nil {
		t.Error("a revoked token was good")
	}
	if h, err := c.Health(t.Context()); err != nil || h.State != core.Available || sim.Tokens() != 2 {
		t.Errorf("%v after %d tokens: %v", h.State, sim.Tokens(), err)
	}
}

func TestWrongKeysSendNothing(t *testing.T) {
	sim, url := begin(t, momosim.Config{})
	cfg := config(url)
	cfg.Collection.Key = core.NewSecret([]byte("other-key-59"))
	r := coretest.Request(core.MerchantPay, "till", "500100", "amount", "5000")
	r.ID, r.WireKey = actionID, wireKey
	_, err := connect(t, cfg).Call(t.Context(), r)
	if !errors.Is(err, core.ErrNotSent) || sim.Posts() != 0 {
		t.Errorf("%d posts: %v", sim.Posts(), err)
	}
	if strings.Contains(fmt.Sprint(err), "other-key-59") {
		t.Errorf("the error holds the key: %v", err)
	}
}

func TestNameOfANumber(t *testing.T) {
	_, url := begin(t, momosim.Config{})
	c := connect(t, config(url))
	if out, err := c.Call(t.Context(), coretest.Request(core.AccountName, "to", "255700000002")); err != nil || out.Fields.Get("name") != "Baraka Elias Mushi" {
		t.Errorf("%v: %v", out.Fields, err)
	}
	if out, err := c.Call(t.Context(), coretest.Request(core.AccountName, "to", "255799999999")); err != nil || out.Reason != core.UnknownPayee {
		t.Errorf("%v: %v", out, err)
	}
	if _, err := c.Call(t.Context(), coretest.Request(core.AccountName, "till", "500100")); !errors.Is(err, core.ErrNotSent) {
		t.Error(err)
	}
}

// scripted is a MoMo that answers every POST and every GET of a resource with
// the same.
func scripted(t *testing.T, post int, postBody string, get int, getBody string) (*momo.Connector, *int) {
	t.Helper()
	posts := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := get, getBody
		switch {
		case strings.HasSuffix(r.URL.Path, "/token/"):
			status, body = 200, `{"access_token":"t","expires_in":3600}`
		case r.Method == http.MethodPost:
			posts++
			status, body = post, postBody
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return connect(t, config(s.URL)), &posts
}

// shown is the resource of the test's payment with a change.
func shown(from, to string) string {
	s := `{"amount":"5000","currency":"TZS","financialTransactionId":"77","externalId":"` + actionID + `","payer":{"partyIdType":"MSISDN","partyId":"255700000001"},"status":"SUCCESSFUL"}`
	if !strings.Contains(s, from) {
		panic("the resource has no " + from)
	}
	return strings.Replace(s, from, to, 1)
}

func TestAnswersMeanWhatTheySay(t *testing.T) {
	const gone = `{"code":"RESOURCE_NOT_FOUND","message":"x"}`
	for _, tc := range []struct {
		name   string
		post   int
		body   string
		get    int
		shown  string
		status core.Status
		reason string
		err    error // wrapped; nil with Unknown: any
	}{
		{"done", 202, "", 200, shown("", ""), core.Done, "", nil},
		{"amount with needless zeros", 202, "", 200, shown(`"5000"`, `"5000.00"`), core.Done, "", nil},
		{"failed with a reason", 202, "", 200, shown(`"SUCCESSFUL"`, `"FAILED","reason":{"code":"NOT_ENOUGH_FUNDS"}`), core.Rejected, core.InsufficientFunds, nil},
		{"failed with a reason of old", 202, "", 200, shown(`"SUCCESSFUL"`, `"FAILED","reason":"APPROVAL_REJECTED"`), core.Rejected, core.NotAllowed, nil},
		{"failed for who knows what", 202, "", 200, shown(`"SUCCESSFUL"`, `"FAILED","reason":"INTERNAL_PROCESSING_ERROR"`), core.Rejected, core.Other, nil},
		{"repeat of one that is done", 409, `{"code":"RESOURCE_ALREADY_EXIST"}`, 200, shown("", ""), core.Done, "", nil},
		{"repeat of one that is pending", 409, `{"code":"RESOURCE_ALREADY_EXIST"}`, 200, shown("SUCCESSFUL", "PENDING"), core.Pending, "", nil},
		{"repeat that nobody finds", 409, `{"code":"RESOURCE_ALREADY_EXIST"}`, 404, gone, core.Unknown, "", core.ErrDuplicate},
		{"taken, and not to be found yet", 202, "", 404, gone, core.Pending, "", nil},
		{"another amount", 202, "", 200, shown("5000", "50000"), core.Unknown, "", core.ErrMismatch},
		{"another currency", 202, "", 200, shown("TZS", "UGX"), core.Unknown, "", core.ErrMismatch},
		{"another payer", 202, "", 200, shown("255700000001", "255700000003"), core.Unknown, "", core.ErrMismatch},
		{"another action", 202, "", 200, shown(actionID, wireKey), core.Unknown, "", core.ErrMismatch},
		{"no amount", 202, "", 200, shown(`"amount":"5000",`, ""), core.Pending, "", nil},
		{"no status", 202, "", 200, shown(`"SUCCESSFUL"`, `""`), core.Pending, "", nil},
		{"a thing named twice", 202, "", 200, shown(`"amount":"5000",`, `"amount":"5000","amount":"5000",`), core.Pending, "", nil},
		{"refused at once", 400, `{"code":"PAYER_NOT_FOUND"}`, 500, "", core.Rejected, core.NotAllowed, nil},
		{"refused without a code", 400, `{}`, 500, "", core.Unknown, "", nil},
		{"refused by something else", 404, `<html>`, 500, "", core.Unknown, "", nil},
		{"our keys are refused", 403, `{"statusCode":403}`, 500, "", core.Rejected, core.Other, nil},
		{"too many", 429, `{"code":"X"}`, 500, "", core.Unknown, "", nil},
		{"in trouble", 500, `{"code":"NOT_ALLOWED"}`, 500, "", core.Unknown, "", nil},
		{"a redirect", 302, "", 500, "", core.Unknown, "", nil},
		{"200 is no 202", 200, shown("", ""), 500, "", core.Unknown, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, posts := scripted(t, tc.post, tc.body, tc.get, tc.shown)
			r := coretest.Request(core.MerchantPay, "till", "500100", "amount", "5000")
			r.ID, r.WireKey = actionID, wireKey
			patience := time.Minute
			if tc.status == core.Pending { // nothing ends the polling but the customer's time
				patience = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := c.Call(ctx, r)
			if out.Status != tc.status || out.Reason != tc.reason || errors.Is(err, core.ErrNotSent) {
				t.Errorf("%v %q %q: %v", out.Status, out.Reason, out.Detail, err)
			}
			if tc.err != nil && !errors.Is(err, tc.err) || (err != nil) != (tc.status == core.Unknown) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if *posts != 1 {
				t.Errorf("posted %d times", *posts)
			}
		})
	}
}

func TestABareNotFoundProvesNothing(t *testing.T) {
	c, _ := scripted(t, 202, "", 404, "<html>no such page</html>")
	r := coretest.Request(core.MerchantPay, "till", "500100", "amount", "5000")
	out, err := c.Inquire(t.Context(), core.Inquiry{ID: actionID, WireKey: wireKey, Call: r.Call, MSISDN: r.MSISDN, Args: r.Args})
	if err == nil || out.Status != core.Unknown {
		t.Errorf("%v: %v", out.Status, err)
	}
}
