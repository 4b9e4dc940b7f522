package coretest

import (
	"net/http"
	"strings"
	"testing"

	"nyota/gateway/core"
)

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
