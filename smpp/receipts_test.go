package smpp

import (
	"fmt"
	"testing"
	"time"

	"nyota/smpp/pdu"
)

// matcher is a table of receipts on a clock that the test moves.
func matcher(cfg ReceiptConfig) (r *receipts, took *[]string, clock *time.Time) {
	took, clock = new([]string), new(time.Time)
	*clock = time.Unix(1e9, 0)
	cfg.Take = func(c Receipt) { *took = append(*took, c.Ref+" "+c.Stat) }
	return newReceipts(cfg, func() time.Time { return *clock }), took, clock
}

func receiptWith(state uint8) Receipt {
	return Receipt{Receipt: pdu.Receipt{State: state, Stat: pdu.StateName(state)}}
}

func TestReceiptIsMatchedWithItsMessage(t *testing.T) {
	a, b := receiptID{"", "1"}, receiptID{"", "2"}
	const within = time.Hour
	for _, tc := range []struct {
		name string
		play func(r *receipts, clock *time.Time)
		want string
		stat ReceiptStats
	}{
		{"after the response", func(r *receipts, _ *time.Time) {
			r.submitted(a, "A")
			r.arrived(a, receiptWith(pdu.StateDelivered))
		}, "[A DELIVRD]", ReceiptStats{Matched: 1}},
		{"before the response", func(r *receipts, _ *time.Time) {
			r.arrived(a, receiptWith(pdu.StateDelivered))
			r.submitted(a, "A")
		}, "[A DELIVRD]", ReceiptStats{Matched: 1, Early: 1}},
		{"intermediate ones leave it open", func(r *receipts, _ *time.Time) {
			r.arrived(a, receiptWith(pdu.StateEnroute))
			r.submitted(a, "A")
			r.arrived(a, receiptWith(pdu.StateAccepted))
			r.arrived(a, receiptWith(pdu.StateUndeliverable))
		}, "[A ENROUTE A ACCEPTD A UNDELIV]", ReceiptStats{Matched: 3, Early: 1}},
		{"a final one twice is given once", func(r *receipts, clock *time.Time) {
			r.submitted(a, "A")
			r.arrived(a, receiptWith(pdu.StateDelivered))
			r.arrived(a, receiptWith(pdu.StateDelivered))
			*clock = clock.Add(time.Minute)
		}, "[A DELIVRD]", ReceiptStats{Matched: 1, Unmatched: 1}},
		{"of nobody", func(r *receipts, _ *time.Time) {
			r.submitted(a, "A")
			r.arrived(b, receiptWith(pdu.StateDelivered))
		}, "[]", ReceiptStats{Awaited: 1, Kept: 1}},
		{"the same id of another centre", func(r *receipts, _ *time.Time) {
			r.submitted(receiptID{"north", "1"}, "A")
			r.arrived(receiptID{"south", "1"}, receiptWith(pdu.StateDelivered))
		}, "[]", ReceiptStats{Awaited: 1, Kept: 1}},
		{"too late for the message", func(r *receipts, clock *time.Time) {
			r.submitted(a, "A")
			*clock = clock.Add(within)
			r.arrived(a, receiptWith(pdu.StateDelivered))
		}, "[]", ReceiptStats{Forgotten: 1, Kept: 1}},
		{"too early for the response", func(r *receipts, clock *time.Time) {
			r.arrived(a, receiptWith(pdu.StateDelivered))
			*clock = clock.Add(time.Minute)
			r.submitted(a, "A")
		}, "[]", ReceiptStats{Unmatched: 1, Awaited: 1}},
		{"a message without an id", func(r *receipts, _ *time.Time) {
			r.submitted(receiptID{}, "A")
		}, "[]", ReceiptStats{}},
		{"too many messages forget the oldest", func(r *receipts, _ *time.Time) {
			for i := range 4 {
				r.submitted(receiptID{"", fmt.Sprint(i)}, fmt.Sprint(i))
			}
			r.arrived(receiptID{"", "0"}, receiptWith(pdu.StateDelivered))
			r.arrived(receiptID{"", "1"}, receiptWith(pdu.StateDelivered))
		}, "[1 DELIVRD]", ReceiptStats{Matched: 1, Forgotten: 1, Awaited: 2, Kept: 1}},
		{"too many early ones drop the oldest", func(r *receipts, _ *time.Time) {
			for i := range 3 {
				r.arrived(receiptID{"", fmt.Sprint(i)}, receiptWith(pdu.StateDelivered))
			}
			r.submitted(receiptID{"", "0"}, "0")
			r.submitted(receiptID{"", "2"}, "2")
		}, "[2 DELIVRD]", ReceiptStats{Matched: 1, Early: 1, Unmatched: 1, Awaited: 1, Kept: 1}},
		{"a flood for one id is bounded", func(r *receipts, _ *time.Time) {
			for range 100 {
				r.arrived(a, receiptWith(pdu.StateEnroute))
			}
			r.submitted(a, "A")
		}, "[A ENROUTE A ENROUTE A ENROUTE A ENROUTE]", ReceiptStats{Matched: 4, Early: 4, Unmatched: 96, Awaited: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, took, clock := matcher(ReceiptConfig{Messages: 3, Within: within, Early: 2})
			tc.play(r, clock)
			if got := fmt.Sprint(*took); got != tc.want {
				t.Errorf("taken: %s, want %s", got, tc.want)
			}
			if got := r.count(); got != tc.stat {
				t.Errorf("counts: %+v, want %+v", got, tc.stat)
			}
		})
	}
}

func TestReceiptsNobodyTakesAreNotKept(t *testing.T) {
	r := newReceipts(ReceiptConfig{}, time.Now)
	r.submitted(receiptID{"", "1"}, "A")
	r.arrived(receiptID{"", "2"}, receiptWith(pdu.StateDelivered))
	if got := r.count(); got != (ReceiptStats{}) {
		t.Errorf("%+v", got)
	}
}

func TestMessagesAreToldToWhoWritesThemDown(t *testing.T) {
	var told []string
	r, took, _ := matcher(ReceiptConfig{
		Accepted: func(ref, message string) { told = append(told, ref+" is "+message) },
		Unknown:  func(c Receipt) { told = append(told, c.Stat+" of nobody") },
	})
	a, b := receiptID{"", "1"}, receiptID{"", "2"}
	r.submitted(a, "A")
	r.arrived(a, receiptWith(pdu.StateDelivered))
	r.arrived(b, receiptWith(pdu.StateDelivered)) // before its response
	r.submitted(b, "B")                           // which need not be written down any more
	r.arrived(a, receiptWith(pdu.StateDelivered)) // again
	if got := fmt.Sprint(told, *took); got != "[A is 1 DELIVRD of nobody DELIVRD of nobody] [A DELIVRD B DELIVRD]" {
		t.Error(got)
	}
}
