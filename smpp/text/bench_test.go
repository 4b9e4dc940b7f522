package text

import "testing"

const benchScreen = "1. Send money\n2. Buy airtime\n3. Pay a bill\n4. Withdraw cash\n5. My account\n6. {Settings}\n98. More"

func BenchmarkSeptets(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if n, ok := Septets(benchScreen); n == 0 || !ok {
			b.Fatal(n, ok)
		}
	}
}

func BenchmarkEncodeGSM7(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = EncodeGSM7(buf[:0], benchScreen); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeGSM7(b *testing.B) {
	src, err := EncodeGSM7(nil, benchScreen)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s := DecodeGSM7(src); len(s) != len(benchScreen) {
			b.Fatal(s)
		}
	}
}
