package darajasim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"nyota/gateway/simulator/darajasim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFaultsAreSwitchedOverHTTP(t *testing.T) {
	sim := darajasim.New(darajasim.Config{})
	defer func() { _ = sim.Close() }()
	for _, tc := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"drop_answers": 0.5, "callbacks": "early"}`, 200, `"drop_answers":0.5`},
		{`{"down": true}`, 200, `"callbacks":"early"`},
		{`{"drop_answers": 2}`, 400, "from 0 to 1"},
		{`{"dropanswers": 1}`, 400, "unknown field"},
		{`{"callbacks": "thrice"}`, 400, "twice"},
		{`{"status": 200}`, 400, "from 400"},
		{`{"slow_ms": -1}`, 400, "slow_ms"},
		{`[]`, 400, "error"},
	} {
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/faults", strings.NewReader(tc.body)))
		b, _ := io.ReadAll(w.Body)
		if w.Code != tc.status || !strings.Contains(string(b), tc.says) {
			t.Errorf("%s: %d %s", tc.body, w.Code, b)
		}
	}
	if f := sim.Faults(); !f.Down || f.DropAnswers != 0.5 || f.Callbacks != "early" {
		t.Errorf("%+v", f)
	}
}

func TestRequestsNeedAToken(t *testing.T) {
	sim := darajasim.New(darajasim.Config{Key: "k", Secret: "s"})
	defer func() { _ = sim.Close() }()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oauth/v1/generate", nil)
	r.SetBasicAuth("k", "wrong")
	if sim.ServeHTTP(w, r); w.Code != 400 {
		t.Errorf("a wrong secret: %d", w.Code)
	}
	w = httptest.NewRecorder()
	r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mpesa/b2c/v3/paymentrequest", strings.NewReader("{}"))
	if sim.ServeHTTP(w, r); w.Code != 401 || len(sim.Effects()) != 0 {
		t.Errorf("no token: %d", w.Code)
	}
}
