package sessions

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed lua/nodes.lua
var nodesLua string

var nodesScript = newScript(nodesLua)

// leftMark is the first character of a process that left in order.
const leftMark = "-"

// NodesOptions of Join. The zero value is a complete choice.
type NodesOptions struct {
	Beat  time.Duration // between two signs of life; 1 s by default
	Lease time.Duration // a process that gave none for so long is dead; 4 beats by default
	// Memory is how long it is known that a process left in order: longer than
	// any session lives. 1 h by default.
	Memory time.Duration
}

// Nodes is the registry of the processes that share a store. It says which
// sessions of others can simply be gone on with: those whose process lives, or
// left in order, on a store that has lost nothing since.
type Nodes struct {
	v    *Valkey
	id   string
	opts NodesOptions

	mu    sync.Mutex
	known map[string]bool // ids; those that left have the mark
	at    time.Time       // when that was so
}

// Join enters this process into the registry. The id is the Node of the sessions
// that it commits: unlike any other that ever ran. Run must follow, and Leave at
// the end.
func (v *Valkey) Join(ctx context.Context, id string, opts NodesOptions) (*Nodes, error) {
	if err := checkPart("the node's id", id, space); err != nil {
		return nil, err
	}
	if strings.HasPrefix(id, leftMark) {
		return nil, fmt.Errorf("%w: a node's id begins with %q", ErrInvalid, leftMark)
	}
	if opts.Beat <= 0 {
		opts.Beat = time.Second
	}
	if opts.Lease <= 0 {
		opts.Lease = 4 * opts.Beat
	}
	if opts.Memory <= 0 {
		opts.Memory = time.Hour
	}
	n := &Nodes{v: v, id: id, opts: opts}
	return n, errors.Join(n.beat(ctx, id, opts.Lease, ""), v.epoch.settle(ctx, v))
}

// Run gives signs of life until ctx ends.
func (n *Nodes) Run(ctx context.Context) {
	tick := time.NewTicker(n.opts.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := n.beat(ctx, n.id, n.opts.Lease, "")
		if err == nil {
			err = n.v.epoch.settle(ctx, n.v)
		}
		if err != nil && ctx.Err() == nil {
			n.v.opts.Logger.Debug("store: no sign of life could be given", slog.Any("error", err))
		}
	}
}

// Leave says that this process stopped in order: others go on with its sessions.
// Nothing may be committed after it.
func (n *Nodes) Leave(ctx context.Context) error {
	return n.beat(ctx, leftMark+n.id, n.opts.Memory, n.id)
}

// Living returns the ids of the processes that are alive, this one included.
func (n *Nodes) Living() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var ids []string
	for id := range n.known {
		if !strings.HasPrefix(id, leftMark) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Continues says whether the customer can be taken to have seen what the session
// says: the process that stepped it last lives or left in order, and the store
// has not fallen back on older data since. Otherwise the stored screen is shown
// first (M7).
func (n *Nodes) Continues(ctx context.Context, s *Session) bool {
	if n.v.epoch.settle(ctx, n.v) != nil || !n.v.epoch.kept(s.LastAt) {
		return false
	}
	if s.Node == n.id {
		return true
	}
	if known, at := n.knows(s.Node); known || time.Since(at) < n.opts.Beat/10 {
		return known
	}
	if err := n.beat(ctx, "", 0, ""); err != nil { // it may have joined this moment
		return false
	}
	known, _ := n.knows(s.Node)
	return known
}

func (n *Nodes) knows(id string) (bool, time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known[id] || n.known[leftMark+id], n.at
}

// beat writes to the registry and reads it, in one command.
func (n *Nodes) beat(ctx context.Context, keep string, lease time.Duration, drop string) error {
	v := n.v
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	keys := []string{v.opts.Prefix + "{nodes}:nodes"}
	args := []string{keep, strconv.FormatInt(lease.Milliseconds(), 10), drop}
	var ids []string
	err = v.retry(ctx, func(bool) error {
		var err error
		ids, err = v.run(ctx, nodesScript, keys, args).AsStrSlice()
		return readErr(err)
	})
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known, n.at = known, time.Now()
	return nil
}

// epoch knows since when the store has kept everything that it acknowledged: since
// its primaries last began a history of writes of their own, by a restart or a
// promotion. A new connection is what such an event cannot happen without.
type epoch struct {
	asking sync.Mutex // one question at a time; whoever waits has its answer too

	mu      sync.Mutex
	doubts  uint64          // how many there were
	settled uint64          // of which this many are answered
	known   map[string]bool // replication ids of primaries
	since   time.Time
}

// doubt says that a new connection was made.
func (e *epoch) doubt() {
	e.mu.Lock()
	e.doubts++
	e.mu.Unlock()
}

// open returns how many doubts there were, and whether one is unanswered.
func (e *epoch) open() (uint64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.doubts, e.doubts != e.settled
}

// settle asks the primaries which history they write, if there is a doubt.
func (e *epoch) settle(ctx context.Context, v *Valkey) error {
	if _, open := e.open(); !open {
		return nil
	}
	e.asking.Lock()
	defer e.asking.Unlock()
	doubts, open := e.open()
	if !open {
		return nil
	}
	ids, err := v.histories(ctx)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settled = doubts
	fresh := false
	for _, id := range ids {
		fresh = fresh || !e.known[id]
	}
	if !fresh {
		return nil
	}
	if len(e.known) > 0 {
		e.since = v.opts.Now()
		v.opts.Logger.Warn("store: a primary began a new history: first keys show their screens again")
	}
	if e.known == nil || len(e.known) > maxHistories {
		e.known = map[string]bool{}
	}
	for _, id := range ids {
		e.known[id] = true
	}
	return nil
}

// maxHistories bounds what is remembered of primaries.
const maxHistories = 1024

// kept says whether what was stored at this time is still there for certain.
func (e *epoch) kept(at time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.since.IsZero() || at.After(e.since)
}

// histories returns the replication ids of the primaries that answer.
func (v *Valkey) histories(ctx context.Context) ([]string, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var ids []string
	for _, node := range v.client.Nodes() {
		var text string
		if text, err = node.Do(ctx, node.B().Info().Section("replication").Build()).ToString(); err != nil {
			continue
		}
		if info := parseInfo(text); info["role"] == "master" {
			ids = append(ids, info["master_replid"])
		}
	}
	if len(ids) == 0 {
		return nil, errors.Join(errors.New("sessions: valkey: no primary answers"), err)
	}
	return ids, nil
}
