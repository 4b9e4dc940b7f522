package smpptest_test

import (
	"fmt"
	"net"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

func ExampleListen() {
	s, err := smpptest.Listen(smpptest.RefuseSubmit(pdu.StatusThrottled, false))
	if err != nil {
		fmt.Println(err)
		return
	}
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	p := smpptest.NewPeer(nc)
	if _, err := p.Bind("nyota", "secret"); err != nil {
		fmt.Println(err)
		return
	}
	got, err := p.Ask(&pdu.SubmitSM{DestinationAddr: []byte("255700000001")})
	fmt.Println(got.ID, got.Status, err)
	_ = p.Close()
	fmt.Println(s.Close())
	// Output:
	// submit_sm_resp ESME_RTHROTTLED <nil>
	// <nil>
}
