package sessions

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"
)

// ValkeyOptions of OpenValkey. Addresses is needed; the rest has defaults.
type ValkeyOptions struct {
	Addresses []string // host:port of one server, of some nodes of a cluster, or of the sentinels
	Username  string   // of the ACL; "": the default user
	Password  string
	TLS       *tls.Config // nil: plain TCP
	Sentinel  Sentinel
	DB        int    // of a single server; clusters have only 0
	Prefix    string // before every key, so that installations can share a server; no "{" or "}"

	CacheSize int // octets of sessions that this process remembers; 64 MiB by default

	// Replicas is how many replicas must have an action or a notice in their
	// append-only files before its commit returns; 0: the primary alone.
	Replicas int
	// AllowNoAOF accepts a server without an append-only file: for development
	// only, as such a server forgets actions when it dies (M1 and M7 do not
	// hold); the log says so. Where there is one, commits wait for it all the same.
	AllowNoAOF bool

	Timeout      time.Duration    // of each call, beside its ctx; 2 s by default
	DurableConns int              // connections for commits with an action or a notice; 32 by default
	Retention    time.Duration    // how long final actions and settled notices are kept; 30 days by default
	Now          func() time.Time // the clock; time.Now by default
	Logger       *slog.Logger     // silent by default
}

// Sentinel says how sentinels are asked for the primary. Without a Master the
// addresses are the servers' own.
type Sentinel struct {
	Master   string // the name of the primary, as the sentinels monitor it
	Username string // of the sentinels, which have an ACL of their own
	Password string
	TLS      *tls.Config // nil: plain TCP
}

// Valkey is the store that several gateways share: one Valkey server, a primary
// with replicas and sentinels, or a cluster. It needs Valkey or a compatible
// server of 7.2 or newer (WAITAOF).
//
// What belongs to one customer is in one slot, by the key tag {s000} to {s255}
// from a hash of the msisdn:
//
//	{s012}:s:<msisdn>:<network>:<id>   session, with a TTL
//	{s012}:a:<msisdn>:<id>             action; with a TTL once it is final
//	{s012}:n:<msisdn>:<id>             notice; with a TTL once it is settled
//	{s012}:w:<msisdn>:<call>           wish; with a TTL once it is granted
//	{s012}:c:<msisdn>                  customer
//	{s012}:o:<msisdn>                  open actions: sorted set by creation
//	{s012}:q:actions, {s012}:q:notices, {s012}:q:wishes
//	                                   due queues: sorted sets by due time in us
//	rev:<id>                           source of a menu revision
//	fact:<name>                        fact: version, value
//
// A plain step is one pipelined script. A commit with an action or a notice is a
// script and WAITAOF on a connection of its own, as WAITAOF stalls what follows
// it. What replicas acknowledged survives the primary; promotion of a replica
// that lacks acknowledged writes is outside the promise (set Replicas, and let
// only replicas that have the writes be promoted).
//
// Sessions end by the server's clock and by Now: keep both in step. A server with
// a memory limit must have the policy noeviction: others forget actions.
type Valkey struct {
	steps *steps // nil for a cluster, where a command reaches one slot
	gate
	client    valkey.Client
	opts      ValkeyOptions
	durable   chan struct{} // a token per durable connection
	warm      *warm
	epoch     epoch
	turn      atomic.Uint32     // the slot that the next Claim begins with
	queues    map[byte][]string // keys, by kind and slot
	placement placement
	proof     proof       // that commits are durable
	noAOF     atomic.Bool // a primary has no append-only file, and that is allowed
	past      atomic.Bool // an address was dialled that is not configured: sentinels or a cluster named it
	away      atomic.Bool // nobody listens, and a call has waited in vain for its whole time
}

var _ Store = (*Valkey)(nil)

// OpenValkey connects and checks that the servers can keep the promises, and that
// this user may ask them to: each primary takes a write that leaves nothing behind
// and is made as durable as a commit is. An error says what to change: a primary or
// too many replicas without an append-only file (of a primary: unless AllowNoAOF),
// fewer replicas than Replicas, a server that evicts, is full, or is a replica, a
// command that the user may not run. Replicas that are there and only late are no
// error: the log and Health say so until they have caught up. A ConnectError says
// that there was no connection. No error shows a credential.
func OpenValkey(ctx context.Context, opts ValkeyOptions) (*Valkey, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, failed(err)
	}
	dial := opts.Timeout
	if end, ok := ctx.Deadline(); ok {
		dial = max(1, min(dial, time.Until(end))) // 0 would mean the client's default
	}
	v := &Valkey{opts: opts, durable: make(chan struct{}, opts.DurableConns), warm: newWarm(opts.CacheSize)}
	v.proof.asking = make(chan struct{}, 1)
	v.queues = v.queueKeys()
	dialer := net.Dialer{Timeout: dial}
	var err error
	v.client, err = valkey.NewClient(valkey.ClientOption{
		InitAddress:      opts.Addresses,
		Username:         opts.Username,
		Password:         opts.Password,
		TLSConfig:        opts.TLS,
		SelectDB:         opts.DB,
		ClientName:       "nyota",
		Dialer:           dialer,
		DialCtxFn:        v.dial,
		ConnWriteTimeout: opts.Timeout,
		BlockingPoolSize: opts.DurableConns,
		Sentinel: valkey.SentinelOption{
			MasterSet: opts.Sentinel.Master, Username: opts.Sentinel.Username, Password: opts.Sentinel.Password,
			TLSConfig: opts.Sentinel.TLS, Dialer: dialer, ClientName: "nyota",
			TopologyRefreshInterval: topologyEvery, // a missed announcement is no reason to stay with a demoted primary
		},
		ClusterOption: valkey.ClusterOption{ShardsRefreshInterval: topologyEvery},
		// No client-side caching, so no tracking either; and no retries of its
		// own: ours know what may be done again.
		DisableCache:        true,
		DisableRetry:        true,
		ReadBufferEachConn:  64 << 10,
		WriteBufferEachConn: 64 << 10,
	})
	if err != nil {
		answer, _ := refusalOf(err)
		if answer == "NOPERM" {
			return nil, v.explain(err, 0)
		}
		return nil, &ConnectError{Addresses: opts.Addresses, Sentinel: opts.Sentinel.Master != "" && !v.past.Load(), Answer: answer, Err: err}
	}
	if err := v.check(ctx); err != nil {
		v.client.Close()
		return nil, err
	}
	if gathers(v.client) {
		v.steps = newSteps(v)
	}
	return v, nil
}

