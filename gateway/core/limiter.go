package core

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrOverload says that the core has no room for a request that could be
// answered in time. It is an ErrNotSent: nothing left.
var ErrOverload = fmt.Errorf("%w: the core has no room for it now", ErrNotSent)

// Lane is who goes first when not all can go.
type Lane uint8

// Lanes, the first one first.
const (
	LaneInquiry Lane = iota // what became of money under way
	LanePayment
	LaneRead // balances, names, fees
	LaneHistory
	laneCount
)

// Class is a kind of request that is limited by itself, beside the limit of the
// whole core: when one kind, or one biller, is sick, the others are not held up.
type Class struct {
	Lane Lane
	Key  string
	// Share of the core's limit that the class may hold; 0 means all of it.
	Share float64
	// Party is set for a class of one biller or merchant. One that stays sick is
	// left alone for a while, up to 5 s, and then tried with one request.
	Party bool
}

// LimiterConfig is how a Limiter behaves. Zero fields mean the defaults.
type LimiterConfig struct {
	Ceiling time.Duration // an answer that takes longer means too much in flight; 1.5 s
	Initial int           // requests in flight at once, to begin with; 16
	Floor   int           // it never falls below; 2
	Max     int           // it never grows over; 256
	Wait    time.Duration // longest wait for a place; 500 ms
	Queue   int           // requests that may wait, all together; 1,024
	Now     func() time.Time
}

// Limiter holds the requests in flight at a core to as many as it answers in
// time. One limit follows the core, one each class that is slower than the others;
// a place needs both. What
// cannot have a place soon enough is refused at once. It is safe for use by many
// goroutines and starts none.
type Limiter struct {
	cfg LimiterConfig

	mu       sync.Mutex
	core     aimd
	inFlight int
	waiting  int
	out      []*Permit // requests that left, oldest first
	lanes    [laneCount][]*waiter
	classes  map[string]*classState
	swept    time.Time
}

// classState is what is known of one class.
type classState struct {
	Class
	cage
	typical  time.Duration // of an answer, smoothed
	inFlight int
	waiting  int
	out      []*Permit // requests that left, oldest first
	seen     time.Time
	answered time.Time     // when the request left that left last of those answered in time
	pause    time.Duration // the last rest's length
	until    time.Time     // of the rest
}

// waiter is a request without a place.
type waiter struct {
	class    *classState
	deadline time.Time
	place    *Permit       // once given
	ready    chan struct{} // closed then
}

// Permit is a place in flight. It ends with Done or Release, once.
type Permit struct {
	l       *Limiter
	class   *classState
	started time.Time
	used    int // in flight in all when it was given, this one too
	late    bool
	ended   bool
}

// NewLimiter returns a Limiter with cfg's defaults filled in.
func NewLimiter(cfg LimiterConfig) *Limiter {
	if cfg.Ceiling <= 0 {
		cfg.Ceiling = 1500 * time.Millisecond
	}
	if cfg.Max <= 0 {
		cfg.Max = 256
	}
	if cfg.Floor <= 0 {
		cfg.Floor = 2
	}
	if cfg.Initial <= 0 {
		cfg.Initial = 16
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 500 * time.Millisecond
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 1024
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Floor = min(cfg.Floor, cfg.Max)
	cfg.Initial = min(max(cfg.Initial, cfg.Floor), cfg.Max)
	return &Limiter{cfg: cfg, core: newAIMD(cfg.Initial, cfg.Floor, cfg.Max, cfg.Ceiling), classes: map[string]*classState{}}
}

// Acquire waits for a place, at most as long as configured, and never so long
// that an answer would come after ctx's deadline. Its error wraps ErrOverload,
// or ErrNotSent and ctx's error.
func (l *Limiter) Acquire(ctx context.Context, c Class) (*Permit, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = l.cfg.Now().Add(time.Minute)
	}
	w, wait, err := l.enter(c, deadline)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.ready: // at once
		return w.place, nil
	default:
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-w.ready:
		return w.place, nil
	case <-t.C:
		err = ErrOverload
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
	}
	if p := l.leave(w); p != nil {
		return p, nil // the place came at the same instant
	}
	return nil, err
}

