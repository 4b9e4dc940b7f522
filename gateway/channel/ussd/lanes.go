package ussd

import (
	"hash/maphash"
	"runtime"
	"sync"

	"nyota/sessions"
)

// lanes run turns off the SMPP reader: in order within a dialogue, and never more
// of them than was configured. As many run at once as there are processors, one
// after the other on goroutines that stay: waking a goroutine for each costs more
// than a step, and so does growing a new one's stack. A turn that is about to wait
// says so, and another one runs in its place meanwhile.
type lanes struct {
	seed   maphash.Seed
	shards [64]shard
	limit  int // dialogues at work or ready
	atOnce int // workers that run, those that wait in a turn left out
	wg     sync.WaitGroup

	mu      sync.Mutex
	open    int   // dialogues at work or ready
	running int   // workers that run
	ready   tasks // first tasks of dialogues
	spare   []*worker
	closed  bool
}

// task is one turn's work.
type task struct {
	run  func()
	lane *lane
	next *task
	on   *worker // while it runs
}

// lane is a dialogue at work, with what waits behind it.
type lane struct {
	hash    uint64
	waiting tasks
	next    *lane // of those that are not used
}

// tasks are a queue.
type tasks struct {
	first, last *task
	n           int
}

func (q *tasks) add(t *task) {
	t.next = nil
	if q.n++; q.first == nil {
		q.first = t
	} else {
		q.last.next = t
	}
	q.last = t
}

func (q *tasks) take() *task {
	t := q.first
	if t == nil {
		return nil
	}
	q.n--
	if q.first = t.next; q.first == nil {
		q.last = nil
	}
	t.next = nil
	return t
}

// worker is a goroutine that runs tasks.
type worker struct {
	wake chan struct{}
	away bool // its task waits, or has waited
}

// shard has the dialogues at work with what waits behind it in each. Two dialogues
// of one hash are in one lane, which costs them nothing but time.
type shard struct {
	mu     sync.Mutex
	closed bool
	busy   map[uint64]*lane
	spare  *lane
}

const (
	// maxWaiting bounds what may wait in one dialogue: a customer has one keypad.
	maxWaiting = 4
	// maxSpare bounds the goroutines that wait for work.
	maxSpare = 1024
	// yieldEvery is how many tasks a worker runs before it lets the connections'
	// goroutines run.
	yieldEvery = 32
)

// newLanes returns lanes for so many dialogues, of which atOnce run at once.
func newLanes(limit, atOnce int) *lanes {
	l := &lanes{seed: maphash.MakeSeed(), limit: limit, atOnce: atOnce}
	for i := range l.shards {
		l.shards[i].busy = map[uint64]*lane{}
	}
	return l
}

func (l *lanes) shardOf(hash uint64) *shard { return &l.shards[hash%uint64(len(l.shards))] }

// do runs a task after all earlier ones of the same dialogue. It is false, and the
// task is not run, if there is no room, or after close.
func (l *lanes) do(k sessions.Key, t *task) bool {
	hash := k.Hash(l.seed)
	s := l.shardOf(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if busy := s.busy[hash]; busy != nil {
		if busy.waiting.n >= maxWaiting {
			return false
		}
		t.lane = busy
		busy.waiting.add(t)
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.limit {
		return false
	}
	l.open++
	t.lane = s.open(hash)
	l.ready.add(t)
	l.startLocked()
	return true
}

// startLocked gets a worker to work if one more may run.
func (l *lanes) startLocked() {
	if l.running >= l.atOnce || l.ready.n == 0 {
		return
	}
	l.running++
	if n := len(l.spare); n > 0 {
		w := l.spare[n-1]
		l.spare = l.spare[:n-1]
		w.wake <- struct{}{}
		return
	}
	w := &worker{wake: make(chan struct{}, 1)}
	l.wg.Go(func() { l.work(w) })
}

// wait says that a task that runs is about to wait: another one may run.
func (l *lanes) wait(t *task) {
	w := t.on
	if w == nil || w.away {
		return
	}
	w.away = true
	l.mu.Lock()
	l.running--
	l.startLocked()
	l.mu.Unlock()
}

// work runs tasks until there are enough others to do so.
func (l *lanes) work(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ran := 1; ; ran++ {
		t := l.ready.take()
		if t == nil {
			l.running--
			if !l.restLocked(w) {
				return
			}
			continue
		}
		l.mu.Unlock()
		for t != nil {
			of := t.lane // once it ran, the task is somebody else's
			t.on = w
			t.run()
			t = l.after(of)
		}
		if ran%yieldEvery == 0 {
			runtime.Gosched()
		}
		l.mu.Lock()
		l.open--
		if !w.away {
			continue
		}
		w.away = false
		if l.running < l.atOnce {
			l.running++
			continue
		}
		if !l.restLocked(w) {
			return
		}
	}
}

// restLocked waits for work. It is false where enough others wait, or after close.
func (l *lanes) restLocked(w *worker) bool {
	if l.closed || len(l.spare) >= maxSpare {
		return false
	}
	l.spare = append(l.spare, w)
	l.mu.Unlock()
	<-w.wake // whoever wakes it has counted it as running
	l.mu.Lock()
	return true
}

// open gives a dialogue a lane. The shard is locked.
func (s *shard) open(hash uint64) *lane {
	ln := s.spare
	if ln == nil {
		ln = &lane{}
	}
	s.spare = ln.next
	ln.hash, ln.next = hash, nil
	s.busy[hash] = ln
	return ln
}

// after takes a dialogue's next task, or frees its lane.
func (l *lanes) after(ln *lane) *task {
	s := l.shardOf(ln.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := ln.waiting.take()
	if t == nil {
		delete(s.busy, ln.hash)
		ln.next, s.spare = s.spare, ln
	}
	return t
}

// close takes no more work and returns when none is under way.
func (l *lanes) close() {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
	}
	l.mu.Lock()
	l.closed = true
	for _, w := range l.spare {
		l.running++
		w.wake <- struct{}{}
	}
	l.spare = nil
	l.mu.Unlock()
	l.wg.Wait()
}
