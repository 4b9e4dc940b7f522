package simulator

import (
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"nyota/smpp/text"
)

// Bounds of what waits for handsets that nobody has opened yet.
const (
	backlogBlocks = 64      // of which the oldest is overwritten
	backlogBlock  = 1 << 20 // octets of each; an SMPP connection reads no PDU that long
	backlogChains = 1 << 16 // numbers are spread over so many
	// maxReplay is how many messages, or parts of them, a handset finds when it is
	// opened: more than its inbox and its transcript keep.
	maxReplay = 1000
)

// backlogHead is what precedes a record's sender and text, in octets.
const backlogHead = 40

// backlog keeps the newest short messages to handsets that nobody has opened, as
// they came: most are never looked at, so neither decoding nor an inbox is worth
// its price. It is a ring of blocks that are made when they are first needed and
// then overwritten, the oldest first; putting a message allocates nothing else.
//
// Messages to one number are found through a chain from the newest to the oldest:
// each record has the place of the one before it whose number fell into the same
// chain, and what lies in an overwritten block ends the chain. Places only grow.
// A backlog is not for several goroutines.
type backlog struct {
	blocks [][]byte
	size   int      // octets of a block
	chains []uint64 // place of the newest record; 0: none
	block  uint64   // being filled; the first is 1, so that no place is 0
	used   int      // octets of it
}

func newBacklog(blocks, size int) *backlog {
	return &backlog{blocks: make([][]byte, blocks), size: size, used: size}
}

// chain spreads numbers over the chains by the upper bits of a product
// (Fibonacci hashing), as the lower digits of a range of numbers are alike.
func (l *backlog) chain(key uint64) *uint64 {
	return &l.chains[key*0x9E3779B97F4A7C15>>48]
}

// put copies a message to the number with this key. One that is longer than a
// block is not kept.
func (l *backlog) put(key uint64, m *message) {
	need := backlogHead + len(m.from) + len(m.text)
	if need > l.size {
		return
	}
	if l.used+need > l.size {
		l.next()
	}
	place := l.chain(key)
	b := l.blocks[l.block%uint64(len(l.blocks))][l.used:]
	e := binary.LittleEndian
	e.PutUint64(b[0:], *place)
	e.PutUint64(b[8:], key)
	e.PutUint64(b[16:], uint64(m.at.UnixNano()))
	e.PutUint32(b[24:], uint32(len(m.text)))
	e.PutUint16(b[28:], m.concat.Ref)
	wide := byte(0)
	if m.concat.Wide {
		wide = 1
	}
	b[30], b[31], b[32] = wide, m.concat.Total, m.concat.Seq
	b[33], b[34] = byte(m.alphabet.Locking), byte(m.alphabet.Single)
	b[35], b[36], b[37] = m.ton, m.coding, byte(len(m.from)) // at most 20 octets
	b = b[backlogHead:]
	copy(b[copy(b, m.from):], m.text)
	*place = l.block*uint64(l.size) + uint64(l.used)
	l.used += need
}

// next begins a block, over the oldest one if all are full.
func (l *backlog) next() {
	if l.chains == nil {
		l.chains = make([]uint64, backlogChains)
	}
	l.block++
	l.used = 0
	if b := &l.blocks[l.block%uint64(len(l.blocks))]; *b == nil {
		*b = make([]byte, l.size)
	}
}

// record returns the octets from place on, nil if they were overwritten.
func (l *backlog) record(place uint64) []byte {
	n := place / uint64(l.size)
	if n == 0 || n+uint64(len(l.blocks)) <= l.block {
		return nil
	}
	return l.blocks[n%uint64(len(l.blocks))][place%uint64(l.size):]
}

// of returns the newest messages to the number with this key, at most maxReplay,
// the oldest first. They alias the ring: nothing may be put meanwhile.
func (l *backlog) of(key uint64) iter.Seq[message] {
	var found [][]byte
	if l.chains != nil {
		for b := l.record(*l.chain(key)); b != nil && len(found) < maxReplay; b = l.record(binary.LittleEndian.Uint64(b)) {
			if binary.LittleEndian.Uint64(b[8:]) == key {
				found = append(found, b)
			}
		}
	}
	return func(yield func(message) bool) {
		for _, b := range slices.Backward(found) {
			if !yield(unpack(b)) {
				return
			}
		}
	}
}

// unpack reads a record.
func unpack(b []byte) message {
	e := binary.LittleEndian
	from := backlogHead + int(b[37])
	return message{
		at:       time.Unix(0, int64(e.Uint64(b[16:]))),
		concat:   text.Concat{Ref: e.Uint16(b[28:]), Wide: b[30] != 0, Total: b[31], Seq: b[32]},
		alphabet: text.Alphabet{Locking: text.Language(b[33]), Single: text.Language(b[34])},
		ton:      b[35], coding: b[36],
		from: b[backlogHead:from],
		text: b[from : from+int(e.Uint32(b[24:]))],
	}
}

// numberKey is a number as an integer that no other number has: its digits, and
// how many they are, as it may begin with 0. It is false for what ValidMSISDN
// refuses.
func numberKey[T string | []byte](s T) (key uint64, ok bool) {
	if len(s) < 5 || len(s) > 15 {
		return 0, false
	}
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		key = key*10 + uint64(d)
	}
	return key<<4 | uint64(len(s)), true
}