// enter gives a place, a place in the queue for as long as wait, or an error. The
// waiter's place may be read once ready is closed.
func (l *Limiter) enter(c Class, deadline time.Time) (w *waiter, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	s := l.class(now, c)
	l.overdue(now, s)
	if s.until.After(now) {
		return nil, 0, ErrOverload
	}
	w = &waiter{class: s, deadline: deadline, ready: make(chan struct{})}
	if l.room(s) {
		l.grant(w)
		return w, 0, nil
	}
	wait = min(l.cfg.Wait, deadline.Sub(now)-l.takes(now))
	if wait <= 0 || l.waiting >= l.cfg.Queue || l.expected(s) > wait {
		return nil, 0, ErrOverload
	}
	l.lanes[c.Lane] = append(l.lanes[c.Lane], w)
	l.waiting++
	s.waiting++
	return w, wait, nil
}

// takes is how long an answer takes now: as long as of late, and at least as long
// as the oldest request has been waiting for its own, if its class is well. It is
// bounded, so that a core is found to be quick again.
func (l *Limiter) takes(now time.Time) time.Duration {
	longest := l.core.typical
	for _, p := range l.out {
		if p.class.cage.limit == 0 {
			longest = max(longest, now.Sub(p.started))
			break
		}
	}
	return min(longest, l.cfg.Ceiling*4/3)
}

// expected is how long the next one of a class would wait for its place.
func (l *Limiter) expected(s *classState) time.Duration {
	ahead := 1
	for lane := range s.Lane + 1 {
		ahead += len(l.lanes[lane])
	}
	core := time.Duration(ahead) * l.core.typical / time.Duration(l.core.whole())
	own := time.Duration(s.waiting+1) * s.typical / time.Duration(l.limit(s))
	return max(core, own)
}

// limit is how many requests of a class may be in flight now.
func (l *Limiter) limit(s *classState) int {
	n := l.core.limit
	if s.Share > 0 {
		n *= s.Share
	}
	if s.cage.limit > 0 {
		n = min(n, s.cage.limit)
	}
	return max(int(n), 1)
}

func (l *Limiter) room(s *classState) bool {
	return l.inFlight < l.core.whole() && s.inFlight < l.limit(s)
}

func (l *Limiter) grant(w *waiter) {
	s := w.class
	l.inFlight++
	s.inFlight++
	w.place = &Permit{l: l, class: s, used: l.inFlight}
	close(w.ready)
}

// dispatch gives free places away: lane by lane, in order of arrival, past those
// whose class has no room or who would not have an answer in time any more.
func (l *Limiter) dispatch() {
	if l.waiting == 0 {
		return
	}
	now := l.cfg.Now()
	takes := l.takes(now)
	for lane := range l.lanes {
		if l.waiting == 0 || l.inFlight >= l.core.whole() {
			return
		}
		kept := l.lanes[lane][:0]
		for _, w := range l.lanes[lane] {
			if !l.room(w.class) || w.deadline.Sub(now) < takes {
				kept = append(kept, w)
				continue
			}
			l.waiting--
			w.class.waiting--
			l.grant(w)
		}
		clear(l.lanes[lane][len(kept):])
		l.lanes[lane] = kept
	}
}

// leave ends a wait; it returns the place if that was given meanwhile.
func (l *Limiter) leave(w *waiter) *Permit {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.place != nil {
		return w.place
	}
	lane := &l.lanes[w.class.Lane]
	if i := slices.Index(*lane, w); i >= 0 {
		*lane = slices.Delete(*lane, i, i+1)
		l.waiting--
		w.class.waiting--
	}
	return nil
}

// Start says that the request leaves now: its latency counts from here.
func (p *Permit) Start() {
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	if p.started.IsZero() && !p.ended {
		p.started = p.l.cfg.Now()
		p.class.out = append(p.class.out, p)
		p.l.out = append(p.l.out, p)
	}
}

// Verdict is what the end of a request says about the core's load.
type Verdict uint8

// Verdicts.
const (
	NoEvidence Verdict = iota // it failed, or was decided later: its time says nothing
	Answered                  // an answer came
	TimedOut                  // none came in time
)

