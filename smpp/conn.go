package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"nyota/smpp/pdu"
)

// state is where a connection is in its life. It only grows.
type state uint8

const (
	stateOpen      state = iota // connected, no bind yet
	stateBound                  // a session: requests may be sent
	stateUnbinding              // no new requests; those under way are finished
	stateFinishing              // our last octets are queued or written
	stateClosed
)

// hooks are what a role adds to a connection; each may be nil. All run on the
// reader's goroutine.
type hooks struct {
	server   bool
	systemID string                                        // of the message centre
	bind     func(context.Context, *Conn, Bind) pdu.Status // nil: all are welcome
	onBound  func(*Conn)
	onClosed func(*Conn) // of a session
	onEnd    func(*Conn) // of any connection
}

// Conn is one SMPP connection of either role. Its methods may be called from any
// goroutine.
type Conn struct {
	cfg    Config
	hooks  hooks
	nc     net.Conn // *tls.Conn with TLS
	log    *slog.Logger
	timers timers

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	done   chan struct{}
	wg     sync.WaitGroup // writer and timers

	// The coarse clock: time since epoch at the last look at the timers.
	epoch    time.Time
	step     time.Duration
	clock    atomic.Int64
	received atomic.Int64 // clock of the last octets
	writing  atomic.Int64 // clock of the write under way, 0 without

	reader reader // the reader's goroutine's own
	calls  sync.Pool

	mu       sync.Mutex
	state    state
	err      error // the first, and so the reason
	bound    Bind  // without password
	peerID   string
	version  uint8
	win      window
	held     held
	stats    Stats
	active   time.Duration
	enquired time.Duration
	enquiry  uint32 // sequence number of our last enquire_link

	out      []byte // queued octets
	spare    []byte // the other buffer
	handed   uint64 // octets given to Write since the start; out follows
	idle     bool   // the writer sleeps
	batching bool   // the reader will wake the writer
	paused   bool   // the reader waits for room
	toWrite  sync.Cond
	toRead   sync.Cond

	drained    chan struct{} // closed when nothing is under way; nil: nobody asks
	unbinding  time.Duration // the peer's unbind came
	unbindSeq  uint32
	unbinds    int // unbinds of the peer not answered
	finishing  time.Duration
	deactivate bool
}

func newConn(nc net.Conn, cfg Config, h hooks) *Conn {
	cfg = cfg.withDefaults()
	c := &Conn{
		cfg: cfg, hooks: h, nc: nc,
		log: cfg.Logger.With("remote", addrString(nc.RemoteAddr())),
		timers: timers{cfg.EnquireInterval, cfg.ResponseTimeout, cfg.InactivityTimeout,
			cfg.SessionInitTimeout, cfg.WriteTimeout},
		done:  make(chan struct{}),
		epoch: time.Now(),
		win:   newWindow(cfg.Window),
		held:  newHeld(cfg.PeerWindow),
	}
	c.step = c.timers.step()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.toWrite.L, c.toRead.L = &c.mu, &c.mu
	return c
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// start runs the connection's goroutines. They end with it; Done says when.
func (c *Conn) start() {
	c.wg.Go(c.writeLoop)
	c.wg.Go(c.watch)
	go c.run()
}

// run is the reader's goroutine and the owner of the other two.
func (c *Conn) run() {
	c.fail(c.guard(c.readLoop))
	c.wg.Wait()
	c.finish()
}

// guard turns a panic of f into an error.
func (c *Conn) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("smpp: panic", "value", r, "stack", string(debug.Stack()))
			err = &PanicError{r}
		}
	}()
	return f()
}

// fail ends the connection at once. The first reason stays.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	first := c.state != stateClosed
	c.state = stateClosed
	c.toWrite.Broadcast()
	c.toRead.Broadcast()
	c.mu.Unlock()
	if first {
		c.cancel()
		closeNow(c.nc)
	}
}

// closeNow closes without a TLS farewell, for which a stuck peer would keep us
// waiting.
func closeNow(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	_ = nc.Close()
}

// finishLocked ends the connection after what is queued has been written. New
// octets of the peer are dropped from now on.
func (c *Conn) finishLocked(err error) {
	if c.state >= stateFinishing {
		return
	}
	c.state, c.err = stateFinishing, err
	c.finishing = c.now() + c.step
	c.win.refuse(notSent(err))
	c.wakeLocked()
}

// finish tells everybody that the connection is over. Both other goroutines have
// ended: what was handed to Write is known.
func (c *Conn) finish() {
	c.mu.Lock()
	err, wasBound := c.err, c.bound.Type != 0
	var over []result
	for i := range c.win.slots {
		s := &c.win.slots[i]
		if s.seq == 0 {
			continue
		}
		e := unknownOutcome(err)
		if s.start >= c.handed {
			e = notSent(err)
		}
		over = append(over, result{s.call, s.fn, e})
		c.win.free(s)
	}
	c.win.refuse(notSent(err))
	if c.drained != nil {
		close(c.drained)
		c.drained = nil
	}
	c.reader.publish(&c.stats)
	c.out, c.spare = nil, nil
	c.mu.Unlock()

	c.report(over)
	if wasBound && c.hooks.onClosed != nil {
		_ = c.guard(func() error { c.hooks.onClosed(c); return nil })
	}
	if c.hooks.onEnd != nil {
		c.hooks.onEnd(c)
	}
	level := slog.LevelInfo
	if !wasBound {
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, "smpp: connection ended", "reason", err)
	close(c.done)
}

