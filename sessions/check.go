package sessions

import (
	"encoding/binary"
	"fmt"
	"time"
)

// maxKeyPart bounds each part of a key, in octets.
const maxKeyPart = 256

// change is one record of a commit as both stores need it.
type change struct {
	rec     Record
	kind    byte
	id      string    // of an action, a notice or a discrepancy
	version uint64    // as the caller knows it; 0 creates
	value   []byte    // encoded, with the version raised
	due     uint64    // orderedTime; 0: in no queue
	open    bool      // an action that is not final
	until   time.Time // when the record may be forgotten; zero: never
}

// raise gives the caller's record its new version, once it is written.
func (c *change) raise() {
	switch r := c.rec.(type) {
	case *Action:
		r.Version++
	case *Notice:
		r.Version++
	case *Customer:
		r.Version++
	case *Discrepancy:
		r.Version++
	case *Wish:
		r.Version++
	}
}

// plan checks the records of one customer and encodes them. durable says
// whether more than a customer is among them.
func plan(msisdn string, records []Record, now time.Time, retention time.Duration) (changes []change, durable bool, err error) {
	if len(records) > MaxRecords {
		return nil, false, fmt.Errorf("%w: %d records in one commit, at most %d", ErrInvalid, len(records), MaxRecords)
	}
	changes = make([]change, len(records))
	for i, rec := range records {
		c := &changes[i]
		c.rec = rec
		switch r := rec.(type) {
		case *Action:
			if r == nil {
				return nil, false, fmt.Errorf("%w: a nil action", ErrInvalid)
			}
			if r.State < Accepted || r.State > Expired {
				return nil, false, fmt.Errorf("%w: action in state %d", ErrInvalid, r.State)
			}
			c.kind, c.id, c.version, c.due, c.open = kindAction, r.ID, r.Version, orderedTime(r.Due), !r.State.Final()
			if r.State.Final() {
				c.until = now.Add(retention)
			}
			c.value, _ = r.AppendBinary(nil)
			durable = true
		case *Notice:
			if r == nil {
				return nil, false, fmt.Errorf("%w: a nil notice", ErrInvalid)
			}
			if r.State < NoticePending || r.State > NoticeFailed {
				return nil, false, fmt.Errorf("%w: notice in state %d", ErrInvalid, r.State)
			}
			c.kind, c.id, c.version, c.due = kindNotice, r.ID, r.Version, orderedTime(r.Due)
			if r.State != NoticePending {
				c.until = now.Add(retention)
			}
			c.value, _ = r.AppendBinary(nil)
			durable = true
		case *Customer:
			if r == nil {
				return nil, false, fmt.Errorf("%w: a nil customer", ErrInvalid)
			}
			c.kind, c.version = kindCustomer, r.Version
			c.value, _ = r.AppendBinary(nil)
		case *Discrepancy:
			if r == nil {
				return nil, false, fmt.Errorf("%w: a nil discrepancy", ErrInvalid)
			}
			if r.State < DiscrepancyOpen || r.State > DiscrepancyClosed {
				return nil, false, fmt.Errorf("%w: discrepancy in state %d", ErrInvalid, r.State)
			}
			c.kind, c.id, c.version = kindDiscrepancy, r.ID, r.Version
			if r.State == DiscrepancyClosed {
				c.until = now.Add(retention)
			}
			c.value, _ = r.AppendBinary(nil)
			durable = true
		case *Wish:
			if r == nil {
				return nil, false, fmt.Errorf("%w: a nil wish", ErrInvalid)
			}
			c.kind, c.id, c.version, c.due = kindWish, r.Call, r.Version, orderedTime(r.Due)
			if r.Granted {
				c.until = now.Add(keepGranted)
			}
			c.value, _ = r.AppendBinary(nil)
			durable = true
		default:
			return nil, false, fmt.Errorf("%w: a nil record", ErrInvalid)
		}
		if err := checkChange(msisdn, changes[:i], c); err != nil {
			return nil, false, err
		}
		binary.BigEndian.PutUint64(c.value[versionAt:], c.version+1)
	}
	return changes, durable, nil
}

