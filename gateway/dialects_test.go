package main

import (
	"context"
	"strings"
	"testing"

	"nyota/gateway/config"
	"nyota/smpp/pdu"
)

func TestDialoguesRunInEveryDialect(t *testing.T) {
	type marks struct {
		service string
		op      int // -1: none
		tag     pdu.Tag
		info    [2]byte
	}
	info, ref := pdu.TagITSSessionInfo, pdu.TagUserMessageReference
	for _, tc := range []struct {
		name           string
		dials, answers marks
		asked, ended   marks
		own            config.Dialect
		alphabet       string
		dcs            uint8
	}{
		{"standard", marks{"USSD", 1, info, [2]byte{7, 0}}, marks{"USSD", 18, info, [2]byte{7, 2}},
			marks{"USSD", 2, info, [2]byte{7, 0}}, marks{"USSD", 17, info, [2]byte{7, 3}}, config.Dialect{}, "gsm", 0x0F},
		{"always-2", marks{"USSD", 1, info, [2]byte{7, 0}}, marks{"USSD", 18, info, [2]byte{7, 2}},
			marks{"USSD", 2, info, [2]byte{7, 0}}, marks{"USSD", 2, info, [2]byte{7, 3}}, config.Dialect{}, "gsm", 0x0F},
		{"wide-id", marks{"USSD", 1, info, [2]byte{7, 2}}, marks{"USSD", 18, info, [2]byte{7, 2}},
			marks{"USSD", 2, info, [2]byte{7, 2}}, marks{"USSD", 0x17, info, [2]byte{7, 3}}, config.Dialect{}, "gsm", 0x0F},
		{"reference", marks{"USSD", 1, ref, [2]byte{7, 1}}, marks{"USSD", 18, ref, [2]byte{7, 1}},
			marks{"USSD", 2, ref, [2]byte{7, 1}}, marks{"USSD", 17, ref, [2]byte{7, 1}}, config.Dialect{}, "gsm", 0x0F},
		{"service-type", marks{"PSSRI", -1, info, [2]byte{7, 0}}, marks{"USSRC", -1, info, [2]byte{7, 2}},
			marks{"USSRR", -1, info, [2]byte{7, 0}}, marks{"PSSRR", -1, info, [2]byte{7, 3}}, config.Dialect{}, "gsm", 0x0F},
		{"none", marks{"USSD", -1, 0, [2]byte{}}, marks{"USSD", -1, 0, [2]byte{}},
			marks{"USSD", 2, 0, [2]byte{}}, marks{"USSD", 17, 0, [2]byte{}}, config.Dialect{}, "gsm", 0x0F},
		{"of the operator's own", marks{"", 40, info, [2]byte{7, 0}}, marks{"", 41, info, [2]byte{7, 2}},
			marks{"MENU", 42, info, [2]byte{7, 0}}, marks{"MENU", 43, info, [2]byte{7, 3}},
			config.Dialect{Name: "of the operator's own", ServiceType: "MENU", Start: []string{"40"}, Answer: []string{"41"}, Ask: "42", End: "43", DCS: "0"}, "latin1", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := startOperator(t)
			cfg := testConfig(t)
			cfg.Simulator.SMPP = ""
			l := &cfg.SMPP.Links[0]
			l.Address, l.Hints, l.USSD, l.Alphabet = o.addr, "off", tc.name, tc.alphabet
			if tc.own.Name != "" {
				cfg.SMPP.Dialects = []config.Dialect{tc.own}
			}
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			startGateway(t, cfg)
			bind := <-o.binds
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			send := func(typed string, m marks) {
				d := &pdu.DeliverSM{ServiceType: []byte(m.service), SourceAddr: []byte(payer), DestinationAddr: []byte("*150*00#"),
					ShortMessage: []byte(typed), DataCoding: tc.dcs}
				if m.op >= 0 {
					d.TLVs.AddUint8(pdu.TagUSSDServiceOp, uint8(m.op))
				}
				if m.tag != 0 {
					d.TLVs.Add(m.tag, m.info[:])
				}
				if _, err := bind.Do(ctx, d); err != nil {
					t.Fatal(err)
				}
			}
			shown := func(says string, m marks) {
				t.Helper()
				s := <-o.got
				op, has := s.TLVs.Uint8(pdu.TagUSSDServiceOp)
				session, hasSession := s.TLVs.Get(m.tag)
				if string(s.ServiceType) != m.service || has != (m.op >= 0) || has && int(op) != m.op ||
					hasSession != (m.tag != 0) || hasSession && [2]byte(session) != m.info || s.DataCoding != tc.dcs {
					t.Errorf("%q is marked %s, op %d, %v, data_coding %d", s.ShortMessage, s.ServiceType, op, session, s.DataCoding)
				}
				if !strings.Contains(string(s.ShortMessage), says) {
					t.Errorf("the screen says %q, not %q", s.ShortMessage, says)
				}
			}
			send("*150*00#", tc.dials)
			shown("Send money", tc.asked)
			wrong := []string{"71", "72", "73", "74", "75"} // the menu gives up after five
			for i, typed := range wrong {
				send(typed, tc.answers)
				if i == len(wrong)-1 {
					shown("Too many wrong entries", tc.ended)
					break
				}
				again := tc.asked
				if again.tag == info {
					again.info = tc.answers.info
				}
				shown("Wrong choice", again)
			}
		})
	}
}
