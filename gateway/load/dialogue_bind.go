package load

import (
	"context"
	"strconv"
	"sync"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// bindQueue is a gateway's bind: the window of what is delivered over it, and
// the handsets that wait for room in it.
type bindQueue struct {
	conn   *smpp.Conn
	window int
	meter  *dialogueMeter

	mu      sync.Mutex
	used    int
	waiting []*handset // at most all handsets, each once
	closed  bool
}

// acquire takes a slot of the window for h; if there is none, h waits for
// resend. It is held by h with its lock.
func (b *bindQueue) acquire(h *handset) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used < b.window || b.closed {
		b.used++
		return true
	}
	b.waiting = append(b.waiting, h)
	return false
}

// release gives a slot back, or to the handset that it returns.
func (b *bindQueue) release() *handset {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.used--
		return nil
	}
	h := b.waiting[0]
	b.waiting = b.waiting[1:]
	return h
}

// close lets nobody wait any more, and returns those who did.
func (b *bindQueue) close() []*handset {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	waiting := b.waiting
	b.waiting = nil
	return waiting
}

// serve takes what gateways submit.
func (o *operator) serve(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	sm, ok := p.Body.(*pdu.SubmitSM)
	if !ok {
		return nil, pdu.StatusInvCmdID
	}
	op, ussd := sm.TLVs.Uint8(pdu.TagUSSDServiceOp)
	if !ussd {
		o.sms.Add(1)
		if o.cfg.Script.SMS != "" {
			o.text(sm)
		}
		return &pdu.SubmitSMResp{MessageID: strconv.AppendUint(nil, o.ids.Add(1), 10)}, 0
	}
	info, _ := sm.TLVs.Get(pdu.TagITSSessionInfo)
	h := o.addressed(sm.DestinationAddr)
	if h == nil || len(info) != 2 {
		o.fail(kindUnexpected, func() string { return "a screen for nobody, or without its_session_info" })
		return nil, pdu.StatusSubmitFail
	}
	octets := sm.ShortMessage
	if payload, ok := sm.TLVs.Get(pdu.TagMessagePayload); ok && len(octets) == 0 {
		octets = payload
	}
	if !h.screen(info[0], info[1], op, octets, sm.DataCoding) {
		o.fail(kindUnexpected, func() string { return "a screen came while none was awaited, or of another key" })
		return nil, pdu.StatusSubmitFail
	}
	return shown, 0
}

// text takes an SMS that may answer one.
func (o *operator) text(sm *pdu.SubmitSM) {
	h := o.addressed(sm.DestinationAddr)
	if h == nil || !h.reply(sm.ShortMessage, sm.DataCoding) {
		o.fail(kindUnexpected, func() string { return "an SMS for nobody, or that answers nothing" })
	}
}

// shown answers every screen: nobody asks for its id.
var shown = &pdu.SubmitSMResp{MessageID: []byte("1")}

// addressed finds a handset by its number.
func (o *operator) addressed(digits []byte) *handset {
	var n uint64
	if len(digits) == 0 || len(digits) > 15 {
		return nil
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return nil
		}
		n = 10*n + uint64(d-'0')
	}
	if n < o.first || n-o.first >= uint64(len(o.handsets)) {
		return nil
	}
	return &o.handsets[n-o.first]
}
