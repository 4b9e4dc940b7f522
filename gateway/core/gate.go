package core

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
)

// gatedConn counts the octets that are handed to the network, and can be
// sealed: from then on nothing can be written. Together that proves whether a
// request left: net/http alone cannot say it of a reused connection, where a
// write may still be under way when the caller's ctx ends.
type gatedConn struct {
	net.Conn
	mu      sync.Mutex
	written uint64
	sealed  bool
}

// Write counts before it writes: an octet counted may not have left, but one
// not counted has not.
func (c *gatedConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	if c.sealed {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	c.written += uint64(len(b))
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *gatedConn) count() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written
}

// seal ends all writing, closes the connection and returns the octets counted.
func (c *gatedConn) seal() uint64 {
	c.mu.Lock()
	c.sealed = true
	n := c.written
	c.mu.Unlock()
	_ = c.Conn.Close()
	return n
}

// departure watches one request leave.
type departure struct {
	mu     sync.Mutex
	got    bool // a connection was given to the request
	conn   *gatedConn
	before uint64 // octets written on it before this request
	first  bool   // an octet of the answer came
}

func (d *departure) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			nc := info.Conn
			if t, ok := nc.(*tls.Conn); ok {
				nc = t.NetConn() // its handshake is counted, and is not the request
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.got = true
			if d.conn, _ = nc.(*gatedConn); d.conn != nil {
				d.before = d.conn.count()
			}
		},
		GotFirstResponseByte: func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.first = true
		},
	}
}

// notSent proves, after the exchange failed, that no octet of the request was
// written or ever will be. If in doubt it says false.
func (d *departure) notSent() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.got {
		return true
	}
	return d.conn != nil && d.conn.seal() == d.before
}

// answered says whether any octet of an answer came.
func (d *departure) answered() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first
}
