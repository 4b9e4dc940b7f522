package sessions_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

func TestValkeyClusterIsHealthyWithoutASpareReplicaAndNotWithoutAPrimary(t *testing.T) {
	c := storetest.StartCluster(t, 5*time.Second, false)
	servers := c.Primaries
	replica, bus := storetest.ClusterNode(t, 5*time.Second)
	host, port, _ := net.SplitHostPort(replica.Addr)
	if got := servers[0].Command(t, "CLUSTER", "MEET", host, port, bus); got != "+OK\r\n" {
		t.Fatal(got)
	}
	waitFor(t, "the replica follows", func() bool {
		return replica.Command(t, "CLUSTER", "REPLICATE", c.ID(0)) == "+OK\r\n"
	})
	for _, s := range servers {
		waitFor(t, "all know the replica", func() bool { return strings.Contains(s.Command(t, "CLUSTER", "NODES"), "slave") })
	}
	replica.InStep(t)
	// Until something was written the others take the replica for one that still loads,
	// and clients are not told of it.
	for n := 0; servers[0].Command(t, "SET", fmt.Sprint("any", n), "") != "+OK\r\n"; n++ {
		if n == 1000 {
			t.Fatal("no key is in the first primary's slots")
		}
	}
	for _, s := range servers {
		waitFor(t, "clients are told of the replica", func() bool { return strings.Count(s.Command(t, "CLUSTER", "SHARDS"), "online") == 4 })
	}
	v := openValkey(t, sessions.ValkeyOptions{Addresses: c.Addrs()})
	if err := v.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	replica.Kill()
	if err := v.Health(t.Context()); err != nil {
		t.Errorf("a replica that nobody needs is gone: %v", err)
	}
	servers[2].Kill()
	if err := v.Health(t.Context()); err == nil {
		t.Error("a primary is gone, and the store is healthy")
	}
}

func TestValkeyClusterStore(t *testing.T) {
	addrs := storetest.StartCluster(t, 5*time.Second, false).Addrs()
	n := 0
	storetest.Run(t, func(t *testing.T) (sessions.Store, func() sessions.Store, *storetest.Clock) {
		clock := storetest.NewClock()
		n++
		opts := sessions.ValkeyOptions{Addresses: addrs, Prefix: fmt.Sprint("t", n, ":"), Now: clock.Now}
		v := openValkey(t, opts)
		return v, func() sessions.Store {
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			return openValkey(t, opts)
		}, clock
	})
}

// move is a slot of ours on its way between two primaries.
type move struct {
	t        *testing.T
	from, to *storetest.Server
	fromID   string
	toID     string
	slot     string // the cluster's
}

// startMove begins to move the slot of a customer away from the primary that has it.
func startMove(t *testing.T, c *storetest.Cluster, msisdn, tag string) *move {
	t.Helper()
	m := &move{t: t}
	fmt.Sscanf(c.Primaries[0].Command(t, "CLUSTER", "KEYSLOT", "{"+tag+"}"), ":%s", &m.slot)
	for i, p := range c.Primaries {
		if !strings.HasPrefix(p.Command(t, "GET", "{"+tag+"}:none"), "-MOVED") {
			next := (i + 1) % len(c.Primaries)
			m.from, m.to, m.fromID, m.toID = p, c.Primaries[next], c.ID(i), c.ID(next)
		}
	}
	for s, words := range map[*storetest.Server][]string{m.to: {"IMPORTING", m.fromID}, m.from: {"MIGRATING", m.toID}} {
		if got := s.Command(t, append([]string{"CLUSTER", "SETSLOT", m.slot}, words...)...); got != "+OK\r\n" {
			t.Fatal(got)
		}
	}
	return m
}

// keys moves these keys.
func (m *move) keys(keys ...string) {
	m.t.Helper()
	host, port, _ := net.SplitHostPort(m.to.Addr)
	if got := m.from.Command(m.t, append([]string{"MIGRATE", host, port, "", "0", "5000", "KEYS"}, keys...)...); got != "+OK\r\n" {
		m.t.Fatal(got)
	}
}

// end gives the slot, all of whose keys have moved, to its new primary.
func (m *move) end(c *storetest.Cluster) {
	m.t.Helper()
	for _, p := range []*storetest.Server{m.to, m.from, c.Primaries[0], c.Primaries[1], c.Primaries[2]} {
		if got := p.Command(m.t, "CLUSTER", "SETSLOT", m.slot, "NODE", m.toID); got != "+OK\r\n" {
			m.t.Fatal(got)
		}
	}
}

func TestM5RecordsAreDueWhileTheirSlotMoves(t *testing.T) {
	c := storetest.StartCluster(t, 5*time.Second, false)
	const msisdn, tag = "255700000001", "s059"
	v := openValkey(t, sessions.ValkeyOptions{Addresses: c.Addrs(), Timeout: time.Second})
	if err := v.Put(t.Context(), testAction(msisdn, "a-1")); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(time.Minute)
	due := func(what string, want bool) {
		t.Helper()
		now = now.Add(time.Hour) // every lease is over
		rs, err := v.Claim(t.Context(), sessions.QueueActions, "w", now, time.Minute, 10)
		if len(rs) != 1 && want || len(rs) > 1 {
			t.Errorf("%s: %d records are due, %v", what, len(rs), err)
		}
	}
	open := func(what string) {
		t.Helper()
		all, err := v.Open(t.Context(), msisdn)
		if err == nil && len(all) != 1 {
			t.Errorf("%s: %d actions are open", what, len(all))
		}
	}
	due("at rest", true)
	m := startMove(t, c, msisdn, tag)
	due("nothing has moved yet", true)
	m.keys("{s059}:q:actions", "{s059}:o:"+msisdn)
	due("the queue has moved, its record has not", false)
	open("the index has moved, its action has not")
	m.keys("{s059}:a:" + msisdn + ":a-1")
	due("all have moved, and the slot has not", true)
	open("all have moved, and the slot has not")
	m.end(c)
	due("the slot has moved", true)
	open("the slot has moved")
}
