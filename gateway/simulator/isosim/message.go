package isosim

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
)

// message is one of ISO 8583 in ASCII with a binary bitmap.
type message struct {
	mti    string
	fields map[int]string
}

// sizes are the lengths of fixed fields, and the digits of the length, negative,
// of those that vary.
var sizes = map[int]int{
	2: -2, 3: 6, 4: 12, 7: 10, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 18: 4, 22: 3, 25: 2, 32: -2, 33: -2, 35: -2, 37: 12, 38: 6, 39: 2,
	41: 8, 42: 15, 43: 40, 44: -2, 48: -3, 49: 3, 52: 8, 53: 16, 54: -3, 55: -3, 60: -3, 61: -3, 62: -3, 63: -3, 64: 8, 70: 3, 90: 42, 95: 42,
	102: -2, 103: -2, 123: -3, 128: 8,
}

func decode(b []byte) (message, error) {
	m := message{fields: map[int]string{}}
	take := func(n int) string {
		if n < 0 || len(b) < n {
			m.mti = ""
			return ""
		}
		s := string(b[:n])
		b = b[n:]
		return s
	}
	short := errors.New("too short")
	if len(b) < 12 {
		return m, short
	}
	m.mti = take(4)
	bitmap := take(8)
	if bitmap[0]&0x80 != 0 {
		bitmap += take(8)
	}
	for n := 2; n <= 8*len(bitmap); n++ {
		if bitmap[(n-1)/8]&(0x80>>((n-1)%8)) == 0 {
			continue
		}
		size, ok := sizes[n]
		if !ok {
			return m, fmt.Errorf("field %d", n)
		}
		if size < 0 {
			var err error
			if size, err = strconv.Atoi(take(-size)); err != nil {
				return m, short
			}
		}
		m.fields[n] = take(size)
		if m.mti == "" {
			return m, short
		}
	}
	if len(b) > 0 {
		return m, errors.New("too long")
	}
	return m, nil
}

func (m message) encode() []byte {
	var bitmap [16]byte
	size := 8
	var body []byte
	for n := 2; n <= 128; n++ {
		v, ok := m.fields[n]
		if !ok {
			continue
		}
		bitmap[(n-1)/8] |= 0x80 >> ((n - 1) % 8)
		if n > 64 {
			bitmap[0] |= 0x80
			size = 16
		}
		if d := sizes[n]; d < 0 {
			body = fmt.Appendf(body, "%0*d", -d, len(v))
		}
		body = append(body, v...)
	}
	return append(append([]byte(m.mti), bitmap[:size]...), body...)
}

// answer copies what an answer repeats of its request.
func (m message) answer(code string) message {
	a := message{mti: m.mti[:2] + string(m.mti[2]+1) + "0", fields: maps.Clone(m.fields)}
	delete(a.fields, 52)
	delete(a.fields, 90)
	a.fields[39] = code
	return a
}
