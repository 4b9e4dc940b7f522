package dialog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"nyota/menus"
	"nyota/sessions"
)

// maxRevisions bounds the revisions kept compiled; older ones come from the
// store again when a dialogue still needs them.
const maxRevisions = 16

// Menus holds the revision that new dialogues begin on and those that dialogues
// and actions under way still need.
type Menus struct {
	fsys  fs.FS
	env   menus.Env
	store sessions.Store
	log   *slog.Logger

	current atomic.Pointer[menus.Catalog]
	broken  atomic.Pointer[error] // why the last edit does not serve

	mu     sync.Mutex
	loaded map[string]*menus.Catalog
	order  []string // oldest first
}

// OpenMenus loads the menus in fsys. They must be without errors: there is no
// good revision yet to serve instead.
func OpenMenus(ctx context.Context, fsys fs.FS, env menus.Env, store sessions.Store, log *slog.Logger) (*Menus, error) {
	m := &Menus{fsys: fsys, env: env, store: store, log: log, loaded: map[string]*menus.Catalog{}}
	if _, err := m.Reload(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Current is the revision that new dialogues begin on.
func (m *Menus) Current() *menus.Catalog { return m.current.Load() }

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
func (m *Menus) Broken() error {
	if p := m.broken.Load(); p != nil {
		return *p
	}
	return nil
}

// Revision returns the menus of a dialogue that began on them.
func (m *Menus) Revision(ctx context.Context, id string) (*menus.Catalog, error) {
	if c := m.current.Load(); c.Revision() == id {
		return c, nil
	}
	m.mu.Lock()
	c, ok := m.loaded[id]
	m.mu.Unlock()
	if ok {
		return c, nil
	}
	source, err := m.store.Revision(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("dialog: revision %s: %w", id, err)
	}
	if c, err = menus.LoadSource(source, m.env); err != nil {
		return nil, fmt.Errorf("dialog: revision %s: %w", id, err)
	}
	m.keep(id, c)
	return c, nil
}

// Reload reads the menus again. If they are good they serve new dialogues from
// now on; if not, the last good revision serves on. It says whether they changed.
func (m *Menus) Reload(ctx context.Context) (bool, error) {
	c, err := menus.Load(m.fsys, m.env)
	if err != nil {
		m.broken.Store(&err)
		return false, err
	}
	m.broken.Store(nil)
	if old := m.current.Load(); old != nil && old.Revision() == c.Revision() {
		return false, nil
	}
	// Stored before the first dialogue begins on it: after a restart that
	// dialogue must find its menus again.
	if err := m.store.SaveRevision(ctx, c.Revision(), c.Source()); err != nil {
		return false, fmt.Errorf("dialog: the menus cannot be stored: %w", err)
	}
	m.keep(c.Revision(), c)
	m.current.Store(c)
	return true, nil
}

func (m *Menus) keep(id string, c *menus.Catalog) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.loaded[id]; ok {
		return
	}
	m.loaded[id] = c
	m.order = append(m.order, id)
	if len(m.order) > maxRevisions {
		delete(m.loaded, m.order[0])
		m.order = m.order[1:]
	}
}

// settled is how long an editor is given to finish saving several files.
const settled = 100 * time.Millisecond

// Watch reloads whenever a file in dir changes, until ctx ends. It returns an
// error if dir cannot be watched.
func (m *Menus) Watch(ctx context.Context, dir string) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("dialog: %w", err)
	}
	defer func() { _ = w.Close() }()
	if err := w.Add(dir); err != nil {
		return fmt.Errorf("dialog: %s cannot be watched: %w", dir, err)
	}
	timer := time.NewTimer(settled)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-w.Events:
			if !ok {
				return nil
			}
			timer.Reset(settled)
		case err, ok := <-w.Errors:
			if !ok {
				return nil
			}
			m.log.Warn("watching the menus", "err", err)
		case <-timer.C:
			m.reloadAndSay(ctx)
		}
	}
}

func (m *Menus) reloadAndSay(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	changed, err := m.Reload(ctx)
	var problems menus.Problems
	switch {
	case errors.As(err, &problems):
		m.log.Error("the menus have errors: the last good revision serves on", "revision", m.Current().Revision(), "errors", len(problems))
		for _, p := range problems {
			m.log.Error(p.String())
		}
	case err != nil:
		m.log.Error("the menus were not reloaded", "err", err)
	case changed:
		m.log.Info("new menus serve", "revision", m.Current().Revision())
	}
}
