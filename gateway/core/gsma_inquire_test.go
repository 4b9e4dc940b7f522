package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	post     = "POST /transactions/type/transfer"
	states   = "GET /requeststates/" + serverID
	byRef    = "GET /transactions/REF1"
	response = "GET /responses/" + actionID
)

// sequence answers with one after the other, and then with the last for ever.
func sequence(bodies ...string) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		body := bodies[min(n, len(bodies)-1)]
		n++
		always(200, body)(w, r)
	}
}

func TestTakenRequestIsPolled(t *testing.T) {
	pending := state("pending", `,"pollLimit":10`)
	for _, tc := range []struct {
		name   string
		first  string
		polls  http.HandlerFunc
		tx     http.HandlerFunc
		want   Status
		reason string
		err    error
	}{
		{"done", pending, sequence(pending, state("completed", `,"objectReference":"REF1"`)), always(200, transaction()), Done, "", nil},
		{"done at once", state("Completed", `,"objectReference":"REF1"`), nil, always(200, transaction()), Done, "", nil},
		{"refused", pending, sequence(state("failed", `,"error":`+problem("businessRule", "insufficientFunds"))), nil, Rejected, InsufficientFunds, nil},
		{"failed for reasons of its own", pending, sequence(state("failed", `,"error":`+problem("internal", "genericError"))), nil, Unknown, "", errAny},
		{"failed without a reason", pending, sequence(state("failed", "")), nil, Unknown, "", errAny},
		{"failed as a duplicate", pending, sequence(state("failed", `,"error":`+problem("businessRule", "duplicateRequest"))), nil, Unknown, "", ErrDuplicate},
		{"completed something else", pending, sequence(state("completed", `,"objectReference":"REF1"`)), always(200, transaction(`"5000"->"6000"`)), Unknown, "", ErrMismatch},
		{"completed another reference", pending, sequence(state("completed", `,"objectReference":"REF1"`)), always(200, transaction("REF1->REF2")), Unknown, "", ErrMismatch},
		{"completed, cannot be read", pending, sequence(state("completed", `,"objectReference":"REF1"`)), always(500, ""), Pending, "", nil},
		{"never decided", pending, sequence(pending), nil, Pending, "", nil},
		{"polls fail", pending, always(503, ""), nil, Pending, "", nil},
		{"polls speak of another", pending, sequence(strings.Replace(state("failed", `,"error":`+problem("businessRule", "insufficientFunds")), serverID, otherID, 1)), nil, Pending, "", nil},
		{"an answer to a poll is no answer to the action", pending, always(401, problem("authorisation", "clientAuthorisationError")), nil, Pending, "", nil},
		{"a status nobody knows", state("dreaming", ""), nil, nil, Unknown, "", errAny},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := connect(t, routes(t, map[string]http.HandlerFunc{post: always(202, tc.first), states: tc.polls, byRef: tc.tx}))
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			out, err := g.Call(ctx, transfer())
			if out.Status != tc.want || out.Reason != tc.reason || out.WireKey != serverID {
				t.Errorf("%v %q, wire key %q, error %v", out.Status, out.Reason, out.WireKey, err)
			}
			if (err == nil) != (tc.err == nil) || tc.err != errAny && !errors.Is(err, tc.err) || errors.Is(err, ErrNotSent) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
		})
	}
}

func TestPollLimitIsObeyed(t *testing.T) {
	for limit, want := range map[int]int{1: 0, 2: 1, 4: 3} {
		polls := 0
		body := state("pending", fmt.Sprintf(`,"pollLimit":%d,"expiryTime":%q`, limit, time.Now().Add(90*time.Second).Format(time.RFC3339)))
		g := connect(t, routes(t, map[string]http.HandlerFunc{
			post:   always(202, body),
			states: func(w http.ResponseWriter, r *http.Request) { polls++; always(200, body)(w, r) },
		}))
		out, err := g.Call(t.Context(), transfer())
		if err != nil || out.Status != Pending {
			t.Fatalf("%v, %v", out.Status, err)
		}
		if polls != want {
			t.Errorf("limit %d: %d polls, want %d: one is for later", limit, polls, want)
		}
		if out.Again < 80*time.Second || out.Again > 90*time.Second {
			t.Errorf("again after %v, want when the core gives up", out.Again)
		}
	}
}

