package coresim

import (
	"sync"
	"time"
)

// pool is the core's workers. Each job takes the service time and then happens.
// Goroutines live only while there is work, and are never more than workers.
type pool struct {
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	queue   []func(began time.Time) // waiting, from head on
	head    int
	max     int
	busy    int
	workers int
	service time.Duration
	paused  bool
	closed  bool
}

func newPool(limit int) *pool {
	return &pool{stop: make(chan struct{}), max: limit, workers: 1}
}

// submit queues a job; it never waits. The job is told when a worker took it.
func (p *pool) submit(job func(began time.Time)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.queue)-p.head >= p.max {
		return errBusy
	}
	p.queue = append(p.queue, job)
	p.hire()
	return nil
}

// set changes the pool while it works. A paused pool finishes what its workers
// have in hand, and keeps the queue.
func (p *pool) set(workers int, service time.Duration, paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.workers, p.service, p.paused = workers, service, paused
	p.hire()
}

// hire starts workers for what waits. It is called with mu held.
func (p *pool) hire() {
	if p.paused || p.closed {
		return
	}
	for waiting := len(p.queue) - p.head; p.busy < p.workers && waiting > 0; waiting-- {
		p.busy++
		p.wg.Add(1)
		go p.run()
	}
}

// next takes a job, or ends the worker.
func (p *pool) next() (job func(began time.Time), service time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.paused || p.busy > p.workers || p.head == len(p.queue) {
		p.busy--
		return nil, 0, false
	}
	job = p.queue[p.head]
	p.queue[p.head] = nil
	p.head++
	if p.head == len(p.queue) {
		p.queue, p.head = p.queue[:0], 0
	} else if p.head >= 1024 && p.head*2 >= len(p.queue) {
		n := copy(p.queue, p.queue[p.head:])
		clear(p.queue[n:])
		p.queue, p.head = p.queue[:n], 0
	}
	return job, p.service, true
}

func (p *pool) run() {
	defer p.wg.Done()
	for {
		job, service, ok := p.next()
		if !ok {
			return
		}
		began := time.Now()
		if service > 0 {
			t := time.NewTimer(service)
			select {
			case <-t.C:
			case <-p.stop:
				t.Stop()
				p.mu.Lock()
				p.busy--
				p.mu.Unlock()
				return
			}
		}
		job(began)
	}
}

// waiting returns how many jobs no worker has taken yet.
func (p *pool) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) - p.head
}

// close forgets the queue and waits for the workers.
func (p *pool) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		p.queue, p.head = nil, 0
		close(p.stop)
	}
	p.mu.Unlock()
	p.wg.Wait()
}
