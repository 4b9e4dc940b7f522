package coresim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Bad requests get the API's own refusals, and the document allows each.
func TestBadRequestsAreRefusedAsTheAPISays(t *testing.T) {
	c, url := beginChecked(t, loadSpec(t), quick(), false)
	good := transfer(baraka, 500)
	for _, tc := range []struct {
		name, kind, body string
		status           int
		code             string
	}{
		{"no JSON", "transfer", "amount=5", 400, "validation/formatError"},
		{"an array", "transfer", "[]", 400, "validation/formatError"},
		{"no body", "transfer", "", 400, "validation/formatError"},
		{"a giant body", "transfer", `{"a":"` + strings.Repeat("x", 70<<10) + `"}`, 400, "validation/lengthError"},
		{"no amount", "transfer", strings.Replace(good, "amount", "amuont", 1), 400, "validation/mandatoryValueNotSupplied field=amount"},
		{"negative", "transfer", transfer(baraka, -5), 400, "validation/negativeValue field=amount"},
		{"half a shilling", "transfer", transfer(baraka, "12.50"), 400, "validation/formatError field=amount"},
		{"another currency", "transfer", strings.Replace(good, "TZS", "KES", 1), 400, "validation/currencyNotSupported field=currency"},
		{"no payer", "transfer", strings.Replace(good, "debitParty", "x", 1), 400, "validation/mandatoryValueNotSupplied party=debitParty"},
		{"empty identifier", "transfer", strings.Replace(good, "+"+baraka, "", 1), 400, "validation/formatError party=creditParty"},
		{"payer unknown", "transfer", strings.Replace(good, asha, "255788888888", 1), 404, "identification/identifierError identifier=msisdn party=debitParty"},
		{"payee unknown", "transfer", transfer("255788888888", 500), 404, "identification/identifierError identifier=msisdn party=creditParty"},
		{"a type that it does not do", "inttransfer", good, 400, "businessRule/transactionTypeError"},
		{"too little", "transfer", transfer(baraka, 1), 400, "businessRule/lessThanTransactionMinValue"},
	} {
		if a := pay(t, url, tc.kind, tc.body, newID(), "1234"); a.status != tc.status || a.code() != tc.code {
			t.Errorf("%s: %d %s, want %d %s", tc.name, a.status, a.code(), tc.status, tc.code)
		}
	}
	if a := pay(t, url, "transfer", good, "7", "1234"); a.code() != "validation/formatError header=X-CorrelationID" {
		t.Errorf("an id that is no UUID: %s", a.code())
	}
	for path, code := range map[string]string{
		"/transactions/NONE":              "identification/identifierError identifier=transactionReference",
		"/requeststates/NONE":             "identification/identifierError identifier=serverCorrelationId",
		"/responses/" + newID():           "identification/identifierError identifier=clientCorrelationId",
		"/accounts/msisdn/+1/accountname": "identification/identifierError identifier=msisdn",
		"/accounts/nonsense/accountname":  "validation/formatError identifier=accountId",
		"/nothing/here":                   "validation/formatError",
	} {
		if a := ask(t, "GET", url+base+path, ""); a.code() != code {
			t.Errorf("%s: %d %s, want %s", path, a.status, a.code(), code)
		}
	}
	if e := c.Effects(); len(e) != 0 {
		t.Errorf("%v", e)
	}
	sound(t, c)
}

func TestRepeatIsRefusedNotAnsweredAgain(t *testing.T) {
	c, url := begin(t, quick())
	refused, done := newID(), newID()
	for id, body := range map[string]string{done: transfer(baraka, 500), refused: transfer(baraka, 1)} {
		_ = pay(t, url, "transfer", body, id, "1234")
		if a := pay(t, url, "transfer", transfer(baraka, 500), id, "1234"); a.status != 400 || a.code() != "businessRule/duplicateRequest" {
			t.Errorf("%d %s", a.status, a.code())
		}
	}
	if a := ask(t, "GET", url+base+"/responses/"+refused, ""); !strings.Contains(a.body, "/requeststates/") {
		t.Errorf("%d %s", a.status, a.body)
	}
	// The same at once: one of them is done.
	id := newID()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { _ = pay(t, url, "transfer", transfer(baraka, 500), id, "1234") })
	}
	wg.Wait()
	e := c.Effects()
	if len(e) != 2 || e[0].Times != 1 || e[1].Times != 1 || e[1].CorrelationID != id {
		t.Errorf("%+v", e)
	}
	sound(t, c)
}

func TestEffectsOverHTTP(t *testing.T) {
	_, url := begin(t, quick())
	if a := ask(t, "GET", url+"/effects", ""); a.body != "[]" {
		t.Errorf("%s before anything happened", a.body)
	}
	id := newID()
	_ = pay(t, url, "transfer", transfer(baraka, 5000), id, "1234")
	want := `[{"correlation_id":"` + id + `","type":"transfer","amount":"5000","debit":"` + asha + `","credit":"` + baraka + `","times":1}]`
	if a := ask(t, "GET", url+"/effects", ""); a.body != want {
		t.Errorf("%s, want %s", a.body, want)
	}
}

