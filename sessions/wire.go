package sessions

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A record starts with a header of fixed length, which stores read and patch
// without decoding the rest:
//
//	0       format: formatV1
//	1       kind: kindSession, kindAction, kindNotice, kindCustomer,
//	        kindDiscrepancy or kindWish
//	2..9    Version, big endian
//	10..17  a time as orderedTime: Expires of a session, Due of an action, a
//	        notice or a wish, BalanceAt of a customer
//
// The fields follow in a fixed order. New fields are only ever appended: a newer
// binary takes what is missing as zero, an older one carries what it does not know
// along (later). A change that cannot be made so gets a new format octet: fields
// that must change together with others, of more than maxLater octets, or with a
// secret in them, which an older binary would not erase.
const (
	formatV1 = 1

	kindSession     = 's'
	kindAction      = 'a'
	kindNotice      = 'n'
	kindCustomer    = 'c'
	kindDiscrepancy = 'd'
	kindWish        = 'w'

	versionAt = 2
	timeAt    = 10
	headerLen = 18
)

// orderedTime maps a time to microseconds in an unsigned number that sorts as
// the times do, with 0 for the zero time.
func orderedTime(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMicro()) ^ 1<<63
}

func timeOf(o uint64) time.Time {
	if o == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(o ^ 1<<63)).UTC()
}

// header is what a store needs to know of a stored record.
type header struct {
	kind    byte
	version uint64
	time    uint64 // orderedTime
}

func headerOf[T string | []byte](row T) (header, error) {
	if len(row) < headerLen {
		return header{}, errTruncated
	}
	if row[0] != formatV1 {
		return header{}, fmt.Errorf("sessions: record of format %d: this binary reads format %d", row[0], formatV1)
	}
	var b [headerLen]byte
	copy(b[:], row)
	return header{
		kind:    b[1],
		version: binary.BigEndian.Uint64(b[versionAt:]),
		time:    binary.BigEndian.Uint64(b[timeAt:]),
	}, nil
}

func appendHeader(dst []byte, kind byte, version uint64, t time.Time) []byte {
	dst = append(dst, formatV1, kind)
	dst = binary.BigEndian.AppendUint64(dst, version)
	return binary.BigEndian.AppendUint64(dst, orderedTime(t))
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendTime writes 0 for the zero time and otherwise the zigzag of its
// microseconds plus one: the plus one cannot overflow, as the far ends of an
// int64 of microseconds are no times that UnixMicro returns for years in use.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, 0)
	}
	us := t.UnixMicro()
	return binary.AppendUvarint(dst, (uint64(us)<<1^uint64(us>>63))+1)
}

func appendArgs(dst []byte, args []Arg) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(args)))
	for i := range args {
		dst = appendString(dst, args[i].Name)
		dst = appendString(dst, args[i].Value)
		dst = appendString(dst, args[i].Sealed)
	}
	return dst
}

var errTruncated = errors.New("sessions: record ends too early")

// later is what stands behind the fields that this release knows, as another one
// wrote it. While gateways of both use a store it is written back with the record,
// whoever changes that.
type later string

// maxLater bounds it, in octets. A record with more is not read: it could not be
// written back whole.
const maxLater = 4 << 10

func (r *reader) later() later {
	if len(r.s) > maxLater && r.err == nil {
		r.err = fmt.Errorf("sessions: record has %d octets of a later release, at most %d are carried", len(r.s), maxLater)
	}
	return later(r.s)
}

// reader takes fields from a record and remembers its first error. Strings are
// parts of the record's own: reading them allocates nothing.
type reader struct {
	s   string
	err error
}

// read checks the header and stands behind it.
func read(row string, kind byte) (*reader, header, error) {
	h, err := headerOf(row)
	if err != nil {
		return nil, h, err
	}
	if h.kind != kind {
		return nil, h, fmt.Errorf("sessions: record of kind %q where %q was expected", h.kind, kind)
	}
	return &reader{s: row[headerLen:]}, h, nil
}

func (r *reader) fail() {
	r.s = ""
	if r.err == nil {
		r.err = errTruncated
	}
}

func (r *reader) octet() byte {
	if r.s == "" {
		r.fail()
		return 0
	}
	b := r.s[0]
	r.s = r.s[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	var v uint64
	for i := 0; i < len(r.s) && i < binary.MaxVarintLen64; i++ {
		b := r.s[i]
		if b < 0x80 {
			if i == binary.MaxVarintLen64-1 && b > 1 {
				break
			}
			r.s = r.s[i+1:]
			return v | uint64(b)<<(7*i)
		}
		v |= uint64(b&0x7f) << (7 * i)
	}
	r.fail()
	return 0
}

func (r *reader) uint32() uint32 {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.fail()
		return 0
	}
	return uint32(v)
}

func (r *reader) uint64() uint64 {
	if len(r.s) < 8 {
		r.fail()
		return 0
	}
	var b [8]byte
	copy(b[:], r.s)
	r.s = r.s[8:]
	return binary.BigEndian.Uint64(b[:])
}

func (r *reader) string() string {
	n := r.uvarint()
	if n > uint64(len(r.s)) {
		r.fail()
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *reader) bytes() []byte {
	if s := r.string(); s != "" {
		return []byte(s)
	}
	return nil
}

func (r *reader) time() time.Time {
	v := r.uvarint()
	if v == 0 {
		return time.Time{}
	}
	v--
	return time.UnixMicro(int64(v>>1) ^ -int64(v&1)).UTC()
}

func (r *reader) args() []Arg {
	n := r.uvarint()
	if n == 0 {
		return nil
	}
	if n > uint64(len(r.s))/3 { // an Arg is at least three lengths
		r.fail()
		return nil
	}
	args := make([]Arg, n)
	for i := range args {
		args[i] = Arg{Name: r.string(), Value: r.string(), Sealed: r.bytes()}
	}
	return args
}
