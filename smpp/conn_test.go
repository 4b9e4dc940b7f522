package smpp

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nyota/smpp/pdu"
)

var testBind = Bind{SystemID: "nyota", Password: "secret"}

// accepting answers each submit_sm at once, with its own sequence number as id.
func accepting(_ context.Context, _ *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	if _, ok := p.Body.(*pdu.SubmitSM); !ok {
		return nil, pdu.StatusInvCmdID
	}
	return &pdu.SubmitSMResp{MessageID: strconv.AppendUint(nil, uint64(p.Sequence), 10)}, 0
}

// serve runs s on loopback and returns its address.
func serve(tb testing.TB, s *Server) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	tb.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			tb.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// dial binds and closes with the test.
func dial(tb testing.TB, addr string, b Bind, cfg Config) *Conn {
	tb.Helper()
	c, err := Dial(context.Background(), addr, b, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close(); <-c.Done() })
	return c
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func submit(text string) *pdu.SubmitSM {
	return &pdu.SubmitSM{SourceAddr: []byte("NYOTA"), DestinationAddr: []byte("255700000001"), ShortMessage: []byte(text)}
}

func TestBothRolesTalk(t *testing.T) {
	got := make(chan string, 1)
	s := &Server{SystemID: "MC", Config: Config{Handler: HandlerFunc(accepting)}}
	s.Bind = func(_ context.Context, _ *Conn, b Bind) pdu.Status {
		if b.Password != "secret" {
			return pdu.StatusInvPaswd
		}
		return 0
	}
	addr := serve(t, s)
	c := dial(t, addr, testBind, Config{Handler: HandlerFunc(func(_ context.Context, _ *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		got <- string(p.Body.(*pdu.DeliverSM).ShortMessage)
		return &pdu.DeliverSMResp{}, 0
	})})
	p, err := c.Do(t.Context(), submit("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if id := string(p.Body.(*pdu.SubmitSMResp).MessageID); id != strconv.Itoa(int(p.Sequence)) {
		t.Errorf("message id %q of sequence %d", id, p.Sequence)
	}
	conns := s.Conns()
	if len(conns) != 1 {
		t.Fatalf("%d sessions", len(conns))
	}
	if b := conns[0].Bound(); b.SystemID != "nyota" || b.Password != "" || b.Type != pdu.IDBindTransceiver {
		t.Errorf("bound as %+v", b)
	}
	if c.PeerSystemID() != "MC" || c.InterfaceVersion() != 0x34 {
		t.Errorf("peer %q, version %#x", c.PeerSystemID(), c.InterfaceVersion())
	}
	if _, err := conns[0].Do(t.Context(), &pdu.DeliverSM{ShortMessage: []byte("back")}); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "back" {
		t.Errorf("delivered %q", s)
	}
	if err := c.Unbind(t.Context()); err != nil {
		t.Errorf("unbind: %v", err)
	}
	<-conns[0].Done()
	if err := conns[0].Err(); !errors.Is(err, ErrUnbound) {
		t.Errorf("the server's side ended with %v", err)
	}
}

func TestManyCallersShareOneConnection(t *testing.T) {
	addr := serve(t, &Server{Config: Config{Handler: HandlerFunc(accepting)}})
	c := dial(t, addr, testBind, Config{Window: 7})
	var wg sync.WaitGroup
	var ok atomic.Int64
	for range 50 {
		wg.Go(func() {
			for range 200 {
				p, err := c.Do(context.Background(), submit("x"))
				if err != nil {
					t.Error(err)
					return
				}
				if id := string(p.Body.(*pdu.SubmitSMResp).MessageID); id != strconv.Itoa(int(p.Sequence)) {
					t.Errorf("id %q of sequence %d", id, p.Sequence)
				}
				ok.Add(1)
			}
		})
	}
	wg.Wait()
	if ok.Load() != 10_000 {
		t.Errorf("%d answered", ok.Load())
	}
	if s := c.Stats(); s.Outstanding != 0 || s.Unmatched != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRefusedBindIsAStatusError(t *testing.T) {
	addr := serve(t, &Server{Bind: func(context.Context, *Conn, Bind) pdu.Status { return pdu.StatusInvPaswd }})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := Dial(ctx, addr, testBind, Config{})
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Status != pdu.StatusInvPaswd {
		t.Fatalf("got %v", err)
	}
}

// gone is a connection whose peer closed before anything was said.
type gone struct{ net.Conn }

func (gone) Read([]byte) (int, error) { return 0, io.EOF }

func TestDialEndsAtOnceWithAPeerThatHangsUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 20 {
				ours, theirs := net.Pipe()
				_ = theirs.Close()
				_, err := NewConn(ctx, gone{ours}, testBind, Config{})
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}
