package iso8583_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/gateway/core/coretest"
	"nyota/gateway/core/iso8583"
	"nyota/gateway/simulator/isosim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const slow = 100 * time.Millisecond

var pinKey = []byte("0123456789abcdef")

func config(t *testing.T, address string) iso8583.Config {
	t.Helper()
	encrypt, err := iso8583.TripleDES(pinKey)
	if err != nil {
		t.Fatal(err)
	}
	return iso8583.Config{
		Address: address, Terminal: "NYOTA01", Merchant: "NYOTA", Acquirer: "639001", Currency: "834", InquiryCode: "380000",
		Encrypt: encrypt, ConnectWait: slow, Backoff: time.Millisecond,
	}
}

func begin(t *testing.T, cfg isosim.Config) (*isosim.Core, string) {
	t.Helper()
	sim := isosim.New(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the simulator's Close ends it
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := sim.Serve(l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = sim.Close()
		wg.Wait()
	})
	return sim, l.Addr().String()
}

func connect(t *testing.T, cfg iso8583.Config) *iso8583.Connector {
	t.Helper()
	c, err := iso8583.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// rrn is field 37 of a request, by its wire key.
func rrn(key string) string { return key[7:19] }

func effects(sim *isosim.Core, key string) int {
	n := 0
	for _, e := range sim.Effects() {
		if e.CorrelationID == rrn(key) {
			n += e.Times
		}
	}
	return n
}

func TestPromises(t *testing.T) {
	for _, pay := range []core.Request{
		coretest.Request(core.Transfer, "to", "255700000002", "amount", "5000"),
		coretest.Request(core.BillPay, "biller", "LUKU", "reference", "12345678901", "amount", "5000"),
	} {
		t.Run(pay.Call, func(t *testing.T) {
			t.Parallel()
			coretest.Run(t, func(t *testing.T, env coretest.Env) *coretest.Rig { return rig(t, env, pay) })
		})
	}
}

func rig(t *testing.T, env coretest.Env, pay core.Request) *coretest.Rig {
	sim, address := begin(t, isosim.Config{})
	at := func(address string) *iso8583.Connector {
		cfg := config(t, address)
		cfg.Log = env.Log
		return connect(t, cfg)
	}
	nobody := coretest.Request(core.Transfer, "to", "255799999999", "amount", "5000")
	return &coretest.Rig{
		Switch: at(address), Slow: slow, Unserved: core.Deposit, Posts: sim.Posts,
		Pay: func() core.Request { return pay },
		Refuse: map[string]core.Request{
			core.LimitExceeded: coretest.With(pay, "amount", "6000000"), core.InsufficientFunds: coretest.With(pay, "amount", "1000001"), core.UnknownPayee: nobody,
		},
		Lacks: []coretest.Fault{
			coretest.DecideLater, coretest.CallbacksEarly, coretest.CallbacksLate, coretest.CallbacksTwice, coretest.NoCallbacks,
		},
		Set: func(t *testing.T, faults ...coretest.Fault) {
			t.Helper()
			f := isosim.DefaultFaults()
			for _, x := range faults {
				switch x {
				case coretest.DropAnswers:
					f.DropAnswers, f.DropAdvices = 1, sim.Advices()+1
				case coretest.Slow:
					f.SlowMS = float64(slow / time.Millisecond)
				case coretest.Down:
					f.Down = true
				case coretest.WrongAmount:
					f.WrongAmount = true
				}
			}
			if err := sim.SetFaults(f); err != nil {
				t.Fatal(err)
			}
		},
		TakenBack: func(first core.Request) int { return 1 - effects(sim, first.WireKey) },
		Effects:   func(r core.Request) int { return effects(sim, r.WireKey) },
		Elsewhere: func(t *testing.T) core.Switch { return at(coretest.Nowhere(t)) },
	}
}
