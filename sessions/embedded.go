package sessions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// EmbeddedOptions of OpenEmbedded. The zero value is a complete choice.
type EmbeddedOptions struct {
	Now       func() time.Time // the clock; time.Now by default
	Logger    *slog.Logger     // silent by default
	Retention time.Duration    // how long final actions and settled notices are kept; 30 days by default
	Memory    int64            // octets of sessions, all in memory; 1 GiB by default; then ErrFull
	Sweep     time.Duration    // pause between removals of what expired; 10 s by default
	MinFree   uint64           // Health fails with fewer octets free on the disk; 64 MiB by default

	fs vfs.FS // for tests that hold up the disk
}

const (
	stripes = 256

	// Replaying the log at start takes as long as the memory table is big:
	// 16 MiB keep it under a tenth of a second.
	memTableSize  = 16 << 20
	blockCache    = 16 << 20
	defaultRetain = 30 * 24 * time.Hour
)

// Embedded is the store in this process: one directory, one process. Sessions are
// in memory and in a journal of their own, everything else is in pebble.
//
// A plain step is written to the journal at once, or within a millisecond on a
// busy store, and the first of a dialogue before Commit returns, without waiting
// for the disk: kill -9 loses no more than that. Commits with an action or a
// notice wait for an fsync, which all commits under way share; the session is in
// the same batch, so that none of both is ever there alone.
//
// When the disk refuses a write (or is full), nobody knows what the log holds:
// the process logs the reason and exits with status 1, and a restart recovers.
type Embedded struct {
	db     *pebble.DB
	disk   *logFS
	lock   *pebble.Lock
	dir    string
	now    func() time.Time
	log    *slog.Logger
	retain time.Duration
	free   uint64

	journal journal
	memory  int64
	octets  atomic.Int64 // of sessions
	seed    maphash.Seed
	stripe  [stripes]stripe
	actions queue
	notices queue
	wishes  queue
	expiry  queue
	facts   sync.Mutex // held by who writes one

	unwritten  atomic.Bool // steps wait in the journal's memory, or writes in pebble's
	waiting    atomic.Bool // writes wait in pebble's memory
	unwrittenC chan struct{}
	grownC     chan struct{} // the journal's file has grown

	gate
	stop  context.CancelFunc
	tasks sync.WaitGroup // the sweeper, the writer of steps and the waits for fsyncs
}

var _ Store = (*Embedded)(nil)

// ErrInUse says that another process (or another part of this one) has the
// embedded store's directory open.
var ErrInUse = errors.New("sessions: the store's directory is in use by another process")

// OpenEmbedded opens the store in dir, which is made (mode 0700) if it is
// missing, and recovers what a crash left. It returns ErrInUse when another
// process has it.
func OpenEmbedded(dir string, opts EmbeddedOptions) (*Embedded, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Retention <= 0 {
		opts.Retention = defaultRetain
	}
	if opts.Memory <= 0 {
		opts.Memory = 1 << 30
	}
	if opts.Sweep <= 0 {
		opts.Sweep = 10 * time.Second
	}
	if opts.MinFree == 0 {
		opts.MinFree = 64 << 20
	}
	if opts.fs == nil {
		opts.fs = vfs.Default
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	lock, err := pebble.LockDirectory(abs, vfs.Default)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("sessions: %w", err)
		}
		return nil, fmt.Errorf("%w: %s (%w)", ErrInUse, dir, err)
	}
	disk := &logFS{FS: opts.fs}
	db, err := pebble.Open(abs, pebbleOptions(lock, disk, opts.Logger))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sessions: open %s: %w", dir, err), lock.Close())
	}
	e := &Embedded{
		db: db, disk: disk, lock: lock, dir: abs, unwrittenC: make(chan struct{}, 1), grownC: make(chan struct{}, 1),
		now: opts.Now, log: opts.Logger, retain: opts.Retention, free: opts.MinFree, memory: opts.Memory,
		seed: maphash.MakeSeed(),
	}
	for i := range e.stripe {
		e.stripe[i].init()
	}
	e.journal = journal{fs: opts.fs, dir: opts.fs.PathJoin(abs, "steps"), broken: func(err error) {
		pebbleLog{opts.Logger}.Fatalf("the journal of sessions: %v", err)
	}}
	if err := e.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("sessions: open %s: %w", dir, err), e.journal.close(), db.Close(), lock.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.tasks.Go(func() { e.sweepEvery(ctx, opts.Sweep) })
	e.tasks.Go(func() { e.writeSteps(ctx) })
	e.tasks.Go(func() { e.turnJournal(ctx) })
	return e, nil
}

