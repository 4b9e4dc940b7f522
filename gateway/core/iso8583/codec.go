package iso8583

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Message is a decoded message. A binary field's value is its octets.
type Message struct {
	MTI    string         // message type: 4 digits
	Fields map[int]string // 2 to 128
}

// Encoding is how a value's characters become octets.
type Encoding uint8

// The encodings of values, lengths, the message type and the bitmap.
const (
	ASCII  Encoding = iota // one octet for each character; a bitmap as hexadecimal digits
	BCD                    // two digits in an octet, an odd one with a 0 before it
	Binary                 // octets as they are
)

// Kind is what a field may hold.
type Kind uint8

// The kinds of values (ISO 8583 section 4.2: n, an and ans, b).
const (
	Numeric Kind = iota // digits; a fixed one is filled with zeros on the left
	Text                // printable ASCII; a fixed one is filled with spaces on the right
	Octets              // any octets
)

// Field is how one field is packed.
type Field struct {
	Kind     Kind
	Encoding Encoding
	Length   int // of a fixed field, or the most; in characters, of Octets in octets
	// Prefix is the digits of the length in front of the value: 0 is fixed, 2
	// LLVAR, 3 LLLVAR.
	Prefix         int
	PrefixEncoding Encoding // ASCII or BCD; it counts characters, not octets
}

// Spec is a packager: how messages of one switch are written.
type Spec struct {
	MTI    Encoding // ASCII or BCD
	Bitmap Encoding // ASCII or Binary
	Fields map[int]Field
}

func (s *Spec) check() error {
	if s.MTI == Binary || s.Bitmap == BCD {
		return errors.New("iso8583: spec: the message type is ASCII or BCD, the bitmap ASCII or binary")
	}
	for n, f := range s.Fields {
		switch {
		case n < 2 || n > 128 || n == 65:
			return fmt.Errorf("iso8583: spec: there is no field %d", n)
		case f.Length < 1 || f.Length > 999 || f.Prefix != 0 && f.Prefix != 2 && f.Prefix != 3 || f.Prefix == 2 && f.Length > 99:
			return fmt.Errorf("iso8583: spec: field %d: its length does not fit", n)
		case f.PrefixEncoding == Binary || f.Encoding == BCD && f.Kind != Numeric || (f.Encoding == Binary) != (f.Kind == Octets):
			return fmt.Errorf("iso8583: spec: field %d: its encoding does not suit what it holds", n)
		}
	}
	return nil
}

// Append writes a message after dst. Its errors name the field, never its value.
func (s *Spec) Append(dst []byte, m Message) ([]byte, error) {
	if !numeric(m.MTI, 4) {
		return nil, errors.New("iso8583: the message type is not 4 digits")
	}
	dst, _ = appendText(dst, m.MTI, s.MTI)
	var bitmap [16]byte
	size := 8
	for n := range m.Fields {
		if _, ok := s.Fields[n]; !ok {
			return nil, fmt.Errorf("iso8583: the spec has no field %d", n)
		}
		bitmap[(n-1)/8] |= 0x80 >> ((n - 1) % 8)
		if n > 64 {
			size = 16
			bitmap[0] |= 0x80
		}
	}
	if s.Bitmap == Binary {
		dst = append(dst, bitmap[:size]...)
	} else {
		dst = append(dst, strings.ToUpper(hex.EncodeToString(bitmap[:size]))...)
	}
	for n := 2; n <= 128; n++ {
		v, ok := m.Fields[n]
		if !ok {
			continue
		}
		var err error
		if dst, err = s.Fields[n].append(dst, v); err != nil {
			return nil, fmt.Errorf("iso8583: field %d: %w", n, err)
		}
	}
	return dst, nil
}

func (f Field) append(dst []byte, v string) ([]byte, error) {
	if err := f.suits(v); err != nil {
		return nil, err
	}
	if len(v) > f.Length {
		return nil, fmt.Errorf("it has more than %d characters", f.Length)
	}
	if f.Prefix > 0 {
		dst, _ = appendText(dst, fmt.Sprintf("%0*d", f.Prefix, len(v)), f.PrefixEncoding)
	} else if gap := f.Length - len(v); gap > 0 {
		switch f.Kind {
		case Numeric:
			v = strings.Repeat("0", gap) + v
		case Text:
			v += strings.Repeat(" ", gap)
		default:
			return nil, fmt.Errorf("it must have %d octets", f.Length)
		}
	}
	return appendText(dst, v, f.Encoding)
}

