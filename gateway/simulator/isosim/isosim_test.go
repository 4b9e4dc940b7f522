package isosim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"nyota/gateway/simulator/isosim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFaultsAreSwitchedOverHTTP(t *testing.T) {
	sim := isosim.New(isosim.Config{})
	defer func() { _ = sim.Close() }()
	for _, tc := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"drop_answers": 0.5, "refuse": "51"}`, 200, `"drop_answers":0.5`},
		{`{"down": true}`, 200, `"refuse":"51"`},
		{`{"drop_answers": 2}`, 400, "from 0 to 1"},
		{`{"dropanswers": 1}`, 400, "unknown field"},
		{`{"refuse": "5"}`, 400, "2 characters"},
		{`{"drop_advices": -1}`, 400, "drop_advices"},
		{`{"slow_ms": -1}`, 400, "slow_ms"},
		{`[]`, 400, "error"},
	} {
		w := httptest.NewRecorder()
		sim.Control().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/faults", strings.NewReader(tc.body)))
		b, _ := io.ReadAll(w.Body)
		if w.Code != tc.status || !strings.Contains(string(b), tc.says) {
			t.Errorf("%s: %d %s", tc.body, w.Code, b)
		}
	}
	if f := sim.Faults(); !f.Down || f.DropAnswers != 0.5 || f.Refuse != "51" {
		t.Errorf("%+v", f)
	}
}
