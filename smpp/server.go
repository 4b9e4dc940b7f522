package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"nyota/smpp/pdu"
)

// Server is a message centre: it takes connections and lets ESMEs bind. Its
// fields must not change once it serves.
type Server struct {
	// Config is that of each connection. With TLS set, its ClientAuth and
	// ClientCAs make it mutual.
	Config Config
	// SystemID names the message centre in bind responses, at most 15 octets.
	SystemID string
	// Bind judges a bind; without it all are welcome. It may look at the peer's
	// certificate (Conn.TLS) and may block, as nothing else happens on that
	// connection before; ctx ends with it, at the latest after
	// Config.SessionInitTimeout. After a status other than 0 the connection ends.
	Bind func(ctx context.Context, c *Conn, b Bind) pdu.Status
	// OnBound is called on the reader's goroutine when a session has begun: what
	// it sends follows the bind response. It must not block.
	OnBound func(c *Conn)
	// OnClosed is called once for each session that OnBound was told of.
	OnClosed func(c *Conn)
	// MaxConns is how many connections there may be, bound or not, 1024 by
	// default. Further ones are closed at once.
	MaxConns int

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
}

const (
	minAcceptDelay = 5 * time.Millisecond
	maxAcceptDelay = time.Second
)

// Serve takes connections from l until Shutdown or Close, and then returns
// ErrClosed. Other errors are those of l that do not pass; after those that do,
// such as too many open files, it waits a little. l is closed when it returns;
// sessions go on until Shutdown or Close.
func (s *Server) Serve(l net.Listener) error {
	defer func() { _ = l.Close() }()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()

	log := s.Config.withDefaults().Logger
	var delay time.Duration
	for {
		nc, err := l.Accept()
		if err == nil {
			delay = 0
			if _, err := s.accept(nc); err != nil {
				log.Debug("smpp: connection not taken", "remote", addrString(nc.RemoteAddr()), "err", err)
			}
			continue
		}
		if s.isClosed() {
			return ErrClosed
		}
		var passing interface{ Temporary() bool }
		if !errors.As(err, &passing) || !passing.Temporary() {
			return err
		}
		delay = min(max(2*delay, minAcceptDelay), maxAcceptDelay)
		log.Warn("smpp: accept failed", "err", err, "retry_in", delay)
		time.Sleep(delay)
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

var errFull = errors.New("smpp: too many connections")

// accept begins a connection.
func (s *Server) accept(nc net.Conn) (*Conn, error) {
	noDelay(nc)
	wrapped := nc
	if s.Config.TLS != nil {
		wrapped = tls.Server(nc, s.Config.TLS)
	}
	c := newConn(wrapped, s.Config, hooks{
		server: true, systemID: s.SystemID, bind: s.Bind,
		onBound: s.OnBound, onClosed: s.OnClosed, onEnd: s.forget,
	})
	limit := s.MaxConns
	if limit <= 0 {
		limit = 1024
	}
	s.mu.Lock()
	var err error
	switch {
	case s.closed:
		err = ErrClosed
	case len(s.conns) >= limit:
		err = errFull
	default:
		if s.conns == nil {
			s.conns = make(map[*Conn]struct{})
		}
		s.conns[c] = struct{}{}
		c.start()
	}
	s.mu.Unlock()
	if err != nil {
		c.cancel()
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// ServeConn serves one connection, such as an end of a net.Pipe, and returns
// when and why it ended. It counts and is shut down like those of Serve.
func (s *Server) ServeConn(nc net.Conn) error {
	c, err := s.accept(nc)
	if err != nil {
		return err
	}
	<-c.Done()
	return c.Err()
}

// Conns returns the sessions of now, in no order.
func (s *Server) Conns() []*Conn {
	var bound []*Conn
	for _, c := range s.stop(false) {
		if c.Bound().Type != 0 && c.Err() == nil {
			bound = append(bound, c)
		}
	}
	return bound
}

// stop returns the connections, and with closing takes no more.
func (s *Server) stop(closing bool) []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if closing {
		s.closed = true
		for l := range s.listeners {
			_ = l.Close()
		}
	}
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// Shutdown takes no more connections, unbinds all sessions in order and closes
// those that are not done when ctx ends. It returns nil or ctx's error when all
// connections are over. Handlers must not call it.
func (s *Server) Shutdown(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, c := range s.stop(true) {
		wg.Go(func() {
			if err := c.Unbind(ctx); err != nil {
				c.log.Debug("smpp: unbind", "err", err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// Close takes no more connections, ends all at once and waits for them. Handlers
// must not call it.
func (s *Server) Close() error {
	conns := s.stop(true)
	for _, c := range conns {
		c.fail(ErrClosed)
	}
	for _, c := range conns {
		<-c.Done()
	}
	return nil
}
