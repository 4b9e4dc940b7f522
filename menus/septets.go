package menus

import "unicode/utf8"

// Costs in the GSM 7-bit default alphabet (3GPP TS 23.038 6.2.1): 1 for a
// character of the basic table, 2 for one of the extension table, which is sent
// behind an escape, 0 for one that the alphabet lacks.
var asciiCost = func() (t [utf8.RuneSelf]uint8) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = 1
	}
	t['\n'], t['\r'] = 1, 1
	t['`'] = 0
	for _, c := range "^{}\\[~]|\f" {
		t[c] = 2
	}
	return t
}()

func septetCost(r rune) int {
	if r < utf8.RuneSelf && r >= 0 {
		return int(asciiCost[r])
	}
	switch r {
	case '£', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', 'Ø', 'ø', 'Å', 'å', 'Δ', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ',
		'Æ', 'æ', 'ß', 'É', '¤', '¡', 'Ä', 'Ö', 'Ñ', 'Ü', '§', '¿', 'ä', 'ö', 'ñ', 'ü', 'à':
		return 1
	case '€':
		return 2
	}
	return 0
}

// isGSM says whether the default alphabet has every character of s.
func isGSM(s []byte) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if asciiCost[c] == 0 {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if septetCost(r) == 0 {
			return false
		}
		i += size
	}
	return true
}

// cost is what s takes of a screen: septets, or UTF-16 units if ucs2.
func cost(s []byte, ucs2 bool) int {
	n := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRune(s[i:])
		n += runeCost(r, ucs2)
		i += size
	}
	return n
}

func runeCost(r rune, ucs2 bool) int {
	if !ucs2 {
		return septetCost(r)
	}
	if r > 0xffff {
		return 2
	}
	return 1
}
