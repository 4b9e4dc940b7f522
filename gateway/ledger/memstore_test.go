package ledger_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nyota/sessions"
)

// fault is what a store does with one commit.
type fault uint8

const (
	none        fault = iota
	fails             // an error, and nothing is written
	lostWritten       // written, and the answer is lost
	lostNothing       // nothing is written, and nobody can tell
	diesBefore        // the process dies before the commit
	diesWritten       // and after it
	overtaken         // another node moves the dialogue on first
	undurable         // written, and nobody vouches for it
)

// storeFaults are their names.
var storeFaults = []string{"none", "fails", "lost-written", "lost-nothing", "dies-before", "dies-written", "overtaken", "undurable"}

var errUnreadable = errors.New("the disk does not answer")

// crashed is thrown through a process that dies at this instant.
type crashed struct{}

// memStore is a store as the promises describe it, in memory, whose faults a test
// chooses. What is not durable may be gone after a crash.
type memStore struct {
	sessions.Store // what the test does not use
	now            func() time.Time
	next           func() fault          // of the next commit
	unreadable     func() bool           // whether the next read of one record fails
	born           func(sessions.Action) // takes an action as it is made
	noticed        func(sessions.Notice) // and a notice

	sessions map[sessions.Key]kept
	actions  map[string]sessions.Action
	notices  map[string]sessions.Notice
	people   map[string]sessions.Customer
	odd      map[string]sessions.Discrepancy
	wishes   map[[2]string]sessions.Wish // by customer and call
}

// kept is a dialogue as it is, and as it is on disk.
type kept struct{ now, disk *sessions.Session }

func newMemStore(now func() time.Time, next func() fault) *memStore {
	return &memStore{now: now, next: next, sessions: map[sessions.Key]kept{}, actions: map[string]sessions.Action{},
		notices: map[string]sessions.Notice{}, people: map[string]sessions.Customer{}, odd: map[string]sessions.Discrepancy{}, wishes: map[[2]string]sessions.Wish{}}
}

// crash forgets what was not on disk, of the dialogues that rolls says.
func (m *memStore) crash(rolls func() bool) {
	for _, k := range slices.SortedFunc(keysOf(m.sessions), func(a, b sessions.Key) int { return cmp.Compare(a.ID, b.ID) }) {
		s := m.sessions[k]
		switch {
		case s.now != s.disk && rolls():
			s.now = s.disk
		default:
			s.disk = s.now
		}
		if m.sessions[k] = s; s.now == nil {
			delete(m.sessions, k)
		}
	}
}

