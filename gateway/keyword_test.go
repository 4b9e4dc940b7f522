package main

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"nyota/gateway/config"
	"nyota/gateway/simulator"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// writes sends an SMS to the gateway, and returns the n-th of the inbox.
func writes(t *testing.T, h local, words string, n int) simulator.SMS {
	t.Helper()
	if err := h.SendSMS(t.Context(), "15000", words); err != nil {
		t.Fatal(err)
	}
	return inbox(t, h, n)[n-1]
}

func says(t *testing.T, m simulator.SMS, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the SMS says %q, not %q", m.Text, want)
		}
	}
	if m.From != "15000" {
		t.Errorf("it comes from %s", m.From)
	}
}

func TestKeywordBySMSLeadsThroughItsMenuUpToTheSecret(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	says(t, writes(t, h, "pesa", 1), "Nyota Pesa", "1 Send money", "5 Balance")
	says(t, writes(t, h, "1", 2), "phone number")
	says(t, writes(t, h, "0700000002", 3), "Enter amount")
	last := writes(t, h, "5000", 4)
	says(t, last, "dial *150*00#", "Never send your PIN by SMS")
	if strings.Contains(last.Text, "Enter PIN") {
		t.Errorf("a secret is asked for: %q", last.Text)
	}
	// The dialogue is over: a PIN that is sent all the same is nobody's answer.
	if err := h.SendSMS(t.Context(), "15000", testPIN); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what answers nothing is left alone", func() bool { return g.networks[0].inbox.Stats().Ignored == 1 })
	inbox(t, h, 4)
	if all := effects(t, g.Addr("simulator.core")); len(all) != 0 {
		t.Errorf("effects %+v", all)
	}
}

func TestKeywordWithAShortcutNamesTheStringToDial(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	says(t, writes(t, h, "PESA 1  0700000002 5000", 1), "dial *150*00*1*0700000002*5000#")
	says(t, writes(t, h, "PESA and more", 2), "1 Send money") // no shortcut: the menu begins
	says(t, writes(t, h, "WAKALA", 3), "Deposit")
}

func TestDialoguesBySMSAndUSSDOfOneCustomerDoNotMeet(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	if err := h.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	shows(t, h, "Send money")
	says(t, writes(t, h, "PESA", 1), "Send money")
	key(t, h, "1", "Send money")
	shows(t, h, "phone number")
	says(t, writes(t, h, "6", 2), "PIN") // the statement, by SMS
	key(t, h, "0700000002", "phone number")
	shows(t, h, "Enter amount")
}

func TestSMSThatIsNoKeywordIsLeftAlone(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	for _, words := range []string{"hello", "1", " ", "PESAPESA", strings.Repeat("x", 400)} {
		if err := h.SendSMS(t.Context(), "15000", words); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
	eventually(t, "all are left alone", func() bool { return g.networks[0].inbox.Stats().Ignored == 5 })
	inbox(t, h, 0)
}

// operator is a message centre of the test's own.
type operator struct {
	t     *testing.T
	srv   *smpp.Server
	addr  string
	binds chan *smpp.Conn
	got   chan submitted
}

// submitted is a submit_sm and the id that it was given.
type submitted struct {
	*pdu.SubmitSM
	id string
}

func startOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{t: t, binds: make(chan *smpp.Conn, 8), got: make(chan submitted, 64)}
	var ids atomic.Uint64
	o.srv = &smpp.Server{OnBound: func(c *smpp.Conn) { o.binds <- c }}
	o.srv.Config.Handler = smpp.HandlerFunc(func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		s, ok := p.Body.(*pdu.SubmitSM)
		if !ok {
			return nil, pdu.StatusInvCmdID
		}
		id := strconv.FormatUint(ids.Add(1), 10)
		o.got <- submitted{s.Clone(), id}
		return &pdu.SubmitSMResp{MessageID: []byte(id)}, 0
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = ln.Addr().String()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = o.srv.Serve(ln) }()
	t.Cleanup(func() { _ = o.srv.Close(); <-ended })
	return o
}

