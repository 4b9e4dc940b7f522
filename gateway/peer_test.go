package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nyota/smpp/text"
)

// peerPDU is what testdata/peers/smsc.js prints of a PDU.
type peerPDU struct {
	Listening   int
	PDU         string
	SystemID    string `json:"system_id"`
	Op          *int
	Info        []int
	Hex         string
	Source      string
	Destination string
	DCS         int
	ESM         int
	Status      int
	Sequence    int
}

func (p peerPDU) text(t *testing.T) string {
	t.Helper()
	octets, err := hex.DecodeString(p.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return text.Decode(octets, byte(p.DCS))
}

// npmSMSC is an SMSC that runs on npm's smpp.
type npmSMSC struct {
	t    *testing.T
	in   io.Writer
	pdus chan peerPDU
	addr string
}

func startNPM(t *testing.T) *npmSMSC {
	t.Helper()
	node := need(t, "node")
	peers := os.Getenv("NYOTA_PEERS")
	if peers == "" {
		peers, _ = filepath.Abs("../.ci/cache/peers")
	}
	if _, err := os.Stat(filepath.Join(peers, "node_modules", "smpp")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("npm's smpp is missing in %s: .ci/install installs it", peers)
		}
		t.Skipf("npm's smpp is missing in %s: .ci/install installs it", peers)
	}
	cmd := exec.Command(node, "testdata/peers/smsc.js")
	cmd.Env = append(os.Environ(), "NYOTA_PEERS="+peers)
	cmd.Stderr = testWriter{t}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &npmSMSC{t: t, in: in, pdus: make(chan peerPDU, 1000)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := json.NewDecoder(out)
		for {
			var p peerPDU
			if lines.Decode(&p) != nil {
				_ = cmd.Wait()
				return
			}
			s.pdus <- p
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	s.addr = fmt.Sprintf("127.0.0.1:%d", s.next("").Listening)
	return s
}

// next is the next PDU of a kind; those of other kinds are passed over.
func (s *npmSMSC) next(kind string) peerPDU {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case p := <-s.pdus:
			if p.PDU == "error" {
				s.t.Errorf("the peer found an error: %+v", p)
			}
			if p.PDU == kind {
				return p
			}
		case <-timeout:
			s.t.Fatalf("no %s came", kind)
		}
	}
}

func (s *npmSMSC) deliver(op, session, sequence int, text string) {
	s.t.Helper()
	line, err := json.Marshal(map[string]any{"source": payer, "destination": "*150*00#", "text": text,
		"op": op, "session": session, "sequence": sequence})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		s.t.Fatal(err)
	}
}

func TestPaymentOverNPMsSMPP(t *testing.T) {
	peer := startNPM(t)
	cfg := testConfig(t)
	cfg.Simulator.SMPP = ""
	cfg.SMPP.Links[0].Address, cfg.SMPP.Links[0].Hints = peer.addr, "off"
	g := startGateway(t, cfg)
	if p := peer.next("bind_transceiver"); p.SystemID != "nyota" {
		t.Errorf("bind %+v", p)
	}
	const session = 41
	steps := []struct {
		op         int
		text, says string
	}{
		{1, "*150*00#", "Send money"}, {18, "1", "phone number"}, {18, "0700000002", "Enter amount"},
		{18, "5000", "Enter PIN"}, {18, testPIN, "confirmed"},
	}
	var reference string
	var sms []peerPDU
	for i, s := range steps {
		peer.deliver(s.op, session, i, s.text)
		// The payment's SMS may overtake its last screen.
		screen := peer.next("submit_sm")
		for screen.Op == nil {
			sms = append(sms, screen)
			screen = peer.next("submit_sm")
		}
		op, info := 2, []int{session, i << 1}
		if i == len(steps)-1 {
			op, info[1] = 17, info[1]|1
		}
		if *screen.Op != op || !slices.Equal(screen.Info, info) {
			t.Errorf("step %d: op %d info %v, want %d %v", i, *screen.Op, screen.Info, op, info)
		}
		got := screen.text(t)
		if !strings.Contains(got, s.says) || screen.Destination != payer || screen.DCS != 15 {
			t.Errorf("step %d: %+v %q, want %q", i, screen, got, s.says)
		}
		reference, _, _ = strings.Cut(got, " ")
	}
	for len(sms) < 2 {
		sms = append(sms, peer.next("submit_sm"))
	}
	slices.SortFunc(sms, func(a, b peerPDU) int { return strings.Compare(a.Destination, b.Destination) })
	for i, to := range []string{payer, payee} {
		if got := sms[i].text(t); sms[i].Op != nil || sms[i].Info != nil || sms[i].Destination != to || sms[i].DCS != 0 ||
			!strings.HasPrefix(got, reference+" ") || sms[i].Source != "NYOTA" {
			t.Errorf("SMS %+v %q", sms[i], got)
		}
	}
	if all := effects(t, g.Addr("simulator.core")); len(all) != 1 || all[0].Times != 1 {
		t.Errorf("effects %+v", all)
	}
}

func TestKeywordBySMSOverNPMsSMPP(t *testing.T) {
	peer := startNPM(t)
	cfg := testConfig(t)
	cfg.Simulator.SMPP = ""
	cfg.SMPP.Links[0].Address, cfg.SMPP.Links[0].Hints = peer.addr, "off"
	startGateway(t, cfg)
	peer.next("bind_transceiver")
	peer.deliver(0, 0, 0, "PESA 1 0700000002 5000")
	for range 2 {
		if p := peer.next("deliver_sm_resp"); p.Status != 0 {
			t.Errorf("a part is refused: %+v", p)
		}
	}
	p := peer.next("submit_sm")
	if got := p.text(t); p.Op != nil || p.Destination != payer || p.Source != "*150*00#" || !strings.Contains(got, "dial *150*00*1*0700000002*5000#") {
		t.Errorf("%+v %q", p, got)
	}
}
