package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nyota/sessions/storetest"
)

// Not every script runs in the store's suite.
func TestDeployValkeyUserMayDoWhatScriptsDo(t *testing.T) {
	acl, err := os.ReadFile("deploy/valkey/users.acl")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("../sessions/lua/*.lua")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	call := regexp.MustCompile(`\.p?call\('([A-Za-z]+)'`)
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(acl), " +"+strings.ToLower(m[1])+" ") {
				t.Errorf("%s calls %s, which users.acl does not allow", filepath.Base(script), m[1])
			}
		}
	}
}

// TestDeployValkeyPodNeverEmptiesItsReplicas runs the pod's start script with a
// server and a client that only say what they were asked.
func TestDeployValkeyPodNeverEmptiesItsReplicas(t *testing.T) {
	set := manifests(t, "deploy")["StatefulSet/nyota-valkey"]
	script := set.text("spec", "template", "spec", "containers", 0, "args", 0)
	const stopped = "my disk is empty"
	for _, tt := range []struct {
		name, host, primary string
		data                bool   // there is something on the disk
		peers               string // what the others have
		starts              string // the server's last arguments, or what is said instead
	}{
		{"the first start of all", "nyota-valkey-0", "0", false, "# Keyspace", "/etc/valkey/replication.conf"},
		{"the primary again", "nyota-valkey-0", "0", true, "db0:keys=5", "/etc/valkey/replication.conf"},
		{"a replica", "nyota-valkey-2", "0", false, "", "--replicaof nyota-valkey-0.nyota-valkey 6379"},
		{"a primary that lost its disk", "nyota-valkey-0", "0", false, "db0:keys=5", stopped},
		{"another was made the primary", "nyota-valkey-1", "1", true, "", "/etc/valkey/replication.conf"},
		{"and the old one follows", "nyota-valkey-0", "1", false, "", "--replicaof nyota-valkey-1.nyota-valkey 6379"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			data := filepath.Join(dir, "data")
			for name, text := range map[string]string{"valkey-server": "echo started \"$@\"", "valkey-cli": "echo '" + tt.peers + "'"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil { //nolint:gosec // it is run
					t.Fatal(err)
				}
			}
			if tt.data {
				if err := os.MkdirAll(filepath.Join(data, "appendonlydir"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("sh", "-c", strings.ReplaceAll(script, "/data", data))
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOSTNAME=" + tt.host, "PRIMARY=" + tt.primary}
			out, err := cmd.CombinedOutput()
			said := strings.TrimSpace(string(out))
			if refused := tt.starts == stopped; refused != (err != nil) || refused != !strings.HasPrefix(said, "started ") ||
				!refused && !strings.HasSuffix(said, tt.starts) || refused && !strings.HasPrefix(said, stopped) {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}

// A replica is what a person makes the primary when that is gone: its probe must not
// call it sick then, as it could be evicted.
func TestDeployValkeyReplicaWithoutItsPrimaryIsReady(t *testing.T) {
	need(t, "valkey-cli")
	dir := deployed(t)
	args := []string{"--include", filepath.Join(dir, "valkey", "valkey.conf"), "--include", filepath.Join(dir, "secrets", "replication.conf"),
		"--aclfile", filepath.Join(dir, "secrets", "users.acl")}
	primary := storetest.NewServer(t, args...)
	_, port, _ := net.SplitHostPort(primary.Addr)
	replica := storetest.NewServer(t, append(slices.Clone(args), "--replicaof", "127.0.0.1 "+port)...)

	set := manifests(t, "deploy")["StatefulSet/nyota-valkey"]
	probe := set.text("spec", "template", "spec", "containers", 0, "readinessProbe", "exec", "command", 2)
	run := func(s *storetest.Server, script string) (string, error) {
		_, port, _ := net.SplitHostPort(s.Addr)
		out, err := exec.Command("sh", "-c", strings.ReplaceAll(script, "valkey-cli", "valkey-cli -p "+port)).CombinedOutput()
		return string(out), err
	}
	for _, s := range []*storetest.Server{primary, replica} {
		if out, err := run(s, probe); err != nil {
			t.Errorf("%s is not ready: %v %s", s.Addr, err, out)
		}
	}
	primary.Kill()
	const ping = "valkey-cli --user probe --pass - --no-auth-warning ping"
	eventually(t, "the replica misses its primary", func() bool {
		out, _ := run(replica, ping)
		return strings.Contains(out, "MASTERDOWN")
	})
	if out, err := run(replica, probe); err != nil {
		t.Errorf("it is not ready: %v %s", err, out)
	}
	if _, err := run(primary, probe); err == nil {
		t.Error("a server that is dead is ready")
	}
}
