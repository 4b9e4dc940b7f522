package core

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func readAll(t *testing.T, r *http.Request) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// listen plays a core with bare connections.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = nc.Close() }()
				serve(nc)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

func TestNothingSentIsSaidOnlyWhenProven(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	secure := httptest.NewUnstartedServer(always(201, transaction()))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	request := func(nc net.Conn) bool {
		r, err := http.ReadRequest(bufio.NewReader(nc))
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return true
	}
	head := "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"

	for _, tc := range []struct {
		name    string
		url     string
		notSent bool
		cut     bool
	}{
		{"refused", "http://" + closed.Addr().String(), true, false},
		{"no TLS there", "https://" + strings.TrimPrefix(listen(t, func(nc net.Conn) { _, _ = io.WriteString(nc, "HTTP/1.1 400 no\r\n\r\n") }), "http://"), true, false},
		{"a certificate that we do not trust", secure.URL, true, false},
		{"cut in the middle of the request", listen(t, func(nc net.Conn) { _, _ = io.ReadFull(nc, make([]byte, 20)) }), false, true},
		{"cut after the request", listen(t, func(nc net.Conn) { request(nc) }), false, true},
		{"cut in the status line", listen(t, func(nc net.Conn) { request(nc); _, _ = io.WriteString(nc, "HTTP/1.1 20") }), false, false},
		{"cut in the body", listen(t, func(nc net.Conn) { request(nc); _, _ = io.WriteString(nc, head+transaction()[:80]) }), false, false},
		{"whole, and still cut", listen(t, func(nc net.Conn) { request(nc); _, _ = io.WriteString(nc, head+transaction()) }), false, false},
		{"no HTTP", listen(t, func(nc net.Conn) { request(nc); _, _ = io.WriteString(nc, "220 mail ready\r\n") }), false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := dialTo(t, tc.url).Call(t.Context(), transfer())
			if out.Status != Unknown || err == nil {
				t.Fatalf("%v, error %v", out.Status, err)
			}
			if got := errors.Is(err, ErrNotSent); got != tc.notSent {
				t.Errorf("not sent is %v, want %v: %v", got, tc.notSent, err)
			}
			if tc.cut && !errors.Is(err, ErrCut) {
				t.Errorf("%v, want %v", err, ErrCut)
			}
		})
	}
}

func TestRequestsThatCannotBeMadeAreNotSent(t *testing.T) {
	g := connect(t, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	for name, change := range map[string]func(*Request){
		"no such call":               func(r *Request) { r.Call = "lottery" },
		"id that is no UUID":         func(r *Request) { r.ID, r.WireKey = "7", "7" },
		"wire key not prepared":      func(r *Request) { r.WireKey = "" },
		"another wire key":           func(r *Request) { r.WireKey = otherID },
		"no amount":                  func(r *Request) { r.Args = Args{{"to", payee}} },
		"amount with a sign":         func(r *Request) { r.Args = Args{{"to", payee}, {"amount", "-5"}} },
		"amount of nothing":          func(r *Request) { r.Args = Args{{"to", payee}, {"amount", "0.00"}} },
		"no payee":                   func(r *Request) { r.Args = Args{{"amount", "5000"}} },
		"a bill of nobody's":         func(r *Request) { r.Call, r.Args = BillPay, Args{{"biller", "LUKU"}, {"amount", "5000"}} },
		"payee that is no number":    func(r *Request) { r.Args = Args{{"to", "0700/../1"}, {"amount", "5000"}} },
		"PIN that is a second line":  func(r *Request) { r.PIN = NewSecret([]byte("1\r\nX-Evil: 1")) },
		"callback that is two lines": func(r *Request) { r.Callback = "http://a/\r\nX-Evil: 1" },
	} {
		t.Run(name, func(t *testing.T) {
			r := transfer()
			change(&r)
			if out, err := g.Call(t.Context(), r); !errors.Is(err, ErrNotSent) || out.Status != Unknown {
				t.Errorf("%v, error %v", out.Status, err)
			}
		})
	}
	t.Run("ctx is over", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.Call(ctx, transfer()); !errors.Is(err, ErrNotSent) || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("no token", func(t *testing.T) {
		g := dialTo(t, g.cfg.URL, func(c *GSMAConfig) {
			c.Bearer = func(context.Context) (string, error) { return "", errors.New("the token server is away") }
		})
		if _, err := g.Call(t.Context(), transfer()); !errors.Is(err, ErrNotSent) {
			t.Error(err)
		}
	})
}

func TestSlowCoreLeavesTheOutcomeUnknown(t *testing.T) {
	g := connect(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server then watches the connection
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	out, err := g.Call(ctx, transfer())
	if out.Status != Unknown || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNotSent) || errors.Is(err, ErrCut) {
		t.Fatalf("%v, %v", out.Status, err)
	}
}

func TestWaitingForAConnectionIsNotSent(t *testing.T) {
	in := make(chan struct{})
	out := make(chan struct{})
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/heartbeat") {
			always(200, `{"serviceStatus":"degraded"}`)(w, r)
			return
		}
		close(in)
		<-out
		always(201, transaction())(w, r)
	}, func(c *GSMAConfig) { c.MaxConns = 1 })
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := g.Call(t.Context(), transfer()); err != nil {
			t.Error(err)
		}
	})
	<-in
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.Call(ctx, transfer()); !errors.Is(err, ErrNotSent) {
		t.Error(err)
	}
	// A core that is only busy is not gone: its heartbeat is still heard.
	if h, err := g.Health(t.Context()); err != nil || h.State != Degraded {
		t.Errorf("%v, %v", h.State, err)
	}
	close(out)
	wg.Wait()
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		posts := 0
		g := connect(t, func(w http.ResponseWriter, _ *http.Request) {
			posts++
			w.Header().Set("Location", "/v1.2/mm/transactions/type/transfer")
			w.WriteHeader(status)
		})
		if out, err := g.Call(t.Context(), transfer()); out.Status != Unknown || err == nil || posts != 1 {
			t.Errorf("%d: %v, %v, %d posts", status, out.Status, err, posts)
		}
	}
}

