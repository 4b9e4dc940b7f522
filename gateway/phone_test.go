package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/gateway/phone"
	"nyota/menus/menutest"
)

// script plays lines on a phone of a gateway, and returns what it printed.
func script(t *testing.T, g *Gateway, p phone.Terminal, lines ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	p.URL, p.MSISDN, p.Out, p.Linger = "http://"+g.Addr("http"), payer, &out, 10*time.Millisecond
	p.In = strings.NewReader(strings.Join(lines, "\n") + "\n")
	err := p.Run(t.Context())
	return out.String(), err
}

func TestAScriptPaysWithThePhoneInATerminalAndRecordsIt(t *testing.T) {
	a := startAuthors(t)
	file := filepath.Join(a.dir, "paid.test.yaml")
	out, err := script(t, a.Gateway, phone.Terminal{Record: file}, "*150*00#", "1", "0700000002", "5000", testPIN)
	if err != nil {
		t.Fatal(err, out)
	}
	for _, want := range []string{"> *150*00#\n", "< home 125/182 septets\nNyota Pesa\n", "> ••••\n", "sent ", ", ended\n", "confirmed. TZS 5,000 sent to 0700000002"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte(testPIN)) || strings.Contains(out, testPIN+"\n") {
		t.Errorf("the PIN is there:\n%s\n%s", out, data)
	}
	suite, err := menutest.Load(os.DirFS(a.dir), a.menus.Current())
	if err != nil {
		t.Fatal(err)
	}
	if report := suite.Run(nil); report.Failed() > 0 {
		t.Errorf("%v", report.Problems())
	}
	if _, err := script(t, a.Gateway, phone.Terminal{Record: file}, "*150*00#"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over a file that is there: %v", err)
	}
}

func TestAScriptBeginsAnywhereAndFailsWhereSomethingDoes(t *testing.T) {
	a := startAuthors(t)
	out, err := script(t, a.Gateway, phone.Terminal{At: "wallet.send_amount", With: map[string]string{"to": "0700000003"}, Lang: "sw"}, "7000")
	if err != nil || !strings.Contains(out, "Tuma kwa 0700000003") || !strings.Contains(out, "< send_pin") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, tc := range []struct {
		name  string
		phone phone.Terminal
		lines []string
		want  string
	}{
		{"no code", phone.Terminal{}, []string{"0700000002"}, "Only codes such as"},
		{"no such screen", phone.Terminal{At: "wallet.shop"}, nil, "no screen"},
		{"no screen at all", phone.Terminal{At: "wallet"}, nil, "--at is a menu and a screen"},
		{"nothing to record", phone.Terminal{Record: filepath.Join(t.TempDir(), "x.yaml")}, nil, "Dial a code first"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if out, err := script(t, a.Gateway, tc.phone, tc.lines...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q\n%s", err, tc.want, out)
			}
		})
	}
}

// screenful is what a terminal shows, for two goroutines.
type screenful struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screenful) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screenful) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestTheTerminalHidesASecretAndIsLeftCleanly(t *testing.T) {
	a := startAuthors(t)
	in, typed := io.Pipe()
	defer typed.Close()
	out := &screenful{}
	var echo []bool
	p := phone.Terminal{URL: "http://" + a.Addr("http"), MSISDN: payer, In: in, Out: out, Echo: func(on bool) { echo = append(echo, on) }}
	ctx, interrupt := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- p.Run(ctx) }()
	for _, step := range []struct{ shows, line string }{{"dial> ", "*150*00*5#"}, {"secret> ", ""}} {
		eventually(t, step.shows, func() bool { return strings.Contains(out.String(), step.shows) })
		if step.line != "" {
			if _, err := io.WriteString(typed, step.line+"\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	interrupt()
	if err := <-left; err != nil {
		t.Errorf("left with %v", err)
	}
	if n := len(echo); n < 3 || echo[n-2] || !echo[n-1] {
		t.Errorf("the terminal's echo went %v", echo)
	}
	if s := out.String(); !strings.Contains(s, "│ Balance. Enter PIN") || !strings.Contains(s, "└─ balance_pin ") {
		t.Errorf("it shows\n%s", s)
	}
	h := handset(t, a.Gateway, payer)
	if s := h.Snapshot(); !s.Ended {
		t.Errorf("the dialogue is left open: %+v", s.State)
	}
}

func TestAPhoneWithoutAGatewaySaysWhatToDo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for url, want := range map[string]string{nobody: `start one with "gateway"`, other.URL: "set simulator.smpp", "127.0.0.1:8080": "is no address of a gateway"} {
		p := phone.Terminal{URL: url, In: strings.NewReader(""), Out: io.Discard}
		if err := p.Run(t.Context()); err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	if out, code := commandLine(t, "phone", "--url", nobody); code != 1 || !strings.Contains(out, "no gateway answers at "+nobody) {
		t.Errorf("%d %s", code, out)
	}
	if got := reachable("0.0.0.0:8080"); got != "127.0.0.1:8080" {
		t.Error(got)
	}
}
