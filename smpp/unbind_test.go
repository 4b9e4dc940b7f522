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

func TestUnbindDrainsBothDirections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		var order []pdu.CommandID
		c := pipe(t, func(p *smpptest.Peer) error {
			if _, err := p.AcceptBind(); err != nil {
				return err
			}
			if _, err := p.Request(&pdu.DeliverSM{}); err != nil {
				return err
			}
			for {
				got, err := p.Read()
				if err != nil {
					return nil
				}
				order = append(order, got.ID)
				switch got.ID {
				case pdu.IDSubmitSM:
					time.Sleep(time.Second)
					err = p.Send(0, got.Sequence, &pdu.SubmitSMResp{})
				case pdu.IDUnbind:
					return p.Send(0, got.Sequence, &pdu.UnbindResp{})
				}
				if err != nil {
					return err
				}
			}
		}, Config{Handler: q, EnquireInterval: -1})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Do(context.Background(), submit("x")); err != nil {
				t.Errorf("the request under way: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			time.Sleep(3 * time.Second)
			if _, err := c.Do(context.Background(), submit("y")); !errors.Is(err, ErrNotSent) {
				t.Errorf("a new request: %v", err)
			}
			for _, h := range q.take() {
				if err := c.Reply(h.Sequence, h.ID, nil, 0); err != nil {
					t.Error(err)
				}
			}
		})
		if err := c.Unbind(t.Context()); err != nil {
			t.Errorf("unbind: %v", err)
		}
		wg.Wait()
		synctest.Wait()
		if len(order) != 3 || order[0] != pdu.IDSubmitSM || order[1] != pdu.IDDeliverSMResp || order[2] != pdu.IDUnbind {
			t.Errorf("the peer saw %v", order)
		}
		if err := c.Unbind(t.Context()); err != nil {
			t.Errorf("unbinding again: %v", err)
		}
	})
}

func TestUnbindEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.BlackHole, Config{EnquireInterval: -1, ResponseTimeout: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := c.Unbind(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		select {
		case <-c.Done():
		default:
			t.Error("the connection is still there")
		}
	})
}

func TestPeersUnbindWaitsForItsAnswers(t *testing.T) {
	for _, reply := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			q := &queue{}
			began := time.Now()
			var order []pdu.CommandID
			c := pipe(t, func(p *smpptest.Peer) error {
				p.Timeout = time.Hour
				if _, err := p.AcceptBind(); err != nil {
					return err
				}
				if _, err := p.Request(&pdu.DeliverSM{}); err != nil {
					return err
				}
				if _, err := p.Request(&pdu.Unbind{}); err != nil {
					return err
				}
				for {
					got, err := p.Read()
					if err != nil {
						return nil
					}
					order = append(order, got.ID)
				}
			}, Config{Handler: q, ResponseTimeout: 4 * time.Second})
			time.Sleep(time.Second)
			if _, err := c.Do(t.Context(), submit("x")); !errors.Is(err, ErrNotSent) {
				t.Errorf("a request after the peer's unbind: %v", err)
			}
			want := []pdu.CommandID{pdu.IDUnbindResp}
			if reply {
				want = []pdu.CommandID{pdu.IDDeliverSMResp, pdu.IDUnbindResp}
				for _, h := range q.take() {
					if err := c.Reply(h.Sequence, h.ID, nil, 0); err != nil {
						t.Error(err)
					}
				}
			}
			<-c.Done()
			synctest.Wait()
			if !errors.Is(c.Err(), ErrUnbound) {
				t.Errorf("ended with %v", c.Err())
			}
			if len(order) != len(want) || order[0] != want[0] || order[len(order)-1] != pdu.IDUnbindResp {
				t.Errorf("the peer saw %v", order)
			}
			if d := time.Since(began); !reply && (d < 4*time.Second || d > 5*time.Second) {
				t.Errorf("unanswered, it ended after %v", d)
			}
		})
	}
}

func TestCloseFromEverywhereEndsEverything(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(c *Conn)
	}{
		{"from outside", func(c *Conn) { _ = c.Close() }},
		{"twice", func(c *Conn) { _ = c.Close(); _ = c.Close() }},
		{"from a callback", func(c *Conn) {
			_ = c.Go(context.Background(), &pdu.EnquireLink{}, func(pdu.PDU, error) { _ = c.Close() })
		}},
		{"while it unbinds", func(c *Conn) {
			go func() { _ = c.Unbind(context.Background()) }()
			_ = c.Close()
		}},
		{"by many", func(c *Conn) {
			for range 10 {
				go func() { _ = c.Close() }()
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := pipe(t, smpptest.Behave, Config{EnquireInterval: -1})
				tc.do(c)
				<-c.Done()
				if !errors.Is(c.Err(), ErrClosed) {
					t.Errorf("ended with %v", c.Err())
				}
				if c.ctx.Err() == nil {
					t.Error("the handlers' context goes on")
				}
			})
		})
	}
}

func TestFirstErrorWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.Behave, Config{})
		first := errors.New("first")
		c.fail(first)
		c.fail(errors.New("second"))
		_ = c.Close()
		<-c.Done()
		if c.Err() != first {
			t.Errorf("got %v", c.Err())
		}
	})
}
