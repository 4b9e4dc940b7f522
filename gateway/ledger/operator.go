package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"nyota/gateway/core"
	"nyota/sessions"
)

// Errors of what operators ask for. Each says what to do; none is the store's.
var (
	// ErrRefused says that the action is not in the state that this needs.
	ErrRefused = errors.New("ledger: refused")
	// ErrTwoPersons says that whoever asks may not be the one to do it.
	ErrTwoPersons = errors.New("ledger: two persons are needed")
	// ErrAmbiguous says that a reference names more than one action.
	ErrAmbiguous = errors.New("ledger: more than one action has this reference")
)

// What an operator can say of an action.
const (
	SayDone     = "done"     // the core's books have it
	SayRejected = "rejected" // the core's books do not have it: no money moved
	SayReverse  = "reverse"  // take a confirmed debit back
)

// Bounds of what operators write.
const (
	maxNote    = 500 // characters
	maxRef     = 64
	maxHistory = 64 // entries of one action
)

// Verdict is what an operator proposes.
type Verdict struct {
	Outcome string // SayDone, SayRejected or SayReverse
	Ref     string // of SayDone: the core's transaction
	Reason  string // of SayRejected: one of core's reasons; default other
	Note    string // why: needed
}

// Propose records what operator by says became of an action that waits for a
// decision (MANUAL), or that a confirmed one is to be reversed. Nothing changes
// for the customer until another operator confirms it.
func (l *Ledger) Propose(ctx context.Context, by, msisdn, id string, v Verdict) (sessions.Action, error) {
	p := sessions.Proposal{Ref: core.Clean(v.Ref, maxRef), Reason: v.Reason, Note: words(v.Note), By: by, At: l.Now()}
	if p.Note == "" {
		return sessions.Action{}, fmt.Errorf("%w: say why", ErrRefused)
	}
	wants := sessions.Manual
	switch v.Outcome {
	case SayDone:
		p.State, p.Reason = sessions.Done, ""
		if p.Ref == "" {
			return sessions.Action{}, fmt.Errorf("%w: name the core's reference of the transaction: without one nobody has seen it", ErrRefused)
		}
	case SayRejected:
		p.State, p.Ref = sessions.Rejected, ""
		if p.Reason == "" {
			p.Reason = core.Other
		}
		if !core.KnownReason(p.Reason) && p.Reason != core.NotSent {
			return sessions.Action{}, fmt.Errorf("%w: %q is no reason of a refusal", ErrRefused, p.Reason)
		}
	case SayReverse:
		p.State, p.Ref, p.Reason, wants = sessions.Accepted, "", "", sessions.Done
	default:
		return sessions.Action{}, fmt.Errorf("%w: the outcome is done, rejected or reverse, not %q", ErrRefused, v.Outcome)
	}
	return l.operate(ctx, msisdn, id, func(a *sessions.Action) error {
		switch {
		case a.State != wants:
			return fmt.Errorf("%w: the action is %s, and this needs one that is %s", ErrRefused, StateName(a.State), StateName(wants))
		case a.Proposal.State != 0:
			return fmt.Errorf("%w: %s proposed something already: confirm or withdraw that first", ErrRefused, a.Proposal.By)
		}
		if v.Outcome == SayReverse {
			if err := l.reversible(ctx, *a); err != nil {
				return err
			}
		}
		a.Proposal = p
		return l.record(a, by, "proposed-"+v.Outcome, p.Note)
	})
}

// Withdraw takes a proposal back: by who made it, or by who does not agree.
func (l *Ledger) Withdraw(ctx context.Context, by, msisdn, id, note string) (sessions.Action, error) {
	return l.operate(ctx, msisdn, id, func(a *sessions.Action) error {
		if a.Proposal.State == 0 {
			return fmt.Errorf("%w: nothing is proposed", ErrRefused)
		}
		a.Proposal = sessions.Proposal{}
		return l.record(a, by, "withdrawn", words(note))
	})
}

// Confirm makes a proposal of another operator the action's outcome: it is final,
// and the customer gets the SMS that any such outcome owes. Of a reversal it
// returns the action that takes the first one back, after its one try.
func (l *Ledger) Confirm(ctx context.Context, by, msisdn, id string) (sessions.Action, error) {
	var birth *sessions.Action
	a, err := l.operate(ctx, msisdn, id, func(a *sessions.Action) error {
		p := a.Proposal
		switch {
		case p.State == 0:
			return fmt.Errorf("%w: nothing is proposed", ErrRefused)
		case samePerson(p.By, by):
			return fmt.Errorf("%w: %s proposed it, and another must confirm it", ErrTwoPersons, by)
		}
		a.Proposal = sessions.Proposal{}
		if p.State == sessions.Accepted {
			if a.State != sessions.Done {
				return fmt.Errorf("%w: the action is %s", ErrRefused, StateName(a.State))
			}
			if err := l.reversible(ctx, *a); err != nil {
				return err
			}
			var err error
			if birth, err = l.reversalOf(*a); err != nil {
				return err
			}
			a.Reversal = birth.ID
			birth.History = []sessions.Entry{{At: l.Now(), By: p.By, What: "proposed-reverse", Note: p.Note}, {At: l.Now(), By: by, What: "confirmed-reverse"}}
			return l.record(a, by, "confirmed-reverse", "")
		}
		if a.State != sessions.Manual {
			return fmt.Errorf("%w: the action is %s", ErrRefused, StateName(a.State))
		}
		a.State, a.EndedAt, a.Due = p.State, l.Now(), time.Time{}
		a.Detail = "decided by " + p.By + " and " + by
		what := "confirmed-" + SayRejected
		if p.State == sessions.Done {
			what = "confirmed-" + SayDone
			a.Ref = p.Ref
		} else {
			a.Reason = p.Reason
		}
		return l.record(a, by, what, "")
	}, &birth)
	if err != nil || birth == nil {
		return a, err
	}
	return l.Run(context.WithoutCancel(ctx), *birth), nil
}

