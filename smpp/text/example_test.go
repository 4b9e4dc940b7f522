package text_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"nyota/smpp/text"
)

func ExampleSeptets() {
	fmt.Println(text.Septets("Price: 5 €"))
	fmt.Println(text.Septets("Bei: 5 ₺"))
	// Output:
	// 11 true
	// 7 false
}

func ExampleChoose() {
	e, forcedBy := text.Choose("Karibu ✓")
	fmt.Printf("%s because of %q\n", e, forcedBy)
	// Output: UCS-2 because of ['✓']
}

func ExampleEncode() {
	wire, err := text.Encode(nil, "1. Tuma pesa", text.DCSUSSD)
	fmt.Printf("%q %v\n", wire, err)
	fmt.Println(text.Decode(wire, text.DCSUSSD))
	// Output:
	// "1. Tuma pesa" <nil>
	// 1. Tuma pesa
}

func ExampleSplit() {
	m, err := text.Split(strings.Repeat("Umetuma 5,000. ", 12), text.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, p := range m.Parts {
		msg, udh := m.ShortMessage(i, 7)
		fmt.Println(len(p.Data), "septets,", len(msg), "octets, UDH", udh)
	}
	// Output:
	// 153 septets, 159 octets, UDH true
	// 27 septets, 33 octets, UDH true
}

func ExampleReassembler() {
	r := text.NewReassembler(text.ReassemblerConfig{TTL: time.Minute})
	now := time.Now()
	r.Add(now, "255700000001", "15000", text.Concat{Ref: 7, Total: 2, Seq: 2}, []byte("world"))
	parts, done := r.Add(now, "255700000001", "15000", text.Concat{Ref: 7, Total: 2, Seq: 1}, []byte("hello "))
	fmt.Println(done, text.DecodeGSM7(bytes.Join(parts, nil)))
	// Output: true hello world
}
