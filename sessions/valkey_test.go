package sessions_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

func openValkey(t testing.TB, opts sessions.ValkeyOptions) *sessions.Valkey {
	t.Helper()
	v, err := sessions.OpenValkey(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestValkeyStore(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	n := 0
	storetest.Run(t, func(t *testing.T) (sessions.Store, func() sessions.Store, *storetest.Clock) {
		clock := storetest.NewClock()
		n++
		opts := sessions.ValkeyOptions{Addresses: []string{server.Addr}, Prefix: fmt.Sprint("t", n, ":"), Now: clock.Now}
		v := openValkey(t, opts)
		return v, func() sessions.Store {
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			server.Restart(t)
			return openValkey(t, opts)
		}, clock
	})
}

func testSession(msisdn string) sessions.Session {
	return sessions.Session{
		Key: sessions.Key{Network: "demo", MSISDN: msisdn, ID: "1"}, Screen: "Wallet", Expires: time.Now().Add(3 * time.Minute),
	}
}

func testAction(msisdn, id string) *sessions.Action {
	return &sessions.Action{ID: id, MSISDN: msisdn, State: sessions.Sent, Created: time.Now(), Due: time.Now()}
}

func TestValkeyWithoutAppendOnlyFileIsRefused(t *testing.T) {
	server := storetest.NewServer(t)
	_, err := sessions.OpenValkey(t.Context(), sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	if err == nil || !strings.Contains(err.Error(), "append-only file") {
		t.Fatalf("error %v", err)
	}
	var log bytes.Buffer
	v := openValkey(t, sessions.ValkeyOptions{
		Addresses: []string{server.Addr}, AllowNoAOF: true, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("no warning: %s", &log)
	}
	if _, err := v.Commit(t.Context(), testSession("255700000001"), testAction("255700000001", "a-1")); err != nil {
		t.Errorf("allowed, and refused all the same: %v", err)
	}
}

func TestValkeyThatEvictsIsRefused(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	opts := sessions.ValkeyOptions{Addresses: []string{server.Addr}}
	if _, err := sessions.OpenValkey(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "noeviction") {
		t.Errorf("error %v", err)
	}
	server.Command(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	v := openValkey(t, opts)
	server.Command(t, "CONFIG", "SET", "maxmemory", "1")
	_, err := v.Commit(t.Context(), testSession("255700000001"), testAction("255700000001", "a-1"))
	if err == nil || errors.Is(err, sessions.ErrUncertain) {
		t.Errorf("a full server: %v", err)
	}
	server.Command(t, "CONFIG", "SET", "maxmemory", "0")
	if _, err := v.Action(t.Context(), "255700000001", "a-1"); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("the refused action: %v", err)
	}
}

func TestValkeySlowFsyncPolicyIsToldInTheLog(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "everysec")
	var log bytes.Buffer
	openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "everysec") {
		t.Errorf("log: %s", &log)
	}
}

func TestM1CommitIsNotDurableWhenTheAppendOnlyFileGoesAway(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	server.Command(t, "CONFIG", "SET", "appendonly", "no")
	a := testAction("255700000001", "a-1")
	err := v.Put(t.Context(), a)
	if !errors.Is(err, sessions.ErrNotDurable) || !errors.Is(err, sessions.ErrUncertain) {
		t.Errorf("error %v", err)
	}
	if a.Version != 0 {
		t.Errorf("Version %d after an error", a.Version)
	}
	if err := v.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "append-only file") {
		t.Errorf("Health says %v", err)
	}
}

func TestM1CommitIsNotDurableWhenAReplicaLacksIt(t *testing.T) {
	primary := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(primary.Addr)
	opts := sessions.ValkeyOptions{Addresses: []string{primary.Addr}, Replicas: 1, Timeout: time.Second}
	if _, err := sessions.OpenValkey(t.Context(), opts); !errors.Is(err, sessions.ErrReplicas) || !strings.Contains(err.Error(), "0 replicas are connected, 1 are needed") {
		t.Errorf("opened without its replica: %v", err)
	}
	replica := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always", "--replicaof", host+" "+port)
	waitFor(t, "the replica is in step", func() bool {
		return strings.Contains(primary.Command(t, "INFO", "replication"), "state=online") &&
			strings.Contains(replica.Command(t, "INFO", "replication"), "master_link_status:up")
	})
	v := openValkey(t, opts)
	a := testAction("255700000001", "a-1")
	waitFor(t, "the replica acknowledges from its append-only file", func() bool { // it rewrites the file first
		err := v.Put(t.Context(), a)
		if err != nil && !errors.Is(err, sessions.ErrNotDurable) {
			t.Fatal(err)
		}
		if err == nil {
			return true
		}
		*a, err = v.Action(t.Context(), a.MSISDN, a.ID)
		return err != nil
	})
	resume := replica.Pause(t)
	defer resume()
	a.Detail = "only on the primary"
	version := a.Version
	err := v.Put(t.Context(), a)
	if !errors.Is(err, sessions.ErrNotDurable) { // it says why, unless its time ends first
		t.Errorf("error %v", err)
	}
	if a.Version != version {
		t.Error("an error raised the Version")
	}
}

func TestValkeyCommitWithoutAnAnswerIsUncertain(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, Timeout: 200 * time.Millisecond})
	// The action makes the connection that the later one is sent on.
	s, err := v.Commit(t.Context(), testSession("255700000001"), testAction("255700000001", "a-0"))
	if err != nil {
		t.Fatal(err)
	}
	for name, records := range map[string][]sessions.Record{
		"step": nil, "action": {testAction("255700000001", "a-1")},
	} {
		resume := server.Pause(t)
		next := s
		next.Screen = name
		_, err := v.Commit(t.Context(), next, records...)
		if !errors.Is(err, sessions.ErrUncertain) {
			t.Errorf("%s: error %v", name, err)
		}
		if err := v.Health(t.Context()); err == nil {
			t.Errorf("%s: a server that answers nothing is healthy", name)
		}
		resume()
		// It may have been written or not; what is loaded can be gone on with.
		waitFor(t, "the store recovers by itself", func() bool {
			s, err = v.Load(t.Context(), s.Key)
			return err == nil && v.Health(t.Context()) == nil
		})
		waitFor(t, "the dialogue goes on", func() bool {
			n, err := v.Commit(t.Context(), s)
			if err != nil { // what was sent before the pause may still arrive
				s, _ = v.Load(t.Context(), s.Key)
				return false
			}
			s = n
			return true
		})
	}
}

