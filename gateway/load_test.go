package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"nyota/gateway/simulator"
	"nyota/smpp"
	"nyota/smpp/pdu"
)

// loadTarget is something to send to; it ends with the test.
func loadTarget(t *testing.T, serve func(context.Context, net.Listener)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serve(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return l.Addr().String()
}

// throttler refuses all that is submitted.
func throttler(ctx context.Context, l net.Listener) {
	s := &smpp.Server{Config: smpp.Config{Handler: smpp.HandlerFunc(
		func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) { return nil, pdu.StatusThrottled })}}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	_ = s.Serve(l)
}

func sink(ctx context.Context, l net.Listener) {
	_ = simulator.NewSink(simulator.SinkConfig{}).Serve(ctx, l)
}

// gatewayCommand runs a command line in this process.
func gatewayCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := command()
	root.SetOut(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestLoadSubmitReportsAsJSON(t *testing.T) {
	addr := loadTarget(t, sink)
	for mode, flags := range map[string][]string{
		"do": nil, "pipeline": {"--pipeline"},
	} {
		t.Run(mode, func(t *testing.T) {
			out, err := gatewayCommand(t, append([]string{"load", "submit", "--to", addr, "--binds", "2",
				"--window", "5", "--duration", "100ms", "--rate", "500", "--json"}, flags...)...)
			if err != nil {
				t.Fatal(err)
			}
			var r struct {
				Mode      string
				Binds     int
				Window    int
				Rate      float64
				Cores     int
				Duration  float64
				Submitted uint64
				Responses uint64
				Missed    uint64
				Errors    map[string]uint64
				PerSecond float64            `json:"per_second"`
				Latency   map[string]float64 `json:"latency_us"`
			}
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			if r.Mode != mode || r.Binds != 2 || r.Window != 5 || r.Rate != 500 || r.Cores < 1 || r.Duration < 0.1 || r.PerSecond <= 0 {
				t.Errorf("%s", out)
			}
			if r.Submitted+r.Missed != 50 || r.Responses != r.Submitted || r.Errors == nil || len(r.Errors) != 0 {
				t.Errorf("%s", out)
			}
			for _, name := range []string{"p50", "p90", "p99", "p99.9", "max"} {
				if r.Latency[name] <= 0 {
					t.Errorf("no %s in %s", name, out)
				}
			}
		})
	}
}

func TestLoadSubmitExitsWith1AfterErrors(t *testing.T) {
	args := []string{"load", "submit", "--to", loadTarget(t, throttler), "--duration", "50ms", "--window", "2"}
	out, err := gatewayCommand(t, args...)
	var exit exitError
	if !errors.As(err, &exit) || exit != 1 {
		t.Errorf("%v, not exit status 1", err)
	}
	if !strings.Contains(out, "ESME_RTHROTTLED") {
		t.Errorf("the summary does not name the error:\n%s", out)
	}
	if out, err = gatewayCommand(t, append(args, "--allow-errors")...); err != nil || !strings.Contains(out, "ESME_RTHROTTLED") {
		t.Errorf("with --allow-errors: %v\n%s", err, out)
	}
}

func TestLoadSubmitRefusesWhatMakesNoSense(t *testing.T) {
	for name, args := range map[string][]string{
		"no address":  {"load", "submit"},
		"no binds":    {"load", "submit", "--to", "127.0.0.1:1", "--binds", "0"},
		"no duration": {"load", "submit", "--to", "127.0.0.1:1", "--duration", "0s"},
		"nobody":      {"load", "submit", "--to", "127.0.0.1:1", "--duration", "1s"},
		"a phone without handsets": {"simulate", "smsc", "--sink", "--listen", "127.0.0.1:0",
			"--control", "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := gatewayCommand(t, args...); err == nil {
				t.Errorf("no error, but %s", out)
			}
		})
	}
}

func TestOnlyATerminalIsATerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if isTerminal(null) || isTerminal(file) {
		t.Error("progress would be written to a file or to nowhere")
	}
}
