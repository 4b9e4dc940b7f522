package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/gateway/ops"
	"nyota/gateway/phone"
	"nyota/gateway/simulator"
	"nyota/gateway/simulator/isosim"
	"nyota/menus"
	"nyota/sessions"
)

// startSimulators runs the halves that the configuration turns on.
func (g *Gateway) startSimulators(ctx context.Context) error {
	if ln := g.listeners["simulator.core"]; ln != nil && g.cfg.Core.Kind == "iso8583" {
		c := isosim.New(isosim.Config{Log: g.log})
		g.background(ctx, func(context.Context) {
			if err := c.Serve(ln); err != nil {
				g.failed <- fmt.Errorf("simulator.core: %w", err)
			}
		})
		g.stops = append(g.stops, func(context.Context) { _ = c.Close() }) // which ends Serve
		g.serveHTTP("simulator.control", c.Control())
	} else if ln != nil {
		c := newSimulatedCore(g.cfg.Core.Kind, g.log)
		g.stops = append(g.stops, func(context.Context) { _ = c.Close() })
		g.serveHTTP("simulator.core", c)
	}
	if ln := g.listeners["simulator.smpp"]; ln != nil {
		g.smsc = simulator.NewSMSC(simulator.SMSCConfig{Log: g.log})
		g.background(ctx, func(ctx context.Context) {
			if err := g.smsc.Serve(ctx, ln); err != nil && ctx.Err() == nil {
				g.failed <- fmt.Errorf("simulator.smpp: %w", err)
			}
		})
	}
	return nil
}

// openMenus loads the menus and follows their edits.
func (g *Gateway) openMenus(ctx context.Context) error {
	dir := g.cfg.Path(g.cfg.Menus.Dir)
	c := g.cfg.Menus
	alone := g.cfg.Store.Kind == "embedded"
	cfg := dialog.MenusConfig{
		Files: os.DirFS(dir), Env: env(g.cfg), Store: g.store, Follow: follow(c.Follow, alone), Canary: c.Canary.Percent,
		Check: func(catalog *menus.Catalog) error { return servable(g.cfg.Core.Kind, g.serves, catalog) },
		Name:  g.cfg.NodeName(), Keep: g.cfg.Store.Retain, Log: g.log,
	}
	if alone {
		cfg.Every = -1
	}
	m, err := dialog.OpenMenus(ctx, cfg)
	if err != nil {
		return fmt.Errorf("menus.dir %s: %w", dir, err)
	}
	g.menus = m
	g.background(ctx, m.Run)
	if g.board, err = ops.OpenBoard(ctx, ops.BoardConfig{Store: g.store, Menus: m, Every: cfg.Every, Log: g.log}); err != nil {
		return fmt.Errorf("store: the operators' notices: %w", err)
	}
	g.background(ctx, g.board.Run)
	g.background(ctx, func(ctx context.Context) {
		if err := m.Watch(ctx, dir); err != nil {
			g.log.Warn("edits of the menus need a restart", "err", err)
		}
	})
	return nil
}

// follow is what menus.follow means.
func follow(how string, alone bool) dialog.Follow {
	switch {
	case how == "files" && !alone:
		return dialog.FollowFiles
	case how == "files" || how == "auto" && alone:
		return dialog.FollowEdits
	}
	return dialog.FollowPublished
}

// startCore makes the connector, puts the guard before it and watches the core's
// heartbeat.
func (g *Gateway) startCore(ctx context.Context) error {
	c := g.cfg.Core
	sw, err := newCore(coreSetup{
		Core: c, url: g.coreURL, currency: g.cfg.Operator.Currency, minor: g.cfg.Operator.MinorUnits, callbacks: g.callbackURL(), nudge: g.nudge, refused: g.refused,
		path: g.cfg.Path, log: g.log,
	})
	if err != nil {
		return fmt.Errorf("core: %w", err)
	}
	g.stops = append(g.stops, func(context.Context) { _ = sw.Close() })
	g.serves = sw.Serves
	guard := core.NewGuard(core.GuardConfig{
		Switch: sw, Log: g.log, Watch: g.heartbeat,
		Gone:  func() { g.watch.Soon() },
		Limit: core.LimiterConfig{Ceiling: c.Ceiling, Max: c.InFlight, Wait: c.QueueWait},
	})
	g.core, g.guard, g.connector = g.counts.Switch(guard), guard, sw
	g.watch = core.NewWatcher(core.WatcherConfig{Health: guard.Health, Interval: c.Heartbeat,
		Timeout: 2 * time.Second, Failures: 2, Log: g.log})
	g.background(ctx, g.watch.Run)
	return nil
}

