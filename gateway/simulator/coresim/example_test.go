package coresim_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"nyota/gateway/core"
	"nyota/gateway/simulator/coresim"
)

func ExampleCore() {
	c := coresim.New(coresim.Config{})
	defer func() { _ = c.Close() }()
	server := httptest.NewServer(c)
	defer server.Close()

	// Every payment takes effect, and no answer comes back.
	f := coresim.DefaultFaults()
	f.DropAnswers = 1
	if err := c.SetFaults(f); err != nil {
		fmt.Println(err)
		return
	}
	g, err := core.NewGSMA(core.GSMAConfig{URL: server.URL + "/v1.2/mm", Currency: "TZS"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = g.Close() }()

	const id = "0197f0c2-0000-7000-8000-000000000001"
	args := core.Args{{Name: "to", Value: "255700000002"}, {Name: "amount", Value: "5000"}}
	ctx := context.Background()
	out, _ := g.Call(ctx, core.Request{ID: id, WireKey: id, Call: core.Transfer, MSISDN: "255700000001", Args: args, PIN: core.NewSecret([]byte("1234"))})
	fmt.Println("the call says", out.Status)
	out, _ = g.Inquire(ctx, core.Inquiry{ID: id, WireKey: id, Call: core.Transfer, MSISDN: "255700000001", Args: args})
	fmt.Println("the inquiry says", out.Status)
	fmt.Println("it took effect", c.Effects()[0].Times, "time")
	// Output:
	// the call says unknown
	// the inquiry says done
	// it took effect 1 time
}