func TestCallNeverBecomesNotSentAfterItWasTaken(t *testing.T) {
	var s *httptest.Server
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		always(202, state("pending", ""))(w, r)
		_ = s.Listener.Close() // nobody answers the polls
	}
	s = httptest.NewServer(http.HandlerFunc(h))
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	out, err := dialTo(t, s.URL).Call(ctx, transfer())
	if err != nil || out.Status != Pending || out.WireKey != serverID {
		t.Fatalf("%v, %v", out.Status, err)
	}
}

func TestInquiry(t *testing.T) {
	none := always(404, problem("identification", "identifierError"))
	link := func(to string) http.HandlerFunc { return always(200, `{"link":"`+to+`"}`) }
	for _, tc := range []struct {
		name    string
		ask     func(*Inquiry)
		answers map[string]http.HandlerFunc
		want    Status
		reason  string
		err     error
	}{
		{"linked transaction", nil, map[string]http.HandlerFunc{response: link("/transactions/REF1"), byRef: always(200, transaction())}, Done, "", nil},
		{"link from the root", nil, map[string]http.HandlerFunc{response: link("/v1.2/mm/transactions/REF1"), byRef: always(200, transaction())}, Done, "", nil},
		{"link without a slash", nil, map[string]http.HandlerFunc{response: link("transactions/REF1"), byRef: always(200, transaction())}, Done, "", nil},
		{"linked failure", nil, map[string]http.HandlerFunc{response: link("/requeststates/" + serverID),
			states: always(200, state("failed", `,"error":`+problem("businessRule", "samePartiesError")))}, Rejected, SamePerson, nil},
		{"linked, undecided", nil, map[string]http.HandlerFunc{response: link("/requeststates/" + serverID), states: always(200, state("pending", ""))}, Pending, "", nil},
		{"linked to another payment", nil, map[string]http.HandlerFunc{response: link("/transactions/REF1"), byRef: always(200, transaction(actionID+"->"+otherID))}, Unknown, "", ErrMismatch},
		{"linked to something else", nil, map[string]http.HandlerFunc{response: link("/accounts/1/balance")}, Unknown, "", errAny},
		{"linked to nothing", nil, map[string]http.HandlerFunc{response: link("/transactions/REF1"), byRef: none}, Unknown, "", errAny},
		{"not known", nil, map[string]http.HandlerFunc{response: none}, NotFound, "", nil},
		{"not found, by something on the way", nil, map[string]http.HandlerFunc{response: always(404, "404 page not found")}, Unknown, "", errAny},
		{"a refusal of the inquiry", nil, map[string]http.HandlerFunc{response: always(401, problem("authorisation", "clientAuthorisationError"))}, Unknown, "", errAny},
		{"in trouble", nil, map[string]http.HandlerFunc{response: always(503, problem("serviceUnavailable", "genericError"))}, Unknown, "", errAny},
		{"by the server's id", func(q *Inquiry) { q.WireKey = serverID }, map[string]http.HandlerFunc{
			states: always(200, state("completed", `,"objectReference":"REF1"`)), byRef: always(200, transaction())}, Done, "", nil},
		{"completed without a reference", func(q *Inquiry) { q.WireKey = serverID }, map[string]http.HandlerFunc{
			states: always(200, state("completed", "")), response: link("/transactions/REF1"), byRef: always(200, transaction())}, Done, "", nil},
		{"polls used up, looked up by our id", func(q *Inquiry) { q.WireKey = serverID }, map[string]http.HandlerFunc{
			states: always(400, problem("businessRule", "rateLimitError")), response: link("/transactions/REF1"), byRef: always(200, transaction())}, Done, "", nil},
		{"taken, then denied", func(q *Inquiry) { q.WireKey = serverID }, map[string]http.HandlerFunc{states: none, response: none}, Unknown, "", errAny},
		{"by reference", func(q *Inquiry) { q.Ref = "REF1" }, map[string]http.HandlerFunc{byRef: always(200, transaction())}, Done, "", nil},
		{"by reference, undecided", func(q *Inquiry) { q.Ref = "REF1" }, map[string]http.HandlerFunc{byRef: always(200, transaction("completed->on hold"))}, Pending, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := inquiry()
			if tc.ask != nil {
				tc.ask(&q)
			}
			out, err := connect(t, routes(t, tc.answers)).Inquire(t.Context(), q)
			if out.Status != tc.want || out.Reason != tc.reason {
				t.Errorf("%v %q, want %v %q, error %v", out.Status, out.Reason, tc.want, tc.reason, err)
			}
			if (err == nil) != (tc.err == nil) || tc.err != errAny && !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
		})
	}
}

