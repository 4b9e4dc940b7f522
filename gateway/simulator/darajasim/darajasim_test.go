package darajasim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"nyota/gateway/simulator/darajasim"
	"nyota/gateway/simulator/faults/faultstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFaultsAreSwitchedOverHTTP(t *testing.T) {
	sim := darajasim.New(darajasim.Config{})
	defer func() { _ = sim.Close() }()
	faultstest.Switched(t, sim, `"callbacks":"early"`, map[string]string{"twice": `{"callbacks": "thrice"}`, "from 400": `{"status": 200}`})
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
