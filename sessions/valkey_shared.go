package sessions

import (
	"context"
	_ "embed" // the script
	"time"

	"github.com/valkey-io/valkey-go"
)

//go:embed lua/fact.lua
var factLua string

var factScript = newScript(factLua)

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

// Backlog is as Store's. It asks every slot's queue, in one pipeline.
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
	asks := make(valkey.Commands, 0, 2*slots)
	for slot := range slots {
		key := v.queueKey(slot, kind)
		asks = append(asks, v.client.B().Zcard().Key(key).Build(),
			v.client.B().Zrange().Key(key).Min("0").Max("0").Withscores().Build())
	}
	var b Backlog
	answers := v.client.DoMulti(ctx, asks...)
	for i := 0; i < len(answers); i += 2 {
		n, err := answers[i].AsInt64()
		if err != nil {
			return Backlog{}, failed(err)
		}
		b.Records += int(n)
		first, err := answers[i+1].AsZScores()
		if err != nil {
			return Backlog{}, failed(err)
		}
		if len(first) == 0 {
			continue
		}
		if at := time.UnixMicro(int64(first[0].Score)).UTC(); b.Oldest.IsZero() || at.Before(b.Oldest) {
			b.Oldest = at
		}
	}
	return b, nil
}
