package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

// The soak: a day of traffic in miniature. While good binds submit, hostile peers
// come to the same server, and clients of ours meet hostile servers: one such
// event for each hundred messages.
const (
	soakBinds   = 4
	soakWindow  = 100
	soakRound   = 10_000 // messages; a hundredth of it are hostile events
	soakReduced = 100_000
	soakFull    = 10_000_000
)

func TestSoakTrafficWithHostilePeersLeavesNothingBehind(t *testing.T) {
	total := soakReduced
	if os.Getenv("NYOTA_SOAK") != "" {
		total = soakFull
	}
	var good atomic.Int64
	answer := &pdu.SubmitSMResp{MessageID: []byte("1")}
	addr, server := smsc(t, func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		switch b := p.Body.(type) {
		case *pdu.SubmitSM:
			if string(b.ServiceType) == "LOAD" {
				good.Add(1)
			}
			return answer, 0
		default:
			return nil, pdu.StatusInvCmdID
		}
	})
	conns := make([]*smpp.Conn, soakBinds)
	for i := range conns {
		c, err := smpp.Dial(t.Context(), addr, smpp.Bind{SystemID: "SOAK"}, smpp.Config{Window: soakWindow})
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
		defer func() { _ = c.Unbind(context.Background()) }()
	}

	round := func(first int) {
		var wg sync.WaitGroup
		for i, c := range conns {
			wg.Go(func() { soakSend(t, c, soakRound/soakBinds, i%2 == 0) })
		}
		const hostile = 2
		for i := range hostile {
			wg.Go(func() {
				for n := first + i; n < first+soakRound/100; n += hostile {
					e := soakEvents[n%len(soakEvents)]
					if err := e.play(t.Context(), server); err != nil {
						t.Errorf("%s: %v", e.name, err)
					}
				}
			})
		}
		wg.Wait()
	}

	// The first rounds fill pools and buffers; what is there after them may stay.
	const warm = 3
	var goroutines int
	var heap uint64
	for r := range warm + total/soakRound {
		if r == warm {
			goroutines, heap = soakRest(t, server, 0)
		}
		round(r * soakRound / 100)
		if t.Failed() {
			return
		}
	}
	sent := int64(warm*soakRound + total)
	if n := good.Load(); n != sent {
		t.Errorf("%d messages came, %d were sent", n, sent)
	}
	for _, c := range conns {
		if s := c.Stats(); c.Err() != nil || s.Timeouts+s.Late+s.Unmatched+s.Malformed != 0 || s.Outstanding != 0 {
			t.Errorf("a good bind suffered: %v, %+v", c.Err(), s)
		}
	}
	goroutinesNow, heapNow := soakRest(t, server, goroutines)
	t.Logf("%d messages and %d hostile events: goroutines %d, then %d; heap %d KiB, then %d KiB",
		total, total/100, goroutines, goroutinesNow, heap>>10, heapNow>>10)
	if goroutinesNow > goroutines {
		t.Errorf("%d goroutines, there were %d", goroutinesNow, goroutines)
	}
	const slack = 512 << 10 // pools, stacks of maps
	if heapNow > heap+slack {
		t.Errorf("%d KiB in the heap, there were %d", heapNow>>10, heap>>10)
	}
}

