package smpp

import (
	"context"
	"errors"

	"nyota/smpp/pdu"
)

var (
	errNoBody   = errors.New("smpp: no body")
	errResponse = errors.New("smpp: a response is sent with Reply, and a bind or unbind not with Do")
	errQueue    = errors.New("smpp: too many octets are queued")
	errWindow   = notSent(ErrWindowFull)
)

// newCall returns a call for reuse: one that has taken its token belongs to
// nobody and goes back to calls.
func (c *Conn) newCall() *call {
	if k, ok := c.calls.Get().(*call); ok {
		return k
	}
	return &call{ch: make(chan struct{}, 1)}
}

// Do sends a request and waits for its response: first for a slot of the window,
// at most until ctx ends, then for the response, at most Config.ResponseTimeout.
// The response is the caller's own. One with a status other than 0 is returned
// with a *StatusError; Body is nil where it came without one. All other errors
// wrap ErrNotSent or ErrUnknownOutcome, and the reason: ctx's error, ErrNoResponse
// or why the connection ended.
//
// alert_notification and outbind have no response: Do returns once they are
// queued. Do must not be called on the reader's goroutine (by a Handler or a
// callback of Go), which it would wait for.
func (c *Conn) Do(ctx context.Context, b pdu.Body) (pdu.PDU, error) {
	k := c.newCall()
	if wait, err := c.submit(ctx, b, k, nil, true); err != nil || !wait {
		c.calls.Put(k)
		return pdu.PDU{}, err
	}
	if ctx.Done() == nil {
		<-k.ch
	} else {
		select {
		case <-k.ch:
		case <-ctx.Done():
			if err := c.abandon(k, context.Cause(ctx)); err != nil {
				c.calls.Put(k)
				return pdu.PDU{}, err
			}
			<-k.ch // the response came first
		}
	}
	p, err := k.p, k.err
	k.p, k.err = pdu.PDU{}, nil
	c.calls.Put(k)
	return p, err
}

// Go sends a request and returns once it is queued; done gets what Do would have
// returned. It waits for a slot of the window until ctx ends; after that ctx does
// not count. If Go returns an error, which wraps ErrNotSent, done is not called;
// otherwise it is called exactly once.
//
// done runs on the reader's goroutine (on another one of the connection after a
// timeout or the connection's end), must not block, and the PDU's body aliases
// the read buffer: what outlives done must be copied (pdu.Clone). From inside
// done or a Handler use TryGo: Go could wait for the very goroutine it runs on.
func (c *Conn) Go(ctx context.Context, b pdu.Body, done func(pdu.PDU, error)) error {
	if done == nil {
		done = func(pdu.PDU, error) {}
	}
	_, err := c.submit(ctx, b, nil, done, true)
	return err
}

// TryGo is Go without waiting: if no slot is free it returns ErrNotSent and
// ErrWindowFull. It may be called anywhere.
func (c *Conn) TryGo(b pdu.Body, done func(pdu.PDU, error)) error {
	if done == nil {
		done = func(pdu.PDU, error) {}
	}
	_, err := c.submit(context.Background(), b, nil, done, false)
	return err
}

