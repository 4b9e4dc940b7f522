package simulator

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs an operator on a free port until the test ends.
func start(t *testing.T, cfg SMSCConfig) (*SMSC, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewSMSC(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

// gateway is a scripted ESME. What is delivered to it waits in got.
type gateway struct {
	t    *testing.T
	conn *smpp.Conn
	got  chan *pdu.DeliverSM

	mu     sync.Mutex
	status pdu.Status // of deliver_sm_resp
	silent bool       // no deliver_sm_resp at all
}

func (g *gateway) mute() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.silent = true
}

func (g *gateway) answer(s pdu.Status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status = s
}

// bind connects a gateway to the operator.
func bind(t *testing.T, s *SMSC, addr string, b smpp.Bind) *gateway {
	t.Helper()
	g := &gateway{t: t, got: make(chan *pdu.DeliverSM, 1024)}
	if b.Type == 0 {
		b.Type = pdu.IDBindTransceiver
	}
	b.SystemID = "nyota"
	before := s.receivers.Load()
	conn, err := smpp.Dial(t.Context(), addr, b, smpp.Config{
		Handler: smpp.HandlerFunc(func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
			d, ok := p.Body.(*pdu.DeliverSM)
			if !ok {
				return nil, pdu.StatusInvCmdID
			}
			g.got <- d.Clone()
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.silent {
				return nil, 0
			}
			if g.status != 0 {
				return nil, g.status
			}
			return &pdu.DeliverSMResp{}, 0
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	g.conn = conn
	t.Cleanup(func() { _ = conn.Close() })
	if b.Type != pdu.IDBindTransmitter {
		// The operator knows of the bind just after its response has left.
		eventually(t, func() bool { return s.receivers.Load() > before })
	}
	return g
}

// eventually waits for what happens on another goroutine that tells nobody.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not happen")
		}
	}
}

// next returns the next message delivered to the gateway.
func (g *gateway) next() *pdu.DeliverSM {
	g.t.Helper()
	select {
	case d := <-g.got:
		return d
	case <-time.After(10 * time.Second):
		g.t.Fatal("nothing was delivered")
		return nil
	}
}

// ussd makes a submitted screen.
func ussd(msisdn string, op uint8, session []byte, s string) *pdu.SubmitSM {
	b := &pdu.SubmitSM{
		SourceAddr: []byte("150"), DestAddrTON: 1, DestAddrNPI: 1, DestinationAddr: []byte(msisdn),
		ServiceType: []byte("USSD"),
	}
	if gsm, err := text.EncodeGSM7(nil, s); err == nil {
		b.DataCoding, b.ShortMessage = text.DCSUSSD, gsm
	} else {
		b.DataCoding, b.ShortMessage = text.DCSUSSDUCS2, text.EncodeUCS2(nil, s)
	}
	b.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
	if session != nil {
		b.TLVs.Add(pdu.TagITSSessionInfo, session)
	}
	return b
}

// submit sends a message and returns its id.
func (g *gateway) submit(b *pdu.SubmitSM) (string, error) {
	p, err := g.conn.Do(g.t.Context(), b)
	if err != nil {
		return "", err
	}
	return string(p.Body.(*pdu.SubmitSMResp).MessageID), nil
}

func (g *gateway) mustSubmit(b *pdu.SubmitSM) string {
	g.t.Helper()
	id, err := g.submit(b)
	if err != nil {
		g.t.Fatalf("submit: %v", err)
	}
	return id
}

// session is what a gateway echoes of a delivered message.
func session(d *pdu.DeliverSM, end bool) []byte {
	info, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
	s := []byte{info[0], info[1] &^ 1}
	if end {
		s[1] |= 1
	}
	return s
}

func op(d *pdu.DeliverSM) uint8 {
	v, _ := d.TLVs.Uint8(pdu.TagUSSDServiceOp)
	return v
}

func phone(t *testing.T, s *SMSC, msisdn string) *Handset {
	t.Helper()
	h, err := s.Handset(msisdn)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// await waits until the handset is in a state.
func await(t *testing.T, h *Handset, want State) Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := h.Await(ctx, func(s Snapshot) bool { return s.State == want })
	if err != nil {
		t.Fatalf("waiting for %s, it is %s: %v", want, s.State, err)
	}
	return s
}

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return c.at
}
