package pdu

import "testing"

// benchSubmit is a submit_sm of 129 octets with two TLVs.
func benchSubmit() *SubmitSM {
	return &SubmitSM{
		ServiceType:        []byte("USSD"),
		SourceAddrTON:      TONAlphanumeric,
		SourceAddr:         []byte("NYOTA"),
		DestAddrTON:        TONInternational,
		DestAddrNPI:        NPIISDN,
		DestinationAddr:    []byte("255700000001"),
		RegisteredDelivery: ReceiptNone,
		DataCoding:         0x0F,
		ShortMessage:       []byte("1. Send money\n2. Buy airtime\n3. Pay bill\n4. Withdraw cash\n5 More"),
		TLVs: TLVs{
			{TagUSSDServiceOp, []byte{USSDReqUSSR}},
			{TagITSSessionInfo, []byte{7, 2}},
		},
	}
}

func benchDeliver() *DeliverSM {
	s := benchSubmit()
	return &DeliverSM{
		ServiceType: s.ServiceType, SourceAddrTON: TONInternational, SourceAddrNPI: NPIISDN,
		SourceAddr: s.DestinationAddr, DestinationAddr: s.SourceAddr, DataCoding: s.DataCoding,
		ShortMessage: s.ShortMessage, TLVs: s.TLVs,
	}
}

func benchAppend(b *testing.B, body Body) {
	buf, err := AppendPDU(nil, 0, 1, body)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = AppendPDU(buf[:0], 0, 1, body); err != nil {
			b.Fatal(err)
		}
	}
}

func benchDecode(b *testing.B, body Body) {
	buf, err := AppendPDU(nil, 0, 1, body)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		h, err := DecodeHeader(buf)
		if err != nil {
			b.Fatal(err)
		}
		if err := body.Decode(buf[HeaderLen:h.Length]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubmitSMAppend(b *testing.B)  { benchAppend(b, benchSubmit()) }
func BenchmarkSubmitSMDecode(b *testing.B)  { benchDecode(b, benchSubmit()) }
func BenchmarkDeliverSMAppend(b *testing.B) { benchAppend(b, benchDeliver()) }
func BenchmarkDeliverSMDecode(b *testing.B) { benchDecode(b, benchDeliver()) }
