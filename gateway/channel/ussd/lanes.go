package ussd

import (
	"hash/maphash"
	"sync"

	"nyota/sessions"
)

// lanes run work off the SMPP reader: in order within a dialogue, at once across
// dialogues, and never more of it than was configured. A goroutine that has
// nothing to do waits for the next dialogue: a turn needs more stack than a new
// one has, and growing it costs as much as the turn's menu.
type lanes struct {
	seed   maphash.Seed
	shards [64]shard
	slots  chan struct{} // one per dialogue at work
	next   chan task     // to a goroutine that waits
	spare  chan struct{} // one per goroutine that waits
	closed chan struct{} // by close
	once   sync.Once
	wg     sync.WaitGroup
}

// task is a dialogue with its first work.
type task struct {
	key   sessions.Key
	shard *shard
	work  func()
}

// maxSpare bounds the goroutines that wait for work.
const maxSpare = 256

type shard struct {
	mu     sync.Mutex
	closed bool
	busy   map[sessions.Key][]func() // what waits behind the work under way
}

// maxWaiting bounds what may wait in one dialogue: a customer has one keypad.
const maxWaiting = 4

func newLanes(concurrent int) *lanes {
	l := &lanes{seed: maphash.MakeSeed(), slots: make(chan struct{}, concurrent),
		next: make(chan task), spare: make(chan struct{}, maxSpare), closed: make(chan struct{})}
	for i := range l.shards {
		l.shards[i].busy = map[sessions.Key][]func(){}
	}
	return l
}

// do runs work after all earlier work of the same dialogue. It is false, and the
// work is not run, if there is no room, or after close.
func (l *lanes) do(k sessions.Key, work func()) bool {
	s := &l.shards[maphash.Comparable(l.seed, k)%uint64(len(l.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if waiting, busy := s.busy[k]; busy {
		if len(waiting) >= maxWaiting {
			return false
		}
		s.busy[k] = append(waiting, work)
		return true
	}
	select {
	case l.slots <- struct{}{}:
	default:
		return false
	}
	s.busy[k] = nil
	a := task{k, s, work}
	select {
	case l.next <- a:
	default:
		l.wg.Go(func() { l.worker(a) })
	}
	return true
}

// worker runs one lane after another, until there are enough others to do so.
func (l *lanes) worker(a task) {
	for {
		for next := a.work; next != nil; next = a.shard.next(a.key) {
			next()
		}
		a = task{} // keeps nothing alive while it waits
		<-l.slots
		select {
		case l.spare <- struct{}{}:
		default:
			return
		}
		select {
		case a = <-l.next:
			<-l.spare
		case <-l.closed:
			return
		}
	}
}

// next takes the dialogue's next work, or frees its lane.
func (s *shard) next(k sessions.Key) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.busy[k]
	if len(waiting) == 0 {
		delete(s.busy, k)
		return nil
	}
	s.busy[k] = waiting[1:]
	return waiting[0]
}

// close takes no more work and returns when none is under way.
func (l *lanes) close() {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
	}
	l.once.Do(func() { close(l.closed) })
	l.wg.Wait()
}