// submit queues a request. With k nil, done gets the result. It reports whether
// a result will come.
func (c *Conn) submit(ctx context.Context, b pdu.Body, k *call, done func(pdu.PDU, error), wait bool) (bool, error) {
	if b == nil {
		return false, notSent(errNoBody)
	}
	id := b.ID()
	switch id {
	case pdu.IDBindReceiver, pdu.IDBindTransmitter, pdu.IDBindTransceiver, pdu.IDUnbind:
		return false, notSent(errResponse)
	case pdu.IDAlertNotification, pdu.IDOutbind:
		return false, c.notify(id, b)
	}
	if id.IsResponse() {
		return false, notSent(errResponse)
	}
	if wait && ctx.Err() != nil {
		return false, notSent(context.Cause(ctx))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sendableLocked(id); err != nil {
		return false, err
	}
	if !c.win.available() {
		if !wait {
			return false, errWindow
		}
		if err := c.acquireLocked(ctx); err != nil {
			return false, err
		}
		c.win.used-- // taken again below, under the same lock
		if err := c.sendableLocked(id); err != nil {
			c.win.grant()
			return false, err
		}
	}
	if _, err := c.queueLocked(id, b, k, done); err != nil {
		c.win.grant()
		return false, err
	}
	return true, nil
}

// sendableLocked says why a request cannot be sent now.
func (c *Conn) sendableLocked(id pdu.CommandID) error {
	switch {
	case c.state == stateBound && mayAsk(!c.hooks.server, c.bound.Type, id):
		if c.version < versionOf(id) {
			return notSent(ErrVersion)
		}
		return nil
	case c.err != nil:
		return notSent(c.err)
	}
	return notSent(ErrNotBound)
}

// acquireLocked waits for a slot, which is the caller's when it returns nil. The
// lock is released while it waits.
func (c *Conn) acquireLocked(ctx context.Context) error {
	k := c.newCall()
	defer c.calls.Put(k)
	c.win.wait(k)
	c.win.grant()
	if len(c.out) > 0 {
		c.wakeLocked() // what holds the slots must be on its way
	}
	c.mu.Unlock()
	select {
	case <-k.ch:
		c.mu.Lock()
		return k.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	if c.win.remove(k) {
		return notSent(context.Cause(ctx))
	}
	<-k.ch // granted or refused meanwhile
	if k.err != nil {
		return k.err
	}
	c.win.used--
	c.win.grant()
	return notSent(context.Cause(ctx))
}

// offer is TryGo for a Pool. seq gets the name of the request for withdraw, before
// done can be called. over says that the session takes no requests any more, of
// any kind.
func (c *Conn) offer(b pdu.Body, done func(pdu.PDU, error), seq *uint32) (over bool, err error) {
	id := b.ID()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sendableLocked(id); err != nil {
		return c.state != stateBound, err
	}
	if !c.win.available() {
		return false, errWindow
	}
	s, err := c.queueLocked(id, b, nil, done)
	if err != nil {
		return false, err
	}
	*seq = s.seq
	return false, nil
}

// withdraw takes a request of offer back, and reports whether it could: no octet
// of it has been given to the network then, and its done will not be called.
func (c *Conn) withdraw(seq uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.win.find(seq)
	if s == nil || s.fn == nil || !c.recallLocked(s) {
		return false
	}
	c.win.free(s)
	c.win.grant()
	c.checkDrainedLocked()
	return true
}

// queueLocked takes a slot and a sequence number, registers the request and only
// then lets the writer see it.
func (c *Conn) queueLocked(id pdu.CommandID, b pdu.Body, k *call, done func(pdu.PDU, error)) (*slot, error) {
	seq, before := c.win.sequence(), len(c.out)
	out, err := pdu.AppendPDU(c.out, 0, seq, b)
	if err != nil {
		return nil, notSent(err)
	}
	c.out = out
	now := c.now()
	s := c.win.at(seq)
	*s = slot{
		seq: seq, resp: id | responseBit, due: now + c.step + c.cfg.ResponseTimeout,
		start: c.handed + uint64(before), size: len(out) - before, call: k, fn: done,
	}
	c.win.used++
	if k != nil {
		k.seq = seq
	}
	c.stats.Requests++
	c.active = now
	c.flushLocked()
	return s, nil
}

// notify queues a request that has no response.
func (c *Conn) notify(id pdu.CommandID, b pdu.Body) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sendableLocked(id); err != nil {
		return err
	}
	if len(c.out) > maxQueue {
		return notSent(errQueue)
	}
	out, err := pdu.AppendPDU(c.out, 0, c.win.sequence(), b)
	if err != nil {
		return notSent(err)
	}
	c.out = out
	c.stats.Requests++
	c.active = c.now()
	c.flushLocked()
	return nil
}

// abandon ends a wait for a response. It returns nil if the response is there
// already. What is still queued is taken back and was not sent; otherwise the
// slot stays taken until the peer answers or the response timer ends.
func (c *Conn) abandon(k *call, cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.win.find(k.seq)
	if s == nil || s.call != k {
		return nil
	}
	if c.recallLocked(s) {
		c.win.free(s)
		c.win.grant()
		c.checkDrainedLocked()
		return notSent(cause)
	}
	s.call = nil
	return unknownOutcome(cause)
}

// recallLocked takes a request that has not been handed to Write out of the
// queue, and reports whether it did.
func (c *Conn) recallLocked(s *slot) bool {
	if s.start < c.handed {
		return false
	}
	at, size := int(s.start-c.handed), s.size
	c.out = append(c.out[:at], c.out[at+size:]...)
	for i := range c.win.slots {
		if o := &c.win.slots[i]; o.seq != 0 && o.start > s.start {
			o.start -= uint64(size)
		}
	}
	return true
}

// Reply answers a request that the Handler left unanswered. seq and id are the
// request's, status 0 or an error, body may be nil. A request can be answered
// once: ErrNotHeld says that it was answered already or is unknown. After the end
// of the connection the error is that of Err. A body that cannot be encoded is
// replaced by ESME_RSYSERR, and its error returned.
func (c *Conn) Reply(seq uint32, id pdu.CommandID, body pdu.Body, status pdu.Status) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= stateFinishing {
		return c.err
	}
	if !c.held.remove(seq, id) {
		return ErrNotHeld
	}
	err := c.appendReplyLocked(seq, id, body, status)
	c.active = c.now()
	c.flushLocked()
	c.releasedLocked()
	return err
}

