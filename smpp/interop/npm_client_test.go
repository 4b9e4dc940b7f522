package interop_test

import (
	"errors"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// bindNPM starts npm's smpp as an ESME and binds it.
func bindNPM(t *testing.T, c *centre, command string) (*npm, object) {
	t.Helper()
	peer := connectNPM(t, c.r.port)
	return peer, peer.do(command, object{"system_id": "npm", "password": "secret", "system_type": "WEB",
		"interface_version": 0x34, "addr_ton": 1, "addr_npi": 1, "address_range": "^15"})
}

func TestNPMClientBindsInEachWay(t *testing.T) {
	t.Parallel()
	needNPM(t)
	c := startCentre(t, smpp.Config{EnquireInterval: 50 * time.Millisecond})
	for _, bind := range binds {
		t.Run(bind.name, func(t *testing.T) {
			peer, resp := bindNPM(t, c, bind.name)
			has(t, resp, object{"command": bind.name + "_resp", "command_status": 0, "system_id": "nyota-smsc", "sc_interface_version": 0x34})
			conn := c.session(t, bind.id)
			if b := conn.Bound(); b.SystemID != "npm" || b.Password != "" || b.SystemType != "WEB" || b.AddressRange != "^15" || conn.InterfaceVersion() != 0x34 {
				t.Errorf("bound by %+v", b)
			}
			peer.request("enquire_link") // ours
			if got := peer.do("enquire_link", nil); got["command"] != "enquire_link_resp" {
				t.Errorf("its enquire_link got %v", got)
			}
			resp = peer.do("submit_sm", object{"source_addr": "npm", "destination_addr": customer, "short_message": "one"})
			if bind.sends {
				has(t, resp, object{"command": "submit_sm_resp", "command_status": 0})
				request[*pdu.SubmitSM](t, c)
			} else if resp["command_status"] != float64(pdu.StatusInvBndSts) {
				t.Errorf("a receiver submits: %v", resp)
			}
			if bind.listens {
				do[*pdu.DeliverSMResp](t, conn, deliverOf(message{short: []byte("two")}))
				has(t, peer.request("deliver_sm"), object{"source_addr": customer, "destination_addr": shortCode})
			} else if _, err := conn.Do(t.Context(), deliverOf(message{})); !errors.Is(err, smpp.ErrNotBound) || !errors.Is(err, smpp.ErrNotSent) {
				t.Errorf("a transmitter is delivered to: %v", err)
			}
			if got := peer.do("unbind", nil); got["command"] != "unbind_resp" {
				t.Errorf("its unbind got %v", got)
			}
			if err := c.over(t, conn); !errors.Is(err, smpp.ErrUnbound) {
				t.Errorf("ended by %v", err)
			}
		})
	}
	t.Run("with a wrong password", func(t *testing.T) {
		peer := connectNPM(t, c.r.port)
		has(t, peer.do("bind_transceiver", object{"system_id": "npm", "password": "guess"}), object{"command_status": int(pdu.StatusInvPaswd)})
		peer.closed()
	})
	t.Run("without interface_version, as before 3.4", func(t *testing.T) {
		peer := connectNPM(t, c.r.port)
		resp := peer.do("bind_transceiver", object{"system_id": "npm", "password": "secret", "interface_version": 0})
		has(t, resp, object{"command_status": 0, "system_id": "nyota-smsc"})
		if v, has := resp["sc_interface_version"]; has {
			t.Errorf("an optional parameter for it: %v", v)
		}
		unbind(t, c.session(t, pdu.IDBindTransceiver))
		peer.request("unbind")
		peer.closed()
	})
	c.r.check(t)
}

func TestWeReadMessagesOfNPMClient(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{})
	peer, _ := bindNPM(t, c, "bind_transceiver")
	conn := c.session(t, pdu.IDBindTransceiver)
	j := newJoiner(npmCoding)
	eachMessage(t, func(t *testing.T, s, carrier string, ref uint16) {
		for _, p := range npmParts(t, s, carrier, ref) {
			p["source_addr"], p["destination_addr"] = shortCode, customer
			has(t, peer.do("submit_sm", p), object{"command": "submit_sm_resp", "command_status": 0})
		}
		if got := j.whole(t, func() message { return ofSubmit(request[*pdu.SubmitSM](t, c)) }); got != s {
			t.Errorf("got %q\nwant %q", got, s)
		}
	})
	unbind(t, conn)
	c.r.check(t)
}

