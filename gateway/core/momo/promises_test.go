package momo_test

import (
	"net/http"
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
	return sim, coretest.Serve(t, sim)
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
	g := &coretest.Rig{
		Switch:    at(url),
		Pay:       func() core.Request { return pay },
		Refuse:    map[string]core.Request{core.LimitExceeded: coretest.With(pay, "amount", "6000000")},
		Unserved:  core.Airtime,
		Set:       coretest.Misbehave(sim, slow),
		Slow:      slow,
		Elsewhere: func(t *testing.T) core.Switch { return at("http://" + coretest.Nowhere(t)) },
		Forge: func(t *testing.T, r core.Request) {
			t.Helper()
			coretest.Send(t, http.MethodPut, r.Callback,
				`{"financialTransactionId":"1","externalId":"`+r.ID+`","amount":"5000","currency":"TZS","status":"SUCCESSFUL"}`)
		},
	}
	g.Books(sim, func(r core.Request) string { return r.WireKey }, pay.Call == core.MerchantPay || pay.Call == core.BillPay)
	if pay.Call == core.Transfer {
		g.Refuse[core.UnknownPayee] = coretest.With(pay, "to", "255799999999")
	} else {
		g.Refuse[core.InsufficientFunds] = coretest.With(pay, "amount", "1000001")
	}
	return g
}
