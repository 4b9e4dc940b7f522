package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// ussd_service_op and the end bit of its_session_info (SMPP 3.4 sections 5.3.2.44
// and 5.3.2.43).
const (
	opStart  = 1
	opAsk    = 2
	opEnd    = 17
	opAnswer = 18
	endBit   = 1
)

// Kinds of errors of a dialogue that are not a command_status.
const (
	kindWrong      = "wrong_screen"      // not what the script expects
	kindNone       = "no_screen"         // within the timeout
	kindUnexpected = "unexpected_screen" // nobody waited for it
	kindNoBind     = "no_bind"           // no gateway is bound
)

// What a handset is about.
const (
	idle     uint8 = iota
	asking         // a key is on its way, its screen is awaited
	thinking       // the pacer presses the next key
	hanging        // the abort is on its way
)

// handset is a customer. One is in at most one dialogue, and its mutex is never
// held while another's is taken.
type handset struct {
	o     *operator
	index int
	bind  *bindQueue // of the dialogue

	mu      sync.Mutex
	state   uint8
	step    int // the script's step whose key was pressed last
	session uint8
	count   uint32 // dialogues
	seq     uint8  // of the key or the abort
	broken  bool   // the last dialogue broke off: the gateway may offer to go on
	offered bool   // it did: Resumed.Press is on its way, or about to be
	breaks  uint8
	at      int // the step after whose screen it breaks off
	redial  bool
	rest    time.Duration // after the dialogue
	due     time.Duration // when the key was meant to be pressed
	sent    time.Duration // when it was, the first time
	queued  bool          // it waits for a slot of the window

	tries   uint8 // of this key that failed
	pausing bool  // until the next try
	unsure  bool  // a try that failed may have arrived
	copied  copied
}

// number is the handset's, in digits.
func (o *operator) number(i int) string { return strconv.FormatUint(o.first+uint64(i), 10) }

// peer is the number of the next handset.
func (h *handset) peer() string { return h.o.number((h.index + 1) % len(h.o.handsets)) }

// begin starts a dialogue that was due then.
func (h *handset) begin(due time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.breaks, h.at = h.o.plan.next()
	h.dial(due)
}

// dial presses the first step's key in a new dialogue of the network. The lock is
// held, as in all that follow but where it is said.
func (h *handset) dial(due time.Duration) {
	if h.bind = h.o.pick(h.index, nil); h.bind == nil {
		h.o.fail(kindNoBind, nil)
		h.rest = failPause
		h.o.failed.Add(1)
		h.end()
		return
	}
	h.session++
	h.count++
	h.seq, h.step, h.offered = maxSeq, 0, false // the dial has 0
	h.press(due)
}

func (h *handset) press(due time.Duration) {
	h.state, h.due = asking, due
	h.send()
}

// send delivers a new key, or the abort.
func (h *handset) send() {
	h.sent = h.o.now()
	h.seq = (h.seq + 1) & maxSeq
	h.tries, h.pausing, h.unsure = 0, false, false
	h.carry()
}

// maxSeq is the last number that a key in a dialogue can have.
const maxSeq = 0x7F

// carry delivers the key as soon as the window has room.
func (h *handset) carry() {
	if !h.bind.acquire(h) {
		h.queued = true
		return
	}
	h.deliver()
}

// resend is called without the lock, by a bind that has a slot for h.
func (h *handset) resend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queued = false
	if h.tries == 0 {
		h.sent = h.o.now()
	}
	h.deliver()
}

// unsent is called without the lock, when the bind is gone on which h waited.
func (h *handset) unsent() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queued = false
	h.undelivered(smpp.ErrNotSent)
}

// delivery is a deliver_sm with room for its parameters: Append copies them.
type delivery struct {
	sm   pdu.DeliverSM
	op   [1]byte
	info [2]byte
	from [20]byte
	text [32]byte
}

var deliveries = sync.Pool{New: func() any { return new(delivery) }}

