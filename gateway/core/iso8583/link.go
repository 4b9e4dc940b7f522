package iso8583

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"nyota/gateway/core"
)

// maxFrame bounds a message, in octets.
const maxFrame = 8 << 10

// writeWithin bounds one write: a peer that does not read ends the connection.
const writeWithin = 2 * time.Second

// link is one connection that many requests share. It dials, signs on, echoes and
// dials again by itself until close.
type link struct {
	cfg    Config
	signOn func(ctx context.Context, s *session) error
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	slots  chan struct{}

	mu      sync.Mutex
	current *session      // signed on, or nil
	changed chan struct{} // closed when current changes
}

// session is one life of the connection.
type session struct {
	link *link
	nc   net.Conn
	done chan struct{} // closed when it is over

	writing chan struct{} // held by the one who writes; who waits for it can leave

	mu      sync.Mutex
	over    bool
	pending map[string]chan Message
	stan    int // of the last 0800
}

// next counts the network messages of a session.
func (s *session) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stan = s.stan%999_999 + 1
	return s.stan
}

func newLink(cfg Config, signOn func(context.Context, *session) error) *link {
	l := &link{cfg: cfg, signOn: signOn, slots: make(chan struct{}, cfg.Window), changed: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.wg.Go(l.keep)
	return l
}

func (l *link) close() {
	l.cancel()
	l.wg.Wait()
}

// keep keeps the connection up.
func (l *link) keep() {
	pause := l.cfg.Backoff
	for l.ctx.Err() == nil {
		began := l.cfg.Now()
		err := l.live()
		if l.ctx.Err() != nil {
			return
		}
		l.cfg.Log.Info("the connection to the core ended", "err", err)
		if l.cfg.Now().Sub(began) > 16*l.cfg.Backoff {
			pause = l.cfg.Backoff
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-l.ctx.Done():
		}
		t.Stop()
		pause = min(2*pause, 16*l.cfg.Backoff)
	}
}

// live is one life of the connection: it returns when that is over.
func (l *link) live() error {
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.DialTimeout)
	defer cancel()
	d := &net.Dialer{KeepAlive: 15 * time.Second}
	var nc net.Conn
	var err error
	if l.cfg.TLS != nil {
		nc, err = (&tls.Dialer{NetDialer: d, Config: l.cfg.TLS}).DialContext(ctx, "tcp", l.cfg.Address)
	} else {
		nc, err = d.DialContext(ctx, "tcp", l.cfg.Address)
	}
	if err != nil {
		return err
	}
	s := &session{link: l, nc: nc, done: make(chan struct{}), writing: make(chan struct{}, 1), pending: map[string]chan Message{}}
	var reader sync.WaitGroup
	var readErr error
	reader.Go(func() {
		readErr = s.read()
		s.end()
	})
	defer reader.Wait()
	defer s.end()
	if err := l.signOn(ctx, s); err != nil {
		return fmt.Errorf("sign-on: %w", err)
	}
	l.set(s)
	defer l.set(nil)
	echo := time.NewTicker(l.cfg.Echo)
	defer echo.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return l.ctx.Err()
		case <-s.done:
			reader.Wait()
			return readErr
		case <-echo.C:
			ctx, cancel := context.WithTimeout(l.ctx, min(l.cfg.Echo, 10*time.Second))
			_, err := s.network(ctx, "301")
			cancel()
			if err != nil {
				return fmt.Errorf("echo: %w", err)
			}
		}
	}
}

func (l *link) set(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = s
	close(l.changed)
	l.changed = make(chan struct{})
}

// session returns a connection that is signed on, and waits for one a while.
func (l *link) session(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.ConnectWait)
	defer cancel()
	for {
		l.mu.Lock()
		s, changed := l.current, l.changed
		l.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-l.ctx.Done():
			return nil, errors.New("the connector is closed")
		case <-ctx.Done():
			return nil, fmt.Errorf("there is no connection to the core: %w", ctx.Err())
		}
	}
}