func TestValkeyThatIsAwayRefusesAndComesBack(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, Timeout: 500 * time.Millisecond})
	s, err := v.Commit(t.Context(), testSession("255700000001"), testAction("255700000001", "a-1"))
	if err != nil {
		t.Fatal(err)
	}
	server.Kill()
	for range 3 {
		if _, err := v.Commit(t.Context(), s, testAction("255700000001", "a-2")); err == nil {
			t.Fatal("a commit to a dead server succeeded")
		}
	}
	if err := v.Health(t.Context()); err == nil {
		t.Error("a dead server is healthy")
	}
	server.Restart(t) // it also forgot the scripts
	waitFor(t, "the store recovers by itself", func() bool { return v.Health(t.Context()) == nil })
	waitFor(t, "the acknowledged action is there", func() bool {
		_, err := v.Action(t.Context(), "255700000001", "a-1")
		if errors.Is(err, sessions.ErrNotFound) {
			t.Fatal("M7: the acknowledged action is lost")
		}
		return err == nil
	})
	waitFor(t, "the dialogue goes on", func() bool {
		_, err := v.Commit(t.Context(), s, testAction("255700000001", "a-3"))
		if errors.Is(err, sessions.ErrConflict) {
			t.Fatal(err)
		}
		return err == nil
	})
}

