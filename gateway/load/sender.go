package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// sender is one bind of the generator.
type sender struct {
	cfg   Config
	conn  *smpp.Conn
	index int // among the binds
	start time.Time
	meter *meter

	stopped atomic.Bool // flat out: send no more
	begun   uint64      // with a rate: requests of the schedule that were begun
	missed  uint64      // with a rate: those that were due and not begun
}

func newSender(cfg Config, c *smpp.Conn, index int) *sender {
	return &sender{cfg: cfg, conn: c, index: index, meter: newMeter()}
}

// run sends until it is over, and returns when all is answered or given up, which
// the response timer bounds. What is under way when ctx ends is waited for: an
// answer that comes tells more than none.
func (s *sender) run(ctx context.Context) {
	switch {
	case s.cfg.Pipeline && s.cfg.Rate > 0:
		p := newPipeline(s)
		s.schedule(ctx, func(due time.Duration) bool { return p.send(due) == nil })
		p.wait()
	case s.cfg.Pipeline:
		p := newPipeline(s)
		for !s.stopped.Load() && p.send(time.Since(s.start)) == nil {
		}
		p.wait()
	case s.cfg.Rate > 0:
		s.pacedCallers(ctx)
	default:
		s.callers()
	}
}

// callers send flat out, each as soon as its last request is answered.
func (s *sender) callers() {
	var wg sync.WaitGroup
	for range s.cfg.Window {
		wg.Go(func() {
			for !s.stopped.Load() && s.do(time.Since(s.start)) == nil {
			}
		})
	}
	wg.Wait()
}

// pacedCallers send by the schedule. When all of them wait for answers the next
// request waits too, and its latency is counting.
func (s *sender) pacedCallers(ctx context.Context) {
	due := make(chan time.Duration, s.cfg.Window)
	var wg sync.WaitGroup
	for range s.cfg.Window {
		wg.Go(func() {
			for t := range due {
				_ = s.do(t) // counted there
			}
		})
	}
	s.schedule(ctx, func(t time.Duration) bool {
		select {
		case due <- t:
			return true
		case <-s.conn.Done():
			return false
		}
	})
	close(due)
	wg.Wait()
}

// do sends one request that was due at that time and counts what comes of it. It
// returns an error when there is no sense in sending more.
func (s *sender) do(due time.Duration) error {
	_, err := s.conn.Do(context.Background(), s.cfg.Message)
	s.meter.mu.Lock()
	s.meter.count(time.Since(s.start), due, err)
	s.meter.mu.Unlock()
	return over(err)
}

// over passes on an error that the next request would meet as well.
func over(err error) error {
	if errors.Is(err, smpp.ErrNotSent) && !errors.Is(err, smpp.ErrNoResponse) {
		return err
	}
	return nil
}

// pipeline sends without waiting for answers.
type pipeline struct {
	s      *sender
	free   []*flight // the sending goroutine's own
	begun  uint64
	wanted uint64        // guarded by meter.mu: how many answers there will be
	have   uint64        // guarded by meter.mu: answers so far
	back   []*flight     // guarded by meter.mu: flights that ended
	all    chan struct{} // closed when have reaches wanted
}

// flight is one request under way. They are used again: nothing is allocated per
// request.
type flight struct {
	due  time.Duration
	done func(pdu.PDU, error)
}

func newPipeline(s *sender) *pipeline {
	return &pipeline{s: s, wanted: ^uint64(0), all: make(chan struct{})}
}

// send begins one request that was due at that time. An error, which is counted,
// says that there is no sense in sending more.
func (p *pipeline) send(due time.Duration) error {
	f := p.take()
	f.due = due
	if err := p.s.conn.Go(context.Background(), p.s.cfg.Message, f.done); err != nil {
		p.free = append(p.free, f)
		m := p.s.meter
		m.mu.Lock()
		m.count(time.Since(p.s.start), due, err)
		m.mu.Unlock()
		return over(err)
	}
	p.begun++
	return nil
}

// take returns a flight that is not under way. There are about as many as the
// window has slots.
func (p *pipeline) take() *flight {
	if len(p.free) == 0 {
		m := p.s.meter
		m.mu.Lock()
		p.free, p.back = p.back, p.free
		m.mu.Unlock()
	}
	if n := len(p.free); n > 0 {
		f := p.free[n-1]
		p.free = p.free[:n-1]
		return f
	}
	f := &flight{}
	f.done = func(_ pdu.PDU, err error) { p.landed(f, err) }
	return f
}

// landed counts what came of a request. It runs on the connection's goroutines.
func (p *pipeline) landed(f *flight, err error) {
	m := p.s.meter
	now := time.Since(p.s.start)
	m.mu.Lock()
	m.count(now, f.due, err)
	p.back = append(p.back, f)
	if p.have++; p.have == p.wanted {
		close(p.all)
	}
	m.mu.Unlock()
}

// wait returns when all that was begun has ended.
func (p *pipeline) wait() {
	m := p.s.meter
	m.mu.Lock()
	if p.wanted = p.begun; p.have == p.wanted {
		close(p.all)
	}
	m.mu.Unlock()
	<-p.all
}
