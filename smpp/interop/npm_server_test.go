package interop_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// inbox is a Handler that keeps what it answers.
type inbox chan pdu.PDU

func (i inbox) ServeSMPP(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	i <- pdu.PDU{Header: p.Header, Body: pdu.Clone(p.Body)}
	if id, ok := p.ID.Response(); ok {
		return pdu.New(id), 0
	}
	return nil, 0
}

// bindTo binds to a message centre over a recorded connection.
func bindTo(t *testing.T, r *recorder, b smpp.Bind, cfg smpp.Config) (*smpp.Conn, error) {
	t.Helper()
	nc, err := r.dial(t.Context(), addr(r.port))
	if err != nil {
		t.Fatal(err)
	}
	c, err := smpp.NewConn(t.Context(), nc, b, cfg)
	if err == nil {
		t.Cleanup(func() {
			_ = c.Close()
			<-c.Done()
		})
	}
	return c, err
}

func mustBind(t *testing.T, r *recorder, b smpp.Bind, cfg smpp.Config) *smpp.Conn {
	t.Helper()
	c, err := bindTo(t, r, b, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// unbind ends a session as it should.
func unbind(t *testing.T, c *smpp.Conn) {
	t.Helper()
	if err := c.Unbind(t.Context()); err != nil {
		t.Errorf("unbind: %v", err)
	}
	if s := c.Stats(); s.Malformed+s.Refused+s.Unmatched+s.Late+s.Timeouts != 0 {
		t.Errorf("not in order: %+v", s)
	}
}

func do[T pdu.Body](t *testing.T, c *smpp.Conn, b pdu.Body) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := c.Do(ctx, b)
	if err != nil {
		t.Fatalf("%s: %v", b.ID(), err)
	}
	body, ok := p.Body.(T)
	if !ok {
		t.Fatalf("%s: answered by %s with body %T", b.ID(), p.ID, p.Body)
	}
	return body
}

var binds = []struct {
	name    string
	id      pdu.CommandID
	sends   bool
	listens bool
}{
	{"bind_transceiver", pdu.IDBindTransceiver, true, true},
	{"bind_transmitter", pdu.IDBindTransmitter, true, false},
	{"bind_receiver", pdu.IDBindReceiver, false, true},
}

var us = smpp.Bind{SystemID: "nyota", Password: "secret", SystemType: "USSD", AddrTON: 1, AddrNPI: 1, AddressRange: "^15"}

func TestNPMServerTakesEachKindOfBind(t *testing.T) {
	t.Parallel()
	r := &recorder{port: freePort(t)}
	peer := listenNPM(t, r.port)
	for _, bind := range binds {
		t.Run(bind.name, func(t *testing.T) {
			in := make(inbox, 10)
			b := us
			b.Type = bind.id
			c := mustBind(t, r, b, smpp.Config{Handler: in, EnquireInterval: 50 * time.Millisecond})
			has(t, peer.request(bind.name), object{"system_id": "nyota", "password": "secret", "system_type": "USSD",
				"interface_version": 0x34, "addr_ton": 1, "addr_npi": 1, "address_range": "^15"})
			if c.PeerSystemID() != "npm-smpp" || c.InterfaceVersion() != 0x34 {
				t.Errorf("bound to %q, version %#x", c.PeerSystemID(), c.InterfaceVersion())
			}
			peer.request("enquire_link") // ours
			if got := peer.do("enquire_link", nil); got["command"] != "enquire_link_resp" {
				t.Errorf("its enquire_link got %v", got)
			}
			if bind.sends {
				resp := do[*pdu.SubmitSMResp](t, c, submitOf(message{short: []byte("one")}))
				if !strings.HasPrefix(string(resp.MessageID), "npm-") {
					t.Errorf("message_id %q", resp.MessageID)
				}
				peer.request("submit_sm")
			} else if _, err := c.Do(t.Context(), submitOf(message{})); !errors.Is(err, smpp.ErrNotBound) || !errors.Is(err, smpp.ErrNotSent) {
				t.Errorf("a receiver submits: %v", err)
			}
			id := peer.send("deliver_sm", object{"source_addr": customer, "destination_addr": shortCode, "short_message": "two"})
			if resp := peer.reply(id); bind.listens {
				has(t, resp, object{"command": "deliver_sm_resp", "command_status": 0})
				take(t, "deliver_sm", in)
			} else if resp["command_status"] != float64(pdu.StatusInvBndSts) {
				t.Errorf("a transmitter was given %v", resp)
			}
			if bind.id != pdu.IDBindTransmitter {
				unbind(t, c)
			} else if err := c.Unbind(t.Context()); err != nil { // one was refused
				t.Error(err)
			}
			peer.request("unbind")
			peer.closed()
		})
	}
	t.Run("a wrong password", func(t *testing.T) {
		b := us
		b.Password = "wrong"
		var refused *smpp.StatusError
		if _, err := bindTo(t, r, b, smpp.Config{}); !errors.As(err, &refused) || refused.Status != pdu.StatusInvPaswd {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the server unbinds", func(t *testing.T) {
		c := mustBind(t, r, us, smpp.Config{})
		if got := peer.do("unbind", nil); got["command"] != "unbind_resp" {
			t.Errorf("answered by %v", got)
		}
		<-c.Done()
		if !errors.Is(c.Err(), smpp.ErrUnbound) {
			t.Errorf("ended by %v", c.Err())
		}
	})
	r.check(t)
}

// npmText reads what npm's smpp decoded, and puts parts together by the number
// that its own parser of user data headers found.
func npmText(t *testing.T, next func() object) string {
	t.Helper()
	var parts []string
	for left := 1; left > 0; left-- {
		p := next()
		if s, ok := at(p, "message_payload", "message").(string); ok {
			return s
		}
		s, ok := at(p, "short_message", "message").(string)
		if !ok {
			t.Fatalf("no text in %v", p)
		}
		total, seq := 1, 1
		if n, ok := p["sar_total_segments"].(float64); ok {
			total, seq = int(n), int(p["sar_segment_seqnum"].(float64))
		} else if elements, ok := at(p, "short_message", "udh").([]any); ok && len(elements) > 0 {
			e := octetsAt(t, elements[0])
			if len(e) != 5 && len(e) != 6 || int(e[1]) != len(e)-2 {
				t.Fatalf("element %x", e)
			}
			total, seq = int(e[len(e)-2]), int(e[len(e)-1])
		}
		if parts == nil {
			parts, left = make([]string, total), total
		}
		if seq < 1 || seq > len(parts) || total != len(parts) {
			t.Fatalf("part %d of %d among %d", seq, total, len(parts))
		}
		parts[seq-1] = s
	}
	return strings.Join(parts, "")
}

func TestNPMServerReadsOurMessages(t *testing.T) {
	t.Parallel()
	r := &recorder{port: freePort(t)}
	peer := listenNPM(t, r.port)
	c := mustBind(t, r, us, smpp.Config{})
	eachMessage(t, func(t *testing.T, s, carrier string, ref uint16) {
		for _, m := range carry(t, s, carrier, ref) {
			do[*pdu.SubmitSMResp](t, c, submitOf(m))
		}
		got := npmText(t, func() object {
			p := peer.request("submit_sm")
			has(t, p, object{"source_addr": "NYOTA", "source_addr_ton": 5, "destination_addr": customer, "dest_addr_ton": 1, "dest_addr_npi": 1})
			return p
		})
		if got != s {
			t.Errorf("got %q\nwant %q", got, s)
		}
	})
	unbind(t, c)
	r.check(t)
}

// npmParts lets npm's smpp encode a text: whole, or in the parts that Split cuts.
func npmParts(t *testing.T, s, carrier string, ref uint16) []object {
	t.Helper()
	if carrier == "message_payload" {
		return []object{{"message_payload": s, "short_message": octets(nil)}}
	}
	split, err := text.Split(s, text.Limits{Wide: carrier == "wide UDH"})
	if err != nil {
		t.Fatal(err)
	}
	var all []object
	for i, p := range split.Parts {
		o := object{"short_message": p.Text}
		switch {
		case len(split.Parts) == 1:
		case carrier == "sar":
			o["sar_msg_ref_num"], o["sar_total_segments"], o["sar_segment_seqnum"] = ref, len(split.Parts), i+1
		default:
			udh, err := split.Header(i, ref).Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			o["short_message"] = object{"udh": octets(udh), "message": p.Text}
		}
		all = append(all, o)
	}
	return all
}

func TestWeReadMessagesOfNPMServer(t *testing.T) {
	t.Parallel()
	r := &recorder{port: freePort(t)}
	peer := listenNPM(t, r.port)
	in := make(inbox, 100)
	c := mustBind(t, r, us, smpp.Config{Handler: in})
	j := newJoiner(npmCoding)
	eachMessage(t, func(t *testing.T, s, carrier string, ref uint16) {
		for _, p := range npmParts(t, s, carrier, ref) {
			p["source_addr"], p["destination_addr"] = customer, shortCode
			has(t, peer.do("deliver_sm", p), object{"command": "deliver_sm_resp", "command_status": 0, "message_id": ""})
		}
		got := j.whole(t, func() message { return ofDeliver(take(t, "deliver_sm", in).Body.(*pdu.DeliverSM)) })
		if got != s {
			t.Errorf("got %q\nwant %q", got, s)
		}
	})
	unbind(t, c)
	r.check(t)
}

func TestNPMServerAnswersEveryRequest(t *testing.T) {
	t.Parallel()
	r := &recorder{port: freePort(t)}
	peer := listenNPM(t, r.port)
	c := mustBind(t, r, us, smpp.Config{})
	at := time.Date(2026, 11, 24, 8, 30, 0, 0, time.FixedZone("", 3*3600))

	t.Run("submit_sm with times and every number", func(t *testing.T) {
		b := submitOf(message{short: []byte("x")})
		b.ServiceType, b.ProtocolID, b.PriorityFlag = []byte("CMT"), 1, 2
		b.ScheduleDeliveryTime, b.ValidityPeriod = pdu.AbsoluteTime(at), pdu.AbsoluteTime(at.Add(time.Hour))
		b.RegisteredDelivery, b.ReplaceIfPresent, b.SMDefaultMsgID = pdu.ReceiptAlways, 1, 3
		b.TLVs.AddUint16(pdu.TagUserMessageReference, 0x1234)
		b.TLVs.AddUint8(pdu.TagUSSDServiceOp, pdu.USSDReqUSSR)
		do[*pdu.SubmitSMResp](t, c, b)
		has(t, peer.request("submit_sm"), object{"service_type": "CMT", "protocol_id": 1, "priority_flag": 2,
			"schedule_delivery_time": object{"date": "2026-11-24T05:30:00.000Z"}, "validity_period": object{"date": "2026-11-24T06:30:00.000Z"},
			"registered_delivery": 1, "replace_if_present_flag": 1, "sm_default_msg_id": 3, "user_message_reference": 0x1234,
			"ussd_service_op": 2})
	})
	t.Run("an error without a body", func(t *testing.T) {
		b := submitOf(message{short: []byte("x")})
		b.DestinationAddr = []byte("throttled")
		var refused *smpp.StatusError
		if _, err := c.Do(t.Context(), b); !errors.As(err, &refused) || !refused.Throttled() || refused.Response.Body != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("submit_multi", func(t *testing.T) {
		resp := do[*pdu.SubmitMultiResp](t, c, &pdu.SubmitMulti{SourceAddr: []byte("NYOTA"), ShortMessage: []byte("to all"),
			DestAddresses: []pdu.DestAddress{{Flag: pdu.DestFlagSME, TON: 1, NPI: 1, Address: []byte(customer)},
				{Flag: pdu.DestFlagList, DLName: []byte("agents")}}})
		has(t, peer.request("submit_multi"), object{"source_addr": "NYOTA", "dest_address": []object{
			{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": customer}, {"dl_name": "agents"}}})
		want := pdu.UnsuccessSME{TON: 1, NPI: 1, Address: []byte("255700000009"), Status: pdu.StatusInvDstAdr}
		if len(resp.UnsuccessSMEs) != 1 || resp.UnsuccessSMEs[0].Status != want.Status || !bytes.Equal(resp.UnsuccessSMEs[0].Address, want.Address) {
			t.Errorf("got %+v", resp.UnsuccessSMEs)
		}
	})
	t.Run("data_sm", func(t *testing.T) {
		b := &pdu.DataSM{SourceAddr: []byte("NYOTA"), DestinationAddr: []byte(customer), RegisteredDelivery: 1}
		b.TLVs.Add(pdu.TagMessagePayload, []byte("payload"))
		if resp := do[*pdu.DataSMResp](t, c, b); len(resp.MessageID) == 0 {
			t.Error("no message_id")
		}
		has(t, peer.request("data_sm"), object{"destination_addr": customer, "registered_delivery": 1,
			"message_payload": object{"message": "payload"}})
	})
	t.Run("query_sm", func(t *testing.T) {
		resp := do[*pdu.QuerySMResp](t, c, &pdu.QuerySM{MessageID: []byte("npm-1"), SourceAddr: []byte("NYOTA")})
		has(t, peer.request("query_sm"), object{"message_id": "npm-1", "source_addr": "NYOTA"})
		final, err := pdu.ParseTime(resp.FinalDate, at)
		if err != nil || !final.Equal(time.Date(2026, 11, 23, 12, 34, 56, 0, time.UTC)) ||
			resp.MessageState != pdu.StateDelivered || resp.ErrorCode != 3 || string(resp.MessageID) != "npm-1" {
			t.Errorf("got %+v, final %v, %v", resp, final, err)
		}
	})
	t.Run("replace_sm", func(t *testing.T) {
		if _, err := c.Do(t.Context(), &pdu.ReplaceSM{MessageID: []byte("npm-1"), SourceAddr: []byte("NYOTA"), ShortMessage: []byte("new")}); err != nil {
			t.Error(err)
		}
		has(t, peer.request("replace_sm"), object{"message_id": "npm-1"})
	})
	t.Run("cancel_sm", func(t *testing.T) {
		if _, err := c.Do(t.Context(), &pdu.CancelSM{MessageID: []byte("npm-1"), DestinationAddr: []byte(customer)}); err != nil {
			t.Error(err)
		}
		has(t, peer.request("cancel_sm"), object{"message_id": "npm-1", "destination_addr": customer})
	})
	t.Run("alert_notification from the server", func(t *testing.T) {
		in := make(inbox, 1)
		c := mustBind(t, r, us, smpp.Config{Handler: in})
		peer.send("alert_notification", object{"source_addr": customer, "source_addr_ton": 1, "esme_addr": shortCode, "ms_availability_status": 0})
		b, ok := take(t, "alert_notification", in).Body.(*pdu.AlertNotification)
		if status, has := b.TLVs.Uint8(pdu.TagMSAvailabilityStatus); !ok || string(b.SourceAddr) != customer || string(b.ESMEAddr) != shortCode || !has || status != 0 {
			t.Errorf("got %+v", b)
		}
		unbind(t, c)
	})
	unbind(t, c)
	r.check(t)
}

func TestWeReadReceiptsOfNPMServer(t *testing.T) {
	t.Parallel()
	r := &recorder{port: freePort(t)}
	peer := listenNPM(t, r.port)
	in := make(inbox, 10)
	c := mustBind(t, r, us, smpp.Config{Handler: in})
	b := submitOf(message{short: []byte("x")})
	b.RegisteredDelivery = pdu.ReceiptAlways
	id := string(do[*pdu.SubmitSMResp](t, c, b).MessageID)
	for _, receipt := range []struct {
		name string
		p    object
	}{
		{"in text", object{"short_message": "id:" + id + " sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:DELIVRD err:000 text:x"}},
		{"in optional parameters", object{"receipted_message_id": id, "message_state": pdu.StateDelivered, "short_message": octets(nil)}},
	} {
		t.Run(receipt.name, func(t *testing.T) {
			p := receipt.p
			p["esm_class"], p["source_addr"], p["destination_addr"] = pdu.ESMTypeReceipt, customer, "NYOTA"
			peer.do("deliver_sm", p)
			d := take(t, "deliver_sm", in).Body.(*pdu.DeliverSM)
			got, ok := pdu.ParseReceipt(d, nil)
			if !ok || !pdu.IsReceipt(d.ESMClass) || got.ID != id || got.State != pdu.StateDelivered || !got.Final() {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
	unbind(t, c)
	r.check(t)
}

func TestLinkComesBackAfterNPMServerWasKilled(t *testing.T) {
	t.Parallel()
	r := &recorder{port: freePort(t)}
	peer := listenNPM(t, r.port)
	states := make(chan bool, 100)
	link := smpp.NewLink(smpp.LinkConfig{Name: "npm", Addr: addr(r.port), Bind: us, Dial: r.dial,
		MinBackoff: 20 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
		OnState: func(s smpp.LinkState) { states <- s.Bound }})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := link.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	defer running.Wait()
	defer cancel()
	bound := func() {
		t.Helper()
		for !take(t, "bind", states) {
		}
	}
	submit := func() (pdu.PDU, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return link.Do(ctx, submitOf(message{short: []byte("x")}))
	}
	bound()
	if _, err := submit(); err != nil {
		t.Error(err)
	}
	peer.kill()
	for take(t, "loss", states) {
	}
	if _, err := submit(); !errors.Is(err, smpp.ErrNotSent) {
		t.Errorf("without a server: %v", err)
	}
	peer = listenNPM(t, r.port)
	bound()
	if _, err := submit(); err != nil {
		t.Error(err)
	}
	peer.request("bind_transceiver")
	peer.request("submit_sm")
	cancel()
	running.Wait()
	peer.request("unbind")
	r.check(t)
}
