package core

import "time"

// aimd is one adaptive limit on concurrency: additive increase, multiplicative
// decrease. It has no lock and no clock.
//
// Answers that are late, mostly over the ceiling or none, take the limit times 0.7, or to as many as
// were answered within the last ceiling's time if that is less: more would take
// longer than the ceiling. It does so once per round trip: what left before the
// last cut says nothing about the limit after it.
//
// Below the ceiling it is the gate that counts, some twice of what an answer takes
// when little else is in flight. Up to it requests hardly queue at the core, and
// each answer adds up to a half: the limit grows by half in a round trip, so that a
// core that is back is used at once. Somewhat over it, what is in flight over twice the
// core's workers only waits there, all of which would have to get through if the
// core became slow now: the limit goes back to where an answer takes the gate's
// time, but not below what the core has been seen to do without a queue. Far over
// it the core is slower than it was, and may have no queue at all: the limit
// creeps up, or by one in a round trip if the core is much slower, to as many as
// were enough when it was well. Close to the ceiling it stays.
type aimd struct {
	window
	limit      float64
	floor, cap float64
	rest       float64 // where a limit that is not used falls back to
	ceiling    time.Duration

	base      time.Duration // of an answer with little else in flight; 0: not known yet
	typical   time.Duration // of any answer, smoothed
	proven    float64       // most in flight that were answered without a queue
	peakRate  float64       // most answers a second
	cutAt     time.Time
	steppedAt time.Time // when the limit crept up or went back
	peak      int       // most in flight since peakAt
	peakAt    time.Time
}

const (
	decrease   = 0.7
	creepEvery = 2 * time.Second
	idleAfter  = 10 * time.Second
	slow       = 3 // times the base: slower than it was, whatever queues
	slower     = 8 // times the base: much slower than it was
)

func newAIMD(initial, floor, limit int, ceiling time.Duration) aimd {
	return aimd{limit: float64(initial), floor: float64(floor), cap: float64(limit), rest: float64(initial), ceiling: ceiling}
}

// whole is the limit as a number of requests.
func (a *aimd) whole() int { return int(a.limit) }

// gate is the latency up to which the limit grows fast. What is in flight should
// get through in the time that a customer waits even if the core became twenty
// times slower now: hence the twentieth of the ceiling, if the core can do it in
// that time at all.
func (a *aimd) gate() time.Duration {
	if a.base == 0 {
		return a.ceiling / 25
	}
	return max(min(2*a.base, a.ceiling/25), a.base*3/2, a.ceiling/40)
}

// answered learns from an answer to a request that left at started, as one of
// used in flight.
func (a *aimd) answered(now, started time.Time, used int) {
	took := now.Sub(started)
	a.typical = smooth(a.typical, took, 8)
	a.used(now, used)
	a.add(now, a.ceiling)
	a.window.took(took)
	switch {
	case used <= 1 || float64(used)*4 <= a.limit:
		a.base = smooth(a.base, took, 8)
	case a.base == 0 || a.typical < a.base: // a queue can only make answers late
		a.base = smooth(a.base, took, 4)
	}
	if a.quick() && took <= a.base*5/4 {
		a.proven = max(a.proven, float64(used))
	}
	if float64(used) < 0.8*float64(a.whole()) || started.Before(a.cutAt) {
		return // the limit held nothing up, or belongs to the time before a cut
	}
	a.step(now, took)
}

// step moves a limit that is in use, after an answer in time.
func (a *aimd) step(now time.Time, took time.Duration) {
	gate, since := a.gate(), now.Sub(a.steppedAt)
	rate := a.pace(now, a.ceiling) / a.ceiling.Seconds()
	a.peakRate = max(a.peakRate, rate)
	switch {
	case took <= gate && took <= a.ceiling/3:
		if a.typical < 2*gate { // otherwise it speaks of a time that is over
			took = max(took, min(a.typical, gate))
		}
		a.limit = min(a.limit+min(0.5, 2*float64(gate-took)/float64(gate)), a.cap)
	case a.quick() && (took <= slow*a.base || rate >= a.peakRate/2):
		least := max(1.25*a.proven, a.floor)
		if took > slow*a.base {
			least = max(least, a.rest) // it may be slower, and not only queue
		}
		if since >= min(took, a.ceiling/10) && a.typical > gate && a.limit > least {
			a.limit = max(a.limit*max(float64(gate)/float64(a.typical), 0.9), least)
			a.steppedAt = now
		}
	case took < a.ceiling*8/10 && (since >= creepEvery || since >= took && (took > slower*a.base || took > a.ceiling/3)):
		// As many as it took when the core was well are enough when it is not,
		// unless nothing queues even so.
		if a.limit < max(a.rest, a.peakRate*gate.Seconds()) || a.typical <= a.least()*3/2 {
			a.limit = min(a.limit+1, a.cap)
			a.steppedAt = now
		}
	}
}