func keysOf[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (m *memStore) Load(_ context.Context, k sessions.Key) (sessions.Session, error) {
	if m.unreadable() {
		return sessions.Session{}, errUnreadable
	}
	s := m.sessions[k].now
	if s == nil || !s.Expires.After(m.now()) {
		return sessions.Session{}, sessions.ErrNotFound
	}
	c := *s
	c.State = slices.Clone(s.State)
	return c, nil
}

func (m *memStore) Commit(_ context.Context, s sessions.Session, records ...sessions.Record) (sessions.Session, error) {
	err := m.write(&s, records)
	if err == nil {
		s.Version++
	}
	return s, err
}

func (m *memStore) Put(_ context.Context, records ...sessions.Record) error {
	if len(records) == 0 {
		return nil
	}
	return m.write(nil, records)
}

// write makes a commit, and what its fault makes of it.
func (m *memStore) write(s *sessions.Session, records []sessions.Record) error {
	f := m.next()
	switch f {
	case fails:
		return fmt.Errorf("the disk says no")
	case lostNothing:
		return fmt.Errorf("%w: the answer is lost", sessions.ErrUncertain)
	case diesBefore:
		panic(crashed{})
	case overtaken:
		if s != nil && s.Version > 0 && m.sessions[s.Key].now != nil {
			other := *m.sessions[s.Key].now
			other.Version++
			m.sessions[s.Key] = kept{&other, &other}
		}
	}
	if err := m.apply(s, records); err != nil {
		return err
	}
	switch f {
	case lostWritten:
		m.raise(records, -1)
		return fmt.Errorf("%w: the answer is lost", sessions.ErrUncertain)
	case undurable:
		m.raise(records, -1)
		return fmt.Errorf("%w: %w", sessions.ErrNotDurable, sessions.ErrUncertain)
	case diesWritten:
		panic(crashed{})
	}
	return nil
}

// raise moves the versions of the caller's records.
func (*memStore) raise(records []sessions.Record, by int64) {
	for _, r := range records {
		switch r := r.(type) {
		case *sessions.Action:
			r.Version += uint64(by)
		case *sessions.Notice:
			r.Version += uint64(by)
		case *sessions.Customer:
			r.Version += uint64(by)
		case *sessions.Discrepancy:
			r.Version += uint64(by)
		case *sessions.Wish:
			r.Version += uint64(by)
		}
	}
}

// apply is a commit without faults: all or nothing, compare-and-set on each.
func (m *memStore) apply(s *sessions.Session, records []sessions.Record) error {
	if s != nil {
		have := uint64(0)
		if old := m.sessions[s.Key].now; old != nil && old.Expires.After(m.now()) {
			have = old.Version
		}
		if have != s.Version {
			return sessions.ErrConflict
		}
	}
	durable := false
	for _, r := range records {
		var have, want uint64
		switch r := r.(type) {
		case *sessions.Action:
			have, want, durable = m.actions[r.ID].Version, r.Version, true
		case *sessions.Notice:
			have, want, durable = m.notices[r.ID].Version, r.Version, true
		case *sessions.Customer:
			have, want = m.people[r.MSISDN].Version, r.Version
		case *sessions.Discrepancy:
			have, want, durable = m.odd[r.ID].Version, r.Version, true
		case *sessions.Wish:
			have, want, durable = m.wishes[[2]string{r.MSISDN, r.Call}].Version, r.Version, true
		}
		if have != want {
			return sessions.ErrConflict
		}
	}
	for _, r := range records {
		switch r := r.(type) {
		case *sessions.Action:
			if r.Version == 0 {
				m.born(*r)
			}
		case *sessions.Notice:
			if r.Version == 0 {
				m.noticed(*r)
			}
		}
	}
	m.raise(records, 1)
	for _, r := range records {
		switch r := r.(type) {
		case *sessions.Action:
			m.actions[r.ID] = *r
		case *sessions.Notice:
			m.notices[r.ID] = *r
		case *sessions.Customer:
			m.people[r.MSISDN] = *r
		case *sessions.Discrepancy:
			m.odd[r.ID] = *r
		case *sessions.Wish:
			c := *r
			if late := m.now().Add(time.Minute); c.Due.After(late) {
				c.Due = late.Add(time.Minute) // of what it was put off by chance, the most
			}
			m.wishes[[2]string{r.MSISDN, r.Call}] = c
		}
	}
	if s == nil {
		return nil
	}
	k := m.sessions[s.Key]
	if k.now = nil; !s.Ended {
		c := *s
		c.Version++
		c.State = slices.Clone(s.State)
		k.now = &c
	}
	if durable {
		k.disk = k.now
	}
	if m.sessions[s.Key] = k; k.now == nil && k.disk == nil {
		delete(m.sessions, s.Key)
	}
	return nil
}

func (m *memStore) Action(_ context.Context, msisdn, id string) (sessions.Action, error) {
	if m.unreadable() {
		return sessions.Action{}, errUnreadable
	}
	a, ok := m.actions[id]
	if !ok || a.MSISDN != msisdn {
		return sessions.Action{}, sessions.ErrNotFound
	}
	return a, nil
}

func (m *memStore) Discrepancy(_ context.Context, msisdn, id string) (sessions.Discrepancy, error) {
	d, ok := m.odd[id]
	if !ok || d.MSISDN != msisdn {
		return sessions.Discrepancy{}, sessions.ErrNotFound
	}
	return d, nil
}

func (m *memStore) Notice(_ context.Context, owner, id string) (sessions.Notice, error) {
	if m.unreadable() {
		return sessions.Notice{}, errUnreadable
	}
	n, ok := m.notices[id]
	if !ok || n.Owner != owner {
		return sessions.Notice{}, sessions.ErrNotFound
	}
	return n, nil
}

func (m *memStore) Wish(_ context.Context, msisdn, call string) (sessions.Wish, error) {
	if m.unreadable() {
		return sessions.Wish{}, errUnreadable
	}
	w, ok := m.wishes[[2]string{msisdn, call}]
	if !ok {
		return sessions.Wish{}, sessions.ErrNotFound
	}
	return w, nil
}

func (m *memStore) Customer(_ context.Context, msisdn string) (sessions.Customer, error) {
	if m.unreadable() {
		return sessions.Customer{}, errUnreadable
	}
	c, ok := m.people[msisdn]
	if !ok {
		return sessions.Customer{}, sessions.ErrNotFound
	}
	return c, nil
}

// sorted are the actions of a customer ("": of all), oldest first.
func (m *memStore) sorted(msisdn string) []sessions.Action {
	var all []sessions.Action
	for _, a := range m.actions {
		if msisdn == "" || a.MSISDN == msisdn {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b sessions.Action) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func (m *memStore) Open(_ context.Context, msisdn string) ([]sessions.Action, error) {
	return slices.DeleteFunc(m.sorted(msisdn), func(a sessions.Action) bool { return a.State.Final() }), nil
}

func (m *memStore) Claim(_ context.Context, queue, _ string, now time.Time, lease time.Duration, n int) ([]sessions.Record, error) {
	var due []sessions.Record
	switch queue {
	case sessions.QueueActions:
		for _, a := range m.sorted("") {
			if len(due) < n && !a.Due.IsZero() && !a.Due.After(now) {
				a.Due = now.Add(lease)
				m.actions[a.ID] = a
				due = append(due, &a)
			}
		}
	case sessions.QueueWishes:
		for _, k := range slices.SortedFunc(keysOf(m.wishes), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
			if w := m.wishes[k]; len(due) < n && !w.Due.IsZero() && !w.Due.After(now) {
				w.Due = now.Add(lease)
				m.wishes[k] = w
				due = append(due, &w)
			}
		}
	}
	return due, nil
}

// submit is what the sender of SMS makes of those that are owed.
func (m *memStore) submit() {
	for id, n := range m.notices {
		n.State, n.Due = sessions.NoticeSubmitted, time.Time{}
		n.Version++
		m.notices[id] = n
	}
}
