package dialog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// Status is which menus serve, and how they do on this gateway.
type Status struct {
	Current  string // revision
	Previous string // what a rollback returns to; "": nothing
	Canary   string // revision on trial; "": none
	Percent  float64
	Files    string // the revision that this gateway's files had when they were last read; "" if broken then
	Broken   error  // why the files do not serve
	Behind   error  // why this gateway does not serve what is published
	All      []Revision
}

// Revision is one that the store keeps, or that this gateway has counted.
type Revision struct {
	ID        string
	Published time.Time
	By        string
	Left      time.Time // when it was last offered; zero while it is
	Loaded    bool      // compiled, on this gateway
	Counts
}

// open is OpenMenus' work.
func (m *Menus) open(ctx context.Context) error {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	f, err := m.Store.Fact(ctx, rolloutFact)
	if err != nil && !errors.Is(err, sessions.ErrNotFound) {
		return err
	}
	r, err := readRollout(f.Value)
	if err != nil {
		return err
	}
	files, broken := m.read()
	if broken != nil {
		if r.Current == "" {
			return broken
		}
		m.complain(broken)
	} else {
		m.keep(files.Revision(), files)
	}
	if broken == nil && m.news(&r, files.Revision()) {
		_, err := m.publish(ctx, files, "start of "+m.Name)
		return err
	}
	if err := m.serve(ctx, f.Version, r); err != nil {
		return err
	}
	if broken == nil && files.Revision() != r.Current && files.Revision() != r.Canary {
		m.Log.Warn("the menu files are not what is published, and do not serve: `gateway menus reload` publishes them",
			"files", files.Revision(), "serving", r.Current)
	}
	if broken == nil && m.Follow == FollowEdits && r.Files != files.Revision() {
		_, err = sessions.Change(ctx, m.Store, rolloutFact, func(old []byte) ([]byte, error) {
			r, err := readRollout(old)
			if err != nil {
				return nil, err
			}
			r.Files = files.Revision()
			return r.encode()
		})
	}
	return err
}

// news says whether files are to be published at the start.
func (m *Menus) news(r *rollout, files string) bool {
	switch {
	case r.Current == "":
		return true
	case files == r.Current || files == r.Canary:
		return false
	case m.Follow == FollowEdits:
		return files != r.Files
	case m.Follow == FollowFiles:
		return r.place(files) < 0
	}
	return false
}

// read loads the files and says whether they could serve.
func (m *Menus) read() (*menus.Catalog, error) {
	c, err := menus.Load(m.MenusConfig.Files, m.Env)
	if err == nil && m.Check != nil {
		err = m.Check(c)
	}
	set(&m.broken, err)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.files = c.Revision()
	m.mu.Unlock()
	return c, nil
}

// Reload reads the files and publishes them: new dialogues on all gateways begin
// on them, or a share of them if there is a trial first. If the files have errors,
// nothing changes. who is recorded. It says whether anything changed.
func (m *Menus) Reload(ctx context.Context, who string) (bool, error) {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	c, err := m.read()
	if err != nil {
		return false, err
	}
	return m.publish(ctx, c, who)
}

// late is how long after a revision left its files may still arrive on other
// gateways: they are not to bring back what an operator has just taken away.
const late = 10 * time.Minute

// edited is Reload after a change of the files: if nothing in them changed,
// nothing is published, as another revision may have been since.
func (m *Menus) edited(ctx context.Context) error {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	before := m.files
	c, err := m.read()
	if err != nil || c.Revision() == before {
		return err
	}
	if r := m.serving.Load().rollout; m.Every > 0 {
		if i := r.place(c.Revision()); i >= 0 && !r.Known[i].Left.IsZero() && m.Now().Sub(r.Known[i].Left) < late {
			m.Log.Warn("the menu files are what was taken back a short time ago, and do not serve: `gateway menus reload` publishes them",
				"files", c.Revision(), "serving", r.Current)
			return nil
		}
	}
	_, err = m.publish(ctx, c, "edit on "+m.Name)
	return err
}

