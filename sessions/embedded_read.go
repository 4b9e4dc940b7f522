package sessions

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Action is as Store's.
func (e *Embedded) Action(ctx context.Context, msisdn, id string) (Action, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Action{}, err
	}
	if err := checkPart("the action's id", id, 0); err != nil {
		return Action{}, err
	}
	var a Action
	err := e.read(ctx, recordKey(kindAction, msisdn, id), a.decode)
	return a, err
}

// Customer is as Store's.
func (e *Embedded) Customer(ctx context.Context, msisdn string) (Customer, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Customer{}, err
	}
	var c Customer
	err := e.read(ctx, recordKey(kindCustomer, msisdn, ""), c.decode)
	return c, err
}

func (e *Embedded) read(ctx context.Context, key []byte, decode func(string) error) error {
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.leave()
	row, ok, err := e.get(key)
	if err != nil {
		return err
	}
	if !ok {
		return ErrNotFound
	}
	return decode(row)
}

// Open is as Store's.
func (e *Embedded) Open(ctx context.Context, msisdn string) ([]Action, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return nil, err
	}
	if err := e.enter(ctx); err != nil {
		return nil, err
	}
	defer e.leave()
	st := e.stripeOf(msisdn)
	st.mu.Lock()
	defer st.mu.Unlock()
	ids, err := e.openIDs(msisdn)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	open := make([]Action, 0, len(ids))
	for _, id := range ids {
		row, ok, err := e.get(recordKey(kindAction, msisdn, id))
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("sessions: open action %s has no record", id)
		}
		var a Action
		if err := a.decode(row); err != nil {
			return nil, err
		}
		open = append(open, a)
	}
	sortOldest(open)
	return open, nil
}

func sortOldest(actions []Action) {
	slices.SortFunc(actions, func(a, b Action) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
}

// openIDs are the ids of a customer's open actions, in no order.
type openIDs []string

func (e *Embedded) openIDs(msisdn string) (openIDs, error) {
	row, ok, err := e.get(openKey(msisdn))
	if err != nil || !ok {
		return nil, err
	}
	r := reader{s: row}
	var ids openIDs
	for r.s != "" {
		ids = append(ids, r.string())
	}
	return ids, r.err
}

func (ids openIDs) encode() []byte {
	var b []byte
	for _, id := range ids {
		b = appendString(b, id)
	}
	return b
}

// with returns the ids with or without one of them.
func (ids openIDs) with(id string, in bool) openIDs {
	i := slices.Index(ids, id)
	switch {
	case in && i < 0:
		return append(ids, id)
	case !in && i >= 0:
		return slices.Delete(ids, i, i+1)
	}
	return ids
}

// Claim is as Store's.
func (e *Embedded) Claim(ctx context.Context, queue, worker string, now time.Time, lease time.Duration, n int) ([]Record, error) {
	kind, err := queueKind(queue)
	if err != nil {
		return nil, err
	}
	if err := checkClaim(worker, lease, n); err != nil {
		return nil, err
	}
	if err := e.enter(ctx); err != nil {
		return nil, err
	}
	defer e.leave()
	q := e.queueOf(kind)
	q.scan.Lock()
	defer q.scan.Unlock()

	until := orderedTime(now) + 1 // the first time that is not due
	from := q.begin()
	it, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: queueKey(from, kind, nil),
		UpperBound: queueKey(until, kind, nil),
	})
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	reached := until
	var claimed []Record
	for ok := it.First(); ok; ok = it.Next() {
		due := binary.BigEndian.Uint64(it.Key()[2:])
		if len(claimed) == n || ctx.Err() != nil {
			reached = min(reached, due)
			break
		}
		rec, err := e.lease(it.Key(), kind, due, orderedTime(now.Add(lease)))
		if err != nil {
			// One unreadable record must not stop the others; it stays in the
			// queue for whoever repairs it.
			e.log.Error("store: a due record cannot be leased", slog.String("queue", queue), slog.Any("error", err))
			reached = min(reached, due)
			continue
		}
		if rec != nil {
			claimed = append(claimed, rec)
		}
	}
	if err := it.Close(); err != nil {
		return claimed, fmt.Errorf("sessions: %w", err)
	}
	q.end(max(from, reached))
	return claimed, nil
}

// lease moves one record of a queue to the lease's end. It returns nil if the
// record moved meanwhile.
func (e *Embedded) lease(place []byte, kind byte, due, end uint64) (Record, error) {
	key := append([]byte{kind}, place[queueHead:]...)
	st := e.stripeOf(ownerOf(key))
	st.mu.Lock()
	defer st.mu.Unlock()
	row, ok, err := e.get(key)
	if err != nil {
		return nil, err
	}
	b := e.db.NewBatch()
	w := batch{b: b}
	var rec Record
	w.delete(place)
	if ok {
		h, err := headerOf(row)
		if err != nil {
			_ = b.Close()
			return nil, err
		}
		if h.time != due { // a Put since the scan began
			_ = b.Close()
			return nil, nil
		}
		value := []byte(row)
		binary.BigEndian.PutUint64(value[timeAt:], end)
		if rec, err = decodeDue(kind, string(value)); err != nil {
			_ = b.Close()
			return nil, err
		}
		w.set(key, value)
		w.set(queueKey(end, kind, key), nil)
	}
	if w.err != nil {
		_ = b.Close()
		return nil, w.err
	}
	if _, err := e.apply(b, keepSoon); err != nil {
		return nil, err
	}
	e.queueOf(kind).wrote(end)
	return rec, nil
}
