package interop_test

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is the longest that a test waits for what must come. It is no measure
// of speed: a test that passes never waits for it.
const patience = 20 * time.Second

const install = "apt-get install nodejs npm kannel libnet-smpp-perl tshark, or .ci/install"

// missing skips a test, or fails it where everything must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: %s", what, install)
	}
	t.Skipf("%s is missing: %s", what, install)
}

// need returns the path of somebody else's program.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		// Servers are not on everybody's path.
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			missing(t, program)
		}
	}
	return path
}

// script returns the path of a peer's script.
func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "gateway", "testdata", "peers", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a program that runs until the test ends.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string   // of standard output
	errs  chan string   // of standard error
	ended chan struct{} // closed when it is over
	outs  []io.Closer   // our ends of its outputs

	mu   sync.Mutex
	tail []string // of both outputs, for a failure
}

func start(t *testing.T, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(program), cmd: exec.Command(program, args...),
		lines: make(chan string, 4096), errs: make(chan string, 4096), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.outs = in, []io.Closer{out, errs}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	readers.Go(func() { p.read(out, p.lines) })
	readers.Go(func() { p.read(errs, p.errs) })
	go func() {
		readers.Wait()
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("%s said last:\n%s", p.name, strings.Join(p.tail, "\n"))
		}
	})
	return p
}

func (p *process) read(r io.Reader, to chan<- string) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.mu.Lock()
		if p.tail = append(p.tail, scanner.Text()); len(p.tail) > 80 {
			p.tail = p.tail[1:]
		}
		p.mu.Unlock()
		select {
		case to <- scanner.Text():
		default: // nobody wants them
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long must not stop it
}

// kill ends the process as kill -9 does and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	select {
	case <-p.ended:
	case <-time.After(patience): // a child of its own keeps its outputs open
		for _, c := range p.outs {
			_ = c.Close()
		}
		<-p.ended
	}
	_ = p.in.Close()
}

// line returns the next line of standard output.
func (p *process) line() string {
	p.t.Helper()
	select {
	case l := <-p.lines:
		return l
	case <-p.ended:
		select {
		case l := <-p.lines:
			return l
		default:
		}
		p.t.Fatalf("%s has ended", p.name)
	case <-time.After(patience):
		p.t.Fatalf("%s says nothing", p.name)
	}
	return ""
}

// freePort returns a port of 127.0.0.1 that nobody listens on. It is not one of
// those that the system gives away, so that it stays free until it is used.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 12000 + rand.IntN(18000)
		l, err := net.Listen("tcp", addr(port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// eventually waits until something is so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it did not come to: %s", what)
		}
	}
}

// take returns the next of a channel.
func take[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s came", what)
	}
	panic("unreachable")
}
