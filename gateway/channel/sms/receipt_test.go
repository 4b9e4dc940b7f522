package sms

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// settled runs what a Sender put off for its receipts.
func (b *bench) settled() {
	for _, jobs := range b.receipts.shards {
		for len(jobs) > 0 {
			(<-jobs)(b.t.Context())
		}
	}
}

// restarted is another Sender over the same store, as after a restart or in another process.
func (b *bench) restarted() *Sender {
	cfg := b.Config
	cfg.Worker = "another"
	return New(cfg)
}

func failed(message, from string) smpp.Receipt {
	return smpp.Receipt{Link: "demo", Message: message, From: from,
		Receipt: pdu.Receipt{State: pdu.StateUndeliverable, Err: "034"}}
}

func TestReceiptAfterARestartFindsItsNoticeOnce(t *testing.T) {
	b := newBench(t)
	b.Number = func(addr []byte) (string, error) {
		if string(addr) != "0700000001" {
			return "", errors.New("no number")
		}
		return owner, nil
	}
	b.Accepted("demo", refOf(b.owe("text")), "77")
	b.settled()

	var told []Delivery
	old := b.Sender
	b.Delivered = func(d Delivery) { told = append(told, d) }
	b.Sender = b.restarted()
	for _, r := range []smpp.Receipt{failed("78", "0700000001"), failed("77", "0700000009"), failed("77", "NYOTA")} {
		b.Unknown("demo", r) // another message, another number, no number
	}
	b.Unknown("other", failed("77", "0700000001")) // another network numbers its messages anew
	b.settled()
	if len(told) != 0 {
		t.Fatalf("told %+v", told)
	}
	enroute := failed("77", "0700000001")
	enroute.State = pdu.StateEnroute
	b.Unknown("demo", enroute)
	for range 2 {
		b.Unknown("demo", failed("77", "0700000001"))
	}
	b.settled()
	want := Delivery{At: b.now(), Network: "demo", Link: "demo", Notice: "a/customer/done", To: owner, State: "UNDELIV", Code: "034"}
	if !slices.Equal(told, []Delivery{want}) || !slices.Equal(b.Undelivered(), told) {
		t.Errorf("told %+v", told)
	}
	if got := b.Sender.Receipts(); got["UNDELIV"] != 1 || got["ENROUTE"] != 1 {
		t.Errorf("%v", got)
	}
	b.Sender = old
	b.Unknown("demo", failed("77", "0700000001"))
	b.settled()
	if len(b.Undelivered()) != 0 {
		t.Error("a message whose end is known is known yet")
	}
}

func TestReceiptOfThisProcessLeavesNothingInTheStore(t *testing.T) {
	b := newBench(t)
	b.Number = func([]byte) (string, error) { return owner, nil }
	ref := refOf(b.owe("text"))
	b.Accepted("demo", ref, "77")
	r := failed("77", "")
	r.Ref = ref
	b.Receipt("demo", r)
	b.settled()
	if s := b.restarted(); true {
		b.Sender = s
		b.Unknown("demo", failed("77", "0700000001"))
		b.settled()
		if len(b.Undelivered()) != 0 {
			t.Error("its message is kept after its final receipt")
		}
	}
}

func TestM10FailedDeliveriesAndReceiptsThatWaitAreBounded(t *testing.T) {
	b := newBench(t)
	for i := range 3 * maxUndelivered {
		r := failed("1", "")
		r.Ref = owner + " a/customer/done"
		r.Err = string(rune('a' + i%26))
		b.Receipt("demo", r)
	}
	if all := b.Undelivered(); len(all) != maxUndelivered || all[0].Code != string(rune('a'+(3*maxUndelivered-1)%26)) {
		t.Errorf("%d, the newest %+v", len(all), all[0])
	}
	for range 2 * receiptEach * receiptShards {
		b.Accepted("demo", owner+" a", "1")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var wg sync.WaitGroup
	b.receipts.run(ctx, &wg)
	wg.Wait()
}
