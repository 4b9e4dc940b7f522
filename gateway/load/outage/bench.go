package outage

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/gateway/simulator/coresim"
	"nyota/menus"
	"nyota/sessions"
)

//go:embed people.yaml
var menu []byte

// Connector is a switch that can be closed.
type Connector interface {
	core.Switch
	Close() error
}

// Config is what a run needs. All but Seed, Listen, Limit, Log and Progress are
// required.
type Config struct {
	Scenario Scenario
	Policy   string
	Texts    []byte // the installation's texts.yaml
	Dir      string // an empty folder to work in
	// Seed decides what people do and when; 0 is another night each time.
	Seed uint64
	// Store opens the store in a folder.
	Store func(dir string) (sessions.Store, error)
	// Connect makes the connector to a core's URL; it may hold as many requests in
	// flight as conns.
	Connect func(url string, horizon time.Duration, conns int) (Connector, error)
	// Listen is where the core listens; by default on a free port of loopback.
	Listen   func() (net.Listener, error)
	Limit    core.LimiterConfig // of the policy nyota
	Vault    Vault
	Log      *slog.Logger
	Progress func(text string)
}

// Vault is what dialog and ledger need to seal PINs. *sessions.Keyring is one.
type Vault interface {
	dialog.Vault
	ledger.Vault
}

// connections are enough that they never limit what a policy without a limit of
// its own has in flight.
const connections = 8192

func (c *Config) defaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	if c.Listen == nil {
		c.Listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	}
}

// Run plays a scenario under one policy, the gateway's parts in this process, and
// waits until all that it began is settled, at most for the horizon and 20 s.
func Run(ctx context.Context, cfg Config) (res Result, err error) {
	cfg.defaults()
	s := cfg.Scenario
	if err := s.check(); err != nil {
		return res, err
	}
	m := newMeter(time.Now())
	sim, url, stop, err := startCore(cfg, m)
	if err != nil {
		return res, err
	}
	defer stop()
	connector, err := cfg.Connect(url+"/v1.2/mm", s.Horizon, connections)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, connector.Close()) }()
	store, err := cfg.Store(filepath.Join(cfg.Dir, "store"))
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	f, err := newFront(cfg.Policy, wire{connector, m}, cfg.Limit)
	if err != nil {
		return res, err
	}
	d, l, err := assemble(ctx, cfg, store, f, m)
	if err != nil {
		return res, err
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	back, end := context.WithCancel(ctx)
	defer end()
	parts.Go(func() { l.Follow(back) })
	if f.watch != nil {
		parts.Go(func() { f.watch.Run(back) })
	}
	if f.load != nil {
		parts.Go(func() { sample(back, m, f.load) })
	}
	return finish(ctx, cfg, sim, m, direct{d}, func() error { return nil })
}

// finish plays the phases with a line to the gateway, waits until all is settled,
// and adds up. learn is called when everybody has hung up, and returns when the
// meter knows of every action.
func finish(ctx context.Context, cfg Config, sim *coresim.Core, m *meter, l line, learn func() error) (Result, error) {
	s := cfg.Scenario
	starts, err := play(ctx, cfg, sim, newPeople(cfg, l, m), m)
	if err != nil {
		return Result{}, err
	}
	cfg.Progress("settling")
	settled := time.Now()
	limit := settled.Add(s.Horizon + 20*time.Second)
	if err := learn(); err != nil {
		return Result{}, err
	}
	for (m.open() > 0 || m.unheard() > 0) && time.Now().Before(limit) && ctx.Err() == nil {
		time.Sleep(bucketLength)
	}
	for i := range s.Customers {
		for _, text := range l.inbox(number(i)) {
			m.told(text, "")
		}
	}
	effects := map[string]int{}
	for _, e := range sim.Effects() {
		effects[e.CorrelationID] += e.Times
	}
	return m.result(s, cfg.Policy, starts, effects, time.Since(settled)), ctx.Err()
}