// Done frees the place and learns from how long the request took.
func (p *Permit) Done(v Verdict) {
	l := p.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	s := p.class
	l.inFlight--
	s.inFlight--
	now := l.cfg.Now()
	s.seen = now
	if !p.started.IsZero() {
		if i := slices.Index(s.out, p); i >= 0 {
			s.out = slices.Delete(s.out, i, i+1)
		}
		if i := slices.Index(l.out, p); i >= 0 {
			l.out = slices.Delete(l.out, i, i+1)
		}
		switch {
		case v == TimedOut:
			l.unanswered(now, p)
		case v == Answered && now.Sub(p.started) >= l.cfg.Ceiling:
			l.core.add(now, l.cfg.Ceiling) // the core has done that much
			l.late(now, p)
		case v == Answered:
			s.typical = smooth(s.typical, now.Sub(p.started), 8)
			s.pause = 0
			if p.started.After(s.answered) {
				s.answered = p.started
			}
			s.cage.answered(now, p.started, l.core.limit, l.cfg.Ceiling)
			l.core.answered(now, p.started, p.used)
		}
	}
	l.dispatch()
}

// Release frees a place whose request never left.
func (p *Permit) Release() { p.Done(NoEvidence) }

// overdue counts requests as late that are, without waiting for their end: a core
// that hangs would otherwise be fed for as long as its first victims wait.
func (l *Limiter) overdue(now time.Time, s *classState) {
	for _, p := range s.out {
		if now.Sub(p.started) < l.cfg.Ceiling {
			return
		}
		l.late(now, p)
	}
}

// late learns, once, from a request without an answer in time. If requests of
// another class left after it and were answered in time, its class is sick and is
// held by itself: a biller that hangs is no reason to hold up transfers. Else the
// core is slow, and its limit is cut if most answers are late: the last ones of a
// batch may be, at a core that is used as it should be.
func (l *Limiter) late(now time.Time, p *Permit) {
	if p.late {
		return
	}
	p.late = true
	s := p.class
	took := now.Sub(p.started)
	s.typical = smooth(s.typical, took, 8)
	if !l.overtaken(p) {
		l.core.typical = smooth(l.core.typical, took, 8)
		if l.core.typical >= l.cfg.Ceiling*8/10 {
			l.core.cut(now, p.started)
		}
		return
	}
	floor := float64(l.cfg.Floor)
	if s.Party {
		floor = 1
	}
	wasLeast := s.cage.limit == floor
	if s.cage.cut(now, p.started, s.inFlight, floor, l.cfg.Ceiling) && s.Party && wasLeast {
		s.pause = min(max(2*s.pause, 500*time.Millisecond), longestRest)
		s.until = now.Add(s.pause)
	}
}

// unanswered learns from a request that nobody waits for any more.
func (l *Limiter) unanswered(now time.Time, p *Permit) {
	l.late(now, p)
	if !l.overtaken(p) {
		l.core.cut(now, p.started)
	}
}

// longestRest of a biller or merchant that stays sick: then one request finds out.
const longestRest = 5 * time.Second

// overtaken says whether a request of another class left after p and was answered
// in time.
func (l *Limiter) overtaken(p *Permit) bool {
	for _, c := range l.classes {
		if c != p.class && c.answered.After(p.started) {
			return true
		}
	}
	return false
}

// Bounds of the classes in memory: beyond the first, idle ones are forgotten;
// beyond the second, new ones of a lane share one.
const (
	classesKept = 1024
	classesMost = 4096
	classIdle   = time.Minute
)

// class returns the state of a class.
func (l *Limiter) class(now time.Time, c Class) *classState {
	s := l.classes[c.Key]
	if s == nil {
		if len(l.classes) >= classesKept && now.Sub(l.swept) >= time.Second {
			l.swept = now
			for k, old := range l.classes {
				if old.inFlight == 0 && old.waiting == 0 && now.Sub(old.seen) > classIdle {
					delete(l.classes, k)
				}
			}
		}
		if len(l.classes) >= classesMost {
			c.Key = fmt.Sprintf("lane %d", c.Lane)
			if s = l.classes[c.Key]; s != nil {
				return s
			}
		}
		s = &classState{Class: c}
		l.classes[c.Key] = s
	}
	s.seen = now
	return s
}

// Load is how full the core is.
type Load struct {
	Limit    int           // requests that may be in flight
	InFlight int           // that are, or are about to be
	Waiting  int           // for a place
	Typical  time.Duration // what an answer takes
}

// Load returns how full the core is now.
func (l *Limiter) Load() Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Load{Limit: l.core.whole(), InFlight: l.inFlight, Waiting: l.waiting, Typical: l.core.typical}
}
