package sessions

import (
	"encoding/binary"
	"time"
)

// Proposal is what one operator says became of an action, until another confirms
// it. Its zero value is none.
type Proposal struct {
	State  ActionState // Done or Rejected; Accepted: that the action be reversed; 0: there is no proposal
	Ref    string      // the core's reference, where the operator found one
	Reason string      // stable code of a refusal
	Note   string      // why, in the operator's words
	By     string
	At     time.Time
}

// Entry is a line of what operators did with an action.
type Entry struct {
	At   time.Time
	By   string
	What string // a stable word: proposed-done, confirmed-done, withdrawn, ...
	Note string
}

// DiscrepancyState is where a discrepancy is in its life.
type DiscrepancyState uint8

// The states of a discrepancy.
const (
	DiscrepancyOpen   DiscrepancyState = iota + 1 // an operator must look; it is kept until one did
	DiscrepancyClosed                             // somebody looked, and said what it was
)

// Discrepancy is evidence that does not fit what is recorded of an action. It
// changes no state by itself. There is one of each kind for an action: the same
// again is counted.
type Discrepancy struct {
	ID       string // action id + "/" + kind
	MSISDN   string // of the action's customer: the record lives with theirs
	Version  uint64 // compare-and-set, as in Session
	State    DiscrepancyState
	Action   string      // the action's id
	Kind     string      // a stable word: late, mismatch, callback
	Recorded ActionState // the action's state when the evidence came
	Claim    string      // what the evidence says, a stable word: done, rejected, unknown
	Detail   string      // the evidence in its own words, bounded, never a secret
	Times    uint32
	First    time.Time
	Last     time.Time
	Closed   time.Time
	ClosedBy string
	Note     string // what it was, in the words of who closed it

	later later
}

func (d *Discrepancy) owner() string { return d.MSISDN }
func (*Discrepancy) isRecord()       {}

// What Scan goes through.
const (
	ScanActions       = "actions"       // all that are still kept
	ScanOpen          = "open"          // actions that are not final
	ScanDiscrepancies = "discrepancies" // open and closed
)

// appendOperator writes the fields of an action that came after format 1 was
// first in use: a record without them ends before.
func (a *Action) appendOperator(dst []byte) []byte {
	dst = appendString(dst, a.Reverses)
	dst = appendString(dst, a.Reversal)
	p := &a.Proposal
	dst = append(dst, byte(p.State))
	dst = appendString(dst, p.Ref)
	dst = appendString(dst, p.Reason)
	dst = appendString(dst, p.Note)
	dst = appendString(dst, p.By)
	dst = appendTime(dst, p.At)
	dst = binary.AppendUvarint(dst, uint64(len(a.History)))
	for i := range a.History {
		e := &a.History[i]
		dst = appendTime(dst, e.At)
		dst = appendString(dst, e.By)
		dst = appendString(dst, e.What)
		dst = appendString(dst, e.Note)
	}
	return dst
}

func (a *Action) decodeOperator(r *reader) {
	a.Reverses, a.Reversal = r.string(), r.string()
	a.Proposal = Proposal{State: ActionState(r.octet()), Ref: r.string(), Reason: r.string(), Note: r.string(),
		By: r.string(), At: r.time()}
	n := r.uvarint()
	if n == 0 {
		return
	}
	if n > uint64(len(r.s))/4 { // an Entry is at least three lengths and a time
		r.fail()
		return
	}
	a.History = make([]Entry, n)
	for i := range a.History {
		a.History[i] = Entry{At: r.time(), By: r.string(), What: r.string(), Note: r.string()}
	}
}

// AppendBinary appends the discrepancy's stored form. It never fails.
func (d *Discrepancy) AppendBinary(dst []byte) ([]byte, error) {
	dst = appendHeader(dst, kindDiscrepancy, d.Version, time.Time{})
	dst = append(dst, byte(d.State), byte(d.Recorded))
	dst = appendString(dst, d.ID)
	dst = appendString(dst, d.MSISDN)
	dst = appendString(dst, d.Action)
	dst = appendString(dst, d.Kind)
	dst = appendString(dst, d.Claim)
	dst = appendString(dst, d.Detail)
	dst = binary.AppendUvarint(dst, uint64(d.Times))
	dst = appendTime(dst, d.First)
	dst = appendTime(dst, d.Last)
	dst = appendTime(dst, d.Closed)
	dst = appendString(dst, d.ClosedBy)
	return append(appendString(dst, d.Note), d.later...), nil
}

// MarshalBinary returns the discrepancy's stored form.
func (d *Discrepancy) MarshalBinary() ([]byte, error) { return d.AppendBinary(nil) }

// UnmarshalBinary is as Session's.
func (d *Discrepancy) UnmarshalBinary(row []byte) error { return d.decode(string(row)) }

func (d *Discrepancy) decode(row string) error {
	r, h, err := read(row, kindDiscrepancy)
	if err != nil {
		return err
	}
	v := Discrepancy{
		Version:  h.version,
		State:    DiscrepancyState(r.octet()),
		Recorded: ActionState(r.octet()),
		ID:       r.string(),
		MSISDN:   r.string(),
		Action:   r.string(),
		Kind:     r.string(),
		Claim:    r.string(),
		Detail:   r.string(),
		Times:    r.uint32(),
		First:    r.time(),
		Last:     r.time(),
		Closed:   r.time(),
		ClosedBy: r.string(),
		Note:     r.string(),
		later:    r.later(),
	}
	if r.err == nil {
		*d = v
	}
	return r.err
}

// handOn gives what Scan found to its caller.
func handOn(what string, rows []string, each func(Record) error) error {
	for _, row := range rows {
		var r Record
		if what == ScanDiscrepancies {
			d := new(Discrepancy)
			if err := d.decode(row); err != nil {
				return err
			}
			r = d
		} else {
			a := new(Action)
			if err := a.decode(row); err != nil {
				return err
			}
			if what == ScanOpen && a.State.Final() {
				continue // it ended since its index was read
			}
			r = a
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}
