package smpp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

func TestWrongAnswersCostTheirRequestOnly(t *testing.T) {
	status := func(want pdu.Status, body bool) func(*testing.T, pdu.PDU, error) {
		return func(t *testing.T, p pdu.PDU, err error) {
			var e *StatusError
			if !errors.As(err, &e) || e.Status != want {
				t.Errorf("got %v", err)
			} else if (e.Response.Body != nil) != body || (p.Body != nil) != body {
				t.Errorf("bodies %v and %v", e.Response.Body, p.Body)
			}
		}
	}
	unknown := func(cause error) func(*testing.T, pdu.PDU, error) {
		return func(t *testing.T, _ pdu.PDU, err error) {
			if !errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrNotSent) || cause != nil && !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
		}
	}
	for _, tc := range []struct {
		name                       string
		script                     smpptest.Script
		check                      func(*testing.T, pdu.PDU, error)
		unmatched, malformed, late uint64
	}{
		{"nack with its sequence", smpptest.Nack(pdu.StatusInvCmdID, true), status(pdu.StatusInvCmdID, false), 0, 0, 0},
		{"nack without sequence", smpptest.Nack(pdu.StatusInvCmdLen, false), unknown(ErrNoResponse), 1, 0, 0},
		{"error with a body", smpptest.RefuseSubmit(pdu.StatusThrottled, true), status(pdu.StatusThrottled, true), 0, 0, 0},
		{"error without a body", smpptest.RefuseSubmit(pdu.StatusMsgQFul, false), status(pdu.StatusMsgQFul, false), 0, 0, 0},
		{"a status of nobody's", smpptest.RefuseSubmit(0x4FF, false), status(0x4FF, false), 0, 0, 0},
		{"a response of another kind", smpptest.Answer(&pdu.DeliverSMResp{}), unknown(ErrNoResponse), 1, 0, 0},
		{"a request with our sequence", smpptest.Answer(&pdu.EnquireLink{}), unknown(ErrNoResponse), 0, 0, 0},
		{"a body that cannot be read", smpptest.MalformedBody, unknown(nil), 0, 1, 0},
		{"two responses", smpptest.AnswerTwice, func(t *testing.T, _ pdu.PDU, err error) {
			if err != nil {
				t.Error(err)
			}
		}, 1, 0, 0},
		{"octet by octet", smpptest.ByteByByte, func(t *testing.T, p pdu.PDU, err error) {
			if err != nil || string(p.Body.(*pdu.SubmitSMResp).MessageID) != "1" {
				t.Errorf("%v, %v", p, err)
			}
		}, 0, 0, 0},
		{"parameters of nobody's", smpptest.UnknownParameters, func(t *testing.T, p pdu.PDU, err error) {
			if err != nil {
				t.Fatal(err)
			}
			got := p.Body.(*pdu.SubmitSMResp).TLVs
			if len(got) != 3 || got[0].Tag != 0x3FFF || string(got[2].Value) != "again" {
				t.Errorf("parameters %v", got)
			}
		}, 0, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := pipe(t, tc.script, Config{ResponseTimeout: time.Second, EnquireInterval: -1})
				p, err := c.Do(t.Context(), submit("x"))
				tc.check(t, p, err)
				synctest.Wait()
				if c.Err() != nil {
					t.Errorf("the session ended: %v", c.Err())
				}
				if s := c.Stats(); s.Outstanding != 0 || s.Unmatched != tc.unmatched || s.Malformed != tc.malformed || s.Late != tc.late {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestResponsesInAnyOrderFindTheirRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.AnswerBackwards(10), Config{EnquireInterval: -1})
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				p, err := c.Do(t.Context(), submit("x"))
				if err != nil {
					t.Error(err)
				} else if err := sameNumber(p); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func sameNumber(p pdu.PDU) error {
	id, _ := p.Body.(*pdu.SubmitSMResp)
	if id == nil || string(id.MessageID) != itoa(p.Sequence) {
		return errors.New("sequence " + itoa(p.Sequence) + " got another's response")
	}
	return nil
}

func TestBadStreamEndsTheConnectionOfAnESME(t *testing.T) {
	for _, tc := range []struct {
		name   string
		script smpptest.Script
		check  func(error) bool
	}{
		{"length 0", smpptest.Length(0), isLength(0)},
		{"length 15", smpptest.Length(15), isLength(15)},
		{"4 GiB", smpptest.Length(0xFFFFFFFF), isLength(0xFFFFFFFF)},
		{"one over the limit", smpptest.Length(64<<10 + 1), isLength(64<<10 + 1)},
		{"half a header", smpptest.HalfPDU(9), isHalf},
		{"half a body", smpptest.HalfPDU(30), isHalf},
		{"the end between two", smpptest.HalfPDU(0), func(err error) bool { return err == io.EOF }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := pipe(t, tc.script, Config{Handler: HandlerFunc(accepting)})
				_, err := c.Do(t.Context(), submit("x"))
				<-c.Done()
				if !tc.check(c.Err()) {
					t.Errorf("ended with %v", c.Err())
				}
				if !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, c.Err()) {
					t.Errorf("the request ended with %v", err)
				}
				if _, err := c.Do(t.Context(), submit("y")); !errors.Is(err, ErrNotSent) || !errors.Is(err, c.Err()) {
					t.Errorf("the next ended with %v", err)
				}
			})
		})
	}
}

