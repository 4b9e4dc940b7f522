package momo_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"nyota/gateway/core"
	"nyota/gateway/core/momo"
	"nyota/gateway/simulator/momosim"
)

// A customer pays at a till: prepared, called, and looked up again as after a
// lost answer.
func Example() {
	sim := momosim.New(momosim.Config{})
	server := httptest.NewServer(sim)
	defer func() { server.Close(); _ = sim.Close() }()
	c, err := momo.New(momo.Config{
		URL: server.URL, Environment: "sandbox", Currency: "TZS",
		Collection: &momo.Account{SubscriptionKey: core.NewSecret([]byte("s")), User: "u", Key: core.NewSecret([]byte("k"))},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	r := core.Request{
		ID: "0197f0c2-0000-7000-8000-000000000001", Call: core.MerchantPay, MSISDN: "255700000001",
		Args: core.Args{{Name: "till", Value: "500100"}, {Name: "amount", Value: "5000"}},
	}
	r.WireKey, _ = c.Prepare(r) // stored before the call
	out, err := c.Call(context.Background(), r)
	fmt.Println(out.Status, out.Ref, err)
	out, err = c.Inquire(context.Background(), core.Inquiry{ID: r.ID, WireKey: r.WireKey, Call: r.Call, MSISDN: r.MSISDN, Args: r.Args})
	fmt.Println(out.Status, out.Ref, err)
	// Output:
	// done 360000001 <nil>
	// done 360000001 <nil>
}
