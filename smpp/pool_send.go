package smpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nyota/smpp/pdu"
)

// Do sends a request over one of the links and waits for its response, as
// Conn.Do does: until ctx ends, and no longer than Route.Wait before it is sent.
// Errors are those of Conn.Do; ErrNotSent comes with ErrNoRoute, ErrNotBound,
// ErrQueueFull or ErrNoRoom where the Pool is the reason. A request that was
// refused and could not be tried again in time ends with the last *StatusError.
// Like Conn.Do it must not be called on a reader's goroutine.
func (p *Pool) Do(ctx context.Context, r Route, b pdu.Body) (pdu.PDU, error) {
	t := p.ticket(ctx, r, b, nil)
	if err := p.accept(t); err != nil {
		p.recycle(t)
		return pdu.PDU{}, err
	}
	if ctx.Done() == nil {
		<-t.ch
	} else {
		select {
		case <-t.ch:
		case <-ctx.Done():
			if mine, err := p.abandon(t, context.Cause(ctx)); err != nil {
				if mine {
					p.recycle(t)
				}
				return pdu.PDU{}, err
			}
			<-t.ch // the result came first
		}
	}
	got, err := t.p, t.err
	p.recycle(t)
	return got, err
}

// Go sends a request and returns at once; done gets what Do would have returned.
// It never waits: where there is no room at all it returns ErrNotSent and
// ErrQueueFull. If Go returns an error done is not called, otherwise it is called
// exactly once. ctx and Route.Wait bound the time until the request is sent, and
// the tries after it was refused. b must not be changed before done is called.
//
// done runs on a goroutine of a connection or of the Pool and must not block; the
// PDU's body is valid only until it returns (pdu.Clone). It may call Go.
func (p *Pool) Go(ctx context.Context, r Route, b pdu.Body, done func(pdu.PDU, error)) error {
	if done == nil {
		done = func(pdu.PDU, error) {}
	}
	t := p.ticket(ctx, r, b, done)
	err := p.accept(t)
	if err != nil {
		p.recycle(t)
	}
	return err
}

// now is the Pool's clock.
func (p *Pool) now() time.Duration { return p.cfg.Now().Sub(p.epoch) }

// accept takes a new request: it is sent or waits when it returns nil.
func (p *Pool) accept(t *ticket) error {
	if t.body == nil {
		return notSent(errNoBody)
	}
	switch id := t.body.ID(); id {
	case pdu.IDBindReceiver, pdu.IDBindTransmitter, pdu.IDBindTransceiver, pdu.IDUnbind,
		pdu.IDAlertNotification, pdu.IDOutbind:
		return notSent(errResponse)
	default:
		if id.IsResponse() {
			return notSent(errResponse)
		}
	}
	if t.route.Service >= services || t.route.Lane >= lanes {
		return notSent(ErrNoRoute)
	}
	if t.ctx.Err() != nil {
		return notSent(context.Cause(t.ctx))
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return notSent(ErrClosed)
	}
	p.order++
	t.order = p.order
	p.pending++
	if sent, err := p.first(t); sent || err != nil {
		return err
	}
	err := p.place(t, true)
	if err != nil {
		p.ended(t)
	}
	p.unlock()
	return err
}

// first sends a new ticket if a link can take it at once, and lets go of the lock
// meanwhile: encoding is most of the work, and other callers need not wait for
// it. If the ticket was neither sent nor refused the lock is held again.
func (p *Pool) first(t *ticket) (sent bool, err error) {
	if p.waiting > 0 {
		return false, nil
	}
	rt := p.routeOf(t)
	if rt == nil {
		return false, nil
	}
	var tried uint64
	m := p.pick(rt, t, &tried)
	if m == nil {
		return false, nil
	}
	c := m.conn()
	if c == nil {
		return false, nil // gone since it was picked
	}
	p.charge(m, c, t) // the place is taken before anybody else looks for one
	p.unlock()
	over, err := c.offer(t.body, t.answer, &t.seq)
	if err == nil {
		return true, nil // and the ticket may be somebody else's by now
	}
	p.mu.Lock()
	p.refund(m, t)
	switch {
	case p.shut:
		err = notSent(ErrClosed)
	case over:
		m.dead = c
		return false, nil
	case err == errWindow: //nolint:errorlint // the value itself: others use the connection
		return false, nil
	}
	p.ended(t)
	p.pump(m)
	p.unlock()
	return false, err
}

