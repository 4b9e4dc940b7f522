package coretest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/simulator/faults"
)

// Simulator is a simulated core that speaks HTTP.
type Simulator interface {
	http.Handler
	Effects() []faults.Effect
	Posts() int
	Close() error
}

// Serve serves a simulator until the test ends, and returns its URL.
func Serve(t *testing.T, sim Simulator) string {
	t.Helper()
	s := httptest.NewServer(sim)
	t.Cleanup(func() {
		s.CloseClientConnections()
		_ = sim.Close()
		s.Close()
	})
	return s.URL
}

// Books fills in what a rig reads in a simulator's books: Posts, Effects and, if its
// payments can be taken back, TakenBack. id is what the books call a request.
func (g *Rig) Books(sim Simulator, id func(r core.Request) string, takenBack bool) {
	count := func(is func(e faults.Effect) bool) (n int) {
		for _, e := range sim.Effects() {
			if is(e) {
				n += e.Times
			}
		}
		return n
	}
	g.Posts = sim.Posts
	g.Effects = func(r core.Request) int {
		return count(func(e faults.Effect) bool { return e.CorrelationID == id(r) })
	}
	if takenBack {
		g.TakenBack = func(first core.Request) int {
			return count(func(e faults.Effect) bool {
				return e.Of == id(first) && e.Credit == first.MSISDN && e.Amount == first.Args.Get("amount")
			})
		}
	}
}

// Misbehave returns a rig's Set for a simulator whose PUT /faults has drop_answers,
// slow_ms, down, wrong_amount, decide_ms and callbacks.
func Misbehave(sim Simulator, slow time.Duration) func(t *testing.T, list ...Fault) {
	return func(t *testing.T, list ...Fault) {
		t.Helper()
		ms := float64(slow / time.Millisecond)
		set := map[string]any{"drop_answers": 0, "slow_ms": 0, "down": false, "wrong_amount": false, "decide_ms": 0, "callbacks": "once"}
		for _, f := range list {
			switch f {
			case DropAnswers:
				set["drop_answers"] = 1
			case Slow:
				set["slow_ms"] = ms
			case Down:
				set["down"] = true
			case WrongAmount:
				set["wrong_amount"] = true
			case DecideLater:
				set["decide_ms"] = ms
			}
			if way, ok := f.Way(); ok {
				set["callbacks"] = way
			}
		}
		body, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/faults", strings.NewReader(string(body))))
		if w.Code != http.StatusOK {
			t.Fatalf("PUT /faults %s: %d %s", body, w.Code, w.Body)
		}
	}
}

// With returns a request with an argument changed.
func With(r core.Request, name, value string) core.Request {
	r.Args = append(core.Args{{Name: name, Value: value}}, r.Args...)
	return r
}

// Request is a call by the customer 255700000001, its arguments as names and
// values in turn.
func Request(call string, args ...string) core.Request {
	r := core.Request{Call: call, MSISDN: "255700000001"}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args = append(r.Args, core.Arg{Name: args[i], Value: args[i+1]})
	}
	return r
}

// Send makes a request as anybody could who is no core, and returns the status.
func Send(t *testing.T, method, url, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Way is how a simulator with a switch for its callbacks names a fault; ok is
// false if the fault is not about callbacks.
func (f Fault) Way() (way string, ok bool) {
	way, ok = map[Fault]string{CallbacksTwice: "twice", CallbacksLate: "late", CallbacksEarly: "early", NoCallbacks: "none"}[f]
	return way, ok
}
