package sessions

import (
	"context"
	_ "embed" // the scripts
	"log/slog"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
)

//go:embed lua/claim.lua
var claimLua string

//go:embed lua/open.lua
var openLua string

var (
	claimScript = newScript(claimLua)
	openScript  = newScript(openLua)
)

// Action is as Store's.
func (v *Valkey) Action(ctx context.Context, msisdn, id string) (Action, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Action{}, err
	}
	if err := checkPart("the action's id", id, ""); err != nil {
		return Action{}, err
	}
	var a Action
	row, err := v.get(ctx, v.recordKey(kindAction, msisdn, id))
	if err == nil {
		err = a.decode(row)
	}
	return a, err
}

// Customer is as Store's.
func (v *Valkey) Customer(ctx context.Context, msisdn string) (Customer, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Customer{}, err
	}
	var c Customer
	row, ahead := v.warm.takeAhead(msisdn)
	var err error
	switch {
	case ahead && row == "":
		err = ErrNotFound
	case !ahead:
		row, err = v.get(ctx, v.recordKey(kindCustomer, msisdn, ""))
	}
	if err == nil {
		err = c.decode(row)
	}
	return c, err
}

// Open is as Store's.
func (v *Valkey) Open(ctx context.Context, msisdn string) ([]Action, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return nil, err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	base := v.slotKey(slotOf(msisdn)) + string(kindAction) + ":"
	var rows []string
	err = v.retry(ctx, func(bool) error {
		var err error
		rows, err = v.run(ctx, openScript, []string{v.openKey(msisdn)}, []string{base}).AsStrSlice()
		return readErr(err)
	})
	if err != nil {
		return nil, err
	}
	var open []Action
	for _, row := range rows {
		var a Action
		if err := a.decode(row); err != nil {
			return nil, err
		}
		open = append(open, a)
	}
	sortOldest(open)
	return open, nil
}

// Claim is as Store's. It counts what is due in all slots with one pipeline, and
// leases with one more from the slots that have some, beginning where the last
// Claim ended. When a slot fails, what other slots leased is returned without
// an error; only if nothing was leased is the first error.
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
	counts := make(valkey.Commands, slots)
	for i := range counts {
		counts[i] = v.client.B().Zcount().Key(v.queueKey((first+i)%slots, kind)).Min("-inf").Max(micros(now)).Build()
	}
	var (
		leases  []leaseCall
		failure error
	)
	for i, r := range v.client.DoMulti(ctx, counts...) {
		due, err := r.AsInt64()
		if err != nil {
			failure = failed(err) // a primary is away; the others' queues go on
		}
		if due == 0 {
			continue
		}
		slot := (first + i) % slots
		take := min(int(due), n)
		end := now.Add(lease)
		leases = append(leases, leaseCall{
			keys: []string{v.queueKey(slot, kind)},
			args: []string{micros(now), micros(end), octets(orderedTime(end)), strconv.Itoa(take), v.slotKey(slot) + string(kind) + ":"},
		})
		v.turn.Store(uint32(slot + 1))
		if n -= take; n == 0 {
			break
		}
	}
	return v.lease(ctx, kind, worker, leases, failure)
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
		rows, err := r.AsStrSlice()
		if err != nil {
			// What was leased without our knowing comes again when the lease ends.
			failure = failed(err)
			continue
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
