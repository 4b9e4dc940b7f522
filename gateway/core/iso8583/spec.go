package iso8583

// DefaultSpec is the packager that many switches of the 1987 edition use: ASCII
// throughout, a binary bitmap. Change what differs.
func DefaultSpec() *Spec {
	n := func(length int) Field { return Field{Kind: Numeric, Length: length} }
	text := func(length int) Field { return Field{Kind: Text, Length: length} }
	varies := func(f Field, prefix int) Field { f.Prefix = prefix; return f }
	octets := Field{Kind: Octets, Encoding: Binary, Length: 8}
	return &Spec{Bitmap: Binary, Fields: map[int]Field{
		2: varies(n(19), 2), 3: n(6), 4: n(12), 7: n(10), 11: n(6), 12: n(6), 13: n(4), 14: n(4), 15: n(4), 18: n(4),
		22: n(3), 25: n(2), 32: varies(n(11), 2), 33: varies(n(11), 2), 35: varies(text(37), 2), 37: text(12), 38: text(6), 39: text(2),
		41: text(8), 42: text(15), 43: text(40), 44: varies(text(25), 2), 48: varies(text(999), 3), 49: n(3),
		52: octets, 53: n(16), 54: varies(text(120), 3), 55: varies(text(255), 3), 60: varies(text(999), 3), 61: varies(text(999), 3),
		62: varies(text(999), 3), 63: varies(text(999), 3), 64: octets, 70: n(3), 90: n(42), 95: text(42),
		102: varies(text(28), 2), 103: varies(text(28), 2), 123: varies(text(999), 3), 128: octets,
	}}
}

// PackBCD turns every numeric field, every length and the message type to BCD,
// as switches do that count octets, and returns s.
func (s *Spec) PackBCD() *Spec {
	s.MTI = BCD
	for n, f := range s.Fields {
		if f.Kind == Numeric {
			f.Encoding = BCD
		}
		f.PrefixEncoding = BCD
		s.Fields[n] = f
	}
	return s
}
