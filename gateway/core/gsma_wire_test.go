package core

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAmountsAreKeptCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "5000": "5000", "5000.00": "5000", "12.50": "12.5", "0.05": "0.05", "999999999999999999.9999": "999999999999999999.9999",
		"": "", "-1": "", "+1": "", "01": "", "1.": "", ".5": "", "1e3": "", "1,000": "", "1.23456": "", "1000000000000000000": "", "٣": "", " 1": "",
	} {
		if got, ok := Canonical(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", in, got, ok, want)
		}
	}
}

func TestFeesAreAdded(t *testing.T) {
	for want, in := range map[string][]decimal{
		"0": nil, "100": {"99.75", "0.25"}, "0.0001": {"0.0001"}, "999999999999999999.9999": {"999999999999999999", "0.9999"}, "1.5": {"1", "0.5"},
	} {
		if got := sum(in...); got != want {
			t.Errorf("%v: %q, want %q", in, got, want)
		}
	}
}

func TestNamesComeOnce(t *testing.T) {
	for body, ok := range map[string]bool{
		`{"a":{"x":1},"b":{"x":1}}`: true, `[{"a":1},{"a":2}]`: true, `{"a":["a","a"]}`: true, `{"a":"b","b":"a"}`: true,
		`{"a":1,"a":2}`: false, `{"status":1,"STATUS":2}`: false, "{\"status\":1,\"\u017ftatus\":2}": false, `{"a":{"x":1,"X":1}}`: false,
		`[[{"a":1,"b":{},"a":1}]]`: false, "{\"k\":1,\"\u212a\":2}": false,
	} {
		var v any
		if err := Decode([]byte(body), &v); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestWordsOfTheCoreAreMadeSafe(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb": "a b", "  a\tb  ": "a b", "a\x00\x1b[31mb": "a [31mb", "a\xffb": "ab", "Mwanaidi": "Mwanaidi", "éé": "é", "a\u2028b": "a b",
	} {
		limit := 100
		if in == "éé" {
			limit = 3
		}
		if got := Clean(in, limit); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Whatever the core answers: no panic, and money is called moved or not moved
// only on an answer that says so.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		transaction(), transaction("completed->failed"), state("pending", `,"pollLimit":1`), state("failed", `,"error":`+problem("businessRule", "insufficientFunds")),
		problem("businessRule", "insufficientFunds"), problem("validation", "duplicateRequest"), `{"link":"/transactions/REF1"}`,
		`{"requestAmount":"5000","requestCurrency":"TZS","quotes":[{"sendingCurrency":"TZS","fees":[{}]}]}`, `{"name":{"fullName":"A"}}`,
		`{"availableBalance":"1"}`, "[" + transaction() + "]", "", "{}", "null", `{"serviceStatus":"available"}`,
	} {
		for _, status := range []uint16{200, 201, 202, 400, 404, 500} {
			f.Add(status, []byte(body))
		}
	}
	g, err := NewGSMA(GSMAConfig{URL: "http://127.0.0.1:9", Currency: "TZS", PollInterval: time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		// Shorter than the poll interval: nothing is waited for.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		want, err := g.intent(Transfer, actionID, customer, transfer().Args)
		if err != nil {
			t.Fatal(err)
		}
		a := Answer{Status: int(status), Body: body}
		// A state that claims to be completed is not followed up here.
		if !strings.Contains(strings.ToLower(string(body)), "completed") || status != 202 {
			out, err := g.judge(ctx, want, a, Secret{})
			switch {
			case out.Status == Done && (status != 201 || !strings.Contains(string(body), "5000")):
				t.Errorf("status %d, %q is no success", status, body)
			case out.Status == Rejected && status != 201 && status != 202 && (status < 400 || status >= 500):
				t.Errorf("status %d, %q is no refusal", status, body)
			case out.Status == Rejected && !knownReasons[out.Reason]:
				t.Errorf("%q is no reason", out.Reason)
			case err != nil && out.Status != Unknown:
				t.Errorf("%v and yet %v", out.Status, err)
			case !utf8.ValidString(out.Detail) || strings.ContainsAny(out.Detail, "\r\n"):
				t.Errorf("detail %q", out.Detail)
			}
		}
		var tx wireTransaction
		if Decode(body, &tx) == nil {
			for _, cell := range row(customer, tx) {
				if strings.ContainsAny(cell.Value, "\r\n") {
					t.Errorf("%s is %q", cell.Name, cell.Value)
				}
			}
			if amount := string(tx.Amount); amount != "" {
				if c, ok := Canonical(amount); !ok || c != amount {
					t.Errorf("amount %q is not canonical", amount)
				}
			}
		}
		c, err := g.ParseCallback(strings.NewReader(string(body)))
		if err == nil && (len(c.Currency) > 3 || len(c.WireKey) > 256) {
			t.Errorf("%+v", c)
		}
		for _, v := range []any{new(wireState), new(wireQuotation), new(wireBalance), new(wireAccountName), new(wireHeartbeat), new([]wireTransaction)} {
			if err := Decode(body, v); err != nil && len(body) > 64 && strings.Contains(err.Error(), string(body)) {
				t.Errorf("the error quotes the answer: %v", err)
			}
		}
		var l wireLink
		if Decode(body, &l) == nil {
			if p, err := g.follow(string(l.Link)); err == nil && (p[0] != '/' || strings.Contains(p, "..")) {
				t.Errorf("%q leads to %q", l.Link, p)
			}
		}
	})
}
