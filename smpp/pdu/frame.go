package pdu

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AppendHeader appends the 16 octets of h as they are: h.Length is the caller's.
// With a Length of HeaderLen it is a whole PDU without a body.
func AppendHeader(dst []byte, h Header) []byte {
	dst = binary.BigEndian.AppendUint32(dst, h.Length)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.ID))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Status))
	return binary.BigEndian.AppendUint32(dst, h.Sequence)
}

// DecodeHeader reads the first HeaderLen octets of src. It does not judge the
// length beyond that it takes in the header: how long a PDU may be is the
// connection's decision. Its error is a *DecodeError.
func DecodeHeader(src []byte) (Header, error) {
	if len(src) < HeaderLen {
		return Header{}, &DecodeError{"header", 0, StatusInvCmdLen, fmt.Sprintf("has %d octets, not 16", len(src))}
	}
	h := Header{
		Length:   binary.BigEndian.Uint32(src),
		ID:       CommandID(binary.BigEndian.Uint32(src[4:])),
		Status:   Status(binary.BigEndian.Uint32(src[8:])),
		Sequence: binary.BigEndian.Uint32(src[12:]),
	}
	if h.Length < HeaderLen {
		return h, &DecodeError{"command_length", 0, StatusInvCmdLen, fmt.Sprintf("is %d, less than the header's 16", h.Length)}
	}
	return h, nil
}

// AppendPDU appends a whole PDU: header with the right length, then b. On an
// error it returns dst as it was.
func AppendPDU(dst []byte, status Status, seq uint32, b Body) ([]byte, error) {
	if b == nil {
		return dst, ErrNoBody
	}
	start := len(dst)
	out := AppendHeader(dst, Header{ID: b.ID(), Status: status, Sequence: seq})
	out, err := b.Append(out)
	if err != nil {
		return dst, err
	}
	n := len(out) - start
	if n > math.MaxUint32 {
		return dst, &EncodeError{"command_length", math.MaxUint32, "does not fit 32 bits"}
	}
	binary.BigEndian.PutUint32(out[start:], uint32(n))
	return out, nil
}

// Append appends the whole PDU. Its length is computed; without a body it is
// the header alone, with p's id.
func (p PDU) Append(dst []byte) ([]byte, error) {
	if p.Body == nil {
		h := p.Header
		h.Length = HeaderLen
		return AppendHeader(dst, h), nil
	}
	return AppendPDU(dst, p.Status, p.Sequence, p.Body)
}

// Tolerance says which malformed bodies DecodeBody accepts. The zero value is
// what a Body's own Decode does: C-Octet Strings longer than the specification
// allows are accepted always, as they are not ambiguous.
type Tolerance struct {
	// Unterminated accepts a C-Octet String without its NUL where it is the
	// last thing in the PDU, as some peers send message_id.
	Unterminated bool
	// ShortTLV accepts a last optional parameter that announces more octets
	// than the PDU has left, with those that are there. Some peers announce the
	// maximum, 65, for every receipted_message_id.
	ShortTLV bool
}

// codec is what the bodies of this package have beside Body.
type codec interface {
	decode(src []byte, t Tolerance) error
	clone() Body
}

// DecodeBody decodes src into b with the given tolerance. Bodies of other
// packages are decoded with their own Decode.
func DecodeBody(b Body, src []byte, t Tolerance) error {
	if c, ok := b.(codec); ok {
		return c.decode(src, t)
	}
	return b.Decode(src)
}

// Decode reads one whole PDU from the start of src, which must hold all that
// command_length announces. The body aliases src. A response whose body is left
// out although its kind has mandatory fields gets a nil Body. If the header is
// good and the body is not, the header is returned with the error, a
// *DecodeError; an unknown command_id has StatusInvCmdID.
func Decode(src []byte) (PDU, error) {
	h, err := DecodeHeader(src)
	if err != nil {
		return PDU{Header: h}, err
	}
	if uint64(h.Length) > uint64(len(src)) {
		return PDU{Header: h}, &DecodeError{"command_length", 0, StatusInvCmdLen,
			fmt.Sprintf("is %d, only %d octets are there", h.Length, len(src))}
	}
	b := New(h.ID)
	if b == nil {
		return PDU{Header: h}, &DecodeError{"command_id", 4, StatusInvCmdID, "is unknown"}
	}
	body := src[HeaderLen:h.Length]
	if len(body) == 0 && h.ID.omittable() {
		return PDU{Header: h}, nil
	}
	if err := b.Decode(body); err != nil {
		return PDU{Header: h}, err
	}
	return PDU{Header: h, Body: b}, nil
}

// Clone returns a deep copy of b, which must be a body of this package; others,
// and nil, are returned as they are.
func Clone(b Body) Body {
	if c, ok := b.(codec); ok {
		return c.clone()
	}
	return b
}
