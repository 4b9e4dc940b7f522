package dialog

import (
	"sync"
	"time"
)

// seldomEvery is how often a line of the log comes that a thousand customers a
// second have a reason for.
const seldomEvery = 5 * time.Second

// seldom keeps a line of the log from coming for every customer. The zero value is
// ready.
type seldom struct {
	mu   sync.Mutex
	next time.Time
	n    int
}

// say says whether the line is to be written now, and for how many.
func (s *seldom) say(now time.Time) (n int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if now.Before(s.next) {
		return 0, false
	}
	n, s.n, s.next = s.n, 0, now.Add(seldomEvery)
	return n, true
}
