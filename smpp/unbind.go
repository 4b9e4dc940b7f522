package smpp

import (
	"context"
	"errors"
	"time"

	"nyota/smpp/pdu"
)

// Unbind ends the session in order (SMPP 3.4 section 4.2): new requests are
// refused with ErrNotSent, those under way and the peer's unanswered ones are
// waited for, then unbind is sent and its response awaited. It waits at most
// until ctx ends, or twice Config.ResponseTimeout, and then closes anyway. It
// returns nil if the peer agreed, and otherwise why it did not. The connection is
// over when it returns, but for a Handler that blocks; a Handler must not call it.
func (c *Conn) Unbind(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*c.cfg.ResponseTimeout, ErrNoResponse)
	defer cancel()
	err := c.unbind(ctx, ErrClosed)
	c.fail(ErrClosed)
	patience := time.NewTimer(linger)
	defer patience.Stop()
	select {
	case <-c.done:
	case <-patience.C:
	}
	return err
}

// unbind is Unbind; reason is the connection's if the peer agrees.
func (c *Conn) unbind(ctx context.Context, reason error) error {
	c.mu.Lock()
	switch c.state {
	case stateBound:
		c.state = stateUnbinding
		c.win.refuse(notSent(ErrClosed))
	case stateUnbinding: // by another caller or by the peer: its end is ours
		c.mu.Unlock()
		select {
		case <-c.done:
		case <-ctx.Done():
		}
		return c.unbound(ctx)
	default:
		c.mu.Unlock()
		return c.unbound(ctx)
	}
	drained := make(chan struct{})
	c.drained = drained
	c.checkDrainedLocked()
	if len(c.out) > 0 {
		c.wakeLocked()
	}
	c.mu.Unlock()
	select {
	case <-drained:
	case <-ctx.Done():
		return c.unbound(ctx)
	}

	result := make(chan error, 1)
	c.mu.Lock()
	if c.state != stateUnbinding {
		c.mu.Unlock()
		return c.unbound(ctx)
	}
	_, err := c.queueLocked(pdu.IDUnbind, &pdu.Unbind{}, nil, func(_ pdu.PDU, err error) {
		if err == nil {
			c.fail(reason) // before the peer's closing is seen, which is none
		}
		result <- err
	})
	c.wakeLocked()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case err := <-result:
		var refused *StatusError
		if err == nil || errors.As(err, &refused) {
			return err
		}
	case <-ctx.Done():
	}
	return c.unbound(ctx)
}

// unbound says whether the session ended in order after all, by the peer's
// unbind or by an Unbind of another caller.
func (c *Conn) unbound(ctx context.Context) error {
	err := c.Err()
	switch {
	case errors.Is(err, ErrUnbound), errors.Is(err, ErrClosed):
		return nil
	case err == nil:
		return context.Cause(ctx)
	}
	return err
}

// unbindIdle ends a session without traffic.
func (c *Conn) unbindIdle() {
	ctx, cancel := context.WithTimeoutCause(c.ctx, c.cfg.ResponseTimeout, ErrNoResponse)
	defer cancel()
	if err := c.unbind(ctx, ErrInactive); err != nil {
		c.log.LogAttrs(context.Background(), levelOdd, "smpp: unbind of an idle session", attrErr(err))
	}
	c.fail(ErrInactive)
}

// checkDrainedLocked goes on with an unbind, ours or the peer's, once nothing is
// under way.
func (c *Conn) checkDrainedLocked() {
	if c.held.n > 0 {
		return
	}
	if c.unbinds > 0 {
		c.answerUnbindLocked()
	}
	if c.drained != nil && c.win.used == 0 {
		close(c.drained)
		c.drained = nil
	}
}

// peerUnbinds works on the peer's unbind: nothing new is sent, and once the
// peer's own requests are answered the unbind is. Responses that the peer has not
// sent before its unbind are not waited for. It reports whether the connection is
// finishing.
func (c *Conn) peerUnbinds(h pdu.Header) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stateOpen {
		c.stats.Responses++
		c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: pdu.IDUnbindResp,
			Status: pdu.StatusInvBndSts, Sequence: h.Sequence})
		return false
	}
	c.unbinds, c.unbindSeq = c.unbinds+1, h.Sequence
	if c.unbinding == 0 {
		c.unbinding = c.now() + c.step
	}
	if c.state == stateBound {
		c.state = stateUnbinding
		c.win.refuse(notSent(ErrUnbound))
	}
	if c.held.n == 0 {
		c.answerUnbindLocked()
	}
	return c.state >= stateFinishing
}

// answerUnbindLocked sends the last PDU of a session that the peer ends.
func (c *Conn) answerUnbindLocked() {
	if c.unbinds == 0 || c.state >= stateFinishing {
		return
	}
	c.unbinds = 0
	c.stats.Responses++
	c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: pdu.IDUnbindResp, Sequence: c.unbindSeq})
	c.finishLocked(ErrUnbound)
}
