package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// pays leads a payment through its USSD dialogue, and returns the SMS that follow.
func (o *operator) pays(ctx context.Context, bind *smpp.Conn) []submitted {
	o.t.Helper()
	var sms []submitted
	for i, typed := range []string{"*150*00#", "1", "0700000002", "5000", testPIN} {
		d := &pdu.DeliverSM{ServiceType: []byte("USSD"), SourceAddr: []byte(payer), DestinationAddr: []byte("*150*00#"), ShortMessage: []byte(typed)}
		op := byte(18)
		if i == 0 {
			op = 1
		}
		d.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
		d.TLVs.Add(pdu.TagITSSessionInfo, []byte{9, byte(i) << 1})
		if _, err := bind.Do(ctx, d); err != nil {
			o.t.Fatal(err)
		}
		for screen := false; !screen; {
			s := <-o.got
			if _, screen = s.TLVs.Get(pdu.TagUSSDServiceOp); !screen {
				sms = append(sms, s)
			}
		}
	}
	for len(sms) < 2 {
		sms = append(sms, <-o.got)
	}
	return sms
}

func TestReceiptThatComesAfterARestartIsRecordedWithItsAction(t *testing.T) {
	o := startOperator(t)
	cfg := testConfig(t)
	cfg.Simulator.SMPP = ""
	l := &cfg.SMPP.Links[0]
	l.Address, l.Hints, l.Receipts, l.ReceiptIDs = o.addr, "off", true, "verbatim"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	g := startGateway(t, cfg)
	sms := o.pays(ctx, <-o.binds)
	eventually(t, "both messages wait for their receipts", func() bool {
		return g.networks[0].pool.Stats().Receipts.Awaited == 2
	})
	if err := g.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	g = startGateway(t, cfg)
	bind := <-o.binds
	for _, s := range sms {
		state, stat := uint8(pdu.StateUndeliverable), "UNDELIV"
		if string(s.DestinationAddr) == payer {
			state, stat = pdu.StateDelivered, "DELIVRD"
		}
		d := &pdu.DeliverSM{ESMClass: 4, SourceAddr: s.DestinationAddr, DestinationAddr: s.SourceAddr,
			ShortMessage: fmt.Appendf(nil, "id:%s sub:001 dlvrd:000 submit date:2611231200 done date:2611231201 stat:%s err:034 text:", s.id, stat)}
		d.TLVs.AddCString(pdu.TagReceiptedMessageID, s.id)
		d.TLVs.AddUint8(pdu.TagMessageState, state)
		for range 2 { // SMSCs do repeat them
			if _, err := bind.Do(ctx, d); err != nil {
				t.Error(err)
			}
		}
	}
	eventually(t, "both receipts find their notices", func() bool {
		r := g.sender.Receipts()
		return r["DELIVRD"] == 1 && r["UNDELIV"] == 1
	})
	var lost []map[string]any
	httpJSON(t, "GET", "http://"+g.Addr("admin")+"/undelivered", nil, &lost)
	if len(lost) != 1 || lost[0]["msisdn"] != payee || lost[0]["role"] != "payee" || lost[0]["state"] != "UNDELIV" || lost[0]["code"] != "034" {
		t.Errorf("operators see %v", lost)
	}
	if err := g.Stop(ctx); err != nil { // which writes the records
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(cfg.CDR.Dir, "*.jsonl"))
	records := ""
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		records += string(b)
	}
	action := fmt.Sprint(lost[0]["action"])
	if n := strings.Count(records, `"type":"delivery"`); n != 2 || strings.Count(records, `"action":"`+action+`"`) != 2 {
		t.Errorf("%d records of deliveries:\n%s", n, records)
	}
}
