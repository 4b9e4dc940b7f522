package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nyota/gateway/load"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// freeAddress is one that nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// answering binds to addr as a gateway that has one screen.
func answering(t *testing.T, addr, screen string) {
	t.Helper()
	h := smpp.HandlerFunc(func(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		d, ok := p.Body.(*pdu.DeliverSM)
		if !ok {
			return nil, pdu.StatusInvCmdID
		}
		info, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
		sm := &pdu.SubmitSM{DestinationAddr: d.SourceAddr, DataCoding: text.DCSUSSD, ShortMessage: []byte(screen)}
		sm.TLVs.AddUint8(pdu.TagUSSDServiceOp, 17)
		sm.TLVs.Add(pdu.TagITSSessionInfo, []byte{info[0], info[1] | 1})
		_ = c.TryGo(sm, nil) // the window is above the number of handsets
		return &pdu.DeliverSMResp{}, 0
	})
	link := smpp.NewLink(smpp.LinkConfig{Name: "load", Addr: addr, Config: smpp.Config{Handler: h}, MinBackoff: 1e6, MaxBackoff: 1e7})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = link.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func TestLoadDialogueReportsAndGuardsItsGate(t *testing.T) {
	script := filepath.Join(t.TempDir(), "one.yaml")
	if err := os.WriteFile(script, []byte(`steps: [{press: "*1#", text: Bye, end: true}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, screen string
		flags        []string
		fails        bool
	}{
		{"all is well", "Bye", []string{"--max-p99", "1h"}, false},
		{"over the gate", "Bye", []string{"--max-p99", "1ns"}, true},
		{"wrong screens", "Hello", nil, true},
		{"wrong screens, allowed", "Hello", []string{"--allow-errors"}, false},
		{"wrong screens, allowed, over the gate", "Hello", []string{"--allow-errors", "--max-p99", "1h"}, true},
		{"a rate that cannot be offered", "Bye", []string{"--rate", "200000"}, true},
		{"and need not be", "Bye", []string{"--rate", "200000", "--max-missed", "1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, page := freeAddress(t), filepath.Join(t.TempDir(), "r.html")
			answering(t, addr, tt.screen)
			out, err := gatewayCommand(t, append([]string{"load", "dialogue", "--listen", addr, "--menu-script", script,
				"--handsets", "3", "--duration", "100ms", "--json", "--report", page}, tt.flags...)...)
			var exit exitError
			if failed := errors.As(err, &exit) && exit == 1; failed != tt.fails || err != nil && !failed {
				t.Fatalf("%v", err)
			}
			var r struct {
				Steps     uint64
				Errors    map[string]uint64
				Dialogues struct{ Begun, Finished, Failed uint64 }
			}
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			if good := tt.screen == "Bye"; good != (r.Steps > 0) || good != (len(r.Errors) == 0) || r.Dialogues.Begun == 0 {
				t.Errorf("%s", out)
			}
			if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "</html>") {
				t.Errorf("the page: %v %s", err, html)
			}
		})
	}
}

func TestLoadDialogueTellsItsResultAlthoughThePageCannotBeWritten(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no device that is full")
	}
	addr := freeAddress(t)
	answering(t, addr, "Bye")
	// It can be opened, and takes nothing.
	out, err := gatewayCommand(t, "load", "dialogue", "--listen", addr, "--handsets", "1", "--duration", "10ms", "--report", "/dev/full")
	if err == nil || !strings.Contains(err.Error(), "/dev/full") || !strings.Contains(out, "dialogues") {
		t.Errorf("%v and %s", err, out)
	}
}

func TestLoadDialogueReplacesTheReportBefore(t *testing.T) {
	addr, page := freeAddress(t), filepath.Join(t.TempDir(), "r.html")
	if err := os.WriteFile(page, []byte(strings.Repeat("before ", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	answering(t, addr, "Bye")
	_, err := gatewayCommand(t, "load", "dialogue", "--listen", addr, "--handsets", "1", "--duration", "10ms", "--allow-errors", "--report", page)
	if html, _ := os.ReadFile(page); err != nil || !strings.HasSuffix(strings.TrimSpace(string(html)), "</html>") {
		t.Errorf("%v, the page has %d octets", err, len(html))
	}
}

func TestHowItGoesIsToldNowAndThenWhereNoTerminalIs(t *testing.T) {
	var lines, terminal strings.Builder
	line, over := tell(&lines, false), tell(&terminal, true)
	for s := 1; s <= 12; s++ { // as the ticks of a busy machine come
		p := load.Progress{Elapsed: time.Duration(s)*time.Second - time.Duration(s%3)*10*time.Millisecond}
		line(p)
		over(p)
	}
	if got := lines.String(); strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, "   5 s ") || !strings.Contains(got, "\n  10 s ") || strings.ContainsAny(got, "\r\x1b") {
		t.Errorf("%q", got)
	}
	if got := terminal.String(); strings.Count(got, "\r\x1b[K") != 12 || strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
}

func TestLoadDialogueRefusesWhatMakesNoSense(t *testing.T) {
	for name, tt := range map[string]struct {
		args  []string
		names string
	}{
		"no address":               {nil, "listen"},
		"no handsets":              {[]string{"--listen", "127.0.0.1:0", "--handsets", "0"}, "--handsets"},
		"no such script":           {[]string{"--listen", "127.0.0.1:0", "--menu-script", "nowhere.yaml"}, "nowhere.yaml"},
		"nobody binds":             {[]string{"--listen", "127.0.0.1:0", "--bind-within", "1ms"}, "0 of 1 binds"},
		"shares too large":         {[]string{"--listen", "127.0.0.1:0", "--abandon", "2"}, "abandon"},
		"a gate below 0":           {[]string{"--listen", "127.0.0.1:0", "--max-p99", "-1s"}, "--max-p99"},
		"a share missed over 1":    {[]string{"--listen", "127.0.0.1:0", "--max-missed", "5"}, "--max-missed"},
		"a report in no folder":    {[]string{"--listen", "127.0.0.1:0", "--report", "nowhere/r.html"}, "--report"}, // before it waits for binds
		"a report that is a place": {[]string{"--listen", "127.0.0.1:0", "--report", "."}, "--report"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := gatewayCommand(t, append([]string{"load", "dialogue"}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("%v, and %s", err, out)
			}
		})
	}
}
