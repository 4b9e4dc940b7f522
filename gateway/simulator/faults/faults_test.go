package faults

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
	}, func() []Effect { return []Effect{{CorrelationID: "c", Times: 1}} })
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
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/effects", nil))
	if !strings.Contains(w.Body.String(), `"correlation_id":"c"`) || strings.Contains(w.Body.String(), `"of"`) {
		t.Errorf("%s", w.Body)
	}
}

// share is a fault that may be from 0 to 1.
type share float64

func (s share) Check() error { return Check(float64(s), nil, 0, "") }

func TestStateKeepsWhatMakesSense(t *testing.T) {
	var s State[share]
	if err := s.SetFaults(0.5); err != nil {
		t.Fatal(err)
	}
	if err := s.SetFaults(2); err == nil || s.Faults() != 0.5 {
		t.Errorf("%v, now %v", err, s.Faults())
	}
}

// record did so much.
type record int

func (r record) Effect() Effect { return Effect{Times: int(r)} }

func TestEffectsAreThoseThatRemain(t *testing.T) {
	if got := Effects([]record{1, 0, 2}); len(got) != 2 || got[0].Times != 1 || got[1].Times != 2 {
		t.Errorf("%+v", got)
	}
	if got := Effects([]record{0}); got == nil || len(got) != 0 {
		t.Errorf("%+v: none is an empty list, not null", got)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	Sleep(ctx, Longest) // returns
	Sleep(t.Context(), 0)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if Sleep(t.Context(), 250); time.Since(began) != 250*time.Millisecond {
			t.Errorf("slept %v", time.Since(began))
		}
	})
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
