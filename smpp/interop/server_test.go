package interop_test

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// centre is our Server as the peers' message centre.
type centre struct {
	*smpp.Server
	r        *recorder
	in       chan pdu.PDU    // what the ESMEs sent, in the order of arrival
	sessions chan *smpp.Conn // each session once
	ended    chan *smpp.Conn
	next     atomic.Int64 // message_id
}

// startCentre serves until the test ends.
func startCentre(t *testing.T, cfg smpp.Config) *centre {
	t.Helper()
	c := &centre{r: &recorder{port: freePort(t)}, in: make(chan pdu.PDU, 1000),
		sessions: make(chan *smpp.Conn, 10), ended: make(chan *smpp.Conn, 10)}
	cfg.Handler = smpp.HandlerFunc(c.serve)
	c.Server = &smpp.Server{Config: cfg, SystemID: "nyota-smsc",
		Bind: func(_ context.Context, _ *smpp.Conn, b smpp.Bind) pdu.Status {
			if b.Password != "secret" {
				return pdu.StatusInvPaswd
			}
			return pdu.StatusOK
		},
		OnBound:  func(conn *smpp.Conn) { c.sessions <- conn },
		OnClosed: func(conn *smpp.Conn) { c.ended <- conn },
	}
	l, err := net.Listen("tcp", addr(c.r.port))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- c.Serve(recordingListener{l, c.r}) }()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return c
}

// serve answers each request as a message centre would.
func (c *centre) serve(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	c.in <- pdu.PDU{Header: p.Header, Body: pdu.Clone(p.Body)}
	c.next.Add(1)
	id := c.messageID()
	switch b := p.Body.(type) {
	case *pdu.SubmitSM:
		if string(b.DestinationAddr) == "throttled" {
			return nil, pdu.StatusThrottled
		}
		return &pdu.SubmitSMResp{MessageID: id}, 0
	case *pdu.SubmitMulti:
		return &pdu.SubmitMultiResp{MessageID: id, UnsuccessSMEs: []pdu.UnsuccessSME{
			{TON: 1, NPI: 1, Address: []byte("255700000009"), Status: pdu.StatusInvDstAdr}}}, 0
	case *pdu.DataSM:
		return &pdu.DataSMResp{MessageID: id}, 0
	case *pdu.QuerySM:
		return &pdu.QuerySMResp{MessageID: bytes.Clone(b.MessageID), MessageState: pdu.StateDelivered, ErrorCode: 3,
			FinalDate: pdu.AbsoluteTime(time.Date(2026, 11, 23, 12, 34, 56, 0, time.UTC))}, 0
	}
	resp, _ := p.ID.Response()
	return pdu.New(resp), 0
}

// messageID is the last one given: hexadecimal, for who insists on numbers.
func (c *centre) messageID() []byte { return strconv.AppendInt([]byte("a"), c.next.Load(), 10) }

// request returns the next request, which must be of a kind.
func request[T pdu.Body](t *testing.T, c *centre) T {
	t.Helper()
	p := take(t, "request", c.in)
	b, ok := p.Body.(T)
	if !ok {
		t.Fatalf("got %s", p.ID)
	}
	return b
}

// session returns the next session, which must be of a kind of bind.
func (c *centre) session(t *testing.T, kind pdu.CommandID) *smpp.Conn {
	t.Helper()
	conn := take(t, "bind", c.sessions)
	if b := conn.Bound(); b.Type != kind {
		t.Fatalf("bound by %s", b)
	}
	return conn
}

// over waits for the end of a session, and returns why it ended.
func (c *centre) over(t *testing.T, conn *smpp.Conn) error {
	t.Helper()
	for got := range c.ended {
		if got == conn {
			break
		}
	}
	return conn.Err()
}

// wellBehaved reports what a peer did that was not in order.
func wellBehaved(t *testing.T, conn *smpp.Conn) {
	t.Helper()
	if s := conn.Stats(); s.Malformed+s.Refused+s.Unmatched+s.Late+s.Timeouts != 0 {
		t.Errorf("not in order: %+v", s)
	}
}

// receiptFor is a receipt as a message centre sends it.
func receiptFor(b *pdu.SubmitSM, id string, state uint8, withTLVs bool) *pdu.DeliverSM {
	done := time.Date(2026, 11, 23, 12, 1, 0, 0, time.UTC)
	r := pdu.Receipt{ID: id, Submitted: 1, SubmitDate: done.Add(-time.Minute), DoneDate: done,
		State: state, Text: string(b.ShortMessage)}
	if state == pdu.StateDelivered {
		r.Delivered = 1
	}
	d := &pdu.DeliverSM{SourceAddrTON: b.DestAddrTON, SourceAddrNPI: b.DestAddrNPI, SourceAddr: b.DestinationAddr,
		DestAddrTON: b.SourceAddrTON, DestAddrNPI: b.SourceAddrNPI, DestinationAddr: b.SourceAddr,
		ESMClass: pdu.ESMTypeReceipt, ShortMessage: r.AppendText(nil)}
	if withTLVs {
		d.TLVs = r.TLVs()
	}
	return d
}