// place sends a ticket or lets it wait; the error says why neither is possible.
// The lock is held, here and below.
func (p *Pool) place(t *ticket, bounded bool) error {
	var tried uint64
	for p.waiting == 0 {
		rt := p.routeOf(t)
		if rt == nil {
			return t.unsent(p.noLink(t))
		}
		m := p.pick(rt, t, &tried)
		if m == nil {
			break
		}
		over, err := p.send(m, t)
		if err == nil {
			return nil
		}
		if !over && err != errWindow { //nolint:errorlint // the value itself: the body cannot be sent
			return err
		}
	}
	rt := p.routeOf(t)
	if rt == nil {
		return t.unsent(p.noLink(t))
	}
	if bounded && rt.lanes[t.route.Lane].n >= p.cfg.Queue[t.route.Lane] {
		p.pumpTier(rt) // time may have brought room
		if rt.lanes[t.route.Lane].n >= p.cfg.Queue[t.route.Lane] {
			p.stats.Full++
			return notSent(ErrQueueFull)
		}
	}
	p.enqueue(rt, t)
	p.pumpTier(rt)
	return nil
}

// routeOf returns the route of a request if a link of it is bound, else nil.
func (p *Pool) routeOf(t *ticket) *route {
	dest := destination(t.body)
	m := p.preferred(t)
	if dest != nil || m == nil {
		if rt := p.routes[t.route.Service].find(dest); rt.tier() != nil {
			return rt
		}
	}
	if m != nil && m.conn() != nil {
		return m.own
	}
	return nil
}

func (p *Pool) preferred(t *ticket) *member {
	if t.route.Prefer == nil {
		return nil
	}
	if m := t.route.Prefer.pool.Load(); m != nil && m.pool == p && m.carries(t.route.Service) {
		return m
	}
	return nil
}

// noLink says why a request has no link to go.
func (p *Pool) noLink(t *ticket) error {
	m := p.preferred(t)
	rt := p.routes[t.route.Service].find(destination(t.body))
	if len(rt.tiers) == 0 && m == nil {
		return ErrNoRoute
	}
	if m == nil {
		m = rt.tiers[0][0]
	}
	if err := m.link.State().LastErr; err != nil {
		return fmt.Errorf("%w: link %s: %w", ErrNotBound, m.link.Name(), err)
	}
	return ErrNotBound
}

// pick returns the link that is to carry a request now, or nil if all are busy.
func (p *Pool) pick(rt *route, t *ticket, tried *uint64) *member {
	if m := p.preferred(t); m != nil && p.ready(m, t) && m.mark(tried) {
		return m
	}
	var best *member
	tier := rt.tier()
	if tier == nil {
		return nil // gone since it was looked at
	}
	at := int(t.order % uint64(len(tier)))
	for range tier {
		m := tier[at]
		if at++; at == len(tier) {
			at = 0
		}
		if (best == nil || m.inflight < best.inflight) && *tried&m.bit == 0 && p.ready(m, t) {
			best = m
		}
	}
	if best != nil {
		best.mark(tried)
	}
	return best
}

// mark reports whether the link has not been tried yet; now it has.
func (m *member) mark(tried *uint64) bool {
	was := *tried&m.bit != 0
	*tried |= m.bit
	return !was
}

// ready reports whether a link can take a request now. If it is a matter of time
// the timer is set.
func (p *Pool) ready(m *member, t *ticket) bool {
	c := m.conn()
	if c == nil || m.inflight >= m.pace.limit || m.inflight >= c.cfg.Window {
		return false
	}
	if m.pace.timeless() {
		return true
	}
	now := p.now()
	if d := m.pace.wait(now, t.cost()); d > 0 {
		p.wake(now + d)
		return false
	}
	m.pace.until = 0
	return true
}

// send gives a ticket to a link's connection. over says that the connection takes
// no requests any more; the error is errWindow if its window is full.
func (p *Pool) send(m *member, t *ticket) (over bool, err error) {
	c := m.conn()
	if c == nil {
		return true, notSent(ErrNotBound)
	}
	over, err = c.offer(t.body, t.answer, &t.seq)
	if over {
		m.dead = c
	}
	if err != nil {
		return over, err
	}
	p.charge(m, c, t)
	return false, nil
}

// charge writes into the books that a connection has a ticket.
func (p *Pool) charge(m *member, c *Conn, t *ticket) {
	if m.pace.bucket.rate != 0 {
		m.pace.bucket.take(t.cost())
	}
	m.inflight++
	t.m, t.conn, t.round, t.state = m, c, m.pace.round, ticketSent
	t.tries++
	p.stats.Sent++
}

// refund takes charge back.
func (p *Pool) refund(m *member, t *ticket) {
	if m.pace.bucket.rate != 0 {
		m.pace.bucket.take(-t.cost())
	}
	p.less(m)
	t.state = ticketNew
	t.tries--
	p.stats.Sent--
}

// less counts a request that is no longer under way.
func (p *Pool) less(m *member) {
	if m.inflight--; m.inflight == 0 && m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
}