func TestInquiryThatDidNotLeaveSaysNothingOfTheAction(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	out, err := dialTo(t, s.URL).Inquire(t.Context(), inquiry())
	if out.Status != Unknown || err == nil || errors.Is(err, ErrNotSent) {
		t.Fatalf("%v, %v", out.Status, err)
	}
}

func TestForgedLinksAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a forged link was followed") }))
	defer other.Close()
	g := dialTo(t, "https://core.example/v1.2/mm")
	for _, l := range []string{
		"", "/", other.URL + "/transactions/REF1", "//" + strings.TrimPrefix(other.URL, "http://") + "/transactions/REF1",
		"http://core.example/v1.2/mm/transactions/REF1", "https://core.example.evil/v1.2/mm/transactions/REF1",
		"https://core.example:8443/v1.2/mm/transactions/REF1", "https://me@core.example/v1.2/mm/transactions/REF1",
		"https://core.example/transactions/REF1", "https://core.example/v1.2/mm", "/transactions/../../admin", "/transactions/%2e%2e/%2e%2e/admin",
		"/transactions/..%2fadmin", "/transactions/a\\b", "\\\\evil/transactions/1", "/transactions/REF1?to=x", "/transactions/REF1#x",
		"/transactions//REF1", "mailto:x", "javascript:1", "/transactions/a\r\nb", "/transactions/%0d%0a", strings.Repeat("/a", 1000),
	} {
		if p, err := g.follow(l); err == nil {
			t.Errorf("%q leads to %q", l, p)
		}
	}
	for l, want := range map[string]string{
		"/transactions/REF1": "/transactions/REF1", "https://core.example/v1.2/mm/transactions/REF1": "/transactions/REF1",
		"https://CORE.example:443/v1.2/mm/transactions/REF%201": "/transactions/REF%201",
	} {
		if p, err := g.follow(l); err != nil || p != want {
			t.Errorf("%q leads to %q, %v", l, p, err)
		}
	}
	// And the whole way: the link to another origin gets no request.
	h := connect(t, routes(t, map[string]http.HandlerFunc{response: always(200, `{"link":"`+other.URL+`/v1.2/mm/transactions/REF1"}`)}))
	if out, err := h.Inquire(t.Context(), inquiry()); out.Status != Unknown || err == nil {
		t.Errorf("%v, %v", out.Status, err)
	}
}

func TestCallback(t *testing.T) {
	g := dialTo(t, "http://127.0.0.1:9")
	for _, tc := range []struct {
		name, body string
		want       Callback
		bad        bool
	}{
		{"transaction", transaction(), Callback{Status: Done, Ref: "REF1", Amount: "5000", Currency: "TZS"}, false},
		{"undecided", transaction("completed->pending"), Callback{Ref: "REF1", Amount: "5000", Currency: "TZS"}, false},
		{"failed", transaction("completed->failed"), Callback{Status: Rejected, Ref: "REF1", Amount: "5000", Currency: "TZS"}, false},
		{"error", problem("businessRule", "insufficientFunds"), Callback{Status: Rejected, Detail: "businessRule/insufficientFunds: words of the core"}, false},
		{"duplicate", problem("businessRule", "duplicateRequest"), Callback{Detail: "businessRule/duplicateRequest: words of the core"}, false},
		{"state", state("completed", ""), Callback{Status: Done, WireKey: serverID}, false},
		{"success without more", `{"result":"success"}`, Callback{}, false},
		{"not JSON", "status=completed", Callback{}, true},
		{"empty", "", Callback{}, true},
		{"giant", `{"x":"` + strings.Repeat("x", maxCallback) + `"}`, Callback{}, true},
		{"an id that is a path", strings.Replace(state("completed", ""), serverID, "..", 1), Callback{}, true},
	} {
		got, err := g.ParseCallback(strings.NewReader(tc.body))
		if (err != nil) != tc.bad || got != tc.want {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
	if _, err := g.ParseCallback(io.MultiReader(strings.NewReader("{"), broken{})); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
