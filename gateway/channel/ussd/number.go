package ussd

import (
	"errors"
	"strings"

	"nyota/menus"
)

var errNumber = errors.New("ussd: the source address is not a phone number")

// maxE164 is the longest number of ITU-T E.164 section 6.2.1, in digits.
const maxE164 = 15

// E164 brings an address as operators write it to E.164 digits.
func E164(addr []byte, c menus.Country) (string, error) { return e164(addr, c) }

// e164 brings an address as operators write it (+255..., 00255..., 0700...,
// 255...) to E.164 digits.
func e164(addr []byte, c menus.Country) (string, error) {
	s := strings.TrimPrefix(string(addr), "+")
	s = strings.TrimPrefix(s, "00")
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", errNumber
	}
	switch {
	case c.Trunk != "" && strings.HasPrefix(s, c.Trunk) && len(s) == len(c.Trunk)+c.National:
		s = c.Prefix + s[len(c.Trunk):]
	case len(s) == c.National:
		s = c.Prefix + s
	}
	if len(s) > maxE164 {
		return "", errNumber
	}
	return s, nil
}

// dialled brings a code that a network put into the destination address to the
// form in which people dial it: *150*00#.
func dialled(addr []byte) string {
	s := string(addr)
	if s == "" {
		return s
	}
	if s[0] != '*' && s[0] != '#' {
		s = "*" + s
	}
	if s[len(s)-1] != '#' {
		s += "#"
	}
	return s
}
