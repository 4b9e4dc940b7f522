package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"nyota/sessions"
)

// While the store is waited for.
const (
	tryStoreEvery = time.Second
	sayStoreEvery = time.Minute
)

// awaitValkey opens the store, and waits for one that will be there without anybody
// changing anything here: who ends at once instead is started again after ever longer
// pauses, and is still away when the store is back.
func (g *Gateway) awaitValkey(ctx context.Context, opts sessions.ValkeyOptions) (*sessions.Valkey, error) {
	var v *sessions.Valkey
	try := func() (passes bool, err error) {
		if v == nil {
			if v, err = openValkey(ctx, opts); err != nil {
				return willPass(err), err
			}
		}
		return true, v.Health(ctx) // replicas may have to catch up
	}
	var said time.Time
	for {
		passes, err := try()
		if err == nil {
			if !said.IsZero() {
				g.log.Info("the store is there: the start goes on")
				g.idle.Store(&errStarting)
			}
			return v, nil
		}
		err = storeError(g.cfg.Store, err)
		if passes && ctx.Err() == nil {
			g.idle.Store(&err)
			if now := time.Now(); now.Sub(said) >= sayStoreEvery {
				g.log.Warn("the store is waited for, and no link is bound before it is there", "err", err)
				said = now
			}
			select {
			case <-time.After(tryStoreEvery):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if v != nil {
			err = errors.Join(err, v.Close())
		}
		return nil, err
	}
}

// openValkey is sessions.OpenValkey, but ends with ctx also while a server says
// nothing.
func openValkey(ctx context.Context, opts sessions.ValkeyOptions) (*sessions.Valkey, error) {
	var v *sessions.Valkey
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		v, err = sessions.OpenValkey(ctx, opts)
	}()
	select {
	case <-done:
		return v, err
	case <-ctx.Done():
		go func() {
			if <-done; v != nil {
				_ = v.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// passing are refusals of a server that starts, or waits for other servers.
var passing = map[string]bool{"LOADING": true, "MASTERDOWN": true, "NOREPLICAS": true, "CLUSTERDOWN": true, "TRYAGAIN": true}

// willPass says whether an error of OpenValkey is about a server that is away, or has
// only begun to start, and not about what a person must change. A connection that
// breaks off is no such sign: servers answer so whom they want to speak TLS.
func willPass(err error) bool {
	var refusal *valkey.ValkeyError
	if errors.As(err, &refusal) {
		code, _, _ := strings.Cut(refusal.Error(), " ")
		return passing[code]
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, sessions.ErrReplicas)
}