// deliver gives the key to the connection.
func (h *handset) deliver() {
	d := deliveries.Get().(*delivery)
	defer deliveries.Put(d)
	s := h.o.cfg.Script
	d.op[0], d.info = opAnswer, [2]byte{h.session, h.seq << 1}
	var typed []byte
	coding := uint8(text.DCSUSSD)
	switch {
	case h.state == hanging:
		d.info[1] |= endBit
	case h.offered:
		typed, coding = s.Resumed.pressed(h, d.text[:0])
	default:
		if h.step == 0 {
			d.op[0] = opStart
		}
		typed, coding = s.Steps[h.step].pressed(h, d.text[:0])
	}
	from := strconv.AppendUint(d.from[:0], h.o.first+uint64(h.index), 10)
	if s.SMS != "" {
		if coding == text.DCSUSSD {
			coding = text.DCSDefault
		} else {
			coding = text.DCSUCS2
		}
		d.sm = pdu.DeliverSM{
			SourceAddrTON: pdu.TONInternational, SourceAddrNPI: pdu.NPIISDN, SourceAddr: from,
			DestAddrNPI: pdu.NPIISDN, DestinationAddr: []byte(s.SMS),
			DataCoding: coding, ShortMessage: typed, TLVs: d.sm.TLVs[:0],
		}
	} else {
		d.sm = pdu.DeliverSM{
			ServiceType: serviceType, SourceAddrTON: pdu.TONInternational, SourceAddrNPI: pdu.NPIISDN, SourceAddr: from,
			DestAddrNPI: pdu.NPIISDN, DestinationAddr: serviceCode(s.Steps[0].Press),
			DataCoding: coding, ShortMessage: typed,
			TLVs: append(d.sm.TLVs[:0], pdu.TLV{Tag: pdu.TagUSSDServiceOp, Value: d.op[:]},
				pdu.TLV{Tag: pdu.TagITSSessionInfo, Value: d.info[:]}),
		}
	}
	bind, session, seq := h.bind, h.session, h.seq // of now: the answer may come after others
	if err := bind.conn.TryGo(&d.sm, func(_ pdu.PDU, err error) { h.answered(bind, session, seq, err) }); err != nil {
		if next := bind.release(); next != nil {
			h.o.pacer.add(next, h.o.now()) // its lock cannot be taken here
		}
		h.undelivered(err)
	}
}

var serviceType = []byte("USSD")

// serviceCode is what fits destination_addr's 20 octets of a dialled string.
func serviceCode(dialled string) []byte { return []byte(dialled[:min(len(dialled), 20)]) }

