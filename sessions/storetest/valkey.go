//go:build unix

package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// installValkey is how the tests' valkey-server comes to a machine.
const installValkey = "apt-get install -y --no-install-recommends -t bookworm-backports valkey-server " +
	"(with Debian's bookworm-backports among the apt sources)"

// startTimeout bounds a server's start.
const startTimeout = 15 * time.Second

// Server is a valkey-server process of a test, on a free loopback port, with
// its data in a folder of the test.
type Server struct {
	Addr    string // host:port
	TLSAddr string // the same for TLS; "" without it

	tls    *TLS // nil: without
	binary string
	dir    string
	conf   string // first argument, if there is one
	args   []string
	cmd    *exec.Cmd
	output *lockedBuffer
}

// StartValkey starts a valkey-server that keeps the promises (append-only file,
// fsynced always) and returns its address. It ends with the test. Without the
// binary the test fails when CI is "true" in the environment, and is skipped
// otherwise.
func StartValkey(t testing.TB) (addr string) {
	t.Helper()
	return NewServer(t, "--appendonly", "yes", "--appendfsync", "always").Addr
}

// NewServer is StartValkey with the server's own arguments, for tests that kill
// and restart it. Without arguments it has no append-only file.
func NewServer(t testing.TB, args ...string) *Server {
	t.Helper()
	return newServer(t, nil, "", append([]string{"--save", ""}, args...)...)
}

// newServer is NewServer with TLS, and with a configuration file, if there are any.
func newServer(t testing.TB, files *TLS, conf string, args ...string) *Server {
	t.Helper()
	binary, err := exec.LookPath("valkey-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("valkey-server is missing: %s", installValkey)
		}
		t.Skipf("valkey-server is missing: %s", installValkey)
	}
	s := &Server{tls: files, binary: binary, dir: t.TempDir(), conf: conf, args: args}
	t.Cleanup(s.Kill)
	var last error
	for range 5 { // the port may be taken between our look and the server's
		if s.Addr, last = freeAddr(); last == nil && files != nil {
			s.TLSAddr, last = freeAddr()
		}
		if last != nil {
			continue
		}
		if last = s.start(); last == nil {
			return s
		}
	}
	t.Fatalf("valkey-server does not start: %v", last)
	return nil
}

// Kill ends the server with SIGKILL, as a crash would.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart kills the server and starts it on the same address and data, with
// these arguments if there are any and otherwise with the ones it had.
func (s *Server) Restart(t testing.TB, args ...string) {
	t.Helper()
	s.Kill()
	if len(args) > 0 {
		s.args = append([]string{"--save", ""}, args...)
	}
	if err := s.start(); err != nil {
		t.Fatalf("valkey-server does not start again: %v", err)
	}
}

// Pause stops the server in its tracks (it keeps its connections and answers
// nothing) until resume is called.
func (s *Server) Pause(t testing.TB) (resume func()) {
	t.Helper()
	p := s.cmd.Process
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = p.Signal(syscall.SIGCONT) })
}

func (s *Server) start() error {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no"}, s.args...)
	if s.tls != nil {
		args = append(args, s.tls.args(s.TLSAddr)...)
	}
	if s.conf != "" {
		args = append([]string{s.conf}, args...)
	}
	s.output = &lockedBuffer{}
	cmd := exec.Command(s.binary, args...)
	cmd.Stdout, cmd.Stderr = s.output, s.output
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for !s.answers(ctx) {
		select {
		case <-ctx.Done():
			s.Kill()
			return fmt.Errorf("no answer within %v: %s", startTimeout, s.output)
		case <-time.After(5 * time.Millisecond):
		}
		if s.output.contains("Failed listening") {
			s.Kill()
			return fmt.Errorf("port %s is taken", port)
		}
	}
	return nil
}

// answers says whether the server serves: it answers PING, or asks for a
// password, and has loaded its data.
func (s *Server) answers(ctx context.Context) bool {
	reply, err := s.command(ctx, "PING")
	return err == nil && (bytes.HasPrefix(reply, []byte("+PONG")) || bytes.HasPrefix(reply, []byte("-NOAUTH")))
}

// Command sends one command without a password and returns the first octets of
// the raw reply.
func (s *Server) Command(t testing.TB, words ...string) string {
	t.Helper()
	reply, err := s.command(t.Context(), words...)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply)
}

func (s *Server) command(ctx context.Context, words ...string) ([]byte, error) {
	return s.exchange(ctx, "", words...)
}

// exchange is command with a password, if there is one.
func (s *Server) exchange(ctx context.Context, password string, words ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	end, _ := ctx.Deadline()
	if err := c.SetDeadline(end); err != nil {
		return nil, err
	}
	msg := ""
	if password != "" {
		msg = frame("AUTH", password)
	}
	if _, err := io.WriteString(c, msg+frame(words...)); err != nil {
		return nil, err
	}
	reply := make([]byte, 64<<10)
	n, err := c.Read(reply)
	if password != "" && err == nil && string(reply[:n]) == "+OK\r\n" {
		n, err = c.Read(reply)
	}
	return reply[:n], err
}

// frame is a command on the wire.
func frame(words ...string) string {
	msg := "*" + strconv.Itoa(len(words)) + "\r\n"
	for _, w := range words {
		msg += "$" + strconv.Itoa(len(w)) + "\r\n" + w + "\r\n"
	}
	return msg
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// lockedBuffer keeps what the server prints.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *lockedBuffer) contains(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Contains(b.b.Bytes(), []byte(s))
}
