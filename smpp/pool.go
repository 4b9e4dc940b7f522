package smpp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nyota/smpp/pdu"
)

// Lane is how urgent a request is. While requests wait for a bind, none of a
// lane is sent before those of the lanes above it, but for PoolConfig.Weights.
type Lane uint8

// The lanes, the most urgent first.
const (
	LaneAnswer       Lane = iota // somebody looks at a screen and waits
	LaneConfirmation             // a single message that is expected
	LaneBulk                     // all else
	lanes
)

// Service is what a link is used for.
type Service uint8

// The services.
const (
	ServiceSMS Service = iota
	ServiceUSSD
	services
)

// Route says how a Pool carries a request. The destination is in the request.
type Route struct {
	Lane    Lane
	Service Service
	// Prefer is a link that carries the request if it can take it now, whatever
	// its prefixes: that on which the other half of a dialogue came. A request
	// without a destination address (query_sm, cancel_sm) goes there or nowhere.
	Prefer *Link
	// Wait is how long the request may wait for room, 0 for as long as its ctx
	// lives. Less than the ctx's time leaves some for the response.
	Wait time.Duration
	// Ref, if not empty, is given back with the receipts of this message: see
	// ReceiptConfig. That receipts are sent at all is asked for in the request.
	Ref string
}

// PoolLink is a Link and what a Pool uses it for.
type PoolLink struct {
	Link *Link // belongs to one Pool; its name is unique there
	// Prefixes are those of the destination addresses that it carries, in digits;
	// none: all. A leading + or 00 of an address does not count. A link with a
	// longer matching prefix is used before one with a shorter: the others only
	// carry its messages while it is not bound.
	Prefixes []string
	Services []Service // that it carries; none: all
	// Rate is how many segments a second it may carry, 0 for no limit; Burst how
	// many of them at once after a pause, a tenth of Rate by default, at least 1.
	// A request that is no message counts as one.
	Rate, Burst float64
	// Centre names the message centre, "" by default: ids of messages are
	// compared among the links of one centre.
	Centre string
	// ResponseIDs and ReceiptIDs are the forms of message ids in responses and in
	// receipts.
	ResponseIDs, ReceiptIDs pdu.IDForm
	Zone                    *time.Location // of dates in receipts; UTC by default
}

// PoolConfig is what a Pool needs; all but Links may be left out.
type PoolConfig struct {
	Links []PoolLink // at most 64
	// Queue is how many requests may wait in each lane, 1024 by default. Requests
	// with another prefix, service or preferred link wait in lanes of their own,
	// so that one link that does not move stops only what it carries.
	Queue [lanes]int
	// Weights, if not all 0, share a busy bind: of so many requests each, those of
	// a less urgent lane go although a more urgent one waits. At least 1 each.
	// Without them none does.
	Weights [lanes]int
	// Retries are by status; nil: DefaultRetries.
	Retries      map[pdu.Status]Retry
	Receipts     ReceiptConfig
	DrainTimeout time.Duration // bounds the end of Run before the links unbind, 5 s by default
	Logger       *slog.Logger
	Now          func() time.Time // time.Now by default
}

// Pool spreads requests over several Links. A request goes to a bound link that
// carries it: the preferred one, or the least busy of those with the longest
// matching prefix. While all of those are busy (window, rate, pause) it waits in
// its lane, and is refused at once if the lane is full or no link is bound.
//
// A request that provably was not sent (ErrNotSent) is sent over another link.
// One whose outcome is unknown is never sent again. One that was refused is sent
// again if Retries says so for its status, over any link of the same rank.
//
// Requests of one lane to one link leave in the order in which they came. A Pool
// has no goroutine but those of its callers, its links and one timer. Its methods
// may be called from any goroutine.
type Pool struct {
	cfg      PoolConfig
	log      *slog.Logger
	retries  map[pdu.Status]Retry
	members  []*member
	routes   [services]routes
	receipts *receipts
	epoch    time.Time
	tickets  sync.Pool

	mu      sync.Mutex
	order   uint64        // of the last request accepted
	waiting int           // tickets in queues
	queued  [lanes]int    // of them, by lane
	delayed []*ticket     // wait for their own time, the first due first
	pending int           // tickets that are not finished
	over    []finished    // to be told when the lock is released
	closed  bool          // no new requests
	shut    bool          // nothing is sent any more
	idle    chan struct{} // closed when pending is 0; nil: nobody asks
	timer   *time.Timer
	wakeAt  time.Duration // 0: the timer is not set
	stats   PoolStats
}

// PoolStats are the counts of a Pool.
type PoolStats struct {
	Sent       uint64 // requests given to a connection, again included
	Retried    uint64 // refused by the peer and to be sent again
	FailedOver uint64 // not sent by a connection that ended, and given to another
	Full       uint64 // refused because a lane was full
	Late       uint64 // gave up waiting for room

	Queued   [lanes]int // requests that wait now
	Links    []PoolLinkStats
	Receipts ReceiptStats
}

// PoolLinkStats is how one link of a Pool stands.
type PoolLinkStats struct {
	Name       string
	Bound      bool
	Draining   bool
	InFlight   int           // requests without a response
	Limit      int           // of requests in flight after a slowdown; 0: the window's
	Paused     time.Duration // for how long yet
	Slowdowns  uint32        // pauses, and congestion
	Congestion uint8         // last congestion_state, in percent
}

var (
	errNoLink  = errors.New("smpp: no such link in the pool")
	errTooMany = errors.New("smpp: a pool has at most 64 links")
)

