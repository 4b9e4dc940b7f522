package momosim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"nyota/gateway/simulator/faults/faultstest"
	"nyota/gateway/simulator/momosim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFaultsAreSwitchedOverHTTP(t *testing.T) {
	sim := momosim.New(momosim.Config{})
	defer func() { _ = sim.Close() }()
	faultstest.Switched(t, sim, `"callbacks":"early"`, map[string]string{"twice": `{"callbacks": "thrice"}`, "from 400": `{"status": 200}`})
	if f := sim.Faults(); !f.Down || f.DropAnswers != 0.5 || f.Callbacks != "early" {
		t.Errorf("%+v", f)
	}
}

func TestRequestsNeedATokenAndAFourthVersionReference(t *testing.T) {
	sim := momosim.New(momosim.Config{User: "u", Key: "k"})
	defer func() { _ = sim.Close() }()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/collection/token/", nil)
	r.SetBasicAuth("u", "wrong")
	if sim.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("a wrong key: %d", w.Code)
	}
	w = httptest.NewRecorder()
	r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/collection/v1_0/requesttopay", strings.NewReader("{}"))
	r.Header.Set("Ocp-Apim-Subscription-Key", "s")
	if sim.ServeHTTP(w, r); w.Code != 401 || len(sim.Effects()) != 0 {
		t.Errorf("no token: %d", w.Code)
	}
}
