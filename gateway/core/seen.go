package core

import (
	"errors"
	"sync"
	"time"
)

// seen is what a Guard has learnt since it was made of how calls fare.
type seen struct {
	mu    sync.Mutex
	works time.Time            // when the core last proved that it works
	full  map[string]time.Time // when a call last had no place; the calls are few
}

// Seen says when the core last proved that it works, by a heartbeat that does not
// say "unavailable" or by a request that it confirmed, and when it last had no
// room for a call (ErrOverload). Zero is not since this Guard was made.
func (g *Guard) Seen(call string) (works, full time.Time) {
	s := &g.seen
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.works, s.full[call]
}

// worked takes the proof that the core works.
func (s *seen) worked(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.works = now
}

// asked takes what became of a call that wanted a place.
func (s *seen) asked(call string, err error, now time.Time) {
	if !errors.Is(err, ErrOverload) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full[call] = now
}
