package ussd

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

func dialect(t *testing.T, name string) Dialect {
	t.Helper()
	all := Dialects()
	i := slices.IndexFunc(all, func(d Dialect) bool { return d.Name == name })
	if i < 0 {
		t.Fatalf("no dialect %s", name)
	}
	return all[i]
}

func TestDialectsReadTheNetworksEvents(t *testing.T) {
	op := func(n uint8) pdu.TLVs { var s pdu.TLVs; s.AddUint8(pdu.TagUSSDServiceOp, n); return s }
	with := func(s pdu.TLVs, tag pdu.Tag, v ...byte) pdu.TLVs { s.Add(tag, v); return s }
	info, ref := pdu.TagITSSessionInfo, pdu.TagUserMessageReference
	for _, tc := range []struct {
		name, dialect, service, typed string
		tlvs                          pdu.TLVs
		kind                          dialog.Kind
		id                            string
		seq                           uint8
	}{
		{"always-2 is read as standard", "always-2", "", "", with(op(18), info, 7, 6), dialog.Answer, "7", 3},
		{"a wide id", "wide-id", "", "", with(op(1), info, 0x81, 0x02), dialog.Dial, "16513", 0},
		{"a wide id with the end bit", "wide-id", "", "", with(op(18), info, 0x81, 0x03), dialog.Abort, "16513", 0},
		{"a reference has no end bit", "reference", "", "", with(op(18), ref, 0x01, 0x01), dialog.Answer, "257", 0},
		{"its end is an operation", "reference", "", "", with(op(0x81), ref, 0, 9), dialog.Abort, "9", 0},
		{"letters dial", "service-type", "PSSRI", "", with(nil, info, 7, 0), dialog.Dial, "7", 0},
		{"letters answer", "service-type", "USSRC", "", with(nil, info, 7, 2), dialog.Answer, "7", 1},
		{"letters abort", "service-type", "USREL", "", nil, dialog.Abort, "", 0},
		{"the end bit counts beside letters", "service-type", "USSRC", "", with(nil, info, 7, 3), dialog.Abort, "7", 1},
		{"no session: the operation says it", "none", "", "", op(18), dialog.Answer, "", 0},
		{"and session info is not looked at", "none", "", "", with(op(1), info, 7, 1), dialog.Dial, "", 0},
		{"nothing but service_type: a code dials", "none", "USSD", "*150*00#", nil, dialog.Dial, "", 0},
		{"nothing but service_type: all else answers", "none", "USSD", "1", nil, dialog.Answer, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := dialect(t, tc.dialect)
			m := &pdu.DeliverSM{ServiceType: []byte(tc.service), ShortMessage: []byte(tc.typed), TLVs: tc.tlvs}
			if !d.carries(m) {
				t.Error("it is taken for an SMS")
			}
			e, err := d.read(m)
			if err != nil || e.kind != tc.kind || e.id != tc.id || e.sequence != tc.seq {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

func TestDialectsTellSMSFromUSSD(t *testing.T) {
	for _, d := range Dialects() {
		if d.carries(&pdu.DeliverSM{ShortMessage: []byte("PESA")}) {
			t.Errorf("%s takes an SMS for a dialogue", d.Name)
		}
	}
	letters := dialect(t, "service-type")
	if _, err := letters.read(&pdu.DeliverSM{ServiceType: []byte("CMT")}); err == nil {
		t.Error("CMT means something")
	}
}

func TestDialectsMarkQuestionsAndTheEnd(t *testing.T) {
	for _, tc := range []struct {
		dialect           string
		askOp, endOp      int // -1: none
		askType, endType  string
		tag               pdu.Tag
		came, asked, told [2]byte
	}{
		{"always-2", 2, 2, "USSD", "USSD", pdu.TagITSSessionInfo, [2]byte{7, 6}, [2]byte{7, 6}, [2]byte{7, 7}},
		{"wide-id", 2, 0x17, "USSD", "USSD", pdu.TagITSSessionInfo, [2]byte{0x81, 2}, [2]byte{0x81, 2}, [2]byte{0x81, 3}},
		{"reference", 2, 17, "USSD", "USSD", pdu.TagUserMessageReference, [2]byte{1, 1}, [2]byte{1, 1}, [2]byte{1, 1}},
		{"service-type", -1, -1, "USSRR", "PSSRR", pdu.TagITSSessionInfo, [2]byte{7, 6}, [2]byte{7, 6}, [2]byte{7, 7}},
		{"none", 2, 17, "USSD", "USSD", 0, [2]byte{7, 6}, [2]byte{}, [2]byte{}},
	} {
		t.Run(tc.dialect, func(t *testing.T) {
			d := dialect(t, tc.dialect)
			var e event
			var came pdu.TLVs
			if tc.tag != 0 {
				came.Add(tc.tag, tc.came[:])
			}
			d.readID(&e, came)
			for _, end := range []bool{false, true} {
				op, letters, info := tc.askOp, tc.askType, tc.asked
				if end {
					op, letters, info = tc.endOp, tc.endType, tc.told
				}
				s := pdu.SubmitSM{ServiceType: []byte(d.ServiceType)}
				d.mark(&s, e, end)
				got, has := s.TLVs.Uint8(pdu.TagUSSDServiceOp)
				if string(s.ServiceType) != letters || has != (op >= 0) || has && int(got) != op {
					t.Errorf("end %v: service_type %s, op %d %v", end, s.ServiceType, got, has)
				}
				echoed, has := s.TLVs.Get(tc.tag)
				if has != (tc.tag != 0) || has && [2]byte(echoed) != info {
					t.Errorf("end %v: echoed %v", end, echoed)
				}
			}
		})
	}
}

func TestScreensAreWrittenInTheNetworksAlphabet(t *testing.T) {
	inDefault := Standard()
	inDefault.GSM, inDefault.UCS2 = 0, 8
	cbs := Standard()
	cbs.GSM, cbs.UCS2, cbs.CBS = 0x01, 0x48, true // English of 3GPP TS 23.038 section 5
	for _, tc := range []struct {
		name    string
		dialect Dialect
		coding  text.Coding
		r       dialog.Reply
		dcs     uint8
		octets  string
	}{
		{"GSM 7-bit", Standard(), text.Coding{}, dialog.Reply{Text: "a@£"}, 0x0F, "a\x00\x01"},
		{"UCS-2", Standard(), text.Coding{}, dialog.Reply{Text: "ሰ", UCS2: true}, 0x48, "\x12\x30"},
		{"0 is Latin-1", inDefault, text.Coding{Default: text.Latin1}, dialog.Reply{Text: "a@£"}, 0, "a@\xA3"},
		{"0 is ASCII, and UCS-2 has the rest", inDefault, text.Coding{Default: text.ASCII}, dialog.Reply{Text: "£"}, 8, "\x00\xA3"},
		{"too long for UCS-2", inDefault, text.Coding{Default: text.ASCII}, dialog.Reply{Text: "£" + strings.Repeat("a", 80)}, 0, "?" + strings.Repeat("a", 80)},
		{"packed", Standard(), text.Coding{Packed: true}, dialog.Reply{Text: "hellohello"}, 0x0F, "\xE8\x32\x9B\xFD\x46\x97\xD9\xEC\x37"},
		{"a coding scheme of USSD", cbs, text.Coding{}, dialog.Reply{Text: "a@"}, 0x01, "a\x00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := New(t.Context(), Config{Dialect: tc.dialect, Coding: tc.coding, Limits: menus.Limits{Septets: 182, UCS2: 80},
				Concurrent: 1, Log: slog.New(slog.DiscardHandler)})
			defer c.Close()
			var s pdu.SubmitSM
			c.encode(nil, &s, tc.r)
			if s.DataCoding != tc.dcs || string(s.ShortMessage) != tc.octets {
				t.Errorf("data_coding %#x, % x", s.DataCoding, s.ShortMessage)
			}
		})
	}
}
