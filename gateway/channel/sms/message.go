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
	dcsUCS2  = text.DCSUCS2
	maxParts = 6 // of one message: the menus' own limit on a notice is lower
)

// Long is how a message of several parts is written.
type Long uint8

// The ways of long messages.
const (
	UDH8    Long = iota // parts with a user data header, 8-bit reference
	UDH16               // the same with a 16-bit reference, an octet more each
	SAR                 // parts with sar_* parameters (SMPP 3.4 section 5.3.2.22)
	Payload             // whole, in message_payload: the SMSC makes the parts
)

// Format is how a network reads SMS. The zero value is the usual but for UCS2,
// which New and NewInbox fill in: data_coding 0 is the GSM alphabet, 8 UCS-2.
type Format struct {
	Coding text.Coding
	DCS    uint8 // data_coding of texts in the network's own alphabet
	UCS2   uint8 // and of those in UCS-2; 8 if 0
	Long   Long
	// Languages have shift tables that the network's phones know: texts in them
	// need no UCS-2. Only with Long UDH8 or UDH16.
	Languages []text.Language
}

func (f Format) withDefaults() Format {
	if f.UCS2 == 0 {
		f.UCS2 = dcsUCS2
	}
	return f
}

// notice builds the submit_sm of a notice, several if it is long. The same
// notice makes the same octets at every try, its concatenation reference
// included, so that a phone can drop what it already has.
func notice(f Format, source string, n sessions.Notice) ([]pdu.SubmitSM, error) {
	s := pdu.SubmitSM{DestAddrTON: tonInternational, DestAddrNPI: npiE164, DestinationAddr: []byte(n.To)}
	from(&s, source)
	parts, err := f.write(s, n.Text, uint16(crc32.ChecksumIEEE([]byte(n.ID))), maxParts)
	if err != nil {
		return nil, fmt.Errorf("sms: notice %s: %w", n.ID, err)
	}
	return parts, nil
}

// from makes source the address that a message comes from.
func from(s *pdu.SubmitSM, source string) {
	s.SourceAddrTON, s.SourceAddrNPI, s.SourceAddr = tonUnknown, npiE164, []byte(source)
	if strings.ContainsFunc(source, func(r rune) bool { return r < '0' || r > '9' }) {
		s.SourceAddrTON, s.SourceAddrNPI = tonAlphanumeric, npiUnknown
	}
}

// write puts a text into as many copies of s as it needs, at most parts; more
// are an error that wraps text.ErrTooLong. ref is the reference of parts.
func (f Format) write(s pdu.SubmitSM, words string, ref uint16, parts int) ([]pdu.SubmitSM, error) {
	m, dcs, err := f.split(words, parts)
	if err != nil {
		return nil, err
	}
	s.DataCoding = dcs
	if f.Long == Payload && len(m.Parts) > 1 {
		whole, err := f.encode(words, m)
		if err != nil {
			return nil, err
		}
		s.TLVs.Add(pdu.TagMessagePayload, whole)
		return []pdu.SubmitSM{s}, nil
	}
	all := make([]pdu.SubmitSM, len(m.Parts))
	for i := range all {
		data, err := f.encode(m.Parts[i].Text, m)
		if err != nil {
			return nil, err
		}
		p := s
		if f.Long == SAR {
			p.ShortMessage = data
			if len(all) > 1 {
				p.TLVs.AddSAR(ref, uint8(len(all)), uint8(i+1))
			}
			all[i] = p
			continue
		}
		header, err := m.Header(i, ref).Append(nil)
		if err != nil {
			return nil, err
		}
		if len(header) > 0 {
			p.ESMClass |= esmUDHI
		}
		p.ShortMessage = append(header, data...)
		all[i] = p
	}
	return all, nil
}

// split cuts a text and says its data_coding. Parts are counted as they go on the
// air, in septets or UCS-2, whatever the network's own alphabet is.
func (f Format) split(words string, parts int) (text.Message, uint8, error) {
	l := text.Limits{Parts: parts, Wide: f.Long == UDH16, Languages: f.Languages}
	own := f.Coding.Encoding(f.DCS)
	if own != text.GSM7 {
		l.Languages = nil
	}
	m, err := text.Split(words, l)
	if err != nil || m.Encoding == text.UCS2 {
		return m, f.UCS2, err
	}
	if own != text.GSM7 {
		if _, ok := own.Len(words); !ok {
			m, err = text.SplitAs(words, text.UCS2, text.Alphabet{}, l)
			return m, f.UCS2, err
		}
	}
	return m, f.DCS, nil
}

// encode writes a part's text as its data_coding says.
func (f Format) encode(words string, m text.Message) ([]byte, error) {
	switch {
	case m.Encoding == text.UCS2:
		return text.EncodeUCS2(nil, words), nil
	case m.Alphabet != (text.Alphabet{}):
		return m.Alphabet.Append(nil, words)
	}
	return f.Coding.Encode(nil, words, f.DCS)
}