// startLedger makes the ledger, the dialog and the sender, which hand work to
// each other, and starts what runs by itself.
func (g *Gateway) startLedger(ctx context.Context) error {
	zone, err := time.LoadLocation(g.cfg.Operator.Timezone)
	if err != nil {
		return fmt.Errorf("operator.timezone: %w", err)
	}
	changed, record := g.counts.Action, func(dialog.Record) {}
	if dir := g.cfg.CDR.Dir; dir != "" {
		if g.cdr, err = ops.NewCDR(g.cfg.Path(dir), g.log); err != nil {
			return err
		}
		changed = func(a sessions.Action) { g.counts.Action(a); g.cdr.Action(a) }
		record = g.cdr.Dialogue
		g.background(ctx, g.cdr.Run)
	}
	l := g.cfg.Ledger
	cfg := ledger.Config{
		Store: g.store, Switch: g.core, Vault: g.keys, Worker: g.node, Changed: changed,
		Notices: func(ctx context.Context, a sessions.Action) []*sessions.Notice {
			return dialog.Notices(ctx, g.menus, g.store, g.log, a)
		},
		Hand:         func(n sessions.Notice) { g.sender.Hand(n) },
		InquireAfter: l.InquireAfter, InquireMax: l.InquireMax, InquireRate: l.InquireRate, ManualAfter: l.ManualAfter, Log: g.log,
	}
	if p, ok := g.connector.(core.Paced); ok {
		cfg.Pace = p.Pace
	}
	if k, ok := g.connector.(core.Knower); ok {
		cfg.Known = k.Known
	}
	if r, ok := g.connector.(core.Reverser); ok {
		cfg.Reverses = r.Reverses
	}
	if r, ok := g.connector.(core.CallbackReader); ok {
		cfg.Read = func(body []byte) (core.Callback, error) { return r.ParseCallback(bytes.NewReader(body)) }
	}
	if g.cdr != nil {
		cfg.Refused = g.cdr.Refused
	}
	if g.listeners["callbacks"] != nil {
		cfg.CallbackURL = g.callbackURL() + "/callbacks/"
	}
	g.ledger = ledger.New(cfg)
	if g.smsc != nil { // its phones are in front of those who write the menus
		g.desk = dialog.NewDesk(g.menus, g.store, func() time.Time { return time.Now().In(zone) })
	}
	g.dialog = dialog.New(dialog.Config{
		Desk: g.desk, Store: g.store, Menus: g.menus, Ledger: g.ledger, Switch: g.core, Calls: g.guard, Plans: g.board, Admit: g.guard, Vault: g.keys,
		Node: g.node, Peers: g.peers, Zone: zone, AnswerWithin: g.cfg.Dialog.AnswerWithin, Session: g.cfg.Dialog.Session,
		TellRate: g.cfg.Dialog.TellRate, TellAfter: g.cfg.Dialog.TellAfter, TellWithin: g.cfg.Dialog.TellWithin,
		Record: record, Stepped: g.counts.Stepped, Outside: g.counts.Outside, Log: g.log,
	})
	g.background(ctx, g.dialog.Sweep)
	g.background(ctx, g.dialog.Wishes)
	return nil
}

// nudge inquires about the action whose callback URL a connector was given. The
// listener that leads here starts after the ledger.
func (g *Gateway) nudge(callback string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := g.ledger.Nudge(ctx, path.Base(callback)); err != nil {
		g.log.Warn("a result could not be followed", "err", err)
	}
}

// refused records a callback that a connector refused. The listener that it came to
// starts after the records.
func (g *Gateway) refused(from, action, why string) {
	if g.cdr != nil {
		g.cdr.Refused(ledger.Refusal{At: time.Now(), From: from, Action: action, Why: why})
	}
}

// callbackURL is where the core reaches the callback listener.
func (g *Gateway) callbackURL() string {
	if u := g.cfg.Callbacks.URL; u != "http://"+g.cfg.Callbacks.Listen {
		return u
	}
	return "http://" + g.Addr("callbacks")
}

