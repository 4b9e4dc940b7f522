package smpp

import (
	"time"

	"nyota/smpp/pdu"
)

// bucket is a token bucket. It has no clock: times are the caller's, since any
// start, and may stand still.
type bucket struct {
	rate   float64 // tokens a second; 0: no limit
	burst  float64 // the most it holds
	tokens float64 // below 0 after a request of more than burst
	last   time.Duration
}

// newBucket returns a full bucket. A burst below 1 is a tenth of a second's
// tokens, and one at least.
func newBucket(rate, burst float64) bucket {
	if burst < 1 {
		burst = max(1, rate/10)
	}
	return bucket{rate: max(rate, 0), burst: burst, tokens: burst}
}

// wait says how long it is until n tokens can be taken, 0 for now. More than the
// bucket holds are given when it is full.
func (b *bucket) wait(now time.Duration, n int) time.Duration {
	if b.rate == 0 {
		return 0
	}
	if now > b.last {
		b.tokens = min(b.burst, b.tokens+b.rate*(now-b.last).Seconds())
		b.last = now
	}
	missing := min(float64(n), b.burst) - b.tokens
	if missing <= 1e-9 { // what rounding left
		return 0
	}
	return max(time.Duration(missing/b.rate*float64(time.Second)), time.Microsecond)
}

// take takes n tokens, there or not.
func (b *bucket) take(n int) {
	if b.rate != 0 {
		b.tokens -= float64(n)
	}
}

// Octets of one segment, alone and as a part of several (3GPP TS 23.040 section
// 9.2.3.24.1): septets of the 7-bit alphabets, which SMPP carries unpacked.
const (
	segmentSeptets, segmentSeptetsOfMany = 160, 153
	segmentOctets, segmentOctetsOfMany   = 140, 134
)

// segments returns how many segments on the air a request costs, at least 1: a
// message_payload is cut up by the message centre, and submit_multi is a message
// to each of its destinations.
func segments(body pdu.Body) int {
	switch b := body.(type) {
	case *pdu.SubmitSM:
		return payloadSegments(b.TLVs, b.DataCoding)
	case *pdu.DataSM:
		return payloadSegments(b.TLVs, b.DataCoding)
	case *pdu.SubmitMulti:
		return payloadSegments(b.TLVs, b.DataCoding) * max(1, len(b.DestAddresses))
	}
	return 1
}

func payloadSegments(tlvs pdu.TLVs, dcs uint8) int {
	payload, _ := tlvs.Get(pdu.TagMessagePayload)
	one, many := segmentOctets, segmentOctetsOfMany
	// Data codings of 3GPP TS 23.038 that are 7-bit: the defaults of SMS and
	// USSD, IA5, and the message classes without the 8-bit flag.
	if dcs == 0 || dcs == 1 || dcs == 0x0F || dcs&0xF4 == 0xF0 {
		one, many = segmentSeptets, segmentSeptetsOfMany
	}
	if len(payload) <= one {
		return 1
	}
	return (len(payload) + many - 1) / many
}
