package sessions

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// pebble keeps what was committed without sync in its own memory until a block
// of the log is full: kill -9 would lose the steps of minutes. Nor does it write
// without an fsync. logFS makes that possible: a sync of the log writes, as
// pebble does first in any case, and reaches the disk only while a durable commit
// waits for it. What was written survives the process; what was synced survives
// the power.
type logFS struct {
	vfs.FS
	durable atomic.Int64 // durable commits that wait
}

// Create is as vfs.FS's.
func (l *logFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.Create(name, c)
	return l.wrap(name, f, err)
}

// ReuseForWrite is as vfs.FS's.
func (l *logFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.ReuseForWrite(old, name, c)
	return l.wrap(name, f, err)
}

// Unwrap is as vfs.FS's.
func (l *logFS) Unwrap() vfs.FS { return l.FS }

func (l *logFS) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return &logFile{File: f, fs: l}, nil
}

// logFile is a segment of the log.
type logFile struct {
	vfs.File
	fs      *logFS
	skipped atomic.Bool // a sync was passed over since the last real one
}

// skip says whether nobody waits for the disk. A durable commit counts itself
// before it hands its record to the log and until the sync after that has
// returned: no sync that it waits for is passed over.
func (f *logFile) skip() bool {
	if f.fs.durable.Load() > 0 {
		f.skipped.Store(false)
		return false
	}
	f.skipped.Store(true)
	return true
}

// Sync is as vfs.File's.
func (f *logFile) Sync() error {
	if f.skip() {
		return nil
	}
	return f.File.Sync()
}

// SyncData is as vfs.File's.
func (f *logFile) SyncData() error {
	if f.skip() {
		return nil
	}
	return f.File.SyncData()
}

// SyncTo is as vfs.File's.
func (f *logFile) SyncTo(length int64) (fullSync bool, err error) {
	if f.skip() {
		return false, nil
	}
	return f.File.SyncTo(length)
}

// Close syncs what was passed over: a segment with more behind it must be whole,
// or recovery would stop in the middle of the log.
func (f *logFile) Close() error {
	if f.skipped.Load() {
		if err := f.File.SyncData(); err != nil {
			_ = f.File.Close()
			return err
		}
	}
	return f.File.Close()
}

// Plain steps are written at once while there are few, and every millisecond while
// there are many: more writes than that would cost a busy gateway a core.
const (
	writeEvery = time.Millisecond
	writeBurst = 16 * writeEvery // as many at once, after a pause
)

// wrote asks for what waits in pebble's memory to be written.
func (e *Embedded) wrote() {
	e.waiting.Store(true)
	e.added()
}

// added asks for what waits in the journal's memory to be written.
func (e *Embedded) added() {
	if !e.unwritten.Load() && e.unwritten.CompareAndSwap(false, true) {
		select {
		case e.unwrittenC <- struct{}{}:
		default:
		}
	}
}

// writeSteps writes what is not durable to the journal and to pebble's log until
// ctx ends.
func (e *Embedded) writeSteps(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	var paid time.Time // up to when writes are used up
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.unwrittenC:
		}
		now := time.Now()
		if paid.Before(now) {
			paid = now
		}
		if wait := paid.Sub(now) - writeBurst; wait > 0 {
			pause.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
		}
		paid = paid.Add(writeEvery)
		e.unwritten.Store(false)
		e.journal.flush(e.journal.all())
		if e.waiting.Swap(false) {
			// An empty record at the log's end, to wait for.
			if err := e.db.LogData(nil, pebble.Sync); err != nil {
				e.log.Error("store: leases and languages are not written", "err", err)
			}
		}
		if e.journal.grown() > max(journalGrown, 2*uint64(max(0, e.octets.Load()))) {
			select {
			case e.grownC <- struct{}{}:
			default:
			}
		}
	}
}
