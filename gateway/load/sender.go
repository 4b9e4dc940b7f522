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
	late, cancel := context.WithDeadline(ctx, s.start.Add(s.cfg.Duration+patience))
	defer cancel()
	switch {
	case s.cfg.Pipeline:
		p := newPipeline(s, late)
		if s.cfg.Rate > 0 {
			s.schedule(ctx, p.send)
		} else {
			for !s.stopped.Load() && p.send(time.Since(s.start)) == nil {
			}
		}
		p.wait()
	case s.cfg.Rate > 0:
		s.pacedCallers(ctx, late)
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
func (s *sender) pacedCallers(ctx, late context.Context) {
	due := make(chan time.Duration)
	var wg sync.WaitGroup
	for range s.cfg.Window {
		wg.Go(func() {
			for t := range due {
				_ = s.do(t) // counted there
			}
		})
	}
	s.schedule(ctx, func(t time.Duration) error {
		select {
		case due <- t:
			return nil
		case <-s.conn.Done():
		case <-late.Done():
		}
		return errNotBegun
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
	return s.over(err)
}

// errNotBegun: the time was over before there was room for the request.
var errNotBegun = errors.New("load: not begun")

// over passes on an error that the next request would meet as well.
func (s *sender) over(err error) error {
	if err == nil || s.conn.Err() == nil && (!errors.Is(err, smpp.ErrNotSent) || errors.Is(err, smpp.ErrNoResponse)) {
		return nil
	}
	return err
}

// pipeline sends without waiting for answers.
type pipeline struct {
	s      *sender
	late   context.Context // ends when no request is to be begun any more
	free   []*flight       // the sending goroutine's own
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

func newPipeline(s *sender, late context.Context) *pipeline {
	return &pipeline{s: s, late: late, wanted: ^uint64(0), all: make(chan struct{})}
}

// send begins one request that was due at that time. An error says that there is
// no sense in sending more; but for errNotBegun it is counted.
func (p *pipeline) send(due time.Duration) error {
	f := p.take()
	f.due = due
	err := p.s.conn.Go(p.late, p.s.cfg.Message, f.done)
	if err == nil {
		p.begun++
		return nil
	}
	p.free = append(p.free, f)
	if p.late.Err() != nil {
		return errNotBegun
	}
	m := p.s.meter
	m.mu.Lock()
	m.count(time.Since(p.s.start), due, err)
	m.mu.Unlock()
	return p.s.over(err)
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
