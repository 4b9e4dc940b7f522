package load

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// failPause is how long a handset rests after a dialogue that failed: a gateway
// that refuses all is not asked as fast as it can refuse.
const failPause = 100 * time.Millisecond

// operator is the network's side: binds, handsets, and what they count.
type operator struct {
	cfg   DialogueConfig
	srv   *smpp.Server
	first uint64        // number of the first handset
	base  uint32        // where {count} begins
	start time.Time     // of the first dialogue
	ready chan struct{} // closed once cfg.Binds are bound
	quiet chan struct{} // told when the last dialogue is over

	handsets []handset
	free     chan *handset // with a rate: those without a dialogue
	pacer    pacer
	plan     plan

	stopped atomic.Bool
	active  atomic.Int64 // handsets in a dialogue or about to begin one
	ids     atomic.Uint64

	finished, abandoned, redialled, failed, cut, sms atomic.Uint64

	missed  uint64 // of a schedule; written before the report only
	samples []Sample

	mu    sync.RWMutex
	binds []*bindQueue // that live
	all   []*bindQueue // that ever were
}

func newOperator(cfg DialogueConfig) *operator {
	o := &operator{cfg: cfg, base: countBase(time.Now()), ready: make(chan struct{}), quiet: make(chan struct{}, 1),
		handsets: make([]handset, cfg.Handsets), plan: plan{abandon: cfg.Abandon, redial: cfg.Redial, steps: len(cfg.Script.Steps)}}
	o.first, _ = strconv.ParseUint(cfg.First, 10, 64)
	for i := range o.handsets {
		h := &o.handsets[i]
		h.o, h.index = o, i
		h.session = uint8(rand.UintN(256)) // a restart does not begin with the same number again
	}
	if cfg.Rate > 0 {
		o.free = make(chan *handset, cfg.Handsets)
		for i := range o.handsets {
			o.free <- &o.handsets[i]
		}
	}
	o.srv = &smpp.Server{
		SystemID: "LOAD", MaxConns: maxBinds, OnBound: o.onBound, OnClosed: o.onClosed,
		Bind: func(_ context.Context, _ *smpp.Conn, b smpp.Bind) pdu.Status {
			if cfg.Password != "" && b.Password != cfg.Password {
				return pdu.StatusInvPaswd
			}
			return 0
		},
		// Twice the window: it is kept by the bindQueue, which counts a little later.
		Config: smpp.Config{Window: 2 * cfg.Window, PeerWindow: maxWindow, ResponseTimeout: cfg.Timeout,
			Handler: smpp.HandlerFunc(o.serve), Logger: cfg.Logger},
	}
	return o
}

func (o *operator) onBound(c *smpp.Conn) {
	if c.Bound().Type == pdu.IDBindTransmitter {
		return
	}
	b := &bindQueue{conn: c, window: o.cfg.Window, meter: newDialogueMeter()}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.binds = append(o.binds, b)
	o.all = append(o.all, b)
	if len(o.all) == o.cfg.Binds {
		close(o.ready)
	}
}

func (o *operator) onClosed(c *smpp.Conn) {
	b := o.bindOf(c)
	if b == nil {
		return
	}
	o.mu.Lock()
	for i := range o.binds {
		if o.binds[i] == b {
			// A new slice: pick reads the old one without the lock.
			o.binds = append(append([]*bindQueue(nil), o.binds[:i]...), o.binds[i+1:]...)
			break
		}
	}
	o.mu.Unlock()
	for _, h := range b.close() {
		h.unsent()
	}
}

// pick returns a bind, the nth of those that live in turn, and another one than
// not if it can. It is nil if there is none.
func (o *operator) pick(n int, not *bindQueue) *bindQueue {
	o.mu.RLock()
	defer o.mu.RUnlock()
	count := len(o.binds)
	if count == 0 {
		return nil
	}
	if b := o.binds[n%count]; b != not {
		return b
	}
	return o.binds[(n+1)%count]
}

// fail notes an error that belongs to no bind in particular.
func (o *operator) fail(kind string, first func() string) {
	o.mu.RLock()
	m := o.all[0].meter
	o.mu.RUnlock()
	m.fail(kind, first)
}

// now is the time since the start.
func (o *operator) now() time.Duration { return time.Since(o.start) }

// lead begins dialogues and presses the keys that customers thought about, until
// ctx ends.
func (o *operator) lead(ctx context.Context) {
	if o.cfg.Rate == 0 {
		o.active.Store(int64(len(o.handsets)))
		for i := range o.handsets {
			o.handsets[i].begin(o.now())
		}
	}
	o.pace(ctx)
	if o.cfg.Rate > 0 {
		o.dial(min(o.now(), o.cfg.Duration)) // what became due in the pacer's last sleep
	}
	o.stopped.Store(true)
	if o.cfg.Rate > 0 {
		due := uint64(min(o.now(), o.cfg.Duration).Seconds() * o.cfg.Rate)
		o.missed = max(due, o.plan.n) - o.plan.n
	}
}

// drain lets the dialogues under way come to their end.
func (o *operator) drain() {
	for _, h := range o.pacer.take() {
		h.wake()
	}
	// Each waits for one screen or one response, and then for that of its abort.
	end := time.NewTimer(3 * o.cfg.Timeout)
	defer end.Stop()
	sweep := time.NewTicker(o.sweepEvery())
	defer sweep.Stop()
	for o.active.Load() > 0 {
		select {
		case <-o.quiet:
		case <-sweep.C:
			o.sweep()
			for _, h := range o.pacer.take() { // one that just lay down
				h.wake()
			}
		case <-end.C:
			return
		}
	}
}

func (o *operator) sweepEvery() time.Duration {
	return min(max(o.cfg.Timeout/8, time.Millisecond), time.Second)
}

// sweep ends the waits for screens that are over.
func (o *operator) sweep() {
	now := o.now()
	for i := range o.handsets {
		o.handsets[i].expire(now)
	}
}

// over is told by a handset that has no dialogue any more. With a pause it
// begins the next one later.
func (o *operator) over(h *handset, pause time.Duration) {
	switch {
	case o.stopped.Load():
		o.leave()
	case o.free != nil && pause == 0:
		o.free <- h
		o.leave()
	default:
		o.pacer.add(h, o.now()+pause)
	}
}

func (o *operator) leave() {
	if o.active.Add(-1) == 0 {
		select {
		case o.quiet <- struct{}{}:
		default:
		}
	}
}

// plan says which dialogues break off, and where. The shares are kept by count:
// of n dialogues, n times the share, rounded. A redial that falls on a dialogue
// that is abandoned comes with the next one.
type plan struct {
	mu              sync.Mutex
	abandon, redial float64
	steps           int
	n               uint64 // dialogues begun
	given           [2]uint64
}

// How a dialogue is broken off.
const (
	never uint8 = iota
	abandons
	redials
)

// next plans a dialogue: how it breaks off, and after the screen of which step.
func (p *plan) next() (how uint8, step int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	const rounding = 1e-9 // of n times the share
	switch n := float64(p.n); {
	case float64(p.given[0]+1) <= n*p.abandon+rounding:
		p.given[0]++
		how = abandons
	case float64(p.given[1]+1) <= n*p.redial+0.5:
		p.given[1]++
		how = redials
	default:
		return never, -1
	}
	return how, int(p.n*7919) % (p.steps - 1) // some step but the last
}
