package phone

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/simulator"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	asha  = "255700000001"
	neema = "255700000002"
)

// world is an operator, a scripted gateway bound to it, and the phone's page.
type world struct {
	smsc  *simulator.SMSC
	phone *Phone
	core  *fakeCore
	lines *cutter
	url   string
}

// cutter is a listener that can cut the lines of all who are connected.
type cutter struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func (l *cutter) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

func (l *cutter) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// fakeCore keeps its faults in memory.
type fakeCore struct {
	mu  sync.Mutex
	f   Faults
	err error
}

func (c *fakeCore) Faults(context.Context) (Faults, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.f, c.err
}

func (c *fakeCore) SetFaults(_ context.Context, f Faults) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.f = f
	}
	return c.err
}

func newWorld(t *testing.T, opt Options) *world {
	t.Helper()
	w := makeWorld(t, opt, false)
	ready, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	h, err := w.smsc.Handset(asha)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Await(ready, func(s simulator.Snapshot) bool { return s.Service }); err != nil {
		t.Fatal(err)
	}
	return w
}

// makeWorld leaves the gateway out if the operator is to be alone.
func makeWorld(t *testing.T, opt Options, alone bool) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{smsc: simulator.NewSMSC(simulator.SMSCConfig{}), core: &fakeCore{f: Faults{Workers: 20, ServiceMS: 5}}}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.smsc.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("the operator: %v", err)
		}
	})
	if !alone {
		bindWallet(t, l.Addr().String())
	}

	opt.SMSC, opt.PIN = w.smsc, "1234"
	if opt.Core == nil {
		opt.Core = w.core
	}
	if w.phone, err = New(opt); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(w.phone)
	w.lines = &cutter{Listener: srv.Listener}
	srv.Listener = w.lines
	srv.Start()
	w.url = srv.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.phone.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		srv.Close()
	})
	return w
}

// wallet is a scripted gateway: a menu as customers know it.
type wallet struct {
	t    *testing.T
	conn *smpp.Conn
	work chan *pdu.DeliverSM
	step map[string]int
}

var walletScreens = []struct {
	id, text string
	secret   bool
}{
	{id: "home", text: "Nyota Wallet\n1. Send money\n2. Buy airtime\n3. Pay a bill\n4. Withdraw cash\n5. Balance\n6. Mini statement\n7. Language"},
	{id: "to", text: "Phone number\n0. Back"},
	{id: "amount", text: "Amount in TZS\n0. Back"},
	{id: "pin", text: "Send TZS 5,000 to NEEMA MUSHI 0700000002? Fee TZS 100.\nEnter your PIN to confirm\n0. Back", secret: true},
}

func bindWallet(t *testing.T, addr string) {
	t.Helper()
	w := &wallet{t: t, work: make(chan *pdu.DeliverSM, 64), step: make(map[string]int)}
	conn, err := smpp.Dial(t.Context(), addr, smpp.Bind{Type: pdu.IDBindTransceiver, SystemID: "nyota"}, smpp.Config{
		Handler: smpp.HandlerFunc(func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
			if d, ok := p.Body.(*pdu.DeliverSM); ok {
				w.work <- d.Clone()
			}
			return &pdu.DeliverSMResp{}, 0
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.conn = conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case d := <-w.work:
				w.answer(d)
			case <-conn.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
}

func (w *wallet) answer(d *pdu.DeliverSM) {
	who := string(d.SourceAddr)
	op, _ := d.TLVs.Uint8(pdu.TagUSSDServiceOp)
	info, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
	if len(info) != 2 || info[1]&1 == 1 {
		return
	}
	if op == 1 {
		w.step[who] = 0
	}
	n := w.step[who]
	w.step[who]++
	if n < len(walletScreens) {
		s := walletScreens[n]
		b := screen(who, 2, []byte{info[0], info[1]}, s.text)
		hint := []byte{0}
		if s.secret {
			hint[0] = simulator.HintSecret
		}
		b.TLVs.Add(simulator.TagScreenHint, append(hint, s.id...))
		w.do(b)
		return
	}
	w.do(screen(who, 17, []byte{info[0], info[1] | 1},
		"QX71K2M9 Confirmed. You sent TZS 5,000 to NEEMA MUSHI 0700000002. Fee TZS 100. New balance TZS 994,900."))
	w.sms(who, "QX71K2M9 Confirmed. You sent TZS 5,000 to NEEMA MUSHI 0700000002. Fee TZS 100. New balance TZS 994,900.")
	w.sms(neema, "QX71K2M9 You received TZS 5,000 from ASHA MWAKYUSA 0700000001. New balance TZS 1,005,000.")
}

func (w *wallet) do(b *pdu.SubmitSM) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := w.conn.Do(ctx, b); err != nil && !errors.Is(err, smpp.ErrClosed) { // a test may end first
		w.t.Errorf("the wallet's submit: %v", err)
	}
}

func (w *wallet) sms(to, s string) {
	b := screen(to, 0, nil, s)
	b.ServiceType, b.DataCoding, b.TLVs = nil, 0, nil
	b.SourceAddrTON, b.SourceAddr = 5, []byte("NYOTA")
	w.do(b)
}

func screen(to string, op uint8, session []byte, s string) *pdu.SubmitSM {
	gsm, err := text.EncodeGSM7(nil, strings.ToValidUTF8(s, "?"))
	if err != nil {
		panic(err) // the script is wrong
	}
	b := &pdu.SubmitSM{
		ServiceType: []byte("USSD"), SourceAddr: []byte("150"), DestAddrTON: 1, DestAddrNPI: 1,
		DestinationAddr: []byte(to), DataCoding: text.DCSUSSD, ShortMessage: gsm,
	}
	b.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
	b.TLVs.Add(pdu.TagITSSessionInfo, session)
	return b
}
