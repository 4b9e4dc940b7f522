package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// messageCentre serves on loopback until stop is called.
func messageCentre() (addr string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := &smpp.Server{
		SystemID: "MC",
		Config: smpp.Config{Handler: smpp.HandlerFunc(func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
			b, ok := p.Body.(*pdu.SubmitSM)
			switch {
			case !ok:
				return nil, pdu.StatusInvCmdID
			case len(b.DestinationAddr) == 0:
				return nil, pdu.StatusInvDstAdr
			}
			return &pdu.SubmitSMResp{MessageID: []byte("4711")}, 0
		})},
		Bind: func(_ context.Context, _ *smpp.Conn, b smpp.Bind) pdu.Status {
			if b.Password != "secret" {
				return pdu.StatusInvPaswd
			}
			return 0
		},
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(l) }()
	return l.Addr().String(), func() { _ = s.Close(); <-ended }
}

func ExampleDial() {
	addr, stop := messageCentre()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	c, err := smpp.Dial(ctx, addr, smpp.Bind{SystemID: "nyota", Password: "secret"}, smpp.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := c.Do(ctx, &pdu.SubmitSM{DestinationAddr: []byte("255700000001"), ShortMessage: []byte("Habari")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s accepted %s\n", c.PeerSystemID(), p.Body.(*pdu.SubmitSMResp).MessageID)

	_, err = c.Do(ctx, &pdu.SubmitSM{ShortMessage: []byte("to nobody")})
	var refused *smpp.StatusError
	if errors.As(err, &refused) {
		fmt.Println(refused.Status == pdu.StatusInvDstAdr)
	}
	fmt.Println(c.Unbind(ctx))
	// Output:
	// MC accepted 4711
	// true
	// <nil>
}

func ExampleServer() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	requests := make(chan uint32, 16)
	conns := make(chan *smpp.Conn, 1)
	s := &smpp.Server{
		SystemID: "MC",
		Config: smpp.Config{
			// What may block is answered later, by somebody else: here the
			// Handler only passes on which request it was.
			Handler: smpp.HandlerFunc(func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
				if p.ID != pdu.IDSubmitSM {
					return nil, pdu.StatusInvCmdID
				}
				requests <- p.Sequence
				return nil, 0
			}),
		},
		OnBound: func(c *smpp.Conn) { conns <- c },
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	go func() {
		c := <-conns
		_ = c.Reply(<-requests, pdu.IDSubmitSM, nil, pdu.StatusThrottled)
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := smpp.Dial(ctx, l.Addr().String(), smpp.Bind{SystemID: "nyota"}, smpp.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Do(ctx, &pdu.SubmitSM{DestinationAddr: []byte("255700000001")})
	var refused *smpp.StatusError
	fmt.Println(errors.As(err, &refused) && refused.Throttled())
	fmt.Println(s.Shutdown(ctx))
	fmt.Println(errors.Is(<-ended, smpp.ErrClosed))
	<-c.Done()
	// Output:
	// true
	// <nil>
	// true
}

func ExampleLink() {
	addr, stop := messageCentre()
	defer stop()
	bound := make(chan struct{}, 1)
	link := smpp.NewLink(smpp.LinkConfig{
		Name: "demo", Addr: addr,
		Bind: smpp.Bind{SystemID: "nyota", Password: "secret"},
		OnState: func(s smpp.LinkState) {
			if s.Bound {
				bound <- struct{}{}
			}
		},
	})
	_, err := link.Do(context.Background(), &pdu.EnquireLink{})
	fmt.Println("before:", errors.Is(err, smpp.ErrNotSent))

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	<-bound
	p, err := link.Do(ctx, &pdu.SubmitSM{DestinationAddr: []byte("255700000001")})
	fmt.Println("bound:", p.Status, err)
	cancel()
	fmt.Println("unbound:", <-ended)
	// Output:
	// before: true
	// bound: ESME_ROK <nil>
	// unbound: <nil>
}

func ExamplePool() {
	addr, stop := messageCentre()
	defer stop()
	bound := make(chan struct{}, 2)
	bind := func(name string) *smpp.Link {
		return smpp.NewLink(smpp.LinkConfig{
			Name: name, Addr: addr, Bind: smpp.Bind{SystemID: "nyota", Password: "secret"},
			OnState: func(s smpp.LinkState) {
				if s.Bound {
					bound <- struct{}{}
				}
			},
		})
	}
	pool, err := smpp.NewPool(smpp.PoolConfig{Links: []smpp.PoolLink{
		{Link: bind("north"), Rate: 100, Services: []smpp.Service{smpp.ServiceSMS}},
		{Link: bind("south"), Prefixes: []string{"25571"}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	<-bound
	<-bound

	message := &pdu.SubmitSM{DestinationAddr: []byte("255700000001"), ShortMessage: []byte("Habari")}
	p, err := pool.Do(ctx, smpp.Route{Lane: smpp.LaneConfirmation, Wait: time.Second}, message)
	fmt.Println(p.Status, err)

	// South is out of order; what it carried goes over north.
	_ = pool.Drain(ctx, "south")
	message.DestinationAddr = []byte("255710000001")
	_, err = pool.Do(ctx, smpp.Route{}, message)
	fmt.Println(err)

	// Nobody else carries USSD.
	_, err = pool.Do(ctx, smpp.Route{Service: smpp.ServiceUSSD}, message)
	fmt.Println(errors.Is(err, smpp.ErrNotSent))
	cancel()
	fmt.Println(<-ended)
	// Output:
	// ESME_ROK <nil>
	// <nil>
	// true
	// <nil>
}