// answered takes the response to a deliver_sm, without the lock.
func (h *handset) answered(b *bindQueue, session, seq uint8, err error) {
	if next := b.release(); next != nil {
		next.resend()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	current := h.session == session && h.seq == seq && (h.state == asking || h.state == hanging)
	switch {
	case err != nil && current:
		h.undelivered(err)
	case err != nil && !(errors.Is(err, smpp.ErrUnknownOutcome) && b.conn.Err() != nil):
		b.meter.fail(errorKind(err), err.Error)
	case err != nil: // its screen came, or it was given up: it is counted
	case current && h.state == hanging:
		h.end()
	}
}

// lost gives up a dialogue that cannot go on: a key or an abort did not get
// through.
func (h *handset) lost() {
	if h.state == asking || h.redial { // otherwise it was counted before
		h.o.failed.Add(1)
	}
	h.broken, h.redial, h.rest = true, false, failPause
	h.end()
}

// screen takes a screen: octets are valid during the call only. It reports
// whether anybody waited for it.
func (h *handset) screen(session, info, op uint8, octets []byte, dcs uint8) bool {
	now := h.o.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	ends := op == opEnd || info&endBit != 0
	right := ends == (op == opEnd && info&endBit != 0) && (ends || op == opAsk)
	if h.state != asking || h.queued || session != h.session || info>>1 != h.seq {
		return h.copy(session, info>>1, right, ends, octets, dcs)
	}
	h.seen(now, right, ends, octets, dcs)
	return true
}

// reply takes an SMS as screen does a screen.
func (h *handset) reply(octets []byte, dcs uint8) bool {
	now := h.o.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	end := h.o.cfg.Script.Steps[h.step].End
	waits := h.state == asking && !h.queued
	// An SMS does not say what it answers.
	if c := &h.copied; c.left > 0 && !(waits && h.o.cfg.Script.Steps[h.step].shown(h, octets, dcs)) {
		if h.copy(c.session, c.seq, true, h.o.cfg.Script.Steps[c.step].End, octets, dcs) {
			return true
		}
	}
	if !waits {
		return false
	}
	h.seen(now, true, end, octets, dcs)
	return true
}

// seen checks what the customer sees and goes on. right says whether it came in
// the parameters that it should, ends whether it ends the dialogue.
func (h *handset) seen(now time.Duration, right, ends bool, octets []byte, dcs uint8) {
	s := h.o.cfg.Script
	want := &s.Steps[h.step]
	h.pausing = false // what is not delivered again any more was unsure
	offered := h.step == 0 && (h.broken || h.unsure) && !h.offered && right && !ends && s.offers(h, octets, dcs)
	if !offered && (!right || ends != want.End || !want.shown(h, octets, dcs)) {
		if right && h.stored(now, ends, octets, dcs) {
			return
		}
		h.bind.meter.fail(kindWrong, func() string {
			return fmt.Sprintf("step %d of %s: right parameters %v, end %v: %q", h.step+1, s.Name, right, ends, text.Decode(octets, dcs))
		})
		h.o.failed.Add(1)
		h.rest = failPause
		h.leave(ends)
		return
	}
	h.bind.meter.right(now, h.due)
	switch {
	case offered:
		h.offered = true
		h.think(now)
		return
	case want.End:
		h.broken = false
		h.o.finished.Add(1)
		h.end()
		return
	case h.step+1 == len(s.Steps):
		h.o.finished.Add(1)
		h.leave(false)
		return
	case h.step == h.at && h.breaks != never && !h.o.stopped.Load():
		if h.redial = h.breaks == redials; !h.redial {
			h.o.abandoned.Add(1)
		}
		h.breaks = never
		h.leave(false)
		return
	}
	h.offered = false
	h.step++
	h.think(now)
}

// think presses the next key, now or after a pause.
func (h *handset) think(now time.Duration) {
	c := &h.o.cfg
	switch {
	case h.o.stopped.Load():
		h.o.cut.Add(1)
		h.leave(false)
	case c.Think == 0:
		h.press(now)
	default:
		h.state = thinking
		h.due = now + time.Duration(float64(c.Think)*(1+c.Spread*(2*rand.Float64()-1)))
		h.o.pacer.add(h, h.due)
	}
}

// wake is called without the lock, by the pacer: a pause is over, or all is.
func (h *handset) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.queued: // a slot of the window is its own
		h.queued = false
		h.deliver()
	case h.state == thinking && h.o.stopped.Load():
		h.o.cut.Add(1)
		h.leave(false)
	case h.state == thinking:
		h.press(h.due)
	case h.o.stopped.Load():
		h.o.leave()
	case h.o.free != nil:
		h.o.over(h, 0)
	default:
		h.breaks, h.at = h.o.plan.next()
		h.dial(h.o.now())
	}
}

// leave hangs up, unless the network's side is over already or there is none.
func (h *handset) leave(over bool) {
	h.broken = true
	if over || h.o.cfg.Script.SMS != "" {
		h.end()
		return
	}
	h.state = hanging
	h.send()
}

// end is where a dialogue is over on the network's side.
func (h *handset) end() {
	h.state = idle
	if h.redial && !h.o.stopped.Load() {
		h.redial = false
		h.o.redialled.Add(1)
		h.dial(h.o.now())
		return
	}
	if h.redial {
		h.redial = false
		h.o.cut.Add(1)
	}
	rest := h.rest
	h.rest = 0
	if h.o.free == nil && rest == 0 && !h.o.stopped.Load() {
		h.breaks, h.at = h.o.plan.next()
		h.dial(h.o.now())
		return
	}
	h.o.over(h, rest)
}

// expire gives up the wait for a screen that is over at now, without the lock.
func (h *handset) expire(now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != asking || h.queued || h.pausing || now-h.sent < h.o.cfg.Timeout {
		return
	}
	h.bind.meter.fail(kindNone, func() string {
		why := fmt.Sprintf("step %d of %s: no screen within %v", h.step+1, h.o.cfg.Script.Name, h.o.cfg.Timeout)
		if h.bind.conn.Err() != nil {
			why += "; the key was acknowledged, and then its bind went"
		}
		return why
	})
	h.o.failed.Add(1)
	h.rest = failPause
	h.leave(false)
}
