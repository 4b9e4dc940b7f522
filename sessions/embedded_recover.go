package sessions

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// layout is the embedded store's own layout of keys (see embedded_keys.go).
// Layout 1 had its sessions in pebble; they are taken over.
const (
	layout    = "2"
	layoutOld = "1"
)

// recover reads the sessions that the process before left, and begins a journal
// file that has them all.
func (e *Embedded) recover() error {
	was, _, err := e.get(layoutKey)
	if err != nil {
		return err
	}
	if was != "" && was != layout && was != layoutOld {
		return fmt.Errorf("it has layout %q: this binary reads %q and %q", was, layout, layoutOld)
	}
	j := &e.journal
	if err := j.makeDir(); err != nil {
		return err
	}
	ended := map[string]uint64{} // sessions that the journal has as ended, and since when
	bad := 0
	err = j.read(func(what byte, lsn uint64, data []byte) {
		switch what {
		case journalPut:
			if !e.restore(data, lsn, ended) {
				bad++
			}
		case journalDelete:
			e.restoreEnd(data, lsn, ended)
		default:
			bad++
		}
	}, func(file string, octets int) {
		e.log.Info("store: the journal ends in the middle of a record, as after a crash", "file", file, "octets", octets)
	})
	if err != nil {
		return err
	}
	if err := e.recoverKept(ended, &bad); err != nil {
		return err
	}
	if was == layoutOld {
		if err := e.recoverOld(&bad); err != nil {
			return err
		}
	}
	if bad > 0 {
		e.log.Error("store: sessions cannot be read and are forgotten", "records", bad)
	}
	e.sweepSessions()
	if err := e.nextJournal(); err != nil {
		return err
	}
	return e.setLayout(was)
}

// restore takes a session from its stored form, unless a newer one is known.
func (e *Embedded) restore(row []byte, lsn uint64, ended map[string]uint64) bool {
	if h, err := headerOf(row); err != nil || h.kind != kindSession {
		return false
	}
	n := nameIn(row)
	if n == nil {
		return false
	}
	st, hash, ok := e.placeOf(n)
	if !ok {
		return false
	}
	found := st.find(hash, n)
	if ended[string(n)] > lsn || found != nil && found.lsn > lsn {
		return true
	}
	_, grown := st.put(found, hash, row, lsn)
	e.octets.Add(int64(grown))
	return true
}

// restoreEnd forgets a session that ended, unless a newer one is known.
func (e *Embedded) restoreEnd(n name, lsn uint64, ended map[string]uint64) {
	ended[string(n)] = max(ended[string(n)], lsn)
	st, hash, ok := e.placeOf(n)
	if !ok {
		return
	}
	if found := st.find(hash, n); found != nil && found.lsn < lsn {
		e.octets.Add(int64(st.remove(found)))
	}
}

// placeOf returns where a session of that name is. It is false if n is no name.
func (e *Embedded) placeOf(n name) (*stripe, uint64, bool) {
	r := reader{s: string(n)}
	k := r.key()
	return e.stripeOf(k.MSISDN), maphash.Bytes(e.seed, n), r.err == nil
}

// recoverKept takes over what commits with records left, where the journal does
// not have it.
func (e *Embedded) recoverKept(ended map[string]uint64, bad *int) error {
	return e.eachRow(prefixKept, func(key, value []byte) error {
		k, ok := sessionOf(key)
		if !ok || len(value) < 8 {
			*bad++
			return nil
		}
		lsn, row := binary.BigEndian.Uint64(value), value[8:]
		e.journal.lsn = max(e.journal.lsn, lsn)
		if len(row) == 0 {
			e.restoreEnd(nameOf(nil, k), lsn, ended)
		} else if !e.restore(row, lsn, ended) {
			*bad++
		}
		return nil
	})
}

// recoverOld takes over the sessions of layout 1.
func (e *Embedded) recoverOld(bad *int) error {
	return e.eachRow(kindSession, func(_, row []byte) error {
		if !e.restore(row, e.journal.next(), nil) {
			*bad++
		}
		return nil
	})
}

func (e *Embedded) setLayout(was string) error {
	if was == layout {
		return nil
	}
	w := batch{b: e.db.NewBatch()}
	w.set(layoutKey, []byte(layout))
	if w.err == nil {
		w.err = w.b.DeleteRange([]byte{kindSession}, []byte{kindSession + 1}, nil)
	}
	if w.err != nil {
		_ = w.b.Close()
		return w.err
	}
	wait, err := e.apply(w.b, keepDurable)
	if err != nil {
		return err
	}
	return wait(context.Background())
}

func (e *Embedded) eachRow(prefix byte, each func(key, value []byte) error) error {
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		if err := each(it.Key(), it.Value()); err != nil {
			_ = it.Close()
			return err
		}
	}
	return it.Close()
}

// journalRetry is the pause after a journal file could not be begun.
const journalRetry = 10 * time.Second

// turnJournal begins the next journal file whenever one has grown, until ctx ends.
func (e *Embedded) turnJournal(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.grownC:
		}
		if err := e.nextJournal(); err != nil {
			e.log.Error("store: the journal of sessions goes on growing", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(journalRetry):
			}
		}
	}
}

// nextJournal begins a journal file, writes all sessions into it, and removes
// what it replaces once it is on the disk: the files before it, and the rows in
// pebble that guarded against the loss of their ends.
func (e *Embedded) nextJournal() error {
	lsn, err := e.journal.turn()
	if err != nil {
		return err
	}
	for i := range e.stripe {
		st := &e.stripe[i]
		var end uint64
		st.mu.Lock()
		for _, ent := range st.table {
			for ; ent != nil; ent = ent.next {
				_, end, _ = e.journal.add(journalPut, ent.lsn, ent.row)
			}
		}
		st.mu.Unlock()
		e.journal.flush(end)
	}
	if err := e.journal.sync(); err != nil {
		return err
	}
	if err := e.journal.forget(); err != nil {
		return err
	}
	return e.forgetKept(lsn)
}

// forgetKept removes the rows of sessions up to a number.
func (e *Embedded) forgetKept(lsn uint64) error {
	var keys [][]byte
	err := e.eachRow(prefixKept, func(key, value []byte) error {
		if len(value) < 8 || binary.BigEndian.Uint64(value) <= lsn {
			keys = append(keys, bytes.Clone(key))
		}
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = e.forgetRow(key, lsn)
		}
	}
	return err
}

func (e *Embedded) forgetRow(key []byte, lsn uint64) error {
	k, _ := sessionOf(key)
	st := e.stripeOf(k.MSISDN)
	st.mu.Lock()
	defer st.mu.Unlock()
	row, ok, err := e.get(key)
	if err != nil || !ok {
		return err
	}
	if len(row) >= 8 && binary.BigEndian.Uint64([]byte(row[:8])) > lsn {
		return nil // written again meanwhile
	}
	n, hash := e.name(new(nameRoom), k)
	if found := st.find(hash, n); found != nil {
		found.kept = false
	}
	return e.db.Delete(key, pebble.NoSync)
}
