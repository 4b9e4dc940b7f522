package pdu_test

import (
	"fmt"

	"nyota/smpp/pdu"
)

func ExampleAppendPDU() {
	ask := &pdu.SubmitSM{
		ServiceType:     []byte("USSD"),
		SourceAddr:      []byte("*150*00#"),
		DestAddrTON:     pdu.TONInternational,
		DestAddrNPI:     pdu.NPIISDN,
		DestinationAddr: []byte("255700000001"),
		DataCoding:      0x0F,
		ShortMessage:    []byte("1. Send money"),
	}
	ask.TLVs.AddUint8(pdu.TagUSSDServiceOp, pdu.USSDReqUSSR)
	ask.TLVs.Add(pdu.TagITSSessionInfo, []byte{7, 1 << 1})
	wire, err := pdu.AppendPDU(nil, pdu.StatusOK, 1, ask)
	fmt.Println(len(wire), err)
	// Output: 81 <nil>
}

func ExampleDecode() {
	wire, _ := pdu.AppendPDU(nil, pdu.StatusThrottled, 42, &pdu.SubmitSMResp{MessageID: []byte("17")})
	p, err := pdu.Decode(wire)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.ID, p.Sequence, p.Status, "-", p.Status.Meaning())
	if r, ok := p.Body.(*pdu.SubmitSMResp); ok {
		fmt.Printf("message %s\n", r.MessageID)
	}
	// Output:
	// submit_sm_resp 42 ESME_RTHROTTLED - message rate exceeds the allowed limit
	// message 17
}

func ExampleDecodeError() {
	err := new(pdu.BindTransceiver).Decode([]byte("nyota\x00secret"))
	fmt.Println(err)
	// Output: pdu: password at octet 6 has no NUL at its end
}

func ExampleParseReceipt() {
	d := &pdu.DeliverSM{
		ESMClass:     pdu.ESMTypeReceipt,
		ShortMessage: []byte("id:17 sub:001 dlvrd:001 submit date:2402291730 done date:2402291731 stat:DELIVRD err:000 text:"),
	}
	r, ok := pdu.ParseReceipt(d, nil)
	fmt.Println(ok, r.ID, r.Stat, r.DoneDate)
	// Output: true 17 DELIVRD 2024-02-29 17:31:00 +0000 UTC
}
