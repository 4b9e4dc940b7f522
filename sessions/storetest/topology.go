//go:build unix

package storetest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// durable are the arguments of a server that keeps the promises.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// WaitFor waits for other processes.
func WaitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}

func (s *Server) wantOK(t testing.TB, words ...string) {
	t.Helper()
	if got := s.Command(t, words...); got != "+OK\r\n" {
		t.Fatal(got)
	}
}

// info says whether the server's INFO replication holds a text; a dead one does not.
func (s *Server) info(t testing.TB, text string) bool {
	reply, err := s.command(t.Context(), "INFO", "replication")
	return err == nil && strings.Contains(string(reply), text)
}

// InStep waits until a replica has all of its primary and follows.
func (s *Server) InStep(t testing.TB) {
	t.Helper()
	WaitFor(t, "the replica is in step", func() bool { return s.Follows(t) })
}

// Follows says whether the server answers, and is a replica that has all of its primary.
func (s *Server) Follows(t testing.TB) bool {
	return s.info(t, "role:slave") && s.info(t, "master_link_status:up")
}

// IsPrimary says whether the server answers and is a primary.
func (s *Server) IsPrimary(t testing.TB) bool { return s.info(t, "role:master") }

// Guarded is a primary with a replica, and three sentinels that watch over them
// under the name "nyota".
type Guarded struct {
	Servers   [2]*Server // the first one is the primary when it starts
	Sentinels []*Server
}

// Addrs are the sentinels' addresses.
func (g *Guarded) Addrs() []string { return addrs(g.Sentinels) }

func addrs(servers []*Server) (all []string) {
	for _, s := range servers {
		all = append(all, s.addr())
	}
	return all
}

// StartSentinels starts a primary with a replica, both of which keep the promises,
// and three sentinels that fail over within a few seconds. The sentinels have a
// password if one is given.
func StartSentinels(t testing.TB, password string) *Guarded {
	t.Helper()
	return startSentinels(t, nil, password)
}

// StartSentinels is as the function of that name. All of them speak TLS, to each
// other too; Addrs are those for TLS.
func (f *TLS) StartSentinels(t testing.TB, password string) *Guarded {
	t.Helper()
	return startSentinels(t, f, password)
}

func startSentinels(t testing.TB, files *TLS, password string) *Guarded {
	t.Helper()
	g := &Guarded{}
	server := func(args ...string) *Server {
		args = append([]string{"--save", ""}, append(args, durable...)...)
		if files != nil {
			args = append(args, "--tls-replication", "yes")
		}
		return newServer(t, files, "", args...)
	}
	g.Servers[0] = server()
	host, port, _ := net.SplitHostPort(g.Servers[0].addr())
	g.Servers[1] = server("--replicaof", host+" "+port)
	g.Servers[1].InStep(t)
	for range 3 {
		// A sentinel connects and asks once a second: one that is less patient than
		// that takes a primary that it has just learnt of for dead.
		conf := fmt.Sprintf("sentinel monitor nyota %s %s 2\nsentinel down-after-milliseconds nyota 2000\n"+
			"sentinel failover-timeout nyota 4000\n", host, port)
		if password != "" {
			conf += "requirepass " + password + "\nsentinel sentinel-pass " + password + "\n"
		}
		if files != nil {
			conf += "tls-replication yes\n"
		}
		path := filepath.Join(t.TempDir(), "sentinel.conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		g.Sentinels = append(g.Sentinels, newServer(t, files, path, "--sentinel"))
	}
	for _, s := range g.Sentinels {
		WaitFor(t, "the sentinels know each other and the replica", func() bool {
			words := []string{"SENTINEL", "MASTER", "nyota"}
			reply, err := s.exchange(t.Context(), password, words...)
			return err == nil && strings.Contains(string(reply), "num-other-sentinels\r\n$1\r\n2\r\n") &&
				strings.Contains(string(reply), "num-slaves\r\n$1\r\n1\r\n")
		})
	}
	return g
}

// addr is where clients find the server: over TLS if it speaks that.
func (s *Server) addr() string {
	if s.TLSAddr != "" {
		return s.TLSAddr
	}
	return s.Addr
}

// Cluster is a cluster of three primaries with a replica each.
type Cluster struct {
	Primaries [3]*Server
	Replicas  []*Server // of the primary with the same number; none if it was started without
	ids       [3]string
}

// Addrs are the nodes' addresses.
func (c *Cluster) Addrs() []string { return addrs(append(c.Primaries[:], c.Replicas...)) }

// ID is a primary's node id.
func (c *Cluster) ID(i int) string { return c.ids[i] }

// ClusterNode starts a server that is no cluster's yet, and returns the port of
// its bus.
func ClusterNode(t testing.TB, nodeTimeout time.Duration) (*Server, string) {
	t.Helper()
	_, bus, err := freeBus()
	if err != nil {
		t.Fatal(err)
	}
	return NewServer(t, append(durable[:len(durable):len(durable)], "--cluster-enabled", "yes", "--cluster-port", bus,
		"--cluster-node-timeout", fmt.Sprint(nodeTimeout.Milliseconds()), "--cluster-replica-validity-factor", "0")...), bus
}

func freeBus() (host, port string, err error) {
	addr, err := freeAddr()
	if err != nil {
		return "", "", err
	}
	return net.SplitHostPort(addr)
}

// StartCluster starts a cluster of three primaries that share the slots, and one
// replica of each if they are wanted.
func StartCluster(t testing.TB, nodeTimeout time.Duration, replicas bool) *Cluster {
	t.Helper()
	c := &Cluster{}
	var all []*Server
	join := func() *Server {
		s, bus := ClusterNode(t, nodeTimeout)
		if len(all) > 0 {
			host, port, _ := net.SplitHostPort(s.Addr)
			all[0].wantOK(t, "CLUSTER", "MEET", host, port, bus)
		}
		all = append(all, s)
		return s
	}
	for i := range c.Primaries {
		c.Primaries[i] = join()
		c.Primaries[i].wantOK(t, "CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*16384/3), fmt.Sprint((i+1)*16384/3-1))
		c.ids[i] = strings.TrimSpace(strings.SplitN(c.Primaries[i].Command(t, "CLUSTER", "MYID"), "\r\n", 3)[1])
	}
	if replicas {
		for range c.Primaries {
			c.Replicas = append(c.Replicas, join())
		}
	}
	whole := func() {
		for _, s := range all {
			WaitFor(t, "the cluster is complete", func() bool {
				info := s.Command(t, "CLUSTER", "INFO")
				return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384") &&
					strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r\n", len(all)))
			})
		}
	}
	whole()
	for i, r := range c.Replicas {
		WaitFor(t, "the replica knows its primary", func() bool {
			return r.Command(t, "CLUSTER", "REPLICATE", c.ids[i]) == "+OK\r\n"
		})
	}
	for i, r := range c.Replicas {
		r.InStep(t)
		for _, s := range all {
			WaitFor(t, "all know the replicas", func() bool {
				return strings.Count(s.Command(t, "CLUSTER", "NODES"), "slave "+c.ids[i]) == 1
			})
		}
	}
	return c
}
