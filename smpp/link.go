package smpp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"nyota/smpp/pdu"
)

// LinkConfig is what a Link needs.
type LinkConfig struct {
	Name   string // for the log
	Addr   string // host:port of the message centre
	Bind   Bind
	Config Config

	// MinBackoff and MaxBackoff bound the wait before the next try, 500 ms and
	// 30 s by default. It doubles with each failure, and a random half of it is
	// left out, so that many links do not come back as one.
	MinBackoff, MaxBackoff time.Duration
	// DrainTimeout bounds the unbind when Run's ctx ends, 5 s by default.
	DrainTimeout time.Duration

	// OnState is told of each change. It must not block: a new bind is told on
	// the reader's goroutine, before the peer's first request.
	OnState func(LinkState)
	// Dial replaces the TCP connection, in tests or through a proxy. The Link
	// puts TLS on it.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
}

// LinkState is how a Link stands.
type LinkState struct {
	Bound    bool
	Since    time.Time // of the last change of Bound, or of the start
	LastErr  error     // why it is not bound, or why it was not the last time
	Attempts int       // failed tries since it was bound last
}

// Link is a bind that keeps itself up. NewLink makes one, Run runs it; the other
// methods may be called from any goroutine, at any time.
type Link struct {
	cfg     LinkConfig
	log     *slog.Logger
	conn    atomic.Pointer[Conn]
	running atomic.Bool
	pool    atomic.Pointer[member] // the Pool that uses it

	mu    sync.Mutex
	state LinkState
}

var errRunning = errors.New("smpp: the link runs already")

// NewLink returns a Link that Run will keep bound.
func NewLink(cfg LinkConfig) *Link {
	cfg.Config = cfg.Config.withDefaults()
	cfg.Bind = cfg.Bind.withDefaults()
	if cfg.MinBackoff <= 0 {
		cfg.MinBackoff = 500 * time.Millisecond
	}
	if cfg.MaxBackoff <= 0 {
		cfg.MaxBackoff = 30 * time.Second
	}
	cfg.MaxBackoff = max(cfg.MaxBackoff, cfg.MinBackoff)
	if cfg.DrainTimeout <= 0 {
		cfg.DrainTimeout = 5 * time.Second
	}
	if cfg.Dial == nil {
		cfg.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return dialTCP(ctx, addr, cfg.Config)
		}
	}
	cfg.Config.Logger = cfg.Config.Logger.With("link", cfg.Name)
	return &Link{cfg: cfg, log: cfg.Config.Logger, state: LinkState{Since: time.Now()}}
}

// Name returns the configured name.
func (l *Link) Name() string { return l.cfg.Name }

// Run dials, binds, and binds again whenever the session is lost, until ctx ends;
// then it unbinds, waiting at most DrainTimeout for what is under way. It returns
// nil then, or why the unbind was not in order. A bind that cannot be encoded is
// returned at once; all else that fails is tried again.
func (l *Link) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return errRunning
	}
	defer l.running.Store(false)
	body := l.cfg.Bind.body()
	if body == nil {
		return errBindType
	}
	if _, err := body.Append(nil); err != nil {
		return fmt.Errorf("smpp: %s: %w", l.cfg.Bind.Type, err)
	}
	for failures := 0; ; failures++ {
		began := time.Now()
		c, err := l.dial(ctx)
		if err == nil {
			select {
			case <-ctx.Done():
				return l.unbind(ctx, c)
			case <-c.Done(): // its socket is closed before the next is opened
			}
			if err = c.Err(); time.Since(began) >= 10*l.cfg.MinBackoff {
				failures = 0
			}
		}
		if ctx.Err() != nil {
			l.lost(ErrClosed)
			return nil
		}
		l.lost(err)
		delay := l.backoff(failures, err)
		l.log.Warn("smpp: link down", "err", err, "retry_in", delay)
		t := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

func (l *Link) dial(ctx context.Context) (*Conn, error) {
	nc, err := l.cfg.Dial(ctx, l.cfg.Addr)
	if err != nil {
		return nil, err
	}
	return client(ctx, nc, l.cfg.Bind, withServerName(l.cfg.Config, l.cfg.Addr), hooks{onBound: l.bound})
}

// bound runs on the reader's goroutine, ahead of the peer's first request.
func (l *Link) bound(c *Conn) {
	l.conn.Store(c)
	l.change(func(s *LinkState) { *s = LinkState{Bound: true, Since: time.Now(), LastErr: s.LastErr} })
}

func (l *Link) lost(err error) {
	l.conn.Store(nil)
	l.change(func(s *LinkState) {
		if s.Bound {
			s.Bound, s.Since = false, time.Now()
		} else {
			s.Attempts++
		}
		s.LastErr = err
	})
}

func (l *Link) change(f func(*LinkState)) {
	l.mu.Lock()
	f(&l.state)
	s := l.state
	l.mu.Unlock()
	if m := l.pool.Load(); m != nil {
		m.changed()
	}
	if l.cfg.OnState != nil {
		l.cfg.OnState(s)
	}
}

func (l *Link) unbind(ctx context.Context, c *Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.DrainTimeout)
	defer cancel()
	err := c.Unbind(ctx)
	l.lost(ErrClosed)
	return err
}

// backoff returns how long to wait after that many failures in a row.
func (l *Link) backoff(failures int, err error) time.Duration {
	d := l.cfg.MaxBackoff
	if failures < 32 && l.cfg.MinBackoff<<failures > 0 {
		d = min(d, l.cfg.MinBackoff<<failures)
	}
	var refused *StatusError
	if errors.As(err, &refused) && refused.Status == pdu.StatusAlyBnd {
		// The message centre still has our last session and must find out first
		// that it is gone; asking often would not help it.
		d = max(d, l.cfg.MaxBackoff/4)
	}
	return d/2 + rand.N(d/2+1)
}

// State returns how the link stands.
func (l *Link) State() LinkState {
	l.mu.Lock()
	s := l.state
	l.mu.Unlock()
	if c := l.conn.Load(); s.Bound && (c == nil || c.Err() != nil) {
		s.Bound = false // and Run is about to say so
		if c != nil {
			s.LastErr = c.Err()
		}
	}
	return s
}

// Conn returns the connection of the session, or nil while there is none.
func (l *Link) Conn() *Conn { return l.conn.Load() }

// session returns the connection, or why there is none as ErrNotSent.
func (l *Link) session() (*Conn, error) {
	if c := l.conn.Load(); c != nil {
		return c, nil
	}
	if err := l.State().LastErr; err != nil {
		return nil, fmt.Errorf("%w: %w: %w", ErrNotSent, ErrNotBound, err)
	}
	return nil, notSent(ErrNotBound)
}

// Do is Conn.Do on the session. Without one it returns at once, with ErrNotSent.
func (l *Link) Do(ctx context.Context, b pdu.Body) (pdu.PDU, error) {
	c, err := l.session()
	if err != nil {
		return pdu.PDU{}, err
	}
	return c.Do(ctx, b)
}

// Go is Conn.Go on the session. Without one it returns at once, with ErrNotSent.
func (l *Link) Go(ctx context.Context, b pdu.Body, done func(pdu.PDU, error)) error {
	c, err := l.session()
	if err != nil {
		return err
	}
	return c.Go(ctx, b, done)
}

// TryGo is Conn.TryGo on the session.
func (l *Link) TryGo(b pdu.Body, done func(pdu.PDU, error)) error {
	c, err := l.session()
	if err != nil {
		return err
	}
	return c.TryGo(b, done)
}