// publish offers a revision on all gateways.
func (m *Menus) publish(ctx context.Context, c *menus.Catalog, who string) (bool, error) {
	// Stored before the first dialogue begins on it: after a restart that dialogue
	// must find its menus again, and another gateway must find them at all.
	if err := m.Store.SaveRevision(ctx, c.Revision(), c.Source()); err != nil {
		return false, fmt.Errorf("dialog: the menus cannot be stored: %w", err)
	}
	m.keep(c.Revision(), c)
	was := m.serving.Load()
	added := false
	if err := m.change(ctx, func(r *rollout) error {
		added = !r.offers(c.Revision())
		percent := m.Canary
		if _, err := m.offered(ctx, r.Current); errors.Is(err, errUnservable) {
			percent = 0 // there is nothing that the others could go on with
		}
		return r.publish(c.Revision(), who, percent, m.Now())
	}); err != nil {
		return false, err
	}
	if added {
		// Another gateway may have forgotten it between the two.
		if err := m.Store.SaveRevision(ctx, c.Revision(), c.Source()); err != nil {
			return true, fmt.Errorf("dialog: the menus cannot be stored: %w", err)
		}
	}
	now := m.serving.Load()
	return was == nil || was.rollout.Current != now.rollout.Current || was.rollout.Canary != now.rollout.Canary, nil
}

// Promote gives the revision on trial to all numbers, or with a percent between 0
// and 100 to that share. expected, unless "", is the revision that must be on
// trial.
func (m *Menus) Promote(ctx context.Context, expected string, percent float64) error {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	return m.change(ctx, func(r *rollout) error { return r.promote(expected, percent, m.Now()) })
}

// Rollback ends the trial, if there is one, and otherwise returns to the revision
// before the current one. expected, unless "", is the revision that must be on
// trial or current.
func (m *Menus) Rollback(ctx context.Context, expected string) error {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	return m.change(ctx, func(r *rollout) error { return r.back(expected, m.Now()) })
}

// change changes what serves, on all gateways, and then here.
func (m *Menus) change(ctx context.Context, next func(*rollout) error) error {
	var last rollout
	f, err := sessions.Change(ctx, m.Store, rolloutFact, func(old []byte) ([]byte, error) {
		r, err := readRollout(old)
		if err != nil {
			return nil, err
		}
		if err := next(&r); err != nil {
			return nil, err
		}
		// What cannot be served here is not offered by us to anybody.
		for _, id := range []string{r.Current, r.Canary} {
			if _, err := m.offered(ctx, id); err != nil {
				return nil, err
			}
		}
		last = r
		return r.encode()
	})
	if err != nil {
		return err
	}
	return m.serve(ctx, f.Version, last)
}

// errUnservable says that it is a revision, and not the store, that keeps it from
// being served here.
var errUnservable = errors.New("dialog: the menus cannot be served by this gateway")

// offered returns a revision that dialogues are to begin on; nil for "".
func (m *Menus) offered(ctx context.Context, id string) (*menus.Catalog, error) {
	if id == "" {
		return nil, nil
	}
	c, err := m.Revision(ctx, id)
	var problems menus.Problems
	switch {
	case errors.As(err, &problems) || errors.Is(err, sessions.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", errUnservable, err)
	case err != nil:
		return nil, err
	case c.Revision() != id:
		return nil, fmt.Errorf("%w: revision %s was published by one with another `operator` or other limits of `dialog`, "+
			"which must be the same for all on one store", errUnservable, id)
	}
	if m.Check != nil {
		if err := m.Check(c); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnservable, err)
		}
	}
	return c, nil
}

// serve begins to serve what is published. On an error it serves what it did. The
// lock of publishing is held.
func (m *Menus) serve(ctx context.Context, version uint64, r rollout) error {
	s := &serving{version: version, rollout: r}
	var err error
	if s.current, err = m.offered(ctx, r.Current); err == nil {
		s.canary, err = m.offered(ctx, r.Canary)
	}
	set(&m.behind, err)
	if err != nil {
		return err
	}
	m.say(m.serving.Swap(s), s)
	return nil
}

