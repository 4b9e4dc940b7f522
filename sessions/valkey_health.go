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
// replicas, lost its append-only file or cannot write it. Every proveEvery it also
// makes a write as durable as a commit's, and says what stood in its way.
func (v *Valkey) Health(ctx context.Context) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	replicas, err := v.checkNodes(ctx)
	if err != nil {
		return err
	}
	return v.proof.renew(ctx, func() error { return v.explain(v.prove(ctx), replicas) })
}

// check is what OpenValkey demands of the servers.
func (v *Valkey) check(ctx context.Context) error {
	replicas, err := v.checkFiles(ctx)
	if err != nil {
		return v.explain(err, replicas)
	}
	return v.checkWrites(ctx, replicas)
}

// checkFiles asks whether the servers keep what is written.
func (v *Valkey) checkFiles(ctx context.Context) (replicas int, err error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	if replicas, err = v.checkNodes(ctx); err != nil {
		return 0, err
	}
	if v.noAOF.Load() {
		v.opts.Logger.Warn("store: commits do not wait for the server's append-only file: actions may be lost when it dies")
		return replicas, nil
	}
	for addr, node := range v.client.Nodes() {
		// CONFIG may be forbidden to us: then nothing is said.
		conf, err := node.Do(ctx, node.B().ConfigGet().Parameter("appendfsync").Build()).AsStrMap()
		if err == nil && conf["appendfsync"] != "always" {
			v.opts.Logger.Warn("store: appendfsync is not always: each action waits for the server's next fsync",
				slog.String("node", addr), slog.String("appendfsync", conf["appendfsync"]))
		}
	}
	return replicas, nil
}

// checkNodes asks every node how it is. It returns how many replicas the primary
// that has the fewest has connected.
func (v *Valkey) checkNodes(ctx context.Context) (replicas int, err error) {
	primaries, noAOF := 0, false
	follows := ""
	for addr, node := range v.client.Nodes() {
		answers := node.DoMulti(ctx, node.B().Ping().Build(), node.B().Info().Section("replication", "persistence", "memory").Build())
		if err := answers[0].Error(); err != nil {
			if ctx.Err() == nil && v.knownReplica(ctx, addr) {
				continue // checkPrimary counts what is left
			}
			return 0, fmt.Errorf("sessions: valkey: %s: %w", addr, err)
		}
		text, err := answers[1].ToString()
		if err != nil {
			return 0, fmt.Errorf("sessions: valkey: %s: %w", addr, err)
		}
		info := parseInfo(text)
		if info["role"] != "master" {
			follows = fmt.Sprintf(": %s is a replica of %s:%s, which is the one to name", addr, info["master_host"], info["master_port"])
			continue
		}
		noAOF = noAOF || info["aof_enabled"] != "1"
		connected, err := v.checkPrimary(info)
		if err != nil {
			return 0, fmt.Errorf("sessions: valkey: %s: %w", addr, err)
		}
		if primaries == 0 || connected < replicas {
			replicas = connected
		}
		primaries++
	}
	if primaries == 0 {
		return 0, errors.New("sessions: valkey: no primary among the nodes" + follows)
	}
	v.noAOF.Store(noAOF) // only with AllowNoAOF: checkPrimary refuses it otherwise
	return replicas, nil
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
		for _, known := range parseNodes(text) {
			if known.addr == addr {
				return strings.Contains(known.flags, "slave")
			}
		}
	}
	return false
}

// checkPrimary says whether a primary keeps what is written, by its INFO, and how
// many replicas it has connected.
func (v *Valkey) checkPrimary(info map[string]string) (replicas int, err error) {
	replicas, _ = strconv.Atoi(info["connected_slaves"])
	switch {
	case info["loading"] == "1":
		err = errors.New("the server is still loading its data")
	case info["aof_enabled"] != "1" && !v.opts.AllowNoAOF:
		err = errors.New("the server has no append-only file, so that it would forget actions: " +
			"set appendonly yes and appendfsync always (for development alone, a server without can be allowed)")
	case info["aof_enabled"] == "1" && info["aof_last_write_status"] != "ok":
		err = errors.New("the server cannot write its append-only file")
	case info["maxmemory"] != "0" && info["maxmemory_policy"] != "noeviction":
		err = fmt.Errorf("the server's maxmemory-policy is %s, so that it would forget actions when its memory is full: set noeviction",
			info["maxmemory_policy"])
	case replicas < v.opts.Replicas:
		err = &fewReplicas{replicas, v.opts.Replicas}
	}
	return replicas, err
}

// ErrReplicas says that fewer replicas are connected to a primary than
// ValkeyOptions.Replicas: nothing durable can be committed before others come.
var ErrReplicas = errors.New("sessions: valkey: too few replicas are connected")

// fewReplicas is an ErrReplicas.
type fewReplicas struct{ connected, needed int }

func (e *fewReplicas) Error() string {
	return fmt.Sprintf("%d replicas are connected, %d are needed", e.connected, e.needed)
}

func (*fewReplicas) Is(target error) bool { return target == ErrReplicas }

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
