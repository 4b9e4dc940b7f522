package sessions_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// startCluster starts three primaries that share the slots.
func startCluster(t *testing.T) []string {
	t.Helper()
	const nodes = 3
	var servers []*storetest.Server
	var addrs, buses []string
	for range nodes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, bus, _ := net.SplitHostPort(l.Addr().String())
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		s := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always",
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000")
		servers, addrs, buses = append(servers, s), append(addrs, s.Addr), append(buses, bus)
	}
	for i, s := range servers {
		first, last := i*16384/nodes, (i+1)*16384/nodes-1
		if got := s.Command(t, "CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(first), fmt.Sprint(last)); got != "+OK\r\n" {
			t.Fatal(got)
		}
		host, port, _ := net.SplitHostPort(s.Addr)
		if got := servers[0].Command(t, "CLUSTER", "MEET", host, port, buses[i]); got != "+OK\r\n" {
			t.Fatal(got)
		}
	}
	for _, s := range servers {
		waitFor(t, "the cluster is complete", func() bool {
			info := s.Command(t, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3") &&
				strings.Contains(info, "cluster_slots_ok:16384")
		})
	}
	return addrs
}

func TestValkeyClusterStore(t *testing.T) {
	addrs := startCluster(t)
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
