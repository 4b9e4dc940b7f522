package core

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Which answers decide about money, and which do not (M3, M4).
func TestAnswerDecides(t *testing.T) {
	const bad = "businessRule"
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   Status
		reason string
		err    error // nil: none; errAny: some
	}{
		{"done", 201, transaction(), Done, "", nil},
		{"done, names in another case", 201, transaction(`"transactionStatus":"completed"->"TRANSACTIONSTATUS":"Completed"`, `"amount"->"Amount"`), Done, "", nil},
		{"done, amount with needless zeros", 201, transaction(`"5000"->"5000.00"`), Done, "", nil},
		{"done, amount as a number", 201, transaction(`"5000"->5000`), Done, "", nil},
		{"done, numbers without plus", 201, transaction("+255700000002->255700000002"), Done, "", nil},
		{"done, without our reference", 201, transaction(`"requestingOrganisationTransactionReference":"` + actionID + `",->`), Done, "", nil},
		{"status 200 is not the API's", 200, transaction(), Unknown, "", errAny},
		{"undecided transaction", 201, transaction("completed->pending"), Pending, "", nil},
		{"failed transaction", 201, transaction("completed->failed"), Rejected, Other, nil},
		{"another amount", 201, transaction(`"5000"->"50000"`), Unknown, "", ErrMismatch},
		{"another currency", 201, transaction(`"currency":"TZS"->"currency":"KES"`), Unknown, "", ErrMismatch},
		{"another payee", 201, transaction("+255700000002->+255700000003"), Unknown, "", ErrMismatch},
		{"another payer", 201, transaction("+255700000001->+255700000009"), Unknown, "", ErrMismatch},
		{"another type", 201, transaction(`"type":"transfer"->"type":"billpay"`), Unknown, "", ErrMismatch},
		{"another action", 201, transaction(actionID + "->" + otherID), Unknown, "", ErrMismatch},
		{"no amount", 201, transaction(`"amount":"5000",->`), Unknown, "", errAny},
		{"no party", 201, transaction(`"msisdn","value":"+255700000002"->"walletid","value":"1"`, `"msisdn","value":"+255700000001"->"walletid","value":"2"`), Unknown, "", errAny},
		{"no reference", 201, transaction(`"transactionReference":"REF1",->`), Unknown, "", errAny},
		{"a reference that is a path", 201, transaction("REF1->.."), Unknown, "", errAny},
		{"no status", 201, transaction(`"transactionStatus":"completed",->`), Unknown, "", errAny},
		{"says it twice", 201, transaction(`"transactionStatus":"completed"->"transactionStatus":"failed","TransactionStatus":"completed"`), Unknown, "", errAny},
		{"empty", 201, "", Unknown, "", errAny},
		{"not JSON", 201, "<html>OK</html>", Unknown, "", errAny},
		{"something behind it", 201, transaction() + "{}", Unknown, "", errAny},
		{"an array", 201, "[" + transaction() + "]", Unknown, "", errAny},
		{"an error with a good status", 201, problem(bad, "insufficientFunds"), Unknown, "", errAny},
		{"taken, without an id", 202, `{"status":"pending"}`, Unknown, "", errAny},
		{"taken, not JSON", 202, "OK", Unknown, "", errAny},
		{"no content", 204, "", Unknown, "", errAny},
		{"redirect", 307, "", Unknown, "", errAny},

		{"too little money", 400, problem(bad, "insufficientFunds"), Rejected, InsufficientFunds, nil},
		{"too little money, in another case", 400, problem("BUSINESSRULE", "InsufficientFunds"), Rejected, InsufficientFunds, nil},
		{"day's limit", 400, problem(bad, "dailyValueLimitExceeded"), Rejected, LimitExceeded, nil},
		{"over the most", 400, problem(bad, "greaterThanTransactionMaxValue"), Rejected, LimitExceeded, nil},
		{"under the least", 400, problem(bad, "lessThanTransactionMinValue"), Rejected, AmountInvalid, nil},
		{"same person", 400, problem(bad, "samePartiesError"), Rejected, SamePerson, nil},
		{"declined", 400, problem(bad, "requestDeclined"), Rejected, NotAllowed, nil},
		{"a code nobody knows", 400, problem(bad, "moonPhaseError"), Rejected, Other, nil},
		{"malformed amount", 400, problem("validation", "formatError", "field", "amount"), Rejected, AmountInvalid, nil},
		{"malformed payee", 400, problem("validation", "formatError", "party", "creditParty"), Rejected, UnknownPayee, nil},
		{"wrong PIN", 401, problem("authorisation", "requestingPartyAuthorisationError"), Rejected, WrongPIN, nil},
		{"PIN locked", 401, problem("authorisation", "requestingPartyAuthorisationError", "reason", "pinLocked"), Rejected, PINLocked, nil},
		{"account blocked", 401, problem("authorisation", "requestingPartyAuthorisationError", "reason", "accountBlocked"), Rejected, AccountBlocked, nil},
		{"we are not known", 401, problem("authorisation", "clientAuthorisationError"), Rejected, Other, nil},
		{"unknown payee", 404, problem("identification", "identifierError", "party", "creditParty"), Rejected, UnknownPayee, nil},
		{"unknown payer", 404, problem("identification", "identifierError", "party", "debitParty"), Rejected, NotAllowed, nil},

		{"duplicate", 400, problem(bad, "duplicateRequest"), Unknown, "", ErrDuplicate},
		{"duplicate, as a conflict", 409, problem(bad, "DuplicateRequest"), Unknown, "", ErrDuplicate},
		{"in trouble, with a client's status", 400, problem("internal", "genericError"), Unknown, "", errAny},
		{"unavailable, with a client's status", 400, problem("serviceUnavailable", "genericError"), Unknown, "", errAny},
		{"a category nobody knows", 400, problem("cosmic", "genericError"), Unknown, "", errAny},
		{"no category", 400, `{"errorCode":"insufficientFunds"}`, Unknown, "", errAny},
		{"no code", 400, `{"errorCategory":"businessRule"}`, Unknown, "", errAny},
		{"a refusal with a server's status", 500, problem(bad, "insufficientFunds"), Unknown, "", errAny},
		{"internal", 500, problem("internal", "genericError"), Unknown, "", errAny},
		{"bad gateway", 502, "<html>Bad Gateway</html>", Unknown, "", errAny},
		{"unavailable", 503, problem("serviceUnavailable", "genericError"), Unknown, "", errAny},
		{"gateway timeout", 504, "", Unknown, "", errAny},
		{"request timeout", 408, problem(bad, "insufficientFunds"), Unknown, "", errAny},
		{"not found, by something on the way", 404, "404 page not found", Unknown, "", errAny},
		{"forbidden, by something on the way", 403, "<html></html>", Unknown, "", errAny},
	} {
		t.Run(tc.name, func(t *testing.T) {
			posts := 0
			g := connect(t, func(w http.ResponseWriter, r *http.Request) {
				posts++
				always(tc.status, tc.body)(w, r)
			})
			out, err := g.Call(t.Context(), transfer())
			if out.Status != tc.want || out.Reason != tc.reason {
				t.Errorf("%v %q, want %v %q (error %v, detail %q)", out.Status, out.Reason, tc.want, tc.reason, err, out.Detail)
			}
			switch {
			case tc.err == nil && err != nil, tc.err != nil && err == nil:
				t.Errorf("error %v, want %v", err, tc.err)
			case tc.err != errAny && !errors.Is(err, tc.err):
				t.Errorf("error %v, want %v", err, tc.err)
			case errors.Is(err, ErrNotSent):
				t.Errorf("it was sent: %v", err)
			}
			if posts != 1 {
				t.Errorf("%d posts, want 1", posts)
			}
		})
	}
}