// report gives results to those who wait for them. No lock is held.
func (c *Conn) report(over []result) {
	for _, r := range over {
		switch {
		case r.call != nil:
			r.call.done(pdu.PDU{}, r.err)
		case r.fn != nil:
			if err := c.guard(func() error { r.fn(pdu.PDU{}, r.err); return nil }); err != nil {
				c.fail(err)
			}
		}
	}
}

// Close ends the connection at once, without an unbind. Requests under way end
// with ErrUnknownOutcome or ErrNotSent. It does not wait, so that a Handler may
// call it: Done is closed once the connection's goroutines have ended.
func (c *Conn) Close() error {
	c.fail(ErrClosed)
	return nil
}

// Done is closed when the connection is over, its goroutines have ended and all
// its requests have their results.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the connection ended, nil while it lives. After Close it is
// ErrClosed, after the peer's unbind ErrUnbound, and io.EOF if the peer closed
// between two PDUs.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Bound returns the bind of the session, without its password: our own on an
// ESME's connection, the peer's on a Server's. Type is 0 before the bind.
func (c *Conn) Bound() Bind {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bound
}

// PeerSystemID is how the peer names itself: the message centre in its bind
// response, or the ESME in its bind.
func (c *Conn) PeerSystemID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peerID
}

// InterfaceVersion is the lower of both sides' versions, such as 0x34. Optional
// parameters are not for peers below 0x34 (SMPP 3.4 section 3.4).
func (c *Conn) InterfaceVersion() uint8 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// TLS returns the state of a TLS connection, for a look at the peer's
// certificate.
func (c *Conn) TLS() (tls.ConnectionState, bool) {
	if t, ok := c.nc.(*tls.Conn); ok {
		return t.ConnectionState(), true
	}
	return tls.ConnectionState{}, false
}

// String names the connection by its peer's address.
func (c *Conn) String() string { return "smpp connection with " + addrString(c.RemoteAddr()) }

// now is the coarse clock. It is at most one step behind.
func (c *Conn) now() time.Duration { return time.Duration(c.clock.Load()) }

// watch looks at the timers until the connection ends.
func (c *Conn) watch() {
	t := time.NewTicker(c.step)
	defer t.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-t.C:
			now := time.Since(c.epoch)
			// After a stall of the whole process, answers may wait unread: the
			// reader gets one step to find them.
			stalled := now-c.now() > 8*c.step
			c.clock.Store(int64(now))
			if !stalled {
				c.tick(now)
			}
		}
	}
}

// tick does what is due.
func (c *Conn) tick(now time.Duration) {
	c.mu.Lock()
	over := c.expireLocked(now)
	c.win.grant()
	act := c.timers.tick(now, instants{
		bound: c.state != stateOpen, paused: c.paused,
		received: time.Duration(c.received.Load()), active: c.active, enquired: c.enquired,
		writing:   time.Duration(c.writing.Load()),
		unbinding: c.unbinding, finishing: c.finishing, deactivate: c.deactivate,
	})
	switch act {
	case actEnquire:
		c.enquired, c.enquiry = now, c.win.sequence()
		c.out = pdu.AppendHeader(c.out, pdu.Header{Length: pdu.HeaderLen, ID: pdu.IDEnquireLink, Sequence: c.enquiry})
		c.stats.Enquiries++
	case actUnbind:
		c.deactivate = true
	case actAnswerUnbind:
		c.answerUnbindLocked()
	}
	if len(c.out) > 0 {
		c.wakeLocked()
	}
	c.mu.Unlock()

	c.report(over)
	switch act {
	case actUnbind:
		c.wg.Go(c.unbindIdle)
	case actSilent:
		c.fail(ErrSilent)
	case actSessionInit:
		c.fail(ErrSessionInit)
	case actWrite:
		c.fail(ErrWriteTimeout)
	case actFinish:
		c.fail(ErrClosed)
	}
}

// expireLocked gives up requests without a response in time.
func (c *Conn) expireLocked(now time.Duration) (over []result) {
	if c.win.used == 0 {
		return nil
	}
	for i := range c.win.slots {
		s := &c.win.slots[i]
		if s.seq == 0 || now < s.due {
			continue
		}
		r := result{s.call, s.fn, unknownOutcome(ErrNoResponse)}
		if c.recallLocked(s) {
			r.err = notSent(ErrNoResponse)
		}
		c.win.free(s)
		c.stats.Timeouts++
		over = append(over, r)
	}
	c.checkDrainedLocked()
	return over
}

// isEOF reports whether a read ended because the peer closed.
func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) }
