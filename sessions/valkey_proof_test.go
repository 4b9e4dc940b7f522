package sessions_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// pair is a primary with one replica, whose arguments are given; both keep the
// promises otherwise.
func pair(t *testing.T, replica ...string) (*storetest.Server, *storetest.Server) {
	t.Helper()
	p := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(p.Addr)
	r := storetest.NewServer(t, append([]string{"--replicaof", host + " " + port, "--appendfsync", "always"}, replica...)...)
	r.InStep(t)
	return p, r
}

// refused is the error of an OpenValkey that must have one, with all of the texts.
func refused(t *testing.T, opts sessions.ValkeyOptions, texts ...string) {
	t.Helper()
	v, err := sessions.OpenValkey(t.Context(), opts)
	if err == nil {
		_ = v.Close()
		t.Fatalf("it was opened, and %q should be said", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %v; it does not say %q", err, text)
		}
	}
}

func TestM1ValkeyUserWhoMayNotCommitIsRefusedWithTheCommandThatIsMissing(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	for _, tt := range []struct{ rights, says string }{
		{"~* +@all -waitaof", "may not run WAITAOF: allow it that command (+waitaof)"},
		{"~* +@all -evalsha", "may not run EVALSHA: allow it that command (+evalsha)"},
		{"~* +@all -eval", "may not run EVAL: allow it that command (+eval)"},
		{"~* +@all -zremrangebyscore", "may not run ZREMRANGEBYSCORE: allow it that command (+zremrangebyscore)"},
		{"~* +@all -info", "may not run INFO: allow it that command (+info)"},
		{"~other:* +@all", `may not use our keys: allow it those that begin with "mine:{"`},
	} {
		t.Run(tt.rights, func(t *testing.T) {
			server.Command(t, "SCRIPT", "FLUSH")
			server.Command(t, append([]string{"ACL", "SETUSER", "nyota", "reset", "on", ">watchword"}, strings.Fields(tt.rights)...)...)
			opts := sessions.ValkeyOptions{Addresses: []string{server.Addr}, Username: "nyota", Password: "watchword", Prefix: "mine:"}
			refused(t, opts, `the user "nyota"`, tt.says)
			server.Command(t, "ACL", "SETUSER", "nyota", "resetkeys", "~mine:*", "+@all")
			openValkey(t, opts)
		})
	}
}

func TestM1ValkeyThatTakesNoWritesIsRefusedWithTheReason(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	opts := sessions.ValkeyOptions{Addresses: []string{server.Addr}, Timeout: 400 * time.Millisecond}
	for _, tt := range []struct{ setting, value, normal, says string }{
		{"maxmemory", "1", "0", "maxmemory"},
		{"min-replicas-to-write", "1", "0", "fewer replicas keep up than its min-replicas-to-write wants (0 are connected)"},
	} {
		t.Run(tt.setting, func(t *testing.T) {
			server.Command(t, "CONFIG", "SET", tt.setting, tt.value)
			refused(t, opts, tt.says)
			server.Command(t, "CONFIG", "SET", tt.setting, tt.normal)
			v := openValkey(t, opts)
			server.Command(t, "CONFIG", "SET", tt.setting, tt.value)
			waitFor(t, "Health notices", func() bool {
				err := v.Health(t.Context())
				return err != nil && strings.Contains(err.Error(), tt.says)
			})
			server.Command(t, "CONFIG", "SET", tt.setting, tt.normal)
			waitFor(t, "it is well again by itself", func() bool { return v.Health(t.Context()) == nil })
		})
	}
	t.Run("a replica", func(t *testing.T) {
		primary, replica := pair(t, "--appendonly", "yes")
		_, port, _ := net.SplitHostPort(primary.Addr)
		refused(t, sessions.ValkeyOptions{Addresses: []string{replica.Addr}}, replica.Addr+" is a replica of 127.0.0.1:"+port)
	})
}

