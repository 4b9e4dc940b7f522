package smpp

import (
	"bytes"
	"testing"
	"time"

	"nyota/smpp/pdu"
)

func TestBucketNeverGivesMoreThanItsRate(t *testing.T) {
	for _, tc := range []struct {
		name        string
		rate, burst float64
		cost        int
		within      time.Duration
		most        int // requests
	}{
		{"ten a second, one at once", 10, 1, 1, time.Second, 11},
		{"the default burst is a tenth", 100, 0, 1, time.Second, 110},
		{"a slow link has a burst of one", 2, 0, 1, 10 * time.Second, 21},
		{"segments are what counts", 10, 4, 2, time.Second, 7},
		{"more than the bucket holds", 10, 1, 5, 2 * time.Second, 5},
		{"below one a second", 0.5, 0, 1, 10 * time.Second, 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBucket(tc.rate, tc.burst)
			taken := 0
			for now := time.Duration(0); now <= tc.within; {
				if d := b.wait(now, tc.cost); d > 0 {
					now += d
					continue
				}
				b.take(tc.cost)
				taken++
			}
			if taken > tc.most || taken < tc.most-1 {
				t.Errorf("%d requests in %v, want %d", taken, tc.within, tc.most)
			}
		})
	}
}

func TestBucketWithoutARateIsNoLimit(t *testing.T) {
	b := newBucket(0, 0)
	for range 1000 {
		if d := b.wait(0, 1000); d != 0 {
			t.Fatalf("wait of %v", d)
		}
		b.take(1000)
	}
}

func TestBucketSurvivesAClockThatGoesBack(t *testing.T) {
	b := newBucket(1, 1)
	b.wait(time.Hour, 1)
	b.take(1)
	if d := b.wait(time.Minute, 1); d != time.Second {
		t.Errorf("wait of %v, want 1s", d)
	}
}

func TestSegmentsAreCountedAsTheyGoOnTheAir(t *testing.T) {
	payload := func(n int) pdu.TLVs {
		return pdu.TLVs{{Tag: pdu.TagMessagePayload, Value: bytes.Repeat([]byte{'x'}, n)}}
	}
	for _, tc := range []struct {
		name string
		body pdu.Body
		want int
	}{
		{"a short message", &pdu.SubmitSM{ShortMessage: make([]byte, 200)}, 1},
		{"a payload that fits", &pdu.SubmitSM{TLVs: payload(160)}, 1},
		{"a payload of two", &pdu.SubmitSM{TLVs: payload(161)}, 2},
		{"a payload of two that is full", &pdu.SubmitSM{TLVs: payload(306)}, 2},
		{"octets are longer than septets", &pdu.SubmitSM{DataCoding: 8, TLVs: payload(141)}, 2},
		{"a class of the 7-bit alphabet", &pdu.SubmitSM{DataCoding: 0xF1, TLVs: payload(160)}, 1},
		{"a class of octets", &pdu.SubmitSM{DataCoding: 0xF5, TLVs: payload(160)}, 2},
		{"data_sm", &pdu.DataSM{DataCoding: 4, TLVs: payload(1000)}, 8},
		{"each destination", &pdu.SubmitMulti{DestAddresses: make([]pdu.DestAddress, 3), TLVs: payload(161)}, 6},
		{"no message", &pdu.QuerySM{}, 1},
	} {
		if got := segments(tc.body); got != tc.want {
			t.Errorf("%s: %d segments, want %d", tc.name, got, tc.want)
		}
	}
}

func TestPaceSlowsDownOncePerWindow(t *testing.T) {
	const s = time.Second
	p := newPace(0, 0)
	for range 50 { // a whole window is refused at once
		p.refused(10*s, 0, s)
	}
	if p.limit != 1 || p.round != 1 || p.wait(10*s, 1) != s {
		t.Errorf("after one window: limit %d, round %d, pause %v", p.limit, p.round, p.wait(10*s, 1))
	}
	want := []time.Duration{2 * s, 4 * s, 8 * s, 16 * s, 16 * s}
	for i, d := range want {
		p.refused(0, p.round, s)
		if p.until != d {
			t.Errorf("pause %d is %v, want %v", i+2, p.until, d)
		}
	}
	p.accepted()
	if p.limit != 2 || p.strikes != 0 {
		t.Errorf("after a response: limit %d, strikes %d", p.limit, p.strikes)
	}
	for range 2 * maxWindow {
		p.accepted()
	}
	if p.limit != maxWindow {
		t.Errorf("the limit ends at %d", p.limit)
	}
}

func TestPaceFollowsTheCongestionState(t *testing.T) {
	p := newPace(0, 0)
	step := func(state uint8) { p.congestion(0, p.round, state, 63); p.accepted() }
	for _, tc := range []struct {
		name  string
		state uint8
		limit int
		pause time.Duration
	}{
		{"at ease", 10, maxWindow, 0},
		{"as the peer wants it", 85, maxWindow, 0},
		{"near: half of what was under way", 95, 32, 0},
		{"still near", 92, 16, 0},
		{"optimum: it stays so", 85, 16, 0},
		{"room: it opens", 79, 17, 0},
		{"full: one at a time, after a pause", 100, 1, congestedPause},
		{"room again", 20, 2, congestedPause},
	} {
		if step(tc.state); p.limit != tc.limit || p.until != tc.pause {
			t.Errorf("%s: limit %d, pause %v; want %d, %v", tc.name, p.limit, p.until, tc.limit, tc.pause)
		}
	}
	old := p.round - 1
	p.limit = 40
	if p.congestion(0, old, 100, 40); p.limit != 40 {
		t.Error("an answer to what was sent before the last slowdown made another")
	}
}