// soakSend submits over one good bind; every answer must be good.
func soakSend(t *testing.T, c *smpp.Conn, messages int, pipelined bool) {
	m := Message("255700000001")
	var wg sync.WaitGroup
	if pipelined {
		done := func(_ pdu.PDU, err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		}
		for range messages {
			wg.Add(1)
			if err := c.Go(context.Background(), m, done); err != nil {
				t.Error(err)
				wg.Done()
				break
			}
		}
		wg.Wait()
		return
	}
	left := atomic.Int64{}
	left.Store(int64(messages))
	for range soakWindow {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := c.Do(context.Background(), m); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// soakRest waits until only the good sessions are left and no more than so many
// goroutines (0: any number), and returns the goroutines and the octets in use.
func soakRest(t *testing.T, s *smpp.Server, goroutines int) (int, uint64) {
	t.Helper()
	rested := func() bool {
		return len(s.Conns()) == soakBinds && (goroutines == 0 || runtime.NumGoroutine() <= goroutines)
	}
	for end := time.Now().Add(10 * time.Second); !rested() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	var m runtime.MemStats
	for range 3 { // pools are emptied by the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// soakEvent is one thing that a hostile peer does.
type soakEvent struct {
	name string
	play func(ctx context.Context, s *smpp.Server) error
}

var soakEvents = []soakEvent{
	// Hostile clients of our server.
	{"goes at once", soakClient(func(*smpptest.Peer) error { return nil })},
	{"submits before the bind", soakClient(func(p *smpptest.Peer) error {
		return soakWant(p, &pdu.SubmitSM{}, pdu.StatusInvBndSts)
	})},
	{"binds with half a body", soakClient(func(p *smpptest.Peer) error {
		return soakRaw(p, pdu.IDBindTransceiver, []byte("no NUL"), pdu.IDBindTransceiverResp)
	})},
	{"binds twice", soakBound(func(p *smpptest.Peer) error {
		return soakWant(p, &pdu.BindTransceiver{}, pdu.StatusAlyBnd)
	})},
	{"malformed body", soakBound(func(p *smpptest.Peer) error {
		if err := soakRaw(p, pdu.IDSubmitSM, []byte("\x00\x00"), pdu.IDSubmitSMResp); err != nil {
			return err
		}
		return soakWant(p, &pdu.SubmitSM{}, 0)
	})},
	{"unknown command", soakBound(func(p *smpptest.Peer) error {
		if err := soakRaw(p, 0x00004711, []byte("what is this"), pdu.IDGenericNack); err != nil {
			return err
		}
		return soakWant(p, &pdu.EnquireLink{}, 0)
	})},
	{"answers what nobody asked", soakBound(func(p *smpptest.Peer) error {
		for _, seq := range []uint32{0, 1, pdu.MaxSequence} {
			if err := p.Send(0, seq, &pdu.DeliverSMResp{}); err != nil {
				return err
			}
		}
		return soakWant(p, &pdu.EnquireLink{}, 0)
	})},
	{"parameters of nobody's", soakBound(func(p *smpptest.Peer) error {
		return soakWant(p, &pdu.SubmitSM{TLVs: pdu.TLVs{{Tag: 0x3FFF}, {Tag: 0x3FFF, Value: make([]byte, 5000)}}}, 0)
	})},
	{"one octet at a time", soakBound(func(p *smpptest.Peer) error {
		wire, err := pdu.AppendPDU(nil, 0, 9, &pdu.SubmitSM{ShortMessage: []byte("slow")})
		if err != nil {
			return err
		}
		if err := p.OneByOne(wire); err != nil {
			return err
		}
		_, err = p.Expect(pdu.IDSubmitSMResp)
		return err
	})},
	{"command_length 4", soakBound(func(p *smpptest.Peer) error { return soakLength(p, 4) })},
	{"command_length of 2 GiB", soakBound(func(p *smpptest.Peer) error { return soakLength(p, 1<<31) })},
	{"half a PDU", soakBound(func(p *smpptest.Peer) error {
		return p.Octets(pdu.AppendHeader(nil, pdu.Header{Length: 60_000, ID: pdu.IDSubmitSM, Sequence: 9}))
	})},
	{"submits and reads nothing", soakBound(func(p *smpptest.Peer) error {
		_, err := p.Request(&pdu.SubmitSM{})
		return err
	})},
	{"unbinds behind its requests", soakBound(func(p *smpptest.Peer) error {
		var wire []byte
		for i, b := range []pdu.Body{&pdu.SubmitSM{}, &pdu.SubmitSM{}, &pdu.Unbind{}} {
			var err error
			if wire, err = pdu.AppendPDU(wire, 0, uint32(10+i), b); err != nil {
				return err
			}
		}
		if err := p.Octets(wire); err != nil {
			return err
		}
		for _, id := range []pdu.CommandID{pdu.IDSubmitSMResp, pdu.IDSubmitSMResp, pdu.IDUnbindResp} {
			if _, err := p.Expect(id); err != nil {
				return err
			}
		}
		return nil
	})},

	// Hostile servers of our clients.
	{"refuses the bind", func(ctx context.Context, _ *smpp.Server) error {
		nc, wait := soakPeer(smpptest.RefuseBind(pdu.StatusBindFail))
		defer wait()
		_, err := smpp.NewConn(ctx, nc, smpp.Bind{SystemID: "SOAK"}, smpp.Config{})
		if err == nil {
			err = errors.New("bound")
		} else if status := (*smpp.StatusError)(nil); errors.As(err, &status) {
			err = nil
		}
		return err
	}},
	{"black hole", soakServer(smpptest.BlackHole, false)},
	{"answers twice", soakServer(smpptest.AnswerTwice, true)},
	{"answers backwards", soakServer(smpptest.AnswerBackwards(soakAsked), true)},
	{"another kind of answer", soakServer(smpptest.Answer(&pdu.QuerySMResp{}), false)},
	{"answers with malformed bodies", soakServer(smpptest.MalformedBody, true)},
	{"answers with parameters of nobody's", soakServer(smpptest.UnknownParameters, true)},
	{"refuses with a body", soakServer(smpptest.RefuseSubmit(pdu.StatusThrottled, true), true)},
	{"refuses without a body", soakServer(smpptest.RefuseSubmit(pdu.StatusSysErr, false), true)},
	{"nacks", soakServer(smpptest.Nack(pdu.StatusInvCmdID, true), true)},
	{"nacks nothing", soakServer(smpptest.Nack(pdu.StatusInvCmdID, false), false)},
	{"answers with a length of 3", soakServer(smpptest.Length(3), true)},
	{"answers with half a PDU", soakServer(smpptest.HalfPDU(17), true)},
	{"answers octet by octet", soakServer(smpptest.ByteByByte, true)},
	{"unbinds in the middle", soakServer(smpptest.UnbindAfter(2), true)},
	{"delivers with the bind", soakServer(smpptest.DeliverWithBind(&pdu.DeliverSM{}), true)},
}

// soakClient lets a peer come to the server and do something.
func soakClient(act func(*smpptest.Peer) error) func(context.Context, *smpp.Server) error {
	return func(_ context.Context, s *smpp.Server) error {
		ours, theirs, end := soakPipe()
		defer end()
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = s.ServeConn(theirs) // that it ends is what counts
		}()
		p := smpptest.NewPeer(oneClock{ours})
		err := act(p)
		_ = p.Close()
		<-served
		return err
	}
}

// soakBound is soakClient after a bind.
func soakBound(act func(*smpptest.Peer) error) func(context.Context, *smpp.Server) error {
	return soakClient(func(p *smpptest.Peer) error {
		if _, err := p.Bind("HOSTILE", "pw"); err != nil {
			return err
		}
		return act(p)
	})
}

// soakPipe returns a pipe for one event, and what stops the clock that ends it.
func soakPipe() (ours, theirs net.Conn, end func()) {
	ours, theirs = net.Pipe()
	clock := time.AfterFunc(time.Minute, func() { _ = ours.Close() })
	return ours, theirs, func() { clock.Stop() }
}

// oneClock ignores deadlines: the timers of a pipe outlive it and hold its memory
// until they end, which would be counted as left behind.
type oneClock struct{ net.Conn }

func (oneClock) SetReadDeadline(time.Time) error  { return nil }
func (oneClock) SetWriteDeadline(time.Time) error { return nil }

// soakPeer runs a script on one end of a pipe; wait returns when it has ended.
func soakPeer(script smpptest.Script) (nc net.Conn, wait func()) {
	ours, theirs, end := soakPipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = script(smpptest.NewPeer(oneClock{theirs})) // it may be cut off in the middle
		_ = theirs.Close()
	}()
	return ours, func() {
		_ = ours.Close()
		<-ended
		end()
	}
}

// soakWant sends a request and wants it answered with that status.
func soakWant(p *smpptest.Peer, b pdu.Body, want pdu.Status) error {
	got, err := p.Ask(b)
	if err == nil && got.Status != want {
		err = fmt.Errorf("%s was answered with %s, not %s", b.ID(), got.Status, want)
	}
	return err
}

// soakRaw sends a body as it is and wants an error of that kind.
func soakRaw(p *smpptest.Peer, id pdu.CommandID, body []byte, want pdu.CommandID) error {
	h := pdu.Header{Length: uint32(pdu.HeaderLen + len(body)), ID: id, Sequence: 7}
	if err := p.Octets(append(pdu.AppendHeader(nil, h), body...)); err != nil {
		return err
	}
	got, err := p.Expect(want)
	if err == nil && got.Status == 0 {
		err = fmt.Errorf("%s was answered with success", id)
	}
	return err
}

// soakLength sends a length that no PDU has and wants the end.
func soakLength(p *smpptest.Peer, n uint32) error {
	if err := p.Octets(pdu.AppendHeader(nil, pdu.Header{Length: n, ID: pdu.IDSubmitSM, Sequence: 7})); err != nil {
		return err
	}
	return p.ExpectEnd()
}

// soakAsked is how many requests a hostile server gets at once.
const soakAsked = 4

// soakServer lets a client of ours ask a hostile server. Every request must come
// to one end. Servers that answer, or go, are waited for; others are left.
func soakServer(script smpptest.Script, waits bool) func(context.Context, *smpp.Server) error {
	return func(ctx context.Context, _ *smpp.Server) error {
		nc, wait := soakPeer(script)
		defer wait()
		c, err := smpp.NewConn(ctx, nc, smpp.Bind{SystemID: "SOAK"}, smpp.Config{
			Handler: smpp.HandlerFunc(func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
				return &pdu.DeliverSMResp{}, 0
			}),
		})
		if err != nil {
			return err
		}
		var ends atomic.Int64
		all := make(chan struct{})
		end := func(pdu.PDU, error) {
			if ends.Add(1) == soakAsked {
				close(all)
			}
		}
		for range soakAsked {
			if err := c.Go(ctx, &pdu.SubmitSM{}, end); err != nil {
				end(pdu.PDU{}, err) // the server has gone already
			}
		}
		if waits {
			<-all
		}
		_ = c.Close()
		<-c.Done()
		if n := ends.Load(); n != soakAsked {
			return fmt.Errorf("%d of %d requests have an end", n, soakAsked)
		}
		return nil
	}
}
