package core

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	actionID  = "0197f0c2-0000-7000-8000-000000000001"
	otherID   = "0197f0c2-0000-7000-8000-000000000002"
	serverID  = "8a1f6a2e-1111-4222-8333-444455556666"
	customer  = "255700000001"
	payee     = "255700000002"
	secretPIN = "739154"
)

// connect returns a connector to a server that h plays.
func connect(t *testing.T, h http.HandlerFunc, change ...func(*GSMAConfig)) *GSMA {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return dialTo(t, s.URL+"/v1.2/mm", change...)
}

func dialTo(t *testing.T, url string, change ...func(*GSMAConfig)) *GSMA {
	t.Helper()
	cfg := GSMAConfig{URL: url, Currency: "TZS", PollInterval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	g, err := NewGSMA(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// transfer is the request that most tests make.
func transfer() Request {
	return Request{
		ID: actionID, WireKey: actionID, Call: Transfer, MSISDN: customer,
		Args: Args{{"to", payee}, {"amount", "5000"}}, PIN: NewSecret([]byte(secretPIN)),
	}
}

func inquiry() Inquiry {
	return Inquiry{ID: actionID, WireKey: actionID, Call: Transfer, MSISDN: customer, Args: transfer().Args}
}

// transaction is the core's answer to transfer, with changes of the form
// `"old"->"new"`.
func transaction(changes ...string) string {
	s := `{"transactionReference":"REF1","requestingOrganisationTransactionReference":"` + actionID + `",
		"creditParty":[{"key":"msisdn","value":"+255700000002"}],"debitParty":[{"key":"msisdn","value":"+255700000001"}],
		"type":"transfer","transactionStatus":"completed","amount":"5000","currency":"TZS",
		"fees":[{"feeType":"transfer","feeAmount":"100","feeCurrency":"TZS"}],
		"recipientKyc":{"subjectName":{"fullName":"Baraka Elias Mushi"}},
		"customData":[{"key":"balance","value":"994900"}]}`
	for _, c := range changes {
		from, to, _ := strings.Cut(c, "->")
		if !strings.Contains(s, from) {
			panic("the transaction has no " + from)
		}
		s = strings.Replace(s, from, to, 1)
	}
	return s
}

func problem(category, code string, params ...string) string {
	s := `{"errorCategory":"` + category + `","errorCode":"` + code + `","errordescription":"words of the core"`
	if len(params) == 2 {
		s += `,"errorParameters":[{"key":"` + params[0] + `","value":"` + params[1] + `"}]`
	}
	return s + "}"
}

func state(status, rest string) string {
	return `{"serverCorrelationId":"` + serverID + `","status":"` + status + `","notificationMethod":"polling"` + rest + `}`
}

// always answers every request with the same.
func always(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// routes answers by method and path below the base.
func routes(t *testing.T, answers map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1.2/mm")
		if h := answers[key]; h != nil {
			h(w, r)
			return
		}
		t.Errorf("nobody expected %s", key)
		w.WriteHeader(http.StatusTeapot)
	}
}