var errAny = errors.New("some error")

func TestDoneBringsResults(t *testing.T) {
	g := connect(t, always(201, transaction(`"recipientKyc"->"transactionReceipt":"8L21A","recipientKyc"`,
		`"value":"994900"}->"value":"994900.00"},{"key":"Token","value":"1234 5678"},{"key":"balance","value":"1"}`)))
	out, err := g.Call(t.Context(), transfer())
	if err != nil || out.Status != Done || out.Ref != "REF1" {
		t.Fatalf("%v %q %v", out.Status, out.Ref, err)
	}
	for name, want := range map[string]string{
		"fee": "100", "balance": "994900", "payee_name": "Baraka Elias Mushi", "payee_msisdn": payee, "token": "1234 5678", "receipt": "8L21A",
	} {
		if got := out.Fields.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestBalanceThatIsNoAmountIsLeftOut(t *testing.T) {
	g := connect(t, always(201, transaction("994900->plenty")))
	out, err := g.Call(t.Context(), transfer())
	if err != nil || out.Fields.Get("balance") != "" {
		t.Fatalf("balance %q, error %v", out.Fields.Get("balance"), err)
	}
}

func TestFeeThatWasNotSaidIsNotInvented(t *testing.T) {
	for name, body := range map[string]string{
		"no list":          transaction(`"fees":[{"feeType":"transfer","feeAmount":"100","feeCurrency":"TZS"}],->`),
		"empty list":       transaction(`[{"feeType":"transfer","feeAmount":"100","feeCurrency":"TZS"}]->[]`),
		"another currency": transaction(`"feeCurrency":"TZS"->"feeCurrency":"USD"`),
	} {
		out, err := connect(t, always(201, body)).Call(t.Context(), transfer())
		if err != nil || out.Status != Done || out.Fields.Get("fee") != "" {
			t.Errorf("%s: fee %q, error %v", name, out.Fields.Get("fee"), err)
		}
	}
}

func TestMismatchKeepsNoReference(t *testing.T) {
	g := connect(t, always(201, transaction(`"5000"->"1"`)))
	out, err := g.Call(t.Context(), transfer())
	if !errors.Is(err, ErrMismatch) || out.Ref != "" || !strings.Contains(out.Detail, "REF1") {
		t.Fatalf("ref %q, detail %q, error %v", out.Ref, out.Detail, err)
	}
}

func TestReasonsCanBeConfigured(t *testing.T) {
	set := func(c *GSMAConfig) {
		c.Reasons = map[string]string{"requestDeclined/SIM_SWAP": AccountBlocked, "requestDeclined": LimitExceeded}
	}
	for body, want := range map[string]string{
		problem("businessRule", "requestDeclined", "why", "sim_swap"): AccountBlocked,
		problem("businessRule", "requestDeclined"):                    LimitExceeded,
	} {
		out, err := connect(t, always(400, body), set).Call(t.Context(), transfer())
		if err != nil || out.Reason != want {
			t.Errorf("%q, %v: want %q", out.Reason, err, want)
		}
	}
}

func TestAirtimeIsBillPayOfASubType(t *testing.T) {
	var path, body string
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		path, body = r.URL.Path, readAll(t, r)
		always(201, transaction(`"type":"transfer"->"type":"billpay","subType":"topup"`))(w, r)
	}, func(c *GSMAConfig) { c.AirtimeSubType = "topup" })
	r := transfer()
	r.Call = Airtime
	if out, err := g.Call(t.Context(), r); err != nil || out.Status != Done {
		t.Fatalf("%v %v", out.Status, err)
	}
	if path != "/v1.2/mm/transactions/type/billpay" || !strings.Contains(body, `"subType":"topup"`) {
		t.Errorf("%s %s", path, body)
	}
}