func TestGiantAnswerIsNotRead(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), 32<<10)
	ended := make(chan struct{})
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(201)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	out, err := g.Call(t.Context(), transfer())
	if out.Status != Unknown || err == nil || !strings.Contains(err.Error(), "more than") {
		t.Fatalf("%v, %v", out.Status, err)
	}
	<-ended
}

func TestCompressedAnswerIsNotTrusted(t *testing.T) {
	g := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") == "gzip" {
			t.Error("compression was asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		always(201, transaction())(w, r)
	})
	if out, err := g.Call(t.Context(), transfer()); out.Status != Unknown || err == nil {
		t.Fatalf("%v, %v", out.Status, err)
	}
}

// Whenever the connector says "not sent", the core has seen nothing: over
// connections that are kept and dropped at any moment, and calls that are given
// up at any moment.
func TestNotSentIsNeverSaidOfWhatTheCoreSaw(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string]bool)
	url := listen(t, func(nc net.Conn) {
		b := bufio.NewReader(nc)
		for {
			r, err := http.ReadRequest(b)
			if err != nil {
				return
			}
			id := r.Header.Get("X-CorrelationID")
			mu.Lock()
			seen[id] = true
			mu.Unlock()
			_, _ = io.Copy(io.Discard, r.Body)
			if rand.IntN(4) == 0 {
				return
			}
			body := transaction(actionID + "->" + id)
			_, _ = fmt.Fprintf(nc, "HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			if rand.IntN(3) == 0 {
				return // although the connection was to be kept
			}
		}
	})
	g := dialTo(t, url, func(c *GSMAConfig) { c.MaxConns = 3 })
	const callers, each = 8, 100
	unsent := make([][]string, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := range each {
				r := transfer()
				r.ID = fmt.Sprintf("0197f0c2-0000-7000-8000-%04d%08d", i, n)
				r.WireKey = r.ID
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
				out, err := g.Call(ctx, r)
				cancel()
				switch {
				case errors.Is(err, ErrNotSent):
					unsent[i] = append(unsent[i], r.ID)
				case err == nil && out.Status != Done:
					t.Errorf("%v without an error", out.Status)
				}
			}
		})
	}
	wg.Wait()
	_ = g.Close()
	mu.Lock()
	defer mu.Unlock()
	total := 0
	for _, ids := range unsent {
		for _, id := range ids {
			total++
			if seen[id] {
				t.Errorf("%s was called not sent, and the core saw it", id)
			}
		}
	}
	t.Logf("%d of %d not sent, %d seen", total, callers*each, len(seen))
	if total == 0 || len(seen) == 0 {
		t.Error("nothing was tried")
	}
}

func TestSealedConnectionWritesNothing(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _ = b.Close() }()
	go func() { _, _ = io.Copy(io.Discard, b) }()
	c := &gatedConn{Conn: a}
	if _, err := c.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if n := c.seal(); n != 3 {
		t.Errorf("%d octets counted, want 3", n)
	}
	if _, err := c.Write([]byte("two")); !errors.Is(err, net.ErrClosed) || c.count() != 3 {
		t.Errorf("wrote after the seal: %v, %d", err, c.count())
	}
}

func TestTLSHandshakeDoesNotCountAsSent(t *testing.T) {
	s := httptest.NewTLSServer(always(201, transaction()))
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	g := dialTo(t, s.URL, func(c *GSMAConfig) { c.TLS = &tls.Config{RootCAs: roots} })
	if out, err := g.Call(t.Context(), transfer()); err != nil || out.Status != Done {
		t.Fatalf("%v, %v", out.Status, err)
	}
}
