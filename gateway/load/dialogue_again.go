package load

import (
	"errors"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// A key that did not get through is delivered again, as a network does: over
// another bind if there is one, after a pause that doubles with each try, and as
// long as the customer waits for its screen.
const (
	firstPause = 20 * time.Millisecond
	longPause  = time.Second
	maxTries   = 10 // after the first one: 5.3 s of pauses in all
)

// errNoBind is why a key waits when no gateway is bound.
var errNoBind = errors.New("load: no gateway is bound")

// errorKind names an error of a request as the report counts it.
func errorKind(err error) string {
	var status *smpp.StatusError
	switch {
	case errors.As(err, &status):
		return status.Status.String()
	case errors.Is(err, errNoBind):
		return kindNoBind
	case errors.Is(err, smpp.ErrNotSent):
		return kindNotSent
	}
	return kindUnknown
}

// passing says whether a key that b did not take may be delivered again. A
// response that nobody can read, on a connection that lives, is an error of the
// gateway's.
func passing(b *bindQueue, err error) bool {
	var refused *smpp.StatusError
	switch {
	case errors.As(err, &refused):
		switch refused.Status {
		case pdu.StatusThrottled, pdu.StatusMsgQFul, pdu.StatusXTAppn, pdu.StatusInvBndSts:
			return true // for now, or on this bind
		}
		return false
	case errors.Is(err, smpp.ErrUnknownOutcome):
		return b.conn.Err() != nil
	}
	return true
}

// undelivered takes a failed try of the key, or of the abort, and begins the pause
// before the next one.
func (h *handset) undelivered(err error) {
	pause := min(firstPause<<h.tries, longPause)
	if h.tries == maxTries || h.o.now()+pause-h.sent >= h.o.cfg.Timeout || !passing(h.bind, err) {
		h.bind.meter.fail(errorKind(err), err.Error)
		h.lost()
		return
	}
	h.tries++
	h.unsure = h.unsure || errors.Is(err, smpp.ErrUnknownOutcome)
	h.pausing = true
	session, seq := h.session, h.seq
	time.AfterFunc(pause, func() { h.again(session, seq) })
}

// again is called without the lock, after the pause: the same key, with the same
// number, goes over another bind.
func (h *handset) again(session, seq uint8) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.pausing || h.session != session || h.seq != seq {
		return // its screen came meanwhile, by another bind, or the customer gave up
	}
	h.pausing = false
	b := h.o.pick(h.index+int(h.tries), h.bind)
	if b == nil {
		h.undelivered(errNoBind)
		return
	}
	h.bind = b
	b.meter.redeliver(h.unsure)
	if h.unsure && h.state == asking {
		h.copied.add(h)
	}
	h.carry()
}

// copied is the key that was delivered again last although it may have arrived:
// its screen may come once for each try.
type copied struct {
	session, seq uint8
	step         int
	left         uint8 // screens that may come beyond the first
}

func (c *copied) add(h *handset) {
	if c.session != h.session || c.seq != h.seq || c.left == 0 {
		*c = copied{session: h.session, seq: h.seq, step: h.step}
	}
	c.left++
}

// copy takes a screen that nobody waits for: it may be one that came before, for
// a key that was delivered twice.
func (h *handset) copy(session, seq uint8, right, ends bool, octets []byte, dcs uint8) bool {
	c := &h.copied
	if c.left == 0 || session != c.session || seq != c.seq || !right {
		return false
	}
	s := h.o.cfg.Script
	step := h.before(c.step, octets, dcs)
	if known := step >= 0 && s.Steps[step].End == ends; !known && (ends || !s.offers(h, octets, dcs)) {
		return false
	}
	c.left--
	h.bind.meter.shownAgain(0, 0)
	return true
}

// stored takes the screen that the dialogue has had before, in the place of the
// next one. That is right for a key that had to be delivered again, and with
// ShownAgain for each: the gateway that takes it cannot know whether the customer
// saw the last screen, and does not take the key as an answer. The customer presses
// what follows the screen.
func (h *handset) stored(now time.Duration, ends bool, octets []byte, dcs uint8) bool {
	if h.tries == 0 && !h.o.cfg.ShownAgain || ends {
		return false
	}
	if h.offered {
		if !h.o.cfg.Script.offers(h, octets, dcs) {
			return false
		}
	} else {
		step := h.before(h.step-1, octets, dcs)
		if step < 0 {
			return false
		}
		h.step = step + 1 // an unsynced step may be lost with its gateway
	}
	h.bind.meter.shownAgain(now, h.due)
	h.think(now)
	return true
}

// before is the last step up to this one that leads to the screen, -1 for none.
func (h *handset) before(step int, octets []byte, dcs uint8) int {
	for ; step >= 0 && !h.o.cfg.Script.Steps[step].shown(h, octets, dcs); step-- {
	}
	return step
}

// offers reports whether a screen offers to go on with a dialogue that broke off.
func (s *Script) offers(h *handset, octets []byte, dcs uint8) bool {
	return s.Resumed != nil && s.Resumed.shown(h, octets, dcs)
}
