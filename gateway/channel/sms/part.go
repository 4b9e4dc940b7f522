package sms

import (
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// esmTypeMask has the message type in esm_class (SMPP 3.4 section 5.2.12): 0 is a
// message, all else a receipt or an acknowledgement.
const esmTypeMask = 0x3C

// part is a short message as it came, or a part of a long one. It aliases what it
// was read from.
type part struct {
	from, to []byte
	dcs      uint8
	alphabet text.Alphabet
	concat   text.Concat
	data     []byte // behind the user data header
}

// partOf reads a message. ErrUDH says that its header cannot be read.
func partOf(body pdu.Body) (part, error) {
	var p part
	var esm uint8
	var tlvs pdu.TLVs
	switch b := body.(type) {
	case *pdu.DeliverSM:
		p, esm, tlvs = part{from: b.SourceAddr, to: b.DestinationAddr, dcs: b.DataCoding, data: b.ShortMessage}, b.ESMClass, b.TLVs
	case *pdu.DataSM:
		p, esm, tlvs = part{from: b.SourceAddr, to: b.DestinationAddr, dcs: b.DataCoding}, b.ESMClass, b.TLVs
	case *pdu.SubmitSM:
		p, esm, tlvs = part{from: b.SourceAddr, to: b.DestinationAddr, dcs: b.DataCoding, data: b.ShortMessage}, b.ESMClass, b.TLVs
	}
	if whole, ok := tlvs.Get(pdu.TagMessagePayload); ok && len(p.data) == 0 {
		p.data = whole
	}
	if esm&esmUDHI != 0 {
		h, rest, err := text.ParseUDH(p.data)
		if err != nil {
			return p, err
		}
		p.data, p.alphabet, p.concat = rest, h.Alphabet, h.Concat
	}
	if ref, total, seq, ok := tlvs.SAR(); ok && p.concat.Total == 0 {
		p.concat = text.Concat{Ref: ref, Wide: true, Total: total, Seq: seq}
	}
	return p, nil
}

// decode reads octets of this message, or of all its parts.
func (p *part) decode(c text.Coding, octets []byte) string {
	if p.alphabet != (text.Alphabet{}) && c.Encoding(p.dcs) == text.GSM7 {
		return p.alphabet.Decode(octets)
	}
	return c.Decode(octets, p.dcs)
}

// join puts a message together. It is false until all parts are there.
func join(in *text.Reassembler, now time.Time, p part, c text.Coding) (words string, whole bool) {
	parts, done := in.Add(now, string(p.from), string(p.to), p.concat, p.data)
	if !done {
		return "", false
	}
	if len(parts) == 1 {
		return p.decode(c, parts[0]), true
	}
	var all []byte
	for _, part := range parts {
		all = append(all, part...)
	}
	return p.decode(c, all), true
}
