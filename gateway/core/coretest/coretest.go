// Package coretest is one suite of promises that every connector to a core keeps
// in front of its misbehaving simulator. A connector's test joins the two in a
// Rig and calls Run.
//
//	coretest.go   Rig, Run, what the promises share
//	promises.go   answers, refusals, lost answers, repeats, nothing sent
//	callbacks.go  callbacks twice, late, early and forged
//	reversals.go  a payment that is taken back
//	wire.go       what connectors' rigs have in common
//	secrets.go    the PIN
package coretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"nyota/gateway/core"
)

// PIN is every payer's in a rig's simulator. It is a number that nothing else
// happens to hold.
const PIN = "907153"

// Fault is a way for a simulator to misbehave.
type Fault uint8

// The ways. A rig's Set turns on those named and turns off all others.
const (
	DropAnswers    Fault = iota // requests take effect and get no answer
	Slow                        // requests take effect, and are answered after Rig.Slow
	Down                        // connections are cut, or nothing is answered
	WrongAmount                 // all answers and callbacks are about another amount
	DecideLater                 // requests are taken and decided after Rig.Slow
	CallbacksTwice              // each callback comes twice
	CallbacksLate               // callbacks come after the answer, and some time
	CallbacksEarly              // callbacks come before the answer
	NoCallbacks                 // callbacks are lost
)

// Env is what a rig is built with.
type Env struct {
	// Callbacks is the URL, without a last slash, at which the gateway takes
	// callbacks.
	Callbacks string
	Log       *slog.Logger // the connector's
}

// Rig is a connector joined to its simulator.
type Rig struct {
	Switch core.Switch
	// Pay returns a payment that a healthy core makes, of an id of its own each
	// time. The suite adds PIN, callback and wire key.
	Pay func() core.Request
	// Refuse are payments that a healthy core refuses, by the reason of each.
	Refuse map[string]core.Request
	// Unserved is a call that the connector does not serve; "" if it serves all.
	Unserved string
	// Set makes the simulator misbehave as named and in no other way.
	Set func(t *testing.T, faults ...Fault)
	// Lacks are faults that the core's protocol does not have.
	Lacks []Fault
	// Effects is how often a request took effect.
	Effects func(r core.Request) int
	// TakenBack is how often a payment was taken back; nil: the connector takes the
	// rig's payments back never, and says so.
	TakenBack func(first core.Request) int
	// Posts is how many requests to move money reached the simulator.
	Posts func() int
	// Slow is the pause of Slow and DecideLater.
	Slow time.Duration
	// Elsewhere returns the same connector to a place where nobody listens.
	Elsewhere func(t *testing.T) core.Switch
	// Handler takes callbacks, for a connector that reads them; nil: a callback
	// only makes the gateway inquire.
	Handler http.Handler
	// Forge sends what a forger would who wants r to seem done, and knows all
	// of r but what is secret; nil: the protocol has no callbacks.
	Forge func(t *testing.T, r core.Request)
	// LostForGood says that no inquiry can settle a request whose first answer
	// was lost: only an id that came with that answer could.
	LostForGood bool
}

func (g *Rig) has(f Fault) bool {
	for _, l := range g.Lacks {
		if l == f {
			return false
		}
	}
	return true
}

// Run holds a connector against every promise. build returns a fresh rig; what
// it starts it stops with t.Cleanup.
func Run(t *testing.T, build func(t *testing.T, env Env) *Rig) {
	for _, p := range []struct {
		name    string
		promise func(t *testing.T, b *bench)
	}{
		{"a payment is done once", done},
		{"every refusal has its reason and moves nothing", refused},
		{"a lost answer is found by inquiry", lostAnswer},
		{"a slow answer is found by inquiry", slowAnswer},
		{"what is decided later is pending and then done", decidedLater},
		{"a repeat is looked up and never done again", repeated},
		{"nothing sent is said only when nothing was written", notSent},
		{"another amount is never done", wrongAmount},
		{"an unknown id is neither done nor refused", unknownID},
		{"preparing sends nothing and mints one id for one action", prepared},
		{"the heartbeat tells the truth", heartbeat},
		{"it says how it wants to be asked again", paced},
		{"many at once are each done once", parallel},
		{"callbacks may come twice, late, early or never", callbacks},
		{"a forged callback makes nothing done", forged},
		{"a callback about another amount is not believed", liedTo},
		{"a confirmed payment is taken back once", takenBack},
		{"what is not proven is not taken back", neverTakenBack},
		{"the PIN is in no error, log or outcome", secret},
	} {
		t.Run(p.name, func(t *testing.T) { p.promise(t, newBench(t, build)) })
	}
}

// bench is a rig and what watches it.
type bench struct {
	*Rig
	url string
	log *recorder

	mu      sync.Mutex
	handler http.Handler
	pending map[string]core.Request // by callback path
	nudged  []core.Outcome          // what inquiries after callbacks said
	came    int                     // callbacks
	claims  map[string][]core.Callback
}

