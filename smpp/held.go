package smpp

import "nyota/smpp/pdu"

// heldKey names a request of the peer.
type heldKey struct {
	seq uint32
	id  pdu.CommandID // 0: the place is free
}

// held counts the peer's requests that are not answered yet. Peers number their
// requests one after the other, so nearly all find their place in the table; a
// peer that does otherwise, or uses a number twice, pays with a map.
type held struct {
	slots []heldKey
	more  map[heldKey]int
	n     int
}

func newHeld(limit int) held {
	size := 4
	for size < limit {
		size *= 2
	}
	return held{slots: make([]heldKey, size)}
}

func (t *held) add(seq uint32, id pdu.CommandID) {
	t.n++
	k := heldKey{seq, id}
	if p := &t.slots[int(seq)&(len(t.slots)-1)]; p.id == 0 {
		*p = k
		return
	}
	if t.more == nil {
		t.more = make(map[heldKey]int)
	}
	t.more[k]++
}

// remove reports whether such a request was held; it no longer is.
func (t *held) remove(seq uint32, id pdu.CommandID) bool {
	k := heldKey{seq, id}
	if p := &t.slots[int(seq)&(len(t.slots)-1)]; *p == k && id != 0 {
		*p = heldKey{}
	} else if n := t.more[k]; n > 1 {
		t.more[k] = n - 1
	} else if n == 1 {
		delete(t.more, k)
	} else {
		return false
	}
	t.n--
	return true
}
