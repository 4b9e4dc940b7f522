package daraja_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"

	"nyota/gateway/core"
	"nyota/gateway/core/daraja"
	"nyota/gateway/simulator/darajasim"
)

// A customer pays at a till, by a push to the phone; the result comes to the
// connector's own handler. Then two operators take the payment back, which needs an
// initiator.
func Example() {
	sim := darajasim.New(darajasim.Config{})
	api := httptest.NewServer(sim)
	mux := http.NewServeMux()
	callbacks := httptest.NewServer(mux)
	defer func() { callbacks.Close(); api.Close(); _ = sim.Close() }()
	key, err := rsa.GenerateKey(rand.Reader, 2048) // M-Pesa's
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := daraja.New(daraja.Config{
		URL: api.URL, Callbacks: callbacks.URL, ConsumerKey: "k", ConsumerSecret: core.NewSecret([]byte("s")),
		ShortCode: "600000", Passkey: core.NewSecret([]byte("p")),
		Payouts: &daraja.Initiator{Name: "nyota", Password: core.NewSecret([]byte("i")), Key: &key.PublicKey},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	mux.Handle("/daraja/", c)
	r := core.Request{
		ID: "0197f0c2-0000-7000-8000-000000000001", Call: core.MerchantPay, MSISDN: "255700000001",
		Args: core.Args{{Name: "till", Value: "500100"}, {Name: "amount", Value: "5000"}},
	}
	r.WireKey, _ = c.Prepare(r) // stored before the call
	out, err := c.Call(context.Background(), r)
	fmt.Println(out.Status, out.Ref, err)
	back := core.Request{
		ID: "0197f0c2-0000-7000-8000-000000000002", Call: core.Reversal, MSISDN: r.MSISDN,
		Args: append(r.Args, core.Arg{Name: core.ReversedCall, Value: r.Call}, core.Arg{Name: core.ReversedID, Value: r.ID},
			core.Arg{Name: core.ReversedKey, Value: out.WireKey}, core.Arg{Name: core.ReversedRef, Value: out.Ref}),
	}
	back.WireKey, _ = c.Prepare(back)
	out, err = c.Call(context.Background(), back)
	fmt.Println(c.Reverses(r.Call), out.Status, out.Ref, err)
	// Output:
	// done QK10000001 <nil>
	// true done QK10000002 <nil>
}