func isLength(n uint32) func(error) bool {
	return func(err error) bool {
		var e *LengthError
		return errors.As(err, &e) && e.Length == n
	}
}

func isHalf(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

func TestBindRespAndDeliverInOneSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan Bind, 1)
		c := pipe(t, smpptest.DeliverWithBind(&pdu.DeliverSM{ShortMessage: []byte("early")}), Config{
			Handler: HandlerFunc(func(_ context.Context, c *Conn, _ pdu.PDU) (pdu.Body, pdu.Status) {
				got <- c.Bound()
				return nil, pdu.StatusXTAppn
			})})
		if b := <-got; b.SystemID != "nyota" {
			t.Errorf("the handler saw %v", b)
		}
		synctest.Wait() // its answer is on the way: the peer wants it first
		if _, err := c.Do(t.Context(), submit("x")); err != nil {
			t.Error(err)
		}
	})
}

func TestRequestBeforeTheBindIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.BeforeBind(&pdu.DeliverSM{}, pdu.StatusInvBndSts), Config{Handler: HandlerFunc(accepting)})
		if _, err := c.Do(t.Context(), submit("x")); err != nil {
			t.Error(err)
		}
	})
}

func TestUnbindInMidWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.UnbindAfter(3), Config{EnquireInterval: -1})
		var mu sync.Mutex
		var ok, unknown, unsent int
		for range 8 {
			err := c.Go(t.Context(), submit("x"), func(_ pdu.PDU, err error) {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					ok++
				case errors.Is(err, ErrUnknownOutcome) && errors.Is(err, ErrUnbound):
					unknown++
				default:
					t.Errorf("got %v", err)
				}
			})
			if errors.Is(err, ErrNotSent) {
				unsent++
			} else if err != nil {
				t.Error(err)
			}
		}
		<-c.Done()
		if !errors.Is(c.Err(), ErrUnbound) {
			t.Errorf("ended with %v", c.Err())
		}
		mu.Lock()
		defer mu.Unlock()
		if ok != 3 || ok+unknown+unsent != 8 {
			t.Errorf("%d answered, %d unknown, %d not sent", ok, unknown, unsent)
		}
	})
}

// esme runs a script as the ESME of a fresh Server over a pipe, and returns why
// the server's side ended.
func esme(t *testing.T, s *Server, script smpptest.Script) error {
	t.Helper()
	nc, wait := smpptest.Pipe(script)
	err := s.ServeConn(nc)
	if e := wait(); e != nil {
		t.Errorf("the ESME: %v", e)
	}
	return err
}

func TestBadBodyIsAnsweredAndTheSessionLives(t *testing.T) {
	calls := 0
	s := &Server{Config: Config{Handler: HandlerFunc(func(ctx context.Context, c *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		calls++
		return accepting(ctx, c, p)
	})}}
	long := bytes.Repeat([]byte("a"), 40) // no NUL: the service type never ends
	err := esme(t, s, func(p *smpptest.Peer) error {
		if _, err := p.Bind("a", "b"); err != nil {
			return err
		}
		for _, tc := range []struct {
			name   string
			id     pdu.CommandID
			body   []byte
			resp   pdu.CommandID
			status pdu.Status
		}{
			{"a field without end", pdu.IDSubmitSM, long, pdu.IDSubmitSMResp, pdu.StatusInvSerTyp},
			{"no body", pdu.IDSubmitSM, nil, pdu.IDSubmitSMResp, 0xFFFFFFFF},
			{"a command of nobody's", 0x00010203, long, pdu.IDGenericNack, pdu.StatusInvCmdID},
			{"a command that the handler does not know", pdu.IDQuerySM, []byte("1\x00\x00\x00\x00"), pdu.IDQuerySMResp, pdu.StatusInvCmdID},
			{"the wrong direction", pdu.IDDeliverSM, make([]byte, 17), pdu.IDDeliverSMResp, pdu.StatusInvBndSts},
			{"a second bind", pdu.IDBindReceiver, make([]byte, 7), pdu.IDBindReceiverResp, pdu.StatusAlyBnd},
			{"enquire_link with a body", pdu.IDEnquireLink, long, pdu.IDEnquireLinkResp, 0},
		} {
			wire := pdu.AppendHeader(nil, pdu.Header{Length: uint32(pdu.HeaderLen + len(tc.body)), ID: tc.id, Sequence: 77})
			if err := p.Octets(append(wire, tc.body...)); err != nil {
				return err
			}
			got, err := p.Read()
			if err != nil {
				return err
			}
			if got.ID != tc.resp || got.Sequence != 77 {
				t.Errorf("%s: answered by %s %d", tc.name, got.ID, got.Sequence)
			}
			if got.Status != tc.status && (tc.status != 0xFFFFFFFF || got.Status == 0) {
				t.Errorf("%s: status %s, want %s", tc.name, got.Status, tc.status)
			}
		}
		if got, err := p.Ask(submit("still here")); err != nil || got.Status != 0 {
			t.Errorf("after all that: %v, %v", got.Status, err)
		}
		if _, err := p.Ask(&pdu.Unbind{}); err != nil {
			return err
		}
		return p.ExpectEnd()
	})
	if !errors.Is(err, ErrUnbound) {
		t.Errorf("ended with %v", err)
	}
	if calls != 2 {
		t.Errorf("the handler was called %d times", calls)
	}
}

