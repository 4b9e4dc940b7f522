package text

// Pack appends septets, one an octet, as eight in seven octets, the first in the
// low bits (3GPP TS 23.038 section 6.1.2.1). Bit 7 of each is ignored. How many
// there were has to be told beside it.
func Pack(dst, septets []byte) []byte {
	var bits uint32
	var n uint
	for _, s := range septets {
		bits |= uint32(s&0x7F) << n
		n += 7
		if n >= 8 {
			dst = append(dst, byte(bits))
			bits >>= 8
			n -= 8
		}
	}
	if n > 0 {
		dst = append(dst, byte(bits))
	}
	return dst
}

// Unpack appends the first n septets of packed, one an octet, or as many as it
// holds. A negative n is all, with the seven spare bits of a full last octet read
// as one more: use UnpackUSSD where it is padding.
func Unpack(dst, packed []byte, n int) []byte {
	if most := len(packed) * 8 / 7; n < 0 || n > most {
		n = most
	}
	var bits uint32
	var have uint
	for i := 0; n > 0; n-- {
		if have < 7 {
			bits |= uint32(packed[i]) << have
			have += 8
			i++
		}
		dst = append(dst, byte(bits&0x7F))
		bits >>= 7
		have -= 7
	}
	return dst
}

// PackUSSD appends septets packed as USSD and cell broadcast do, where their
// number is not told: seven spare bits at the end would read as an @, so a CR
// fills them, and one more CR follows a text that itself ends with a CR at the
// end of an octet (3GPP TS 23.038 section 6.1.2.3.1).
func PackUSSD(dst, septets []byte) []byte {
	if !needsCR(septets) {
		return Pack(dst, septets)
	}
	// The tail is padded on its own so that septets is not copied as a whole;
	// eight septets fill seven octets exactly.
	whole := len(septets) / 8 * 8
	dst = Pack(dst, septets[:whole])
	var tail [8]byte
	n := copy(tail[:], septets[whole:])
	tail[n] = cr
	return Pack(dst, tail[:n+1])
}

func needsCR(septets []byte) bool {
	n := len(septets)
	return n%8 == 7 || n > 0 && n%8 == 0 && septets[n-1] == cr
}

// UnpackUSSD appends the septets of packed without the CR that PackUSSD adds.
func UnpackUSSD(dst, packed []byte) []byte {
	start := len(dst)
	dst = Unpack(dst, packed, -1)
	n := len(dst) - start
	if n > 0 && dst[len(dst)-1] == cr && (n%8 == 0 || n%8 == 1 && n > 1 && dst[len(dst)-2] == cr) {
		dst = dst[:len(dst)-1]
	}
	return dst
}
