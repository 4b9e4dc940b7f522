package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"nyota/gateway/load/outage"
)

// gatewayProcess is a gateway that runs as a process of its own for a night.
type gatewayProcess struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // once ended is closed
	log   *tail
}

// startOver runs this program as a gateway, at a place. It listens to nobody but
// the simulated operator and core.
func startOver(_ context.Context, p outage.Place) (outage.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(p.Dir, "config.yaml")
	text := fmt.Sprintf(`
http:  {listen: "127.0.0.1:0"}
admin: {listen: ""}
callbacks: {listen: ""}
store: {kind: embedded, path: %q}
menus: {dir: %q}
smpp:
  links:
    - {name: night, address: %q, system_id: nyota, password: secret, window: 1000, hints: "on"}
core:  {kind: gsma, url: %q, horizon: %s}
simulator: {smpp: "", core: ""}
ledger: {inquire_max: 5s, inquire_rate: 0}
cdr: {dir: %q}
log: {level: error}
`, filepath.Join(p.Dir, "data"), p.Menus, p.SMPP, p.Core, p.Horizon, p.CDR)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	g := &gatewayProcess{cmd: exec.Command(self, "serve", "--config", file), ended: make(chan struct{}), log: &tail{}} //nolint:gosec // ourselves
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "NYOTA_") { // the night's configuration is the file's
			g.cmd.Env = append(g.cmd.Env, v)
		}
	}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		g.err = g.cmd.Wait()
		close(g.ended)
	}()
	return g, nil
}

// Stop ends the gateway as an operator would.
func (g *gatewayProcess) Stop() error {
	select {
	case <-g.ended:
		return fmt.Errorf("load outage: the gateway ended by itself: %v (%s)", g.err, g.log)
	default:
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.ended:
	case <-time.After(30 * time.Second):
		_ = g.cmd.Process.Kill()
		<-g.ended
		return errors.New("load outage: the gateway did not stop within 30 s")
	}
	return nil
}

// tail keeps the end of what is written to it. It has one writer at a time, and is
// read after the last.
type tail struct{ kept []byte }

func (t *tail) Write(b []byte) (int, error) {
	const most = 4096
	t.kept = append(t.kept, b...)
	if len(t.kept) > most {
		t.kept = bytes.Clone(t.kept[len(t.kept)-most:])
	}
	return len(b), nil
}

func (t *tail) String() string { return string(t.kept) }
