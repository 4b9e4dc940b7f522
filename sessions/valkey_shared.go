package sessions

import (
	"context"
	_ "embed" // the scripts
	"time"

	"github.com/valkey-io/valkey-go"
)

//go:embed lua/fact.lua
var factLua string

//go:embed lua/backlog.lua
var backlogLua string

var (
	factScript    = newScript(factLua)
	backlogScript = newScript(backlogLua)
)

func (v *Valkey) factKey(name string) string { return v.opts.Prefix + "fact:" + name }

// Fact is as Store's.
func (v *Valkey) Fact(ctx context.Context, name string) (Fact, error) {
	if err := checkFact(name, nil); err != nil {
		return Fact{}, err
	}
	row, err := v.get(ctx, v.factKey(name))
	if err != nil {
		return Fact{}, err
	}
	return decodeFact(name, row)
}

// SetFact is as Store's.
func (v *Valkey) SetFact(ctx context.Context, f Fact) (Fact, error) {
	if err := checkFact(f.Name, f.Value); err != nil {
		return Fact{}, err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return Fact{}, err
	}
	defer done()
	keys := []string{v.factKey(f.Name)}
	args := []string{octets(f.Version), "", ""}
	f.Version++
	args[1] = valkey.BinaryString(encodeFact(f))
	err = v.durably(ctx, factScript, keys, args, func() { args[2] = "1" })
	if err != nil {
		return Fact{}, err
	}
	return f, nil
}

// DropRevision is as Store's.
func (v *Valkey) DropRevision(ctx context.Context, id string) error {
	if err := checkRevision(id, nil); err != nil {
		return err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := v.client.Do(ctx, v.client.B().Del().Key(v.opts.Prefix+"rev:"+id).Build()).Error(); err != nil {
		return failedWrite(err)
	}
	return nil
}

// Backlog is as Store's. It asks each primary with one script.
func (v *Valkey) Backlog(ctx context.Context, queue string) (Backlog, error) {
	kind, err := queueKind(queue)
	if err != nil {
		return Backlog{}, err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return Backlog{}, err
	}
	defer done()
	var b Backlog
	answers, lost := v.askQueues(ctx, backlogScript, kind, 0, "", "")
	for _, a := range answers {
		waits, err := a.AsIntSlice()
		if err != nil {
			return Backlog{}, failed(err)
		}
		for i := 0; i+2 < len(waits); i += 3 {
			if waits[i+1] < 0 {
				lost = append(lost, a.slots[waits[i]-1])
				continue
			}
			b.add(int(waits[i+1]), waits[i+2])
		}
	}
	if len(lost) == 0 {
		return b, nil
	}
	v.placement.doubt()
	asks := make(valkey.Commands, 0, 2*len(lost))
	for _, slot := range lost {
		key := v.queueKey(slot, kind)
		asks = append(asks, v.client.B().Zcard().Key(key).Build(),
			v.client.B().Zrange().Key(key).Min("0").Max("0").Withscores().Build())
	}
	counts := v.client.DoMulti(ctx, asks...)
	for i := 0; i < len(counts); i += 2 {
		n, err := counts[i].AsInt64()
		if err != nil {
			return Backlog{}, failed(err)
		}
		first, err := counts[i+1].AsZScores()
		if err != nil {
			return Backlog{}, failed(err)
		}
		if len(first) > 0 {
			b.add(int(n), int64(first[0].Score))
		}
	}
	return b, nil
}

// add counts the records of one more queue, whose first is due at a time in us.
func (b *Backlog) add(records int, due int64) {
	b.Records += records
	if at := time.UnixMicro(due).UTC(); b.Oldest.IsZero() || at.Before(b.Oldest) {
		b.Oldest = at
	}
}
