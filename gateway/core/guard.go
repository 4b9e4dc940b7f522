package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// GuardConfig is what a Guard guards, and how. Only Switch is required.
type GuardConfig struct {
	Switch Switch
	// Watch is what the heartbeat says: a *Watcher's Down. nil: nothing.
	Watch   func(call string) (until time.Time, down bool)
	Limit   LimiterConfig
	Gone    func()        // is told when the core counts as gone: a *Watcher's Soon. nil: nobody is
	Absent  int           // requests in a row that met nobody until the core counts as gone; 5
	Retry   time.Duration // how long it then is left alone, if no heartbeat is answered before; 1 s
	Retries float64       // share of what moves no money that may be tried twice; 0.1, below 0: none
	Log     *slog.Logger
}

// Guard stands before a Switch, and is one. It keeps in flight what the core
// answers in time, in order of importance, refuses the rest at once with an error
// that wraps ErrNotSent, and leaves a core alone that is not there. What
// met nobody is tried once more while a budget lasts, if that can do nothing twice.
// Money is sent once.
//
// It is safe for use by many goroutines and starts none.
type Guard struct {
	cfg     GuardConfig
	limiter *Limiter
	breaker *breaker
	log     *slog.Logger
	seen    seen

	mu     sync.Mutex
	budget float64 // retries that may be made
}

var _ Switch = (*Guard)(nil)

// NewGuard returns a Guard with cfg's defaults filled in.
func NewGuard(cfg GuardConfig) *Guard {
	if cfg.Absent <= 0 {
		cfg.Absent = 5
	}
	if cfg.Retry <= 0 {
		cfg.Retry = time.Second
	}
	if cfg.Retries == 0 {
		cfg.Retries = 0.1
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{cfg: cfg, limiter: NewLimiter(cfg.Limit), log: cfg.Log, budget: maxRetries, seen: seen{calls: map[string]*fared{}}}
	g.breaker = newBreaker(cfg.Absent, cfg.Retry, func(open bool) {
		g.log.Info("core breaker changed", "open", open)
		if open && cfg.Gone != nil {
			cfg.Gone()
		}
	})
	return g
}

// maxRetries bounds how many retries quiet times can save up.
const maxRetries = 10

// Prepare asks the switch.
func (g *Guard) Prepare(r Request) (string, error) { return g.cfg.Switch.Prepare(r) }

// Horizon is the switch's.
func (g *Guard) Horizon() time.Duration { return g.cfg.Switch.Horizon() }

// Health asks the heartbeat, past all limits. An answer ends the time for which
// a core that was gone is left alone.
func (g *Guard) Health(ctx context.Context) (Health, error) {
	h, err := g.cfg.Switch.Health(ctx)
	if err == nil && h.State != Unavailable {
		g.breaker.beat()
		g.seen.worked(g.now())
	}
	return h, err
}

// now is the limiter's clock.
func (g *Guard) now() time.Time { return g.limiter.cfg.Now() }

// BreakerOpen says whether requests are refused because nobody was there.
func (g *Guard) BreakerOpen() bool { return g.breaker.open() }

// Load is how full the core is.
func (g *Guard) Load() Load { return g.limiter.Load() }

// Down says whether a call cannot be made now, and until when if the core said
// so: the heartbeat says it, or nobody is there. A core that is only full is not
// down: Reserve knows, at the moment it matters, and Busy before.
func (g *Guard) Down(call string) (until time.Time, down bool) {
	if g.cfg.Watch != nil {
		if until, down := g.cfg.Watch(call); down {
			return until, true
		}
	}
	return time.Time{}, g.breaker.open()
}

// Ticket is a place in flight for a call that is about to be made.
type Ticket struct {
	permit *Permit
	call   string
	mu     sync.Mutex
	taken  bool
}

// Reserve takes a place for a call before anything is promised to the customer:
// what is refused here need not be born. It waits as Call would, within ctx. The
// ticket travels to Call by WithTicket, and is to be released in any case.
func (g *Guard) Reserve(ctx context.Context, call string, args Args) (*Ticket, error) {
	if g.breaker.open() {
		return nil, unsent(call, errGone)
	}
	p, err := g.acquire(ctx, call, args)
	if err != nil {
		return nil, unsent(call, err)
	}
	return &Ticket{permit: p, call: call}, nil
}

// acquire takes a place for a call, and remembers whether there was one.
func (g *Guard) acquire(ctx context.Context, call string, args Args) (*Permit, error) {
	p, err := g.limiter.Acquire(ctx, classOf(call, args))
	g.seen.asked(call, err, g.now())
	return p, err
}

// Release gives the place back if no call took it. A nil ticket has none.
func (t *Ticket) Release() {
	if p := t.take(); p != nil {
		p.Release()
	}
}

func (t *Ticket) take() *Permit {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken {
		return nil
	}
	t.taken = true
	return t.permit
}

type ticketKey struct{}

// WithTicket gives a ticket to the call that is made with the returned context.
func WithTicket(ctx context.Context, t *Ticket) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, ticketKey{}, t)
}

