package smpp

import (
	"time"

	"nyota/smpp/pdu"
)

// Retry is what a Pool does with a request that was refused with some
// command_status. A status without a Retry is the caller's to deal with.
type Retry struct {
	// After is how long nothing is tried, at least 1 ms: the request, or with
	// Pause the whole bind. A bind's pause doubles with each refusal after a
	// pause, up to 16 times, and is After again once a request was accepted.
	After time.Duration
	// Pause stops all new requests on the bind, which then begins with one at a
	// time and lets more go with each that is accepted.
	Pause bool
	// KeepOrder gives the request back its place in its lane, ahead of those that
	// came later; otherwise it goes to the end.
	KeepOrder bool
	// Tries is how often a request is sent at most, the first time included; 0:
	// until its ctx or Route.Wait ends.
	Tries int
}

// DefaultRetries are the statuses that ask for patience and by which nothing was
// accepted: ESME_RTHROTTLED and ESME_RMSGQFUL pause the bind for a second and
// keep the order; ESME_RX_T_APPN, a passing trouble behind the message centre,
// lets the one request wait, three tries in all.
func DefaultRetries() map[pdu.Status]Retry {
	return map[pdu.Status]Retry{
		pdu.StatusThrottled: {After: time.Second, Pause: true, KeepOrder: true},
		pdu.StatusMsgQFul:   {After: time.Second, Pause: true, KeepOrder: true},
		pdu.StatusXTAppn:    {After: time.Second, Tries: 3},
	}
}

// Values of congestion_state (SMPP 5.0 section 4.8.4.18), in percent: below
// congestionOptimum there is room, up to congestionNear it is as the message
// centre wants it.
const (
	congestionOptimum = 80
	congestionNear    = 90
	congestionFull    = 100
)

// congestedPause is how long a bind rests whose message centre is congested.
const congestedPause = time.Second

// maxDoublings bounds the growth of pauses.
const maxDoublings = 4

// pace is how fast one bind may be used. It is pure: times are since any start.
type pace struct {
	bucket bucket
	limit  int           // requests under way at most, below the connection's window
	until  time.Duration // nothing new before
	// round counts slowdowns. What was sent in an earlier round says nothing new:
	// one full window of refusals is one slowdown.
	round   uint32
	strikes int // pauses since a request was accepted
	state   uint8
	heard   bool // a congestion_state came
}

func newPace(rate, burst float64) pace {
	return pace{bucket: newBucket(rate, burst), limit: maxWindow}
}

// wait says how long no request of n segments may be sent, 0 for now.
func (p *pace) wait(now time.Duration, n int) time.Duration {
	if p.until > now {
		return p.until - now
	}
	return p.bucket.wait(now, n)
}

// timeless reports whether time does not matter.
func (p *pace) timeless() bool { return p.until == 0 && p.bucket.rate == 0 }

// refused is told of a refusal that pauses, of a request sent in that round.
func (p *pace) refused(now time.Duration, round uint32, after time.Duration) {
	if round != p.round {
		return
	}
	p.round++
	p.limit = 1
	p.until = now + after<<min(p.strikes, maxDoublings)
	p.strikes++
}

// accepted is told of a response without an error, which opens the bind by one
// more request.
func (p *pace) accepted() {
	p.strikes = 0
	if p.limit < maxWindow && (!p.heard || p.state < congestionOptimum) {
		p.limit++
	}
}

// congestion is told of a congestion_state in the response to a request sent in
// that round, with so many under way.
func (p *pace) congestion(now time.Duration, round uint32, state uint8, inflight int) {
	p.state, p.heard = state, true
	if state < congestionNear || round != p.round {
		return
	}
	p.round++
	p.limit = max(1, min(p.limit, inflight+1)/2)
	if state >= congestionFull {
		p.limit, p.until = 1, max(p.until, now+congestedPause)
	}
}

// congestionOf returns the congestion_state of a response, if it has one.
func congestionOf(body pdu.Body) (uint8, bool) {
	var tlvs pdu.TLVs
	switch b := body.(type) {
	case *pdu.SubmitSMResp:
		tlvs = b.TLVs
	case *pdu.DataSMResp:
		tlvs = b.TLVs
	case *pdu.SubmitMultiResp:
		tlvs = b.TLVs
	case *pdu.QuerySMResp:
		tlvs = b.TLVs
	case *pdu.BroadcastSMResp:
		tlvs = b.TLVs
	}
	if len(tlvs) == 0 {
		return 0, false
	}
	return tlvs.Uint8(pdu.TagCongestionState)
}
