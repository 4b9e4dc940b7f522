package outage

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

// pipes is a network in memory, for virtual time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), ended: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.ended:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// virtual plays a scenario in virtual time: the gateway's dialog, ledger, guard,
// connector and store, the simulated core and the people, in a few seconds.
func virtual(t *testing.T, s Scenario, policy string, seed uint64) (r Result) {
	t.Helper()
	texts, err := os.ReadFile("../../../menus/catalog/texts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := memory(t)
	begun := time.Now()
	synctest.Test(t, func(t *testing.T) {
		keys, err := sessions.NewKeyring([]byte(strings.Repeat("k", 32)))
		if err != nil {
			t.Fatal(err)
		}
		wires := newPipes()
		r, err = Run(t.Context(), Config{
			Scenario: s, Policy: policy, Seed: seed, Texts: texts, Dir: dir, Vault: keys,
			Store: func(dir string) (sessions.Store, error) {
				return sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
			},
			Listen: func() (net.Listener, error) { return wires, nil },
			Connect: func(url string, horizon time.Duration, conns int) (Connector, error) {
				return core.NewGSMA(core.GSMAConfig{URL: url, Currency: "TZS", Horizon: horizon, MaxConns: conns, Dial: wires.dial})
			},
		})
		if err != nil {
			t.Error(err)
		}
	})
	var text bytes.Buffer
	if _, err := r.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d, in %v\n%s", seed, time.Since(begun).Round(time.Millisecond), text.String())
	return r
}

// memory is a folder on a disk that is quick to sync, if there is one.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "nyota-outage-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
