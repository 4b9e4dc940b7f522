package sessions_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/sessions"
)

// crashDir, set, makes the test binary the process that is killed: it commits
// to the store there and prints what was acknowledged.
const crashDir = "NYOTA_TEST_CRASH_DIR"

const crashWriters = 16

func crashMSISDN(w int) string { return fmt.Sprint(255700000100 + w) }

func crashSession(w int) sessions.Session {
	return sessions.Session{
		Key:     sessions.Key{Network: "demo", MSISDN: crashMSISDN(w), ID: "1"},
		Screen:  "Weka PIN",
		State:   make([]byte, 300),
		Expires: time.Now().Add(time.Hour),
	}
}

// crashChild commits for ever, each writer for its own customer: plain steps,
// then a step with an action and a notice, printed once it is acknowledged.
func crashChild() {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return
	}
	store, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(2)
	}
	var out sync.Mutex
	ctx := context.Background()
	var wg sync.WaitGroup
	for w := range crashWriters {
		wg.Go(func() {
			s, err := store.Load(ctx, crashSession(w).Key)
			if errors.Is(err, sessions.ErrNotFound) {
				s, err = crashSession(w), nil
			}
			for i := 0; err == nil; i++ {
				for range 3 {
					s.Steps++
					if s, err = store.Commit(ctx, s); err != nil {
						break
					}
				}
				if err != nil {
					break
				}
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				s.Steps++
				s, err = store.Commit(ctx, s,
					&sessions.Action{ID: id, MSISDN: s.Key.MSISDN, State: sessions.Sent, Due: time.Now().Add(time.Hour), Created: time.Now()},
					&sessions.Notice{ID: id, Owner: s.Key.MSISDN, State: sessions.NoticePending, Due: time.Now()})
				if err == nil {
					out.Lock()
					fmt.Printf("%d %s %d\n", w, id, s.Steps)
					out.Unlock()
				}
			}
			fmt.Println("error:", err)
		})
	}
	wg.Wait()
	os.Exit(2)
}

func TestM7KilledStoreKeepsEveryAcknowledgedAction(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	dir := t.TempDir()
	type acked struct {
		writer int
		id     string
	}
	var all []acked
	steps := make([]uint32, crashWriters)
	for round := range rounds {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		seen := 0
		sc := bufio.NewScanner(stdout)
		for sc.Scan() {
			var w int
			var id string
			var n uint32
			if strings.HasPrefix(sc.Text(), "error:") {
				t.Errorf("the child says %s", sc.Text())
				continue
			}
			// The last line may be torn: a torn one was not acknowledged to us.
			if k, _ := fmt.Sscanf(sc.Text()+"\n", "%d %s %d\n", &w, &id, &n); k != 3 {
				continue
			}
			all = append(all, acked{w, id})
			if n > steps[w] {
				steps[w] = n
			}
			// Another instant of the commits each round.
			if seen++; seen == 150+37*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		cancel()
		if seen < 150 {
			t.Fatalf("round %d: only %d commits", round, seen)
		}

		store, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		open := make(map[string]bool)
		for w := range crashWriters {
			actions, err := store.Open(t.Context(), crashMSISDN(w))
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range actions {
				open[a.ID] = true
			}
			s, err := store.Load(t.Context(), crashSession(w).Key)
			if steps[w] > 0 && (err != nil || s.Steps < steps[w]) {
				t.Errorf("round %d: session of writer %d at step %d, %v; step %d was acknowledged with an action", round, w, s.Steps, err, steps[w])
			}
		}
		due := make(map[string]bool)
		for {
			rs, err := store.Claim(t.Context(), sessions.QueueNotices, "test", time.Now(), time.Microsecond, sessions.MaxClaim)
			if err != nil {
				t.Fatal(err)
			}
			before := len(due)
			for _, r := range rs {
				due[r.(*sessions.Notice).ID] = true
			}
			if len(due) == before {
				break
			}
		}
		for _, a := range all {
			if _, err := store.Action(t.Context(), crashMSISDN(a.writer), a.id); err != nil {
				t.Errorf("round %d: acknowledged action %s: %v", round, a.id, err)
			}
			if !open[a.id] {
				t.Errorf("round %d: acknowledged action %s is not among the open ones", round, a.id)
			}
			if !due[a.id] {
				t.Errorf("round %d: notice of %s is not due", round, a.id)
			}
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged commits over %d kills", len(all), rounds)
}
