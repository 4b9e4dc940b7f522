// Package faultstest is one test of the developer's side that simulated cores have
// in common, for the tests of each.
package faultstest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Switched holds a core's GET and PUT /faults against what all of them promise:
// a PUT takes any part of the faults, what it leaves out stays, and one that makes
// no sense says why and changes nothing. The core must be fresh, and must have
// drop_answers, down and slow_ms. own is a fault of its own and a value that is
// right, as they are written in JSON: `"callbacks":"early"`. wrong are bodies that
// are refused, by what the answer says of each.
func Switched(t *testing.T, core http.Handler, own string, wrong map[string]string) {
	t.Helper()
	ask := func(method, body string, status int, says ...string) {
		t.Helper()
		w := httptest.NewRecorder()
		core.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/faults", strings.NewReader(body)))
		if w.Code != status {
			t.Errorf("%s %s: %d %s", method, body, w.Code, w.Body)
		}
		for _, s := range says {
			if !strings.Contains(w.Body.String(), s) {
				t.Errorf("%s %s: %s does not say %s", method, body, w.Body, s)
			}
		}
	}
	ask(http.MethodGet, "", http.StatusOK, `"drop_answers":0`, `"down":false`)
	ask(http.MethodPut, `{"drop_answers": 0.5, `+own+`}`, http.StatusOK, `"drop_answers":0.5`, own)
	ask(http.MethodPut, `{"down": true}`, http.StatusOK, `"down":true`, own)
	ask(http.MethodPut, `{"drop_answers": 2}`, http.StatusBadRequest, "from 0 to 1")
	ask(http.MethodPut, `{"dropanswers": 1}`, http.StatusBadRequest, "unknown field")
	ask(http.MethodPut, `{"slow_ms": -1}`, http.StatusBadRequest, "slow_ms")
	ask(http.MethodPut, `[]`, http.StatusBadRequest, "error")
	for says, body := range wrong {
		ask(http.MethodPut, body, http.StatusBadRequest, says)
	}
	ask(http.MethodGet, "", http.StatusOK, `"drop_answers":0.5`, `"down":true`, own)
}