func TestRequestCarriesWhatTheCoreNeeds(t *testing.T) {
	var h http.Header
	var body string
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		h, body = r.Header, readAll(t, r)
		always(201, transaction())(w, r)
	}, func(c *GSMAConfig) { c.APIKey, c.ClientID = NewSecret([]byte("key")), "nyota-1" })
	r := transfer()
	r.Callback = "http://127.0.0.1:9/callback/token"
	if _, err := g.Call(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-CorrelationID": actionID, "X-Callback-URL": r.Callback, "X-User-Credential-1": secretPIN,
		"X-API-Key": "key", "X-Client-Id": "nyota-1", "X-Channel": "USSD", "Content-Type": "application/json",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"X-Date", "X-Request-Deadline", "X-Content-Hash"} {
		if h.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	for _, want := range []string{`"amount":"5000"`, `"currency":"TZS"`, actionID, `{"key":"msisdn","value":"+255700000002"}`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

func TestPartiesOfEachAction(t *testing.T) {
	g := dialTo(t, "http://127.0.0.1:9")
	for _, tc := range []struct {
		call, kind string
		args       Args
		want       []party
	}{
		{Transfer, "transfer", Args{{"to", payee}}, []party{{"msisdn", "+" + payee}}},
		{MerchantPay, "merchantpay", Args{{"till", "500100"}}, []party{{"storeid", "500100"}}},
		{BillPay, "billpay", Args{{"biller", "LUKU"}, {"reference", "12345678901"}}, []party{{"serviceprovider", "LUKU"}, {"consumerno", "12345678901"}}},
		{Withdrawal, "withdrawal", Args{{"agent", "10001"}}, []party{{"organisationid", "10001"}}},
		{Airtime, "billpay", Args{{"to", payee}}, []party{{"msisdn", "+" + payee}}},
	} {
		in, err := g.intent(tc.call, actionID, customer, append(tc.args, Arg{"amount", "500"}))
		if err != nil || in.kind != tc.kind {
			t.Errorf("%s: kind %q, error %v", tc.call, in.kind, err)
		}
		if len(in.credit) != len(tc.want) || in.credit[0] != tc.want[0] || in.credit[len(in.credit)-1] != tc.want[len(tc.want)-1] {
			t.Errorf("%s: %v, want %v", tc.call, in.credit, tc.want)
		}
	}
}

func TestEachRequestTellsTheCoreHowLongAnybodyWaits(t *testing.T) {
	var deadline, date string
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		deadline, date = r.Header.Get("X-Request-Deadline"), r.Header.Get("X-Date")
		always(201, transaction())(w, r)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := g.Call(ctx, transfer()); err != nil {
		t.Fatal(err)
	}
	want, _ := ctx.Deadline()
	got, err := time.Parse(time.RFC3339, deadline)
	if err != nil || want.Sub(got).Abs() > time.Millisecond {
		t.Errorf("X-Request-Deadline %q, want that of the turn, %v: %v", deadline, want.UTC(), err)
	}
	if sent, err := time.Parse(time.RFC3339, date); err != nil || !got.After(sent) {
		t.Errorf("X-Date %q is not before it: %v", date, err)
	}
}
