package core

import "time"

// aimd is one adaptive limit on concurrency: additive increase, multiplicative
// decrease. It has no lock and no clock.
//
// An answer over the ceiling, or none, takes the limit times 0.7, or to as many as
// were answered within the last ceiling's time if that is less: more would take
// longer than the ceiling. It does so once per round trip: what left before the
// last cut says nothing about the limit after it.
//
// Below the ceiling growth depends on the gate, twice what an answer takes when
// little else is in flight. Under it requests hardly queue at the core, and each
// answer adds one: the limit doubles in a round trip, so that a core that is back
// is used at once. Over it more in flight mostly means a longer queue there, all
// of which would have to get through if the core became slow now: the limit only
// creeps. The gate is no more than a tenth of the ceiling, if the core can do it at
// all in that time. A core that has become much slower than it was may have no queue at all:
// there the limit grows by one in a round trip. Close to the ceiling it stays.
type aimd struct {
	limit      float64
	floor, cap float64
	rest       float64 // where a limit that is not used falls back to
	ceiling    time.Duration

	base    time.Duration // of an answer with little else in flight; 0: not known yet
	typical time.Duration // of any answer, smoothed
	cutAt   time.Time
	creptAt time.Time
	recent  int       // answers since turned
	before  int       // answers in as long a time before that
	turned  time.Time // at most a ceiling's time ago
	peak    int       // most in flight since peakAt
	peakAt  time.Time
}

const (
	decrease   = 0.7
	creepEvery = 2 * time.Second
	idleAfter  = 10 * time.Second
	slower     = 8 // times the base: much slower than it was
)

func newAIMD(initial, floor, limit int, ceiling time.Duration) aimd {
	return aimd{limit: float64(initial), floor: float64(floor), cap: float64(limit), rest: float64(initial), ceiling: ceiling}
}

// whole is the limit as a number of requests.
func (a *aimd) whole() int { return int(a.limit) }

// gate is the latency up to which the limit grows fast.
func (a *aimd) gate() time.Duration {
	if a.base == 0 {
		return a.ceiling / 10
	}
	// What is in flight should get through in the time that a customer waits even
	// if the core became twenty times slower now: hence the tenth.
	return max(min(2*a.base, a.ceiling/10), a.base*5/4, a.ceiling/30)
}

// answered learns from an answer to a request that left at started, as one of
// used in flight.
func (a *aimd) answered(now, started time.Time, used int) {
	took := now.Sub(started)
	a.typical = smooth(a.typical, took, 8)
	a.used(now, used)
	a.turn(now)
	a.recent++
	if took >= a.ceiling {
		a.cut(now, started)
		return
	}
	if took < a.base || used <= 1 || float64(used)*4 <= a.limit {
		a.base = smooth(a.base, took, 4) // a queue can only make an answer late
	}
	if float64(used) < 0.8*a.limit || started.Before(a.cutAt) {
		return // the limit held nothing up, or belongs to the time before a cut
	}
	every := creepEvery
	if took > slower*a.base {
		every = took
	}
	switch {
	case took <= a.gate():
		a.limit = min(a.limit+1, a.cap)
	case took < a.ceiling*8/10 && now.Sub(a.creptAt) >= every:
		a.limit = min(a.limit+1, a.cap)
		a.creptAt = now
	}
}

// turn moves the window of answers on.
func (a *aimd) turn(now time.Time) {
	switch since := now.Sub(a.turned); {
	case since >= 2*a.ceiling:
		a.before, a.recent, a.turned = 0, 0, now
	case since >= a.ceiling:
		a.before, a.recent, a.turned = a.recent, 0, a.turned.Add(a.ceiling)
	}
}

// pace is how many answers came within the last ceiling's time.
func (a *aimd) pace(now time.Time) float64 {
	a.turn(now)
	left := 1 - float64(now.Sub(a.turned))/float64(a.ceiling)
	return float64(a.recent) + float64(a.before)*max(left, 0)
}

// cut takes the limit down for a request that left at started and was answered
// late, or not at all. It says whether it did.
func (a *aimd) cut(now, started time.Time) bool {
	if started.Before(a.cutAt) {
		return false
	}
	a.limit = max(min(a.limit*decrease, a.pace(now)), a.floor)
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
	a.peak, a.peakAt = 0, now
}

// smooth is an exponential mean over about n values; 0 is no value yet.
func smooth(mean, v time.Duration, n int) time.Duration {
	if mean == 0 {
		return v
	}
	return mean + (v-mean)/time.Duration(n)
}
