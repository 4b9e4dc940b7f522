package core

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func read(call string, args ...Arg) Request {
	return Request{ID: otherID, Call: call, MSISDN: customer, Args: args, PIN: NewSecret([]byte(secretPIN))}
}

func TestReads(t *testing.T) {
	quote := `{"quotationReference":"Q1","requestAmount":"5000.00","requestCurrency":"TZS","quotationStatus":"completed","quotes":[` +
		`{"quoteId":"1","sendingCurrency":"TZS","fees":[{"feeType":"a","feeAmount":"99.75","feeCurrency":"TZS"},{"feeType":"b","feeAmount":"0.25","feeCurrency":"TZS"}]}]}`
	toPayee := []Arg{{"to", payee}, {"amount", "5000"}, {"call", Transfer}}
	for _, tc := range []struct {
		name   string
		req    Request
		path   string
		status int
		body   string
		want   Status
		reason string
		field  string // name=value
	}{
		{"balance", read(Balance), "GET /accounts/msisdn/+255700000001/balance", 200, `{"currentBalance":"10","availableBalance":"7.50","currency":"TZS"}`, Done, "", "balance=7.5"},
		{"balance without an available one", read(Balance), "GET /accounts/msisdn/+255700000001/balance", 200, `{"currentBalance":"10"}`, Done, "", "balance=10"},
		{"balance in another currency", read(Balance), "GET /accounts/msisdn/+255700000001/balance", 200, `{"currentBalance":"10","currency":"KES"}`, Unknown, "", ""},
		{"no balance", read(Balance), "GET /accounts/msisdn/+255700000001/balance", 200, `{}`, Unknown, "", ""},
		{"wrong PIN", read(Balance), "GET /accounts/msisdn/+255700000001/balance", 401, problem("authorisation", "requestingPartyAuthorisationError"), Rejected, WrongPIN, ""},
		{"in trouble", read(Balance), "GET /accounts/msisdn/+255700000001/balance", 503, problem("serviceUnavailable", "genericError"), Unknown, "", ""},
		{"name", read(AccountName, Arg{"to", payee}), "GET /accounts/msisdn/+255700000002/accountname", 200, `{"name":{"firstName":"Neema","lastName":"Kimaro"}}`, Done, "", "name=Neema Kimaro"},
		{"name of a till", read(AccountName, Arg{"till", "500100"}), "GET /accounts/storeid/500100/accountname", 200, `{"name":{"fullName":"Duka\n la  Mama"}}`, Done, "", "name=Duka la Mama"},
		{"name of an agent", read(AccountName, Arg{"agent", "10001"}), "GET /accounts/organisationid/10001/accountname", 200, `{"name":{"nativeName":"Salma"}}`, Done, "", "name=Salma"},
		{"name of a biller", read(AccountName, Arg{"biller", "LUKU"}), "GET /accounts/serviceprovider/LUKU/accountname", 200, `{"name":{"fullName":"LUKU"}}`, Done, "", "name=LUKU"},
		{"name at a biller", read(AccountName, Arg{"biller", "LUKU"}, Arg{"reference", "12345678901"}), "GET /accounts/serviceprovider@LUKU$consumerno@12345678901/accountname", 200, `{"name":{"fullName":"Juma"}}`, Done, "", "name=Juma"},
		{"nobody", read(AccountName, Arg{"to", payee}), "GET /accounts/msisdn/+255700000002/accountname", 404, problem("identification", "identifierError"), Rejected, UnknownPayee, ""},
		{"no name", read(AccountName, Arg{"to", payee}), "GET /accounts/msisdn/+255700000002/accountname", 200, `{"name":{}}`, Unknown, "", ""},
		{"fee", read(Fee, toPayee...), "POST /quotations", 201, quote, Done, "", "fee=100"},
		{"fee of a bill, before the reference is known", read(Fee, Arg{"call", BillPay}, Arg{"biller", "LUKU"}, Arg{"amount", "5000"}), "POST /quotations", 201, quote, Done, "", "fee=100"},
		{"no fee", read(Fee, toPayee...), "POST /quotations", 201, `{"requestAmount":"5000","requestCurrency":"TZS","quotes":[{"sendingCurrency":"TZS"}]}`, Done, "", "fee=0"},
		{"fee of another amount", read(Fee, toPayee...), "POST /quotations", 201, strings.Replace(quote, "5000", "500", 1), Unknown, "", ""},
		{"no quote", read(Fee, toPayee...), "POST /quotations", 201, `{"requestAmount":"5000","requestCurrency":"TZS","quotes":[]}`, Unknown, "", ""},
		{"quotation later", read(Fee, toPayee...), "POST /quotations", 202, state("pending", ""), Unknown, "", ""},
		{"quotation refused", read(Fee, toPayee...), "POST /quotations", 404, problem("identification", "identifierError"), Rejected, UnknownPayee, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := connect(t, routes(t, map[string]http.HandlerFunc{tc.path: always(tc.status, tc.body)}))
			out, err := g.Call(t.Context(), tc.req)
			if out.Status != tc.want || out.Reason != tc.reason || (err == nil) != (tc.want != Unknown) {
				t.Fatalf("%v %q, error %v", out.Status, out.Reason, err)
			}
			if name, value, _ := strings.Cut(tc.field, "="); out.Fields.Get(name) != value {
				t.Errorf("fields %v, want %s", out.Fields, tc.field)
			}
		})
	}
}

