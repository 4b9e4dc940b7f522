package sessions

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/valkey-io/valkey-go"
)

// hashSlots is how many hash slots a cluster has (the cluster specification, "Key
// distribution model").
const hashSlots = 16384

// placement remembers which of our slots are at the same server: in a cluster as its
// nodes said it last, until something is found where it should not be.
type placement struct {
	mu     sync.Mutex
	shards [][]int // nil: to be read again
}

func (l *placement) doubt() {
	l.mu.Lock()
	l.shards = nil
	l.mu.Unlock()
}

// shards returns our slots by the server that takes their writes, in order: one
// group where one server has all. Slots that no server of a cluster has are a group
// too. A cluster may have changed since.
func (v *Valkey) shards(ctx context.Context) ([][]int, error) {
	if v.client.Mode() != valkey.ClientModeCluster {
		return [][]int{allSlots}, nil
	}
	l := &v.placement
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shards != nil {
		return l.shards, nil
	}
	text, err := v.clusterNodes(ctx)
	if err != nil {
		return nil, err
	}
	owner, primaries := parseOwners(text)
	groups := make([][]int, primaries+1)
	for slot := range slots {
		i := owner[v.hashSlot(slot)]
		groups[i] = append(groups[i], slot)
	}
	for _, g := range groups {
		if len(g) > 0 {
			l.shards = append(l.shards, g)
		}
	}
	return l.shards, nil
}

// queuesAnswer is what a script said of the queues at one server.
type queuesAnswer struct {
	slots []int // of the queues, in the order in which it was asked about them
	valkey.ValkeyResult
}

// askQueues runs a script at each server, once for all its queues of a kind, in
// their order from the first slot on. Scripts that only read may do that in a
// cluster too (flag allow-cross-slot-keys), as long as the slots are there: they say
// themselves of which that is not so. Slots that could not be asked about, as
// nobody knows where they are, are lost.
func (v *Valkey) askQueues(ctx context.Context, s script, kind byte, first int, args ...string) (answers []queuesAnswer, lost []int) {
	shards, err := v.shards(ctx)
	if err != nil {
		return nil, allSlots
	}
	calls := make([]struct{ keys, args []string }, len(shards))
	commands := make(valkey.Commands, len(shards))
	answers = make([]queuesAnswer, len(shards))
	for i, shard := range shards {
		at, _ := slices.BinarySearch(shard, first)
		turned := slices.Concat(shard[at:], shard[:at])
		queues := make([]string, len(turned))
		for j, slot := range turned {
			queues[j] = v.queueKey(slot, kind)
		}
		c := &calls[i]
		if v.client.Mode() == valkey.ClientModeCluster {
			c.keys, c.args = queues[:1], slices.Concat(args, queues[1:])
		} else {
			c.keys, c.args = queues, args
		}
		commands[i] = v.evalsha(s, c.keys, c.args)
		answers[i].slots = turned
	}
	for i, r := range v.client.DoMulti(ctx, commands...) {
		if unknownScript(r.Error()) {
			r = v.client.Do(ctx, v.eval(s, calls[i].keys, calls[i].args))
		}
		if r.Error() != nil {
			v.placement.doubt()
		}
		answers[i].ValkeyResult = r
	}
	return answers, nil
}

// allSlots are the numbers of all slots of ours.
var allSlots = func() []int {
	all := make([]int, slots)
	for i := range all {
		all[i] = i
	}
	return all
}()

// hashSlot is the cluster's hash slot of a slot's keys.
func (v *Valkey) hashSlot(slot int) int {
	get := v.client.B().Get().Key(v.slotKey(slot)).Build()
	return int(get.Slot()) % hashSlots
}

// clusterNodes is the answer of the first node that answers CLUSTER NODES.
func (v *Valkey) clusterNodes(ctx context.Context) (string, error) {
	err := errors.New("the cluster has no node")
	for _, node := range v.client.Nodes() {
		var text string
		if text, err = node.Do(ctx, node.B().ClusterNodes().Build()).ToString(); err == nil {
			return text, nil
		}
	}
	return "", failed(err)
}

// clusterNode is a line of CLUSTER NODES.
type clusterNode struct {
	addr  string // host:port
	flags string
	slots []string // slot or slot-slot; [moving slots]
}

func parseNodes(text string) (nodes []clusterNode) {
	for line := range strings.Lines(text) {
		// id host:port@bus[,name] flags primary ping pong epoch state slots
		f := strings.Fields(line)
		if len(f) < 8 {
			continue
		}
		addr, _, _ := strings.Cut(f[1], "@")
		nodes = append(nodes, clusterNode{addr, f[2], f[8:]})
	}
	return nodes
}

// parseOwners reads CLUSTER NODES: for each hash slot the number of its primary,
// from 1, or 0 if it has none; and how many primaries have slots.
func parseOwners(text string) (owner [hashSlots]int, primaries int) {
	for _, node := range parseNodes(text) {
		if len(node.slots) == 0 || !strings.Contains(node.flags, "master") {
			continue
		}
		primaries++
		for _, span := range node.slots {
			first, last, many := strings.Cut(span, "-")
			from, err := strconv.Atoi(first)
			to := from
			if err == nil && many {
				to, err = strconv.Atoi(last)
			}
			if err != nil || from < 0 || to >= hashSlots {
				continue // a slot on the move: the one who has it names it among its own
			}
			for i := from; i <= to; i++ {
				owner[i] = primaries
			}
		}
	}
	return owner, primaries
}
