package outage

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// Config is what a run needs. All but Log and Progress are required.
type Config struct {
	Scenario Scenario
	Policy   string
	Texts    []byte // the installation's texts.yaml
	Dir      string // an empty folder to work in
	// Store opens the store in a folder.
	Store func(dir string) (sessions.Store, error)
	// Connect makes the connector to a core's URL; it may hold as many requests in
	// flight as conns.
	Connect  func(url string, horizon time.Duration, conns int) (Connector, error)
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

// Run plays a scenario under one policy and waits until all that it began is
// settled, at most for the horizon and 20 s.
func Run(ctx context.Context, cfg Config) (res Result, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	s := cfg.Scenario
	if err := s.check(); err != nil {
		return res, err
	}
	sim, url, stop, err := startCore(s)
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

	m := newMeter(len(s.Phases), time.Now())
	f, err := newFront(cfg.Policy, wire{connector, m})
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

	starts, err := play(ctx, cfg, url, newPeople(s, d, m), m)
	if err != nil {
		return res, err
	}
	cfg.Progress("settling")
	settled := time.Now()
	limit := settled.Add(s.Horizon + 20*time.Second)
	for m.open() > 0 && time.Now().Before(limit) && ctx.Err() == nil {
		time.Sleep(bucketLength)
	}
	end()
	parts.Wait()
	effects := map[string]int{}
	for _, e := range sim.Effects() {
		effects[e.CorrelationID] += e.Times
	}
	return m.result(s, cfg.Policy, starts, effects, time.Since(settled)), ctx.Err()
}

// startCore serves a simulated core on loopback.
func startCore(s Scenario) (*coresim.Core, string, func(), error) {
	dir := coresim.DefaultDirectory()
	for i := range s.Customers {
		dir.Accounts = append(dir.Accounts, coresim.Account{MSISDN: number(i), Name: "Asha Juma", PIN: pin, Balance: 1_000_000_000})
	}
	sim := coresim.New(coresim.Config{Directory: &dir})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = sim.Close()
		return nil, "", nil, err
	}
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	url := "http://" + ln.Addr().String()
	if err := put(url, s.Core); err != nil {
		_ = srv.Close()
		_ = sim.Close()
		return nil, "", nil, err
	}
	return sim, url, func() {
		_ = srv.Close()
		_ = sim.Close()
		wg.Wait()
	}, nil
}

// put tells the core how it is.
func put(url string, h Health) error {
	body, err := json.Marshal(h)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPut, url+"/faults", bytes.NewReader(body))
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("outage: the core did not take its faults: %s", text)
	}
	return nil
}

// assemble makes the gateway's own dialog and ledger before a front.
func assemble(ctx context.Context, cfg Config, store sessions.Store, f *front, m *meter) (*dialog.Dialog, *ledger.Ledger, error) {
	folder := filepath.Join(cfg.Dir, "menus")
	if err := errors.Join(os.MkdirAll(folder, 0o750), os.WriteFile(filepath.Join(folder, "people.yaml"), menu, 0o600),
		os.WriteFile(filepath.Join(folder, "texts.yaml"), cfg.Texts, 0o600)); err != nil {
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
		Store: store, Menus: all, Ledger: l, Switch: gate{f, m}, Calls: f.calls, Admit: f.admit, Vault: cfg.Vault,
		Node: "outage", Log: cfg.Log,
	})
	return d, l, nil
}

// play runs the phases and returns when each began. It ends when everybody has
// hung up.
func play(ctx context.Context, cfg Config, url string, p *people, m *meter) ([]time.Time, error) {
	s := cfg.Scenario
	night, over := context.WithCancel(ctx)
	var crowd sync.WaitGroup
	defer crowd.Wait()
	defer over()
	var starts []time.Time
	for i, ph := range s.Phases {
		cfg.Progress(ph.Name)
		if err := put(url, ph.Core); err != nil {
			return nil, err
		}
		begun := time.Now()
		m.mu.Lock()
		m.phase = i
		m.mu.Unlock()
		starts = append(starts, begun)
		for next := begun; ; {
			gap := ph.For
			if ph.Dials > 0 {
				gap = time.Duration(rand.ExpFloat64() / ph.Dials * float64(time.Second))
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
				m.mu.Lock()
				m.crowded++
				m.mu.Unlock()
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