// recover takes over what an earlier process left, before anything new is born.
// With a shared store, leases do that: other processes may be at work on it.
func (g *Gateway) recover(ctx context.Context) error {
	if g.cfg.Store.Kind == "embedded" {
		rctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := g.ledger.Recover(rctx); err != nil {
			return fmt.Errorf("recovery: %w", err)
		}
		g.sender.Recover(rctx)
	}
	g.background(ctx, g.ledger.Follow)
	g.background(ctx, g.sender.Run)
	return nil
}

// openCallbacks lets the core in.
func (g *Gateway) openCallbacks(ctx context.Context) error {
	callbacks := http.NewServeMux()
	callbacks.HandleFunc("PUT /callbacks/{token}", g.ledger.Callback)
	callbacks.HandleFunc("POST /callbacks/{token}", g.ledger.Callback)
	if h, ok := g.connector.(http.Handler); ok {
		callbacks.Handle("POST /daraja/", h)
	}
	g.open(ctx, "callbacks", callbacks)
	return nil
}

// runNetworks binds the links of all networks.
func (g *Gateway) runNetworks(ctx context.Context) error {
	for _, n := range g.networks {
		g.runNetwork(ctx, n)
	}
	return nil
}

// openRest lets in whom the public listener and the operators' are for.
func (g *Gateway) openRest(ctx context.Context) error {
	public := http.NewServeMux()
	g.health(public, g.checks()...)
	public.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/phone", http.StatusFound)
	})
	if g.smsc != nil {
		opt := phone.Options{SMSC: g.smsc, Code: g.code(), MSISDN: testMSISDN, Log: g.log,
			Desk: g.desk, Limits: env(g.cfg).Limits, MenuDir: g.cfg.Path(g.cfg.Menus.Dir), MenuName: filepath.ToSlash(g.cfg.Menus.Dir)}
		if addr := g.Addr("simulator.core"); addr != "" && g.cfg.Core.Kind == "gsma" {
			opt.Core, opt.PIN = phone.HTTPCore("http://"+addr), testPIN
		}
		p, err := phone.New(opt)
		if err != nil {
			return err
		}
		g.phone = p
		public.Handle("/phone", p)
		public.Handle("/phone/", p)
		public.Handle("/flow", p)
		public.Handle("/flow/", p)
	} else {
		off := func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "The phone plays the operator: set simulator.smpp, and a link to it, to use it.", http.StatusNotFound)
		}
		public.HandleFunc("GET /phone", off)
		public.HandleFunc("GET /flow", off)
	}
	g.open(ctx, "http", public)
	if g.phone != nil {
		g.stops = append(g.stops, func(ctx context.Context) { _ = g.phone.Close(ctx) })
	}

	api := http.NewServeMux()
	api.Handle("/actions/", ops.Actions(g.store, env(g.cfg).Country))
	api.Handle("/ledger/", ops.Ledger(g.ledger))
	api.Handle("GET /undelivered", ops.Undelivered(g.undelivered))
	rollout := ops.Menus(g.menus, g.cfg.NodeName())
	api.Handle("/menus", rollout)
	api.Handle("/menus/", rollout)
	notices := ops.Notices(g.board)
	api.Handle("/notices", notices)
	api.Handle("/notices/", notices)
	g.counts.Read(ops.Sources{Store: g.store, Menus: g.menus, Board: g.board, Live: g.dialog.Live, Load: g.guard.Load,
		Health: g.watch.State, Open: g.guard.BreakerOpen, Links: g.linksUp})
	api.Handle("GET /metrics", g.counts.Handler())
	g.openAdmin(ctx, api)
	return nil
}

// code is what to dial for the first menu.
func (g *Gateway) code() string { return g.menus.Code() }

// checks are what /readyz asks.
func (g *Gateway) checks() []ops.Check {
	all := []ops.Check{
		{Name: "store", Test: g.store.Health},
		{Name: "menus", Test: func(context.Context) error {
			if g.menus.Current() == nil {
				return errors.New("no menus are loaded")
			}
			return nil
		}},
	}
	return append(all, ops.Check{Name: "smpp", Test: func(context.Context) error { return g.bound() }})
}
