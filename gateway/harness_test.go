package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nyota/gateway/config"
	"nyota/gateway/simulator"
	"nyota/sessions"
)

// patience is the longest that a test waits for what must come. It is no
// measure of speed: a test that passes never waits for it.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	echoChild()
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// soak says whether tests run with their full counts.
func soak() bool { return os.Getenv("NYOTA_SOAK") != "" }

// need skips a test that lacks a program of somebody else's, or fails it where
// everything must be there.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: .ci/install installs it", program)
		}
		t.Skipf("%s is missing: .ci/install installs it", program)
	}
	return path
}

// testConfig is the shipped configuration on free ports with its own folder.
func testConfig(t *testing.T) config.Config {
	t.Helper()
	dir := t.TempDir()
	key := newKey(t, dir)
	cfg, err := config.Load("../config.yaml", []string{
		"NYOTA_HTTP_LISTEN=127.0.0.1:0", "NYOTA_ADMIN_LISTEN=127.0.0.1:0", "NYOTA_CALLBACKS_LISTEN=127.0.0.1:0",
		"NYOTA_SIMULATOR_CORE=127.0.0.1:0", "NYOTA_SIMULATOR_CONTROL=127.0.0.1:0", "NYOTA_CORE_URL=http://127.0.0.1:0/v1.2/mm",
		"NYOTA_STORE_PATH=" + filepath.Join(dir, "data"), "NYOTA_SECRET_KEY_FILE=" + key,
		"NYOTA_CDR_DIR=" + filepath.Join(dir, "cdr"), "NYOTA_CORE_HEARTBEAT=200ms", "NYOTA_LEDGER_INQUIRE_AFTER=500ms",
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Simulator.SMPP = "127.0.0.1:0"
	cfg.SMPP.Links[0].Address = "127.0.0.1:0"
	return cfg
}

// newKey makes a key that seals, and returns its file.
func newKey(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "secret.key")
	if err := sessions.CreateKey(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// startGateway runs a whole gateway in this process until the test ends.
func startGateway(t *testing.T, cfg config.Config) *Gateway {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	g, err := Start(context.Background(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return g
}

// testWriter puts a log into the test's own output.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// built is the gateway's binary, made once for all tests.
var built struct {
	sync.Once
	dir, path string
	err       error
}

func binary(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "nyota-")
		if built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "gateway")
		var out []byte
		if out, built.err = exec.Command("go", "build", "-o", built.path, ".").CombinedOutput(); built.err != nil {
			built.err = fmt.Errorf("%w: %s", built.err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// process is a running program whose lines a test reads.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
	ended chan struct{}

	mu   sync.Mutex
	tail []string
}

// start runs a program until the test ends.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	return startAs(t, func(*exec.Cmd) {}, env, name, args...)
}

// startAs runs a program that as has prepared.
func startAs(t *testing.T, as func(*exec.Cmd), env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...), lines: make(chan string, 4096), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	as(p.cmd)
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			p.mu.Lock()
			p.tail = append(p.tail, scanner.Text())
			if len(p.tail) > 400 {
				p.tail = p.tail[1:]
			}
			p.mu.Unlock()
			select {
			case p.lines <- scanner.Text():
			default:
			}
		}
	}()
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
		_ = w.Close()
		<-read
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("last lines of %s %v:\n%s", filepath.Base(name), args, strings.Join(p.tail, "\n"))
		}
	})
	return p
}

// line waits for a line that holds text and returns it.
func (p *process) line(text string) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case l := <-p.lines:
			if strings.Contains(l, text) {
				return l
			}
		case <-p.ended: // all that it said waits to be read
			if len(p.lines) == 0 {
				p.t.Fatalf("%s ended before it said %q", p.cmd.Path, text)
			}
		case <-timeout:
			p.t.Fatalf("%s did not say %q", p.cmd.Path, text)
		}
	}
}

// after waits for a line with text and returns what follows it there.
func (p *process) after(text string) string {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.line(text), text)
	return strings.TrimSpace(rest)
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// freePort returns an address that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// httpJSON makes a request and decodes the answer into out, unless that is nil.
func httpJSON(t *testing.T, method, url string, in, out any) int {
	t.Helper()
	var body io.Reader
	if in != nil {
		octets, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(octets)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	octets, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(octets, out); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, url, resp.StatusCode, octets, err)
		}
	}
	return resp.StatusCode
}

// effect is a line of the simulated core's GET /effects.
type effect struct {
	CorrelationID string `json:"correlation_id"`
	Type          string `json:"type"`
	Amount        string `json:"amount"`
	Debit         string `json:"debit"`
	Credit        string `json:"credit"`
	Times         int    `json:"times"`
}

func effects(t *testing.T, core string) []effect {
	t.Helper()
	var all []effect
	if code := httpJSON(t, http.MethodGet, "http://"+core+"/effects", nil, &all); code != http.StatusOK {
		t.Fatalf("GET /effects: %d", code)
	}
	return all
}

func setFaults(t *testing.T, core string, faults map[string]any) {
	t.Helper()
	if code := httpJSON(t, http.MethodPut, "http://"+core+"/faults", faults, nil); code != http.StatusOK {
		t.Fatalf("PUT /faults: %d", code)
	}
}

// dialler is a handset that a test drives, in this process or in another.
type dialler interface {
	dial(code string) error
	press(text string) error
	snapshot() (simulator.Snapshot, error)
}

// local is a handset of an operator in this process.
type local struct{ *simulator.Handset }

func (h local) dial(code string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return h.Dial(ctx, code)
}

func (h local) press(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return h.Press(ctx, text)
}

func (h local) snapshot() (simulator.Snapshot, error) { return h.Snapshot(), nil }

func handset(t *testing.T, g *Gateway, msisdn string) local {
	t.Helper()
	h, err := g.smsc.Handset(msisdn)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a bind", func() bool { return h.Snapshot().Service })
	return local{h}
}

// shows waits until a handset shows a screen that settles the last key and holds
// all of the texts, and returns it.
func shows(t *testing.T, h dialler, texts ...string) simulator.Snapshot {
	t.Helper()
	var last simulator.Snapshot
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s, err := h.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		last = s
		if s.State == simulator.Waiting || s.State == simulator.Dialling {
			continue
		}
		all := true
		for _, text := range texts {
			all = all && strings.Contains(s.Screen, text)
		}
		if all {
			return s
		}
	}
	t.Fatalf("the screen does not show %q; it is %s: %q", texts, last.State, last.Screen)
	return last
}

// key presses a key on a screen that holds the texts.
func key(t *testing.T, h dialler, text string, shown ...string) {
	t.Helper()
	shows(t, h, shown...)
	if err := h.press(text); err != nil {
		t.Fatal(err)
	}
}

// inbox waits for n SMS and returns them, oldest first.
func inbox(t *testing.T, h dialler, n int) []simulator.SMS {
	t.Helper()
	var got []simulator.SMS
	eventually(t, fmt.Sprintf("%d SMS", n), func() bool {
		s, err := h.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		got = s.Inbox
		return len(got) >= n
	})
	return got
}

// hangUp ends a dialogue; there may be none.
func (h local) hangUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return h.HangUp(ctx)
}
