package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"nyota/smpp"
)

// unbindWithin is how long the binds have to part in order at the end.
const unbindWithin = 2 * time.Second

// Submit binds, sends submit_sm until cfg.Duration is over or ctx ends, waits for
// the answers to what is under way, unbinds and reports. A bind that is lost stays
// lost: what was under way on it is counted. The error is that of the
// configuration or of a bind at the start; what goes wrong later is in the Report.
func Submit(ctx context.Context, cfg Config) (Report, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Report{}, err
	}
	senders, err := bindAll(ctx, cfg)
	if err != nil {
		return Report{}, err
	}

	start := time.Now()
	for _, s := range senders {
		s.start = start
	}
	sending, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	var sent, told sync.WaitGroup
	for _, s := range senders {
		stop := context.AfterFunc(sending, func() { s.stopped.Store(true) })
		defer stop()
		sent.Go(func() { s.run(ctx) })
	}
	reporting, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	if cfg.Progress != nil {
		told.Go(func() { progress(reporting, cfg, start, senders) })
	}
	sent.Wait()
	stopped := time.Since(start)
	done()
	told.Wait()

	r := report(cfg, senders, min(stopped, cfg.Duration))
	part(senders)
	return r, nil
}

// bindAll opens all connections; on an error it closes those that it opened.
func bindAll(ctx context.Context, cfg Config) ([]*sender, error) {
	conf := smpp.Config{Window: cfg.Window, ResponseTimeout: cfg.ResponseTimeout, Logger: cfg.Logger}
	var senders []*sender
	for i := range cfg.Binds {
		c, err := bind(ctx, cfg, conf)
		if err != nil {
			part(senders)
			return nil, fmt.Errorf("load: bind %d of %d: %w", i+1, cfg.Binds, err)
		}
		senders = append(senders, newSender(cfg, c, i))
	}
	return senders, nil
}

func bind(ctx context.Context, cfg Config, conf smpp.Config) (*smpp.Conn, error) {
	if cfg.Dial == nil {
		return smpp.Dial(ctx, cfg.To, cfg.Bind, conf)
	}
	nc, err := cfg.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return smpp.NewConn(ctx, nc, cfg.Bind, conf)
}

// part unbinds all. How they part is no part of what is measured.
func part(senders []*sender) {
	ctx, cancel := context.WithTimeout(context.Background(), unbindWithin)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range senders {
		wg.Go(func() {
			_ = s.conn.Unbind(ctx)
			<-s.conn.Done()
		})
	}
	wg.Wait()
}

// progress tells how it goes until ctx ends.
func progress(ctx context.Context, cfg Config, start time.Time, senders []*sender) {
	t := time.NewTicker(cfg.ProgressEvery)
	defer t.Stop()
	spare := newHistogram()
	last := start
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			all := newHistogram()
			p := Progress{Elapsed: now.Sub(start)}
			for _, s := range senders {
				var recent *histogram
				recent, p.Errors = s.meter.turn(spare, p.Errors)
				all.Merge(recent)
				recent.Reset()
				spare = recent
			}
			p.PerSecond = float64(all.TotalCount()) / max(now.Sub(last), time.Millisecond).Seconds()
			p.P50, p.P99 = quantile(all, 50), quantile(all, 99)
			last = now
			cfg.Progress(p)
		}
	}
}
