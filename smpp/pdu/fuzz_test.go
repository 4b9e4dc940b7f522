package pdu

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzBody decodes a body of each kind, encodes it and decodes it again. What is
// read liberally and not sent (too long a string, a time of 3 octets) ends there.
func FuzzBody(f *testing.F) {
	for _, v := range loadVectors(f) {
		if src := v.bytes(f); len(src) >= HeaderLen {
			h, _ := DecodeHeader(src)
			f.Add(uint32(h.ID), src[HeaderLen:])
		}
	}
	for _, id := range allIDs(f) {
		b := New(id)
		fill(b)
		wire, err := b.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint32(id), wire)
	}
	f.Fuzz(func(t *testing.T, rawID uint32, src []byte) {
		id := CommandID(rawID)
		b := New(id)
		if b == nil {
			return
		}
		for _, tolerance := range []Tolerance{{}, {Unterminated: true, ShortTLV: true}} {
			err := DecodeBody(b, src, tolerance)
			if err != nil {
				var de *DecodeError
				if !errors.As(err, &de) || de.Status == StatusOK || de.Offset > len(src) {
					t.Fatalf("error %v", err)
				}
				continue
			}
			wire, err := b.Append(nil)
			if err != nil {
				var ee *EncodeError
				if !errors.As(err, &ee) {
					t.Fatalf("error %v", err)
				}
				continue
			}
			if tolerance == (Tolerance{}) && len(src) > 0 && !bytes.Equal(wire, src) {
				t.Fatalf("encodes to %x", wire)
			}
			again := New(id)
			fill(again) // a used body must not show through
			if err := again.Decode(wire); err != nil {
				t.Fatalf("%x: %v", wire, err)
			}
			nilEmpty(b)
			nilEmpty(again)
			if !reflect.DeepEqual(b, again) {
				t.Fatalf("%+v is %+v", b, again)
			}
		}
	})
}

// nilEmpty makes empty slices nil, as those of a body that was used are not.
func nilEmpty(b Body) {
	v := reflect.ValueOf(b).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
}

// FuzzPDU decodes whole PDUs with wrong lengths and ids.
func FuzzPDU(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.bytes(f))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := Decode(src)
		if err != nil {
			return
		}
		out, err := p.Append(nil)
		if err != nil {
			return
		}
		if !bytes.Equal(out, src[:p.Length]) {
			t.Fatalf("encodes to %x", out)
		}
	})
}

// FuzzTLVs checks that what is decoded encodes to the same octets.
func FuzzTLVs(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x01\x02\x13\x83\x00\x02\x07\x02"))
	f.Add([]byte("\x15\x01\x00\x00\x15\x01\xff\xff"))
	f.Fuzz(func(t *testing.T, src []byte) {
		tlvs, err := DecodeTLVs(nil, src)
		if err != nil {
			return
		}
		out, err := tlvs.Append(nil)
		if err != nil || !bytes.Equal(out, src) {
			t.Fatalf("encodes to %x, %v", out, err)
		}
		for _, p := range tlvs {
			if v, ok := tlvs.Get(p.Tag); !ok || v == nil {
				t.Fatalf("%s is not found", p.Tag)
			}
		}
		if len(tlvs) > 0 {
			c := tlvs.Clone()
			c.Set(c[0].Tag, []byte("new"))
			if v, ok := c.CString(c[0].Tag); !ok || string(v) != "new" {
				t.Fatalf("set, and is %q", v)
			}
		}
		if err := tlvs.Check(); err != nil && err.Error() == "" {
			t.Fatal("an error that says nothing")
		}
	})
}

// FuzzReceipt checks that a receipt that was read and written is read the same.
func FuzzReceipt(f *testing.F) {
	for _, tt := range receiptForms {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		r, ok := ParseReceiptText(src, time.UTC)
		if !ok {
			return
		}
		wire := r.AppendText(nil)
		again, ok := ParseReceiptText(wire, time.UTC)
		if !ok {
			t.Fatalf("%q is no receipt", wire)
		}
		r.SubmitDate, r.DoneDate = onWire(r.SubmitDate), onWire(r.DoneDate)
		r.Text = strings.TrimRight(r.Text[:min(len(r.Text), 20)], "\x00")
		if r.Err == "" {
			r.Err = "000"
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatalf("%q: %s", wire, diff)
		}
	})
}

// onWire is what remains of a date in a receipt's ten digits.
func onWire(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Date(2000+t.Year()%100, t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
}

// FuzzTime checks that absolute times survive being written again.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"151110145607000+", "000002000000000R", "991231235959948-", ""} {
		f.Add([]byte(s))
	}
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, src []byte) {
		at, err := ParseTime(src, now)
		if err != nil || len(src) == 0 || src[15] == 'R' {
			return
		}
		again, err := ParseTime(AbsoluteTime(at), now)
		if err != nil {
			t.Fatal(err)
		}
		if at.UTC().Year() >= 2000 && at.UTC().Year() < 2100 && !again.Equal(at) {
			t.Fatalf("%s is %s", at, again)
		}
	})
}
