package ledger

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

// Kinds of differences between our day and the core's.
const (
	DiffMissing    = "missing"    // we say done, and the statement does not have it
	DiffForeign    = "foreign"    // the statement has it, and we do not
	DiffAmount     = "amount"     // the same transaction, another amount
	DiffState      = "state"      // we and the statement say the opposite
	DiffTwice      = "twice"      // it took effect more than once
	DiffResolved   = "resolved"   // we do not know what became of it, the statement does
	DiffUnresolved = "unresolved" // neither knows
	DiffUnreadable = "unreadable" // a line of the statement
)

// Ours is an action as reconciliation needs it.
type Ours struct {
	ID, MSISDN, Call, Amount, Ref, WireKey string
	State                                  sessions.ActionState
	Created                                time.Time
}

// Difference is something that a person must look at.
type Difference struct {
	Kind    string `json:"kind"`
	Action  string `json:"action,omitempty"`
	MSISDN  string `json:"msisdn,omitempty"`
	State   string `json:"state,omitempty"` // ours
	Amount  string `json:"amount,omitempty"`
	Line    int    `json:"line,omitempty"` // of the statement
	Ref     string `json:"ref,omitempty"`  // theirs
	Theirs  string `json:"theirs,omitempty"`
	Charged string `json:"their_amount,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Summary counts what was compared.
type Summary struct {
	Ours        int            `json:"ours"`
	Theirs      int            `json:"theirs"`
	Agreed      int            `json:"agreed"`
	Differences map[string]int `json:"differences"`
}

// Reconciliation compares a day's actions with the core's statement of it. Add
// all actions, then Compare each line of the statement, then Finish. It keeps a
// few hundred octets for each action, and nothing of the statement.
type Reconciliation struct {
	from, to time.Time
	report   func(Difference)
	byID     map[string]*pairing
	byRef    map[string]*pairing
	sum      Summary
}

// pairing is one of our actions and what the statement said of it.
type pairing struct {
	Ours
	seen    bool
	effects int
}

// Margin is how far beyond the day actions are to be added: the core's clock, and
// a transaction's way to it, may put it on another day than ours.
const Margin = time.Hour

// NewReconciliation compares the actions created from one time to another;
// report takes each difference as it is found.
func NewReconciliation(from, to time.Time, report func(Difference)) *Reconciliation {
	return &Reconciliation{from: from, to: to, report: report, byID: map[string]*pairing{}, byRef: map[string]*pairing{},
		sum: Summary{Differences: map[string]int{}}}
}

// Add takes one of our actions; the same again is no other.
func (r *Reconciliation) Add(o Ours) {
	id := strings.ToLower(o.ID)
	if _, twice := r.byID[id]; twice {
		return
	}
	p := &pairing{Ours: o}
	r.byID[id] = p
	if key := strings.ToLower(o.WireKey); key != "" && key != id {
		r.byID[key] = p
	}
	if o.Ref != "" {
		r.byRef[strings.ToLower(o.Ref)] = p
	}
	if r.inside(o.Created) {
		r.sum.Ours++
	}
}

func (r *Reconciliation) inside(t time.Time) bool { return !t.Before(r.from) && t.Before(r.to) }

func (r *Reconciliation) differ(d Difference) {
	r.sum.Differences[d.Kind]++
	r.report(d)
}

// Unreadable takes a line that could not be read.
func (r *Reconciliation) Unreadable(e *LineError) {
	r.sum.Theirs++
	r.differ(Difference{Kind: DiffUnreadable, Line: e.Line, Detail: e.Why})
}

// Compare holds a line of the statement against our action.
func (r *Reconciliation) Compare(row Row) {
	r.sum.Theirs++
	p := r.byID[strings.ToLower(row.ID)]
	if p == nil || row.ID == "" {
		if p = r.byRef[strings.ToLower(row.Ref)]; row.Ref == "" {
			p = nil
		}
	}
	if p == nil {
		if row.Status == core.Done && (row.Time.IsZero() || r.inside(row.Time)) {
			r.differ(Difference{Kind: DiffForeign, Line: row.Line, Ref: cmp.Or(row.Ref, row.ID), Theirs: claimName(row.Status), Charged: row.Amount})
		}
		return
	}
	p.seen = true
	d := Difference{Action: p.ID, MSISDN: p.MSISDN, State: StateName(p.State), Amount: p.Amount,
		Line: row.Line, Ref: row.Ref, Theirs: claimName(row.Status), Charged: row.Amount}
	if row.Status == core.Done {
		p.effects++
	}
	want, _ := core.Canonical(p.Amount)
	done := p.State == sessions.Done
	switch {
	case p.effects > 1:
		d.Kind = DiffTwice
	case row.Status == core.Done && p.Amount != "" && want != row.Amount:
		d.Kind = DiffAmount
	case p.State.Final() && (row.Status == core.Done && !done || row.Status == core.Rejected && done):
		d.Kind = DiffState
	case p.State.Final():
		r.sum.Agreed++
		return
	case row.Status == core.Done || row.Status == core.Rejected:
		d.Kind = DiffResolved
	default:
		d.Kind = DiffUnresolved
	}
	r.differ(d)
}

// Finish reports what the statement does not have, and returns the counts.
func (r *Reconciliation) Finish() Summary {
	var left []*pairing
	for id, p := range r.byID {
		if id == strings.ToLower(p.ID) && !p.seen && r.inside(p.Created) {
			left = append(left, p)
		}
	}
	slices.SortFunc(left, func(a, b *pairing) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	for _, p := range left {
		d := Difference{Action: p.ID, MSISDN: p.MSISDN, State: StateName(p.State), Amount: p.Amount, Ref: p.Ref}
		switch {
		case p.State == sessions.Done:
			d.Kind = DiffMissing
		case p.State.Final():
			r.sum.Agreed++
			continue
		default:
			d.Kind = DiffUnresolved
		}
		r.differ(d)
	}
	return r.sum
}
