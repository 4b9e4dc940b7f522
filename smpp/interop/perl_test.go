package interop_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// perl is an ESME of Perl's Net::SMPP, as gateway/testdata/peers/esme.pl runs it.
type perl struct{ *process }

// needPerl returns the path of a perl that has Net::SMPP.
func needPerl(t *testing.T) string {
	t.Helper()
	program := need(t, "perl")
	if err := exec.CommandContext(t.Context(), program, "-MNet::SMPP", "-e1").Run(); err != nil {
		missing(t, "Perl's Net::SMPP")
	}
	return program
}

// startPerl binds, or tries to, and returns the bind's response.
func startPerl(t *testing.T, c *centre, kind, password string) (perl, map[string]string) {
	t.Helper()
	p := perl{start(t, nil, needPerl(t), script(t, "esme.pl"), strconv.Itoa(c.r.port), kind, password)}
	return p, p.said("bound")
}

// tell gives it a command.
func (p perl) tell(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		p.t.Fatal(err)
	}
}

// said returns the PDU that it names next.
func (p perl) said(name string) map[string]string {
	p.t.Helper()
	words := strings.Fields(p.line())
	if len(words) == 0 || words[0] != name {
		p.t.Fatalf("perl said %q, not %s", words, name)
	}
	fields := map[string]string{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		b, err := hex.DecodeString(v)
		if err != nil {
			p.t.Fatalf("%s: %v", w, err)
		}
		fields[k] = string(b)
	}
	return fields
}

func TestPerlBindsInEachWay(t *testing.T) {
	t.Parallel()
	needPerl(t)
	c := startCentre(t, smpp.Config{})
	for _, bind := range binds {
		t.Run(bind.name, func(t *testing.T) {
			peer, resp := startPerl(t, c, strings.TrimPrefix(bind.name, "bind_"), "secret")
			if resp["status"] != "0" || resp["system_id"] != "nyota-smsc" || resp["sc_interface_version"] != "\x34" {
				t.Errorf("bound by %q", resp)
			}
			conn := c.session(t, bind.id)
			if b := conn.Bound(); b.SystemID != "perl" || b.SystemType != "PERL" || b.AddrTON != 1 || b.AddrNPI != 1 || b.AddressRange != "15" {
				t.Errorf("bound by %+v", b)
			}
			peer.tell("enquire")
			if got := peer.said("enquired"); got["status"] != "0" {
				t.Errorf("enquire_link_resp %q", got)
			}
			peer.tell("submit %s 0 0 %x", customer, "one")
			if got := peer.said("submitted"); bind.sends && (got["status"] != "0" || got["message_id"] == "") ||
				!bind.sends && got["status"] != strconv.Itoa(int(pdu.StatusInvBndSts)) {
				t.Errorf("submit_sm_resp %q", got)
			}
			if bind.sends {
				b := request[*pdu.SubmitSM](t, c)
				if string(b.SourceAddr) != "PERL" || b.SourceAddrTON != 5 || string(b.DestinationAddr) != customer || string(b.ShortMessage) != "one" || b.RegisteredDelivery != 1 {
					t.Errorf("got %+v", b)
				}
			}
			peer.tell("unbind")
			if got := peer.said("unbound"); got["status"] != "0" {
				t.Errorf("unbind_resp %q", got)
			}
			if err := c.over(t, conn); !errors.Is(err, smpp.ErrUnbound) {
				t.Errorf("ended by %v", err)
			}
		})
	}
	t.Run("with a wrong password", func(t *testing.T) {
		if _, resp := startPerl(t, c, "transceiver", "guess"); resp["status"] != strconv.Itoa(int(pdu.StatusInvPaswd)) {
			t.Errorf("got %q", resp)
		}
	})
	c.r.check(t)
}

