package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const owner = "255700000001"

// testTime is a clock that only the test moves.
type testTime struct{ us atomic.Int64 }

func newTestTime() *testTime {
	c := &testTime{}
	c.us.Store(1_800_000_000_000_000)
	return c
}

func (c *testTime) now() time.Time          { return time.UnixMicro(c.us.Load()).UTC() }
func (c *testTime) advance(d time.Duration) { c.us.Add(d.Microseconds()) }

func openTest(t testing.TB, dir string, opts EmbeddedOptions) *Embedded {
	t.Helper()
	e, err := OpenEmbedded(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// keysOf counts the stored keys by their first octet.
func keysOf(t *testing.T, e *Embedded) map[byte]int {
	t.Helper()
	it, err := e.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	n := make(map[byte]int)
	for ok := it.First(); ok; ok = it.Next() {
		n[it.Key()[0]]++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

func newSession(now time.Time, id string) Session {
	return Session{Key: Key{"demo", owner, id}, Screen: "Wallet", Expires: now.Add(3 * time.Minute)}
}

func newAction(now time.Time, id string) *Action {
	return &Action{ID: id, MSISDN: owner, State: Accepted, Created: now, Due: now}
}

func TestSecondOpenOfADirectorySaysThatItIsInUse(t *testing.T) {
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{})
	_, err := OpenEmbedded(dir, EmbeddedOptions{})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
	if err := e.Health(t.Context()); err != nil {
		t.Errorf("the first is hurt: %v", err)
	}
}

func TestStoreDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	openTest(t, dir, EmbeddedOptions{})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestDirectoryOfAnotherLayoutIsRefused(t *testing.T) {
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{})
	if err := e.db.Set(layoutKey, []byte("3"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and the refusal leaves no lock behind
		if _, err := OpenEmbedded(dir, EmbeddedOptions{}); err == nil || !strings.Contains(err.Error(), `layout "3"`) {
			t.Errorf("error %v", err)
		}
	}
}

func TestNearlyFullDiskIsUnhealthy(t *testing.T) {
	e := openTest(t, t.TempDir(), EmbeddedOptions{MinFree: 1 << 62})
	if err := e.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "MiB left") {
		t.Errorf("error %v", err)
	}
}

func TestExpiredSessionsAreRemovedAndLivingOnesStay(t *testing.T) {
	clock := newTestTime()
	e := openTest(t, t.TempDir(), EmbeddedOptions{Now: clock.now})
	ctx := t.Context()
	var last Session
	for i := range 20 {
		s, err := e.Commit(ctx, newSession(clock.now(), fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		last = s
	}
	clock.advance(2 * time.Minute)
	last.Expires = clock.now().Add(3 * time.Minute)
	last, err := e.Commit(ctx, last)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := e.sweep(ctx); n != 0 || err != nil {
		t.Errorf("removed %d before their time, %v", n, err)
	}
	clock.advance(time.Minute + 2*time.Second)
	if n, err := e.sweep(ctx); n != 19 || err != nil {
		t.Errorf("removed %d, %v, want 19", n, err)
	}
	if _, err := e.Load(ctx, last.Key); err != nil {
		t.Errorf("the session that went on: %v", err)
	}
	if n := e.octets.Load(); n <= 0 || n > 1024 {
		t.Errorf("%d octets of one session", n)
	}
	// Ended and used again: the old index entry hurts nobody.
	last.Ended = true
	if _, err := e.Commit(ctx, last); err != nil {
		t.Fatal(err)
	}
	again, err := e.Commit(ctx, newSession(clock.now(), last.Key.ID))
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(2*time.Minute + 30*time.Second)
	if n, err := e.sweep(ctx); n != 0 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if _, err := e.Load(ctx, again.Key); err != nil {
		t.Error(err)
	}
	clock.advance(time.Hour)
	if n, err := e.sweep(ctx); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if n := e.octets.Load(); n != 0 {
		t.Errorf("%d octets of no session", n)
	}
	for i := range e.stripe {
		if st := &e.stripe[i]; len(st.table) != 0 || len(st.wheel) != 0 || st.size != 0 {
			t.Errorf("stripe %d has %d sessions of %d octets", i, len(st.table), st.size)
		}
	}
}

func TestFinalRecordsGoAfterTheirRetention(t *testing.T) {
	clock := newTestTime()
	e := openTest(t, t.TempDir(), EmbeddedOptions{Now: clock.now, Retention: 24 * time.Hour})
	ctx := t.Context()
	put := func(records ...Record) {
		t.Helper()
		if err := e.Put(ctx, records...); err != nil {
			t.Fatal(err)
		}
	}
	open, done := newAction(clock.now(), "open"), newAction(clock.now(), "done")
	sms := &Notice{ID: "sms", Owner: owner, State: NoticePending, Due: clock.now()}
	put(open, done, sms)
	done.State, done.Due = Done, time.Time{}
	sms.State, sms.Due = NoticeSubmitted, time.Time{}
	put(done, sms)
	clock.advance(12 * time.Hour)
	done.Detail = "amended" // counts anew
	put(done)
	clock.advance(12*time.Hour + 2*time.Second)
	if n, err := e.sweep(ctx); n != 1 || err != nil {
		t.Errorf("removed %d, %v, want the notice", n, err)
	}
	if _, err := e.Action(ctx, owner, "done"); err != nil {
		t.Errorf("an action within its retention: %v", err)
	}
	clock.advance(12 * time.Hour)
	if n, err := e.sweep(ctx); n != 1 || err != nil {
		t.Errorf("removed %d, %v, want the action", n, err)
	}
	if _, err := e.Action(ctx, owner, "done"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after its retention: %v", err)
	}
	clock.advance(365 * 24 * time.Hour)
	if n, err := e.sweep(ctx); n != 0 || err != nil {
		t.Errorf("removed %d, %v, want nothing: the other action is open", n, err)
	}
	if list, err := e.Open(ctx, owner); err != nil || len(list) != 1 {
		t.Errorf("open: %d, %v", len(list), err)
	}
	if n := keysOf(t, e); n[kindAction] != 1 || n[kindNotice] != 0 || n[prefixExpiry] != 0 || n[prefixQueue] != 1 {
		t.Errorf("keys left: %v", n)
	}
}

func TestM10SessionsAreBoundedAndThoseThatAreThereGoOn(t *testing.T) {
	clock := newTestTime()
	e := openTest(t, t.TempDir(), EmbeddedOptions{Memory: 100_000, Now: clock.now})
	ctx := t.Context()
	var taken []Session
	for i := range 4000 {
		s := newSession(clock.now(), "1")
		s.Key.MSISDN = fmt.Sprint(255700000000 + i)
		s, err := e.Commit(ctx, s)
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, s)
	}
	if n := e.octets.Load(); n < 100_000 || n > 110_000 || len(taken) < 200 {
		t.Fatalf("%d sessions of %d octets were taken", len(taken), n)
	}
	for _, s := range taken {
		s.Steps++
		if _, err := e.Commit(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(time.Hour)
	if _, err := e.sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Commit(ctx, newSession(clock.now(), "1")); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// slowDisk holds up fsyncs of the log while its gate is shut, and counts them.
type slowDisk struct {
	vfs.FS
	gate  sync.RWMutex
	syncs atomic.Int64
}

type slowFile struct {
	vfs.File
	disk *slowDisk
}

func (d *slowDisk) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return &slowFile{f, d}, nil
}

func (d *slowDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.wrap(name, f, err)
}

func (d *slowDisk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(old, name, c)
	return d.wrap(name, f, err)
}

func (d *slowDisk) wait() {
	d.syncs.Add(1)
	d.gate.RLock()
	defer d.gate.RUnlock()
}

func (f *slowFile) Sync() error     { f.disk.wait(); return f.File.Sync() }
func (f *slowFile) SyncData() error { f.disk.wait(); return f.File.SyncData() }

func TestCommitsOfManyGoroutinesShareAnFsync(t *testing.T) {
	disk := &slowDisk{FS: vfs.Default}
	e := openTest(t, t.TempDir(), EmbeddedOptions{fs: disk})
	const writers = 64
	before := disk.syncs.Load()
	disk.gate.Lock()
	var wg sync.WaitGroup
	var done atomic.Int64
	for i := range writers {
		wg.Go(func() {
			a := newAction(time.Now(), fmt.Sprint(i))
			a.MSISDN = fmt.Sprint(255700000000 + i)
			if err := e.Put(t.Context(), a); err != nil {
				t.Error(err)
			}
			done.Add(1)
		})
	}
	for i := range writers {
		eventually(t, "a commit is visible, whatever fsync others wait for", func() bool {
			_, err := e.Action(t.Context(), fmt.Sprint(255700000000+i), fmt.Sprint(i))
			return err == nil
		})
	}
	if done.Load() != 0 {
		t.Errorf("M1: %d commits returned before the disk had them", done.Load())
	}
	disk.gate.Unlock()
	wg.Wait()
	if n := disk.syncs.Load() - before; n > 4 {
		t.Errorf("%d commits took %d fsyncs", writers, n)
	}
}

func TestPlainStepWaitsForNoDisk(t *testing.T) {
	disk := &slowDisk{FS: vfs.Default}
	e := openTest(t, t.TempDir(), EmbeddedOptions{fs: disk})
	disk.gate.Lock()
	defer disk.gate.Unlock()
	before := disk.syncs.Load()
	s, err := e.Commit(t.Context(), newSession(time.Now(), "1"))
	for range 100 {
		if err != nil {
			t.Fatal(err)
		}
		s, err = e.Commit(t.Context(), s, &Customer{MSISDN: owner, Version: s.Version - 1})
	}
	if n := disk.syncs.Load() - before; n != 0 {
		t.Errorf("%d fsyncs", n)
	}
}

func TestCommitOnAStalledDiskEndsUncertainWithItsCtx(t *testing.T) {
	disk := &slowDisk{FS: vfs.Default}
	e := openTest(t, t.TempDir(), EmbeddedOptions{fs: disk})
	disk.gate.Lock()
	ctx, cancel := context.WithCancel(t.Context())
	a := newAction(time.Now(), "a-1")
	result := make(chan error, 1)
	go func() { result <- e.Put(ctx, a) }()
	eventually(t, "the commit waits for the disk", func() bool {
		_, err := e.Action(t.Context(), owner, "a-1")
		return err == nil
	})
	cancel()
	err := <-result
	disk.gate.Unlock()
	if !errors.Is(err, ErrUncertain) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if a.Version != 0 {
		t.Errorf("Version %d after an error", a.Version)
	}
}

func TestSweeperRunsByItselfAndStopsWithClose(t *testing.T) {
	clock := newTestTime()
	e := openTest(t, t.TempDir(), EmbeddedOptions{Now: clock.now, Sweep: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	s := newSession(clock.now(), "1")
	if _, err := e.Commit(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Hour)
	eventually(t, "the expired session is removed", func() bool { return keysOf(t, e)[kindSession] == 0 })
}

func TestDeepQueueIsNotScannedFromItsStart(t *testing.T) {
	clock := newTestTime()
	e := openTest(t, t.TempDir(), EmbeddedOptions{Now: clock.now})
	for i := range 50 {
		a := newAction(clock.now().Add(time.Duration(i)*time.Second), fmt.Sprint(i))
		if err := e.Put(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(30 * time.Second)
	got, err := e.Claim(t.Context(), QueueActions, "w", clock.now(), time.Hour, 10)
	if err != nil || len(got) != 10 {
		t.Fatalf("%d, %v", len(got), err)
	}
	start := clock.now().Add(-20 * time.Second)
	if low := e.actions.begin(); low != orderedTime(start) {
		t.Errorf("the next scan begins at %v, want %v", timeOf(low), start)
	}
	if err := e.Put(t.Context(), newAction(start.Add(-time.Hour), "early")); err != nil {
		t.Fatal(err)
	}
	got, err = e.Claim(t.Context(), QueueActions, "w", clock.now(), time.Hour, 1)
	if err != nil || len(got) != 1 || got[0].(*Action).ID != "early" {
		t.Errorf("an earlier record is passed over: %v, %v", got, err)
	}
}