// suits says whether a value has only what its kind may have.
func (f Field) suits(v string) error {
	for i := range len(v) {
		if c := v[i]; f.Kind == Numeric && (c < '0' || c > '9') || f.Kind == Text && (c < ' ' || c > '~') {
			return errors.New("it has a character that cannot be there")
		}
	}
	return nil
}

// appendText writes characters; BCD ones are digits.
func appendText(dst []byte, v string, e Encoding) ([]byte, error) {
	if e != BCD {
		return append(dst, v...), nil
	}
	if len(v)%2 == 1 {
		v = "0" + v
	}
	for i := 0; i < len(v); i += 2 {
		dst = append(dst, (v[i]-'0')<<4|(v[i+1]-'0'))
	}
	return dst, nil
}

var errShort = errors.New("the message ends too early")

// Decode reads one whole message; octets after it are an error. A field that the
// spec does not have is one too, as nobody can say where it ends.
func (s *Spec) Decode(src []byte) (Message, error) {
	m := Message{Fields: map[int]string{}}
	var err error
	if m.MTI, src, err = takeText(src, 4, s.MTI); err != nil {
		return m, fmt.Errorf("iso8583: message type: %w", err)
	}
	if !numeric(m.MTI, 4) {
		return m, errors.New("iso8583: the message type is not 4 digits")
	}
	bitmap, src, err := s.takeBitmap(src)
	if err != nil {
		return m, fmt.Errorf("iso8583: bitmap: %w", err)
	}
	for n := 2; n <= 8*len(bitmap); n++ {
		if bitmap[(n-1)/8]&(0x80>>((n-1)%8)) == 0 {
			continue
		}
		f, ok := s.Fields[n]
		if !ok {
			return m, fmt.Errorf("iso8583: the spec has no field %d", n)
		}
		var v string
		if v, src, err = f.take(src); err != nil {
			return m, fmt.Errorf("iso8583: field %d: %w", n, err)
		}
		m.Fields[n] = v
	}
	if len(src) > 0 {
		return m, errors.New("iso8583: there are octets after the message")
	}
	return m, nil
}

func (s *Spec) takeBitmap(src []byte) ([]byte, []byte, error) {
	part := func() ([]byte, error) {
		size := 8
		if s.Bitmap == ASCII {
			size = 16
		}
		if len(src) < size {
			return nil, errShort
		}
		b := src[:size]
		src = src[size:]
		if s.Bitmap == Binary {
			return b, nil
		}
		out := make([]byte, 8)
		if _, err := hex.Decode(out, b); err != nil {
			return nil, errors.New("it is not hexadecimal")
		}
		return out, nil
	}
	first, err := part()
	if err != nil || first[0]&0x80 == 0 {
		return first, src, err
	}
	second, err := part()
	if err != nil {
		return nil, nil, err
	}
	return append(first[:8:8], second...), src, nil
}

func (f Field) take(src []byte) (string, []byte, error) {
	n := f.Length
	if f.Prefix > 0 {
		digits, rest, err := takeText(src, f.Prefix, f.PrefixEncoding)
		if err != nil {
			return "", nil, err
		}
		n = 0
		for _, d := range digits {
			if d < '0' || d > '9' {
				return "", nil, errors.New("its length is not a number")
			}
			n = n*10 + int(d-'0')
		}
		if n > f.Length {
			return "", nil, fmt.Errorf("it has more than %d characters", f.Length)
		}
		src = rest
	}
	v, src, err := takeText(src, n, f.Encoding)
	if err != nil {
		return "", nil, err
	}
	if err := f.suits(v); err != nil {
		return "", nil, err
	}
	return v, src, nil
}

// takeText reads n characters.
func takeText(src []byte, n int, e Encoding) (string, []byte, error) {
	if e != BCD {
		if len(src) < n {
			return "", nil, errShort
		}
		return string(src[:n]), src[n:], nil
	}
	size := (n + 1) / 2
	if len(src) < size {
		return "", nil, errShort
	}
	out := make([]byte, 0, 2*size)
	for _, b := range src[:size] {
		if b>>4 > 9 || b&15 > 9 {
			return "", nil, errors.New("it has a digit that is none")
		}
		out = append(out, '0'+b>>4, '0'+b&15)
	}
	if n%2 == 1 {
		if out[0] != '0' {
			return "", nil, errors.New("its first half octet is not 0")
		}
		out = out[1:]
	}
	return string(out), src[size:], nil
}
