package sessions

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Fact is as Store's.
func (e *Embedded) Fact(ctx context.Context, name string) (Fact, error) {
	if err := checkFact(name, nil); err != nil {
		return Fact{}, err
	}
	var f Fact
	err := e.read(ctx, factKey(name), func(row string) (err error) {
		f, err = decodeFact(name, row)
		return err
	})
	return f, err
}

// SetFact is as Store's.
func (e *Embedded) SetFact(ctx context.Context, f Fact) (Fact, error) {
	if err := checkFact(f.Name, f.Value); err != nil {
		return Fact{}, err
	}
	if err := e.enter(ctx); err != nil {
		return Fact{}, err
	}
	defer e.leave()
	wait, err := e.setFact(&f)
	if err != nil {
		return Fact{}, err
	}
	return f, wait(ctx)
}

// setFact writes a fact with its version raised.
func (e *Embedded) setFact(f *Fact) (func(context.Context) error, error) {
	e.facts.Lock()
	defer e.facts.Unlock()
	key := factKey(f.Name)
	row, ok, err := e.get(key)
	if err != nil {
		return nil, err
	}
	var old Fact
	if ok {
		if old, err = decodeFact(f.Name, row); err != nil {
			return nil, err
		}
	}
	if old.Version != f.Version {
		return nil, ErrConflict
	}
	f.Version++
	w := batch{b: e.db.NewBatch()}
	w.set(key, encodeFact(*f))
	if w.err != nil {
		_ = w.b.Close()
		return nil, w.err
	}
	return e.apply(w.b, keepDurable)
}

// DropRevision is as Store's.
func (e *Embedded) DropRevision(ctx context.Context, id string) error {
	if err := checkRevision(id, nil); err != nil {
		return err
	}
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.leave()
	w := batch{b: e.db.NewBatch()}
	w.delete(revisionKey(id))
	if w.err != nil {
		_ = w.b.Close()
		return w.err
	}
	_, err := e.apply(w.b, keepSoon)
	return err
}

// Backlog is as Store's.
func (e *Embedded) Backlog(ctx context.Context, name string) (Backlog, error) {
	kind, err := queueKind(name)
	if err != nil {
		return Backlog{}, err
	}
	if err := e.enter(ctx); err != nil {
		return Backlog{}, err
	}
	defer e.leave()
	it, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: queueKey(0, kind, nil), UpperBound: []byte{prefixQueue, kind + 1},
	})
	if err != nil {
		return Backlog{}, fmt.Errorf("sessions: %w", err)
	}
	var b Backlog
	for ok := it.First(); ok && b.Records < MaxBacklog && ctx.Err() == nil; ok = it.Next() {
		if b.Records == 0 {
			b.Oldest = timeOf(binary.BigEndian.Uint64(it.Key()[2:]))
		}
		b.Records++
	}
	if err := it.Close(); err != nil {
		return Backlog{}, fmt.Errorf("sessions: %w", err)
	}
	return b, ctx.Err()
}
