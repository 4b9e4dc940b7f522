package simulator

import (
	"context"
	"net"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

func TestALinkServesHandsetsAgainAfterTheOperatorsRestart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	var link *smpp.Link
	work := make(chan *pdu.DeliverSM, 16)
	link = smpp.NewLink(smpp.LinkConfig{
		Name: "test", Addr: addr, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond,
		Bind: smpp.Bind{Type: pdu.IDBindTransceiver, SystemID: "nyota"},
		Config: smpp.Config{Handler: smpp.HandlerFunc(func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
			if d, ok := p.Body.(*pdu.DeliverSM); ok {
				work <- d.Clone()
			}
			return &pdu.DeliverSMResp{}, 0
		})},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- link.Run(ctx) }()
	defer func() {
		cancel()
		<-ran
	}()

	for range 2 { // the second time after a restart on the same port
		s := NewSMSC(SMSCConfig{})
		serving, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(serving, l) }()
		h := phone(t, s, asha)
		if _, err := h.Await(t.Context(), func(s Snapshot) bool { return s.Service }); err != nil {
			t.Fatal(err)
		}
		if err := h.Dial(t.Context(), "*150*00#"); err != nil {
			t.Fatal(err)
		}
		if _, err := link.Do(t.Context(), ussd(asha, 17, session(<-work, true), "Bye.")); err != nil {
			t.Fatal(err)
		}
		if got := await(t, h, Ended); got.Screen != "Bye." {
			t.Errorf("screen %q", got.Screen)
		}
		stop()
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("tcp", addr); err != nil {
			t.Fatal(err)
		}
	}
	_ = l.Close()
}

func TestShutdownEndsServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewSMSC(SMSCConfig{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), l) }()
	g := bind(t, s, l.Addr().String(), smpp.Bind{})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	<-g.conn.Done()
}