func checkChange(msisdn string, before []change, c *change) error {
	if c.rec.owner() != msisdn {
		return fmt.Errorf("%w: a record of another customer", ErrInvalid)
	}
	if c.kind != kindCustomer {
		if err := checkPart("a record's id", c.id, 0); err != nil {
			return err
		}
	}
	if len(c.value) > MaxRecord {
		return fmt.Errorf("%w: a record of %d octets, at most %d", ErrInvalid, len(c.value), MaxRecord)
	}
	for i := range before {
		if before[i].kind == c.kind && before[i].id == c.id {
			return fmt.Errorf("%w: the same record twice in one commit", ErrInvalid)
		}
	}
	return nil
}

// octetClass is a set of what octets are to keys, for checkPart.
type octetClass uint8

const (
	control octetClass = 1 << iota // never
	colon
	brace
	space
)

// classes are those of all octets.
var classes = func() (t [256]octetClass) {
	for c := range ' ' {
		t[c] = control
	}
	t[0x7f] = control
	t[':'], t[' '] = colon, space
	t['{'], t['}'] = brace, brace
	return t
}()

func checkMSISDN(msisdn string) error { return checkPart("the msisdn", msisdn, colon|brace) }

func checkKey(k Key) error {
	if err := checkMSISDN(k.MSISDN); err != nil {
		return err
	}
	if err := checkPart("the network", k.Network, colon); err != nil {
		return err
	}
	return checkPart("the dialogue's id", k.ID, 0)
}

// checkPart refuses what could make two keys look the same in a store. It never
// repeats the value: it may be a phone number.
func checkPart(what, s string, not octetClass) error {
	if s == "" {
		return fmt.Errorf("%w: %s is empty", ErrInvalid, what)
	}
	if len(s) > maxKeyPart {
		return fmt.Errorf("%w: %s has %d octets, at most %d", ErrInvalid, what, len(s), maxKeyPart)
	}
	not |= control
	for i := range len(s) {
		if classes[s[i]]&not != 0 {
			return fmt.Errorf("%w: %s has octet %#02x", ErrInvalid, what, s[i])
		}
	}
	return nil
}

func checkSession(s *Session) error {
	if err := checkKey(s.Key); err != nil {
		return err
	}
	if s.Expires.IsZero() && !s.Ended {
		return fmt.Errorf("%w: a session without Expires", ErrInvalid)
	}
	return nil
}

func checkSize(value []byte) error {
	if len(value) > MaxRecord {
		return fmt.Errorf("%w: a session of %d octets, at most %d", ErrInvalid, len(value), MaxRecord)
	}
	return nil
}

// putOwner returns the customer that all records belong to.
func putOwner(records []Record) (string, error) {
	var msisdn string
	switch r := records[0].(type) {
	case *Action:
		if r != nil {
			msisdn = r.MSISDN
		}
	case *Notice:
		if r != nil {
			msisdn = r.Owner
		}
	case *Wish:
		if r != nil {
			msisdn = r.MSISDN
		}
	case *Customer:
		if r != nil {
			msisdn = r.MSISDN
		}
	case *Discrepancy:
		if r != nil {
			msisdn = r.MSISDN
		}
	}
	return msisdn, checkMSISDN(msisdn)
}

func queueKind(queue string) (byte, error) {
	switch queue {
	case QueueActions:
		return kindAction, nil
	case QueueNotices:
		return kindNotice, nil
	case QueueWishes:
		return kindWish, nil
	}
	return 0, fmt.Errorf("%w: no queue is named %q", ErrInvalid, queue)
}

func checkClaim(worker string, lease time.Duration, n int) error {
	switch {
	case worker == "":
		return fmt.Errorf("%w: a claim without a worker", ErrInvalid)
	case lease <= 0:
		return fmt.Errorf("%w: a lease of %v", ErrInvalid, lease)
	case n < 1 || n > MaxClaim:
		return fmt.Errorf("%w: a claim of %d records, 1 to %d", ErrInvalid, n, MaxClaim)
	}
	return nil
}

func checkRevision(id string, source []byte) error {
	if err := checkPart("the revision's id", id, 0); err != nil {
		return err
	}
	if len(source) > MaxRevision {
		return fmt.Errorf("%w: a revision of %d octets, at most %d", ErrInvalid, len(source), MaxRevision)
	}
	return nil
}

// fnv64 is FNV-1a: it spreads customers over stripes and slots. Slots are part
// of Valkey's stored layout, so it never changes.
func fnv64(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
