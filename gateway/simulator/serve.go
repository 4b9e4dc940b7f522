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
			s.answers.Store(c, new(answers))
			if c.Bound().Type != pdu.IDBindTransmitter {
				s.bound(c)
			}
		},
		OnClosed: func(c *smpp.Conn) {
			s.answers.Delete(c)
			s.gone(c)
		},
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
				now := s.now()
				s.ticked.Store(&now)
				s.tick(now)
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
// its response. When the bind is gone or goes, or refuses for now, another may
// take the message within the time that Redeliver gives.
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
		if patience.Err() != nil {
			return err
		}
		if !s.isBound(p) {
			continue
		}
		if !passing(err) {
			return err
		}
		// It has no room, or is about to leave: another bind may take the message.
		select {
		case <-time.After(againAfter):
		case <-patience.Done():
			return err
		}
		p = s.pick()
	}
}

// againAfter is the pause before a message that was refused for now is delivered
// again.
const againAfter = 20 * time.Millisecond

// passing says whether a refusal is for now only.
func passing(err error) bool {
	var refused *smpp.StatusError
	return errors.As(err, &refused) && (refused.Status == pdu.StatusThrottled || refused.Status == pdu.StatusXTAppn)
}

// serve takes a gateway's request. It runs on the connection's reader and does
// not block.
func (s *SMSC) serve(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	b, ok := p.Body.(*pdu.SubmitSM)
	if !ok {
		return nil, pdu.StatusInvCmdID
	}
	f, n := s.faults.Load(), uint64(0)
	if f.Throttle > 0 || f.LoseResponse > 0 {
		n = s.submits.Add(1)
	}
	if f.Throttle > 0 && n%uint64(f.Throttle) == 0 {
		return nil, pdu.StatusThrottled
	}
	a := s.answersOf(c)
	id := a.id(s)
	job, status := s.submit(b, id)
	var resp pdu.Body
	if status == 0 {
		resp = a.to(id)
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

// idsAtOnce is how many ids a bind takes at once, so that binds seldom meet there.
const idsAtOnce = 1 << 10

// answers is what the responses of one bind are made with. It belongs to the
// reader's goroutine of its connection; a response is encoded there before the
// next request is read, so that one is enough.
type answers struct {
	next, end uint64 // ids
	resp      pdu.SubmitSMResp
}

// answersOf returns those of a bind.
func (s *SMSC) answersOf(c *smpp.Conn) *answers {
	if a, ok := s.answers.Load(c); ok {
		return a.(*answers)
	}
	return new(answers) // OnBound comes before requests: nobody asks
}

// id returns an id that no other message has.
func (a *answers) id(s *SMSC) uint64 {
	if a.next == a.end {
		a.end = s.messages.Add(idsAtOnce)
		a.next = a.end - idsAtOnce
	}
	a.next++
	return a.next
}

// to is the response with a message's id.
func (a *answers) to(id uint64) *pdu.SubmitSMResp {
	a.resp.MessageID = appendID(a.resp.MessageID[:0], id)
	return &a.resp
}

// appendID appends a message's id as gateways see it.
func appendID(dst []byte, id uint64) []byte { return strconv.AppendUint(dst, id, 16) }

// submit takes a message with this id to its handset, and may have a job for the
// courier.
func (s *SMSC) submit(b *pdu.SubmitSM, id uint64) (job func(context.Context), status pdu.Status) {
	info, ok := b.TLVs.Get(pdu.TagUSSDServiceOp)
	if !ok {
		return s.short(b, id)
	}
	h, status := s.recipient(b.DestinationAddr)
	if status != 0 {
		return nil, status
	}
	if len(info) != 1 {
		return nil, pdu.StatusInvTLVLen
	}
	m, status := parseScreen(b, info[0])
	if status != 0 {
		return nil, status
	}
	status, job = h.show(m)
	if status != 0 {
		return nil, status
	}
	s.opened(h)
	return job, 0
}