func TestGarbageCostsOnlyItsConnection(t *testing.T) {
	addr := serve(t, &Server{Config: Config{Handler: HandlerFunc(accepting), SessionInitTimeout: 200 * time.Millisecond}})
	good := dial(t, addr, testBind, Config{})
	for name, octets := range map[string][]byte{
		"an HTTP request": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"zeros":           make([]byte, 64),
		"4 GiB announced": binary.BigEndian.AppendUint32(nil, 0xFFFFFFFF),
		"4 GiB in a header": pdu.AppendHeader(nil, pdu.Header{Length: 0xFFFFFFF0, ID: pdu.IDBindTransceiver,
			Sequence: 1}),
		"half a bind":     pdu.AppendHeader(nil, pdu.Header{Length: 40, ID: pdu.IDBindTransceiver, Sequence: 1}),
		"half a header":   {0, 0, 0},
		"a TLS handshake": []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
	} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		p := smpptest.NewPeer(nc)
		if err := p.Octets(octets); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.ExpectEnd(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = p.Close()
		if _, err := good.Do(t.Context(), submit("x")); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

func TestBadLengthIsNacked(t *testing.T) {
	err := esme(t, &Server{}, func(p *smpptest.Peer) error {
		if _, err := p.Bind("a", "b"); err != nil {
			return err
		}
		if err := p.Header(pdu.Header{Length: 1 << 20, ID: pdu.IDSubmitSM, Sequence: 5}); err != nil {
			return err
		}
		got, err := p.Expect(pdu.IDGenericNack)
		if err != nil || got.Status != pdu.StatusInvCmdLen {
			t.Errorf("got %s, %v", got.Status, err)
		}
		return p.ExpectEnd()
	})
	if !isLength(1 << 20)(err) {
		t.Errorf("ended with %v", err)
	}
}

func TestHandlerPanicCostsOneConnection(t *testing.T) {
	s := &Server{Config: Config{Handler: HandlerFunc(func(_ context.Context, _ *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		if strings.Contains(string(p.Body.(*pdu.SubmitSM).ShortMessage), "boom") {
			panic("no such menu")
		}
		return &pdu.SubmitSMResp{}, 0
	})}}
	addr := serve(t, s)
	good, bad := dial(t, addr, testBind, Config{}), dial(t, addr, testBind, Config{})
	if _, err := bad.Do(t.Context(), submit("boom")); !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("got %v", err)
	}
	<-bad.Done()
	if _, err := good.Do(t.Context(), submit("fine")); err != nil {
		t.Error(err)
	}
	calls := 0
	if err := good.Go(t.Context(), submit("fine"), func(pdu.PDU, error) { calls++; panic("callback") }); err != nil {
		t.Fatal(err)
	}
	<-good.Done()
	var p *PanicError
	if err := good.Err(); !errors.As(err, &p) || p.Value != "callback" || calls != 1 {
		t.Errorf("ended with %v after %d calls", err, calls)
	}
}

func TestLongPDUsPassAndMemoryStaysBounded(t *testing.T) {
	addr := serve(t, &Server{Config: Config{Handler: HandlerFunc(accepting)}})
	c := dial(t, addr, testBind, Config{})
	for _, n := range []int{0, 1, 900, 1 << 10, 5 << 10, 33 << 10, 60 << 10, 10} {
		b := submit("")
		b.TLVs.Add(pdu.TagMessagePayload, make([]byte, n))
		for range 3 {
			if _, err := c.Do(t.Context(), b); err != nil {
				t.Fatalf("%d octets: %v", n, err)
			}
		}
	}
	var r reader
	r.buf = make([]byte, firstBuffer)
	for range 100 {
		r.w = len(r.buf)
		r.makeRoom(64 << 10)
	}
	if len(r.buf) != 64<<10 {
		t.Errorf("a PDU that never ends makes a buffer of %d", len(r.buf))
	}
	for range 100 { // many short ones fill the buffer again and again
		r.buf, r.r, r.w = make([]byte, fullBuffer), fullBuffer-1, fullBuffer
		r.makeRoom(64 << 10)
	}
	if len(r.buf) != fullBuffer {
		t.Errorf("short PDUs make a buffer of %d", len(r.buf))
	}
}