// pump sends what waits for a link for as long as that takes it.
func (p *Pool) pump(m *member) {
	for p.waiting > 0 {
		t := m.next()
		if t == nil || !p.ready(m, t) {
			return
		}
		over, err := p.send(m, t)
		switch {
		case err == nil:
			p.unqueue(t)
			m.turns[t.route.Lane]--
		case over:
			p.reroute(m)
			return
		case err == errWindow: //nolint:errorlint // the value itself
			if m.inflight == 0 { // others use the connection, and nobody will tell
				p.wake(p.now() + windowPoll)
			}
			return
		default:
			p.unqueue(t)
			p.finish(t, err)
		}
	}
}

// windowPoll is how often a window is looked at that others keep full.
const windowPoll = 10 * time.Millisecond

func (p *Pool) pumpTier(rt *route) {
	for _, m := range rt.tier() {
		p.pump(m)
	}
}

// next returns what the link is to carry next: of all routes that use it now the
// most urgent lane's oldest, or with weights that of the most urgent lane which
// has a turn left.
func (m *member) next() *ticket {
	var urgent *ticket
	for lane := range lanes {
		t := m.oldest(lane)
		if t == nil {
			continue
		}
		if m.pool.cfg.Weights[lane] == 0 || m.turns[lane] > 0 {
			return t
		}
		if urgent == nil {
			urgent = t
		}
	}
	if urgent != nil {
		m.turns = m.pool.cfg.Weights
	}
	return urgent
}

// oldest returns what waits longest in a lane for this link.
func (m *member) oldest(lane Lane) *ticket {
	var oldest *ticket
	for _, rt := range m.routes {
		t := rt.lanes[lane].first
		if t != nil && (oldest == nil || t.order < oldest.order) && rt.uses(m) {
			oldest = t
		}
	}
	return oldest
}

// uses reports whether a link is of the rank in use.
func (r *route) uses(m *member) bool {
	for _, o := range r.tier() {
		if o == m {
			return true
		}
	}
	return false
}

// reroute sees to what waits for a link that is gone.
func (p *Pool) reroute(m *member) {
	for _, rt := range m.routes {
		if rt.tier() != nil {
			p.pumpTier(rt)
			continue
		}
		for t := rt.first(); t != nil && rt.tier() == nil; t = rt.first() {
			p.unqueue(t)
			if err := p.place(t, false); err != nil {
				p.finish(t, err)
			}
		}
	}
}

// changed is told by the Link that its state is another.
func (m *member) changed() {
	p := m.pool
	p.mu.Lock()
	if m.conn() == nil {
		p.reroute(m)
	} else {
		p.pump(m)
	}
	p.unlock()
}

// answered gets the result of a ticket that was sent, on a goroutine of its
// connection.
func (t *ticket) answered(got pdu.PDU, err error) {
	p := t.pool
	p.mu.Lock()
	m := t.m
	p.less(m)
	again := false
	if state, ok := congestionOf(got.Body); ok {
		m.pace.congestion(p.now(), t.round, state, m.inflight)
	}
	refused := statusError(err)
	switch {
	case err == nil:
		m.pace.accepted()
	case refused != nil:
		again = p.refused(t, refused)
	case errors.Is(err, ErrNotSent):
		if t.conn.Err() != nil {
			m.dead = t.conn
		}
		again = p.failover(t)
	}
	id := receiptID{}
	if err == nil && t.route.Ref != "" {
		id = receiptID{m.cfg.Centre, m.cfg.ResponseIDs.Canonical(messageID(got.Body))}
	}
	ref := t.route.Ref
	if !again {
		p.ended(t)
	}
	p.pump(m)
	p.unlock()
	if id.id != "" {
		p.receipts.submitted(id, ref)
	}
	if !again {
		t.tell(got, err)
	}
}

// refused says whether a ticket is to be sent again after that response, and
// sees to it.
func (p *Pool) refused(t *ticket, e *StatusError) bool {
	retry, ok := p.retries[e.Status]
	if !ok {
		t.m.pace.accepted() // it was looked at: there is room
		return false
	}
	after := max(retry.After, time.Millisecond)
	if retry.Pause {
		t.m.pace.refused(p.now(), t.round, after)
	}
	if t.abandoned || retry.Tries > 0 && t.tries >= retry.Tries || t.late() {
		return false
	}
	t.last = e.keep()
	if !retry.KeepOrder {
		p.order++
		t.order = p.order
	}
	if retry.Pause {
		rt := p.routeOf(t)
		if rt == nil {
			return false
		}
		p.enqueue(rt, t)
		p.pumpTier(rt)
	} else if !p.delay(t, p.now()+after) {
		return false
	}
	p.stats.Retried++
	return true
}

// maxMoves bounds how often a request goes to another connection.
const maxMoves = 8

// failover lets a ticket that was not sent go elsewhere.
func (p *Pool) failover(t *ticket) bool {
	if t.abandoned || t.moves == maxMoves || t.late() {
		return false
	}
	t.moves++
	if t.tries--; p.place(t, false) != nil {
		return false
	}
	p.stats.FailedOver++
	return true
}
