package interop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

const (
	customer  = "255700000001"
	shortCode = "15000"
)

// texts are what messages say in the tests.
var texts = []struct{ name, text string }{
	{"7-bit", "QX7 Umepokea TZS 5,000 kutoka 0700000002 @ Duka. ÄÖÜ£¥ Δ"},
	{"with the extension", `{a} [b] ~^| \ €10`},
	{"UCS-2", "Привет, 你好, नमस्ते"},
	{"with surrogate pairs", "Asante 🙏🏾 👨‍👩‍👧"},
	{"long 7-bit", strings.Repeat("Umetuma TZS 5,000 kwa 0700000002. ", 12)},
	{"long, with escapes at each cut", strings.Repeat("€[€]", 60)},
	{"long UCS-2", strings.Repeat("Поступил платёж 5000 🙏 ", 8)},
}

// carriers are the ways in which a text travels in one or more messages.
var carriers = []string{"UDH", "wide UDH", "sar", "message_payload"}

// message is what differs between a submit_sm and a deliver_sm that carry text.
type message struct {
	esm, dcs byte
	short    []byte
	tlvs     pdu.TLVs
}

// carry encodes a text.
func carry(t *testing.T, s, carrier string, ref uint16) []message {
	t.Helper()
	if carrier == "message_payload" {
		e, _ := text.Choose(s)
		data, err := e.Append(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		m := message{dcs: dcsOf(e)}
		m.tlvs.Add(pdu.TagMessagePayload, data)
		return []message{m}
	}
	split, err := text.Split(s, text.Limits{Wide: carrier == "wide UDH"})
	if err != nil {
		t.Fatal(err)
	}
	var all []message
	for i, p := range split.Parts {
		m := message{dcs: dcsOf(split.Encoding), short: p.Data}
		switch {
		case len(split.Parts) == 1:
		case carrier == "sar":
			m.tlvs.AddSAR(ref, uint8(len(split.Parts)), uint8(i+1))
		default:
			var udh bool
			if m.short, udh = split.ShortMessage(i, ref); udh {
				m.esm |= pdu.ESMFeatureUDHI
			}
		}
		all = append(all, m)
	}
	return all
}

func dcsOf(e text.Encoding) byte {
	if e == text.UCS2 {
		return text.DCSUCS2
	}
	return text.DCSDefault
}

// joiner puts together what came.
type joiner struct {
	coding text.Coding
	r      *text.Reassembler
}

func newJoiner(c text.Coding) *joiner {
	return &joiner{c, text.NewReassembler(text.ReassemblerConfig{})}
}

// add takes a message and returns the whole text once it is there.
func (j *joiner) add(m message) (string, bool, error) {
	data := m.short
	if payload, ok := m.tlvs.Get(pdu.TagMessagePayload); ok {
		data = payload
	}
	var h text.Header
	if m.esm&pdu.ESMFeatureUDHI != 0 {
		var err error
		if h, data, err = text.ParseUDH(data); err != nil {
			return "", false, err
		}
	}
	if ref, total, seq, ok := m.tlvs.SAR(); ok {
		h.Concat = text.Concat{Ref: ref, Wide: true, Total: total, Seq: seq}
	}
	parts, done := j.r.Add(time.Now(), customer, shortCode, h.Concat, data)
	if !done {
		return "", false, nil
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(j.coding.Decode(p, m.dcs))
	}
	return b.String(), true, nil
}

// whole reads messages until their text is complete.
func (j *joiner) whole(t *testing.T, next func() message) string {
	t.Helper()
	for range 255 {
		s, done, err := j.add(next())
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return s
		}
	}
	t.Fatal("more than 255 parts")
	return ""
}

func submitOf(m message) *pdu.SubmitSM {
	return &pdu.SubmitSM{SourceAddrTON: pdu.TONAlphanumeric, SourceAddr: []byte("NYOTA"),
		DestAddrTON: pdu.TONInternational, DestAddrNPI: pdu.NPIISDN, DestinationAddr: []byte(customer),
		ESMClass: m.esm, DataCoding: m.dcs, ShortMessage: m.short, TLVs: m.tlvs}
}

func deliverOf(m message) *pdu.DeliverSM {
	return &pdu.DeliverSM{SourceAddrTON: pdu.TONInternational, SourceAddrNPI: pdu.NPIISDN, SourceAddr: []byte(customer),
		DestAddrNPI: pdu.NPIISDN, DestinationAddr: []byte(shortCode),
		ESMClass: m.esm, DataCoding: m.dcs, ShortMessage: m.short, TLVs: m.tlvs}
}

func ofSubmit(b *pdu.SubmitSM) message {
	return message{b.ESMClass, b.DataCoding, b.ShortMessage, b.TLVs}
}

func ofDeliver(b *pdu.DeliverSM) message {
	return message{b.ESMClass, b.DataCoding, b.ShortMessage, b.TLVs}
}

// eachMessage runs f for each text in each carrier that makes a difference.
func eachMessage(t *testing.T, f func(t *testing.T, s, carrier string, ref uint16)) {
	t.Helper()
	ref := uint16(0)
	for _, c := range texts {
		for _, carrier := range carriers {
			if carrier != "UDH" && carrier != "message_payload" && !strings.HasPrefix(c.name, "long") {
				continue // one part has nothing to number
			}
			ref += 250 // over one octet soon
			t.Run(fmt.Sprintf("%s by %s", c.name, carrier), func(t *testing.T) { f(t, c.text, carrier, ref) })
		}
	}
}

// npmCoding is how npm's smpp takes data_coding: what it calls ASCII and sends as
// 1 is the GSM alphabet.
var npmCoding = text.Coding{ASCIIIsGSM7: true}
