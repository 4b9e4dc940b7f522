package smpp

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

func TestSequenceWrapsAndSkipsWhatIsInFlight(t *testing.T) {
	w := newWindow(4)
	take := func() uint32 {
		seq := w.sequence()
		*w.at(seq) = slot{seq: seq}
		w.used++
		return seq
	}
	if got := take(); got != 1 {
		t.Errorf("the first is %d", got)
	}
	w.last = pdu.MaxSequence - 2
	if a, b := take(), take(); a != pdu.MaxSequence-1 || b != pdu.MaxSequence {
		t.Errorf("the last are %#x and %#x", a, b)
	}
	if got := take(); got != 2 { // 0 is not used and 1 is still in flight
		t.Errorf("after the wrap comes %d", got)
	}
	for _, seq := range []uint32{1, 2, pdu.MaxSequence - 1, pdu.MaxSequence} {
		if s := w.find(seq); s == nil || s.seq != seq {
			t.Errorf("%d is lost", seq)
		}
	}
	for _, seq := range []uint32{0, 3, 9, 10} {
		if w.find(seq) != nil {
			t.Errorf("%d is found", seq)
		}
	}
}

func TestSequenceWrapsOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.Behave, Config{EnquireInterval: -1})
		c.mu.Lock()
		c.win.last = pdu.MaxSequence - 1
		c.mu.Unlock()
		for _, want := range []uint32{pdu.MaxSequence, 1, 2} {
			p, err := c.Do(t.Context(), submit("x"))
			if err != nil || p.Sequence != want {
				t.Errorf("sequence %#x, %v; want %#x", p.Sequence, err, want)
			}
		}
	})
}

func TestWaitingCallersAreServedInOrder(t *testing.T) {
	w := newWindow(1)
	w.used = 1
	ks := make([]*call, 4)
	for i := range ks {
		ks[i] = &call{ch: make(chan struct{}, 1)}
		w.wait(ks[i])
	}
	if !w.remove(ks[1]) || w.remove(ks[1]) {
		t.Error("a caller leaves the list once")
	}
	for _, want := range []int{0, 2, 3} {
		w.used--
		w.grant()
		for i, k := range ks {
			if got := len(k.ch) == 1; got != (i == want) {
				t.Errorf("caller %d granted: %v; it is the turn of %d", i, got, want)
			}
		}
		<-ks[want].ch
	}
	if w.head != nil || w.tail != nil || w.used != 1 {
		t.Error("something is left in the list")
	}
}

func TestHeldRequestsAreKnownOnceEach(t *testing.T) {
	h := newHeld(8)
	const id = pdu.IDDeliverSM
	h.add(1, id)
	h.add(9, id)             // the place of 1
	h.add(1, id)             // the same number again
	h.add(1, pdu.IDSubmitSM) // and of another kind
	h.add(0x7FFFFFFF, id)    // the largest
	h.add(0xFFFFFFFF, id)    // no valid number, and answered all the same
	for i, tc := range []struct {
		seq  uint32
		id   pdu.CommandID
		want bool
	}{
		{2, id, false}, {1, id, true}, {1, id, true}, {1, id, false}, {9, id, true}, {9, id, false},
		{1, pdu.IDSubmitSM, true}, {0x7FFFFFFF, id, true}, {0xFFFFFFFF, id, true}, {0, 0, false},
	} {
		if got := h.remove(tc.seq, tc.id); got != tc.want {
			t.Errorf("%d: removing %d is %v", i, tc.seq, got)
		}
	}
	if h.n != 0 || len(h.more) != 0 {
		t.Errorf("%d left, %d in the map", h.n, len(h.more))
	}
}

func TestFailedEncodingFreesItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.Behave, Config{Window: 1, EnquireInterval: -1})
		bad := &pdu.SubmitSM{ServiceType: []byte("longer than six")}
		var e *pdu.EncodeError
		if _, err := c.Do(t.Context(), bad); !errors.Is(err, ErrNotSent) || !errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
		if err := c.Go(t.Context(), bad, nil); !errors.Is(err, ErrNotSent) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Do(t.Context(), submit("x")); err != nil {
			t.Error(err)
		}
	})
}

