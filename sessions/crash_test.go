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
	"nyota/sessions/storetest"
)

// crashDir, set, makes the test binary the process that is killed: it commits
// to the embedded store there and prints what was acknowledged. With crashAddr
// it is the Valkey server there that will be killed first.
const (
	crashDir  = "NYOTA_TEST_CRASH_DIR"
	crashAddr = "NYOTA_TEST_CRASH_ADDR"
)

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
	var store sessions.Store
	var err error
	if addr := os.Getenv(crashAddr); addr != "" {
		store, err = sessions.OpenValkey(context.Background(), sessions.ValkeyOptions{
			Addresses: []string{addr}, Timeout: 30 * time.Second, // a busy disk may stall an fsync
		})
	} else if dir := os.Getenv(crashDir); dir != "" {
		store, err = sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
	} else {
		return
	}
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

// acked is a commit that the killed process was told is durable.
type acked struct {
	writer int
	id     string
}

// crashLog is what all rounds acknowledged.
type crashLog struct {
	all   []acked
	known int                  // how many of them check has seen
	steps [crashWriters]uint32 // of each writer's last commit with an action
}

// run runs the child until it acknowledged so many commits, then calls kill and
// reads what it still says.
func (l *crashLog) run(t *testing.T, env string, commits int, kill func(child *os.Process)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), env)
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
			if seen < commits {
				t.Errorf("the child says %s", sc.Text())
			}
			continue
		}
		// The last line may be torn: a torn one was not acknowledged to us.
		if k, _ := fmt.Sscanf(sc.Text()+"\n", "%d %s %d\n", &w, &id, &n); k != 3 {
			continue
		}
		l.all = append(l.all, acked{w, id})
		l.steps[w] = max(l.steps[w], n)
		if seen++; seen == commits {
			kill(cmd.Process)
		}
	}
	_ = cmd.Wait() // killed
	if seen < commits {
		t.Fatalf("only %d commits", seen)
	}
}

// check demands all that was acknowledged of the store.
func (l *crashLog) check(t *testing.T, store sessions.Store) {
	t.Helper()
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
		if l.steps[w] > 0 && (err != nil || s.Steps < l.steps[w]) {
			t.Errorf("session of writer %d at step %d, %v; step %d was acknowledged with an action", w, s.Steps, err, l.steps[w])
		}
	}
	due := make(map[string]bool)
	for {
		rs, err := store.Claim(t.Context(), sessions.QueueNotices, "test", time.Now(), time.Hour, sessions.MaxClaim)
		if err != nil {
			t.Fatal(err)
		}
		if len(rs) == 0 {
			break
		}
		for _, r := range rs {
			due[r.(*sessions.Notice).ID] = true
		}
	}
	for _, a := range l.all {
		if _, err := store.Action(t.Context(), crashMSISDN(a.writer), a.id); err != nil {
			t.Errorf("acknowledged action %s: %v", a.id, err)
		}
		if !open[a.id] {
			t.Errorf("acknowledged action %s is not among the open ones", a.id)
		}
	}
	// Earlier rounds' notices were claimed by their own check.
	for _, a := range l.all[l.known:] {
		if !due[a.id] {
			t.Errorf("the notice of %s is not due", a.id)
		}
	}
	l.known = len(l.all)
}

func crashRounds() int {
	if testing.Short() {
		return 1
	}
	return 4
}

func TestM7KilledStoreKeepsEveryAcknowledgedAction(t *testing.T) {
	dir := t.TempDir()
	var log crashLog
	for round := range crashRounds() {
		log.run(t, crashDir+"="+dir, 150+37*round, func(child *os.Process) {
			if err := child.Kill(); err != nil {
				t.Error(err)
			}
		})
		store, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		log.check(t, store)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestM7KilledValkeyKeepsEveryAcknowledgedAction(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	var log crashLog
	for round := range crashRounds() {
		log.run(t, crashAddr+"="+server.Addr, 150+37*round, func(child *os.Process) {
			server.Kill()
			if err := child.Kill(); err != nil { // it would wait for the server
				t.Error(err)
			}
		})
		server.Restart(t)
		log.check(t, openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}}))
	}
}
