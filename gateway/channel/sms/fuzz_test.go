package sms

import (
	"testing"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

func FuzzParts(f *testing.F) {
	f.Add([]byte("PESA"), uint8(0), uint8(0), uint8(0), uint8(0), uint16(0))
	f.Add([]byte("\x05\x00\x03\x09\x02\x01PE"), uint8(0x40), uint8(8), uint8(0), uint8(0), uint16(0))
	f.Add([]byte("\x03\x24\x01\x01x"), uint8(0x40), uint8(0), uint8(2), uint8(1), uint16(9))
	f.Fuzz(func(t *testing.T, octets []byte, esm, dcs, total, seq uint8, ref uint16) {
		short := &pdu.DeliverSM{SourceAddr: []byte(owner), ESMClass: esm, DataCoding: dcs, ShortMessage: octets}
		whole := &pdu.DataSM{SourceAddr: []byte(owner), ESMClass: esm, DataCoding: dcs}
		whole.TLVs.Add(pdu.TagMessagePayload, octets)
		short.TLVs.AddSAR(ref, total, seq)
		whole.TLVs.AddSAR(ref, total, seq)
		for _, body := range []pdu.Body{short, whole} {
			in := text.NewReassembler(text.ReassemblerConfig{Messages: 4, Octets: 1 << 12})
			p, err := partOf(body)
			if err != nil {
				continue
			}
			if len(p.data) > len(octets) {
				t.Fatalf("%d octets of text out of %d", len(p.data), len(octets))
			}
			words, done := join(in, time.Unix(1e9, 0), p, text.Coding{})
			if single := p.concat.Total < 2 || p.concat.Seq == 0 || p.concat.Seq > p.concat.Total; done != single {
				t.Fatalf("part %+v: whole %v, %q", p.concat, done, words)
			}
		}
	})
}