// do sends a request once and waits for its answer. An error that wraps
// core.ErrNotSent means that Write was never called for it.
func (l *link) do(ctx context.Context, op string, m Message) (Message, error) {
	frame, err := l.frame(m)
	if err != nil {
		return Message{}, core.Unsent(op, err)
	}
	if err := ctx.Err(); err != nil {
		return Message{}, core.Unsent(op, err)
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return Message{}, core.Unsent(op, ctx.Err())
	}
	defer func() { <-l.slots }()
	s, err := l.session(ctx)
	if err != nil {
		return Message{}, core.Unsent(op, err)
	}
	return s.do(ctx, op, m, frame)
}

func (l *link) frame(m Message) ([]byte, error) {
	frame, err := l.cfg.Spec.Append(make([]byte, 2, 512), m)
	if err != nil {
		return nil, err
	}
	if len(frame)-2 > maxFrame {
		return nil, errors.New("the message is too long")
	}
	binary.BigEndian.PutUint16(frame, uint16(len(frame)-2))
	return frame, nil
}

// matching is what an answer has in common with its request: the type of answer,
// STAN and RRN.
func matching(mti string, m Message) string { return mti + "/" + m.Fields[11] + "/" + m.Fields[37] }

// answerTo is the type of the answer to a request: its function is one higher,
// and it is no repeat.
func answerTo(mti string) string { return mti[:2] + string(mti[2]+1) + "0" }

func (s *session) do(ctx context.Context, op string, m Message, frame []byte) (Message, error) {
	key := matching(answerTo(m.MTI), m)
	answer := make(chan Message, 1)
	s.mu.Lock()
	switch {
	case s.over:
		s.mu.Unlock()
		return Message{}, core.Unsent(op, errors.New("the connection ended"))
	case s.pending[key] != nil:
		s.mu.Unlock()
		return Message{}, core.Unsent(op, errors.New("a request with its STAN is under way"))
	}
	s.pending[key] = answer // before the write: an answer may be faster
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.pending, key)
		s.mu.Unlock()
	}()
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return Message{}, core.Unsent(op, ctx.Err())
	case <-s.done:
		return Message{}, core.Unsent(op, errors.New("the connection ended"))
	}
	if err := ctx.Err(); err != nil {
		<-s.writing
		return Message{}, core.Unsent(op, err)
	}
	err := s.nc.SetWriteDeadline(time.Now().Add(writeWithin))
	if err == nil {
		_, err = s.nc.Write(frame)
	}
	<-s.writing
	if err != nil {
		s.end()
		return Message{}, core.Failed(op, fmt.Errorf("%w: it could not be written whole", core.ErrCut))
	}
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		return Message{}, core.Failed(op, ctx.Err())
	case <-s.done:
		select {
		case a := <-answer: // it came just before the end
			return a, nil
		default:
		}
		return Message{}, core.Failed(op, core.ErrCut)
	}
}

// end ends a session; all that wait are told.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	close(s.done)
	_ = s.nc.Close()
}

// read gives answers to those who wait. A message that cannot be read ends the
// connection: nobody can say what it answers.
func (s *session) read() error {
	r := bufio.NewReader(s.nc)
	var head [2]byte
	buf := make([]byte, maxFrame)
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint16(head[:]))
		if n == 0 {
			continue // some switches keep a connection alive so
		}
		if n > maxFrame {
			return errors.New("a message is too long")
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return err
		}
		m, err := s.link.cfg.Spec.Decode(buf[:n])
		if err != nil {
			return err
		}
		if m.MTI == "0800" {
			s.echo(m)
			continue
		}
		s.mu.Lock()
		waits := s.pending[matching(m.MTI, m)]
		if waits != nil {
			delete(s.pending, matching(m.MTI, m)) // a second answer finds nobody
			waits <- m
		}
		s.mu.Unlock()
		if waits == nil {
			s.link.cfg.Log.Info("an answer of the core that nobody waits for", "mti", m.MTI)
		}
	}
}

// echo answers the switch's own network messages.
func (s *session) echo(m Message) {
	m.MTI = "0810"
	m.Fields[39] = approved
	frame, err := s.link.frame(m)
	if err != nil {
		return
	}
	select {
	case s.writing <- struct{}{}:
	case <-s.done:
		return
	}
	defer func() { <-s.writing }()
	if s.nc.SetWriteDeadline(time.Now().Add(writeWithin)) == nil {
		_, err = s.nc.Write(frame)
	}
	if err != nil {
		s.end()
	}
}
