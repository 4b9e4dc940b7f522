package coretest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/gateway/simulator/coresim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire stands between the connector and the simulated core: it counts, and does
// what the core itself has no switch for.
type wire struct {
	next http.Handler

	mu     sync.Mutex
	posts  int
	faults []Fault
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/transactions/") {
		w.posts++
	}
	faults := w.faults
	w.mu.Unlock()
	callback := r.Header.Get("X-Callback-URL")
	if slices.Contains(faults, NoCallbacks) {
		r.Header.Del("X-Callback-URL")
	}
	if slices.Contains(faults, CallbacksEarly) && callback != "" {
		put(callback, `{}`)
	}
	if !slices.Contains(faults, WrongAmount) {
		w.next.ServeHTTP(rw, r)
		return
	}
	rec := httptest.NewRecorder()
	w.next.ServeHTTP(rec, r)
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(rec.Code)
	_, _ = rw.Write(bytes.ReplaceAll(rec.Body.Bytes(), []byte(`"amount":"5000"`), []byte(`"amount":"5001"`)))
}

func put(url, body string) {
	r, err := http.NewRequest(http.MethodPut, url, strings.NewReader(body)) //nolint:noctx // a test's
	if err != nil {
		return
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	if resp, err := c.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

func TestGSMAKeepsThePromises(t *testing.T) {
	Run(t, func(t *testing.T, env Env) *Rig {
		d := coresim.DefaultDirectory()
		for i := range d.Accounts {
			d.Accounts[i].PIN = PIN
		}
		const slow = 100 * time.Millisecond
		healthy := coresim.DefaultFaults()
		healthy.ServiceMS, healthy.AsyncMS = 0, 0
		sim := coresim.New(coresim.Config{Directory: &d, Faults: &healthy})
		w := &wire{next: sim}
		s := httptest.NewServer(w)
		connect := func(url string) *core.GSMA {
			g, err := core.NewGSMA(core.GSMAConfig{URL: url + "/v1.2/mm", Currency: "TZS", PollInterval: 2 * time.Millisecond, Log: env.Log})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = g.Close() })
			return g
		}
		t.Cleanup(func() {
			s.CloseClientConnections()
			_ = sim.Close()
			s.Close()
		})
		pay := func(args ...string) core.Request {
			r := core.Request{Call: core.Transfer, MSISDN: "255700000001"}
			for i := 0; i+1 < len(args); i += 2 {
				r.Args = append(r.Args, core.Arg{Name: args[i], Value: args[i+1]})
			}
			return r
		}
		return &Rig{
			Switch: connect(s.URL),
			Pay:    func() core.Request { return pay("to", "255700000002", "amount", "5000") },
			Refuse: map[string]core.Request{
				core.InsufficientFunds: pay("to", "255700000002", "amount", "999999"),
				core.UnknownPayee:      pay("to", "255799999999", "amount", "5000"),
				core.SamePerson:        pay("to", "255700000001", "amount", "5000"),
				core.LimitExceeded:     pay("to", "255700000002", "amount", "9000000"),
				core.AmountInvalid:     pay("to", "255700000002", "amount", "1"),
			},
			Set: func(t *testing.T, faults ...Fault) {
				t.Helper()
				f := healthy
				for _, x := range faults {
					switch x {
					case DropAnswers:
						f.DropAnswers = 1
					case Slow:
						f.ServiceMS = float64(slow / time.Millisecond)
					case Down:
						f.Down = true
					case DecideLater:
						f.Async, f.AsyncMS = 1, float64(slow/time.Millisecond)
					case CallbacksLate, CallbacksEarly, NoCallbacks:
						f.Async = 1
					}
				}
				w.mu.Lock()
				w.faults = faults
				w.mu.Unlock()
				if err := sim.SetFaults(f); err != nil {
					t.Fatal(err)
				}
			},
			Lacks: []Fault{CallbacksTwice},
			Effects: func(r core.Request) int {
				for _, e := range sim.Effects() {
					if e.CorrelationID == r.ID {
						return e.Times
					}
				}
				return 0
			},
			TakenBack: func(first core.Request) int {
				ref, n := "", 0
				for _, tx := range sim.Transactions() {
					if tx.CorrelationID == first.ID {
						ref = tx.Reference
					}
					if tx.Original != "" && tx.Original == ref {
						n++
					}
				}
				return n
			},
			Posts: func() int {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.posts
			},
			Slow:      slow,
			Elsewhere: func(t *testing.T) core.Switch { return connect("http://" + Nowhere(t)) },
			Forge: func(_ *testing.T, r core.Request) {
				put(r.Callback, `{"transactionReference":"FORGED0001","transactionStatus":"completed","amount":"5000","currency":"TZS"}`)
			},
		}
	})
}

func TestNowhereIsWhereNobodyListens(t *testing.T) {
	if nc, err := net.DialTimeout("tcp", Nowhere(t), time.Second); err == nil {
		_ = nc.Close()
		t.Error("somebody listens")
	}
}
