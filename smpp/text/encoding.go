package text

import (
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Encoding is a way to write characters as octets. The zero value is GSM7.
type Encoding uint8

// The encodings.
const (
	GSM7   Encoding = iota // default alphabet, one septet an octet
	ASCII                  // IA5, 7 bits
	Latin1                 // ISO 8859-1
	UCS2                   // UTF-16, big endian, with surrogate pairs
	Binary                 // 8-bit data; read and written as Latin1
)

// String returns the encoding's usual name.
func (e Encoding) String() string {
	switch e {
	case GSM7:
		return "GSM-7"
	case ASCII:
		return "ASCII"
	case Latin1:
		return "Latin-1"
	case UCS2:
		return "UCS-2"
	case Binary:
		return "binary"
	}
	return "encoding " + strconv.Itoa(int(e))
}

// Len returns how many units s takes: septets in GSM7, octets in ASCII, Latin1
// and Binary, 16-bit units in UCS2. ok is whether e has all its characters; those
// that it lacks are not counted.
func (e Encoding) Len(s string) (n int, ok bool) {
	if e == GSM7 {
		return Septets(s)
	}
	ok = true
	top := e.top()
	for _, r := range s {
		switch {
		case r > top:
			ok = false
		case r > 0xFFFF:
			n += 2
		default:
			n++
		}
	}
	return n, ok
}

// top is the last character of an encoding other than GSM7.
func (e Encoding) top() rune {
	switch e {
	case ASCII:
		return 0x7F
	case UCS2:
		return utf8.MaxRune
	}
	return 0xFF
}

// Append appends s in e. A character that e lacks is a *CharError, and dst is
// returned as it was.
func (e Encoding) Append(dst []byte, s string) ([]byte, error) {
	switch e {
	case GSM7:
		return EncodeGSM7(dst, s)
	case UCS2:
		return EncodeUCS2(dst, s), nil
	}
	out, top := dst, e.top()
	for i, r := range s {
		if r > top {
			return dst, &CharError{r, i, e}
		}
		out = append(out, byte(r))
	}
	return out, nil
}

// Decode reads src in e.
func (e Encoding) Decode(src []byte) string {
	switch e {
	case GSM7:
		return DecodeGSM7(src)
	case UCS2:
		return DecodeUCS2(src)
	}
	top := e.top()
	var small [256]byte
	out := small[:0]
	for _, c := range src {
		r := rune(c)
		if r > top {
			r = replacement
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// EncodeUCS2 appends s in UTF-16, big endian. Characters beyond 16 bits become
// surrogate pairs, which phones that know only UCS-2 show as two boxes.
func EncodeUCS2(dst []byte, s string) []byte {
	for _, r := range s {
		if r > 0xFFFF {
			hi, lo := utf16.EncodeRune(r)
			dst = append(dst, byte(hi>>8), byte(hi), byte(lo>>8), byte(lo))
		} else {
			dst = append(dst, byte(r>>8), byte(r))
		}
	}
	return dst
}

// DecodeUCS2 reads UTF-16, big endian. A surrogate without its other half and an
// odd octet at the end are U+FFFD. A byte order mark is a character like others.
func DecodeUCS2(src []byte) string {
	var small [256]byte
	out := small[:0]
	for len(src) >= 2 {
		r := rune(src[0])<<8 | rune(src[1])
		src = src[2:]
		if utf16.IsSurrogate(r) {
			var low rune
			if len(src) >= 2 {
				low = rune(src[0])<<8 | rune(src[1])
			}
			if r = utf16.DecodeRune(r, low); r != replacement {
				src = src[2:]
			}
		}
		out = utf8.AppendRune(out, r)
	}
	if len(src) > 0 {
		out = utf8.AppendRune(out, replacement)
	}
	return string(out)
}

// Choose returns the cheapest encoding that every phone reads and that has all of
// s's characters: GSM7, or UCS2 and the characters that forced it, each once, in
// the order of s.
func Choose(s string) (e Encoding, forcedBy []rune) {
	for _, r := range s {
		if (Alphabet{}).code(r) == noCode && !slices.Contains(forcedBy, r) {
			forcedBy = append(forcedBy, r)
		}
	}
	if forcedBy != nil {
		return UCS2, forcedBy
	}
	return GSM7, nil
}
