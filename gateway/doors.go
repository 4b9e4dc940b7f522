package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"

	"nyota/gateway/ops"
)

// door is what a listener leads to. Listeners answer as long as the process runs,
// and lead elsewhere while it starts and stops than while it serves.
type door struct {
	mu sync.RWMutex
	to *chamber
}

// chamber is a handler, and the requests under way in it.
type chamber struct {
	http.Handler
	guests sync.WaitGroup
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.RLock()
	to := d.to
	to.guests.Add(1)
	d.mu.RUnlock()
	defer to.guests.Done()
	to.ServeHTTP(w, r)
}

// lead makes requests go to h from now on, and returns when those that came before
// have ended, or ctx has.
func (d *door) lead(ctx context.Context, h http.Handler) {
	d.mu.Lock()
	before := d.to
	d.to = &chamber{Handler: h}
	d.mu.Unlock()
	if before == nil {
		return
	}
	ended := make(chan struct{})
	go func() {
		before.guests.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// startDoors serves the three listeners from the first moment to the last, so that
// probes are answered while the store is waited for and while turns finish.
func (g *Gateway) startDoors(ctx context.Context) error {
	if ln := g.listeners["admin"]; ln != nil && g.cfg.Admin.TLSCert != "" {
		conf, err := g.adminTLS()
		if err != nil {
			return fmt.Errorf("admin: %w", err)
		}
		g.listeners["admin"] = tls.NewListener(ln, conf)
	}
	g.doors = map[string]*door{}
	for _, name := range []string{"http", "callbacks", "admin"} {
		d := &door{}
		d.lead(ctx, g.closed(name))
		g.doors[name] = d
		g.serveHTTP(name, d)
	}
	return nil
}

// open makes a listener lead to h until the stop comes to this point.
func (g *Gateway) open(ctx context.Context, name string, h http.Handler) {
	d := g.doors[name]
	d.lead(ctx, h)
	g.stops = append(g.stops, func(ctx context.Context) { d.lead(ctx, g.closed(name)) })
}

// closed is what a listener leads to before and after: it asks for a try later, as
// a core makes that repeats its callbacks.
func (g *Gateway) closed(name string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "try again", http.StatusServiceUnavailable)
	})
	if name != "callbacks" {
		g.health(mux, ops.Check{Name: "gateway", Test: func(context.Context) error { return *g.idle.Load() }})
	}
	return mux
}

// health adds the two questions that anybody may ask.
func (g *Gateway) health(mux *http.ServeMux, checks ...ops.Check) {
	mux.HandleFunc("GET /healthz", ops.Healthz)
	mux.HandleFunc("GET /readyz", ops.Readyz(checks))
}
