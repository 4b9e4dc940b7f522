package dialog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"nyota/menus"
)

// settled is how long an editor is given to finish saving several files.
const settled = 100 * time.Millisecond

// Watch publishes whenever a file in dir changes, until ctx ends. It returns an
// error if dir cannot be watched.
func (m *Menus) Watch(ctx context.Context, dir string) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("dialog: %w", err)
	}
	defer func() { _ = w.Close() }()
	if err := addFolders(w, dir); err != nil {
		return fmt.Errorf("dialog: %s cannot be watched: %w", dir, err)
	}
	timer := time.NewTimer(settled) // once for what was edited before the watch began
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
			m.Log.Warn("watching the menus", "err", err)
		case <-timer.C:
			rctx, cancel := context.WithTimeout(ctx, storeWithin)
			if err := m.edited(rctx); err != nil {
				m.complain(err)
			}
			cancel()
			_ = addFolders(w, dir) // new ones
		}
	}
}

// addFolders watches dir and the folders in it.
func addFolders(w *fsnotify.Watcher, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return w.Add(path)
	})
}

// complain logs why files do not serve.
func (m *Menus) complain(err error) {
	var problems menus.Problems
	if errors.As(err, &problems) {
		m.Log.Error("the menus have errors: the last good revision serves on", "errors", len(problems))
		for _, p := range problems {
			m.Log.Error(p.String())
		}
		return
	}
	m.Log.Error("the menus were not published: the last good revision serves on", "err", err)
}