// ConnectError is OpenValkey's error when no connection came about. Its text has
// the addresses and the cause, and no credential.
type ConnectError struct {
	Addresses []string // those of the options
	Sentinel  bool     // no sentinel named a primary; otherwise it is the servers themselves
	Answer    string   // code of the refusal that came, as WRONGPASS or NOAUTH; "" if none came
	Err       error    // the last cause: of package net, tls or x509, or the refusal
}

func (e *ConnectError) Error() string {
	return "sessions: valkey: connect to " + strings.Join(e.Addresses, ", ") + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *ConnectError) Unwrap() error { return e.Err }

// topologyEvery is how often a client of sentinels or of a cluster asks who the
// primaries are, beside what failures and redirections tell it.
const topologyEvery = 5 * time.Second

// dial makes a connection. A new one may lead to another server than the old ones
// did: see epoch.
func (v *Valkey) dial(ctx context.Context, addr string, d *net.Dialer, conf *tls.Config) (net.Conn, error) {
	if !slices.Contains(v.opts.Addresses, addr) {
		v.past.Store(true)
	}
	var c net.Conn
	var err error
	if conf == nil {
		c, err = d.DialContext(ctx, "tcp", addr)
	} else {
		c, err = (&tls.Dialer{NetDialer: d, Config: conf}).DialContext(ctx, "tcp", addr)
	}
	if err == nil {
		v.epoch.doubt()
	}
	return c, err
}

func (o *ValkeyOptions) complete() error {
	if len(o.Addresses) == 0 {
		return errors.New("sessions: valkey: no address")
	}
	if strings.ContainsAny(o.Prefix, "{}") {
		return errors.New(`sessions: valkey: the prefix must not have "{" or "}"`)
	}
	if o.CacheSize <= 0 {
		o.CacheSize = 64 << 20
	}
	if o.Replicas < 0 {
		return fmt.Errorf("sessions: valkey: %d replicas", o.Replicas)
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	if o.DurableConns <= 0 {
		o.DurableConns = 32
	}
	if o.Retention <= 0 {
		o.Retention = defaultRetain
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// begin starts a call that ends with ctx or after the timeout. Without an error
// the caller must call done.
func (v *Valkey) begin(ctx context.Context) (context.Context, func(), error) {
	if err := v.enter(ctx); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, v.opts.Timeout)
	return ctx, func() { cancel(); v.leave() }, nil
}

// Close waits for calls under way and closes the connections.
func (v *Valkey) Close() error {
	if v.gate.close() {
		if v.steps != nil {
			v.steps.close()
		}
		v.client.Close()
	}
	return nil
}

// failed wraps the cause of a call that reads.
func failed(err error) error { return fmt.Errorf("sessions: valkey: %w", err) }

// failedWrite wraps the cause of a call that writes. The server's own refusals
// and failed dials wrote nothing; after anything else nobody knows.
func failedWrite(err error) error {
	if _, ok := valkey.IsValkeyErr(err); ok || notDialled(err) {
		return failed(err)
	}
	return fmt.Errorf("%w: valkey: %w", ErrUncertain, err)
}

// SaveRevision is as Store's.
func (v *Valkey) SaveRevision(ctx context.Context, id string, source []byte) error {
	if err := checkRevision(id, source); err != nil {
		return err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	return v.onDurable(ctx, func(bool) valkey.Completed {
		return v.client.B().Set().Key(v.opts.Prefix + "rev:" + id).Value(valkey.BinaryString(source)).Build()
	}, func(r valkey.ValkeyResult) error {
		if err := r.Error(); err != nil {
			return failedWrite(err)
		}
		return nil
	})
}

// Revision is as Store's.
func (v *Valkey) Revision(ctx context.Context, id string) ([]byte, error) {
	if err := checkRevision(id, nil); err != nil {
		return nil, err
	}
	row, err := v.get(ctx, v.opts.Prefix+"rev:"+id)
	return []byte(row), err
}

// get reads one key, or returns ErrNotFound.
func (v *Valkey) get(ctx context.Context, key string) (string, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	var row string
	err = v.retry(ctx, func(bool) error {
		var err error
		row, err = v.client.Do(ctx, v.client.B().Get().Key(key).Build()).ToString()
		return readErr(err)
	})
	return row, err
}

// readErr is what a read that ended with the client's err returns.
func readErr(err error) error {
	switch {
	case err == nil:
		return nil
	case valkey.IsValkeyNil(err):
		return ErrNotFound
	}
	return failed(err)
}
