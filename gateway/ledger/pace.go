package ledger

import (
	"context"
	"errors"
	"sync"
	"time"

	"nyota/gateway/core"
)

// What holds where neither the configuration nor the connector says otherwise.
const (
	firstInquiry = 2 * time.Second
	longestPause = 5 * time.Minute
)

// askWithin is the longest wait of an inquiry out of turn for its place in the
// rate. It is shorter than anybody waits who sent a callback; an action that is
// not asked about then has its own turn.
const askWithin = 2 * time.Second

// asksShare is the share of a rate that inquiries out of turn may take, before
// all others. What is left is for those by turn, so that neither starves.
const asksShare = 0.75

// errBusy says that too many inquiries out of turn wait already.
var errBusy = errors.New("ledger: too many inquiries at the moment")

// paceOf is how an action of a call is asked about: as its connector says, what
// the configuration sets above it.
func (l *Ledger) paceOf(call string) core.Pace {
	var p core.Pace
	if l.Pace != nil {
		p = l.Pace(call)
	}
	if p.After <= 0 {
		p.After = firstInquiry
	}
	if p.Max <= 0 {
		p.Max = longestPause
	}
	// Only one of the two may be set, and it then bends the other.
	if l.InquireAfter > 0 {
		p.After, p.Max = l.InquireAfter, max(p.Max, l.InquireAfter)
	}
	if l.InquireMax > 0 {
		p.After, p.Max = min(p.After, l.InquireMax), l.InquireMax
	}
	p.Max = max(p.Max, p.After)
	return p
}

// pause is how long to wait before the next inquiry, of which so many were made:
// doubling from the pace's After to its Max, give or take a tenth, so that actions
// of one outage do not come back as one.
func (l *Ledger) pause(call string, made uint32) time.Duration {
	p := l.paceOf(call)
	d := p.Max
	if made < 62 && p.After <= p.Max>>made {
		d = p.After << made
	}
	return d - d/10 + l.Jitter(d/5)
}

// bucket is a token bucket that holds half a second of its rate, and one token
// at least. It has no clock: times are the caller's, and may stand still.
type bucket struct {
	rate, most, tokens float64
	at                 time.Time
}

func newBucket(rate float64) bucket {
	most := max(1, rate/2)
	return bucket{rate: rate, most: most, tokens: most}
}

func (b *bucket) fill(now time.Time) {
	if b.at.IsZero() {
		b.at = now
	}
	if d := now.Sub(b.at); d > 0 {
		b.tokens, b.at = min(b.most, b.tokens+b.rate*d.Seconds()), now
	}
}

// wait is how long it takes until there is one token more than are owed.
func (b *bucket) wait(now time.Time) time.Duration {
	b.fill(now)
	const rounding = 1e-9
	if b.tokens >= 1-rounding {
		return 0
	}
	return time.Duration((1-b.tokens)/b.rate*float64(time.Second)) + 1
}

// lane is one rate, and how it is shared.
type lane struct {
	all  bucket
	asks bucket    // out of turn: asksShare of the rate, whatever waits by turn
	last time.Time // when the last of those goes that were put off
}

func newLane(rate float64) *lane {
	return &lane{all: newBucket(rate), asks: newBucket(rate * asksShare)}
}

// budget keeps inquiries within the gateway's rate and those of the connector.
// It is pure but for its lock, and it holds nobody up: it says how many may go now,
// or when.
type budget struct {
	mu    sync.Mutex
	whole *lane            // of the gateway; nil: no limit
	own   map[string]*lane // of the connector's budgets that have a rate, by name
}

func newBudget(rate float64) *budget {
	b := &budget{own: map[string]*lane{}}
	if rate > 0 {
		b.whole = newLane(rate)
	}
	return b
}

// lanes are those that an inquiry takes of. It is called with mu held.
func (b *budget) lanes(p core.Pace) []*lane {
	var all []*lane
	if b.whole != nil {
		all = append(all, b.whole)
	}
	if p.Rate > 0 {
		if b.own[p.Budget] == nil {
			b.own[p.Budget] = newLane(p.Rate)
		}
		all = append(all, b.own[p.Budget])
	}
	return all
}

// grant takes as many inquiries by turn as the gateway's rate has now, and no more
// than n.
func (b *budget) grant(now time.Time, n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole == nil {
		return n
	}
	b.whole.all.fill(now)
	n = min(n, int(max(0, b.whole.all.tokens+1e-9)))
	b.whole.all.tokens -= float64(n)
	return n
}

// unused gives back what grant gave and nobody took.
func (b *budget) unused(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole != nil {
		b.whole.all.tokens += float64(n)
	}
}

// turn takes an inquiry that was granted of the connector's own rate. If that has
// none now, it says when it will: each that is put off gets a time of its own, one
// behind the other at the rate, so that none need be looked at again before.
func (b *budget) turn(now time.Time, p core.Pace) (later time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, own := range b.lanes(p) {
		if own == b.whole {
			continue
		}
		wait := own.all.wait(now)
		if wait > 0 {
			step := time.Duration(float64(time.Second) / p.Rate)
			own.last = own.last.Add(step)
			if first := now.Add(wait); own.last.Before(first) {
				own.last = first
			}
			return own.last, false
		}
		own.all.tokens--
	}
	return time.Time{}, true
}

// reserve takes a place for an inquiry out of turn and says how long to wait for
// it; ok is false if that would be too long, and nothing is taken.
func (b *budget) reserve(now time.Time, p core.Pace) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.lanes(p)
	for _, l := range all {
		wait = max(wait, l.asks.wait(now))
	}
	if wait > askWithin {
		return 0, false
	}
	for _, l := range all {
		l.asks.tokens--
	}
	return wait, true
}

// cancel gives a place back that nobody waits for any more.
func (b *budget) cancel(p core.Pace) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes(p) {
		l.asks.tokens++
	}
}

// went counts an inquiry out of turn against the whole rate: those by turn make
// room for it. It never waits for them.
func (b *budget) went(now time.Time, p core.Pace) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lanes(p) {
		l.all.fill(now)
		l.all.tokens--
	}
}

// await waits for the place of an inquiry out of turn.
func (l *Ledger) await(ctx context.Context, call string) error {
	p := l.paceOf(call)
	wait, ok := l.budget.reserve(l.Now(), p)
	if !ok {
		return errBusy
	}
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			l.budget.cancel(p)
			return ctx.Err()
		}
	}
	l.budget.went(l.Now(), p)
	return nil
}