func pebbleOptions(lock *pebble.Lock, fs vfs.FS, log *slog.Logger) *pebble.Options {
	o := &pebble.Options{
		Lock:                        lock,
		FS:                          fs,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      pebbleLog{log},
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 4,
		CacheSize:                   blockCache,
		MaxOpenFiles:                256,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		DisableTableStats:           true,
	}
	for i := range o.Levels {
		// Most look-ups before a create find nothing: the filter answers them.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// Sessions live for minutes: most are overwritten or removed before a table
	// is written, and compressing the rest costs more than their disk.
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	return o
}

// Close waits for calls under way and for the sweeper, and closes the
// directory. A second Close returns nil.
func (e *Embedded) Close() error {
	e.stop()
	if !e.gate.close() {
		return nil
	}
	e.tasks.Wait()
	return errors.Join(e.journal.close(), e.db.Close(), e.lock.Close())
}

// Health fails when the store is closed or its disk nearly full.
func (e *Embedded) Health(ctx context.Context) error {
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.leave()
	du, err := vfs.Default.GetDiskUsage(e.dir)
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	if du.AvailBytes < e.free {
		return fmt.Errorf("sessions: the disk of %s has %d MiB left, at least %d are needed", e.dir, du.AvailBytes>>20, e.free>>20)
	}
	return nil
}

// SaveRevision is as Store's.
func (e *Embedded) SaveRevision(ctx context.Context, id string, source []byte) error {
	if err := checkRevision(id, source); err != nil {
		return err
	}
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.leave()
	key := revisionKey(id)
	old, ok, err := e.get(key)
	if err != nil {
		return err
	}
	if ok && bytes.Equal([]byte(old), source) {
		return nil
	}
	b := e.db.NewBatch()
	if err := b.Set(key, source, nil); err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	wait, err := e.apply(b, keepDurable)
	if err != nil {
		return err
	}
	return wait(ctx)
}

// Revision is as Store's.
func (e *Embedded) Revision(ctx context.Context, id string) ([]byte, error) {
	if err := checkRevision(id, nil); err != nil {
		return nil, err
	}
	if err := e.enter(ctx); err != nil {
		return nil, err
	}
	defer e.leave()
	v, ok, err := e.get(revisionKey(id))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrNotFound
	}
	return []byte(v), nil
}

// get returns a value as a string of its own.
func (e *Embedded) get(key []byte) (string, bool, error) {
	v, done, err := e.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("sessions: %w", err)
	}
	s := string(v)
	return s, true, done.Close()
}

// keep says how much a commit must survive.
type keep uint8

const (
	keepSoon    keep = iota // written to the log soon: a plain step
	keepWritten             // written on return: survives the process
	keepDurable             // on the disk on return: survives the power
)

// apply writes a batch to the log and makes it visible. wait ends when it is kept
// as asked, or with ErrUncertain when ctx is over first. The batch is the store's
// from then on.
func (e *Embedded) apply(b *pebble.Batch, k keep) (wait func(context.Context) error, err error) {
	if k == keepSoon {
		err := e.db.Apply(b, pebble.NoSync)
		_ = b.Close()
		if err != nil {
			return nil, fmt.Errorf("sessions: %w", err)
		}
		e.wrote()
		return func(context.Context) error { return nil }, nil
	}
	if k == keepDurable {
		e.disk.durable.Add(1)
	}
	if err := e.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		if k == keepDurable {
			e.disk.durable.Add(-1)
		}
		_ = b.Close()
		return nil, fmt.Errorf("sessions: %w", err)
	}
	synced := make(chan error, 1)
	e.tasks.Go(func() {
		err := b.SyncWait()
		if k == keepDurable {
			e.disk.durable.Add(-1)
		}
		_ = b.Close()
		synced <- err
	})
	return func(ctx context.Context) error {
		select {
		case err := <-synced:
			if err != nil {
				return fmt.Errorf("%w: %w", ErrUncertain, err)
			}
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUncertain, ctx.Err())
		}
	}, nil
}

// pebbleLog passes on what pebble says, quietly.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("store", "pebble", fmt.Sprintf(format, args...))
	}
}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("store", "pebble", fmt.Sprintf(format, args...))
}

// Fatalf ends the process: pebble calls it when a write to the log failed, and
// must not go on from there.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.log.Error("store failed: the process ends, a restart recovers", "pebble", fmt.Sprintf(format, args...))
	os.Exit(1)
}
