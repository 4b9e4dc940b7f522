package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"nyota/sessions/storetest"
)

// readyOf is what /readyz of a town's gateway says.
func (c *town) readyOf(t *testing.T) (code int, why string) {
	t.Helper()
	var body struct {
		Checks []struct{ Error string }
	}
	code = httpJSON(t, http.MethodGet, "http://"+c.admin+"/readyz", nil, &body)
	for _, check := range body.Checks {
		why += check.Error
	}
	return code, why
}

func TestStoreThatIsNotThereYetIsWaitedFor(t *testing.T) {
	aof := []string{"--appendonly", "yes", "--appendfsync", "always", "--rdbcompression", "no"}
	primary := storetest.NewServer(t, aof...)
	for i := range 60 { // each takes its time to be read again
		primary.Command(t, "SET", fmt.Sprint("other:", i), strings.Repeat("x", 4096))
	}
	primary.Command(t, "BGREWRITEAOF")
	eventually(t, "the file has them as they are read in pieces", func() bool {
		info := primary.Command(t, "INFO", "persistence")
		return strings.Contains(info, "aof_rewrite_in_progress:0") && strings.Contains(info, "aof_rewrite_scheduled:0")
	})
	primary.Kill()
	c := newTown(t, fmt.Sprintf("{kind: valkey, addresses: [%q], replicas: 1}", primary.Addr))
	gateway := start(t, nil, binary(t), "serve", "--config", c.config)
	gateway.line("the store is waited for")
	waits := func(why string) {
		t.Helper()
		eventually(t, "/readyz says "+why, func() bool {
			code, text := c.readyOf(t)
			if code != http.StatusServiceUnavailable {
				t.Fatalf("/readyz %d %s", code, text)
			}
			return strings.Contains(text, why)
		})
		if code := httpJSON(t, http.MethodGet, "http://"+c.admin+"/healthz", nil, nil); code != http.StatusOK {
			t.Errorf("/healthz %d", code)
		}
		if s, err := c.handset(payer).snapshot(); err != nil || s.Service {
			t.Errorf("a link is bound: %v", err)
		}
	}
	waits("connection refused")

	loaded := make(chan struct{})
	go func() { // until it has read its file
		defer close(loaded)
		primary.Restart(t, append(aof, "--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024")...)
	}()
	waits("LOADING")
	<-loaded
	waits("0 replicas are connected, 1 are needed")

	_, port, _ := net.SplitHostPort(primary.Addr)
	storetest.NewServer(t, append(aof, "--replicaof", "127.0.0.1 "+port)...)
	gateway.line("the store is there")
	gateway.line("Nyota serves.")
	eventually(t, "the gateway is ready", func() bool {
		code, _ := c.readyOf(t)
		return code == http.StatusOK
	})
}

func TestWaitForTheStoreEndsWithSIGTERM(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	c := newTown(t, fmt.Sprintf("{kind: valkey, addresses: [%q], timeout: 1m}", silent.Addr()))
	gateway := start(t, nil, binary(t), "serve", "--config", c.config)
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := gateway.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gateway.line("stopped before it served") // well before the store's timeout
	<-gateway.ended
	if code := gateway.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
