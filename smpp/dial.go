package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"nyota/smpp/pdu"
)

var errBindType = errors.New("smpp: Bind.Type is no bind")

// Dial connects to a message centre by TCP, or TLS if cfg.TLS is set, and binds.
// Connecting may take cfg.SessionInitTimeout, and so may handshake and bind
// together; ctx bounds both, and not the session that follows. A refused bind is
// a *StatusError.
func Dial(ctx context.Context, addr string, b Bind, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	nc, err := dialTCP(ctx, addr, cfg)
	if err != nil {
		return nil, err
	}
	return client(ctx, nc, b, withServerName(cfg, addr), hooks{})
}

func dialTCP(ctx context.Context, addr string, cfg Config) (net.Conn, error) {
	d := net.Dialer{Timeout: cfg.SessionInitTimeout}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("smpp: %w", err)
	}
	return nc, nil
}

// withServerName names the host whose certificate a TLS peer must show.
func withServerName(cfg Config, addr string) Config {
	if cfg.TLS == nil || cfg.TLS.ServerName != "" {
		return cfg
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	cfg.TLS = cfg.TLS.Clone()
	cfg.TLS.ServerName = host
	return cfg
}

// NewConn binds as an ESME over a connection that is there already, such as one
// end of a net.Pipe, and owns it from then on: it is closed on an error. With
// cfg.TLS it is the plain connection under TLS. Otherwise it is Dial.
func NewConn(ctx context.Context, nc net.Conn, b Bind, cfg Config) (*Conn, error) {
	return client(ctx, nc, b, cfg, hooks{})
}

func client(ctx context.Context, nc net.Conn, b Bind, cfg Config, h hooks) (*Conn, error) {
	b = b.withDefaults()
	body := b.body()
	if body == nil {
		_ = nc.Close()
		return nil, errBindType
	}
	noDelay(nc)
	if cfg.TLS != nil {
		nc = tls.Client(nc, cfg.TLS)
	}
	c := newConn(nc, cfg, h)
	result := make(chan error, 1)
	// Queued before the connection lives: a peer that closes at once must find the
	// bind registered, or nobody would tell us.
	c.mu.Lock()
	_, err := c.queueLocked(b.Type, body, nil, func(p pdu.PDU, err error) {
		if err == nil {
			c.becomesBound(b, p.Body)
		}
		result <- err
	})
	c.mu.Unlock()
	c.start()
	if err == nil {
		select {
		case err = <-result:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		c.fail(ErrClosed)
		<-c.done
		return nil, fmt.Errorf("smpp: %s: %w", b.Type, err)
	}
	return c, nil
}

// becomesBound begins an ESME's session, on the reader's goroutine: what the
// message centre sends in the same segment finds it begun.
func (c *Conn) becomesBound(b Bind, resp pdu.Body) {
	id, version := ofBindResp(resp)
	if version == 0 {
		version = min(b.InterfaceVersion, 0x33) // it names none: SMPP 3.3
	}
	b.Password = ""
	c.mu.Lock()
	open := c.state == stateOpen
	if open {
		c.toBoundLocked(b, id, min(b.InterfaceVersion, version))
	}
	c.mu.Unlock()
	if open {
		c.announceBound()
	}
}

// noDelay turns Nagle's algorithm off: the writer gathers octets better.
func noDelay(nc net.Conn) {
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetNoDelay(true)
	}
}
