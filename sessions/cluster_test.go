package sessions_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// clusterNode starts a server that is no cluster's yet, and returns the port of
// its bus.
func clusterNode(t *testing.T) (*storetest.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, bus, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always",
		"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000"), bus
}

func wantOK(t *testing.T, s *storetest.Server, words ...string) {
	t.Helper()
	if got := s.Command(t, words...); got != "+OK\r\n" {
		t.Fatal(got)
	}
}

// startCluster starts three primaries that share the slots.
func startCluster(t *testing.T) []*storetest.Server {
	t.Helper()
	const nodes = 3
	servers := make([]*storetest.Server, nodes)
	for i := range nodes {
		s, bus := clusterNode(t)
		servers[i] = s
		wantOK(t, s, "CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*16384/nodes), fmt.Sprint((i+1)*16384/nodes-1))
		host, port, _ := net.SplitHostPort(s.Addr)
		wantOK(t, servers[0], "CLUSTER", "MEET", host, port, bus)
	}
	for _, s := range servers {
		waitFor(t, "the cluster is complete", func() bool {
			info := s.Command(t, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3") &&
				strings.Contains(info, "cluster_slots_ok:16384")
		})
	}
	return servers
}

func addrsOf(servers []*storetest.Server) []string {
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr)
	}
	return addrs
}

func TestValkeyClusterIsHealthyWithoutASpareReplicaAndNotWithoutAPrimary(t *testing.T) {
	servers := startCluster(t)
	replica, bus := clusterNode(t)
	host, port, _ := net.SplitHostPort(replica.Addr)
	wantOK(t, servers[0], "CLUSTER", "MEET", host, port, bus)
	id := strings.TrimSpace(strings.SplitN(servers[0].Command(t, "CLUSTER", "MYID"), "\r\n", 3)[1])
	waitFor(t, "the replica follows", func() bool {
		return replica.Command(t, "CLUSTER", "REPLICATE", id) == "+OK\r\n"
	})
	for _, s := range servers {
		waitFor(t, "all know the replica", func() bool { return strings.Contains(s.Command(t, "CLUSTER", "NODES"), "slave") })
	}
	waitFor(t, "the replica is in step", func() bool {
		return strings.Contains(replica.Command(t, "INFO", "replication"), "master_link_status:up")
	})
	v := openValkey(t, sessions.ValkeyOptions{Addresses: addrsOf(servers)})
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
	addrs := addrsOf(startCluster(t))
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
