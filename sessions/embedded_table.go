package sessions

import (
	"bytes"
	"encoding/binary"
	"sync"
)

// Sessions live for minutes and change with every key press, so the embedded
// store has all of them in memory, in their stored form, and a journal beside
// pebble from which they are found again (embedded_journal.go).

// stripe guards the records of the customers that hash to it, and has their
// sessions. All reads and compare-and-sets of a customer happen under its stripe;
// the wait for the disk does not.
type stripe struct {
	mu    sync.Mutex
	table map[uint64]*entry   // by the key's hash; others of the same hash follow
	wheel map[uint32][]*entry // by when they are looked at, in slots
	size  int                 // octets
}

// entry is one session.
type entry struct {
	next *entry
	hash uint64
	row  []byte // the stored form
	lsn  uint64 // of the journal's record that has it
	slot uint32 // in the wheel
	at   uint32 // its place there
	kept bool   // pebble has a row of it too: see prefixKept
}

// entryCost is what a session costs beside its octets: the entry, its place in
// the table and in the wheel.
const entryCost = 128

// slotSeconds is how finely the wheel is cut. An expired session is never
// returned; only its memory is freed as late as that.
const slotSeconds = 8

func wheelSlot(expires uint64) uint32 {
	return uint32(uint64(max(0, timeOf(expires).Unix()))/slotSeconds) + 1
}

func (s *stripe) init() {
	s.table = map[uint64]*entry{}
	s.wheel = map[uint32][]*entry{}
}

// name is a session's key as its stored form has it.
type name []byte

// nameAt is where a session's stored form has its key.
const nameAt = headerLen + 2 + 8

func nameOf(dst []byte, k Key) name { return appendKey(dst, k) }

// nameIn is the name in a session's stored form; nil: it has none.
func nameIn(row []byte) name {
	at := nameAt
	for range 3 {
		if at > len(row) {
			return nil
		}
		n, octets := binary.Uvarint(row[at:])
		if octets <= 0 || n > uint64(len(row)-at-octets) {
			return nil
		}
		at += octets + int(n)
	}
	return row[nameAt:at]
}

// expiresOf reads when a session in its stored form expires, as an orderedTime.
func expiresOf(row []byte) uint64 { return binary.BigEndian.Uint64(row[timeAt:]) }

// versionOf reads its version.
func versionOf(row []byte) uint64 { return binary.BigEndian.Uint64(row[versionAt:]) }

// find returns a session, or nil.
func (s *stripe) find(hash uint64, n name) *entry {
	for e := s.table[hash]; e != nil; e = e.next {
		if bytes.HasPrefix(e.row[nameAt:], n) {
			return e
		}
	}
	return nil
}

// put stores a session's new form, which is copied. It returns by how many octets
// the stripe grew.
func (s *stripe) put(e *entry, hash uint64, row []byte, lsn uint64) (*entry, int) {
	before := s.size
	if e == nil {
		e = &entry{hash: hash, next: s.table[hash]}
		s.table[hash] = e
		s.size += entryCost
		e.slot = wheelSlot(expiresOf(row))
		s.enter(e)
	}
	old := cap(e.row)
	e.row = append(e.row[:0], row...)
	e.lsn = lsn
	s.size += cap(e.row) - old
	return e, s.size - before
}

// remove forgets a session.
func (s *stripe) remove(e *entry) int {
	before := s.size
	s.size -= cap(e.row) + entryCost
	s.leave(e)
	if s.table[e.hash] == e {
		if e.next == nil {
			delete(s.table, e.hash)
		} else {
			s.table[e.hash] = e.next
		}
		return s.size - before
	}
	for p := s.table[e.hash]; p != nil; p = p.next {
		if p.next == e {
			p.next = e.next
			break
		}
	}
	return s.size - before
}

// enter puts a session into its slot of the wheel.
func (s *stripe) enter(e *entry) {
	e.at = uint32(len(s.wheel[e.slot]))
	s.wheel[e.slot] = append(s.wheel[e.slot], e)
}

func (s *stripe) leave(e *entry) {
	slot := s.wheel[e.slot]
	last := len(slot) - 1
	slot[e.at] = slot[last]
	slot[e.at].at = e.at
	slot[last] = nil
	if last == 0 {
		delete(s.wheel, e.slot)
		return
	}
	s.wheel[e.slot] = slot[:last]
}

// expire forgets what expired by now, and returns how many sessions that were
// and how many octets. It looks only at sessions that once were to expire by now:
// those that went on are put where they are to be looked at again.
func (s *stripe) expire(now uint64) (gone, octets int) {
	before := s.size
	until := wheelSlot(now)
	for slot := range s.wheel {
		if slot > until {
			continue
		}
		for i := len(s.wheel[slot]) - 1; i >= 0; i-- {
			e := s.wheel[slot][i]
			at := expiresOf(e.row)
			switch {
			case at <= now:
				s.remove(e)
				gone++
			case wheelSlot(at) != slot:
				s.leave(e)
				e.slot = wheelSlot(at)
				s.enter(e)
			}
		}
	}
	return gone, s.size - before
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
