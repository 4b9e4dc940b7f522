package sessions

import "sync"

// entryCost is what a cached session costs beside its octets: the map's entry,
// the key's strings and their headers, the allocator's rounding.
const entryCost = 192

// stripe guards the records of the customers that hash to it, and caches their
// sessions in stored form. All reads and compare-and-sets of a customer happen
// under its stripe; the wait for the disk does not.
type stripe struct {
	mu    sync.Mutex
	cache map[Key]*cached
	size  int // octets in cache
	limit int
}

type cached struct{ row string }

func (s *stripe) init(limit int) {
	s.cache = make(map[Key]*cached)
	s.limit = limit
}

// keep remembers a session's stored form. The key is copied: the caller's may be
// part of a big buffer.
func (s *stripe) keep(k Key, row string) {
	if c := s.cache[k]; c != nil {
		s.size += len(row) - len(c.row)
		c.row = row
	} else {
		s.cache[cloneKey(k)] = &cached{row: row}
		s.size += len(row) + entryCost
	}
	for old, c := range s.cache { // the map's order is as good as random
		if s.size <= s.limit {
			break
		}
		s.size -= len(c.row) + entryCost
		delete(s.cache, old)
	}
}

func (s *stripe) forget(k Key) {
	if c := s.cache[k]; c != nil {
		s.size -= len(c.row) + entryCost
		delete(s.cache, k)
	}
}

// cloneKey copies the three strings into one piece of memory.
func cloneKey(k Key) Key {
	all := k.Network + k.MSISDN + k.ID
	n, m := len(k.Network), len(k.Network)+len(k.MSISDN)
	return Key{Network: all[:n], MSISDN: all[n:m], ID: all[m:]}
}

// queue is a range of keys in the order of their time, of which the front is
// taken again and again. Its low mark lets a scan begin behind what was already
// taken instead of stepping over the deleted keys.
type queue struct {
	scan sync.Mutex // one scan at a time

	mu   sync.Mutex
	low  uint64 // nothing is stored before
	seen uint64 // during a scan: the least time that was written
}

// wrote says that a key of this time was written; it is called after the write.
func (q *queue) wrote(at uint64) {
	q.mu.Lock()
	q.low, q.seen = min(q.low, at), min(q.seen, at)
	q.mu.Unlock()
}

// begin returns where a scan begins. The iterator must be made after it.
func (q *queue) begin() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seen = ^uint64(0)
	return q.low
}

// end says that the scan left nothing before reached, of what was stored when
// it began: what was written meanwhile keeps the mark down.
func (q *queue) end(reached uint64) {
	q.mu.Lock()
	q.low = max(q.low, min(reached, q.seen))
	q.mu.Unlock()
}
