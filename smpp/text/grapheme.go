package text

import (
	"unicode"
	"unicode/utf8"
)

// graphemeLen returns the octets of the first user-perceived character of s, at
// least one rune unless s is empty. It follows the rules of Unicode annex 29 as
// far as the tables of the standard library go, and where those are coarser it
// keeps together rather than breaks.
func graphemeLen(s string) int {
	prev, n := utf8.DecodeRuneInString(s)
	flags := 1 // regional indicators so far, if prev is one: two are a flag
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		join := joins(prev, r)
		if regional(prev) && regional(r) {
			join = flags%2 == 1
			flags++
		}
		if !join {
			break
		}
		prev = r
		n += size
	}
	return n
}

const (
	zwnj = 0x200C
	zwj  = 0x200D

	thaiAm = 0x0E33 // letters by category, marks by their look
	laoAm  = 0x0EB3
)

// joins reports whether there is no break between two runes.
func joins(a, b rune) bool {
	switch {
	case a == '\r' && b == '\n':
		return true
	case unicode.IsControl(a) || unicode.IsControl(b):
		return false
	case b == zwj || b == zwnj || a == zwj:
		return true
	case unicode.Is(unicode.M, b) || emojiPart(b) || b == thaiAm || b == laoAm:
		return true
	case unicode.Is(unicode.Prepended_Concatenation_Mark, a):
		return true
	case virama(a) && unicode.Is(unicode.Lo, b):
		return true
	}
	return hangul(a, b)
}

// emojiPart reports skin tones and the tags of subdivision flags.
func emojiPart(r rune) bool {
	return r >= 0x1F3FB && r <= 0x1F3FF || r >= 0xE0020 && r <= 0xE007F
}

func regional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// virama reports the signs that join two consonants of an Indic script to one.
func virama(r rune) bool {
	switch r {
	case 0x094D, 0x09CD, 0x0A4D, 0x0ACD, 0x0B4D, 0x0BCD, 0x0C4D, 0x0CCD, 0x0D4D:
		return true
	}
	return false
}

// hangul reports whether two jamo or syllables form one syllable.
func hangul(a, b rune) bool {
	lead := func(r rune) bool { return r >= 0x1100 && r <= 0x115F || r >= 0xA960 && r <= 0xA97C }
	vowel := func(r rune) bool { return r >= 0x1160 && r <= 0x11A7 || r >= 0xD7B0 && r <= 0xD7C6 }
	tail := func(r rune) bool { return r >= 0x11A8 && r <= 0x11FF || r >= 0xD7CB && r <= 0xD7FB }
	whole := func(r rune) bool { return r >= 0xAC00 && r <= 0xD7A3 }
	switch {
	case lead(a):
		return lead(b) || vowel(b) || whole(b)
	case vowel(a), whole(a) && (a-0xAC00)%28 == 0:
		return vowel(b) || tail(b)
	case tail(a), whole(a):
		return tail(b)
	}
	return false
}
