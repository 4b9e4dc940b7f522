package sms

import (
	"fmt"
	"hash/crc32"
	"strings"

	"nyota/sessions"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// Types of number and numbering plans (SMPP 3.4 sections 5.2.5 and 5.2.6).
const (
	tonUnknown       = 0
	tonInternational = 1
	tonAlphanumeric  = 5
	npiUnknown       = 0
	npiE164          = 1
)

const (
	esmUDHI  = 0x40 // short_message begins with a user data header
	dcsGSM   = 0
	dcsUCS2  = 8
	maxParts = 6 // of one notice: the menus' own limit on its length is lower
)

// message builds the submit_sm of a notice, several if it is long. The same
// notice makes the same octets at every try, its concatenation reference
// included, so that a phone can drop what it already has.
func message(source string, n sessions.Notice) ([]pdu.SubmitSM, error) {
	m, err := text.Split(n.Text, text.Limits{Parts: maxParts})
	if err != nil {
		return nil, fmt.Errorf("sms: notice %s: %w", n.ID, err)
	}
	ref := uint16(crc32.ChecksumIEEE([]byte(n.ID)))
	parts := make([]pdu.SubmitSM, len(m.Parts))
	for i := range parts {
		short, udh := m.ShortMessage(i, ref)
		s := pdu.SubmitSM{
			SourceAddrTON: tonUnknown, SourceAddrNPI: npiE164, SourceAddr: []byte(source),
			DestAddrTON: tonInternational, DestAddrNPI: npiE164, DestinationAddr: []byte(n.To),
			DataCoding: dcsGSM, ShortMessage: short,
		}
		if strings.ContainsFunc(source, func(r rune) bool { return r < '0' || r > '9' }) {
			s.SourceAddrTON, s.SourceAddrNPI = tonAlphanumeric, npiUnknown
		}
		if m.Encoding == text.UCS2 {
			s.DataCoding = dcsUCS2
		}
		if udh {
			s.ESMClass = esmUDHI
		}
		parts[i] = s
	}
	return parts, nil
}
