package dialog

import (
	"cmp"
	"slices"
	"time"
)

// Counts are the dialogues of one revision on this gateway, since it started.
type Counts struct {
	Open      int   // under way, as far as this gateway stepped them last
	Begun     int64 // dialled here
	Completed int64 // came to an end of the menu
	Abandoned int64 // hung up, timed out, or dialled anew
	Failed    int64 // could not go on
}

// Completion is the share of the dialogues that are over which came to an end of
// the menu; ok is false if none is over.
func (c Counts) Completion() (share float64, ok bool) {
	over := c.Completed + c.Abandoned + c.Failed
	if over == 0 {
		return 0, false
	}
	return float64(c.Completed) / float64(over), true
}

type counts struct {
	Counts
	used time.Time
}

// maxCounted bounds the revisions that are counted apart.
const maxCounted = 16

// of returns a revision's counts. The lock is held.
func (m *Menus) of(id string) *counts {
	c := m.counts[id]
	if c == nil {
		if len(m.counts) >= maxCounted {
			m.fold()
		}
		c = &counts{}
		m.counts[id] = c
	}
	c.used = m.Now()
	return c
}

// fold adds the revision that was longest not used, and has no dialogue under
// way, to those that are not counted apart.
func (m *Menus) fold() {
	oldest := ""
	for id, c := range m.counts {
		if c.Open == 0 && (oldest == "" || c.used.Before(m.counts[oldest].used)) {
			oldest = id
		}
	}
	if oldest == "" {
		return // as many as that at once: they are few all the same
	}
	c := m.counts[oldest].Counts
	m.older.Begun += c.Begun
	m.older.Completed += c.Completed
	m.older.Abandoned += c.Abandoned
	m.older.Failed += c.Failed
	delete(m.counts, oldest)
}

// began notes a dialogue that this gateway did not know: a new one, or one that
// another gateway, or an earlier process, stepped last.
func (m *Menus) began(id string, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.of(id)
	c.Open++
	if fresh {
		c.Begun++
	}
}

// left notes that a dialogue goes on elsewhere.
func (m *Menus) left(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(id).Open--
}

// ended notes that a dialogue is over.
func (m *Menus) ended(id string, how End) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.of(id)
	c.Open--
	switch how {
	case EndDone:
		c.Completed++
	case EndError:
		c.Failed++
	default:
		c.Abandoned++
	}
}

// Counted is a revision and its counts. Those of revisions that are not counted
// apart any more have the ID "".
type Counted struct {
	ID string
	Counts
}

// Counts are those of the revisions in use and of the last ones before, by id.
func (m *Menus) Counts() []Counted {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := []Counted{{Counts: m.older}}
	for id, c := range m.counts {
		all = append(all, Counted{id, c.Counts})
	}
	slices.SortFunc(all, func(a, b Counted) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
