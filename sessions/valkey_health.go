package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/valkey-io/valkey-go"
)

// Health asks every node that the client knows, and fails when a primary would
// not take a durable commit: it does not answer, is loading, has too few
// replicas, lost its append-only file or cannot write it.
func (v *Valkey) Health(ctx context.Context) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	return v.checkNodes(ctx)
}

// check is what OpenValkey demands of the servers.
func (v *Valkey) check(ctx context.Context) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := v.checkNodes(ctx); err != nil {
		return err
	}
	if v.noAOF.Load() {
		v.opts.Logger.Warn("store: commits do not wait for the server's append-only file: actions may be lost when it dies")
		return nil
	}
	for addr, node := range v.client.Nodes() {
		// CONFIG may be forbidden to us: then nothing is said.
		conf, err := node.Do(ctx, node.B().ConfigGet().Parameter("appendfsync").Build()).AsStrMap()
		if err == nil && conf["appendfsync"] != "always" {
			v.opts.Logger.Warn("store: appendfsync is not always: each action waits for the server's next fsync",
				slog.String("node", addr), slog.String("appendfsync", conf["appendfsync"]))
		}
	}
	return nil
}

func (v *Valkey) checkNodes(ctx context.Context) error {
	primaries, noAOF := 0, false
	for addr, node := range v.client.Nodes() {
		answers := node.DoMulti(ctx, node.B().Ping().Build(), node.B().Info().Section("replication", "persistence", "memory").Build())
		if err := answers[0].Error(); err != nil {
			if ctx.Err() == nil && v.knownReplica(ctx, addr) {
				continue // checkPrimary counts what is left
			}
			return fmt.Errorf("sessions: valkey: %s: %w", addr, err)
		}
		text, err := answers[1].ToString()
		if err != nil {
			return fmt.Errorf("sessions: valkey: %s: %w", addr, err)
		}
		info := parseInfo(text)
		if info["role"] != "master" {
			continue
		}
		primaries++
		noAOF = noAOF || info["aof_enabled"] != "1"
		if err := v.checkPrimary(info); err != nil {
			return fmt.Errorf("sessions: valkey: %s: %w", addr, err)
		}
	}
	if primaries == 0 {
		return errors.New("sessions: valkey: no primary among the nodes")
	}
	v.noAOF.Store(noAOF) // only with AllowNoAOF: checkPrimary refuses it otherwise
	return nil
}

// knownReplica says whether the cluster's other nodes know this one as a replica:
// commits do not need each of them.
func (v *Valkey) knownReplica(ctx context.Context, addr string) bool {
	if v.client.Mode() != valkey.ClientModeCluster {
		return false
	}
	for other, node := range v.client.Nodes() {
		if other == addr {
			continue
		}
		text, err := node.Do(ctx, node.B().ClusterNodes().Build()).ToString()
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			// id host:port@bus[,name] flags primary ...
			f := strings.Fields(line)
			if len(f) > 2 && strings.HasPrefix(f[1], addr+"@") {
				return strings.Contains(f[2], "slave")
			}
		}
	}
	return false
}

func (v *Valkey) checkPrimary(info map[string]string) error {
	replicas, _ := strconv.Atoi(info["connected_slaves"])
	switch {
	case info["loading"] == "1":
		return errors.New("the server is still loading its data")
	case info["aof_enabled"] != "1" && !v.opts.AllowNoAOF:
		return errors.New("the server has no append-only file, so that it would forget actions: " +
			"set appendonly yes and appendfsync always (for development alone, a server without can be allowed)")
	case info["aof_enabled"] == "1" && info["aof_last_write_status"] != "ok":
		return errors.New("the server cannot write its append-only file")
	case info["maxmemory"] != "0" && info["maxmemory_policy"] != "noeviction":
		return fmt.Errorf("the server's maxmemory-policy is %s, so that it would forget actions when its memory is full: set noeviction",
			info["maxmemory_policy"])
	case replicas < v.opts.Replicas:
		return fmt.Errorf("%d replicas are connected, %d are needed", replicas, v.opts.Replicas)
	}
	return nil
}

// parseInfo reads the lines name:value of INFO.
func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			info[name] = value
		}
	}
	return info
}
