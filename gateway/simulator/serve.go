package simulator

import (
	"context"
	"crypto/subtle"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// Statuses that a handset's side of the network answers with.
const (
	statusInvalidDestination = pdu.StatusInvDstAdr
	statusQueueFull          = pdu.StatusMsgQFul
)

// couriers deliver what nobody waits for: receipts, confirmations, ends.
const couriers = 4

// clockEvery is how exact the network's timeouts are.
const clockEvery = 100 * time.Millisecond

// server sets up the SMPP side.
func (s *SMSC) server() *smpp.Server {
	return &smpp.Server{
		SystemID: s.cfg.SystemID,
		MaxConns: s.cfg.MaxConns,
		Config: smpp.Config{
			Window:          256,
			PeerWindow:      8192,
			ResponseTimeout: s.cfg.AnswerTimeout,
			Handler:         smpp.HandlerFunc(s.serve),
			Logger:          s.log,
		},
		Bind: func(_ context.Context, _ *smpp.Conn, b smpp.Bind) pdu.Status {
			if s.cfg.Password != "" && subtle.ConstantTimeCompare([]byte(b.Password), []byte(s.cfg.Password)) != 1 {
				return pdu.StatusInvPaswd
			}
			return 0
		},
		OnBound: func(c *smpp.Conn) {
			if c.Bound().Type != pdu.IDBindTransmitter {
				s.bound(c)
			}
		},
		OnClosed: func(c *smpp.Conn) { s.gone(c) },
	}
}

// Serve takes gateways on l until ctx ends or Shutdown is called, then unbinds
// them within 2 s. An SMSC serves once. It returns nil after an orderly end.
func (s *SMSC) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range couriers {
		wg.Go(func() {
			for {
				select {
				case job := <-s.jobs:
					job(ctx)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	wg.Go(func() {
		t := time.NewTicker(clockEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				s.tick(s.now())
			case <-ctx.Done():
				return
			}
		}
	})
	wg.Go(func() {
		<-ctx.Done()
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer stop()
		_ = s.srv.Shutdown(end)
	})
	err := s.srv.Serve(l)
	if ctx.Err() != nil || errors.Is(err, smpp.ErrClosed) {
		return nil
	}
	return err
}

// Shutdown unbinds every gateway and lets Serve return. It waits as long as ctx.
func (s *SMSC) Shutdown(ctx context.Context) error { return s.srv.Shutdown(ctx) }

// deliver hands a message to a gateway, p if it is still bound, and waits for
// its response. When the bind is gone or goes, another may take the message
// within the time that Redeliver gives.
func (s *SMSC) deliver(ctx context.Context, p peer, m *pdu.DeliverSM) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AnswerTimeout)
	defer cancel()
	patience, stop := context.WithTimeout(ctx, s.cfg.Redeliver)
	defer stop()
	err := ErrNoService
	for {
		if p = s.same(p); p == nil {
			if p = s.comes(patience); p == nil {
				return err
			}
		}
		if _, err = p.Do(ctx, m); err == nil {
			return nil
		}
		if p.Err() != nil { // it ends: those who wait learn it before OnClosed does
			s.gone(p)
		}
		if s.isBound(p) || patience.Err() != nil {
			return err
		}
	}
}

// serve takes a gateway's request. It runs on the connection's reader and does
// not block.
func (s *SMSC) serve(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	b, ok := p.Body.(*pdu.SubmitSM)
	if !ok {
		return nil, pdu.StatusInvCmdID
	}
	n, f := s.submits.Add(1), s.Faults()
	if f.Throttle > 0 && n%uint64(f.Throttle) == 0 {
		return nil, pdu.StatusThrottled
	}
	id, job, status := s.submit(b)
	var resp pdu.Body
	if status == 0 {
		resp = &pdu.SubmitSMResp{MessageID: []byte(id)}
	}
	if f.LoseResponse > 0 && n%uint64(f.LoseResponse) == 0 {
		if job != nil {
			s.queue(job)
		}
		return nil, 0
	}
	if job == nil {
		return resp, status
	}
	// The response is queued before the job, so that a receipt follows it.
	if err := c.Reply(p.Sequence, p.ID, resp, status); err != nil {
		s.log.Warn("a response was not written", "err", err)
	}
	s.queue(job)
	return nil, 0
}

// submit takes a message to its handset. It gives the message an id, and the
// courier a job, if there is one.
func (s *SMSC) submit(b *pdu.SubmitSM) (id string, job func(context.Context), status pdu.Status) {
	h, status := s.recipient(string(b.DestinationAddr))
	if status != 0 {
		return "", nil, status
	}
	id = strconv.FormatUint(s.messages.Add(1), 16)
	op, ok := b.TLVs.Uint8(pdu.TagUSSDServiceOp)
	if !ok {
		if _, bad := b.TLVs.Get(pdu.TagUSSDServiceOp); bad {
			return "", nil, pdu.StatusInvTLVLen
		}
		job, status = s.short(h, b, id)
		return id, job, status
	}
	m, status := parseScreen(b, op)
	if status != 0 {
		return "", nil, status
	}
	status, job = h.show(m)
	if status != 0 {
		return "", nil, status
	}
	s.opened(h)
	return id, job, 0
}
