package sessions

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/valkey-io/valkey-go"
)

// hashSlots is how many hash slots a cluster has (the cluster specification, "Key
// distribution model").
const hashSlots = 16384

// shards returns our slots by the server that takes their writes: one group where
// one server has all. Slots that no server of a cluster has are a group too.
func (v *Valkey) shards(ctx context.Context) ([][]int, error) {
	if v.client.Mode() != valkey.ClientModeCluster {
		return [][]int{allSlots}, nil
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
	some := groups[:0]
	for _, g := range groups {
		if len(g) > 0 {
			some = append(some, g)
		}
	}
	return some, nil
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

// parseOwners reads CLUSTER NODES: for each hash slot the number of its primary,
// from 1, or 0 if it has none; and how many primaries have slots.
func parseOwners(text string) (owner [hashSlots]int, primaries int) {
	for line := range strings.Lines(text) {
		// id host:port@bus[,name] flags primary ping pong epoch state slot[-slot] ... [moving slots]
		f := strings.Fields(line)
		if len(f) < 9 || !strings.Contains(f[2], "master") {
			continue
		}
		primaries++
		for _, span := range f[8:] {
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
