package text

import "errors"

// ErrUDH is returned for a user data header that is not well-formed.
var ErrUDH = errors.New("text: malformed user data header")

// Information elements that Header knows (3GPP TS 23.040 section 9.2.3.24).
const (
	elementConcat8  = 0x00
	elementConcat16 = 0x08
	elementSingle   = 0x24
	elementLocking  = 0x25
)

// Concat is one part's place in a concatenated message. Without parts (Total 0)
// it is absent.
type Concat struct {
	Ref   uint16 // the sender's number of the message, 8 bits unless Wide
	Wide  bool   // 16-bit reference
	Total uint8  // parts, 1 to 255
	Seq   uint8  // this part, 1 to Total
}

// Element is an information element that Header has no field for.
type Element struct {
	ID   byte
	Data []byte // at most 255 octets
}

// Header is a user data header: what goes before the text when esm_class has its
// UDH indicator (0x40) set.
type Header struct {
	Concat   Concat
	Alphabet Alphabet
	Other    []Element // verbatim, in order
}

// Len returns the header's octets, its length octet included, or 0 if it is
// empty and so not sent at all.
func (h Header) Len() int {
	n := 0
	if h.Concat.Total > 0 {
		n += 5
		if h.Concat.Wide {
			n++
		}
	}
	if h.Alphabet.Locking != 0 {
		n += 3
	}
	if h.Alphabet.Single != 0 {
		n += 3
	}
	for _, e := range h.Other {
		n += 2 + len(e.Data)
	}
	if n > 0 {
		n++
	}
	return n
}

// Append appends the header with its length octet, or nothing if it is empty.
// More than 255 octets of elements are ErrUDH, and dst is returned as it was.
func (h Header) Append(dst []byte) ([]byte, error) {
	n := h.Len()
	if n == 0 {
		return dst, nil
	}
	if n-1 > 255 {
		return dst, ErrUDH
	}
	out := append(dst, byte(n-1))
	if c := h.Concat; c.Total > 0 {
		if c.Wide {
			out = append(out, elementConcat16, 4, byte(c.Ref>>8), byte(c.Ref), c.Total, c.Seq)
		} else {
			out = append(out, elementConcat8, 3, byte(c.Ref), c.Total, c.Seq)
		}
	}
	if l := h.Alphabet.Single; l != 0 {
		out = append(out, elementSingle, 1, byte(l))
	}
	if l := h.Alphabet.Locking; l != 0 {
		out = append(out, elementLocking, 1, byte(l))
	}
	for _, e := range h.Other {
		out = append(out, e.ID, byte(len(e.Data)))
		out = append(out, e.Data...)
	}
	return out, nil
}

// ParseUDH reads the header at the start of a message and returns it with what
// follows; both alias src. Elements that contradict themselves (part 3 of 2) are
// ignored, of repeated ones the last counts, as 3GPP TS 23.040 section 9.2.3.24
// asks. A header longer than the message or with a broken element is ErrUDH; rest
// is then what follows the announced length, so that the text can still be read.
func ParseUDH(src []byte) (h Header, rest []byte, err error) {
	if len(src) == 0 {
		return Header{}, nil, ErrUDH
	}
	n := int(src[0])
	if n > len(src)-1 {
		return Header{}, nil, ErrUDH
	}
	udh, rest := src[1:1+n], src[1+n:]
	for len(udh) > 0 {
		if len(udh) < 2 || int(udh[1]) > len(udh)-2 {
			return Header{}, rest, ErrUDH
		}
		data := udh[2 : 2+int(udh[1])]
		h.element(udh[0], data)
		udh = udh[2+len(data):]
	}
	return h, rest, nil
}

func (h *Header) element(id byte, data []byte) {
	switch {
	case id == elementConcat8 && len(data) == 3:
		h.concat(Concat{Ref: uint16(data[0]), Total: data[1], Seq: data[2]})
	case id == elementConcat16 && len(data) == 4:
		h.concat(Concat{Ref: uint16(data[0])<<8 | uint16(data[1]), Wide: true, Total: data[2], Seq: data[3]})
	case id == elementSingle && len(data) == 1:
		h.Alphabet.Single = Language(data[0])
	case id == elementLocking && len(data) == 1:
		h.Alphabet.Locking = Language(data[0])
	default:
		h.Other = append(h.Other, Element{id, data})
	}
}

func (h *Header) concat(c Concat) {
	if c.Total > 0 && c.Seq > 0 && c.Seq <= c.Total {
		h.Concat = c
	}
}
