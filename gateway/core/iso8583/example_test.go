package iso8583_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/core/iso8583"
	"nyota/gateway/simulator/isosim"
)

// A transfer over a switch whose answer is lost, and the inquiry that finds it.
func Example() {
	sim := isosim.New(isosim.Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the simulator's Close ends it
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error, 1)
	go func() { served <- sim.Serve(l) }()
	defer func() { _ = sim.Close(); <-served }()
	c, err := iso8583.New(iso8583.Config{Address: l.Addr().String(), Terminal: "NYOTA01", Currency: "834", InquiryCode: "380000"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	r := core.Request{
		ID: "0197f0c2-0000-7000-8000-000000000001", Call: core.Transfer, MSISDN: "255700000001",
		Args: core.Args{{Name: "to", Value: "255700000002"}, {Name: "amount", Value: "5000"}},
	}
	r.WireKey, _ = c.Prepare(r) // stored before the call
	_ = sim.SetFaults(isosim.Faults{DropAnswers: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	out, _ := c.Call(ctx, r)
	fmt.Println(out.Status)
	out, err = c.Inquire(context.Background(), core.Inquiry{ID: r.ID, WireKey: r.WireKey, Call: r.Call, MSISDN: r.MSISDN, Args: r.Args})
	fmt.Println(out.Status, err)
	// Output:
	// unknown
	// done <nil>
}

// The packager is data: this one is DefaultSpec with digits packed and a field
// of the switch's own.
func ExampleSpec() {
	spec := iso8583.DefaultSpec().PackBCD()
	spec.Fields[120] = iso8583.Field{Kind: iso8583.Text, Length: 99, Prefix: 2, PrefixEncoding: iso8583.BCD}
	b, err := spec.Append(nil, iso8583.Message{MTI: "0800", Fields: map[int]string{11: "000042", 70: "301", 120: "hi"}})
	fmt.Printf("%x %v\n", b, err)
	// Output: 0800802000000000000004000000000001000000420301026869 <nil>
}
