package dialog

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// Follow says what a gateway does at its start with files that are not what
// serves. While it runs, an edit of its files is always published.
type Follow uint8

// What a gateway does at its start.
const (
	// FollowPublished serves what is published, and says that the files differ.
	FollowPublished Follow = iota
	// FollowFiles publishes the files, if the store has never had them: so that
	// new pods bring their menus along, and old ones that restart change nothing.
	FollowFiles
	// FollowEdits publishes the files, if they changed since this store last saw
	// them: for one gateway, whose files may be edited while it is down.
	FollowEdits
)

// MenusConfig is what Menus need. Files and Store are required.
type MenusConfig struct {
	Files  fs.FS
	Env    menus.Env
	Store  sessions.Store
	Follow Follow
	Canary float64 // percent of the numbers that a new revision goes to first; 0: to all at once
	// Check refuses menus that this installation cannot serve; nil: none.
	Check func(*menus.Catalog) error
	Name  string        // of this gateway, in records of who published
	Every time.Duration // how often it is asked what serves; 1 s; below 0: never, as no other gateway uses the store
	Keep  time.Duration // how long the store keeps a revision that is no longer offered; 30 days
	Now   func() time.Time
	Log   *slog.Logger
}

// Menus holds the revisions that new dialogues begin on and those that dialogues
// and actions under way still need. What serves is agreed upon in the store, by
// all gateways on it.
type Menus struct {
	MenusConfig

	serving atomic.Pointer[serving]
	broken  atomic.Pointer[error] // why the last edit does not serve
	behind  atomic.Pointer[error] // why what is published does not serve here

	publishing sync.Mutex // one edit, promotion or rollback of this gateway at a time

	mu     sync.Mutex
	files  string // the revision that the files had when they were last good; written under both locks
	loaded map[string]*revision
	counts map[string]*counts
	older  Counts // of revisions that are no longer counted apart
}

// serving is what new dialogues begin on.
type serving struct {
	version uint64 // of the fact
	rollout rollout
	current *menus.Catalog
	canary  *menus.Catalog // nil: none
}

// revision is one that is kept compiled.
type revision struct {
	catalog *menus.Catalog
	used    time.Time
}

// idle is how long a revision on which no dialogue is under way stays compiled:
// notices of late outcomes come in bursts. Its source stays in the store.
const idle = time.Minute

// OpenMenus reads the files and what the store says is published, and serves what
// Follow says. The files must be without errors, unless the store has a revision
// to serve instead.
func OpenMenus(ctx context.Context, cfg MenusConfig) (*Menus, error) {
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	if cfg.Keep == 0 {
		cfg.Keep = 30 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	m := &Menus{MenusConfig: cfg, loaded: map[string]*revision{}, counts: map[string]*counts{}}
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Current is the revision that new dialogues begin on, but for those on trial.
func (m *Menus) Current() *menus.Catalog { return m.serving.Load().current }

// For is the revision that a new dialogue of a number begins on.
func (m *Menus) For(msisdn string) *menus.Catalog {
	s := m.serving.Load()
	if s.canary != nil && inShare(s.rollout.Canary, msisdn, s.rollout.Percent) {
		return s.canary
	}
	return s.current
}

// Code is what to dial for the customers' main menu: the lowest of all codes.
func (m *Menus) Code() string {
	c := m.Current()
	lowest := ""
	for _, name := range c.Menus() {
		p, _ := c.Program(name)
		for _, code := range p.Codes() {
			if lowest == "" || code < lowest {
				lowest = code
			}
		}
	}
	return lowest
}

// Broken returns the errors of an edit that is not served, or nil.
func (m *Menus) Broken() error { return load(&m.broken) }

// Behind returns why what is published cannot be served by this gateway, which
// then goes on with what it had; or nil.
func (m *Menus) Behind() error { return load(&m.behind) }

func load(p *atomic.Pointer[error]) error {
	if err := p.Load(); err != nil {
		return *err
	}
	return nil
}

func set(p *atomic.Pointer[error], err error) {
	if err == nil {
		p.Store(nil)
		return
	}
	p.Store(&err)
}

// Revision returns the menus of a dialogue that began on them.
func (m *Menus) Revision(ctx context.Context, id string) (*menus.Catalog, error) {
	if s := m.serving.Load(); s != nil {
		if s.rollout.Current == id {
			return s.current, nil
		}
		if s.canary != nil && s.rollout.Canary == id {
			return s.canary, nil
		}
	}
	m.mu.Lock()
	r, ok := m.loaded[id]
	if ok {
		r.used = m.Now()
		m.mu.Unlock()
		return r.catalog, nil
	}
	m.mu.Unlock()
	source, err := m.Store.Revision(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("dialog: revision %s: %w", id, err)
	}
	c, err := menus.LoadSource(source, m.Env, m.texts())
	if err != nil {
		return nil, fmt.Errorf("dialog: revision %s: %w", id, err)
	}
	return m.keep(id, c), nil
}

// texts has those that a revision of an earlier release may lack; nil if neither
// the menus that serve nor the files can be read yet.
func (m *Menus) texts() *menus.Catalog {
	if s := m.serving.Load(); s != nil {
		return s.current
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.loaded[m.files]; r != nil {
		return r.catalog
	}
	return nil
}

// keep keeps a revision compiled; if another turn was faster, its one.
func (m *Menus) keep(id string, c *menus.Catalog) *menus.Catalog {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.loaded[id]; ok {
		r.used = m.Now()
		return r.catalog
	}
	m.loaded[id] = &revision{catalog: c, used: m.Now()}
	return c
}

// retire frees the revisions that are not offered, have no dialogue under way
// here, and were not used for a while.
func (m *Menus) retire() {
	now, s := m.Now(), m.serving.Load()
	var freed []string
	m.mu.Lock()
	for id, r := range m.loaded {
		if id == s.rollout.Current || id == s.rollout.Canary || now.Sub(r.used) < idle {
			continue
		}
		if c := m.counts[id]; c != nil && c.Open > 0 {
			continue
		}
		delete(m.loaded, id)
		freed = append(freed, id)
	}
	m.mu.Unlock()
	for _, id := range freed {
		m.Log.Info("menus retired: no dialogue is on them any more", "revision", id)
	}
}
