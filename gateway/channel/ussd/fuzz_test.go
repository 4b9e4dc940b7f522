package ussd

import (
	"testing"

	"nyota/gateway/dialog"
	"nyota/smpp/pdu"
)

func FuzzDialects(f *testing.F) {
	f.Add([]byte("USSD"), []byte("*150*00#"), []byte{1}, []byte{7, 0}, []byte{1, 1})
	f.Add([]byte("PSSRI"), []byte("1"), []byte{}, []byte{7}, []byte{})
	f.Fuzz(func(t *testing.T, service, typed, op, info, ref []byte) {
		m := &pdu.DeliverSM{ServiceType: service, ShortMessage: typed}
		m.TLVs.Add(pdu.TagUSSDServiceOp, op)
		m.TLVs.Add(pdu.TagITSSessionInfo, info)
		m.TLVs.Add(pdu.TagUserMessageReference, ref)
		for _, d := range Dialects() {
			e, err := d.read(m)
			if err != nil {
				continue
			}
			if e.kind != dialog.Dial && e.kind != dialog.Answer && e.kind != dialog.Abort {
				t.Fatalf("%s reads %+v", d.Name, e)
			}
			for _, end := range []bool{false, true} {
				var s pdu.SubmitSM
				d.mark(&s, e, end)
				if _, err := pdu.AppendPDU(nil, 0, 1, &s); err != nil {
					t.Fatalf("%s marks what cannot be sent: %v", d.Name, err)
				}
			}
		}
	})
}
