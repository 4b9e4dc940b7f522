package smpp

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

func TestOneReadIsAnsweredByOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Config: Config{EnquireInterval: -1, Handler: HandlerFunc(accepting)}}
		var before, after Stats
		_ = esme(t, s, func(p *smpptest.Peer) error {
			if _, err := p.Bind("a", ""); err != nil {
				return err
			}
			synctest.Wait()
			before = s.Conns()[0].Stats()
			var wire []byte
			for seq := range uint32(10) {
				one, err := smpptest.Encode(0, 0, seq+2, submit("x"))
				if err != nil {
					return err
				}
				wire = append(wire, one...)
			}
			if err := p.Octets(wire); err != nil {
				return err
			}
			for range 10 {
				if _, err := p.Expect(pdu.IDSubmitSMResp); err != nil {
					return err
				}
			}
			after = s.Conns()[0].Stats()
			return nil
		})
		if n := after.Received - before.Received; n != 10 {
			t.Errorf("%d PDUs in the batch", n)
		}
		if r, w := after.Reads-before.Reads, after.Writes-before.Writes; r != 1 || w != 1 {
			t.Errorf("%d reads and %d writes", r, w)
		}
	})
}

func TestHotPathAllocatesNothing(t *testing.T) {
	resp := &pdu.SubmitSMResp{MessageID: []byte("0123456789")}
	addr := serve(t, &Server{Config: Config{Handler: HandlerFunc(func(context.Context, *Conn, pdu.PDU) (pdu.Body, pdu.Status) {
		return resp, 0
	})}})
	c := dial(t, addr, testBind, Config{Window: 256})
	const n = 200
	var answers sync.WaitGroup
	body, ctx := benchSubmit(), context.Background()
	done := func(_ pdu.PDU, err error) {
		if err != nil {
			t.Error(err)
		}
		answers.Done()
	}
	round := func() {
		answers.Add(n)
		for range n {
			if err := c.Go(ctx, body, done); err != nil {
				t.Error(err)
			}
		}
		answers.Wait()
	}
	for range 20 { // the buffers reach their size
		round()
	}
	// Both sides of n requests: less than one allocation per hundred of them.
	if got := testing.AllocsPerRun(50, round); got > n/100 {
		t.Errorf("%v allocations for %d requests", got, n)
	}
}
