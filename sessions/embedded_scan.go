package sessions

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// scanBatch is how many records a scan reads before it hands them on: none of
// the store's files is held while the caller is busy.
const scanBatch = 512

// Discrepancy is as Store's.
func (e *Embedded) Discrepancy(ctx context.Context, msisdn, id string) (Discrepancy, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Discrepancy{}, err
	}
	if err := checkPart("the discrepancy's id", id, 0); err != nil {
		return Discrepancy{}, err
	}
	var d Discrepancy
	err := e.read(ctx, recordKey(kindDiscrepancy, msisdn, id), d.decode)
	return d, err
}

// Scan is as Store's.
func (e *Embedded) Scan(ctx context.Context, what string, each func(Record) error) error {
	prefix, err := scanPrefix(what)
	if err != nil {
		return err
	}
	from := []byte{prefix}
	for from != nil {
		var rows []string
		if rows, from, err = e.scan(ctx, prefix, from); err != nil {
			return err
		}
		if err := handOn(what, rows, each); err != nil {
			return err
		}
	}
	return nil
}

func scanPrefix(what string) (byte, error) {
	switch what {
	case ScanActions:
		return kindAction, nil
	case ScanOpen:
		return prefixOpen, nil
	case ScanDiscrepancies:
		return kindDiscrepancy, nil
	}
	return 0, fmt.Errorf("%w: nothing is scanned by the name %q", ErrInvalid, what)
}

// scan reads a batch of records, and says where the next begins; nil: nowhere.
func (e *Embedded) scan(ctx context.Context, prefix byte, from []byte) (rows []string, next []byte, err error) {
	if err := e.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer e.leave()
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return nil, nil, fmt.Errorf("sessions: %w", err)
	}
	defer func() {
		if cerr := it.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("sessions: %w", cerr)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("sessions: %w", err)
		}
		if len(rows) >= scanBatch {
			return rows, bytes.Clone(it.Key()), nil
		}
		if prefix != prefixOpen {
			rows = append(rows, string(it.Value()))
			continue
		}
		msisdn := string(it.Key()[1:])
		r := reader{s: string(it.Value())}
		for r.s != "" {
			row, ok, err := e.get(recordKey(kindAction, msisdn, r.string()))
			if err != nil {
				return nil, nil, err
			}
			if ok {
				rows = append(rows, row)
			}
		}
		if r.err != nil {
			return nil, nil, r.err
		}
	}
	return rows, nil, nil
}