// quick says whether the core answers so fast, with little in flight, that it
// could be twenty times slower and still be in time.
func (a *aimd) quick() bool { return a.base <= a.ceiling/20 }

// window counts answers.
type window struct {
	recent int       // since turned
	before int       // in as long a time before that
	turned time.Time // at most a span ago

	quickest, quickestBefore time.Duration // of them
}

// took notes how long one took that was added.
func (w *window) took(d time.Duration) {
	if w.quickest == 0 || d < w.quickest {
		w.quickest = d
	}
}

// least is how long the quickest of them took; 0 if there are none.
func (w *window) least() time.Duration {
	if w.quickest == 0 || w.quickestBefore == 0 {
		return max(w.quickest, w.quickestBefore)
	}
	return min(w.quickest, w.quickestBefore)
}

// add counts one.
func (w *window) add(now time.Time, span time.Duration) {
	w.turn(now, span)
	w.recent++
}

// turn moves the window on.
func (w *window) turn(now time.Time, span time.Duration) {
	switch since := now.Sub(w.turned); {
	case since >= 2*span:
		w.before, w.recent, w.turned = 0, 0, now
		w.quickest, w.quickestBefore = 0, 0
	case since >= span:
		w.before, w.recent, w.turned = w.recent, 0, w.turned.Add(span)
		w.quickest, w.quickestBefore = 0, w.quickest
	}
}

// pace is how many answers came within the last span.
func (w *window) pace(now time.Time, span time.Duration) float64 {
	w.turn(now, span)
	left := 1 - float64(now.Sub(w.turned))/float64(span)
	return float64(w.recent) + float64(w.before)*max(left, 0)
}

// cut takes the limit down for a request that left at started and was answered
// late, or not at all. It says whether it did.
func (a *aimd) cut(now, started time.Time) bool {
	if started.Before(a.cutAt) {
		return false
	}
	a.limit = max(min(a.limit*decrease, a.pace(now, a.ceiling)), a.floor)
	a.cutAt = now
	return true
}

// used lets a limit fall back that nothing has tried for a while: how the core
// was under it is no longer known.
func (a *aimd) used(now time.Time, n int) {
	a.peak = max(a.peak, n)
	if a.peakAt.IsZero() {
		a.peakAt = now
	}
	if now.Sub(a.peakAt) < idleAfter {
		return
	}
	if enough := max(2*float64(a.peak), a.rest); a.limit > enough {
		a.limit = max(a.limit*decrease, enough)
	}
	a.proven *= 0.95
	a.peakRate *= 0.95
	a.peak, a.peakAt = 0, now
}

// smooth is an exponential mean over about n values; 0 is no value yet.
func smooth(mean, v time.Duration, n int) time.Duration {
	if mean == 0 {
		return v
	}
	return mean + (v-mean)/time.Duration(n)
}

// cage is the limit of one class that is slow while others are not. A class that
// is well has none.
type cage struct {
	window
	limit float64 // 0: none
	cutAt time.Time
}

// cut makes the cage, or makes it smaller, once per round trip: to 0.7 times what
// the class has in flight, or to as many as were answered within the last
// ceiling's time if that is less.
func (c *cage) cut(now, started time.Time, inFlight int, floor float64, ceiling time.Duration) bool {
	if started.Before(c.cutAt) {
		return false
	}
	if c.limit == 0 {
		c.limit = float64(inFlight + 1)
	}
	c.limit = max(min(c.limit*decrease, c.pace(now, ceiling)), floor)
	c.cutAt = now
	return true
}

// answered makes the cage larger for an answer in time, until it holds as much as
// the core and is gone.
func (c *cage) answered(now, started time.Time, core float64, ceiling time.Duration) {
	c.add(now, ceiling)
	if c.limit == 0 || started.Before(c.cutAt) {
		return
	}
	if c.limit++; c.limit >= core {
		c.limit = 0
	}
}
