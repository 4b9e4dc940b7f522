package load

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// glance is how long the pacer sleeps at most: a customer who began to think
// meanwhile, for a shorter time, is late by it, and counted so.
const glance = time.Millisecond

// pacer holds the handsets that wait for their time.
type pacer struct {
	mu  sync.Mutex
	due dueHeap
}

type dueHandset struct {
	h  *handset
	at time.Duration
}

func (p *pacer) add(h *handset, at time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.due, dueHandset{h, at})
}

// pop returns a handset whose time has come, or when the next one's does.
func (p *pacer) pop(now time.Duration) (h *handset, next time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.due) == 0 {
		return nil, 0, false
	}
	if p.due[0].at > now {
		return nil, p.due[0].at, true
	}
	d := heap.Pop(&p.due).(dueHandset)
	return d.h, d.at, true
}

// take returns all of them.
func (p *pacer) take() []*handset {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*handset, len(p.due))
	for i, d := range p.due {
		all[i] = d.h
	}
	p.due = nil
	return all
}

// pace begins the dialogues of the schedule and wakes handsets, until ctx ends.
func (o *operator) pace(ctx context.Context) {
	alarm := newAlarm(false)
	defer alarm.close()
	swept := o.now()
	for ctx.Err() == nil {
		now := o.now()
		if now-swept >= o.sweepEvery() {
			swept = now
			o.sweep()
		}
		next := now + glance
		if o.cfg.Rate > 0 {
			next = min(next, o.dial(now))
		}
		for {
			h, at, ok := o.pacer.pop(now)
			if h == nil {
				if ok {
					next = min(next, at)
				}
				break
			}
			h.wake()
		}
		alarm.wait(ctx, nil, max(next-o.now(), nap))
	}
}

// dial begins the dialogues that are due, as far as there are handsets, and
// returns when the next one is.
func (o *operator) dial(now time.Duration) time.Duration {
	for {
		due := time.Duration(float64(o.plan.n) / o.cfg.Rate * float64(time.Second))
		if due > now || due >= o.cfg.Duration {
			return due
		}
		select {
		case h := <-o.free:
			o.active.Add(1)
			h.begin(due)
		default:
			return now + nap // all are busy: it is late, and counted so
		}
	}
}

// dueHeap has the earliest first.
type dueHeap []dueHandset

func (d dueHeap) Len() int           { return len(d) }
func (d dueHeap) Less(i, j int) bool { return d[i].at < d[j].at }
func (d dueHeap) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dueHeap) Push(x any)        { *d = append(*d, x.(dueHandset)) }
func (d *dueHeap) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}
