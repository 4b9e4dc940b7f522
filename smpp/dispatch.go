package smpp

import (
	"context"
	"errors"
	"log/slog"

	"nyota/smpp/pdu"
)

// levelOdd is the level of what a peer does wrong and what costs us nothing.
const levelOdd = slog.LevelDebug

func attrErr(err error) slog.Attr { return slog.Any("err", err) }

// dispatch works on one PDU of the peer, on the reader's goroutine. It reports
// whether the connection is finishing, in which case the rest is dropped.
func (c *Conn) dispatch(h pdu.Header, src []byte) (finishing bool, err error) {
	if h.ID.IsResponse() {
		c.response(h, src)
		return false, nil
	}
	switch h.ID {
	case pdu.IDEnquireLink: // answered in every state, below the handlers
		c.mu.Lock()
		c.waitForOutLocked()
		c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: pdu.IDEnquireLinkResp, Sequence: h.Sequence})
		c.mu.Unlock()
		return false, nil
	case pdu.IDUnbind:
		return c.peerUnbinds(h), nil
	case pdu.IDBindReceiver, pdu.IDBindTransmitter, pdu.IDBindTransceiver:
		return c.peerBinds(h, src), nil
	}
	c.reader.busy = true
	c.request(h, src)
	return false, nil
}

// waitForOutLocked stops the reader while the peer does not read its answers.
func (c *Conn) waitForOutLocked() {
	if len(c.out) > maxQueue {
		c.waitForRoomLocked()
	}
}

// request works on a request that is the Handler's.
func (c *Conn) request(h pdu.Header, src []byte) {
	r := &c.reader
	body := r.body(h.ID, len(src))
	if body == nil {
		r.pending.Malformed++
		c.nack(h, pdu.StatusInvCmdID)
		return
	}
	_, answered := h.ID.Response()

	c.mu.Lock()
	c.waitForRoomLocked()
	closed := c.state >= stateFinishing
	allowed := (c.state == stateBound || c.state == stateUnbinding) && c.unbinds == 0 &&
		mayAsk(c.hooks.server, c.bound.Type, h.ID)
	if allowed && answered {
		c.held.add(h.Sequence, h.ID) // before the Handler, which may reply itself
	}
	c.mu.Unlock()

	switch {
	case closed:
		return
	case !allowed:
		r.pending.Refused++
		c.refuse(h, pdu.StatusInvBndSts)
		return
	}
	var resp pdu.Body
	status := pdu.StatusInvCmdID
	if err := pdu.DecodeBody(body, src, c.cfg.Tolerance); err != nil {
		r.pending.Malformed++
		status = statusOf(err)
		c.log.LogAttrs(c.ctx, levelOdd, "smpp: malformed body", slog.Any("command", h.ID), attrErr(err))
	} else if c.cfg.Handler != nil {
		resp, status = c.cfg.Handler.ServeSMPP(c.ctx, c, pdu.PDU{Header: h, Body: body})
	}
	if !answered || resp == nil && status == 0 {
		return
	}
	c.mu.Lock()
	if c.held.remove(h.Sequence, h.ID) {
		_ = c.appendReplyLocked(h.Sequence, h.ID, resp, status) // logged there
	}
	c.mu.Unlock()
}

// statusOf returns the status that answers a malformed body.
func statusOf(err error) pdu.Status {
	var d *pdu.DecodeError
	if errors.As(err, &d) && d.Status != 0 {
		return d.Status
	}
	return pdu.StatusSysErr
}

// refuse answers a request with a bare error, if it has a response.
func (c *Conn) refuse(h pdu.Header, status pdu.Status) {
	resp, ok := h.ID.Response()
	if !ok {
		return
	}
	c.mu.Lock()
	c.waitForOutLocked()
	c.stats.Responses++
	c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: resp, Status: status, Sequence: h.Sequence})
	c.mu.Unlock()
}

// nack answers what is no request we know (SMPP 3.4 section 4.3).
func (c *Conn) nack(h pdu.Header, status pdu.Status) {
	c.mu.Lock()
	c.waitForOutLocked()
	c.stats.Responses++
	c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: pdu.IDGenericNack, Status: status, Sequence: h.Sequence})
	c.mu.Unlock()
}