func newBench(t *testing.T, build func(*testing.T, Env) *Rig) *bench {
	t.Helper()
	b := &bench{log: &recorder{}, pending: map[string]core.Request{}, claims: map[string][]core.Callback{}}
	s := httptest.NewServer(http.HandlerFunc(b.callback))
	b.url = s.URL
	b.Rig = build(t, Env{Callbacks: s.URL, Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{
		Level: slog.LevelDebug, ReplaceAttr: noTime,
	}))})
	b.mu.Lock()
	b.handler = b.Handler
	b.mu.Unlock()
	t.Cleanup(s.Close)
	if b.Slow <= 0 {
		b.Slow = 100 * time.Millisecond
	}
	return b
}

func noTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

// callback does what the gateway does: a connector that takes callbacks itself gets
// it, for another it is a claim, and a reason to inquire.
func (b *bench) callback(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	h, q := b.handler, b.pending[r.URL.Path]
	sw := b.Rig
	b.came++
	b.mu.Unlock()
	if h != nil {
		h.ServeHTTP(w, r)
		return
	}
	if reader, ok := sw.Switch.(core.CallbackReader); ok && q.ID != "" {
		claim, err := reader.ParseCallback(r.Body)
		b.mu.Lock()
		if err == nil {
			b.claims[q.ID] = append(b.claims[q.ID], claim)
		}
		b.mu.Unlock()
	}
	if q.ID != "" {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if out, err := sw.Switch.Inquire(ctx, inquiry(q, core.Outcome{})); err == nil {
			b.mu.Lock()
			b.nudged = append(b.nudged, out)
			b.mu.Unlock()
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// prepare makes a request whole, as the ledger does.
func (b *bench) prepare(t *testing.T, r core.Request) core.Request {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	r.ID = id.String()
	r.PIN = core.NewSecret([]byte(PIN))
	path := "/callbacks/" + uuid.NewString()
	r.Callback = b.url + path
	if r.WireKey, err = b.Switch.Prepare(r); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.pending[path] = r
	b.mu.Unlock()
	return r
}

// pay is a fresh payment, prepared.
func (b *bench) pay(t *testing.T) core.Request {
	t.Helper()
	return b.prepare(t, b.Pay())
}

func inquiry(r core.Request, out core.Outcome) core.Inquiry {
	q := core.Inquiry{
		ID: r.ID, WireKey: r.WireKey, Ref: out.Ref, Call: r.Call, MSISDN: r.MSISDN, Args: r.Args,
		SentAt: time.Now(),
	}
	if out.WireKey != "" {
		q.WireKey = out.WireKey
	}
	return q
}

// settle inquires until there is a final outcome, as the ledger does in hours.
func (b *bench) settle(t *testing.T, r core.Request, out core.Outcome) core.Outcome {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		got, err := b.Switch.Inquire(ctx, inquiry(r, out))
		cancel()
		if got.WireKey != "" {
			out.WireKey = got.WireKey
		}
		if err == nil && (got.Status == core.Done || got.Status == core.Rejected) {
			return got
		}
		if errors.Is(err, core.ErrNotSent) {
			t.Fatalf("an inquiry said that the action was not sent: %v", err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("no outcome, at last %v %q: %v", got.Status, got.Detail, err)
		}
		pause(t.Context(), 2*time.Millisecond)
	}
}

// final is the outcome of a call, or what inquiries find.
func (b *bench) final(t *testing.T, r core.Request, out core.Outcome, err error) core.Outcome {
	t.Helper()
	if err == nil && (out.Status == core.Done || out.Status == core.Rejected) {
		return out
	}
	if errors.Is(err, core.ErrNotSent) {
		t.Fatalf("not sent: %v", err)
	}
	return b.settle(t, r, out)
}

func (b *bench) call(t *testing.T, r core.Request, within time.Duration) (core.Outcome, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	out, err := b.Switch.Call(ctx, r)
	if err != nil && out.Status != core.Unknown {
		t.Errorf("an error (%v), and yet %v", err, out.Status)
	}
	return out, err
}

// took fails unless a request took effect so often.
func (b *bench) took(t *testing.T, r core.Request, want int) {
	t.Helper()
	if n := b.Effects(r); n != want {
		t.Errorf("it took effect %d times, want %d", n, want)
	}
}

func (b *bench) eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
		pause(t.Context(), 2*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// recorder keeps what is logged.
type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// silent fails if a text holds the PIN.
func silent(t *testing.T, where string, texts ...any) {
	t.Helper()
	for _, x := range texts {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if strings.Contains(fmt.Sprintf(format, x), PIN) {
				t.Errorf("%s holds the PIN", where)
				return
			}
		}
	}
}

// Nowhere returns an address of this machine where nobody listens.
func Nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