// say logs what began to serve.
func (m *Menus) say(was, now *serving) {
	r := now.rollout
	switch {
	case was == nil:
	case was.rollout.Current != r.Current:
		m.Log.Info("new menus serve", "revision", r.Current, "before", was.rollout.Current)
	case r.Canary != "" && (was.rollout.Canary != r.Canary || was.rollout.Percent != r.Percent):
		m.Log.Info("new menus are on trial", "revision", r.Canary, "percent", r.Percent)
	case r.Canary == "" && was.rollout.Canary != "":
		m.Log.Info("the trial of new menus is over", "revision", was.rollout.Canary, "serving", r.Current)
	}
}

// Status returns what serves.
func (m *Menus) Status() Status {
	s := m.serving.Load()
	r := s.rollout
	st := Status{Current: r.Current, Previous: r.Previous, Canary: r.Canary, Percent: r.Percent,
		Broken: m.Broken(), Behind: m.Behind()}
	m.mu.Lock()
	defer m.mu.Unlock()
	if st.Broken == nil {
		st.Files = m.files
	}
	for _, p := range r.Known {
		one := Revision{ID: p.ID, Published: p.Published, By: p.By, Left: p.Left}
		_, one.Loaded = m.loaded[p.ID]
		if c := m.counts[p.ID]; c != nil {
			one.Counts = c.Counts
		}
		st.All = append(st.All, one)
	}
	slices.Reverse(st.All)
	return st
}

const (
	housekeepEvery = 10 * time.Second
	forgetEvery    = time.Hour
	storeWithin    = 5 * time.Second
)

// Run follows what the other gateways publish, and frees what nothing needs any
// more, until ctx ends.
func (m *Menus) Run(ctx context.Context) {
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		if m.Every > 0 {
			sessions.Follow(ctx, m.Store, rolloutFact, m.serving.Load().version, m.Every,
				func(sessions.Fact) { m.published(ctx) },
				func(err error) {
					if err == nil {
						m.Log.Info("what other gateways publish can be seen again")
						return
					}
					m.Log.Warn("what other gateways publish cannot be seen", "err", err)
				})
		}
	}()
	defer func() { <-followed }()
	tick := time.NewTicker(housekeepEvery)
	defer tick.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.retire()
		if now := m.Now(); now.Sub(last) >= forgetEvery {
			last = now
			if err := m.forget(ctx); err != nil && ctx.Err() == nil {
				m.Log.Info("old menus stay in the store for now", "err", err)
			}
		}
	}
}

// published takes what another gateway published. It looks again, as this one may
// have published since.
func (m *Menus) published(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	m.publishing.Lock()
	defer m.publishing.Unlock()
	var r rollout
	f, err := m.Store.Fact(ctx, rolloutFact)
	if err == nil {
		r, err = readRollout(f.Value)
	}
	if err == nil && f.Version != m.serving.Load().version {
		err = m.serve(ctx, f.Version, r)
	}
	if err != nil && ctx.Err() == nil {
		set(&m.behind, err)
		m.Log.Error("what is published does not serve here: the last menus serve on", "revision", r.Current, "err", err)
	}
}

// forget drops revisions from the store that nothing can need any more.
func (m *Menus) forget(ctx context.Context) error {
	s := m.serving.Load()
	stale := s.rollout.stale(m.Keep, m.Now())
	if len(stale) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	sources := map[string][]byte{}
	for _, id := range stale {
		source, err := m.Store.Revision(ctx, id)
		if err != nil && !errors.Is(err, sessions.ErrNotFound) {
			return err
		}
		sources[id] = source
		if err := m.Store.DropRevision(ctx, id); err != nil {
			return err
		}
	}
	var off []string
	_, err := sessions.Change(ctx, m.Store, rolloutFact, func(old []byte) ([]byte, error) {
		r, err := readRollout(old)
		if err != nil {
			return nil, err
		}
		off = r.forget(stale)
		return r.encode()
	})
	if err != nil {
		return err
	}
	for _, id := range stale {
		if !slices.Contains(off, id) && sources[id] != nil { // offered again meanwhile
			err = errors.Join(err, m.Store.SaveRevision(ctx, id, sources[id]))
		}
	}
	m.Log.Info("old menus left the store", "revisions", len(off))
	return err
}
