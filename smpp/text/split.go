package text

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrTooLong is wrapped by Split's error for a text of too many parts.
var ErrTooLong = errors.New("text: too long")

// Limits bound what Split makes. The zero value is that of SMS.
type Limits struct {
	// Octets of user data in one message, the header included; 0 is 140.
	Octets int
	// Wide asks for 16-bit references, which cost an octet of each part.
	Wide bool
	// Parts is the most that a message may have, at most 255; 0 is 255.
	Parts int
	// Languages whose shift tables may be used, where the phones are known to
	// have them. None: the default alphabet or UCS-2.
	Languages []Language
}

// Part is one message of a split text.
type Part struct {
	Text string
	Data []byte // Text encoded, without the user data header
}

// Message is a text as one or more parts.
type Message struct {
	Encoding Encoding
	Alphabet Alphabet // of GSM7
	Wide     bool
	Parts    []Part
}

// Header returns the header of part i, counted from 0, with the given reference.
// It is empty for a single part in the default alphabet or in UCS-2.
func (m Message) Header(i int, ref uint16) Header {
	h := Header{}
	if m.Encoding == GSM7 {
		h.Alphabet = m.Alphabet
	}
	if len(m.Parts) > 1 {
		if !m.Wide {
			ref &= 0xFF
		}
		h.Concat = Concat{Ref: ref, Wide: m.Wide, Total: uint8(len(m.Parts)), Seq: uint8(i + 1)}
	}
	return h
}

// ShortMessage returns the short_message of part i: header and text. The header
// asks for esm_class 0x40; udh reports whether there is one.
func (m Message) ShortMessage(i int, ref uint16) (msg []byte, udh bool) {
	h := m.Header(i, ref)
	msg, err := h.Append(make([]byte, 0, h.Len()+len(m.Parts[i].Data)))
	if err != nil { // at most 13 octets: cannot be
		return m.Parts[i].Data, false
	}
	return append(msg, m.Parts[i].Data...), len(msg) > 0
}

// Split encodes s in the cheapest way and cuts it into as few parts as need be. A
// cut never falls inside an escape sequence, a surrogate pair or a grapheme,
// unless a grapheme alone is longer than a part: then it falls between its runes.
// Parts are sized for a user data header; with sar_* parameters in its place the
// message centre makes that header itself, so the sizes are the same. An empty
// text is one empty part.
func Split(s string, l Limits) (Message, error) {
	if a, ok := ChooseAlphabet(s, l.Languages...); ok {
		return SplitAs(s, GSM7, a, l)
	}
	return SplitAs(s, UCS2, Alphabet{}, l)
}

// SplitAs is Split with a given encoding, and with a given alphabet if that is
// GSM7. A character that it lacks is a *CharError.
func SplitAs(s string, e Encoding, a Alphabet, l Limits) (Message, error) {
	if l.Octets == 0 {
		l.Octets = 140
	}
	if l.Parts == 0 || l.Parts > 255 {
		l.Parts = 255
	}
	m := Message{Encoding: e, Wide: l.Wide}
	if e == GSM7 {
		m.Alphabet = a
	}
	w := writer{e, m.Alphabet}
	total, err := w.units(s, 0)
	if err != nil {
		return Message{}, err
	}
	if total <= w.room(l.Octets, Header{Alphabet: m.Alphabet}) {
		p, err := w.part(s)
		m.Parts = []Part{p}
		return m, err
	}
	room := w.room(l.Octets, Header{Alphabet: m.Alphabet, Concat: Concat{Wide: l.Wide, Total: 2}})
	if room < 2 { // an escape sequence and a surrogate pair take two
		return Message{}, fmt.Errorf("%w: %d octets leave no room for text", ErrTooLong, l.Octets)
	}
	if (total+room-1)/room > l.Parts {
		return Message{}, w.tooMany(l.Parts)
	}
	for rest, at := s, 0; rest != ""; {
		n, err := w.fit(rest, room, at)
		if err != nil {
			return Message{}, err
		}
		if len(m.Parts) == l.Parts {
			return Message{}, w.tooMany(l.Parts)
		}
		p, err := w.part(rest[:n])
		if err != nil {
			return Message{}, err
		}
		m.Parts = append(m.Parts, p)
		rest, at = rest[n:], at+n
	}
	return m, nil
}

// writer counts and encodes in one encoding.
type writer struct {
	e Encoding
	a Alphabet
}

func (w writer) tooMany(most int) error {
	return fmt.Errorf("%w: more than %d parts of %s", ErrTooLong, most, w.e)
}

// room returns how many units fit beside the header: septets begin at the next
// septet boundary, 16-bit units come whole.
func (w writer) room(octets int, h Header) int {
	left := octets - h.Len()
	switch w.e {
	case GSM7:
		return octets*8/7 - (h.Len()*8+6)/7
	case UCS2:
		return left / 2
	}
	return left
}

// units returns what s takes; at is its place in the whole text, for the error.
func (w writer) units(s string, at int) (int, error) {
	var n int
	var ok bool
	if w.e == GSM7 {
		n, ok = w.a.Septets(s)
	} else {
		n, ok = w.e.Len(s)
	}
	if ok {
		return n, nil
	}
	for i, r := range s {
		if !w.has(r) {
			return 0, &CharError{r, at + i, w.e}
		}
	}
	return n, nil
}

func (w writer) has(r rune) bool {
	if w.e == GSM7 {
		return w.a.code(r) != noCode
	}
	return r <= w.e.top()
}

func (w writer) part(s string) (Part, error) {
	if w.e == GSM7 {
		d, err := w.a.Append(nil, s)
		return Part{s, d}, err
	}
	d, err := w.e.Append(nil, s)
	return Part{s, d}, err
}

// fit returns the octets of s that fit into room units, at least one rune.
func (w writer) fit(s string, room, at int) (int, error) {
	n, used := 0, 0
	for n < len(s) {
		g := graphemeLen(s[n:])
		u, err := w.units(s[n:n+g], at+n)
		if err != nil {
			return 0, err
		}
		if used+u > room {
			if n > 0 {
				return n, nil
			}
			return w.fitRunes(s[:g], room)
		}
		n += g
		used += u
	}
	return n, nil
}

// fitRunes cuts a grapheme that is longer than a part.
func (w writer) fitRunes(s string, room int) (int, error) {
	n, used := 0, 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		u, err := w.units(s[n:n+size], n)
		if err != nil {
			return 0, err
		}
		if used+u > room {
			break
		}
		n += size
		used += u
	}
	return n, nil
}