// samePerson says whether two names are one person's: a certificate may write its
// holder's name in another way than the holder's token does.
func samePerson(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// record writes a line into an action's history.
func (l *Ledger) record(a *sessions.Action, by, what, note string) error {
	if len(a.History) >= maxHistory {
		return fmt.Errorf("%w: the action's history is full", ErrRefused)
	}
	a.History = append(a.History, sessions.Entry{At: l.Now(), By: by, What: what, Note: note})
	return nil
}

// operate applies what an operator asks to the stored action, with the records
// that are born by it, and again if another was faster.
func (l *Ledger) operate(ctx context.Context, msisdn, id string, change func(a *sessions.Action) error, born ...**sessions.Action) (sessions.Action, error) {
	for {
		a, err := l.Store.Action(ctx, msisdn, id)
		if err != nil {
			return a, fmt.Errorf("ledger: %w", err)
		}
		was := a.State
		a.History = slices.Clone(a.History)
		for _, b := range born {
			*b = nil
		}
		if err := change(&a); err != nil {
			return a, err
		}
		var records []sessions.Record
		for _, b := range born {
			if *b != nil {
				records = append(records, *b)
			}
		}
		err = l.commit(ctx, &a, !was.Final(), records...)
		switch {
		case err == nil:
			l.Log.Info("an operator's decision", "action", a.ID, "what", a.History[len(a.History)-1].What, "by", a.History[len(a.History)-1].By)
			return a, nil
		case !errors.Is(err, sessions.ErrConflict):
			return a, fmt.Errorf("ledger: it is not known whether this was recorded: look again: %w", err)
		}
	}
}

// Waiting returns the actions in a state that is not final, oldest first, of all
// customers; at most limit, and whether there are more. It reads the whole store.
func (l *Ledger) Waiting(ctx context.Context, state sessions.ActionState, limit int) (list []sessions.Action, more bool, err error) {
	seen := map[string]bool{}
	err = l.Store.Scan(ctx, sessions.ScanOpen, func(r sessions.Record) error {
		a, ok := r.(*sessions.Action)
		if !ok || a.State != state || seen[a.ID] {
			return nil
		}
		if len(list) == limit {
			more = true
			return errEnough
		}
		seen[a.ID] = true
		list = append(list, *a)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	slices.SortFunc(list, func(a, b sessions.Action) int { return a.Created.Compare(b.Created) })
	return list, more, err
}

var errEnough = errors.New("enough")

// Find returns the action that an operator names: by its id, its short reference,
// the core's, or both as Quoted has them. Its error wraps sessions.ErrNotFound or ErrAmbiguous. It reads
// the whole store, the open actions first.
func (l *Ledger) Find(ctx context.Context, name string) (sessions.Action, error) {
	for _, what := range []string{sessions.ScanOpen, sessions.ScanActions} {
		found := map[string]sessions.Action{}
		err := l.Store.Scan(ctx, what, func(r sessions.Record) error {
			a, ok := r.(*sessions.Action)
			switch {
			case !ok:
			case a.ID == name:
				found = map[string]sessions.Action{a.ID: *a}
				return errEnough
			case strings.EqualFold(a.Ref, name), strings.EqualFold(short(*a), name), strings.EqualFold(Quoted(*a), name):
				found[a.ID] = *a
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return sessions.Action{}, fmt.Errorf("ledger: %w", err)
		}
		if len(found) > 1 {
			return sessions.Action{}, ErrAmbiguous
		}
		for _, a := range found {
			return a, nil
		}
	}
	return sessions.Action{}, fmt.Errorf("ledger: %w", sessions.ErrNotFound)
}

// Day calls each with every kept action that was created from one time to
// another, in no order; one may come twice. It reads the whole store.
func (l *Ledger) Day(ctx context.Context, from, to time.Time, each func(a sessions.Action) error) error {
	return l.Store.Scan(ctx, sessions.ScanActions, func(r sessions.Record) error {
		a, ok := r.(*sessions.Action)
		if !ok || a.Created.Before(from) || !a.Created.Before(to) {
			return nil
		}
		return each(*a)
	})
}

// stateNames are the states as records and operators write them.
var stateNames = [...]string{"", "ACCEPTED", "SENT", "DONE", "REJECTED", "UNKNOWN", "MANUAL", "EXPIRED"}

// StateName is a state as records and operators write it.
func StateName(s sessions.ActionState) string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("STATE %d", s)
}

// StateOf is the state of a name, whatever its case.
func StateOf(name string) (sessions.ActionState, bool) {
	for s, n := range stateNames {
		if n != "" && strings.EqualFold(n, name) {
			return sessions.ActionState(s), true
		}
	}
	return 0, false
}

// words are what an operator wrote, on one line and of a bounded length.
func words(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if r := []rune(s); len(r) > maxNote {
		s = string(r[:maxNote])
	}
	return s
}
