package smpp

import (
	"time"

	"nyota/smpp/pdu"
)

// call is one waiting caller: of Do for a response, of Do or Go for a slot.
// Exactly one completion reaches it: who takes it out of the window or of the
// waiting list, under the connection's lock, owes it the one token in ch.
type call struct {
	ch         chan struct{} // holds one
	p          pdu.PDU
	err        error
	seq        uint32
	prev, next *call // in the waiting list
	waiting    bool
}

// done hands the call its result.
func (k *call) done(p pdu.PDU, err error) {
	k.p, k.err = p, err
	k.ch <- struct{}{}
}

// slot is one of our requests under way.
type slot struct {
	seq   uint32        // 0: the slot is free
	resp  pdu.CommandID // the response it waits for
	due   time.Duration // when it is given up, on the connection's clock
	start uint64        // where in the stream of written octets it begins
	size  int           // octets
	call  *call         // Do; nil if the caller gave up
	fn    func(pdu.PDU, error)
}

// result is a request that ended without a response.
type result struct {
	call *call
	fn   func(pdu.PDU, error)
	err  error
}

// window holds our requests under way. A request lives at its sequence number
// modulo the table's size; numbers whose place is taken are skipped, so the
// number of a request in flight is never given to a second one. The table has
// at least twice as many places as requests, which keeps the skips few.
type window struct {
	slots []slot
	limit int
	used  int    // slots taken, those granted to waiting callers included
	last  uint32 // sequence number given last
	head  *call  // waiting for a slot, first come first served
	tail  *call
}

func newWindow(limit int) window {
	size := 4
	for size < 2*limit {
		size *= 2
	}
	return window{slots: make([]slot, size), limit: limit}
}

func (w *window) at(seq uint32) *slot { return &w.slots[int(seq)&(len(w.slots)-1)] }

// sequence returns the next free sequence number, 1 to 0x7FFFFFFF.
func (w *window) sequence() uint32 {
	for {
		if w.last++; w.last > pdu.MaxSequence {
			w.last = 1
		}
		if w.at(w.last).seq == 0 {
			return w.last
		}
	}
}

// find returns the slot of a request under way, or nil.
func (w *window) find(seq uint32) *slot {
	if s := w.at(seq); s.seq == seq && seq != 0 {
		return s
	}
	return nil
}

// free gives a slot back. Waiting callers get it with the next grant.
func (w *window) free(s *slot) {
	*s = slot{}
	w.used--
}

// available reports whether a newcomer may take a slot without overtaking.
func (w *window) available() bool { return w.used < w.limit && w.head == nil }

// grant gives free slots to waiting callers.
func (w *window) grant() {
	for w.head != nil && w.used < w.limit {
		k := w.head
		w.remove(k)
		w.used++
		k.err = nil
		k.ch <- struct{}{}
	}
}

func (w *window) wait(k *call) {
	k.waiting, k.prev, k.next = true, w.tail, nil
	if w.tail == nil {
		w.head = k
	} else {
		w.tail.next = k
	}
	w.tail = k
}

// remove takes a caller out of the waiting list and reports whether it was there.
func (w *window) remove(k *call) bool {
	if !k.waiting {
		return false
	}
	if k.prev == nil {
		w.head = k.next
	} else {
		k.prev.next = k.next
	}
	if k.next == nil {
		w.tail = k.prev
	} else {
		k.next.prev = k.prev
	}
	k.waiting, k.prev, k.next = false, nil, nil
	return true
}

// refuse ends the wait of all callers that wait for a slot.
func (w *window) refuse(err error) {
	for k := w.head; k != nil; k = w.head {
		w.remove(k)
		k.done(pdu.PDU{}, err)
	}
}