// response gives a response to who waits for it. It is matched by sequence and
// kind; what matches nothing is counted.
func (c *Conn) response(h pdu.Header, src []byte) {
	r := &c.reader
	c.mu.Lock()
	if h.ID == pdu.IDEnquireLinkResp && h.Sequence == c.enquiry && c.enquiry != 0 {
		c.enquiry = 0
		c.mu.Unlock()
		return
	}
	s := c.win.find(h.Sequence)
	if s == nil || h.ID != s.resp && h.ID != pdu.IDGenericNack {
		c.mu.Unlock()
		r.pending.Unmatched++
		return
	}
	k, fn := s.call, s.fn
	c.win.free(s)
	c.mu.Unlock()

	r.busy = true
	switch {
	case k != nil:
		k.done(c.readResponse(h, src, true))
	case fn != nil:
		fn(c.readResponse(h, src, false))
	default:
		r.pending.Late++
	}
}

// readResponse decodes a matched response and says what it means. With keep the
// body is a copy.
func (c *Conn) readResponse(h pdu.Header, src []byte, keep bool) (pdu.PDU, error) {
	p := pdu.PDU{Header: h}
	var bad error
	if len(src) > 0 {
		if body := c.reader.body(h.ID, len(src)); body != nil {
			if bad = pdu.DecodeBody(body, src, c.cfg.Tolerance); bad == nil {
				if p.Body = body; keep {
					p.Body = pdu.Clone(body)
				}
			} else {
				c.reader.pending.Malformed++
			}
		}
	}
	switch {
	case h.Status != 0 || h.ID == pdu.IDGenericNack:
		return p, &StatusError{h.Status, p}
	case bad != nil:
		return p, unknownOutcome(bad)
	}
	return p, nil
}

// peerBinds works on a bind (SMPP 3.4 section 4.1).
func (c *Conn) peerBinds(h pdu.Header, src []byte) (finishing bool) {
	c.mu.Lock()
	state := c.state
	c.mu.Unlock()
	switch {
	case !c.hooks.server:
		c.refuse(h, pdu.StatusInvBndSts)
		return false
	case state != stateOpen:
		c.refuse(h, pdu.StatusAlyBnd)
		return false
	}
	body := pdu.New(h.ID) // not reused: it happens once
	if err := pdu.DecodeBody(body, src, c.cfg.Tolerance); err != nil {
		c.reader.pending.Malformed++
		return c.refuseBind(h, statusOf(err))
	}
	b, _ := bindOf(body)
	status := pdu.StatusOK
	if c.hooks.bind != nil {
		status = c.hooks.bind(c.ctx, c, b)
	}
	if status != 0 {
		return c.refuseBind(h, status)
	}
	b.Password = ""
	c.mu.Lock()
	if c.state != stateOpen { // closed while the bind was judged
		c.mu.Unlock()
		return true
	}
	c.toBoundLocked(b, b.SystemID, min(b.InterfaceVersion, c.cfg.InterfaceVersion))
	err := c.appendReplyLocked(h.Sequence, h.ID, bindResp(b, c.hooks.systemID, c.cfg.InterfaceVersion), 0)
	if err != nil {
		c.finishLocked(err)
	}
	c.mu.Unlock()
	if err != nil {
		return true
	}
	c.announceBound()
	return false
}

// refuseBind answers a bind with an error and ends the connection: who may not
// bind gets one try per connection.
func (c *Conn) refuseBind(h pdu.Header, status pdu.Status) bool {
	c.refuse(h, status)
	c.mu.Lock()
	c.finishLocked(ErrBindRefused)
	c.mu.Unlock()
	c.log.LogAttrs(context.Background(), slog.LevelWarn, "smpp: bind refused", slog.Any("status", status))
	return true
}

// toBoundLocked begins the session.
func (c *Conn) toBoundLocked(b Bind, peerID string, version uint8) {
	c.state, c.bound, c.peerID, c.version = stateBound, b, peerID, version
	c.active = c.now()
}

func (c *Conn) announceBound() {
	b := c.Bound()
	c.log.Info("smpp: bound", "bind", b, "peer", c.PeerSystemID())
	if c.hooks.onBound != nil {
		c.hooks.onBound(c)
	}
}
