package pdu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// encoder appends fields to b and remembers the first error.
type encoder struct {
	b   []byte
	err error
}

// done ends an Append: the first error with the caller's slice, or the result.
func (e *encoder) done(dst []byte) ([]byte, error) {
	if e.err != nil {
		return dst, e.err
	}
	return e.b, nil
}

func (e *encoder) fail(name string, limit int, reason string) {
	if e.err == nil {
		e.err = &EncodeError{name, limit, reason}
	}
}

func (e *encoder) tooLong(name string, n, limit int, unit string) {
	e.fail(name, limit, fmt.Sprintf("has %d %s, at most %d are allowed", n, unit, limit))
}

// cstring appends a C-Octet String.
func (e *encoder) cstring(f field, v []byte) {
	if len(v) > fields[f].max {
		e.tooLong(fields[f].name, len(v), fields[f].max, "octets")
		return
	}
	if len(v) > 0 {
		if bytes.IndexByte(v, 0) >= 0 {
			e.fail(fields[f].name, 0, "contains a NUL")
			return
		}
		e.b = append(e.b, v...)
	}
	e.b = append(e.b, 0)
}

// time appends a time: nothing or 16 octets (SMPP 3.4 section 7.1.1).
func (e *encoder) time(f field, v []byte) {
	if len(v) != 0 && len(v) != fields[f].max {
		e.fail(fields[f].name, fields[f].max, fmt.Sprintf("has %d octets, a time has 0 or 16", len(v)))
		return
	}
	e.cstring(f, v)
}

// shortMessage appends sm_length and short_message.
func (e *encoder) shortMessage(v []byte) {
	if len(v) > math.MaxUint8 {
		e.tooLong(fields[fieldShortMessage].name, len(v), math.MaxUint8, "octets")
		return
	}
	e.b = append(e.b, byte(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) tlvs(t TLVs) {
	for i := range t {
		v := t[i].Value
		if len(v) > math.MaxUint16 {
			e.tooLong(t[i].Tag.String(), len(v), math.MaxUint16, "octets")
			return
		}
		tag := t[i].Tag
		e.b = append(e.b, byte(tag>>8), byte(tag), byte(len(v)>>8), byte(len(v)))
		e.b = append(e.b, v...)
	}
}

// decoder reads fields from src and remembers the first error. An error moves it
// to the end of src, so that the calls after it find nothing.
type decoder struct {
	src []byte
	off int
	err *DecodeError

	tolerance Tolerance
}

func (d *decoder) done() error {
	if d.err != nil {
		return d.err // not returned as it is: a nil *DecodeError is not a nil error
	}
	return nil
}

func (d *decoder) fail(name string, off int, status Status, reason string) {
	if d.err == nil {
		d.err = &DecodeError{name, off, status, reason}
	}
	d.off = len(d.src)
}

func (d *decoder) truncated(f field) {
	if d.err == nil {
		d.fail(fields[f].name, d.off, StatusInvCmdLen, "is missing: the PDU ends before it")
	}
	d.off = len(d.src)
}

func (d *decoder) uint8(f field) uint8 {
	if d.off < len(d.src) {
		v := d.src[d.off]
		d.off++
		return v
	}
	d.truncated(f)
	return 0
}

// cstring reads a C-Octet String of any length that src holds: many peers exceed
// the maximum of the specification, and it costs nothing to understand them.
func (d *decoder) cstring(f field) []byte {
	if d.off >= len(d.src) {
		d.truncated(f)
		return nil
	}
	if d.src[d.off] == 0 {
		d.off++
		return nil
	}
	rest := d.src[d.off:]
	i := bytes.IndexByte(rest, 0)
	if i < 0 {
		if d.tolerance.Unterminated {
			d.off = len(d.src)
			return rest[:len(rest):len(rest)]
		}
		d.fail(fields[f].name, d.off, fields[f].status, "has no NUL at its end")
		return nil
	}
	d.off += i + 1
	return rest[:i:i]
}

// shortMessage reads sm_length and short_message.
func (d *decoder) shortMessage() []byte {
	n := int(d.uint8(fieldSMLength))
	if n == 0 {
		return nil
	}
	if n > len(d.src)-d.off {
		d.fail(fields[fieldShortMessage].name, d.off, StatusInvMsgLen,
			fmt.Sprintf("should have %d octets, the PDU holds %d more", n, len(d.src)-d.off))
		return nil
	}
	v := d.src[d.off : d.off+n : d.off+n]
	d.off += n
	return v
}

// tlvs reads the rest of src into t, whose capacity is used again.
func (d *decoder) tlvs(t TLVs) TLVs {
	src, off := d.src, d.off
	for off < len(src) {
		if len(src)-off < 4 {
			d.fail("TLV", off, StatusInvTLVStream, fmt.Sprintf("has a head of %d octets, not 4", len(src)-off))
			return t
		}
		tag := Tag(binary.BigEndian.Uint16(src[off:]))
		n := int(binary.BigEndian.Uint16(src[off+2:]))
		if n > len(src)-off-4 && d.tolerance.ShortTLV {
			n = len(src) - off - 4
		}
		if n > len(src)-off-4 {
			d.fail(tag.String(), off, StatusInvTLVLen,
				fmt.Sprintf("should have %d octets, the PDU holds %d more", n, len(src)-off-4))
			return t
		}
		off += 4
		t = append(t, TLV{tag, src[off : off+n : off+n]})
		off += n
	}
	d.off = off
	return t
}
