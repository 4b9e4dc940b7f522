package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"nyota/gateway/channel/sms"
	"nyota/gateway/config"
	"nyota/gateway/core"
	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/gateway/ops"
	"nyota/gateway/phone"
	"nyota/gateway/simulator"
	"nyota/sessions"
)

// What the simulators offer to try the shipped menus with.
const (
	testMSISDN = "255700000001"
	testPIN    = "1234"
)

// Gateway is the whole program: Start starts its parts in order, Stop stops them
// in reverse. A test can run several in one process, each on ports of its own.
type Gateway struct {
	cfg     config.Config
	log     *slog.Logger
	node    string
	coreURL string

	listeners map[string]net.Listener // by configuration key
	doors     map[string]*door        // of those that others come to
	idle      atomic.Pointer[error]   // why nothing is served, while nothing is
	failed    chan error
	stops     []func(ctx context.Context) // in the order of the starts

	store  sessions.Store
	peers  dialog.Peers // of a shared store; nil: none
	keys   *sessions.Keyring
	menus  *dialog.Menus
	board  *ops.Board
	counts *ops.Metrics
	dialog *dialog.Dialog
	desk   *dialog.Desk // nil without the simulated operator
	ledger *ledger.Ledger
	sender *sms.Sender
	core   core.Switch
	// connector is what core guards.
	connector core.Switch
	serves    func(call string) bool
	guard     *core.Guard
	watch     *core.Watcher
	cdr       *ops.CDR
	smsc      *simulator.SMSC
	phone     *phone.Phone
	// links are in the order of the configuration, and each is in one network.
	links    []*operatorLink
	networks []*network
}

// Why nothing is served, as /readyz says it.
var (
	errStarting = errors.New("it starts")
	errStopping = errors.New("it stops")
)

// Start starts a gateway. It waits for a store that cannot be reached yet, until ctx
// ends. On an error nothing is left running.
func Start(ctx context.Context, cfg config.Config, log *slog.Logger) (*Gateway, error) {
	g := &Gateway{cfg: cfg, log: log, counts: ops.NewMetrics(), listeners: map[string]net.Listener{}, failed: make(chan error, 8)}
	g.coreURL = cfg.Core.URL
	if cfg.Core.Kind == "iso8583" {
		g.coreURL = isoScheme + cfg.Core.ISO8583.Address
	}
	g.idle.Store(&errStarting)
	openStore := func(run context.Context) error { return g.openStore(ctx, run) }
	// The parts outlive the start: Stop ends them, in order. The callbacks' door is open
	// as long as there are turns, whose payments they are about.
	run := context.WithoutCancel(ctx)
	for _, step := range []func(context.Context) error{
		g.listen, g.startDoors, g.startSimulators, openStore, g.startCore, g.openMenus,
		g.startLedger, g.startLinks, g.recover, g.openCallbacks, g.runNetworks, g.openRest,
	} {
		if err := step(run); err != nil {
			sctx, cancel := context.WithTimeout(run, cfg.Stop.Within)
			err = errors.Join(err, g.Stop(sctx))
			cancel()
			return nil, err
		}
	}
	return g, nil
}

// Failed delivers the error of a part that stopped by itself.
func (g *Gateway) Failed() <-chan error { return g.failed }

// Addr is where a listener listens ("http", "admin", "callbacks",
// "simulator.smpp", "simulator.core", "simulator.control"), or "" if it is off.
func (g *Gateway) Addr(key string) string {
	if l := g.listeners[key]; l != nil {
		return l.Addr().String()
	}
	return ""
}

// Stop stops every part in the reverse order of the start. It returns an error
// if that takes longer than ctx; what is left then ends with the process.
func (g *Gateway) Stop(ctx context.Context) error {
	done := make(chan struct{})
	g.idle.Store(&errStopping)
	go func() {
		defer close(done)
		for i := len(g.stops) - 1; i >= 0; i-- {
			g.stops[i](ctx)
		}
		for _, l := range g.listeners {
			_ = l.Close()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("the gateway did not stop in time")
	}
}

// background runs a part that ends with its ctx, and stops it in its turn.
func (g *Gateway) background(ctx context.Context, part func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { part(ctx) })
	g.stops = append(g.stops, func(context.Context) {
		cancel()
		wg.Wait()
	})
}

// listen takes every port first, so that one in use is said before anything runs.
func (g *Gateway) listen(ctx context.Context) error {
	var lc net.ListenConfig
	control := ""
	if g.cfg.Core.Kind == "iso8583" && g.cfg.Simulator.Core != "" {
		control = g.cfg.Simulator.Control
	}
	for _, l := range []struct{ name, key, addr string }{
		{"http", "http.listen", g.cfg.HTTP.Listen},
		{"callbacks", "callbacks.listen", g.cfg.Callbacks.Listen},
		{"admin", "admin.listen", g.cfg.Admin.Listen},
		{"simulator.smpp", "simulator.smpp", g.cfg.Simulator.SMPP},
		{"simulator.core", "simulator.core", g.cfg.Simulator.Core},
		{"simulator.control", "simulator.control", control},
	} {
		if l.addr == "" {
			continue
		}
		ln, err := lc.Listen(ctx, "tcp", l.addr)
		if err != nil {
			return fmt.Errorf("%s: %w (is another gateway running? choose another port in the configuration)", l.key, err)
		}
		g.listeners[l.name] = ln
	}
	// Port 0 asks for any free port: whoever points at a simulator follows it.
	if c := g.listeners["simulator.core"]; c != nil {
		if u, err := url.Parse(g.coreURL); err == nil && u.Host == g.cfg.Simulator.Core {
			u.Host = c.Addr().String()
			g.coreURL = u.String()
		}
	}
	return nil
}

// serveHTTP serves h on a listener until Stop.
func (g *Gateway) serveHTTP(name string, h http.Handler) {
	ln := g.listeners[name]
	if ln == nil {
		return
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			g.failed <- fmt.Errorf("%s: %w", name, err)
		}
	})
	g.stops = append(g.stops, func(ctx context.Context) {
		if err := srv.Shutdown(ctx); err != nil {
			_ = srv.Close()
		}
		wg.Wait()
	})
}
