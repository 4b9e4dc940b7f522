package text

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// Language is a national language identifier (3GPP TS 23.038 section 6.2.1.2.4).
type Language uint8

// The languages with shift tables; the zero value is the default alphabet.
const (
	LanguageDefault    Language = 0
	LanguageTurkish    Language = 1
	LanguageSpanish    Language = 2 // single shift only
	LanguagePortuguese Language = 3
	LanguageBengali    Language = 4
	LanguageGujarati   Language = 5
	LanguageHindi      Language = 6
	LanguageKannada    Language = 7
	LanguageMalayalam  Language = 8
	LanguageOriya      Language = 9
	LanguagePunjabi    Language = 10
	LanguageTamil      Language = 11
	LanguageTelugu     Language = 12
	LanguageUrdu       Language = 13
)

// String returns the language's English name, or its number.
func (l Language) String() string {
	names := [...]string{"default", "Turkish", "Spanish", "Portuguese", "Bengali", "Gujarati", "Hindi",
		"Kannada", "Malayalam", "Oriya", "Punjabi", "Tamil", "Telugu", "Urdu"}
	if int(l) < len(names) {
		return names[l]
	}
	return "language " + strconv.Itoa(int(l))
}

// HasLocking reports whether l has a locking shift table of its own.
func (l Language) HasLocking() bool {
	return l != LanguageDefault && l != LanguageSpanish && int(l) < len(locking)
}

// HasSingle reports whether l has a single shift table of its own.
func (l Language) HasSingle() bool { return l != LanguageDefault && int(l) < len(single) }

// locking returns l's table, that of the default alphabet if it has none: a
// receiver that does not know an identifier ignores it.
func (l Language) locking() *[128]uint16 {
	if l.HasLocking() {
		return &locking[l]
	}
	return &locking[LanguageDefault]
}

func (l Language) single() *[128]uint16 {
	if l.HasSingle() {
		return &single[l]
	}
	return &single[LanguageDefault]
}

// Alphabet is a 7-bit alphabet: a locking table for plain septets and a single
// shift table for those behind an escape. The zero value is the default alphabet
// with its extension. It is announced in the user data header: see Header.
type Alphabet struct {
	Locking Language
	Single  Language
}

const (
	escape      = 0x1B
	cr          = 0x0D
	noCode      = 0xFFFF
	shifted     = 0x80 // flag of a code that needs an escape
	replacement = utf8.RuneError
)

// narrow maps the first 256 characters to their code in the default alphabet, as
// Alphabet.code does for all. It is read only.
var narrow = func() (t [256]uint16) {
	for r := range t {
		t[r] = Alphabet{}.search(rune(r))
	}
	return t
}()

// code returns r's septet, with the shifted flag if it needs an escape, or noCode.
func (a Alphabet) code(r rune) uint16 {
	if r >= 0 && int(r) < len(narrow) && a == (Alphabet{}) {
		return narrow[r]
	}
	return a.search(r)
}

func (a Alphabet) search(r rune) uint16 {
	if r <= 0 || r > 0xFFFF {
		return noCode
	}
	for i, c := range a.Locking.locking() {
		if c == uint16(r) {
			return uint16(i)
		}
	}
	for i, c := range a.Single.single() {
		if c == uint16(r) {
			return uint16(i) | shifted
		}
	}
	return noCode
}

// Septets returns how many septets s takes in a, 2 for each character behind an
// escape, and whether a has all its characters; those it lacks are not counted.
func (a Alphabet) Septets(s string) (n int, ok bool) {
	ok = true
	for _, r := range s {
		switch c := a.code(r); {
		case c == noCode:
			ok = false
		case c&shifted != 0:
			n += 2
		default:
			n++
		}
	}
	return n, ok
}

// Append appends s in a, one septet an octet. A character that a lacks is a
// *CharError, and dst is returned as it was.
func (a Alphabet) Append(dst []byte, s string) ([]byte, error) {
	out := slices.Grow(dst, len(s))
	ascii := a == Alphabet{} // most text, in the alphabet that most text is in
	for i, r := range s {
		if ascii && r < utf8.RuneSelf && narrow[r] < shifted {
			out = append(out, byte(narrow[r]))
			continue
		}
		c := a.code(r)
		switch {
		case c == noCode:
			return dst, &CharError{r, i, GSM7}
		case c&shifted != 0:
			out = append(out, escape, byte(c&^shifted))
		default:
			out = append(out, byte(c))
		}
	}
	return out, nil
}

// Decode reads unpacked septets, one an octet. Behind an escape a septet that the
// single shift table lacks has its plain meaning, and a second escape is a space
// (3GPP TS 23.038 section 6.2.1.1). What has no meaning is U+FFFD, as are octets
// over 0x7F and an escape at the end.
func (a Alphabet) Decode(src []byte) string {
	plain, shift := a.Locking.locking(), a.Single.single()
	var small [256]byte // on the stack: most messages fit
	out := small[:0]
	for i := 0; i < len(src); i++ {
		c := src[i]
		if v := plain[c&0x7F]; c <= 0x7F && v != 0 && v < utf8.RuneSelf { // an escape is 0
			out = append(out, byte(v))
			continue
		}
		r := replacement
		switch {
		case c > 0x7F:
		case c != escape:
			r = meaning(plain[c])
		case i+1 == len(src):
		case src[i+1] == escape:
			i++
			r = ' '
		case src[i+1] <= 0x7F:
			i++
			if v := shift[src[i]]; v != 0 {
				r = rune(v)
			} else {
				r = meaning(plain[src[i]])
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

func meaning(v uint16) rune {
	if v == 0 {
		return replacement
	}
	return rune(v)
}

// Septets returns how many septets s takes in the default alphabet, 2 for each
// character of its extension, and whether it has all of s's characters; those
// that it lacks are not counted.
func Septets(s string) (n int, ok bool) { return Alphabet{}.Septets(s) }

// EncodeGSM7 appends s in the default alphabet, one septet an octet. A character
// that it lacks is a *CharError, and dst is returned as it was.
func EncodeGSM7(dst []byte, s string) ([]byte, error) { return Alphabet{}.Append(dst, s) }

// DecodeGSM7 reads septets of the default alphabet, one an octet, as
// Alphabet.Decode does.
func DecodeGSM7(src []byte) string { return Alphabet{}.Decode(src) }

// ChooseAlphabet returns the alphabet that takes the fewest septets for s, those
// of the header that announces it included, of the default one and those that
// the given languages allow. It is false if none has all of s's characters.
func ChooseAlphabet(s string, languages ...Language) (Alphabet, bool) {
	best, bestCost := Alphabet{}, -1
	try := func(a Alphabet) {
		n, ok := a.Septets(s)
		if !ok {
			return
		}
		if h := (Header{Alphabet: a}).Len(); h > 0 {
			n += (h*8 + 6) / 7
		}
		if bestCost < 0 || n < bestCost {
			best, bestCost = a, n
		}
	}
	try(Alphabet{})
	for _, l := range languages {
		if l.HasSingle() {
			try(Alphabet{Single: l})
		}
		if !l.HasLocking() {
			continue
		}
		try(Alphabet{Locking: l})
		for _, m := range languages {
			if m.HasSingle() {
				try(Alphabet{Locking: l, Single: m})
			}
		}
	}
	return best, bestCost >= 0
}
