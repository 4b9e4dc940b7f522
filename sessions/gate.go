package sessions

import (
	"context"
	"fmt"
	"sync"
)

// gate counts a store's calls, so that Close can wait for them.
type gate struct {
	mu     sync.RWMutex // held for reading by every call, for writing by close
	closed bool
}

// enter begins a call: it fails when ctx is over or the store closed. Otherwise
// the caller must call leave.
func (g *gate) enter(ctx context.Context) error {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		g.mu.RUnlock()
		return fmt.Errorf("sessions: %w", err)
	}
	return nil
}

func (g *gate) leave() { g.mu.RUnlock() }

// close waits for the calls under way and says whether it was the first.
func (g *gate) close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := !g.closed
	g.closed = true
	return first
}