func TestLongSMSComesInAnyFormAndOrderOverAllLinksOfItsNetwork(t *testing.T) {
	o := startOperator(t)
	cfg := testConfig(t)
	cfg.Simulator.SMPP = ""
	one := cfg.SMPP.Links[0]
	one.Address, one.Hints, one.Alphabet = o.addr, "off", "latin1"
	two := one
	two.Name = "second"
	cfg.SMPP.Links = []config.Link{one, two}
	startGateway(t, cfg)
	binds := []*smpp.Conn{<-o.binds, <-o.binds}

	part := func(words string, dcs byte) *pdu.DeliverSM {
		octets, err := (text.Coding{Default: text.Latin1}).Encode(nil, words, dcs)
		if err != nil {
			t.Fatal(err)
		}
		return &pdu.DeliverSM{SourceAddrTON: 1, SourceAddrNPI: 1, SourceAddr: []byte(payer),
			DestinationAddr: []byte("15000"), DataCoding: dcs, ShortMessage: octets}
	}
	header := func(d *pdu.DeliverSM, octets ...byte) *pdu.DeliverSM {
		d.ESMClass, d.ShortMessage = esmUDHI, append(octets, d.ShortMessage...)
		return d
	}
	sar := func(d *pdu.DeliverSM, seq uint8) *pdu.DeliverSM { d.TLVs.AddSAR(7, 2, seq); return d }
	payload := part("", 0)
	payload.TLVs.Add(pdu.TagMessagePayload, []byte("PESA "+strings.Repeat("\xE9", 300)))
	data := &pdu.DataSM{SourceAddr: []byte(payer), DestinationAddr: []byte("15000"), DataCoding: 8}
	data.TLVs.Add(pdu.TagMessagePayload, text.EncodeUCS2(nil, "wakala"))
	// The menus take turns: the same word again within two seconds is delivered twice.
	for i, tc := range []struct {
		name string
		sent []pdu.Body
	}{
		{"one part in Latin-1", []pdu.Body{part("PESA é", 0)}},
		{"8-bit references, the last part first", []pdu.Body{
			header(part("KALA é", 0), 5, 0, 3, 9, 2, 2), header(part("WA", 0), 5, 0, 3, 9, 2, 1)}},
		{"16-bit references and UCS-2", []pdu.Body{
			header(part("PE", 8), 6, 8, 4, 1, 9, 2, 1), header(part("SA ሰ", 8), 6, 8, 4, 1, 9, 2, 2)}},
		{"sar_*", []pdu.Body{sar(part("KALA", 0), 2), sar(part("WA", 0), 1)}},
		{"message_payload", []pdu.Body{payload}},
		{"data_sm", []pdu.Body{data}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for i, b := range tc.sent { // each over another bind
				if _, err := binds[i%2].Do(ctx, b); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case s := <-o.got:
				words := text.Coding{Default: text.Latin1}.Decode(s.ShortMessage, s.DataCoding)
				if !strings.Contains(words, []string{"Send money", "Deposit"}[i%2]) || string(s.SourceAddr) != "15000" || string(s.DestinationAddr) != payer || s.SourceAddrTON != 0 {
					t.Errorf("answered %q from %s to %s", words, s.SourceAddr, s.DestinationAddr)
				}
			case <-ctx.Done():
				t.Fatal("no answer")
			}
		})
	}
}

func TestSMSThatCannotBeReadCostsOnlyItsSender(t *testing.T) {
	o := startOperator(t)
	cfg := testConfig(t)
	cfg.Simulator.SMPP = ""
	cfg.SMPP.Links[0].Address, cfg.SMPP.Links[0].Hints = o.addr, "off"
	g := startGateway(t, cfg)
	bind := <-o.binds
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	from := func(addr, words string) *pdu.DeliverSM {
		return &pdu.DeliverSM{SourceAddr: []byte(addr), DestinationAddr: []byte("15000"), ShortMessage: []byte(words)}
	}
	broken := from(payer, "\x09\x00")
	broken.ESMClass = esmUDHI
	binary := from(payer, "PESA")
	binary.DataCoding = 4
	for name, tc := range map[string]struct {
		sent   *pdu.DeliverSM
		status pdu.Status
	}{
		"a header longer than the message": {broken, pdu.StatusInvEsmClass},
		"octets":                           {binary, 0},
		"a sender with a name":             {from("BANK", "PESA"), 0},
		"a short code":                     {from("15001", "PESA"), 0},
	} {
		resp, _ := bind.Do(ctx, tc.sent)
		if resp.Status != tc.status {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	if s := g.networks[0].inbox.Stats(); s.Ignored != 3 || s.Taken != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := bind.Do(ctx, from(payer, "PESA")); err != nil {
		t.Error(err)
	}
	<-o.got
}

const esmUDHI = 0x40
