package core

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A call is busy if of what wanted a place within about the last busySeconds at
// least busyLeast, and more than half, had none.
const (
	busySeconds = 5
	busyLeast   = 5
)

// seen is what a Guard has learnt since it was made of how calls fare.
type seen struct {
	full atomic.Int64 // when any call last had no place, as Unix seconds: most of the time none is busy

	mu    sync.Mutex
	works time.Time         // when the core last proved that it works
	calls map[string]*fared // by name: they are few
}

// fared is what became of those who wanted a place for one call.
type fared struct {
	full   time.Time // when the last one had none
	second int64     // the last one that counts
	counts [busySeconds]struct{ wanted, refused int }
}

// Seen says when the core last proved that it works, by a heartbeat that does not
// say "unavailable" or by a request that it confirmed, and when it last had no
// room for a call (ErrOverload). Zero is not since this Guard was made.
func (g *Guard) Seen(call string) (works, full time.Time) {
	s := &g.seen
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.calls[call]; f != nil {
		full = f.full
	}
	return s.works, full
}

// Busy says whether most of those who wanted a call of late were refused for want
// of room: whoever begins now is likely to be told so after the PIN. It ends by
// itself some seconds after the refusals do, and changes nothing about who is
// admitted.
func (g *Guard) Busy(call string) bool {
	s := &g.seen
	last := s.full.Load()
	if last == 0 {
		return false
	}
	now := g.now().Unix()
	if now-last >= busySeconds {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.calls[call]
	if f == nil {
		return false
	}
	f.turn(now)
	wanted, refused := 0, 0
	for _, c := range f.counts {
		wanted += c.wanted
		refused += c.refused
	}
	return refused >= busyLeast && 2*refused > wanted
}

// worked takes the proof that the core works.
func (s *seen) worked(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.works = now
}

// asked takes what became of a call that wanted a place.
func (s *seen) asked(call string, err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.calls[call]
	if f == nil {
		f = &fared{}
		s.calls[call] = f
	}
	f.turn(now.Unix())
	c := &f.counts[f.second%busySeconds]
	c.wanted++
	if errors.Is(err, ErrOverload) {
		c.refused++
		f.full = now
		s.full.Store(now.Unix())
	}
}

// turn forgets the seconds that are over.
func (f *fared) turn(now int64) {
	if now-f.second >= busySeconds {
		clear(f.counts[:])
		f.second = now
	}
	for f.second < now {
		f.second++
		clear(f.counts[f.second%busySeconds : f.second%busySeconds+1])
	}
}
