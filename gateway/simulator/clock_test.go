package simulator

import (
	"context"
	"sync"
	"testing"
	"time"

	"nyota/smpp/pdu"
)

// fakePeer is a gateway that takes everything, without a network.
type fakePeer struct {
	mu  sync.Mutex
	got []*pdu.DeliverSM
}

func (p *fakePeer) Do(_ context.Context, b pdu.Body) (pdu.PDU, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, b.(*pdu.DeliverSM))
	return pdu.PDU{}, nil
}

func (p *fakePeer) Err() error { return nil }

func (p *fakePeer) last() *pdu.DeliverSM {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got[len(p.got)-1]
}

// runJobs does what the courier would do now.
func runJobs(t *testing.T, s *SMSC) {
	t.Helper()
	for {
		select {
		case job := <-s.jobs:
			job(t.Context())
		default:
			return
		}
	}
}

func TestTheNetworkGivesUp(t *testing.T) {
	ask := func(d *pdu.DeliverSM) screen {
		return screen{op: opUSSRReq, session: session(d, false), text: "?"}
	}
	for name, c := range map[string]struct {
		steps  func(t *testing.T, s *SMSC, h *Handset, p *fakePeer, c *clock)
		detail string
	}{
		"when the gateway sends no first screen in time": {
			steps: func(_ *testing.T, s *SMSC, _ *Handset, _ *fakePeer, c *clock) {
				s.tick(c.add(10*time.Second - 1))
				s.tick(c.add(1))
			},
			detail: "the gateway did not answer in time",
		},
		"when the customer does not answer": {
			steps: func(t *testing.T, s *SMSC, h *Handset, p *fakePeer, c *clock) {
				if st, _ := h.show(ask(p.last())); st != 0 {
					t.Fatal(st)
				}
				s.tick(c.add(time.Minute - 1))
				if got := h.Snapshot(); got.State != Asking || !got.Deadline.Equal(got.SessionEnds) {
					t.Errorf("just before: %+v", got)
				}
				s.tick(c.add(1))
			},
			detail: "the network's time for a dialogue was over",
		},
		"when the dialogue takes too long": {
			steps: func(t *testing.T, s *SMSC, h *Handset, p *fakePeer, c *clock) {
				c.add(5 * time.Second)
				h.show(ask(p.last()))
				c.add(50 * time.Second)
				if err := h.Press(t.Context(), "1"); err != nil {
					t.Fatal(err)
				}
				if got := h.Snapshot(); got.Allowed != 5*time.Second {
					t.Errorf("the gateway has %v, of the 5 s that are left", got.Allowed)
				}
				s.tick(c.add(5 * time.Second))
			},
			detail: "the network's time for a dialogue was over",
		},
	} {
		t.Run(name, func(t *testing.T) {
			clk := newClock()
			s := NewSMSC(SMSCConfig{NetworkTimeout: time.Minute, AnswerTimeout: 10 * time.Second, Now: clk.now})
			p := &fakePeer{}
			s.bound(p)
			h := phone(t, s, asha)
			if err := h.Dial(t.Context(), "*150*00#"); err != nil {
				t.Fatal(err)
			}
			start := p.last()
			if got := h.Snapshot(); got.Allowed != 10*time.Second || got.Deadline.Sub(clk.now()) != got.Allowed {
				t.Errorf("the gateway has %v until %v", got.Allowed, got.Deadline)
			}
			c.steps(t, s, h, p, clk)

			got := h.Snapshot()
			last := got.Transcript[len(got.Transcript)-1]
			if got.State != Failed || got.Screen != connectionProblem || last.Kind != KindTimeout || last.Detail != c.detail {
				t.Fatalf("state %s, screen %q, last %+v", got.State, got.Screen, last)
			}
			if !got.Deadline.IsZero() {
				t.Error("it still counts down")
			}
			runJobs(t, s)
			if end := p.last(); session(end, false)[0] != session(start, false)[0] || end.TLVs[1].Value[1]&1 != 1 {
				t.Errorf("the gateway was told %+v", end)
			}
			if st, _ := h.show(ask(start)); st != pdu.StatusSubmitFail {
				t.Errorf("a late screen was answered %v", st)
			}
			if got := h.Snapshot(); got.State != Failed {
				t.Errorf("a late screen showed: %+v", got)
			}
			s.tick(clk.now())
			if len(s.running) != 0 {
				t.Error("the clock still watches it")
			}
		})
	}
}

func TestATickDuringTheNextDialogueLeavesItAlone(t *testing.T) {
	clk := newClock()
	s := NewSMSC(SMSCConfig{NetworkTimeout: time.Minute, AnswerTimeout: 10 * time.Second, Now: clk.now})
	s.bound(&fakePeer{})
	h := phone(t, s, asha)
	for range 3 {
		if err := h.Dial(t.Context(), "*150*00#"); err != nil {
			t.Fatal(err)
		}
		s.tick(clk.add(10 * time.Second))
	}
	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	s.tick(clk.add(time.Second))
	if got := h.Snapshot(); got.State != Waiting {
		t.Errorf("state %s", got.State)
	}
}
