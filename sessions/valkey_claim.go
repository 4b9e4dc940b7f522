package sessions

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
)

//go:embed lua/claim.lua
var claimLua string

//go:embed lua/forget.lua
var forgetLua string

//go:embed lua/due.lua
var dueLua string

var (
	claimScript  = newScript(claimLua)
	forgetScript = newScript(forgetLua)
	dueScript    = newScript(dueLua)
)

// Claim is as Store's. It asks each primary with one script which of its slots have
// due records, and leases with one pipeline more from those that have some,
// beginning where the last Claim ended. When a slot fails, what other slots leased
// is returned without an error; only if nothing was leased is the first error.
func (v *Valkey) Claim(ctx context.Context, queue, worker string, now time.Time, lease time.Duration, n int) ([]Record, error) {
	kind, err := queueKind(queue)
	if err != nil {
		return nil, err
	}
	if err := checkClaim(worker, lease, n); err != nil {
		return nil, err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	first := int(v.turn.Load() % slots)
	due, failure := v.due(ctx, kind, first, now, n)
	var leases []leaseCall
	for i := 0; i < slots && n > 0; i++ {
		slot := (first + i) % slots
		if due[slot] == 0 {
			continue
		}
		take := min(int(due[slot]), n)
		n -= take
		end := now.Add(lease)
		leases = append(leases, leaseCall{
			keys: []string{v.queueKey(slot, kind)},
			args: []string{micros(now), micros(end), octets(orderedTime(end)), strconv.Itoa(take), v.slotKey(slot) + string(kind) + ":"},
		})
		v.turn.Store(uint32(slot + 1))
	}
	return v.lease(ctx, kind, worker, leases, failure)
}

// due counts the records of each slot that are due, from the first slot on, until
// there are n at each primary. After an error there may be more.
func (v *Valkey) due(ctx context.Context, kind byte, first int, now time.Time, n int) (due [slots]int64, failure error) {
	answers, lost := v.askQueues(ctx, dueScript, kind, first, micros(now), strconv.Itoa(n))
	for _, a := range answers {
		pairs, err := a.AsIntSlice()
		if err != nil {
			failure = failed(err) // a primary is away; the others' queues go on
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if slot := a.slots[pairs[i]-1]; pairs[i+1] >= 0 {
				due[slot] = pairs[i+1]
			} else {
				lost = append(lost, slot)
			}
		}
	}
	if len(lost) == 0 {
		return due, failure
	}
	v.placement.doubt()
	counts := make(valkey.Commands, len(lost))
	for i, slot := range lost {
		counts[i] = v.client.B().Zcount().Key(v.queueKey(slot, kind)).Min("-inf").Max(micros(now)).Build()
	}
	for i, r := range v.client.DoMulti(ctx, counts...) {
		n, err := r.AsInt64()
		if err != nil {
			failure = failed(err)
		}
		due[lost[i]] = n
	}
	return due, failure
}

// leaseCall is one run of claim.lua.
type leaseCall struct{ keys, args []string }

func (v *Valkey) lease(ctx context.Context, kind byte, worker string, leases []leaseCall, failure error) ([]Record, error) {
	if len(leases) == 0 {
		return nil, failure
	}
	commands := make(valkey.Commands, len(leases))
	for i, l := range leases {
		commands[i] = v.evalsha(claimScript, l.keys, l.args)
	}
	var claimed []Record
	for i, r := range v.client.DoMulti(ctx, commands...) {
		if unknownScript(r.Error()) {
			r = v.client.Do(ctx, v.eval(claimScript, leases[i].keys, leases[i].args))
		}
		rows, missing, err := leased(r)
		if err != nil {
			// What was leased without our knowing comes again when the lease ends.
			failure = failed(err)
			continue
		}
		for _, member := range missing {
			v.forget(ctx, leases[i].keys[0], leases[i].args[4], member)
		}
		for _, row := range rows {
			rec, err := decodeDue(kind, row)
			if err != nil {
				v.opts.Logger.Error("store: a due record cannot be read", slog.Any("error", err))
				failure = err
				continue
			}
			claimed = append(claimed, rec)
		}
	}
	if len(claimed) == 0 {
		return nil, failure
	}
	v.opts.Logger.Debug("store: leased", slog.String("worker", worker), slog.Int("records", len(claimed)))
	return claimed, nil
}

// leased reads claim.lua's answer.
func leased(r valkey.ValkeyResult) (rows, missing []string, err error) {
	both, err := r.ToArray()
	if err != nil {
		return nil, nil, err
	}
	if len(both) != 2 {
		return nil, nil, fmt.Errorf("a claim answered %d lists", len(both))
	}
	if rows, err = both[0].AsStrSlice(); err != nil {
		return nil, nil, err
	}
	missing, err = both[1].AsStrSlice()
	return rows, missing, err
}

// forget takes a member whose record is gone out of its queue. Where that fails it
// comes again when the lease ends.
func (v *Valkey) forget(ctx context.Context, queue, base, member string) {
	if err := v.run(ctx, forgetScript, []string{queue, base + member}, []string{member}).Error(); err != nil {
		v.opts.Logger.Debug("store: it is not known whether a due record is gone", slog.Any("error", err))
	}
}
