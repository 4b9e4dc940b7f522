package momo_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/gateway/core/coretest"
	"nyota/gateway/core/momo"
	"nyota/gateway/simulator/momosim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config is one that reaches a simulator with both products.
func config(url string) momo.Config {
	account := func() *momo.Account {
		return &momo.Account{SubscriptionKey: core.NewSecret([]byte("sub-key-57")), User: "user", Key: core.NewSecret([]byte("api-key-58"))}
	}
	return momo.Config{
		URL: url, Environment: "sandbox", Currency: "TZS", Collection: account(), Disbursement: account(),
		PollInterval: 2 * time.Millisecond,
	}
}

// begin serves a simulator.
func begin(t *testing.T, cfg momosim.Config) (*momosim.Core, string) {
	t.Helper()
	cfg.User, cfg.Key, cfg.Environment = "user", "api-key-58", "sandbox"
	sim := momosim.New(cfg)
	s := httptest.NewServer(sim)
	t.Cleanup(func() {
		s.CloseClientConnections()
		_ = sim.Close()
		s.Close()
	})
	return sim, s.URL
}

func connect(t *testing.T, cfg momo.Config) *momo.Connector {
	t.Helper()
	c, err := momo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

const slow = 100 * time.Millisecond

func TestPromises(t *testing.T) {
	for _, pay := range []core.Request{
		coretest.Request(core.MerchantPay, "till", "500100", "amount", "5000"),
		coretest.Request(core.BillPay, "biller", "LUKU", "reference", "12345678901", "amount", "5000"),
		coretest.Request(core.Withdrawal, "agent", "10001", "amount", "5000"),
		coretest.Request(core.Transfer, "to", "255700000002", "amount", "5000"),
	} {
		t.Run(pay.Call, func(t *testing.T) {
			t.Parallel()
			coretest.Run(t, func(t *testing.T, env coretest.Env) *coretest.Rig { return rig(t, env, pay) })
		})
	}
}

func rig(t *testing.T, env coretest.Env, pay core.Request) *coretest.Rig {
	sim, url := begin(t, momosim.Config{})
	at := func(url string) *momo.Connector {
		cfg := config(url)
		cfg.Log = env.Log
		return connect(t, cfg)
	}
	big := pay
	big.Args = append(core.Args{{Name: "amount", Value: "6000000"}}, pay.Args...)
	g := &coretest.Rig{
		Switch:   at(url),
		Pay:      func() core.Request { return pay },
		Refuse:   map[string]core.Request{core.LimitExceeded: big},
		Unserved: core.Airtime,
		Set: func(t *testing.T, faults ...coretest.Fault) {
			t.Helper()
			f := momosim.DefaultFaults()
			for _, x := range faults {
				switch x {
				case coretest.DropAnswers:
					f.DropAnswers = 1
				case coretest.Slow:
					f.SlowMS = float64(slow / time.Millisecond)
				case coretest.Down:
					f.Down = true
				case coretest.WrongAmount:
					f.WrongAmount = true
				case coretest.DecideLater:
					f.DecideMS = float64(slow / time.Millisecond)
				}
				if way, ok := x.Way(); ok {
					f.Callbacks = way
				}
			}
			if err := sim.SetFaults(f); err != nil {
				t.Fatal(err)
			}
		},
		Effects: func(r core.Request) int {
			for _, e := range sim.Effects() {
				if e.CorrelationID == r.WireKey {
					return e.Times
				}
			}
			return 0
		},
		Posts:     sim.Posts,
		Slow:      slow,
		Elsewhere: func(t *testing.T) core.Switch { return at("http://" + coretest.Nowhere(t)) },
		Forge: func(t *testing.T, r core.Request) {
			t.Helper()
			coretest.Send(t, http.MethodPut, r.Callback,
				`{"financialTransactionId":"1","externalId":"`+r.ID+`","amount":"5000","currency":"TZS","status":"SUCCESSFUL"}`)
		},
	}
	if pay.Call == core.MerchantPay || pay.Call == core.BillPay {
		g.TakenBack = func(first core.Request) int {
			n := 0
			for _, e := range sim.Effects() {
				if e.Of == first.WireKey && e.Debit == "api-user" && e.Credit == first.MSISDN && e.Amount == "5000" {
					n += e.Times
				}
			}
			return n
		}
	}
	if pay.Call == core.Transfer {
		unknown := pay
		unknown.Args = core.Args{{Name: "to", Value: "255799999999"}, {Name: "amount", Value: "5000"}}
		g.Refuse[core.UnknownPayee] = unknown
	} else {
		poor := pay
		poor.Args = append(core.Args{{Name: "amount", Value: "1000001"}}, pay.Args...)
		g.Refuse[core.InsufficientFunds] = poor
	}
	return g
}
