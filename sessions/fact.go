package sessions

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Fact is something that all gateways on one store hold in common and that
// belongs to no customer: which menus serve, which services are closed. There are
// a handful, each of up to MaxFact octets.
type Fact struct {
	Name    string // of the fact; no ":", "{" or "}"
	Version uint64 // compare-and-set, as in Session
	Value   []byte
}

// MaxFact bounds the value of a Fact, in octets.
const MaxFact = 256 << 10

// Backlog is what waits in a queue.
type Backlog struct {
	Records int       // in the queue, leased ones too; counting may stop at MaxBacklog
	Oldest  time.Time // when the first of them is or was due; zero if there is none
}

// MaxBacklog is where a store may stop counting a queue.
const MaxBacklog = 100_000

// Shared is the part of a Store that belongs to no customer.
type Shared interface {
	// Fact returns a fact, or ErrNotFound.
	Fact(ctx context.Context, name string) (Fact, error)
	// SetFact writes a fact, compare-and-set on its Version: 0 creates it, and
	// ErrConflict says that another gateway was faster. It is durable on return.
	// The returned fact has the new Version.
	SetFact(ctx context.Context, f Fact) (Fact, error)
	// DropRevision forgets the source of a menu revision; one that is not there
	// is no error.
	DropRevision(ctx context.Context, id string) error
	// Backlog looks at a queue (QueueActions, QueueNotices) without claiming.
	Backlog(ctx context.Context, queue string) (Backlog, error)
}

func checkFact(name string, value []byte) error {
	if err := checkPart("a fact's name", name, colon|brace); err != nil {
		return err
	}
	if len(value) > MaxFact {
		return fmt.Errorf("%w: a fact of %d octets, at most %d", ErrInvalid, len(value), MaxFact)
	}
	return nil
}

// A fact is stored as its version and its value.
func encodeFact(f Fact) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(f.Value)), f.Version), f.Value...)
}

func decodeFact(name, row string) (Fact, error) {
	if len(row) < 8 {
		return Fact{}, errTruncated
	}
	return Fact{Name: name, Version: binary.BigEndian.Uint64([]byte(row[:8])), Value: []byte(row[8:])}, nil
}

// changeTries bounds how often Change begins again.
const changeTries = 10

// Change rewrites a fact: change gets its value (nil if there is none yet) and
// returns the next one. It is called again when another gateway was faster, and
// so must have no effect but its result. An error of change ends it, and is
// returned as it is. Where a write's answer was lost, change sees what the store
// has now.
func Change(ctx context.Context, s Shared, name string, change func(old []byte) ([]byte, error)) (Fact, error) {
	for try := 1; ; try++ {
		f, err := s.Fact(ctx, name)
		if errors.Is(err, ErrNotFound) {
			f, err = Fact{Name: name}, nil
		}
		if err != nil {
			return Fact{}, err
		}
		if f.Value, err = change(f.Value); err != nil {
			return Fact{}, err
		}
		next, err := s.SetFact(ctx, f)
		if err == nil || try == changeTries || !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUncertain) {
			return next, err
		}
		if !pause(ctx, time.Duration(1+rand.IntN(10*try))*time.Millisecond) {
			return Fact{}, fmt.Errorf("sessions: %w", ctx.Err())
		}
	}
}

// Follow looks at a fact every so often, give or take a fifth so that many
// gateways do not ask as one, and calls changed with each version that it has not
// seen; known is the version that the caller has already (0: none). It returns
// when ctx ends. failed is told when a look fails, and (with nil) when it is over.
func Follow(ctx context.Context, s Shared, name string, known uint64, every time.Duration, changed func(Fact), failed func(error)) {
	ill := false
	for pause(ctx, time.Duration(float64(every)*(0.8+0.4*rand.Float64()))) {
		f, err := s.Fact(ctx, name)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !ill {
				failed(err)
			}
			ill = true
			continue
		case ill:
			failed(nil)
			ill = false
		}
		if f.Version != known && f.Version != 0 {
			known = f.Version
			changed(f)
		}
	}
}

// pause waits; it is false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
