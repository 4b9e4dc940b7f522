package sessions

import (
	"context"
	"fmt"
	"time"

	"github.com/valkey-io/valkey-go"
)

// durably runs a script that writes, and waits until the append-only files have
// it. Before a try that follows an uncertain one, written is called.
func (v *Valkey) durably(ctx context.Context, s script, keys, args []string, written func()) error {
	known := true
	return v.onDurable(ctx, func(again bool) valkey.Completed {
		if again {
			written()
		}
		if !known {
			return v.eval(s, keys, args)
		}
		return v.evalsha(s, keys, args)
	}, func(r valkey.ValkeyResult) error {
		known = known && !unknownScript(r.Error())
		return conflictOf(r)
	})
}

// onDurable makes a write on a connection of its own, and waits there until the
// append-only files have it. Both travel in one round trip. If the connection
// breaks, both are done again on another one: the server then knows by again that
// the first may have been written.
func (v *Valkey) onDurable(ctx context.Context, write func(again bool) valkey.Completed, result func(valkey.ValkeyResult) error) error {
	select {
	case v.durable <- struct{}{}:
		defer func() { <-v.durable }()
	case <-ctx.Done():
		return failed(ctx.Err()) // nothing was sent
	}
	local := int64(1)
	if v.noAOF.Load() {
		local = 0
	}
	return v.retry(ctx, func(again bool) error {
		if local == 0 && v.opts.Replicas == 0 {
			return result(v.client.Do(ctx, write(again)))
		}
		return v.client.Dedicated(func(c valkey.DedicatedClient) error {
			if err := ctx.Err(); err != nil {
				return failed(err)
			}
			wait := waitFor(ctx)
			if v.opts.Replicas > 0 {
				wait = min(wait, askReplicas)
			}
			answers := c.DoMulti(ctx, write(again), v.waitaof(c, local, wait))
			if err := result(answers[0]); err != nil {
				return err
			}
			answer := answers[1]
			var last *shortfall
			for ask := askReplicas; ; ask = min(2*ask, askReplicasMost) {
				short, err := v.short(answer, local)
				if err == nil && short == nil {
					return nil
				}
				if short != nil {
					last = short
				}
				left := waitFor(ctx)
				if last != nil && (ctx.Err() != nil || left <= 1 || v.opts.Replicas == 0) {
					return fmt.Errorf("%w: %w: valkey: %w", ErrNotDurable, ErrUncertain, last)
				}
				if err != nil {
					return err
				}
				answer = c.Do(ctx, v.waitaof(c, local, min(left, ask)))
			}
		})
	})
}

// A replica is asked when WAITAOF comes, and answers with what its file held
// before: what it writes at that moment it tells by itself only once a second. So
// it is asked again, after so many ms, and then less often.
const (
	askReplicas     = int64(2)
	askReplicasMost = int64(64)
)

func (v *Valkey) waitaof(c valkey.DedicatedClient, local, timeout int64) valkey.Completed {
	return c.B().Waitaof().Numlocal(local).Numreplicas(int64(v.opts.Replicas)).Timeout(timeout).Build()
}

// shortfall is what WAITAOF found missing.
type shortfall struct {
	local, wantLocal       int64 // append-only files of the primary
	replicas, wantReplicas int64 // and of its replicas
}

func (s *shortfall) Error() string {
	return fmt.Sprintf("in %d of %d local and %d of %d replicas' append-only files", s.local, s.wantLocal, s.replicas, s.wantReplicas)
}

// short reads WAITAOF's answer: what is missing, or nil.
func (v *Valkey) short(answer valkey.ValkeyResult, local int64) (*shortfall, error) {
	n, err := answer.AsIntSlice()
	switch {
	case err != nil && judge(err) != final:
		return nil, fmt.Errorf("%w: valkey: %w", ErrUncertain, err) // written here, and nobody knows where else
	case err != nil:
		return nil, fmt.Errorf("%w: %w: valkey: %w", ErrNotDurable, ErrUncertain, err)
	case len(n) != 2:
		return nil, fmt.Errorf("%w: %w: valkey: WAITAOF answered %d numbers", ErrNotDurable, ErrUncertain, len(n))
	case n[0] < local || n[1] < int64(v.opts.Replicas):
		return &shortfall{local: n[0], wantLocal: local, replicas: n[1], wantReplicas: int64(v.opts.Replicas)}, nil
	}
	return nil, nil
}

// waitFor is WAITAOF's timeout in ms: a little less than ctx has left, so that
// the server says what is missing before the connection is given up.
func waitFor(ctx context.Context) int64 {
	end, ok := ctx.Deadline()
	if !ok {
		return 1
	}
	return max(1, (time.Until(end) * 3 / 4).Milliseconds())
}
