package smpp

import "time"

// maxStep is the longest time between two looks at the timers.
const maxStep = 250 * time.Millisecond

// linger is how long a peer may take to close its side after ours is closed.
const linger = time.Second

// timers are the durations of a connection; 0 is off.
type timers struct {
	enquire, response, inactivity, sessionInit, write time.Duration
}

// instants is what the timers look at: times since the connection's start, 0
// for "not so".
type instants struct {
	bound      bool          // a session is there, since active at the latest
	paused     bool          // the reader waits for answers of our own Handler
	received   time.Duration // last octets
	active     time.Duration // last PDU other than enquire_link, either way
	enquired   time.Duration // our enquire_link without any octet since
	writing    time.Duration // a write under way began
	unbinding  time.Duration // the peer's unbind came and is not answered yet
	finishing  time.Duration // the last octets of ours were queued
	deactivate bool          // an unbind for inactivity was begun
}

type action uint8

const (
	actNone         action = iota
	actEnquire             // send enquire_link
	actUnbind              // the session is idle: unbind it
	actAnswerUnbind        // drained long enough
	actSilent              // the rest end the connection
	actSessionInit
	actWrite
	actFinish
)

// step returns how often tick wants to be called.
func (t timers) step() time.Duration {
	s := 20 * maxStep
	for _, d := range []time.Duration{t.enquire, t.response, t.inactivity, t.sessionInit, t.write} {
		if d > 0 {
			s = min(s, d)
		}
	}
	return max(s/20, time.Millisecond)
}

// tick says what is due.
func (t timers) tick(now time.Duration, s instants) action {
	over := func(since, limit time.Duration) bool { return limit > 0 && now-since >= limit }
	switch {
	case s.finishing > 0:
		if over(s.finishing, linger) {
			return actFinish
		}
	case s.writing > 0 && over(s.writing, t.write):
		return actWrite
	case !s.bound:
		if over(0, t.sessionInit) {
			return actSessionInit
		}
	case s.unbinding > 0:
		if over(s.unbinding, t.response) {
			return actAnswerUnbind
		}
	case !s.deactivate && over(s.active, t.inactivity):
		return actUnbind
	case s.paused:
		// What the peer sends waits unread: its silence means nothing.
	case s.enquired > s.received:
		if over(s.enquired, t.response) {
			return actSilent
		}
	case over(s.received, t.enquire):
		return actEnquire
	}
	return actNone
}