// releasedLocked goes on with what waits for answers to the peer's requests.
func (c *Conn) releasedLocked() {
	if c.paused && c.held.n < c.cfg.PeerWindow {
		c.toRead.Signal()
	}
	c.checkDrainedLocked()
}

var errWrongReply = errors.New("smpp: the body does not answer this request")

// appendReplyLocked queues a response.
func (c *Conn) appendReplyLocked(seq uint32, id pdu.CommandID, body pdu.Body, status pdu.Status) error {
	resp := id | responseBit
	c.stats.Responses++
	if body == nil && status == 0 {
		body = pdu.New(resp) // with its mandatory fields empty
	}
	if body == nil {
		c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: resp, Status: status, Sequence: seq})
		return nil
	}
	err := errWrongReply
	if body.ID() == resp || body.ID() == pdu.IDGenericNack {
		out, e := pdu.AppendPDU(c.out, status, seq, body)
		if e == nil {
			c.out = out
			return nil
		}
		err = e
	}
	c.log.Error("smpp: a response could not be encoded", "command", resp, "err", err)
	c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: resp, Status: pdu.StatusSysErr, Sequence: seq})
	return err
}

// versionOf returns the interface version that a peer must have announced before
// it is asked this. Of SMPP 3.4's own requests none is withheld: many message
// centres speak it and do not say so in their bind response.
func versionOf(id pdu.CommandID) uint8 {
	switch id {
	case pdu.IDBroadcastSM, pdu.IDQueryBroadcastSM, pdu.IDCancelBroadcastSM:
		return pdu.Version50
	}
	return 0
}

// responseBit marks the command_id of a response.
const responseBit pdu.CommandID = 0x80000000

// mayAsk reports whether a session of that bind carries the request, asked by
// the ESME or by the message centre (SMPP 3.4 section 2.3). Commands of other
// specifications are carried by every session.
func mayAsk(byESME bool, bind, id pdu.CommandID) bool {
	switch id {
	case pdu.IDSubmitSM, pdu.IDSubmitMulti, pdu.IDQuerySM, pdu.IDCancelSM, pdu.IDReplaceSM,
		pdu.IDBroadcastSM, pdu.IDQueryBroadcastSM, pdu.IDCancelBroadcastSM:
		return byESME && bind != pdu.IDBindReceiver
	case pdu.IDDeliverSM, pdu.IDAlertNotification:
		return !byESME && bind != pdu.IDBindTransmitter
	case pdu.IDDataSM:
		if byESME {
			return bind != pdu.IDBindReceiver
		}
		return bind != pdu.IDBindTransmitter
	case pdu.IDOutbind:
		return false // it comes before a bind
	}
	return true
}