// Call makes the request in its turn.
func (g *Guard) Call(ctx context.Context, r Request) (Outcome, error) {
	var place *Permit
	if t, ok := ctx.Value(ticketKey{}).(*Ticket); ok && t.call == r.Call {
		place = t.take()
	}
	out, err := g.try(ctx, r, place)
	if Moves(r.Call) || !g.again(r, err) {
		return out, err
	}
	return g.try(ctx, r, nil)
}

// harmless says whether a request that met nobody can be made once more without
// doing anything twice. One that was cut off may have arrived: what it changed is
// changed, and a PIN that was mistyped has cost its customer one of the tries.
func harmless(r Request, err error) bool {
	return errors.Is(err, ErrNotSent) || !Changes(r.Call) && r.PIN.IsZero()
}

// again says whether what moves no money may be tried a second time.
func (g *Guard) again(r Request, err error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil || !absent(err) || !harmless(r, err) || errors.Is(err, errGone) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		g.budget = min(g.budget+max(g.cfg.Retries, 0), maxRetries)
		return false
	}
	if g.cfg.Retries < 0 || g.budget < 1 {
		return false
	}
	g.budget--
	return true
}

// errGone refuses what the breaker does not let through.
var errGone = errors.New("nobody is there at the moment")

// try makes one request, on a place that is reserved or on one of its own.
func (g *Guard) try(ctx context.Context, r Request, place *Permit) (Outcome, error) {
	if place == nil {
		var err error
		if place, err = g.acquire(ctx, r.Call, r.Args); err != nil {
			return Outcome{}, unsent(r.Call, err)
		}
	}
	verdict := NoEvidence
	defer func() { place.Done(verdict) }()
	if !g.breaker.allow(Moves(r.Call) || Changes(r.Call)) {
		return Outcome{}, unsent(r.Call, errGone)
	}
	place.Start()
	out, err := g.cfg.Switch.Call(ctx, r)
	g.breaker.ended(err)
	if err == nil && out.Status == Done {
		g.seen.worked(g.now())
	}
	verdict = evidence(ctx, out, err, r.WireKey)
	return out, err
}

// Inquire asks what became of an action, ahead of all others. One that was not
// let through learnt nothing; its error wraps ErrNotAsked, and not ErrNotSent, which
// would speak of the action.
func (g *Guard) Inquire(ctx context.Context, q Inquiry) (Outcome, error) {
	place, err := g.limiter.Acquire(ctx, inquiries)
	if err != nil {
		return Outcome{}, failed(q.Call, errInquiry)
	}
	verdict := NoEvidence
	defer func() { place.Done(verdict) }()
	if !g.breaker.allow(false) {
		return Outcome{}, failed(q.Call, errInquiry)
	}
	place.Start()
	out, err := g.cfg.Switch.Inquire(ctx, q)
	g.breaker.ended(err)
	verdict = evidence(ctx, out, err, q.WireKey)
	return out, err
}

var errInquiry = fmt.Errorf("%w: it has no room for an inquiry now", ErrNotAsked)

// evidence is what the end of a request says about the core's load.
func evidence(ctx context.Context, out Outcome, err error, key string) Verdict {
	switch {
	case errors.Is(err, ErrNotSent) || errors.Is(err, ErrCut):
		return NoEvidence
	case errors.Is(err, context.DeadlineExceeded) || err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return TimedOut
	case err != nil && !errors.Is(err, ErrDuplicate) && !errors.Is(err, ErrMismatch):
		return NoEvidence
	case out.Status == Pending || out.WireKey != "" && out.WireKey != key:
		return NoEvidence // decided later: its time is the polling's
	}
	return Answered
}

// inquiries may hold a quarter of the core: they come first, and must not become
// the load that they ask about.
var inquiries = Class{Lane: LaneInquiry, Key: "inquiry", Share: 0.25}

// classOf is the class of a call: its kind, and for a bill or a till whose it is.
func classOf(call string, args Args) Class {
	c := Class{Lane: LanePayment, Key: call}
	party := ""
	switch call {
	case BillPay:
		party = args.Get("biller")
	case MerchantPay:
		party = args.Get("till")
	case AccountName:
		c.Lane, party = LaneRead, args.Get("biller")
	case Balance, Fee:
		c.Lane = LaneRead
	case Statement:
		c.Lane = LaneHistory
	}
	if party != "" {
		c.Key, c.Share, c.Party = call+"/"+party, 0.3, true
	}
	return c
}