func TestNPMClientReadsOurMessages(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{})
	peer, _ := bindNPM(t, c, "bind_receiver")
	conn := c.session(t, pdu.IDBindReceiver)
	eachMessage(t, func(t *testing.T, s, carrier string, ref uint16) {
		for _, m := range carry(t, s, carrier, ref) {
			do[*pdu.DeliverSMResp](t, conn, deliverOf(m))
		}
		if got := npmText(t, func() object { return peer.request("deliver_sm") }); got != s {
			t.Errorf("got %q\nwant %q", got, s)
		}
	})
	unbind(t, conn)
	c.r.check(t)
}

func TestNPMClientIsAnsweredOnEveryRequest(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{})
	peer, _ := bindNPM(t, c, "bind_transceiver")
	conn := c.session(t, pdu.IDBindTransceiver)

	t.Run("submit_sm with times and optional parameters", func(t *testing.T) {
		has(t, peer.do("submit_sm", object{"destination_addr": customer, "short_message": octets([]byte{0, 255}), "data_coding": 4,
			"service_type": "CMT", "schedule_delivery_time": object{"date": "2026-11-24T05:30:00.000Z"}, "validity_period": "0430",
			"registered_delivery": 1, "user_message_reference": 7, "ussd_service_op": 2}),
			object{"message_id": "a1"})
		b := request[*pdu.SubmitSM](t, c)
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		at, errAt := pdu.ParseTime(b.ScheduleDeliveryTime, now)
		until, errUntil := pdu.ParseTime(b.ValidityPeriod, now)
		if errAt != nil || errUntil != nil || !at.Equal(time.Date(2026, 11, 24, 5, 30, 0, 0, time.UTC)) || !until.Equal(now.Add(4*time.Minute+30*time.Second)) {
			t.Errorf("times %q %q: %v %v", b.ScheduleDeliveryTime, b.ValidityPeriod, at, until)
		}
		ref, _ := b.TLVs.Uint16(pdu.TagUserMessageReference)
		op, _ := b.TLVs.Uint8(pdu.TagUSSDServiceOp)
		if string(b.ShortMessage) != "\x00\xff" || b.DataCoding != 4 || string(b.ServiceType) != "CMT" || b.RegisteredDelivery != 1 || ref != 7 || op != 2 {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("an error", func(t *testing.T) {
		has(t, peer.do("submit_sm", object{"destination_addr": "throttled", "short_message": "x"}),
			object{"command": "submit_sm_resp", "command_status": int(pdu.StatusThrottled)})
		request[*pdu.SubmitSM](t, c)
	})
	t.Run("submit_multi", func(t *testing.T) {
		has(t, peer.do("submit_multi", object{"short_message": "to all", "dest_address": []object{
			{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": customer}, {"dl_name": "agents"}}}),
			object{"unsuccess_sme": []object{{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": "255700000009", "error_status_code": 11}}})
		b := request[*pdu.SubmitMulti](t, c)
		if len(b.DestAddresses) != 2 || string(b.DestAddresses[0].Address) != customer || string(b.DestAddresses[1].DLName) != "agents" {
			t.Errorf("got %+v", b.DestAddresses)
		}
	})
	t.Run("data_sm", func(t *testing.T) {
		has(t, peer.do("data_sm", object{"destination_addr": customer, "message_payload": octets([]byte("payload"))}), object{"command_status": 0})
		if v, _ := request[*pdu.DataSM](t, c).TLVs.Get(pdu.TagMessagePayload); string(v) != "payload" {
			t.Errorf("got %q", v)
		}
	})
	t.Run("query_sm", func(t *testing.T) {
		has(t, peer.do("query_sm", object{"message_id": "a1"}), object{"message_id": "a1", "message_state": 2, "error_code": 3,
			"final_date": object{"date": "2026-11-23T12:34:56.000Z"}})
		request[*pdu.QuerySM](t, c)
	})
	t.Run("replace_sm", func(t *testing.T) {
		has(t, peer.do("replace_sm", object{"message_id": "a1", "short_message": octets([]byte("new"))}), object{"command_status": 0})
		if b := request[*pdu.ReplaceSM](t, c); string(b.ShortMessage) != "new" {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("cancel_sm", func(t *testing.T) {
		has(t, peer.do("cancel_sm", object{"message_id": "a1", "destination_addr": customer}), object{"command_status": 0})
		request[*pdu.CancelSM](t, c)
	})
	t.Run("broadcast_sm and its family", func(t *testing.T) {
		// Without broadcast_rep_num: tshark 4.0 reads beyond its two octets.
		has(t, peer.do("broadcast_sm", object{"message_id": "b1", "message_payload": octets([]byte("all"))}), object{"command_status": 0})
		if v, _ := request[*pdu.BroadcastSM](t, c).TLVs.Get(pdu.TagMessagePayload); string(v) != "all" {
			t.Errorf("message_payload %q", v)
		}
		has(t, peer.do("query_broadcast_sm", object{"message_id": "b1"}), object{"command_status": 0})
		request[*pdu.QueryBroadcastSM](t, c)
		has(t, peer.do("cancel_broadcast_sm", object{"message_id": "b1"}), object{"command_status": 0})
		request[*pdu.CancelBroadcastSM](t, c)
	})
	t.Run("alert_notification to it", func(t *testing.T) {
		b := &pdu.AlertNotification{SourceAddrTON: 1, SourceAddr: []byte(customer), ESMEAddr: []byte(shortCode)}
		b.TLVs.AddUint8(pdu.TagMSAvailabilityStatus, 1)
		if _, err := conn.Do(t.Context(), b); err != nil {
			t.Error(err)
		}
		has(t, peer.request("alert_notification"), object{"source_addr": customer, "esme_addr": shortCode, "ms_availability_status": 1})
	})
	unbind(t, conn)
	c.r.check(t)
}

func TestNPMClientReadsOurReceipts(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{})
	peer, _ := bindNPM(t, c, "bind_transceiver")
	conn := c.session(t, pdu.IDBindTransceiver)
	resp := peer.do("submit_sm", object{"source_addr": "npm", "destination_addr": customer, "short_message": "Habari", "registered_delivery": 1})
	id, _ := resp["message_id"].(string)
	b := request[*pdu.SubmitSM](t, c)
	do[*pdu.DeliverSMResp](t, conn, receiptFor(b, id, pdu.StateDelivered, true))
	has(t, peer.request("deliver_sm"), object{"esm_class": pdu.ESMTypeReceipt, "source_addr": customer, "destination_addr": "npm",
		"receipted_message_id": id, "message_state": pdu.StateDelivered, "short_message": object{"message": "id:" + id +
			" sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:DELIVRD err:000 text:Habari"}})
	unbind(t, conn)
	c.r.check(t)
}

func TestNPMClientThatIsKilledBindsAgain(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{})
	peer, _ := bindNPM(t, c, "bind_transceiver")
	conn := c.session(t, pdu.IDBindTransceiver)
	peer.kill()
	if err := c.over(t, conn); err == nil || errors.Is(err, smpp.ErrUnbound) {
		t.Errorf("ended by %v", err)
	}
	if _, err := conn.Do(t.Context(), deliverOf(message{short: []byte("x")})); !errors.Is(err, smpp.ErrNotSent) {
		t.Errorf("to a dead peer: %v", err)
	}
	peer, resp := bindNPM(t, c, "bind_transceiver")
	has(t, resp, object{"command_status": 0})
	conn = c.session(t, pdu.IDBindTransceiver)
	do[*pdu.DeliverSMResp](t, conn, deliverOf(message{short: []byte("x")}))
	peer.request("deliver_sm")
	unbind(t, conn)
	c.r.check(t)
}
