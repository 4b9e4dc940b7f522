package pdu

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// TLV is one optional parameter (SMPP 3.4 section 3.2.4.1). Value holds at most
// 65535 octets; that of a C-Octet String includes its NUL.
type TLV struct {
	Tag   Tag
	Value []byte
}

// TLVs are the optional parameters of a PDU in the order of the wire, with
// duplicates and vendors' tags as they came.
type TLVs []TLV

// Get returns the value of the first parameter with that tag. It is not copied.
func (t TLVs) Get(tag Tag) ([]byte, bool) {
	for i := range t {
		if t[i].Tag == tag {
			return t[i].Value, true
		}
	}
	return nil, false
}

// Uint8 returns the first parameter with that tag if it has one octet.
func (t TLVs) Uint8(tag Tag) (uint8, bool) {
	if v, _ := t.Get(tag); len(v) == 1 {
		return v[0], true
	}
	return 0, false
}

// Uint16 returns the first parameter with that tag if it has two octets.
func (t TLVs) Uint16(tag Tag) (uint16, bool) {
	if v, _ := t.Get(tag); len(v) == 2 {
		return binary.BigEndian.Uint16(v), true
	}
	return 0, false
}

// Uint32 returns the first parameter with that tag if it has four octets.
func (t TLVs) Uint32(tag Tag) (uint32, bool) {
	if v, _ := t.Get(tag); len(v) == 4 {
		return binary.BigEndian.Uint32(v), true
	}
	return 0, false
}

// CString returns the first parameter with that tag without what follows its
// first NUL. A value without a NUL is returned whole: peers do leave it out.
func (t TLVs) CString(tag Tag) ([]byte, bool) {
	v, ok := t.Get(tag)
	if i := bytes.IndexByte(v, 0); i >= 0 {
		v = v[:i]
	}
	return v, ok
}

// Add appends a parameter. The value is kept, not copied.
func (t *TLVs) Add(tag Tag, value []byte) { *t = append(*t, TLV{tag, value}) }

// AddUint8 appends a parameter of one octet.
func (t *TLVs) AddUint8(tag Tag, v uint8) { t.Add(tag, []byte{v}) }

// AddUint16 appends a parameter of two octets.
func (t *TLVs) AddUint16(tag Tag, v uint16) { t.Add(tag, []byte{byte(v >> 8), byte(v)}) }

// AddUint32 appends a parameter of four octets.
func (t *TLVs) AddUint32(tag Tag, v uint32) { t.Add(tag, binary.BigEndian.AppendUint32(nil, v)) }

// AddCString appends a parameter with s and the NUL that ends it.
func (t *TLVs) AddCString(tag Tag, s string) { t.Add(tag, append([]byte(s), 0)) }

// AddSAR appends the three parameters of a part of a long message: part seq of
// total, both from 1, with the sender's reference (SMPP 3.4 sections 5.3.2.22 to
// 5.3.2.24).
func (t *TLVs) AddSAR(ref uint16, total, seq uint8) {
	t.AddUint16(TagSARMsgRefNum, ref)
	t.AddUint8(TagSARTotalSegments, total)
	t.AddUint8(TagSARSegmentSeqnum, seq)
}

// SAR returns what AddSAR appends. It is false unless all three are there and
// 1 <= seq <= total; otherwise the specification has them ignored.
func (t TLVs) SAR() (ref uint16, total, seq uint8, ok bool) {
	ref, hasRef := t.Uint16(TagSARMsgRefNum)
	total, hasTotal := t.Uint8(TagSARTotalSegments)
	seq, hasSeq := t.Uint8(TagSARSegmentSeqnum)
	if !hasRef || !hasTotal || !hasSeq || seq == 0 || seq > total {
		return 0, 0, 0, false
	}
	return ref, total, seq, true
}

// Set replaces the first parameter with that tag and removes the others, or
// appends one if there is none. The value is kept, not copied.
func (t *TLVs) Set(tag Tag, value []byte) {
	found := false
	kept := (*t)[:0]
	for _, p := range *t {
		if p.Tag == tag {
			if found {
				continue
			}
			found, p.Value = true, value
		}
		kept = append(kept, p)
	}
	if !found {
		kept = append(kept, TLV{tag, value})
	}
	*t = kept
}

// Append appends the parameters as they go on the wire. A value of over 65535
// octets is an *EncodeError, and dst is returned as it was.
func (t TLVs) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(t)
	return e.done(dst)
}

// DecodeTLVs appends the parameters in src to dst; their values alias src. Its
// error is a *DecodeError.
func DecodeTLVs(dst TLVs, src []byte) (TLVs, error) {
	d := decoder{src: src}
	dst = d.tlvs(dst)
	return dst, d.done()
}

// Clone returns a deep copy.
func (t TLVs) Clone() TLVs {
	if t == nil {
		return nil
	}
	c := make(TLVs, len(t))
	for i, p := range t {
		c[i] = TLV{p.Tag, bytes.Clone(p.Value)}
	}
	return c
}

// Check compares the length of each known parameter with its specification and
// reports the first that does not fit as a *DecodeError with StatusInvTLVLen;
// its Offset counts from the first parameter. Decode does not do so itself.
func (t TLVs) Check() error {
	off := 0
	for _, p := range t {
		if s, ok := p.Tag.Spec(); ok && (len(p.Value) < s.Min || len(p.Value) > s.Max) {
			return &DecodeError{s.Name, off, StatusInvTLVLen,
				fmt.Sprintf("has %d octets, not %d to %d", len(p.Value), s.Min, s.Max)}
		}
		off += 4 + len(p.Value)
	}
	return nil
}
