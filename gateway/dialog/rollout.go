package dialog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// rolloutFact is the name under which all gateways on one store keep it.
const rolloutFact = "menus"

// rollout says which menus serve, on every gateway of the store. Only
// compare-and-set changes it, so that two operators at once cannot undo each other
// unseen.
type rollout struct {
	Current  string        `json:"current"`            // what new dialogues begin on
	Previous string        `json:"previous,omitempty"` // what a rollback returns to
	Canary   string        `json:"canary,omitempty"`   // what Percent of the numbers begin on
	Percent  float64       `json:"percent,omitempty"`
	Files    string        `json:"files,omitempty"` // the files that were last looked at for it
	Known    []publication `json:"known,omitempty"` // oldest first
}

// publication is one revision in the store.
type publication struct {
	ID        string    `json:"id"`
	Published time.Time `json:"at"`
	By        string    `json:"by,omitempty"`
	Left      time.Time `json:"left,omitzero"` // when it was last offered; zero while it is
}

// Errors of a rollout.
var (
	// ErrNoCanary says that no revision is on trial.
	ErrNoCanary = errors.New("no revision is on trial")
	// ErrNoPrevious says that there is nothing to return to.
	ErrNoPrevious = errors.New("there is no earlier revision to return to")
	// ErrMoved says that the menus are not those that the operator has seen.
	ErrMoved = errors.New("the menus have changed meanwhile: look again")
	// ErrTooMany says that so many revisions were published within a day that
	// dialogues may be under way on more of them than are kept.
	ErrTooMany = errors.New("too many revisions were published within a day: wait, or publish fewer")
)

// Bounds of the revisions that a store keeps. A revision leaves the store once
// keep has passed since it was offered, and earlier if there are more than
// crowded, but never while a dialogue may still be on it.
const (
	crowded    = 300
	mostKnown  = 1200
	stillInUse = 25 * time.Hour // the longest dialogue, and the time in which it may be taken up
)

func readRollout(value []byte) (rollout, error) {
	var r rollout
	if len(value) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(value, &r); err != nil {
		return r, fmt.Errorf("dialog: what serves cannot be read: %w", err)
	}
	return r, nil
}

func (r *rollout) encode() ([]byte, error) { return json.Marshal(r) }

// offers says whether a revision is one that dialogues begin on, or that a
// rollback returns to.
func (r *rollout) offers(id string) bool {
	return id != "" && (id == r.Current || id == r.Canary || id == r.Previous)
}

func (r *rollout) place(id string) int {
	return slices.IndexFunc(r.Known, func(p publication) bool { return p.ID == id })
}

// publish offers a revision: to all, or to a share of the numbers first if there
// is something for the others to go on with. The current one again ends a trial.
func (r *rollout) publish(id, by string, percent float64, now time.Time) error {
	i := r.place(id)
	if i < 0 && len(r.Known) >= mostKnown {
		return ErrTooMany
	}
	r.Files = id
	switch {
	case id == r.Current:
		r.Canary, r.Percent = "", 0
	case id == r.Canary:
		r.Percent = percent
		if percent == 0 {
			r.take()
		}
	case r.Current != "" && percent > 0:
		r.Canary, r.Percent = id, percent
	default:
		if r.Current != "" {
			r.Previous = r.Current
		}
		r.Current, r.Canary, r.Percent = id, "", 0
	}
	if i < 0 {
		r.Known = append(r.Known, publication{ID: id})
		i = len(r.Known) - 1
	}
	r.Known[i].Published, r.Known[i].By = now.UTC(), by
	r.settle(now)
	return nil
}

// take makes the revision on trial everybody's.
func (r *rollout) take() {
	r.Previous, r.Current, r.Canary, r.Percent = r.Current, r.Canary, "", 0
}

// promote widens a trial to a share of the numbers, or with 0 or 100 to all.
// expected is the revision that the operator means; "": whichever is on trial.
func (r *rollout) promote(expected string, percent float64, now time.Time) error {
	switch {
	case r.Canary == "":
		return ErrNoCanary
	case expected != "" && expected != r.Canary:
		return ErrMoved
	case percent > 0 && percent < 100:
		r.Percent = percent
	default:
		r.take()
	}
	r.settle(now)
	return nil
}

// back ends a trial, or else returns to the revision before the current one,
// once: who presses twice is not back where the trouble was. expected is the
// revision that the operator wants to be rid of; "": whichever it is.
func (r *rollout) back(expected string, now time.Time) error {
	switch {
	case r.Canary != "":
		if expected != "" && expected != r.Canary {
			return ErrMoved
		}
		r.Canary, r.Percent = "", 0
	case r.Previous == "":
		return ErrNoPrevious
	case expected != "" && expected != r.Current:
		return ErrMoved
	default:
		r.Current, r.Previous = r.Previous, ""
	}
	r.settle(now)
	return nil
}

// settle notes when revisions stopped being offered.
func (r *rollout) settle(now time.Time) {
	for i := range r.Known {
		p := &r.Known[i]
		switch {
		case r.offers(p.ID):
			p.Left = time.Time{}
		case p.Left.IsZero():
			p.Left = now.UTC()
		}
	}
}

// stale are the revisions that nothing can need any more.
func (r *rollout) stale(keep time.Duration, now time.Time) []string {
	var ids []string
	for i, p := range r.Known {
		if p.Left.IsZero() || r.offers(p.ID) {
			continue
		}
		gone := now.Sub(p.Left)
		if gone > keep || gone > stillInUse && len(r.Known)-i > crowded {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// forget takes revisions off the list, but for those that are offered again. It
// returns which are off.
func (r *rollout) forget(ids []string) []string {
	var off []string
	r.Known = slices.DeleteFunc(r.Known, func(p publication) bool {
		if !slices.Contains(ids, p.ID) || r.offers(p.ID) || p.Left.IsZero() {
			return false
		}
		off = append(off, p.ID)
		return true
	})
	return off
}

// inShare says whether a number is in the share of the numbers that try a
// revision. A number stays in or out for as long as the trial lasts, and who is
// in stays in when the share grows; another revision has another share, so that
// it is not always the same customers who try what is new.
func inShare(revision, msisdn string, percent float64) bool {
	h := uint64(14695981039346656037) // FNV-1a, and a last mix: its low bits alone are poor
	for i := range len(revision) {
		h = (h ^ uint64(revision[i])) * 1099511628211
	}
	for i := range len(msisdn) {
		h = (h ^ uint64(msisdn[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	return float64(h%100_000) < percent*1000
}
