package sessions

import (
	"hash/maphash"
	"sync"
	"time"
)

// warm is what this process last wrote or read of sessions, in stored form, so
// that a step needs no read: compare-and-set tells when another node was faster.
// It forgets in about the order of last use, and holds no more octets than its
// limit.
type warm struct {
	seed   maphash.Seed
	shards [64]warmShard
}

// warmShard has two generations: what is used moves to the young one, and when
// that is full the old one is forgotten.
type warmShard struct {
	mu         sync.Mutex
	young, old map[Key]string
	size       int // octets of young
	half       int // its limit

	ahead map[string]aheadRow // customers read along with their sessions, by msisdn
}

// aheadRow is a customer's record that was read along with the session: a dial
// asks for both.
type aheadRow struct {
	row string // "": there is none
	at  time.Time
}

const (
	// warmCost is what a session costs beside its octets: the map's entry, the key's
	// strings and their headers, the allocator's rounding.
	warmCost = 192
	// aheadFor is how long what was read ahead may be used. It serves the turn
	// that made the read.
	aheadFor = time.Second
	maxAhead = 128 // records read ahead in a shard
)

func newWarm(limit int) *warm {
	w := &warm{seed: maphash.MakeSeed()}
	for i := range w.shards {
		s := &w.shards[i]
		s.half = max(limit/2/len(w.shards), 1)
		s.young, s.old, s.ahead = map[Key]string{}, map[Key]string{}, map[string]aheadRow{}
	}
	return w
}

func (w *warm) shard(msisdn string) *warmShard {
	return &w.shards[maphash.String(w.seed, msisdn)%uint64(len(w.shards))]
}

// get returns a session's stored form.
func (w *warm) get(k Key) (string, bool) {
	s := w.shard(k.MSISDN)
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.young[k]
	if !ok {
		if row, ok = s.old[k]; ok {
			delete(s.old, k)
			s.keep(k, row)
		}
	}
	return row, ok
}

// put remembers a session's stored form, which nobody may change.
func (w *warm) put(k Key, row string) {
	s := w.shard(k.MSISDN)
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.young[k]; ok { // the map keeps the key that it has
		s.size += len(row) - len(have)
		s.young[k] = row
		return
	}
	delete(s.old, k)
	s.keep(cloneKey(k), row)
}

func (s *warmShard) keep(k Key, row string) {
	n := len(row) + warmCost
	if s.size+n > s.half {
		s.old, s.young, s.size = s.young, make(map[Key]string, len(s.young)), 0
		if n > s.half {
			return
		}
	}
	s.young[k] = row
	s.size += n
}

// forget drops a session: its store knows better, or it is over.
func (w *warm) forget(k Key) {
	s := w.shard(k.MSISDN)
	s.mu.Lock()
	defer s.mu.Unlock()
	if row, ok := s.young[k]; ok {
		s.size -= len(row) + warmCost
		delete(s.young, k)
	}
	delete(s.old, k)
}

// readAhead keeps a customer's record for the turn that is about to ask for it.
func (w *warm) readAhead(msisdn, row string) {
	s := w.shard(msisdn)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if len(s.ahead) >= maxAhead {
		for m, a := range s.ahead {
			if now.Sub(a.at) > aheadFor {
				delete(s.ahead, m)
			}
		}
		if len(s.ahead) >= maxAhead {
			return
		}
	}
	s.ahead[msisdn] = aheadRow{row, now}
}

// takeAhead returns, once, what readAhead kept, unless that is too old.
func (w *warm) takeAhead(msisdn string) (string, bool) {
	s := w.shard(msisdn)
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.ahead[msisdn]
	delete(s.ahead, msisdn)
	return a.row, ok && time.Since(a.at) <= aheadFor
}

// cloneKey copies the three strings into one piece of memory: the caller's may be
// parts of a big buffer.
func cloneKey(k Key) Key {
	all := k.Network + k.MSISDN + k.ID
	n, m := len(k.Network), len(k.Network)+len(k.MSISDN)
	return Key{Network: all[:n], MSISDN: all[n:m], ID: all[m:]}
}