func TestValkeyScriptsAreSentAgainWhenTheServerForgotThem(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	s := testSession("255700000001")
	var err error
	for i := range 3 {
		server.Command(t, "SCRIPT", "FLUSH")
		if s, err = v.Commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		server.Command(t, "SCRIPT", "FLUSH")
		if s, err = v.Commit(t.Context(), s, testAction("255700000001", fmt.Sprint("a-", i))); err != nil {
			t.Fatal(err)
		}
		server.Command(t, "SCRIPT", "FLUSH")
		rs, err := v.Claim(t.Context(), sessions.QueueActions, "w", time.Now(), time.Hour, 10)
		if err != nil || len(rs) != 1 {
			t.Fatalf("%d records, %v", len(rs), err)
		}
		server.Command(t, "SCRIPT", "FLUSH")
		if open, err := v.Open(t.Context(), "255700000001"); err != nil || len(open) != i+1 {
			t.Fatalf("%d open, %v", len(open), err)
		}
	}
}

func TestM6ValkeyErrorsShowNoCredential(t *testing.T) {
	const password = "correct-horse"
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always", "--requirepass", password)
	for name, o := range map[string]sessions.ValkeyOptions{
		"wrong password": {Password: "wrong-battery"},
		"wrong user":     {Username: "nobody", Password: "wrong-battery"},
		"none":           {},
	} {
		o.Addresses = []string{server.Addr}
		_, err := sessions.OpenValkey(t.Context(), o)
		if err == nil || strings.Contains(err.Error(), "battery") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, Password: password})
	if _, err := v.Commit(t.Context(), testSession("255700000001")); err != nil {
		t.Error(err)
	}
	for name, o := range map[string]sessions.ValkeyOptions{
		"no address":   {},
		"bad prefix":   {Addresses: []string{server.Addr}, Prefix: "{x}"},
		"bad replicas": {Addresses: []string{server.Addr}, Replicas: -1},
		"nobody there": {Addresses: []string{"127.0.0.1:1"}, Password: password},
	} {
		if _, err := sessions.OpenValkey(t.Context(), o); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestValkeyKeepsACustomerInOneSlotAndGivesSessionsATTL(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, Retention: time.Hour})
	const msisdn = "255700000001"
	final := testAction(msisdn, "a-2")
	final.State, final.Due = sessions.Done, time.Time{}
	s, err := v.Commit(t.Context(), testSession(msisdn), testAction(msisdn, "a-1"), final,
		&sessions.Notice{ID: "n-1", Owner: msisdn, State: sessions.NoticePending, Due: time.Now()},
		&sessions.Customer{MSISDN: msisdn})
	if err != nil {
		t.Fatal(err)
	}
	const tag = "{s059}:"
	ttl := map[string]string{ // the range of PTTL: "" for none
		tag + "s:" + msisdn + ":demo:1": "3m", tag + "a:" + msisdn + ":a-1": "", tag + "a:" + msisdn + ":a-2": "1h",
		tag + "n:" + msisdn + ":n-1": "", tag + "c:" + msisdn: "", tag + "o:" + msisdn: "", tag + "q:actions": "", tag + "q:notices": "",
	}
	if got := server.Command(t, "DBSIZE"); got != fmt.Sprintf(":%d\r\n", len(ttl)) {
		t.Errorf("keys: %s %s", got, server.Command(t, "KEYS", "*"))
	}
	for key, want := range ttl {
		var ms int64
		if _, err := fmt.Sscanf(server.Command(t, "PTTL", key), ":%d", &ms); err != nil {
			t.Fatal(err)
		}
		switch {
		case want == "" && ms != -1:
			t.Errorf("%s lives for %d ms, want for ever", key, ms)
		case want != "":
			most, _ := time.ParseDuration(want)
			if got := time.Duration(ms) * time.Millisecond; got > most || got < most-time.Minute {
				t.Errorf("%s lives for %v, want %v", key, got, most)
			}
		}
	}
	s.Ended = true
	if _, err := v.Commit(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got := server.Command(t, "EXISTS", tag+"s:"+msisdn+":demo:1"); got != ":0\r\n" {
		t.Errorf("an ended session is still stored: %s", got)
	}
}

// waitFor waits for another process.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}
