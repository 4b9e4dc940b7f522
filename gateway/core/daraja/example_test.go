package daraja_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"nyota/gateway/core"
	"nyota/gateway/core/daraja"
	"nyota/gateway/simulator/darajasim"
)

// A customer pays at a till, by a push to the phone; the result comes to the
// connector's own handler.
func Example() {
	sim := darajasim.New(darajasim.Config{})
	api := httptest.NewServer(sim)
	mux := http.NewServeMux()
	callbacks := httptest.NewServer(mux)
	defer func() { callbacks.Close(); api.Close(); _ = sim.Close() }()
	c, err := daraja.New(daraja.Config{
		URL: api.URL, Callbacks: callbacks.URL, ConsumerKey: "k", ConsumerSecret: core.NewSecret([]byte("s")),
		ShortCode: "600000", Passkey: core.NewSecret([]byte("p")),
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
	// Output: done QK10000001 <nil>
}
