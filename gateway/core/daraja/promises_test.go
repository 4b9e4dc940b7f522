package daraja_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/gateway/core/coretest"
	"nyota/gateway/core/daraja"
	"nyota/gateway/simulator/darajasim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	slow     = 100 * time.Millisecond
	passkey  = "pass-key-61"
	password = "initiator-62"
)

// private is M-Pesa's key in all tests: making one takes a while.
var private = func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}()

func config(url, callbacks string) daraja.Config {
	return daraja.Config{
		URL: url, Callbacks: callbacks, ConsumerKey: "consumer", ConsumerSecret: core.NewSecret([]byte("secret-63")), ShortCode: "600000",
		Passkey: core.NewSecret([]byte(passkey)),
		Payouts: &daraja.Initiator{Name: "nyota", Password: core.NewSecret([]byte(password)), Key: &private.PublicKey},
	}
}

func begin(t *testing.T) (*darajasim.Core, string) {
	t.Helper()
	sim := darajasim.New(darajasim.Config{Key: "consumer", Secret: "secret-63", Passkey: passkey, Initiator: password, Private: private})
	return sim, coretest.Serve(t, sim)
}

func connect(t *testing.T, cfg daraja.Config) *daraja.Connector {
	t.Helper()
	c, err := daraja.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func mark(r core.Request) string {
	if r.Call == core.Transfer {
		return r.ID
	}
	return daraja.Mark(r.ID)
}

func TestPromises(t *testing.T) {
	for _, pay := range []core.Request{
		coretest.Request(core.MerchantPay, "till", "500100", "amount", "5000"),
		coretest.Request(core.BillPay, "biller", "100100", "reference", "12345678901", "amount", "5000"),
		coretest.Request(core.Transfer, "to", "255700000002", "amount", "5000"),
	} {
		t.Run(pay.Call, func(t *testing.T) {
			t.Parallel()
			coretest.Run(t, func(t *testing.T, env coretest.Env) *coretest.Rig { return rig(t, env, pay) })
		})
	}
}

func rig(t *testing.T, env coretest.Env, pay core.Request) *coretest.Rig {
	sim, url := begin(t)
	at := func(url string) *daraja.Connector {
		cfg := config(url, env.Callbacks)
		cfg.Log = env.Log
		return connect(t, cfg)
	}
	c := at(url)
	g := &coretest.Rig{
		Switch: c, Handler: c, Slow: slow, Unserved: core.Withdrawal, Set: coretest.Misbehave(sim, slow),
		Pay:       func() core.Request { return pay },
		Refuse:    map[string]core.Request{core.LimitExceeded: coretest.With(pay, "amount", "6000000")},
		Elsewhere: func(t *testing.T) core.Switch { return at("http://" + coretest.Nowhere(t)) },
		Forge: func(t *testing.T, r core.Request) {
			t.Helper()
			bodies := []string{
				`{"Result":{"ResultCode":0,"OriginatorConversationID":"` + r.ID + `","TransactionID":"FORGED0001","ResultParameters":{"ResultParameter":[{"Key":"TransactionAmount","Value":5000}]}}}`,
				`{"Body":{"stkCallback":{"CheckoutRequestID":"ws_CO_1","ResultCode":0,"CallbackMetadata":{"Item":[{"Name":"Amount","Value":5000},{"Name":"MpesaReceiptNumber","Value":"FORGED0001"}]}}}}`,
			}
			for _, body := range bodies {
				for _, where := range []string{r.Callback, env.Callbacks + "/daraja/" + r.ID, env.Callbacks + "/daraja/", env.Callbacks + "/daraja/AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
					if status := coretest.Send(t, http.MethodPost, where, body); status != http.StatusNotFound {
						t.Errorf("a forged callback was answered %d", status)
					}
				}
			}
		},
	}
	g.Books(sim, mark, pay.Call != core.Transfer)
	if pay.Call == core.Transfer {
		g.Refuse[core.UnknownPayee] = coretest.With(pay, "to", "255799999999")
	} else {
		g.Refuse[core.InsufficientFunds] = coretest.With(pay, "amount", "1000001")
	}
	return g
}
