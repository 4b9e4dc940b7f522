package core

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// GateConfig is how a Gate connects.
type GateConfig struct {
	TLS         *tls.Config   // roots and client certificate of https; nil: the system's roots
	DialTimeout time.Duration // of a connection, TLS included; default 2 s
	MaxConns    int           // connections at once; further requests wait for one; default 256
	MaxAnswer   int64         // octets of an answer; default 256 KiB
	// Dial makes a connection; default a TCP one. TLS is added here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Gate is an HTTP client for requests that move money: each is sent at most
// once, over HTTP/1.1, no redirect is followed, the answer is bounded, and when
// there is none it says whether any octet of the request left. It is safe for
// use by many goroutines.
type Gate struct {
	transport *http.Transport
	most      int64
}

// Answer is what came back, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// NewGate returns a Gate; it does not connect.
func NewGate(cfg GateConfig) *Gate {
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = 2 * time.Second
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = 256
	}
	if cfg.MaxAnswer <= 0 {
		cfg.MaxAnswer = 256 << 10
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: cfg.DialTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	return &Gate{most: cfg.MaxAnswer, transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := cfg.Dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &gatedConn{Conn: nc}, nil
		},
		TLSClientConfig:     cfg.TLS,
		TLSHandshakeTimeout: cfg.DialTimeout,
		// HTTP/1.1 alone: a connection carries one request at a time, which is
		// what makes its octets attributable; and HTTP/2 repeats requests.
		Protocols:              http1(),
		MaxConnsPerHost:        cfg.MaxConns,
		MaxIdleConnsPerHost:    cfg.MaxConns,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 32 << 10,
		DisableCompression:     true, // a small answer must not grow
	}}
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// Close closes idle connections. Requests under way go on.
func (g *Gate) Close() { g.transport.CloseIdleConnections() }

// Do sends req, once, as long as ctx, and reads its answer. Its errors name op
// (the call, never a number or a path); they wrap ErrNotSent if it is proven that
// no octet of req was written, and ErrCut if the connection ended without an
// answer. The body must have no GetBody, as http.NewRequest would set it: with
// it net/http may send the request a second time.
func (g *Gate) Do(ctx context.Context, op string, req *http.Request) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, Unsent(op, err)
	}
	if req.GetBody != nil {
		return Answer{}, Unsent(op, errors.New("its body could be sent twice"))
	}
	var d departure
	req = req.WithContext(httptrace.WithClientTrace(ctx, d.trace()))
	resp, err := g.transport.RoundTrip(req)
	if err != nil {
		e := &callError{op: op, cause: err}
		switch {
		case d.notSent():
			e.kind = ErrNotSent
		case !d.answered() && ended(err):
			e.kind = ErrCut
		}
		return Answer{}, e
	}
	defer func() { _ = resp.Body.Close() }()
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return Answer{}, Failed(op, errors.New("the answer is compressed, which nobody asked for"))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, g.most+1))
	if err != nil {
		return Answer{}, Failed(op, fmt.Errorf("the answer was cut off: %w", err))
	}
	if int64(len(body)) > g.most {
		return Answer{}, Failed(op, fmt.Errorf("the answer has more than %d octets", g.most))
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// callError is a call that has no answer to judge. It holds no path, number or
// body.
type callError struct {
	op    string
	kind  error // ErrNotSent, ErrCut or nil
	cause error
}

func (e *callError) Error() string {
	if e.kind == nil {
		return fmt.Sprintf("core: %s: %v", e.op, e.cause)
	}
	return fmt.Sprintf("core: %s: %v: %v", e.op, e.kind, e.cause)
}

func (e *callError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// Unsent returns the error of a call of which no octet left; it wraps
// ErrNotSent and cause.
func Unsent(op string, cause error) error { return &callError{op: op, kind: ErrNotSent, cause: cause} }

// Failed returns the error of a call that has no answer to judge. It wraps cause,
// which must not wrap ErrNotSent unless nothing left.
func Failed(op string, cause error) error { return &callError{op: op, cause: cause} }

// Asked returns err as the error of an inquiry: one that did not leave says
// nothing about the action, so that ErrNotSent is taken off it.
func Asked(op string, err error) error {
	if errors.Is(err, ErrNotSent) {
		return Failed(op, fmt.Errorf("the inquiry did not reach the core: %w", hide{err}))
	}
	return err
}

// hide keeps the words of an error and takes away its kind.
type hide struct{ error }

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