func TestAccountsAreShownWithoutPINs(t *testing.T) {
	_, url := begin(t, quick())
	a := ask(t, "GET", url+"/accounts", "")
	var list []map[string]any
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		t.Fatal(err)
	}
	balances := make(map[any]any)
	for _, v := range list {
		balances[v["id"]] = v["balance"]
	}
	for n := range 9 {
		if id := "25570000000" + string(rune('1'+n)); balances[id] != "1000000" {
			t.Errorf("%s has %v", id, balances[id])
		}
	}
	if balances["255710000001"] == nil || strings.Contains(a.body, "1234") {
		t.Error("no agent, or a PIN")
	}
}

func TestLockedPINCanBeUnlockedByADeveloper(t *testing.T) {
	_, url := begin(t, quick())
	for range 3 {
		_ = pay(t, url, "transfer", transfer(baraka, 500), newID(), "0000")
	}
	if a := pay(t, url, "transfer", transfer(baraka, 500), newID(), "1234"); a.code() != "authorisation/requestingPartyAuthorisationError reason=pinLocked" {
		t.Errorf("%d %s", a.status, a.code())
	}
	if a := ask(t, "POST", url+"/accounts/"+asha+"/unlock", ""); a.status != 204 {
		t.Errorf("unlock: %d", a.status)
	}
	if a := ask(t, "POST", url+"/accounts/1/unlock", ""); a.status != 404 {
		t.Errorf("unlock of nobody: %d", a.status)
	}
	if a := pay(t, url, "transfer", transfer(baraka, 500), newID(), "1234"); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestClientNeedsItsKey(t *testing.T) {
	_, url := begin(t, quick(func(c *Config) { c.APIKey = "k" }))
	if a := ask(t, "GET", url+base+"/heartbeat", ""); a.status != 401 || a.code() != "authorisation/clientAuthorisationError" {
		t.Errorf("%d %s", a.status, a.code())
	}
	if a := ask(t, "GET", url+base+"/heartbeat", "", "X-API-Key", "k"); a.status != 200 {
		t.Errorf("%d", a.status)
	}
}

func TestDecidedLaterIsToldByCallback(t *testing.T) {
	type call struct{ method, id, body string }
	calls := make(chan call, 4)
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		calls <- call{r.Method, r.Header.Get("X-CorrelationID"), string(b)}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer client.Close()
	s := loadSpec(t)
	c, url := beginChecked(t, s, quick(), true)
	setFaults(t, url, `{"async": 1}`)
	schemas := s.doc["components"].(map[string]any)["schemas"].(map[string]any)
	for _, tc := range []struct {
		amount int
		schema string
	}{{500, "responseTransaction"}, {1, "errorObject"}} {
		id := newID()
		a := ask(t, "POST", url+base+"/transactions/type/transfer", transfer(baraka, tc.amount),
			"X-CorrelationID", id, "X-User-Credential-1", "1234", "X-Callback-URL", client.URL+"/cb/token")
		if a.status != 202 || !strings.Contains(a.body, `"notificationMethod":"callback"`) {
			t.Fatalf("%d %s", a.status, a.body)
		}
		got := <-calls
		if got.method != "PUT" || got.id != id {
			t.Errorf("%s for %s", got.method, got.id)
		}
		if err := s.validate(schemas[tc.schema], []byte(got.body)); err != nil {
			t.Errorf("callback %s: %v", got.body, err)
		}
	}
	if e := c.Effects(); len(e) != 1 || e[0].Times != 1 {
		t.Errorf("%+v", e)
	}
}

func TestCallbacksComeAsTheFaultsSay(t *testing.T) {
	for way, want := range map[string]int{"once": 1, "none": 0, "twice": 2, "late": 1, "early": 1} {
		t.Run(way, func(t *testing.T) {
			var mu sync.Mutex
			came, answered := 0, false
			client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if came++; way == "early" && answered {
					t.Error("an early callback came after the answer")
				}
				w.WriteHeader(http.StatusNoContent)
			}))
			defer client.Close()
			c, url := begin(t, quick())
			setFaults(t, url, `{"async": 1, "async_ms": 0, "callbacks": "`+way+`"}`)
			a := ask(t, "POST", url+base+"/transactions/type/transfer", transfer(baraka, 500),
				"X-CorrelationID", newID(), "X-User-Credential-1", "1234", "X-Callback-URL", client.URL)
			mu.Lock()
			answered = true
			if a.status != 202 || way == "early" && came != 1 {
				t.Errorf("%d after %d callbacks", a.status, came)
			}
			mu.Unlock()
			settled(t, c, 1)
			eventually(t, "callbacks", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return came >= want
			})
			if err := c.Close(); err != nil { // waits for what is under way
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if came != want {
				t.Errorf("%d callbacks, want %d", came, want)
			}
		})
	}
}

func TestPollLimitIsEnforced(t *testing.T) {
	_, url := begin(t, quick())
	setFaults(t, url, `{"async": 1, "async_ms": 600000}`)
	var s stateObject
	if err := json.Unmarshal([]byte(pay(t, url, "transfer", transfer(baraka, 500), newID(), "1234").body), &s); err != nil {
		t.Fatal(err)
	}
	for n := range pollLimit + 1 {
		a := ask(t, "GET", url+base+"/requeststates/"+s.ID, "")
		if want := map[bool]int{true: 200, false: 400}[n < pollLimit]; a.status != want {
			t.Errorf("poll %d: %d, want %d", n+1, a.status, want)
		}
	}
}