// startCore serves a simulated core.
func startCore(cfg Config, m *meter) (*coresim.Core, string, func(), error) {
	dir := coresim.DefaultDirectory()
	for i := range cfg.Scenario.Customers {
		dir.Accounts = append(dir.Accounts, coresim.Account{MSISDN: number(i), Name: "Asha Juma", PIN: pin, Balance: 1_000_000_000})
	}
	faults := cfg.Scenario.Core.faults(coresim.DefaultFaults())
	lots := rand.New(rand.NewPCG(cfg.Seed, 0)) //nolint:gosec // a simulation's dice; the core rolls them under its lock
	sim := coresim.New(coresim.Config{Directory: &dir, Faults: &faults, Rand: lots.Float64, Worked: m.worked})
	ln, err := cfg.Listen()
	if err != nil {
		_ = sim.Close()
		return nil, "", nil, err
	}
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	return sim, "http://" + ln.Addr().String(), func() {
		_ = srv.Close()
		_ = sim.Close()
		wg.Wait()
	}, nil
}

// assemble makes the gateway's own dialog and ledger before a front.
func assemble(ctx context.Context, cfg Config, store sessions.Store, f *front, m *meter) (*dialog.Dialog, *ledger.Ledger, error) {
	folder, err := writeMenus(cfg)
	if err != nil {
		return nil, nil, err
	}
	all, err := dialog.OpenMenus(ctx, dialog.MenusConfig{Files: os.DirFS(folder), Env: menus.DefaultEnv(), Store: store, Log: cfg.Log, Every: -1})
	if err != nil {
		return nil, nil, err
	}
	l := ledger.New(ledger.Config{
		Store: store, Switch: f, Vault: cfg.Vault, Worker: "outage", Changed: m.changed, Hand: m.notice,
		Notices: func(ctx context.Context, a sessions.Action) []*sessions.Notice {
			return dialog.Notices(ctx, all, store, cfg.Log, a)
		},
		InquireMax: 5 * time.Second, Log: cfg.Log,
	})
	d := dialog.New(dialog.Config{
		Store: store, Menus: all, Ledger: l, Switch: f, Calls: f.calls, Admit: f.admit, Vault: cfg.Vault,
		Node: "outage", Log: cfg.Log,
	})
	return d, l, nil
}

// writeMenus writes the menus of the night into a folder.
func writeMenus(cfg Config) (string, error) {
	folder := filepath.Join(cfg.Dir, "menus")
	return folder, errors.Join(os.MkdirAll(folder, 0o750), os.WriteFile(filepath.Join(folder, "people.yaml"), menu, 0o600),
		os.WriteFile(filepath.Join(folder, "texts.yaml"), cfg.Texts, 0o600))
}

// play runs the phases and returns when each began. It ends when everybody has
// hung up.
func play(ctx context.Context, cfg Config, sim *coresim.Core, p *people, m *meter) ([]time.Time, error) {
	s := cfg.Scenario
	night, over := context.WithCancel(ctx)
	var crowd sync.WaitGroup
	defer crowd.Wait()
	defer over()
	dice := rand.New(rand.NewPCG(cfg.Seed, 1)) //nolint:gosec // a simulation's
	var starts []time.Time
	for _, ph := range s.Phases {
		cfg.Progress(ph.Name)
		begun := time.Now()
		m.begin(begun, ph.Core)
		if err := sim.SetFaults(ph.Core.faults(sim.Faults())); err != nil {
			return nil, err
		}
		starts = append(starts, begun)
		for next := begun; ; {
			gap := ph.For
			if ph.Dials > 0 {
				gap = time.Duration(dice.ExpFloat64() / ph.Dials * float64(time.Second))
			}
			if next = next.Add(gap); next.Sub(begun) >= ph.For {
				next = begun.Add(ph.For)
			}
			if !until(ctx, next) {
				return nil, ctx.Err()
			}
			if next.Sub(begun) >= ph.For {
				break
			}
			select {
			case who := <-p.free:
				crowd.Go(func() {
					defer func() { p.free <- who }()
					p.errand(night, who)
				})
			default:
				m.nobodyFree()
			}
		}
	}
	return append(slices.Clip(starts), time.Now()), nil
}

// until sleeps to a time; it is false when ctx ends first.
func until(ctx context.Context, at time.Time) bool {
	d := time.Until(at)
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// sample notes the limiter's state for the plots.
func sample(ctx context.Context, m *meter, load func() core.Load) {
	t := time.NewTicker(bucketLength)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			now := load()
			m.count(func(b *bucket) { b.limit, b.inFlight = now.Limit, now.InFlight })
		}
	}
}

// wire counts inquiries at the connector.
type wire struct {
	core.Switch
	m *meter
}

func (w wire) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	w.m.inquiry()
	return w.Switch.Inquire(ctx, q)
}
