package sessions

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"
)

//go:embed lua/probe.lua
var probeLua string

var probeScript = newScript(probeLua)

// proveEvery is how old the proof that commits are durable may become before Health
// asks for another.
const proveEvery = 2 * time.Second

// proof remembers how the last durable write of Health went.
type proof struct {
	asking chan struct{} // one at a time; whoever waits has its answer too
	at     time.Time
	err    error
}

// renew returns how the last write went, or makes another if that is too long ago.
func (p *proof) renew(ctx context.Context, prove func() error) error {
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return failed(ctx.Err())
	}
	if !p.at.IsZero() && time.Since(p.at) < proveEvery {
		return p.err
	}
	err := prove()
	if ctx.Err() == nil { // else it is about who asked
		p.at, p.err = time.Now(), err
	}
	return err
}

// prove makes a write on every primary that has slots of ours, and waits until it
// is as durable as a commit must be. It takes half of the time that there is, so
// that what is missing can still be said.
func (v *Valkey) prove(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
	}
	shards, err := v.shards(ctx)
	if err != nil {
		return err
	}
	errs := make(chan error, len(shards))
	for _, shard := range shards {
		key := v.slotKey(shard[0]) + "probe:"
		go func() {
			errs <- v.durably(ctx, probeScript, []string{key + "text", key + "set"}, []string{millis(v.opts.Now().Add(time.Minute))}, func() {})
		}()
	}
	for range shards {
		err = errors.Join(err, <-errs)
	}
	return err
}

// checkWrites proves that commits are possible. Where replicas are connected and
// late, it returns an error only if they say themselves that they have no
// append-only file: others catch up, and whoever starts meanwhile serves then.
func (v *Valkey) checkWrites(ctx context.Context, replicas int) error {
	pctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	err = v.prove(pctx)
	done()
	if err == nil {
		return nil
	}
	var short *shortfall
	if !errors.As(err, &short) {
		return v.explain(err, replicas)
	}
	lacking, err2 := v.withoutFile(ctx)
	if err2 != nil {
		return err2
	}
	err = v.explain(err, replicas)
	if replicas-len(lacking) < v.opts.Replicas && len(lacking) > 0 {
		return fmt.Errorf("%w; without one: %s", err, strings.Join(lacking, ", "))
	}
	v.opts.Logger.Warn("store: actions and notices are not durable yet, and refused", slog.Any("error", err))
	return nil
}

// explain says of an error of the durable path what to do about it. The fewest
// replicas that a primary has connected are known from before.
func (v *Valkey) explain(err error, replicas int) error {
	if err == nil {
		return nil
	}
	var short *shortfall
	if errors.As(err, &short) {
		if short.replicas >= short.wantReplicas {
			return fmt.Errorf("sessions: valkey: the server does not write its append-only file in time: %w", short)
		}
		return fmt.Errorf("sessions: valkey: %d replicas are connected, but only %d write an append-only file in time, %d are needed"+
			" (each must have appendonly yes, and keep up)", replicas, short.replicas, short.wantReplicas)
	}
	var refusal *valkey.ValkeyError
	if !errors.As(err, &refusal) {
		return err
	}
	text, advice := refusal.Error(), ""
	switch code, _ := refusalOf(err); {
	case code == "NOPERM" || strings.Contains(text, "ACL failure"):
		user := v.opts.Username
		if user == "" {
			user = "default"
		}
		advice = fmt.Sprintf("the user %q may not use our keys: allow it those that begin with %q", user, v.opts.Prefix+"{")
		if command := between(text, "to run the '", "' command"); command != "" {
			advice = fmt.Sprintf("the user %q may not run %s: allow it that command (+%s)", user, strings.ToUpper(command), command)
		}
	case code == "NOREPLICAS":
		advice = fmt.Sprintf("the server takes no writes, as fewer replicas keep up than its min-replicas-to-write wants (%d are connected)", replicas)
	case code == "READONLY":
		advice = "the server is a replica: name the primary, the sentinels, or nodes of a cluster"
	case code == "OOM":
		advice = "the server's memory is full: raise its maxmemory, or keep less"
	case code == "MISCONF":
		advice = "the server cannot write to its disk, and takes no writes"
	default:
		return err
	}
	return fmt.Errorf("sessions: valkey: %s: %w", advice, refusal)
}

// between returns what stands between two texts, or "".
func between(s, before, after string) string {
	_, rest, _ := strings.Cut(s, before)
	what, _, ok := strings.Cut(rest, after)
	if !ok {
		return ""
	}
	return what
}

// withoutFile returns the addresses of replicas that follow their primary and have
// no append-only file, as they say themselves. Those that cannot be asked from here
// are left out.
func (v *Valkey) withoutFile(ctx context.Context) (lacking []string, err error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, node := range v.client.Nodes() {
		text, err := node.Do(ctx, node.B().Info().Section("replication").Build()).ToString()
		if err != nil {
			continue
		}
		info := parseInfo(text)
		for i := 0; info["role"] == "master"; i++ {
			// slave0:ip=10.0.0.2,port=6379,state=online,offset=...
			line, ok := info[fmt.Sprint("slave", i)]
			if !ok {
				break
			}
			addr := net.JoinHostPort(between(line, "ip=", ","), between(line, "port=", ","))
			if ctx.Err() == nil && v.saysNoFile(ctx, addr) {
				lacking = append(lacking, addr)
			}
		}
	}
	return lacking, nil
}

// saysNoFile asks one replica. One that is still taking its primary's data over
// has closed its file for that time.
func (v *Valkey) saysNoFile(ctx context.Context, addr string) bool {
	c, err := valkey.NewClient(valkey.ClientOption{
		InitAddress: []string{addr}, Username: v.opts.Username, Password: v.opts.Password, TLSConfig: v.opts.TLS,
		ClientName: "nyota", ForceSingleClient: true, DisableCache: true, DisableRetry: true,
		Dialer: net.Dialer{Timeout: v.opts.Timeout / 2}, ConnWriteTimeout: v.opts.Timeout / 2,
	})
	if err != nil {
		return false
	}
	defer c.Close()
	text, err := c.Do(ctx, c.B().Info().Section("replication", "persistence").Build()).ToString()
	info := parseInfo(text)
	return err == nil && info["master_link_status"] == "up" && info["loading"] == "0" && info["aof_enabled"] == "0"
}