func TestM1ReplicaWithoutAppendOnlyFileIsRefusedByName(t *testing.T) {
	primary, replica := pair(t, "--appendonly", "no")
	opts := sessions.ValkeyOptions{Addresses: []string{primary.Addr}, Replicas: 1, Timeout: time.Second}
	refused(t, opts, "1 replicas are connected, but only 0 write an append-only file in time, 1 are needed", "without one: "+replica.Addr)
	opts.Replicas = 0
	openValkey(t, opts)

	opts.Replicas = 1
	replica.Command(t, "CONFIG", "SET", "appendonly", "yes")
	v := openValkey(t, opts) // it may still be writing its first file
	waitFor(t, "it is well", func() bool { return v.Health(t.Context()) == nil })
	if err := v.Put(t.Context(), testAction("255700000001", "a-1")); err != nil {
		t.Error(err)
	}
}

// A replica that is there and late comes by itself: the whole fleet may start
// meanwhile, and says that it is not ready.
func TestM1ReplicaThatIsLateKeepsNobodyFromStarting(t *testing.T) {
	primary, replica := pair(t, "--appendonly", "yes")
	var log bytes.Buffer
	opts := sessions.ValkeyOptions{Addresses: []string{primary.Addr}, Replicas: 1, Timeout: 500 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(&log, nil))}
	resume := replica.Pause(t)
	defer resume()
	v := openValkey(t, opts)
	const late = "1 replicas are connected, but only 0 write an append-only file in time"
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), late) {
		t.Errorf("log: %s", &log)
	}
	if err := v.Health(t.Context()); err == nil || !strings.Contains(err.Error(), late) {
		t.Errorf("Health says %v", err)
	}
	resume()
	waitFor(t, "it is well by itself", func() bool { return v.Health(t.Context()) == nil })
	if err := v.Put(t.Context(), testAction("255700000001", "a-1")); err != nil {
		t.Error(err)
	}
}

func TestM1HealthNoticesThatAReplicaStoppedWritingItsFile(t *testing.T) {
	primary, replica := pair(t, "--appendonly", "yes")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{primary.Addr}, Replicas: 1, Timeout: time.Second})
	waitFor(t, "it is well", func() bool { return v.Health(t.Context()) == nil })
	replica.Command(t, "CONFIG", "SET", "appendonly", "no")
	waitFor(t, "Health notices", func() bool {
		err := v.Health(t.Context())
		return err != nil && strings.Contains(err.Error(), "only 0 write an append-only file in time")
	})
	replica.Command(t, "CONFIG", "SET", "appendonly", "yes")
	waitFor(t, "it is well again by itself", func() bool { return v.Health(t.Context()) == nil })
}

func TestValkeyProofIsSeldomAndLeavesNothing(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	const asked = 100
	for range asked {
		if err := v.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := calls(t, server, "waitaof")["waitaof"]; got < 2 || got > asked/2 {
		t.Errorf("%d proofs for a start and %d questions", got, asked)
	}
	if got := server.Command(t, "DBSIZE"); got != ":0\r\n" {
		t.Errorf("%s keys are left", got)
	}
}

func TestM1EveryPrimaryOfAClusterProvesThatItIsDurable(t *testing.T) {
	c := storetest.StartCluster(t, 5*time.Second, false)
	opts := sessions.ValkeyOptions{Addresses: c.Addrs()}
	v := openValkey(t, opts)
	for i, primary := range c.Primaries {
		if got := calls(t, primary, "waitaof")["waitaof"]; got == 0 {
			t.Errorf("primary %d has proved nothing", i)
		}
	}
	for i, primary := range c.Primaries {
		primary.Command(t, "CONFIG", "SET", "min-replicas-to-write", "1")
		refused(t, opts, "min-replicas-to-write")
		if i == len(c.Primaries)-1 {
			waitFor(t, "Health notices", func() bool { return v.Health(t.Context()) != nil })
		}
		primary.Command(t, "CONFIG", "SET", "min-replicas-to-write", "0")
	}
	waitFor(t, "it is well again", func() bool { return v.Health(t.Context()) == nil })
}