func TestReadsThatCannotBeMadeAreNotSent(t *testing.T) {
	g := connect(t, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	for _, r := range []Request{
		read(AccountName), read(AccountName, Arg{"till", ".."}), read(AccountName, Arg{"biller", "a@b"}, Arg{"reference", "1$2"}),
		read(Fee, Arg{"call", "balance"}), read(Fee, Arg{"call", Transfer}), read(Statement, Arg{"limit", "many"}),
		{Call: Balance, MSISDN: "0700"},
	} {
		if _, err := g.Call(t.Context(), r); !errors.Is(err, ErrNotSent) {
			t.Errorf("%s %v: %v", r.Call, r.Args, err)
		}
	}
}

func TestStatementIsSeenFromTheCustomer(t *testing.T) {
	entry := func(ref, debit, credit, status string) string {
		return `{"transactionReference":"` + ref + `","debitParty":[{"key":"msisdn","value":"` + debit + `"}],"creditParty":[` + credit + `],"transactionStatus":"` + status +
			`","amount":"500.00","currency":"TZS","displayType":"transfer","creationDate":"2026-03-01T10:11:12.000Z"}`
	}
	var query string
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		always(200, "["+entry("A", "+"+customer, `{"key":"storeid","value":"500100"}`, "completed")+","+
			entry("B", payee, `{"key":"msisdn","value":"`+customer+`"}`, "Completed")+","+
			entry("C", payee, `{"key":"msisdn","value":"`+customer+`"}`, "failed")+"]")(w, r)
	})
	out, err := g.Call(t.Context(), read(Statement, Arg{"limit", "3"}))
	if err != nil || out.Status != Done || query != "limit=3" {
		t.Fatalf("%v %v, query %q", out.Status, err, query)
	}
	if len(out.Rows) != 2 {
		t.Fatalf("%d rows, want the two that are done", len(out.Rows))
	}
	for i, want := range []map[string]string{
		{"direction": "out", "party": "500100", "ref": "A", "amount": "500", "kind": "transfer", "date": "2026-03-01T10:11:12Z"},
		{"direction": "in", "party": payee, "ref": "B"},
	} {
		for name, value := range want {
			if got := out.Rows[i].Get(name); got != value {
				t.Errorf("row %d: %s = %q, want %q", i, name, got, value)
			}
		}
	}
}

func TestHeartbeat(t *testing.T) {
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		want    HealthState
		restore string
		bad     bool
	}{
		{"available", 200, `{"serviceStatus":"Available"}`, Available, "", false},
		{"degraded", 200, `{"servicestatus":"degraded","delay":250}`, Degraded, "", false},
		{"unavailable", 200, `{"serviceStatus":"unavailable","plannedRestorationTime":"2026-12-08T21:30:00Z"}`, Unavailable, "2026-12-08 21:30:00 +0000 UTC", false},
		{"unavailable, as an error", 503, problem("serviceUnavailable", "genericError"), Unavailable, "", false},
		{"something on the way is in trouble", 503, "<html>", HealthUnknown, "", true},
		{"a word nobody knows", 200, `{"serviceStatus":"tired"}`, HealthUnknown, "", true},
		{"not JSON", 200, "pong", HealthUnknown, "", true},
	} {
		g := connect(t, routes(t, map[string]http.HandlerFunc{"GET /heartbeat": always(tc.status, tc.body)}))
		h, err := g.Health(t.Context())
		if h.State != tc.want || (err != nil) != tc.bad {
			t.Errorf("%s: %v, %v", tc.name, h.State, err)
		}
		if tc.restore != "" && h.Restore.String() != tc.restore {
			t.Errorf("%s: restored at %v", tc.name, h.Restore)
		}
	}
}

// net/http by itself repeats a GET whose connection ended before an answer came, if
// it was used before.
func TestAPINLeavesOnceWhoeverEndsTheConnection(t *testing.T) {
	var asked atomic.Int32
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-User-Credential-1") == "" {
			always(200, `{"name":{"fullName":"ASHA JUMA"}}`)(w, r)
			return
		}
		if asked.Add(1) == 1 {
			panic(http.ErrAbortHandler) // reads the request, and hangs up
		}
		always(200, `{"currentBalance":"100","currency":"TZS"}`)(w, r)
	})
	if _, err := g.Call(t.Context(), Request{Call: AccountName, MSISDN: customer, Args: Args{{"to", payee}}}); err != nil {
		t.Fatal(err) // the connection stays
	}
	out, err := g.Call(t.Context(), Request{Call: Balance, MSISDN: customer, PIN: NewSecret([]byte(secretPIN))})
	if n := asked.Load(); n != 1 || !errors.Is(err, ErrCut) {
		t.Errorf("the PIN left %d times: %v, %v", n, out.Status, err)
	}
}