// NewPool returns a Pool over the links, none of which may run or be in another
// Pool yet.
func NewPool(cfg PoolConfig) (*Pool, error) {
	for i := range cfg.Queue {
		if cfg.Queue[i] <= 0 {
			cfg.Queue[i] = 1024
		}
	}
	if cfg.Weights != ([lanes]int{}) {
		for i := range cfg.Weights {
			cfg.Weights[i] = max(cfg.Weights[i], 1)
		}
	}
	if cfg.Retries == nil {
		cfg.Retries = DefaultRetries()
	}
	if cfg.DrainTimeout <= 0 {
		cfg.DrainTimeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Links) > 64 {
		return nil, errTooMany
	}
	p := &Pool{cfg: cfg, log: cfg.Logger, retries: cfg.Retries, receipts: newReceipts(cfg.Receipts, cfg.Now), epoch: cfg.Now()}
	p.tickets.New = func() any { return newTicket(p) }
	names := map[string]bool{}
	for i := range cfg.Links {
		l := &cfg.Links[i]
		switch {
		case l.Link == nil:
			return nil, fmt.Errorf("smpp: link %d of the pool is nil", i)
		case names[l.Link.Name()]:
			return nil, fmt.Errorf("smpp: the pool has two links named %q", l.Link.Name())
		case l.Rate < 0:
			return nil, fmt.Errorf("smpp: link %q has a rate below 0", l.Link.Name())
		}
		names[l.Link.Name()] = true
		p.members = append(p.members, newMember(p, l, i))
	}
	for s := range p.routes {
		if err := p.routes[s].build(p.members, Service(s)); err != nil {
			return nil, err
		}
	}
	for i, m := range p.members {
		if !m.link.pool.CompareAndSwap(nil, m) {
			for _, m := range p.members[:i] {
				m.link.pool.Store(nil)
			}
			return nil, fmt.Errorf("smpp: link %q is in a pool already", m.link.Name())
		}
	}
	return p, nil
}

// Run runs all links until ctx ends; then it closes the Pool, waiting at most
// DrainTimeout for what is under way, and unbinds the links. It returns nil then.
// A link that cannot run at all ends it, with that error.
func (p *Pool) Run(ctx context.Context) error {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, len(p.members))
	var wg sync.WaitGroup
	for _, m := range p.members {
		wg.Go(func() {
			if err := m.link.Run(run); err != nil && run.Err() == nil {
				failed <- fmt.Errorf("link %s: %w", m.link.Name(), err)
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end, cancel := context.WithTimeout(run, p.cfg.DrainTimeout)
	defer cancel()
	if e := p.Close(end); e != nil {
		p.log.Warn("smpp: requests were left when the pool closed", "err", e)
	}
	stop()
	wg.Wait()
	return err
}

// Close refuses new requests, waits for those under way until ctx ends, and ends
// what still waits for room with ErrNotSent. It returns nil if all were finished.
// The links go on: what has been sent gets its response.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	var idle chan struct{}
	if p.pending > 0 {
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle = p.idle
	}
	p.mu.Unlock()
	var err error
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	p.mu.Lock()
	p.shut = true
	for _, r := range p.allRoutes() {
		for t := r.first(); t != nil; t = r.first() {
			p.unqueue(t)
			p.finish(t, t.unsent(ErrClosed))
		}
	}
	for len(p.delayed) > 0 {
		t := p.delayed[0]
		p.unqueue(t)
		p.finish(t, t.unsent(ErrClosed))
	}
	if p.timer != nil {
		p.timer.Stop()
		p.wakeAt = 0
	}
	p.unlock()
	return err
}

// Drain lets a link take no new requests and waits until those under way on it
// are finished, or ctx ends. What waits goes to other links, or is refused where
// there is none. Resume ends it.
func (p *Pool) Drain(ctx context.Context, name string) error {
	m := p.member(name)
	if m == nil {
		return errNoLink
	}
	p.mu.Lock()
	m.draining = true
	p.reroute(m)
	var idle chan struct{}
	if m.inflight > 0 {
		if m.idle == nil {
			m.idle = make(chan struct{})
		}
		idle = m.idle
	}
	p.unlock()
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Resume lets a link take requests again after Drain.
func (p *Pool) Resume(name string) error {
	m := p.member(name)
	if m == nil {
		return errNoLink
	}
	p.mu.Lock()
	m.draining = false
	p.pump(m)
	p.unlock()
	return nil
}

func (p *Pool) member(name string) *member {
	for _, m := range p.members {
		if m.link.Name() == name {
			return m
		}
	}
	return nil
}

// Receipt reads a delivery receipt out of a deliver_sm or data_sm that came on a
// link of the Pool, and gives it to ReceiptConfig.Take, now or once its message
// is known. It is false if the PDU is none, or one that cannot be read; the
// Handler answers it in either case.
func (p *Pool) Receipt(l *Link, body pdu.Body) (pdu.Receipt, bool) {
	m := l.pool.Load()
	if m == nil || m.pool != p {
		return pdu.Receipt{}, false
	}
	r, ok := receiptOf(body, m.cfg.Zone)
	if !ok {
		return r, false
	}
	id := m.cfg.ReceiptIDs.Canonical(r.ID)
	p.receipts.arrived(receiptID{m.cfg.Centre, id}, Receipt{Link: l.Name(), Message: id, From: sourceOf(body), Receipt: r})
	return r, true
}

// Stats returns the counts.
func (p *Pool) Stats() PoolStats {
	rs := p.receipts.count()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Queued, s.Receipts = p.queued, rs
	now := p.now()
	for _, m := range p.members {
		l := PoolLinkStats{Name: m.link.Name(), Bound: m.conn() != nil, Draining: m.draining,
			InFlight: m.inflight, Slowdowns: m.pace.round, Congestion: m.pace.state}
		if m.pace.limit < maxWindow {
			l.Limit = m.pace.limit
		}
		l.Paused = max(0, m.pace.until-now)
		s.Links = append(s.Links, l)
	}
	return s
}
