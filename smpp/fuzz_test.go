package smpp

import (
	"context"
	"errors"
	"testing"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

// FuzzServer gives a server any octets after a good bind: it may answer or close,
// but it neither panics nor stays.
func FuzzServer(f *testing.F) {
	seed := func(id pdu.CommandID, b pdu.Body, cut int) {
		wire, err := smpptest.Encode(id, 0, 7, b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(wire, wire[:cut]...))
	}
	seed(0, submit("x"), 0)
	seed(0, benchSubmit(), 20)
	seed(0, &pdu.SubmitSMResp{MessageID: []byte("1")}, 16)
	seed(pdu.IDEnquireLink, nil, 16)
	seed(pdu.IDGenericNack, nil, 3)
	seed(pdu.IDUnbind, nil, 16)
	seed(0, &pdu.BindReceiver{}, 1)
	seed(0x12345678, nil, 16)
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Add(make([]byte, 32))
	f.Fuzz(func(t *testing.T, octets []byte) {
		s := &Server{Config: Config{MaxPDU: 4096, EnquireInterval: -1, Handler: HandlerFunc(
			func(_ context.Context, _ *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
				if id, ok := p.ID.Response(); ok && p.Sequence%2 == 0 {
					return pdu.New(id), 0
				}
				return nil, pdu.StatusSysErr
			})}}
		nc, wait := smpptest.Pipe(func(p *smpptest.Peer) error {
			if _, err := p.Bind("fuzz", ""); err != nil {
				return err
			}
			read := make(chan struct{})
			go func() {
				defer close(read)
				for {
					if _, err := p.Read(); err != nil {
						var d *pdu.DecodeError
						if errors.As(err, &d) {
							t.Errorf("the server sent a malformed PDU: %v", err)
						}
						return
					}
				}
			}()
			_ = p.Octets(octets)
			_ = p.Close()
			<-read
			return nil
		})
		ended := make(chan error, 1)
		go func() { ended <- s.ServeConn(nc) }()
		select {
		case err := <-ended:
			var p *PanicError
			if errors.As(err, &p) {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the connection stays")
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}
