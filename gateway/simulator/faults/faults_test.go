package faults

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFaultsArePutInPartAndWholeOrNotAtAll(t *testing.T) {
	type set struct {
		Down  bool    `json:"down"`
		Slow  float64 `json:"slow_ms"`
		Never bool    `json:"-"`
	}
	now := set{Slow: 5}
	mux := http.NewServeMux()
	Serve(mux, func() set { return now }, func(s set) error {
		if s.Slow < 0 {
			return errors.New("slow_ms must not be negative")
		}
		now = s
		return nil
	})
	for _, tc := range []struct {
		body, says string
		status     int
		want       set
	}{
		{`{"down":true}`, `"slow_ms":5`, http.StatusOK, set{Down: true, Slow: 5}},
		{`{"slow_ms":-1}`, "must not be negative", http.StatusBadRequest, set{Down: true, Slow: 5}},
		{`{"donw":true}`, "unknown field", http.StatusBadRequest, set{Down: true, Slow: 5}},
		{`{"down":false}{`, `"down":false`, http.StatusOK, set{Slow: 5}},
		{``, "EOF", http.StatusBadRequest, set{Slow: 5}},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/faults", strings.NewReader(tc.body)))
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) || now != tc.want {
			t.Errorf("%s: %d %s, now %+v", tc.body, w.Code, w.Body, now)
		}
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/faults", nil))
	if !strings.Contains(w.Body.String(), `"slow_ms":5`) {
		t.Errorf("%s", w.Body)
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	for want, err := range map[string]error{
		"drop_answers": Check(1.1, nil, 0, ""),
		"slow_ms":      Check(0, map[string]float64{"slow_ms": -1}, 0, ""),
		"status":       Check(0, nil, 200, ""),
		"callbacks":    Check(0, nil, 0, "seldom"),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if err := Check(0.5, map[string]float64{"slow_ms": 100}, 503, "twice"); err != nil {
		t.Error(err)
	}
}
