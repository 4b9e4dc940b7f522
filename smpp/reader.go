package smpp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"

	"nyota/smpp/pdu"
)

const (
	firstBuffer = 1 << 10  // octets; a connection that never binds needs no more
	fullBuffer  = 32 << 10 // octets; only a longer PDU makes it grow further
	// reuseBelow is the longest PDU that is decoded into a reused body, so that a
	// monstrous one leaves no monstrous slices behind.
	reuseBelow = 4 << 10
)

// reader is what belongs to the reader's goroutine alone.
type reader struct {
	buf     []byte
	r, w    int // buf[r:w] has been read and not been worked through
	ids     []pdu.CommandID
	bodies  []pdu.Body // decoded into again and again
	pending Stats      // not added to the connection's yet
	busy    bool       // something but enquire_link was in this batch
}

// body returns the body to decode a PDU of that id and length into, or nil.
func (r *reader) body(id pdu.CommandID, length int) pdu.Body {
	if length > reuseBelow {
		return pdu.New(id)
	}
	for i, have := range r.ids {
		if have == id {
			return r.bodies[i]
		}
	}
	b := pdu.New(id)
	if b != nil {
		r.ids, r.bodies = append(r.ids, id), append(r.bodies, b)
	}
	return b
}

func (r *reader) publish(s *Stats) {
	s.add(&r.pending)
	r.pending = Stats{}
}

// readLoop reads until the connection ends, and returns why.
func (c *Conn) readLoop() error {
	if t, ok := c.nc.(*tls.Conn); ok {
		if err := t.HandshakeContext(c.ctx); err != nil {
			return err
		}
	}
	r := &c.reader
	r.buf = make([]byte, firstBuffer)
	for {
		r.makeRoom(int(c.cfg.MaxPDU))
		n, err := c.nc.Read(r.buf[r.w:])
		if n > 0 {
			r.w += n
			r.pending.Reads++
			r.pending.OctetsReceived += uint64(n)
			c.received.Store(int64(c.now()))
			if err := c.batch(); err != nil {
				return c.discard(err)
			}
		}
		if err != nil {
			return c.readError(err)
		}
	}
}

// readError says what the end of the stream means.
func (c *Conn) readError(err error) error {
	if isEOF(err) && c.reader.w > c.reader.r {
		return fmt.Errorf("smpp: the connection ended in the middle of a PDU: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// makeRoom moves what is left to the front and grows the buffer when it is full.
// It grows by what has arrived, never by what a command_length announces.
func (r *reader) makeRoom(maxPDU int) {
	full := r.w == len(r.buf)
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if full && (len(r.buf) < fullBuffer || r.w == len(r.buf)) {
		size := max(2*len(r.buf), firstBuffer)
		if size > fullBuffer && r.w < len(r.buf) {
			return
		}
		// One PDU of maxPDU octets always fits.
		grown := make([]byte, min(size, max(maxPDU, fullBuffer)))
		copy(grown, r.buf[:r.w])
		r.buf = grown
	}
}

// batch works through all whole PDUs in the buffer. What they make us send is
// written when the last of them is done.
func (c *Conn) batch() error {
	r := &c.reader
	c.mu.Lock()
	c.batching = true
	finishing := c.state >= stateFinishing
	c.mu.Unlock()

	var err error
	for err == nil && !finishing && r.w-r.r >= pdu.HeaderLen {
		// The error is a length below the header's, which is refused here too.
		h, _ := pdu.DecodeHeader(r.buf[r.r:r.w])
		if h.Length < pdu.HeaderLen || h.Length > c.cfg.MaxPDU {
			err = &LengthError{h.Length, c.cfg.MaxPDU}
			break
		}
		if uint32(r.w-r.r) < h.Length {
			break
		}
		body := r.buf[r.r+pdu.HeaderLen : r.r+int(h.Length)]
		r.r += int(h.Length)
		r.pending.Received++
		finishing, err = c.dispatch(h, body)
	}
	if finishing {
		r.r = r.w
	}
	c.endBatch()
	return err
}

func (c *Conn) endBatch() {
	r := &c.reader
	c.mu.Lock()
	c.batching = false
	if r.busy {
		c.active, r.busy = c.now(), false
	}
	r.publish(&c.stats)
	c.win.grant()
	c.checkDrainedLocked()
	if len(c.out) > 0 || c.state >= stateFinishing {
		c.wakeLocked()
	}
	c.mu.Unlock()
}

// waitForRoom stops the reader while the peer's requests are unanswered or our
// answers unread. The lock is held.
func (c *Conn) waitForRoomLocked() {
	if c.held.n < c.cfg.PeerWindow && len(c.out) <= maxQueue {
		return
	}
	c.stats.Pauses++
	c.batching, c.paused = false, true
	c.win.grant()
	for c.state < stateFinishing && (c.held.n >= c.cfg.PeerWindow || len(c.out) > maxQueue) {
		if len(c.out) > 0 {
			c.wakeLocked()
		}
		c.toRead.Wait()
	}
	c.batching, c.paused = true, false
	c.received.Store(int64(c.now()))
}

// discard lets the writer send the last octets after a bad stream, and drops
// what still comes. The timers end it.
func (c *Conn) discard(err error) error {
	c.mu.Lock()
	c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: pdu.IDGenericNack, Status: pdu.StatusInvCmdLen})
	c.finishLocked(err)
	c.mu.Unlock()
	c.log.LogAttrs(context.Background(), levelOdd, "smpp: bad stream", attrErr(err))
	for {
		if _, e := c.nc.Read(c.reader.buf); e != nil {
			return err
		}
	}
}
