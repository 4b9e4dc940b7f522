package sessions

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// inLog says whether the journal's files hold some octets: whether those left the
// process.
func inLog(t *testing.T, dir, octets string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "steps", "*.steps"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(octets)) {
			return true
		}
	}
	return false
}

func TestM7DialogueThatBeganIsOutOfTheProcessOnReturn(t *testing.T) {
	disk := &slowDisk{FS: vfs.Default}
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{fs: disk})
	before := disk.syncs.Load()
	for i := range 50 {
		s := newSession(time.Now(), fmt.Sprint(i))
		s.Screen = fmt.Sprintf("screen-%d-of-it", i)
		if _, err := e.Commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if !inLog(t, dir, s.Screen) {
			t.Fatalf("dialogue %d is still in the process alone", i)
		}
	}
	if n := disk.syncs.Load() - before; n != 0 {
		t.Errorf("%d fsyncs", n)
	}
}

func TestM7PlainStepIsOutOfTheProcessSoonWithoutAnFsync(t *testing.T) {
	disk := &slowDisk{FS: vfs.Default}
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{fs: disk})
	before := disk.syncs.Load()
	s, err := e.Commit(t.Context(), newSession(time.Now(), "1"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		s.Screen = fmt.Sprintf("step-%d-of-it", i)
		if s, err = e.Commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the step is written", func() bool { return inLog(t, dir, s.Screen) })
	}
	if n := disk.syncs.Load() - before; n != 0 {
		t.Errorf("%d fsyncs", n)
	}
}

func TestM7SessionIsNotNewerThanTheActionItWaitsForAfterACrash(t *testing.T) {
	disk := &slowDisk{FS: vfs.Default}
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{fs: disk})
	s, err := e.Commit(t.Context(), newSession(time.Now(), "1"))
	if err != nil {
		t.Fatal(err)
	}
	s.Screen = "waits-for-its-action"
	disk.gate.Lock() // the action does not come to the disk
	committed := make(chan error, 1)
	go func() {
		_, err := e.Commit(t.Context(), s, newAction(time.Now(), "1"))
		committed <- err
	}()
	eventually(t, "the step is known", func() bool {
		known, err := e.Load(t.Context(), s.Key)
		return err == nil && known.Screen == s.Screen
	})
	// A dialogue that begins writes all that the journal has.
	if _, err := e.Commit(t.Context(), newSession(time.Now(), "2")); err != nil {
		t.Fatal(err)
	}
	if inLog(t, dir, s.Screen) {
		t.Error("a process that is killed now leaves a session that waits for an action that nobody has")
	}
	disk.gate.Unlock()
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the step is written with its action", func() bool { return inLog(t, dir, s.Screen) })
}

func TestM1ActionSurvivesThePowerWhateverPlainStepsAreAround(t *testing.T) {
	disk := vfs.NewCrashableMem()
	dir := t.TempDir()
	var acknowledged []string
	for round := range 6 {
		e := openTest(t, dir, EmbeddedOptions{fs: disk})
		for _, id := range acknowledged {
			if _, err := e.Action(t.Context(), owner, id); err != nil {
				t.Fatalf("round %d: action %s: %v", round, id, err)
			}
		}
		for i := range 12 {
			id := fmt.Sprint(round, "-", i)
			s, err := e.Commit(t.Context(), newSession(time.Now(), id))
			if err != nil {
				t.Fatal(err)
			}
			for range 5 {
				if s, err = e.Commit(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			if i%3 == 0 {
				a := newAction(time.Now(), "a-"+id)
				if _, err = e.Commit(t.Context(), s, a); err != nil {
					t.Fatal(err)
				}
				acknowledged = append(acknowledged, a.ID)
			}
			if i == 7 { // a new segment of the log, with more behind it
				if err := e.db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		// The power goes: of what was not synced, some octets are there and some not.
		crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, uint64(round)))})
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		disk = crashed
	}
}
