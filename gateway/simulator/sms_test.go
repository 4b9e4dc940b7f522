package simulator

import (
	"strings"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// sms makes a submitted short message.
func sms(msisdn, s string) *pdu.SubmitSM {
	b := &pdu.SubmitSM{
		SourceAddrTON: 5, SourceAddr: []byte("NYOTA"),
		DestAddrTON: 1, DestAddrNPI: 1, DestinationAddr: []byte(msisdn),
	}
	if gsm, err := text.EncodeGSM7(nil, s); err == nil {
		b.ShortMessage = gsm
	} else {
		b.DataCoding, b.ShortMessage = text.DCSUCS2, text.EncodeUCS2(nil, s)
	}
	return b
}

func TestShortMessagesReachTheInbox(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{Type: pdu.IDBindTransmitter})
	h := phone(t, s, asha)
	g.mustSubmit(sms(asha, "You received 5,000 {TZS}"))
	g.mustSubmit(sms(asha, "ሰላም"))
	payload := sms(asha, "")
	payload.SourceAddrTON, payload.SourceAddr = 1, []byte("255710000001")
	payload.TLVs.Add(pdu.TagMessagePayload, []byte("In a parameter"))
	g.mustSubmit(payload)

	got := h.Snapshot()
	want := []SMS{
		{ID: 1, From: "NYOTA", Text: "You received 5,000 {TZS}", Parts: 1, Size: Size{"gsm7", 26, 160}},
		{ID: 2, From: "NYOTA", Text: "ሰላም", Parts: 1, Size: Size{"ucs2", 3, 70}},
		{ID: 3, From: "+255710000001", Text: "In a parameter", Parts: 1, Size: Size{"gsm7", 14, 160}},
	}
	if len(got.Inbox) != len(want) || got.Unread != len(want) {
		t.Fatalf("inbox: %+v", got.Inbox)
	}
	for i, m := range got.Inbox {
		m.At = time.Time{}
		if m != want[i] {
			t.Errorf("message %+v, want %+v", m, want[i])
		}
	}
	h.MarkRead(2)
	if s := h.Snapshot(); s.Unread != 2 || !s.Inbox[1].Read || got.Inbox[1].Read {
		t.Errorf("after reading the second: %d unread", s.Unread)
	}
	h.MarkRead(0)
	if s := h.Snapshot(); s.Unread != 0 {
		t.Errorf("after reading all: %d unread", s.Unread)
	}
}

func TestPartsComeTogetherInAnyOrder(t *testing.T) {
	long := strings.Repeat("Asha sent you 5,000 {TZS}. ", 14)
	amharic := strings.Repeat("ገንዘብ ልከዋል። ", 18)
	for name, c := range map[string]struct {
		text string
		wide bool
		sar  bool
	}{
		"8-bit references":    {text: long},
		"16-bit references":   {text: long, wide: true},
		"sar parameters":      {text: long, sar: true},
		"UCS-2":               {text: amharic},
		"UCS-2 by parameters": {text: amharic, sar: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, addr := start(t, SMSCConfig{})
			g := bind(t, s, addr, smpp.Bind{})
			m, err := text.Split(c.text, text.Limits{Wide: c.wide})
			if err != nil || len(m.Parts) < 3 {
				t.Fatalf("%d parts, %v", len(m.Parts), err)
			}
			h := phone(t, s, asha)
			for i := len(m.Parts) - 1; i >= 0; i-- {
				if n := len(h.Snapshot().Inbox); n != 0 {
					t.Fatalf("%d messages before all parts are there", n)
				}
				b := sms(asha, "")
				if m.Encoding == text.UCS2 {
					b.DataCoding = text.DCSUCS2
				}
				if c.sar {
					b.ShortMessage = m.Parts[i].Data
					b.TLVs.AddUint16(pdu.TagSARMsgRefNum, 7)
					b.TLVs.AddUint8(pdu.TagSARTotalSegments, uint8(len(m.Parts)))
					b.TLVs.AddUint8(pdu.TagSARSegmentSeqnum, uint8(i+1))
				} else {
					b.ShortMessage, _ = m.ShortMessage(i, 7)
					b.ESMClass = pdu.ESMFeatureUDHI
				}
				g.mustSubmit(b)
			}
			got := h.Snapshot().Inbox
			if len(got) != 1 || got[0].Text != c.text || got[0].Parts != len(m.Parts) {
				t.Errorf("inbox: %+v", got)
			}
		})
	}
}

func TestABrokenHeaderIsRefused(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	b := sms(asha, "")
	b.ESMClass, b.ShortMessage = pdu.ESMFeatureUDHI, []byte{200, 1}
	_, err := g.submit(b)
	wantStatus(t, err, pdu.StatusInvEsmClass)
}

func TestADeliveryReceiptFollowsWhenItIsAskedFor(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	for _, registered := range []uint8{pdu.ReceiptNone, pdu.ReceiptFailure, pdu.ReceiptAlways} {
		b := sms(asha, "Hello")
		b.RegisteredDelivery = registered
		id := g.mustSubmit(b)
		if registered != pdu.ReceiptAlways {
			continue // the receipt below has to be the first that comes
		}
		d := g.next()
		r, ok := pdu.ParseReceipt(d, nil)
		if !ok || !pdu.IsReceipt(d.ESMClass) || r.ID != id || r.State != pdu.StateDelivered ||
			string(d.SourceAddr) != asha || string(d.DestinationAddr) != "NYOTA" {
			t.Errorf("receipt for %s: %+v in %+v", id, r, d)
		}
	}
}

func TestUnknownNumbersAreRefusedOnlyIfConfigured(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	bind(t, s, addr, smpp.Bind{}).mustSubmit(sms("255700000042", "Hello"))

	s, addr = start(t, SMSCConfig{Handsets: []string{asha, "nonsense"}, RejectUnknown: true})
	g := bind(t, s, addr, smpp.Bind{})
	g.mustSubmit(sms(asha, "Hello"))
	_, err := g.submit(sms("255700000042", "Hello"))
	wantStatus(t, err, pdu.StatusInvDstAdr)
	if n := len(s.Handsets()); n != 1 {
		t.Errorf("%d handsets", n)
	}
}
