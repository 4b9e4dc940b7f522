package smpp

import (
	"net"
	"runtime"
	"time"
)

const (
	// flushOver is how many octets may be queued before the writer is woken in
	// the middle of a batch.
	flushOver = 32 << 10
	// maxQueue is how many octets of responses may be queued before the reader
	// stops: a peer that asks and does not read must not fill our memory.
	maxQueue = 256 << 10
	// keepBuffer is the largest buffer that is kept for reuse.
	keepBuffer = 128 << 10
)

// flushLocked lets the writer see what was queued. While the reader works
// through a batch of PDUs it leaves that to the batch's end, so that a batch is
// answered by one write.
func (c *Conn) flushLocked() {
	if !c.batching || len(c.out) > flushOver {
		c.wakeLocked()
	}
}

func (c *Conn) wakeLocked() {
	if c.idle {
		c.idle = false
		c.toWrite.Signal()
	}
}

// writeLoop writes what is queued until the connection ends. Two buffers take
// turns: one is filled while the other is written.
func (c *Conn) writeLoop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.out) == 0 && c.state < stateFinishing {
			c.idle = true
			c.toWrite.Wait()
		}
		if c.state < stateFinishing {
			// Callers that are ready to run queue their requests first: one write
			// for all of them.
			c.mu.Unlock()
			runtime.Gosched()
			c.mu.Lock()
		}
		c.idle = false
		if c.state == stateClosed {
			return
		}
		if len(c.out) == 0 {
			if c.state == stateFinishing {
				c.mu.Unlock()
				c.closeWrite()
				c.mu.Lock()
				return
			}
			continue
		}
		buf := c.out
		c.out, c.spare = c.spare[:0], nil
		c.handed += uint64(len(buf))
		c.stats.OctetsSent += uint64(len(buf))
		c.stats.Writes++
		if c.paused {
			c.toRead.Signal()
		}
		c.mu.Unlock()

		c.writing.Store(int64(c.now() + c.step))
		_, err := c.nc.Write(buf)
		c.writing.Store(0)
		if err != nil {
			c.fail(err)
		}

		c.mu.Lock()
		if cap(buf) <= keepBuffer {
			c.spare = buf[:0]
		}
	}
}

// closeWrite tells the peer that nothing follows, and lets it close. Where that
// cannot be told the connection is closed.
func (c *Conn) closeWrite() {
	if w, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = c.nc.SetWriteDeadline(time.Now().Add(linger))
		if w.CloseWrite() == nil {
			return
		}
	}
	c.fail(net.ErrClosed) // the reason is there already
}
