package sessions

import (
	"context"
	"encoding/binary"
	"time"
)

// Wish is a customer who asked to be told when a call can be made again. There
// is one for each customer and call, however often it is asked.
type Wish struct {
	MSISDN   string
	Call     string // what was unavailable: the record's id
	Version  uint64 // compare-and-set, as in Session
	Granted  bool   // told, or given up: the record is forgotten soon, or asked anew
	Code     string // what the SMS says to dial
	Language string
	Asked    time.Time
	Expires  time.Time // nobody wants to know any more
	Due      time.Time // when QueueWishes delivers it; zero: never

	later later
}

func (w *Wish) owner() string { return w.MSISDN }
func (*Wish) isRecord()       {}

// QueueWishes is where customers wait for a service to come back.
const QueueWishes = "wishes"

// keepGranted is how long a granted wish stays, for who looks at it meanwhile.
const keepGranted = time.Minute

// AppendBinary appends the wish's stored form. It never fails.
func (w *Wish) AppendBinary(dst []byte) ([]byte, error) {
	dst = appendHeader(dst, kindWish, w.Version, w.Due)
	var granted byte
	if w.Granted {
		granted = 1
	}
	dst = append(dst, granted)
	dst = appendString(dst, w.MSISDN)
	dst = appendString(dst, w.Call)
	dst = appendString(dst, w.Code)
	dst = appendString(dst, w.Language)
	dst = appendTime(dst, w.Asked)
	return append(appendTime(dst, w.Expires), w.later...), nil
}

// MarshalBinary returns the wish's stored form.
func (w *Wish) MarshalBinary() ([]byte, error) { return w.AppendBinary(nil) }

// UnmarshalBinary is as Session's.
func (w *Wish) UnmarshalBinary(row []byte) error { return w.decode(string(row)) }

func (w *Wish) decode(row string) error {
	r, h, err := read(row, kindWish)
	if err != nil {
		return err
	}
	d := Wish{
		Version:  h.version,
		Due:      timeOf(h.time),
		Granted:  r.octet() != 0,
		MSISDN:   r.string(),
		Call:     r.string(),
		Code:     r.string(),
		Language: r.string(),
		Asked:    r.time(),
		Expires:  r.time(),
		later:    r.later(),
	}
	if r.err == nil {
		*w = d
	}
	return r.err
}

// Recent is an action that a customer confirmed a short time ago, as long as it
// matters to the next dialogue.
type Recent struct {
	ID   string // of the Action
	Hash uint64 // keyed hash of what was asked: the same again has the same
	At   time.Time
	Told bool // it is final, and the customer knows
}

// MaxRecent bounds what is remembered of one customer.
const MaxRecent = 8

// appendRecent writes the fields of a customer that came after format 1 was first
// in use: a record without them ends before.
func (c *Customer) appendRecent(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Recent)))
	for i := range c.Recent {
		e := &c.Recent[i]
		dst = appendString(dst, e.ID)
		dst = binary.BigEndian.AppendUint64(dst, e.Hash)
		dst = appendTime(dst, e.At)
		var told byte
		if e.Told {
			told = 1
		}
		dst = append(dst, told)
	}
	return dst
}

func (c *Customer) decodeRecent(r *reader) {
	n := r.uvarint()
	if n == 0 {
		return
	}
	if n > uint64(len(r.s))/11 { // each is a length, a hash, a time and an octet
		r.fail()
		return
	}
	c.Recent = make([]Recent, n)
	for i := range c.Recent {
		c.Recent[i] = Recent{ID: r.string(), Hash: r.uint64(), At: r.time(), Told: r.octet() != 0}
	}
}

// Notice is as Store's.
func (e *Embedded) Notice(ctx context.Context, owner, id string) (Notice, error) {
	if err := checkRecord(owner, "the notice's id", id); err != nil {
		return Notice{}, err
	}
	var n Notice
	err := e.read(ctx, recordKey(kindNotice, owner, id), n.decode)
	return n, err
}

// Wish is as Store's.
func (e *Embedded) Wish(ctx context.Context, msisdn, call string) (Wish, error) {
	if err := checkRecord(msisdn, "the wish's call", call); err != nil {
		return Wish{}, err
	}
	var w Wish
	err := e.read(ctx, recordKey(kindWish, msisdn, call), w.decode)
	return w, err
}

// Notice is as Store's.
func (v *Valkey) Notice(ctx context.Context, owner, id string) (Notice, error) {
	if err := checkRecord(owner, "the notice's id", id); err != nil {
		return Notice{}, err
	}
	var n Notice
	row, err := v.get(ctx, v.recordKey(kindNotice, owner, id))
	if err == nil {
		err = n.decode(row)
	}
	return n, err
}

// Wish is as Store's.
func (v *Valkey) Wish(ctx context.Context, msisdn, call string) (Wish, error) {
	if err := checkRecord(msisdn, "the wish's call", call); err != nil {
		return Wish{}, err
	}
	var w Wish
	row, err := v.get(ctx, v.recordKey(kindWish, msisdn, call))
	if err == nil {
		err = w.decode(row)
	}
	return w, err
}

func checkRecord(msisdn, what, id string) error {
	if err := checkMSISDN(msisdn); err != nil {
		return err
	}
	return checkPart(what, id, 0)
}
