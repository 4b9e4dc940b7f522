// Package text turns Go strings into what SMS and USSD carry and back: the GSM
// 7-bit default alphabet with its extension and all national shift tables, UCS-2
// (UTF-16 with surrogate pairs), Latin-1 and ASCII. It counts septets, chooses
// the cheapest encoding, splits long texts and puts them together again.
//
// Decoding never fails: what has no meaning becomes U+FFFD. Encoding never
// substitutes: a character that does not fit is a *CharError.
//
//	gsm7.go       alphabets of 7 bits, one septet an octet
//	locking.go    the tables of the alphabets
//	single.go     the tables behind an escape
//	pack.go       eight septets in seven octets
//	encoding.go   Encoding, UCS-2, Latin-1, ASCII, Choose
//	coding.go     data_coding
//	udh.go        user data headers
//	grapheme.go   what a split keeps together
//	split.go      segmentation
//	reassemble.go the way back, bounded and expiring
package text

import "fmt"

// CharError says that an encoding has no code for a character.
type CharError struct {
	Char     rune
	Offset   int // octets from the start of the string
	Encoding Encoding
}

func (e *CharError) Error() string {
	return fmt.Sprintf("text: %U at octet %d is not in %s", e.Char, e.Offset, e.Encoding)
}
