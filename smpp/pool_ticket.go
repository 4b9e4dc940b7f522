package smpp

import (
	"context"
	"errors"
	"slices"
	"time"

	"nyota/smpp/pdu"
)

type ticketState uint8

const (
	ticketNew     ticketState = iota
	ticketQueued              // in its route's lane
	ticketDelayed             // waits for its own time
	ticketSent                // a connection has it
	ticketEnded
)

// ticket is one request in a Pool. It is the Pool's, under its lock, until it has
// ended; then it is the caller's of Do, and otherwise free.
type ticket struct {
	pool   *Pool
	answer func(pdu.PDU, error) // answered
	ch     chan struct{}        // tells Do of the result; holds one
	// use tells one request from the next: who comes late by a timer or a ctx
	// sees that it is another.
	use uint64
	request
}

// request is what of a ticket is of one use.
type request struct {
	ctx       context.Context
	body      pdu.Body
	route     Route
	done      func(pdu.PDU, error) // nil: Do
	state     ticketState
	abandoned bool // Do has returned
	order     uint64
	segments  int          // 0: not counted yet
	tries     int          // times sent
	moves     int          // times not sent after all
	last      *StatusError // why it waits to be sent again
	until     time.Time    // end of Route.Wait, once it waits
	watch     *time.Timer
	unwatch   func() bool

	rt         *route // in whose lane it waits
	prev, next *ticket
	due        time.Duration // while delayed

	m     *member // that has it, and how it is called there
	conn  *Conn
	seq   uint32
	round uint32

	p   pdu.PDU
	err error
}

// finished is a ticket whose caller is to be told.
type finished struct {
	t   *ticket
	err error
}

func newTicket(p *Pool) *ticket {
	t := &ticket{pool: p, ch: make(chan struct{}, 1)}
	t.answer = t.answered
	return t
}

func (p *Pool) ticket(ctx context.Context, r Route, b pdu.Body, done func(pdu.PDU, error)) *ticket {
	t := p.tickets.Get().(*ticket) //nolint:forcetypeassert // New makes no other
	t.ctx, t.route, t.body, t.done = ctx, r, b, done
	return t
}

// recycle makes a ticket free. Nobody else has it.
func (p *Pool) recycle(t *ticket) {
	t.request = request{}
	p.tickets.Put(t)
}

// cost returns how many segments the request takes.
func (t *ticket) cost() int {
	if t.segments == 0 {
		t.segments = segments(t.body)
	}
	return t.segments
}

// late reports whether the request must not be sent any more.
func (t *ticket) late() bool {
	return t.pool.shut || t.ctx.Err() != nil || !t.until.IsZero() && !time.Now().Before(t.until)
}

// unsent is the error of a ticket that will not be sent any more: what the peer
// said the last time, if it was sent before.
func (t *ticket) unsent(cause error) error {
	if t.last != nil {
		return t.last
	}
	return notSent(cause)
}

// statusError returns the *StatusError that err is, or nil.
func statusError(err error) *StatusError {
	if err == nil {
		return nil
	}
	var e *StatusError
	errors.As(err, &e)
	return e
}

// keep returns a copy of e that outlives the callback.
func (e *StatusError) keep() *StatusError {
	k := *e
	if k.Response.Body != nil {
		k.Response.Body = pdu.Clone(k.Response.Body)
	}
	return &k
}

// tell gives the result to the caller. The lock is not held.
func (t *ticket) tell(got pdu.PDU, err error) {
	switch done := t.done; {
	case t.abandoned:
		t.pool.recycle(t)
	case done != nil:
		t.pool.recycle(t)
		done(got, err)
	default:
		if got.Body != nil {
			got.Body = pdu.Clone(got.Body)
		}
		if refused := statusError(err); refused != nil {
			err = &StatusError{refused.Status, got}
		}
		t.p, t.err = got, err
		t.ch <- struct{}{}
	}
}

