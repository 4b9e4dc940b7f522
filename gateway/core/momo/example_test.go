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
// lost answer. Then two operators take the payment back.
func Example() {
	sim := momosim.New(momosim.Config{})
	server := httptest.NewServer(sim)
	defer func() { server.Close(); _ = sim.Close() }()
	account := &momo.Account{SubscriptionKey: core.NewSecret([]byte("s")), User: "u", Key: core.NewSecret([]byte("k"))}
	c, err := momo.New(momo.Config{
		URL: server.URL, Environment: "sandbox", Currency: "TZS", Collection: account, Disbursement: account,
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
	back := core.Request{
		ID: "0197f0c2-0000-7000-8000-000000000002", Call: core.Reversal, MSISDN: r.MSISDN,
		Args: append(r.Args, core.Arg{Name: core.ReversedCall, Value: r.Call}, core.Arg{Name: core.ReversedID, Value: r.ID},
			core.Arg{Name: core.ReversedKey, Value: r.WireKey}, core.Arg{Name: core.ReversedRef, Value: out.Ref}),
	}
	back.WireKey, _ = c.Prepare(back)
	out, err = c.Call(context.Background(), back)
	fmt.Println(c.Reverses(r.Call), out.Status, out.Ref, err)
	// Output:
	// done 360000001 <nil>
	// done 360000001 <nil>
	// true done 360000002 <nil>
}
