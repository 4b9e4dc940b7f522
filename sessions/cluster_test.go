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