// ended takes a ticket out of the Pool's books.
func (p *Pool) ended(t *ticket) {
	t.state = ticketEnded
	t.use++
	if t.watch != nil {
		t.watch.Stop()
	}
	if t.unwatch != nil {
		t.unwatch()
	}
	if p.pending--; p.pending == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// finish ends a ticket that is in no queue. Its caller is told by unlock.
func (p *Pool) finish(t *ticket, err error) {
	p.ended(t)
	p.over = append(p.over, finished{t, err})
}

// unlock releases the lock and tells the callers of what was finished.
func (p *Pool) unlock() {
	over := p.over
	p.over = nil
	p.mu.Unlock()
	for _, f := range over {
		var got pdu.PDU
		if refused := statusError(f.err); refused != nil {
			got = refused.Response
		}
		f.t.tell(got, f.err)
	}
}

// abandon ends Do's wait. The error is nil if the result is there already; mine
// says that the ticket is the caller's.
func (p *Pool) abandon(t *ticket, cause error) (mine bool, err error) {
	p.mu.Lock()
	defer p.unlock()
	switch t.state {
	case ticketQueued, ticketDelayed:
		p.unqueue(t)
		p.ended(t)
		p.stats.Late++
		return true, t.unsent(cause)
	case ticketSent:
		m := t.m
		if t.conn.withdraw(t.seq) {
			p.refund(m, t)
			p.ended(t)
			p.pump(m)
			return true, t.unsent(cause)
		}
		t.abandoned = true
		return false, unknownOutcome(cause)
	}
	return false, nil
}

// enqueue lets a ticket wait in its lane, at the place of its order.
func (p *Pool) enqueue(rt *route, t *ticket) {
	t.rt, t.state = rt, ticketQueued
	rt.lanes[t.route.Lane].insert(t)
	p.waiting++
	p.queued[t.route.Lane]++
	p.guard(t)
}

// delay lets a ticket wait for its own time, if there is room for it.
func (p *Pool) delay(t *ticket, due time.Duration) bool {
	if len(p.delayed) >= p.cfg.Queue[t.route.Lane] {
		return false
	}
	t.state, t.due = ticketDelayed, due
	at, _ := slices.BinarySearchFunc(p.delayed, t, func(a, b *ticket) int {
		if a.due <= b.due {
			return -1
		}
		return 1
	})
	p.delayed = slices.Insert(p.delayed, at, t)
	p.queued[t.route.Lane]++
	p.guard(t)
	p.wake(due)
	return true
}

// guard sees that a ticket does not wait longer than it may.
func (p *Pool) guard(t *ticket) {
	use := t.use
	if t.route.Wait > 0 && t.watch == nil {
		t.until = time.Now().Add(t.route.Wait)
		t.watch = time.AfterFunc(t.route.Wait, func() { p.expire(t, use, ErrNoRoom) })
	}
	if t.done != nil && t.unwatch == nil && t.ctx.Done() != nil {
		ctx := t.ctx
		t.unwatch = context.AfterFunc(ctx, func() { p.expire(t, use, context.Cause(ctx)) })
	}
}

// expire ends a ticket that still waits.
func (p *Pool) expire(t *ticket, use uint64, cause error) {
	p.mu.Lock()
	if t.use == use && (t.state == ticketQueued || t.state == ticketDelayed) {
		p.unqueue(t)
		p.finish(t, t.unsent(cause))
		p.stats.Late++
	}
	p.unlock()
}

// unqueue takes a ticket out of where it waits. What state it has then is the
// caller's to say.
func (p *Pool) unqueue(t *ticket) {
	if t.rt != nil {
		t.rt.lanes[t.route.Lane].remove(t)
		t.rt = nil
		p.waiting--
	} else if i := slices.Index(p.delayed, t); i >= 0 {
		p.delayed = slices.Delete(p.delayed, i, i+1)
	}
	p.queued[t.route.Lane]--
}

// wake sets the timer to that time, or leaves it at an earlier one.
func (p *Pool) wake(at time.Duration) {
	if p.wakeAt != 0 && p.wakeAt <= at {
		return
	}
	p.wakeAt = at
	d := max(at-p.now(), 0)
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.woken)
		return
	}
	p.timer.Reset(d)
}

// woken does what has become possible by time.
func (p *Pool) woken() {
	p.mu.Lock()
	p.wakeAt = 0
	now := p.now()
	for len(p.delayed) > 0 {
		t := p.delayed[0]
		if t.due > now {
			p.wake(t.due)
			break
		}
		p.unqueue(t)
		if err := p.place(t, false); err != nil {
			p.finish(t, err)
		}
	}
	for _, m := range p.members {
		p.pump(m)
	}
	p.unlock()
}

// line is a queue in the order in which its requests came.
type line struct {
	first, last *ticket
	n           int
}

// insert puts a ticket behind all that came before it. New ones come to the end,
// and those that came back to near the front.
func (l *line) insert(t *ticket) {
	l.n++
	after := l.last
	if after != nil && after.order > t.order {
		for after = nil; ; {
			next := l.first
			if after != nil {
				next = after.next
			}
			if next.order > t.order {
				break
			}
			after = next
		}
	}
	t.prev = after
	if after == nil {
		t.next, l.first = l.first, t
	} else {
		t.next, after.next = after.next, t
	}
	if t.next == nil {
		l.last = t
	} else {
		t.next.prev = t
	}
}

func (l *line) remove(t *ticket) {
	l.n--
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
}
