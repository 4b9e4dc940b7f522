package smpptest

import (
	"errors"
	"net"
	"sync"
)

// Pipe runs a script on one end of a net.Pipe and returns the other. wait closes
// that end and returns what became of the script.
func Pipe(s Script) (nc net.Conn, wait func() error) {
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	go func() {
		defer func() { _ = theirs.Close() }()
		ended <- s(NewPeer(theirs))
	}()
	return ours, func() error {
		_ = ours.Close()
		return <-ended
	}
}

// Server runs scripts on the connections of a listener.
type Server struct {
	l    net.Listener
	wg   sync.WaitGroup
	mu   sync.Mutex
	open map[net.Conn]struct{}
	errs []error
	done bool
}

// Listen listens on loopback. The first connection gets the first script and so
// on; further ones get the last.
func Listen(scripts ...Script) (*Server, error) {
	if len(scripts) == 0 {
		return nil, errors.New("smpptest: no script")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{l: l, open: make(map[net.Conn]struct{})}
	s.wg.Go(func() {
		for i := 0; ; i++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			script := scripts[min(i, len(scripts)-1)]
			s.mu.Lock()
			closed := s.done
			s.open[nc] = struct{}{}
			s.mu.Unlock()
			if closed {
				_ = nc.Close()
				return
			}
			s.wg.Go(func() { s.run(nc, script) })
		}
	})
	return s, nil
}

func (s *Server) run(nc net.Conn, script Script) {
	err := script(NewPeer(nc))
	_ = nc.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, nc)
	if err != nil && !s.done {
		s.errs = append(s.errs, err)
	}
}

// Addr is the address to dial.
func (s *Server) Addr() string { return s.l.Addr().String() }

// Close ends all scripts and returns the errors of those that had ended with one.
func (s *Server) Close() error {
	s.mu.Lock()
	s.done = true
	for nc := range s.open {
		_ = nc.Close()
	}
	s.mu.Unlock()
	_ = s.l.Close()
	s.wg.Wait()
	return errors.Join(s.errs...)
}
