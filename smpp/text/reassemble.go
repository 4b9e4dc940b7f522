package text

import (
	"container/list"
	"sync"
	"time"
)

// Key names a message that comes in parts. Parts of one message have the same
// sender, receiver and reference, on whatever bind they come.
type Key struct {
	From, To string
	Ref      uint16
	Wide     bool
	Total    uint8
}

// ReassemblerConfig bounds a Reassembler. Zero values mean the defaults.
type ReassemblerConfig struct {
	Messages int           // most that are incomplete at once, 0 is 10,000
	Octets   int           // most octets that their parts take, 0 is 16 MiB
	TTL      time.Duration // from a message's first part to its end, 0 is 10 minutes
}

// ReassemblerStats counts since the start, except for Pending.
type ReassemblerStats struct {
	Completed  uint64
	Expired    uint64 // messages whose parts did not all come in time
	Evicted    uint64 // messages dropped for newer ones because of a bound
	Duplicates uint64 // parts that were there already
	Pending    int    // messages incomplete now
}

// Reassembler puts parts of messages together, in whatever order they come. It is
// bounded: the oldest incomplete message makes place for a new one. Its methods
// may be called by several goroutines.
type Reassembler struct {
	cfg     ReassemblerConfig
	mu      sync.Mutex
	pending map[Key]*list.Element // of *partial
	order   *list.List            // by age, the oldest first
	octets  int
	stats   ReassemblerStats
}

type partial struct {
	key     Key
	expires time.Time
	parts   [][]byte // nil where missing
	have    int
	octets  int
}

// partOverhead is what a part costs beside its octets, so that floods of empty
// parts are bounded too.
const partOverhead = 32

// NewReassembler returns a Reassembler with cfg's bounds.
func NewReassembler(cfg ReassemblerConfig) *Reassembler {
	if cfg.Messages <= 0 {
		cfg.Messages = 10_000
	}
	if cfg.Octets <= 0 {
		cfg.Octets = 16 << 20
	}
	if cfg.TTL <= 0 {
		cfg.TTL = 10 * time.Minute
	}
	return &Reassembler{cfg: cfg, pending: make(map[Key]*list.Element), order: list.New()}
}

// Add takes part c.Seq of a message, copies it, and returns all parts in order
// once they are there. A part that is there already is counted and ignored, even
// if its octets differ: the first one was acknowledged. A message without parts
// (c.Total 0 or c.Seq not within it) is complete at once.
func (r *Reassembler) Add(now time.Time, from, to string, c Concat, part []byte) (parts [][]byte, done bool) {
	if c.Total < 2 || c.Seq == 0 || c.Seq > c.Total {
		return [][]byte{part}, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	key := Key{from, to, c.Ref, c.Wide, c.Total}
	e, ok := r.pending[key]
	if !ok {
		if r.order.Len() >= r.cfg.Messages {
			r.drop(r.order.Front())
			r.stats.Evicted++
		}
		size := int(c.Total) * partOverhead
		e = r.order.PushBack(&partial{key: key, expires: now.Add(r.cfg.TTL), parts: make([][]byte, c.Total), octets: size})
		r.pending[key] = e
		r.octets += size
	}
	p := e.Value.(*partial)
	if p.parts[c.Seq-1] != nil {
		r.stats.Duplicates++
		return nil, false
	}
	p.parts[c.Seq-1] = append(make([]byte, 0, len(part)), part...)
	p.have++
	p.octets += len(part)
	r.octets += len(part)
	if p.have == len(p.parts) {
		r.drop(e)
		r.stats.Completed++
		return p.parts, true
	}
	for r.octets > r.cfg.Octets && r.order.Len() > 0 {
		r.drop(r.order.Front())
		r.stats.Evicted++
	}
	return nil, false
}

// Expire drops what is incomplete for longer than the TTL. Add does so too; a
// caller that is idle for long may call it to free memory.
func (r *Reassembler) Expire(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
}

// Stats returns the counts.
func (r *Reassembler) Stats() ReassemblerStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Pending = r.order.Len()
	return s
}

func (r *Reassembler) expire(now time.Time) {
	for e := r.order.Front(); e != nil && !now.Before(e.Value.(*partial).expires); e = r.order.Front() {
		r.drop(e)
		r.stats.Expired++
	}
}

func (r *Reassembler) drop(e *list.Element) {
	p := r.order.Remove(e).(*partial)
	delete(r.pending, p.key)
	r.octets -= p.octets
}