func TestPerlAndServerReadEachOthersMessages(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{EnquireInterval: 200 * time.Millisecond})
	peer, _ := startPerl(t, c, "transceiver", "secret")
	conn := c.session(t, pdu.IDBindTransceiver)
	// deliver lets it read one deliver_sm, and before that our enquiries.
	deliver := func(t *testing.T, b *pdu.DeliverSM) map[string]string {
		t.Helper()
		answered := make(chan error, 1)
		if err := conn.Go(t.Context(), b, func(_ pdu.PDU, err error) { answered <- err }); err != nil {
			t.Fatal(err)
		}
		for {
			peer.tell("read")
			line := peer.line()
			if strings.HasPrefix(line, "enquire_link ") {
				continue
			}
			peer.lines <- line // said reads it again: there is no other
			got := peer.said("deliver_sm")
			if err := take(t, "deliver_sm_resp", answered); err != nil {
				t.Fatal(err)
			}
			return got
		}
	}
	j, back := newJoiner(text.Coding{}), newJoiner(text.Coding{})
	eachMessage(t, func(t *testing.T, s, carrier string, ref uint16) {
		var whole string
		var done bool
		for _, m := range carry(t, s, carrier, ref) {
			short, tlvs := "-", ""
			if len(m.short) > 0 {
				short = hex.EncodeToString(m.short)
			}
			for _, tlv := range m.tlvs {
				tlvs += fmt.Sprintf(" %s=%x", tlv.Tag, tlv.Value)
			}
			peer.tell("submit %s %d %d %s%s", customer, m.esm, m.dcs, short, tlvs)
			peer.said("submitted")
			got := deliver(t, deliverOf(m))
			in := message{m.esm, m.dcs, []byte(got["short_message"]), nil}
			for _, tlv := range m.tlvs { // of those it was sent, with what it read
				if v, ok := got[tlv.Tag.String()]; ok {
					in.tlvs.Add(tlv.Tag, []byte(v))
				}
			}
			if got["esm_class"] != strconv.Itoa(int(m.esm)) || got["data_coding"] != strconv.Itoa(int(m.dcs)) || got["source_addr"] != customer {
				t.Errorf("deliver_sm %q", got)
			}
			var err error
			if whole, done, err = back.add(in); err != nil {
				t.Fatal(err)
			}
		}
		if !done || whole != s {
			t.Errorf("perl read %q, %v\nwant %q", whole, done, s)
		}
		if got := j.whole(t, func() message { return ofSubmit(request[*pdu.SubmitSM](t, c)) }); got != s {
			t.Errorf("got %q\nwant %q", got, s)
		}
	})
	t.Run("receipt", func(t *testing.T) {
		peer.tell("submit %s 0 0 %x", customer, "Habari")
		id := peer.said("submitted")["message_id"]
		got := deliver(t, receiptFor(request[*pdu.SubmitSM](t, c), id, pdu.StateDelivered, true))
		if got["esm_class"] != "4" || !strings.HasPrefix(got["short_message"], "id:"+id+" sub:001 ") ||
			got["receipted_message_id"] != id+"\x00" || got["message_state"] != "\x02" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("query", func(t *testing.T) {
		peer.tell("query a1")
		if got := peer.said("queried"); got["message_id"] != "a1" || got["final_date"] != "261123123456000+" || got["message_state"] != "2" || got["error_code"] != "3" {
			t.Errorf("got %q", got)
		}
		request[*pdu.QuerySM](t, c)
	})
	t.Run("an error", func(t *testing.T) {
		peer.tell("submit throttled 0 0 00")
		if got := peer.said("submitted"); got["status"] != strconv.Itoa(int(pdu.StatusThrottled)) {
			t.Errorf("got %q", got)
		}
	})
	peer.tell("unbind")
	peer.said("unbound")
	if err := c.over(t, conn); !errors.Is(err, smpp.ErrUnbound) {
		t.Errorf("ended by %v", err)
	}
	wellBehaved(t, conn)
	c.r.check(t)
}

func TestPerlIsUnboundByServer(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{})
	peer, _ := startPerl(t, c, "receiver", "secret")
	conn := c.session(t, pdu.IDBindReceiver)
	peer.tell("read")
	unbind(t, conn)
	peer.said("unbind")
	c.r.check(t)
}
