package sessions_test

import (
	"context"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// join enters a process of its own into the registry; alive keeps it there until
// die is called.
func join(t *testing.T, server *storetest.Server, id string) (n *sessions.Nodes, die func()) {
	t.Helper()
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	n, err := v.Join(t.Context(), id, sessions.NodesOptions{Beat: 20 * time.Millisecond, Lease: 400 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	die = func() { cancel(); <-done }
	t.Cleanup(die)
	return n, die
}

// steppedBy is a session that a process stepped just now.
func steppedBy(id string) *sessions.Session {
	s := testSession("255700000001")
	s.Node, s.LastAt = id, time.Now()
	return &s
}

func TestM7NodesTellTheLivingAndThoseWhoLeftFromTheDead(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	a, _ := join(t, server, "a")
	if !a.Continues(t.Context(), steppedBy("a")) {
		t.Error("its own sessions do not continue")
	}
	if a.Continues(t.Context(), steppedBy("nobody")) {
		t.Error("the session of a process that nobody knows continues")
	}
	left, stopLeft := join(t, server, "left")
	_, kill := join(t, server, "killed")
	waitFor(t, "those who joined are known", func() bool {
		return a.Continues(t.Context(), steppedBy("left")) && a.Continues(t.Context(), steppedBy("killed"))
	})
	if got := len(a.Living()); got != 3 {
		t.Errorf("%d are alive", got)
	}
	stopLeft()
	if err := left.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	kill()
	waitFor(t, "the killed one is known to be dead", func() bool { return !a.Continues(t.Context(), steppedBy("killed")) })
	if !a.Continues(t.Context(), steppedBy("left")) {
		t.Error("the session of a process that left in order does not continue")
	}
	if got := a.Living(); len(got) != 1 || got[0] != "a" {
		t.Errorf("%q are alive", got)
	}
}

func TestM7SessionsFromBeforeARestartOfTheStoreDoNotContinue(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	a, _ := join(t, server, "a")
	before := steppedBy("a")
	if !a.Continues(t.Context(), before) {
		t.Fatal("a session does not continue")
	}
	server.Restart(t)
	waitFor(t, "the restart is noticed", func() bool { return !a.Continues(t.Context(), before) })
	waitFor(t, "what is stepped after it continues", func() bool { return a.Continues(t.Context(), steppedBy("a")) })
}
