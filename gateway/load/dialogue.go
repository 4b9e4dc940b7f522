package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strconv"
	"time"

	"nyota/smpp"
)

// DialogueConfig says how an operator's customers behave. The zero value of each
// field but Script means its default.
type DialogueConfig struct {
	Script   *Script // what each customer does; "walk" by default
	Handsets int     // customers, each in at most one dialogue at a time; 100 by default, at most 4,000,000
	First    string  // number of the first handset; 255700000001 by default. The others follow it.

	// Rate is how many dialogues are due per second; 0: each handset begins its
	// next one as soon as the last is over.
	Rate float64
	// Duration is how long dialogues are begun and led, 10 s by default. After it
	// each customer hangs up at the next screen.
	Duration time.Duration
	// Think is the pause between a screen and the next key, on average; Spread the
	// share of it by which it varies to either side, 0 to 1. No pause by default.
	Think  time.Duration
	Spread float64
	// Abandon is the share of dialogues in which the customer hangs up in the
	// middle; Redial that of those in which he hangs up and dials again at once.
	// Together at most 1.
	Abandon, Redial float64

	Binds  int // that must be there before the first dialogue; 1 by default
	Window int // deliver_sm of each bind that may be unanswered; 100 by default
	// BindWithin bounds the wait for the binds, 1 min by default; Timeout that for
	// a screen and for a response, 10 s by default.
	BindWithin, Timeout time.Duration
	Password            string // with which gateways must bind; empty: any

	// ShownAgain lets any key be followed by a screen that its dialogue has had
	// before: what a gateway shows that cannot know whether the customer saw it,
	// as after its store was lost to it for a moment. Otherwise that is right only
	// for a key that had to be delivered again.
	ShownAgain bool

	// Progress, if set, is told every ProgressEvery (1 s by default) how it goes.
	// That is also how far apart the report's samples are, at least; there are at
	// most 600 of them.
	Progress      func(Progress)
	ProgressEvery time.Duration

	Logger *slog.Logger // gets the events of the connections; by default nothing is logged
}

const (
	maxHandsets = 4_000_000
	maxSamples  = 600
)

// withDefaults returns c with its zero values replaced, or what is wrong with it.
func (c DialogueConfig) withDefaults() (DialogueConfig, error) {
	if c.Script == nil {
		walk, err := BuiltIn("walk")
		if err != nil {
			return c, err
		}
		c.Script = walk
	}
	orElse(&c.Handsets, 100)
	orElse(&c.First, "255700000001")
	orElse(&c.Duration, 10*time.Second)
	orElse(&c.Binds, 1)
	orElse(&c.Window, 100)
	orElse(&c.BindWithin, time.Minute)
	orElse(&c.Timeout, 10*time.Second)
	orElse(&c.ProgressEvery, time.Second)
	first, err := strconv.ParseUint(c.First, 10, 64)
	share := func(f float64) bool { return f >= 0 && f <= 1 }
	switch {
	case err != nil || c.First[0] == '0' || len(strconv.FormatUint(first+uint64(max(c.Handsets, 0)), 10)) > 15:
		return c, fmt.Errorf("load: the first number %q: it takes up to 15 digits, without +", c.First)
	case c.Handsets < 1 || c.Handsets > maxHandsets:
		return c, fmt.Errorf("load: %d handsets: it takes 1 to %d", c.Handsets, maxHandsets)
	case c.Binds < 1 || c.Binds > maxBinds:
		return c, fmt.Errorf("load: %d binds: it takes 1 to %d", c.Binds, maxBinds)
	case c.Window < 1 || c.Window > maxWindow/2:
		return c, fmt.Errorf("load: a window of %d: it takes 1 to %d", c.Window, maxWindow/2)
	case c.Duration < 0 || c.Think < 0 || c.BindWithin < 0 || c.Timeout < 0 || c.ProgressEvery < 0:
		return c, errors.New("load: a duration is below 0")
	case c.Rate < 0 || c.Rate > maxRate || math.IsNaN(c.Rate):
		return c, fmt.Errorf("load: a rate of %g: it takes 0 to %g", c.Rate, maxRate)
	case !share(c.Spread) || !share(c.Abandon) || !share(c.Redial) || c.Abandon+c.Redial > 1:
		return c, errors.New("load: spread, abandon and redial are shares of 0 to 1, the last two together too")
	case c.Abandon+c.Redial > 0 && len(c.Script.Steps) < 2:
		return c, fmt.Errorf("load: %s has one step: it cannot break off in the middle", c.Script.Name)
	}
	return c, c.Script.paced(time.Duration(float64(c.Think) * (1 - c.Spread)))
}

// Dialogue plays an operator on l: gateways bind to it, and its handsets walk
// through whole USSD dialogues in SMPP 3.4's own parameters (sections 5.3.2.43
// and 5.3.2.44) until cfg.Duration is over or ctx ends. It checks every screen
// that comes. l is closed when it returns.
//
// Latency counts from the instant at which a key was meant to be pressed to the
// arrival of its screen: a dial of a schedule from the instant at which it was
// due, also when no handset was free then; any other key from the end of the
// customer's pause; without a pause from the arrival of the screen before.
//
// The error is that of the configuration, of l, or of binds that did not come;
// what goes wrong later is in the report.
func Dialogue(ctx context.Context, l net.Listener, cfg DialogueConfig) (DialogueReport, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		_ = l.Close()
		return DialogueReport{}, err
	}
	o := newOperator(cfg)
	served := make(chan error, 1)
	go func() { served <- o.srv.Serve(l) }()
	defer func() {
		out, cancel := context.WithTimeout(context.WithoutCancel(ctx), unbindWithin)
		defer cancel()
		_ = o.srv.Shutdown(out)
		<-served
	}()

	waiting, cancel := context.WithTimeout(ctx, cfg.BindWithin)
	defer cancel()
	select {
	case <-o.ready:
	case <-waiting.Done():
		return DialogueReport{}, fmt.Errorf("load: %d of %d binds came: %w", o.bound(), cfg.Binds, waiting.Err())
	case err := <-served:
		served <- err
		return DialogueReport{}, fmt.Errorf("load: %w", err)
	}
	return o.run(ctx), nil
}

// run leads the dialogues and reports.
func (o *operator) run(ctx context.Context) DialogueReport {
	o.start = time.Now()
	sampling, sampled := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() {
		defer close(over)
		o.sample(sampling)
	}()
	leading, cancel := context.WithTimeout(ctx, o.cfg.Duration)
	o.lead(leading)
	cancel()
	stopped := min(time.Since(o.start), o.cfg.Duration)
	o.drain()
	sampled()
	<-over
	return o.report(stopped)
}

// bound is how many binds there are that take what handsets send.
func (o *operator) bound() int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return len(o.binds)
}

// bindOf is what the operator knows of a connection.
func (o *operator) bindOf(c *smpp.Conn) *bindQueue {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, b := range o.binds {
		if b.conn == c {
			return b
		}
	}
	return nil
}