func TestRequestsThatTheSessionDoesNotCarryAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, wait := smpptest.Pipe(smpptest.Behave)
		c, err := NewConn(t.Context(), nc, Bind{Type: pdu.IDBindReceiver}, Config{EnquireInterval: -1})
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string]pdu.Body{
			"submit_sm on a receiver": submit("x"), "deliver_sm of an ESME": &pdu.DeliverSM{}, "unbind": &pdu.Unbind{},
			"a bind": &pdu.BindReceiver{}, "a response": &pdu.SubmitSMResp{}, "nothing": nil, "outbind": &pdu.Outbind{},
		} {
			if _, err := c.Do(t.Context(), b); !errors.Is(err, ErrNotSent) {
				t.Errorf("%s: %v", name, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Do(ctx, &pdu.EnquireLink{}); !errors.Is(err, ErrNotSent) || !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
		if _, err := c.Do(t.Context(), &pdu.EnquireLink{}); err != nil {
			t.Errorf("enquire_link: %v", err)
		}
		_ = c.Close()
		<-c.Done()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// queue collects the requests that its Handler leaves unanswered.
type queue struct {
	mu   sync.Mutex
	held []pdu.Header
}

func (q *queue) ServeSMPP(_ context.Context, _ *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	q.mu.Lock()
	q.held = append(q.held, p.Header)
	q.mu.Unlock()
	return nil, 0
}

func (q *queue) take() []pdu.Header {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.held
	q.held = nil
	return h
}

func TestFullPeerWindowStopsTheReaderAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		q := &queue{}
		answered := make(map[uint32]int)
		replied := make(chan struct{}) // the peer stays for the last second reply
		c := pipe(t, func(p *smpptest.Peer) error {
			p.Timeout = time.Hour
			if _, err := p.AcceptBind(); err != nil {
				return err
			}
			sent := make(chan error, 1)
			go func() {
				for range n {
					if _, err := p.Request(&pdu.DeliverSM{}); err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for range n {
				got, err := p.Expect(pdu.IDDeliverSMResp)
				if err != nil {
					return err
				}
				answered[got.Sequence]++
			}
			<-replied
			return <-sent
		}, Config{PeerWindow: 4, Handler: q, EnquireInterval: 5 * time.Second, ResponseTimeout: 2 * time.Second})
		total := 0
		for total < n {
			synctest.Wait()
			// Longer than it takes to find a silent peer: one that we do not read is none.
			time.Sleep(20 * time.Second)
			held := q.take()
			if len(held) == 0 || len(held) > 4 || c.Err() != nil {
				t.Fatalf("%d held after %d, %v", len(held), total, c.Err())
			}
			total += len(held)
			for i := len(held) - 1; i >= 0; i-- {
				if err := c.Reply(held[i].Sequence, held[i].ID, nil, 0); err != nil {
					t.Error(err)
				}
				if err := c.Reply(held[i].Sequence, held[i].ID, nil, 0); !errors.Is(err, ErrNotHeld) {
					t.Errorf("a second reply: %v", err)
				}
			}
		}
		close(replied)
		<-c.Done() // the script is over
		if len(answered) != n {
			t.Errorf("%d of %d answered", len(answered), n)
		}
		if s := c.Stats(); s.Held != 0 || s.Pauses == 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestPeerThatAsksAndDoesNotReadIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken int
		c := pipe(t, func(p *smpptest.Peer) error {
			if _, err := p.AcceptBind(); err != nil {
				return err
			}
			p.Timeout = time.Second
			wire, err := smpptest.Encode(pdu.IDEnquireLink, 0, 1, nil)
			if err != nil {
				return err
			}
			for range 100 {
				wire = append(wire, wire[:pdu.HeaderLen]...)
			}
			for p.Octets(wire) == nil {
				taken += len(wire)
			}
			return nil
		}, Config{WriteTimeout: 5 * time.Second})
		<-c.Done()
		synctest.Wait()
		if taken > 3*maxQueue {
			t.Errorf("%d octets of questions were taken", taken)
		}
	})
}

func TestReplyInsideTheHandlerCounts(t *testing.T) {
	var late error
	s := &Server{Config: Config{Handler: HandlerFunc(func(_ context.Context, c *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		if err := c.Reply(p.Sequence, p.ID, &pdu.SubmitSMResp{MessageID: []byte("first")}, 0); err != nil {
			late = err
		}
		return &pdu.SubmitSMResp{MessageID: []byte("second")}, 0
	})}}
	c := dial(t, serve(t, s), testBind, Config{})
	for range 3 {
		p, err := c.Do(t.Context(), submit("x"))
		if err != nil || string(p.Body.(*pdu.SubmitSMResp).MessageID) != "first" {
			t.Errorf("%v, %v", p.Body, err)
		}
	}
	if s := c.Stats(); s.Unmatched != 0 || late != nil {
		t.Errorf("%+v, %v", s, late)
	}
}

func TestReplyThatCannotBeEncodedIsASystemError(t *testing.T) {
	s := &Server{Config: Config{Handler: HandlerFunc(func(_ context.Context, _ *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		if len(p.Body.(*pdu.SubmitSM).ShortMessage) == 0 {
			return &pdu.DeliverSMResp{}, 0
		}
		return &pdu.SubmitSMResp{MessageID: make([]byte, 100)}, 0
	})}}
	c := dial(t, serve(t, s), testBind, Config{})
	for _, text := range []string{"", "too long an id"} {
		var e *StatusError
		if _, err := c.Do(t.Context(), submit(text)); !errors.As(err, &e) || e.Status != pdu.StatusSysErr {
			t.Errorf("got %v", err)
		}
	}
}
