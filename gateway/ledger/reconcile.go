package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
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
	DiffState      = "state"      // ours is final, and the statement says another thing, or a word that is not known
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
	Line    int    `json:"line,omitempty"`   // of the statement
	Ref     string `json:"ref,omitempty"`    // theirs
	Theirs  string `json:"theirs,omitempty"` // done, rejected, or the statement's word if that is not known
	Charged string `json:"their_amount,omitempty"`
	Detail  string `json:"detail,omitempty"`
	// Claim is what Theirs means; Pending: nobody has said what the word means.
	Claim core.Status `json:"-"`
}

// Opposite says whether the statement claims the opposite of an action that is
// final: done of what we say moved no money, or failed of what we say is done.
func (d *Difference) Opposite() bool { return d.Kind == DiffState && d.Claim != core.Pending }

// Summary counts what was compared.
type Summary struct {
	Ours        int            `json:"ours"`
	Theirs      int            `json:"theirs"`  // lines of the statement
	Outside     int            `json:"outside"` // of them, those of another day: they were not compared
	Agreed      int            `json:"agreed"`
	Differences map[string]int `json:"differences"`
	// Unknown are the statement's status words that are in neither list of its
	// layout, each once; at most 20.
	Unknown []string `json:"unknown_words,omitempty"`
}

// maxUnknown bounds Summary.Unknown, and maxDays the days of other lines.
const (
	maxUnknown = 20
	maxDays    = 1000
)

// ErrNothingCompared says that a statement has no line of the day: "no
// difference" would be said of nothing.
var ErrNothingCompared = errors.New("nothing was compared")

// Reconciliation compares a day's actions with the core's statement of it. Add
// all actions, then Compare each line of the statement, then Finish. It keeps a
// few hundred octets for each action, and nothing of the statement.
type Reconciliation struct {
	from, to time.Time
	report   func(Difference)
	byID     map[string]*pairing
	byRef    map[string]*pairing
	days     map[string]int // lines of other days
	compared int
	bad      *LineError // the first that could not be read
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
		days: map[string]int{}, sum: Summary{Differences: map[string]int{}}}
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
	if r.bad == nil {
		r.bad = e
	}
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
	if !row.Time.IsZero() && !r.inside(row.Time) && (p == nil || !r.inside(p.Created)) {
		r.sum.Outside++
		if day := row.Time.In(r.from.Location()).Format(time.DateOnly); r.days[day] > 0 || len(r.days) < maxDays {
			r.days[day]++
		}
		return
	}
	r.compared++
	theirs := claimName(row.Status)
	if row.Status == core.Pending {
		theirs = cmp.Or(row.Word, "no word")
		if !slices.Contains(r.sum.Unknown, theirs) && len(r.sum.Unknown) < maxUnknown {
			r.sum.Unknown = append(r.sum.Unknown, theirs)
		}
	}
	if p == nil {
		if row.Status != core.Rejected {
			r.differ(Difference{Kind: DiffForeign, Line: row.Line, Ref: cmp.Or(row.Ref, row.ID), Theirs: theirs, Charged: row.Amount, Claim: row.Status})
		}
		return
	}
	p.seen = true
	d := Difference{Action: p.ID, MSISDN: p.MSISDN, State: StateName(p.State), Amount: p.Amount,
		Line: row.Line, Ref: row.Ref, Theirs: theirs, Charged: row.Amount, Claim: row.Status}
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
	case p.State.Final() && (row.Status == core.Done && done || row.Status == core.Rejected && !done):
		r.sum.Agreed++
		return
	case p.State.Final():
		d.Kind = DiffState
	case row.Status == core.Done || row.Status == core.Rejected:
		d.Kind = DiffResolved
	default:
		d.Kind = DiffUnresolved
	}
	r.differ(d)
}

// Finish reports what the statement does not have, and returns the counts. Its
// error wraps ErrNothingCompared and says why.
func (r *Reconciliation) Finish() (Summary, error) {
	if err := r.nothing(); err != nil {
		return r.sum, err
	}
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
	return r.sum, nil
}

// nothing is an error if no line of the statement could be held against the day.
func (r *Reconciliation) nothing() error {
	switch {
	case r.compared > 0:
	case r.sum.Outside > 0:
		return fmt.Errorf("%w: no line of the statement is of %s; it has %s", ErrNothingCompared, r.from.Format(time.DateOnly), r.otherDays())
	case r.bad != nil:
		return fmt.Errorf("%w: no line of the statement can be read: %w", ErrNothingCompared, r.bad)
	case r.sum.Ours > 0:
		return fmt.Errorf("%w: the statement has no lines (or none that ledger.statement.only leaves), and we have %d actions of %s", ErrNothingCompared, r.sum.Ours, r.from.Format(time.DateOnly))
	}
	return nil
}

// otherDays names the first of the days that the statement has, with their lines.
func (r *Reconciliation) otherDays() string {
	const named = 5
	days := slices.Sorted(maps.Keys(r.days))
	var text []string
	for _, day := range days[:min(len(days), named)] {
		lines := "lines"
		if r.days[day] == 1 {
			lines = "line"
		}
		text = append(text, fmt.Sprintf("%d %s of %s", r.days[day], lines, day))
	}
	if len(days) > named {
		text = append(text, fmt.Sprintf("more, up to %s", days[len(days)-1]))
	}
	return strings.Join(text, ", ")
}
