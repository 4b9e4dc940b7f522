package sessions_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// calls reads how often the server ran commands, by its own count.
func calls(t *testing.T, s *storetest.Server, commands ...string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(s.Command(t, "INFO", "commandstats")) {
		for _, c := range commands {
			var n int
			if _, err := fmt.Sscanf(line, "cmdstat_"+c+":calls=%d,", &n); err == nil {
				counts[c] = n
			}
		}
	}
	return counts
}

func TestValkeyWarmStepIsOneCommand(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	const steps = 50
	s, err := v.Commit(t.Context(), testSession("255700000001"))
	if err != nil {
		t.Fatal(err)
	}
	server.Command(t, "CONFIG", "RESETSTAT")
	for range steps {
		if s, err = v.Load(t.Context(), s.Key); err != nil {
			t.Fatal(err)
		}
		if !s.Remembered() {
			t.Fatal("what was written last is not remembered")
		}
		s.Steps++
		if s, err = v.Commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	// evalsha is the command; getrange and set are what the script does.
	got := calls(t, server, "evalsha", "eval", "getrange", "set", "get", "mget", "watch", "multi")
	for command, want := range map[string]int{"evalsha": steps, "getrange": steps, "set": steps} {
		if got[command] != want {
			t.Errorf("%d %s for %d steps", got[command], command, steps)
		}
	}
	for _, command := range []string{"eval", "get", "mget", "watch", "multi"} {
		if got[command] != 0 {
			t.Errorf("%d %s for %d steps", got[command], command, steps)
		}
	}
}

func TestValkeyStepsOfManyCustomersShareCommandsAndFailAlone(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	const customers, steps = 64, 20
	begun := make([]sessions.Session, customers)
	for i := range begun {
		var err error
		if begun[i], err = v.Commit(t.Context(), testSession(fmt.Sprint(255700000000+i))); err != nil {
			t.Fatal(err)
		}
	}
	server.Command(t, "CONFIG", "RESETSTAT")
	var all sync.WaitGroup
	for i, s := range begun {
		all.Go(func() {
			for n := range steps {
				s.Steps++
				next, err := v.Commit(t.Context(), s)
				if err != nil {
					t.Errorf("customer %d, step %d: %v", i, n, err)
					return
				}
				if i%8 == 0 { // an older version, in the midst of others' steps
					if _, err := v.Commit(t.Context(), s); !errors.Is(err, sessions.ErrConflict) {
						t.Errorf("customer %d, a step on an old version: %v", i, err)
					}
				}
				s = next
			}
			if s.Ended = i%2 == 0; s.Ended {
				if _, err := v.Commit(t.Context(), s); err != nil {
					t.Errorf("customer %d, the end: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	got := calls(t, server, "evalsha", "set")
	if want := customers * steps; got["set"] != want {
		t.Errorf("%d steps were written, want %d", got["set"], want)
	}
	if got["evalsha"] >= customers*steps {
		t.Errorf("%d commands for %d steps of %d customers at once", got["evalsha"], customers*steps, customers)
	}
	for i, s := range begun {
		stored, err := v.Load(t.Context(), s.Key)
		if i%2 == 0 {
			if !errors.Is(err, sessions.ErrNotFound) {
				t.Errorf("customer %d ended: %v", i, err)
			}
		} else if err != nil || stored.Steps != steps {
			t.Errorf("customer %d is at step %d, %v", i, stored.Steps, err)
		}
	}
}

func TestValkeyDialIsTwoCommands(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	const msisdn = "255700000001"
	if err := v.Put(t.Context(), &sessions.Customer{MSISDN: msisdn, Language: "sw"}); err != nil {
		t.Fatal(err)
	}
	s, err := v.Commit(t.Context(), testSession(msisdn)) // so that the scripts are known
	if err != nil {
		t.Fatal(err)
	}
	server.Command(t, "CONFIG", "RESETSTAT")
	s.Key.ID, s.Version = "2", 0
	if _, err := v.Load(t.Context(), s.Key); !errors.Is(err, sessions.ErrNotFound) {
		t.Fatal(err)
	}
	if c, err := v.Customer(t.Context(), msisdn); err != nil || c.Language != "sw" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := v.Commit(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got := calls(t, server, "mget", "evalsha", "get")
	if got["mget"] != 1 || got["evalsha"] != 1 || got["get"] != 0 {
		t.Errorf("a dial cost %v", got)
	}

	// What was read along is used once: the next question asks the server.
	if err := v.Put(t.Context(), &sessions.Customer{MSISDN: msisdn, Version: 1, Language: "fr"}); err != nil {
		t.Fatal(err)
	}
	if c, err := v.Customer(t.Context(), msisdn); err != nil || c.Language != "fr" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestM9ValkeyStepOnWhatIsRememberedConflictsWhenAnotherNodeWasFaster(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	opts := sessions.ValkeyOptions{Addresses: []string{server.Addr}}
	a, b := openValkey(t, opts), openValkey(t, opts)
	mine, err := a.Commit(t.Context(), testSession("255700000001"))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := b.Load(t.Context(), mine.Key)
	if err != nil || theirs.Remembered() {
		t.Fatalf("remembered %v, %v", theirs.Remembered(), err)
	}
	theirs.Screen = "theirs"
	if _, err := b.Commit(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	mine, err = a.Load(t.Context(), mine.Key)
	if err != nil || !mine.Remembered() {
		t.Fatalf("remembered %v, %v", mine.Remembered(), err)
	}
	mine.Screen = "mine"
	if _, err := a.Commit(t.Context(), mine); !errors.Is(err, sessions.ErrConflict) {
		t.Fatalf("error %v", err)
	}
	got, err := a.Load(t.Context(), mine.Key)
	if err != nil || got.Remembered() || got.Screen != "theirs" || got.Version != 2 {
		t.Errorf("after the conflict: %+v, %v", got, err)
	}

	// Ended elsewhere: the same.
	got.Ended = true
	if _, err := b.Load(t.Context(), got.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Commit(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	theirs, err = b.Load(t.Context(), got.Key)
	if err != nil || !theirs.Remembered() {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context(), theirs); !errors.Is(err, sessions.ErrConflict) {
		t.Errorf("a step of an ended session: %v", err)
	}
	if _, err := b.Load(t.Context(), got.Key); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("an ended session: %v", err)
	}
}

func TestM7ValkeyThatFellBackOnOlderDataConflicts(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, Prefix: "p:"})
	s, err := v.Commit(t.Context(), testSession("255700000001"))
	if err != nil {
		t.Fatal(err)
	}
	const key = "p:{s059}:s:255700000001:demo:1"
	server.Command(t, "COPY", key, "older")
	if s, err = v.Commit(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	server.Command(t, "COPY", "older", key, "REPLACE")
	if s, err = v.Load(t.Context(), s.Key); err != nil || s.Version != 2 {
		t.Fatalf("version %d, %v", s.Version, err)
	}
	if _, err = v.Commit(t.Context(), s); !errors.Is(err, sessions.ErrConflict) {
		t.Fatalf("error %v", err)
	}
	if s, err = v.Load(t.Context(), s.Key); err != nil || s.Version != 1 || s.Remembered() {
		t.Errorf("version %d, %v", s.Version, err)
	}
}

func TestValkeyMemoryOfSessionsIsBoundedAndForgetsNothing(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "no")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, CacheSize: 256 << 10})
	const n = 3000 // more than 1 MiB
	for i := range n {
		s := testSession(fmt.Sprint(255700000000 + i))
		s.State = make([]byte, 200)
		if _, err := v.Commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	remembered := 0
	for i := n - 1; i >= 0; i-- {
		s, err := v.Load(t.Context(), testSession(fmt.Sprint(255700000000+i)).Key)
		if err != nil {
			t.Fatal(err)
		}
		if s.Remembered() {
			remembered++
		}
	}
	if most := 256 << 10 / (200 + 192); remembered > most || remembered == 0 {
		t.Errorf("%d sessions are remembered, at most %d fit", remembered, most)
	}
}

// A connection that died with the server costs time, and no customer's try: in
// any order of plain steps and actions, right after the restart.
func TestValkeyRestartCostsNoStepAndNoAction(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, DurableConns: 4, Timeout: 10 * time.Second})
	const customers = 8
	all := make([]sessions.Session, customers)
	type result struct {
		s   sessions.Session
		err error
	}
	act := func(round int) {
		t.Helper()
		done := make(chan result, customers) // at once, so that every connection is used
		for i := range all {
			go func(s sessions.Session) {
				if i%2 == 0 {
					s, err := v.Commit(t.Context(), s)
					done <- result{s, err}
					return
				}
				s, err := v.Commit(t.Context(), s, testAction(s.Key.MSISDN, fmt.Sprint("a-", round)))
				done <- result{s, err}
			}(all[i])
		}
		for range customers {
			r := <-done
			if r.err != nil {
				t.Errorf("round %d: %v", round, r.err)
				continue
			}
			var n int
			fmt.Sscan(r.s.Key.ID, &n)
			all[n] = r.s
		}
	}
	for i := range all {
		all[i] = testSession(fmt.Sprint(255700000000 + i))
		all[i].Key.ID = fmt.Sprint(i)
	}
	act(0)
	for round := range 3 {
		server.Restart(t)
		act(1 + round)
	}
	for i, s := range all {
		if s.Version != 4 {
			t.Errorf("customer %d is at version %d after 4 commits", i, s.Version)
		}
	}

	// And while it is away for a moment.
	server.Kill()
	back := make(chan struct{})
	time.AfterFunc(300*time.Millisecond, func() { server.Restart(t); close(back) })
	act(9)
	<-back
}
