package sessions

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// stepsIn are the journal's files.
func stepsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "steps", "*"+journalSuffix))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

func TestM7SessionsAreFoundAgainInTheJournal(t *testing.T) {
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{})
	ctx := t.Context()
	want := map[string]uint32{}
	for i := range 200 {
		id := fmt.Sprint(i)
		s, err := e.Commit(ctx, newSession(time.Now(), id))
		for n := range i % 7 {
			s.Steps = uint32(n + 1)
			if err == nil {
				s, err = e.Commit(ctx, s)
			}
		}
		want[id] = s.Steps
		if i%5 == 0 && err == nil {
			s.Ended = true
			_, err = e.Commit(ctx, s)
			delete(want, id)
		}
		if i%50 == 49 && err == nil {
			err = e.nextJournal()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(stepsIn(t, dir)); n != 1 {
		t.Errorf("%d files, want the newest alone", n)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openTest(t, dir, EmbeddedOptions{})
	for i := range 200 {
		id := fmt.Sprint(i)
		s, err := e.Load(ctx, newSession(time.Now(), id).Key)
		steps, there := want[id]
		if there && (err != nil || s.Steps != steps) || !there && !errors.Is(err, ErrNotFound) {
			t.Errorf("session %s: step %d, %v; want %d, %v", id, s.Steps, err, steps, there)
		}
	}
}

func TestM7TornJournalLosesItsEndAlone(t *testing.T) {
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{})
	for i := range 10 {
		if _, err := e.Commit(t.Context(), newSession(time.Now(), fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	file := stepsIn(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)-20] ^= 1
	for _, tc := range []struct {
		name string
		text []byte
		left int
	}{
		{"in a record's middle", whole[:len(whole)-3], 9},
		{"in a record's head", append(append([]byte(nil), whole...), 0, 0, 0), 10},
		{"a bit of the last record turned", flipped, 9},
		{"zeroes behind it", append(append([]byte(nil), whole...), make([]byte, 4096)...), 10},
		{"empty", nil, 0},
		{"no journal at all", []byte("something else, and long enough"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			torn := t.TempDir()
			if err := os.CopyFS(torn, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(torn, "steps", filepath.Base(file)), tc.text, 0o600); err != nil {
				t.Fatal(err)
			}
			e := openTest(t, torn, EmbeddedOptions{})
			n := 0
			for i := range 10 {
				if _, err := e.Load(t.Context(), newSession(time.Now(), fmt.Sprint(i)).Key); err == nil {
					n++
				}
			}
			if n != tc.left {
				t.Errorf("%d sessions are left, want %d", n, tc.left)
			}
			if _, err := e.Commit(t.Context(), newSession(time.Now(), "new")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestM7PowerLossTakesNoSessionBehindItsAction lets the power go at random places:
// a session may be older than its last step, and never older than the last commit
// with an action; one that ended after that does not come back from before it.
func TestM7PowerLossTakesNoSessionBehindItsAction(t *testing.T) {
	const keys, rounds, steps = 8, 12, 150
	random := rand.New(rand.NewPCG(7, 11))
	disk := vfs.NewCrashableMem()
	dir := t.TempDir()
	ctx := context.WithoutCancel(t.Context())
	clock := uint32(0)                          // of all commits: a session's Steps say when it was written
	var floor, ended [keys]uint32               // the last commit with an action, and the last end
	kept := make(map[string]bool, rounds*steps) // actions that were acknowledged
	for round := range rounds {
		e, err := OpenEmbedded(dir, EmbeddedOptions{fs: disk})
		if err != nil {
			t.Fatal(err)
		}
		var now [keys]Session
		for k := range keys {
			s, err := e.Load(ctx, newSession(time.Now(), fmt.Sprint(k)).Key)
			switch {
			case err == nil && s.Steps < floor[k]:
				t.Fatalf("round %d: session %d is back at %d, and had an action at %d", round, k, s.Steps, floor[k])
			case errors.Is(err, ErrNotFound) && ended[k] < floor[k]:
				t.Fatalf("round %d: session %d is lost, and had an action at %d", round, k, floor[k])
			case err != nil && !errors.Is(err, ErrNotFound):
				t.Fatal(err)
			}
			now[k] = s
		}
		for id := range kept {
			if _, err := e.Action(ctx, owner, id); err != nil {
				t.Fatalf("round %d: action %s: %v", round, id, err)
			}
		}
		for i := range steps {
			k := random.IntN(keys)
			s := now[k]
			if s.Version == 0 {
				s = newSession(time.Now(), fmt.Sprint(k))
			}
			clock++
			s.Steps = clock
			var records []Record
			switch what := random.IntN(10); {
			case what == 0 && s.Version > 0:
				s.Ended = true
			case what < 3:
				records = append(records, newAction(time.Now(), fmt.Sprint(round, "-", i)))
				s.Ended = random.IntN(4) == 0 && s.Version > 0
			case what == 3 && random.IntN(4) == 0:
				if err := e.nextJournal(); err != nil {
					t.Fatal(err)
				}
			case what == 4 && random.IntN(4) == 0:
				if err := e.db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			done, err := e.Commit(ctx, s, records...)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) > 0 {
				floor[k] = clock
				kept[records[0].(*Action).ID] = true
			}
			if now[k] = done; s.Ended {
				ended[k], now[k] = clock, Session{}
			}
		}
		crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: random})
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		disk = crashed
	}
}

func TestJournalTurnsWhileSessionsGoOn(t *testing.T) {
	dir := t.TempDir()
	e := openTest(t, dir, EmbeddedOptions{})
	ctx := t.Context()
	stop, turned := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				turned <- nil
				return
			default:
			}
			if err := e.nextJournal(); err != nil {
				turned <- err
				return
			}
		}
	}()
	last := map[string]uint32{}
	for i := range 30 {
		id := fmt.Sprint(i)
		s, err := e.Commit(ctx, newSession(time.Now(), id))
		for n := range 40 {
			if err != nil {
				t.Fatal(err)
			}
			s.Steps = uint32(n)
			if n == 20 {
				s, err = e.Commit(ctx, s, newAction(time.Now(), id))
			} else {
				s, err = e.Commit(ctx, s)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		last[id] = s.Steps
	}
	close(stop)
	if err := <-turned; err != nil {
		t.Fatal(err)
	}
	if err := e.nextJournal(); err != nil {
		t.Fatal(err)
	}
	if n := keysOf(t, e); n[prefixKept] != 0 {
		t.Errorf("%d rows guard what is on the disk", n[prefixKept])
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openTest(t, dir, EmbeddedOptions{})
	for id, steps := range last {
		if s, err := e.Load(ctx, newSession(time.Now(), id).Key); err != nil || s.Steps != steps {
			t.Errorf("session %s: step %d, %v; want %d", id, s.Steps, err, steps)
		}
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(journalMagic))
	f.Add([]byte{})
	j := journal{}
	s := newSession(time.Unix(1_800_000_000, 0), "1")
	row, _ := s.MarshalBinary()
	j.add(journalPut, 0, row)
	j.add(journalDelete, 0, nameIn(row))
	j.add('?', 0, []byte("what nobody writes"))
	f.Add(append([]byte(journalMagic), j.buf...))
	f.Fuzz(func(t *testing.T, text []byte) {
		disk := vfs.NewMem()
		file, err := disk.Create("0000000000000001"+journalSuffix, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		e := &Embedded{seed: maphash.MakeSeed(), now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
		for i := range e.stripe {
			e.stripe[i].init()
		}
		e.journal = journal{fs: disk}
		ended := map[string]uint64{}
		read := 0
		err = e.journal.read(func(what byte, lsn uint64, data []byte) {
			read += journalHead + journalFixed + len(data)
			if what == journalPut {
				e.restore(data, lsn, ended)
			} else {
				e.restoreEnd(data, lsn, ended)
			}
		}, func(_ string, octets int) { read += octets })
		if err != nil {
			t.Fatal(err)
		}
		if want := len(text); read != want && read != want-len(journalMagic) {
			t.Errorf("%d octets are read or torn of %d", read, want)
		}
		for i := range e.stripe {
			for _, ent := range e.stripe[i].table {
				var s Session
				if name := nameIn(ent.row); name == nil || s.decode(string(ent.row)) == nil && string(nameOf(nil, s.Key)) != string(name) {
					t.Errorf("a session by another's name: %x", ent.row)
				}
			}
		}
	})
}
