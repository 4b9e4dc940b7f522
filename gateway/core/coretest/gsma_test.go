package coretest

import (
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/gateway/simulator/coresim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		served := Serve(t, sim)
		connect := func(url string) *core.GSMA {
			g, err := core.NewGSMA(core.GSMAConfig{URL: url + "/v1.2/mm", Currency: "TZS", PollInterval: 2 * time.Millisecond, Log: env.Log})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = g.Close() })
			return g
		}
		pay := func(args ...string) core.Request { return Request(core.Transfer, args...) }
		g := &Rig{
			Switch: connect(served),
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
					case WrongAmount:
						f.WrongAmount = true
					case DecideLater:
						f.Async, f.AsyncMS = 1, float64(slow/time.Millisecond)
					}
					if way, ok := x.Way(); ok { // what is answered at once has no callback
						f.Async, f.Callbacks = 1, way
					}
				}
				if err := sim.SetFaults(f); err != nil {
					t.Fatal(err)
				}
			},
			Slow:      slow,
			Elsewhere: func(t *testing.T) core.Switch { return connect("http://" + Nowhere(t)) },
			Forge: func(t *testing.T, r core.Request) {
				t.Helper()
				Send(t, http.MethodPut, r.Callback, `{"transactionReference":"FORGED0001","transactionStatus":"completed","amount":"5000","currency":"TZS"}`)
			},
		}
		g.Books(sim, func(r core.Request) string { return r.ID }, true)
		return g
	})
}

func TestNowhereIsWhereNobodyListens(t *testing.T) {
	if nc, err := net.DialTimeout("tcp", Nowhere(t), time.Second); err == nil {
		_ = nc.Close()
		t.Error("somebody listens")
	}
}
