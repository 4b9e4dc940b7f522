package sessions

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// sweepEvery removes what expired until ctx ends.
func (e *Embedded) sweepEvery(ctx context.Context, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n, err := e.sweep(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			e.log.Error("store: removal of what expired", slog.Any("error", err))
		case n > 0:
			e.log.Debug("store: removed what expired", slog.Int("records", n))
		}
	}
}

// sweep removes expired sessions and records past their retention, and returns
// how many. It looks at nothing that is not near its expiry.
func (e *Embedded) sweep(ctx context.Context) (int, error) {
	removed := e.sweepSessions()
	e.expiry.scan.Lock()
	defer e.expiry.scan.Unlock()
	from := e.expiry.begin()
	until := expirySecond(e.now())
	it, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: expiryKey(from, nil),
		UpperBound: expiryKey(until, nil),
	})
	if err != nil {
		return removed, fmt.Errorf("sessions: %w", err)
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		second := binary.BigEndian.Uint64(it.Key()[1:])
		if ctx.Err() != nil {
			until = second
			break
		}
		gone, err := e.expire(bytes.Clone(it.Key()), it.Value())
		if err != nil {
			return removed, err
		}
		if gone {
			removed++
		}
	}
	if err := it.Error(); err != nil {
		return removed, fmt.Errorf("sessions: %w", err)
	}
	e.expiry.end(max(from, until))
	return removed, nil
}

// sweepSessions forgets expired sessions. The journal and pebble's rows need not
// know: what expired is not read again.
func (e *Embedded) sweepSessions() int {
	removed := 0
	for i := range e.stripe {
		st := &e.stripe[i]
		st.mu.Lock()
		gone, octets := st.expire(orderedTime(e.now()))
		st.mu.Unlock()
		e.octets.Add(int64(octets))
		removed += gone
	}
	return removed
}

// expire removes what an 'e' key names, if it is as old as that, and the key.
func (e *Embedded) expire(place, version []byte) (bool, error) {
	key := place[expiryHead:]
	msisdn := ownerOf(key)
	st := e.stripeOf(msisdn)
	st.mu.Lock()
	defer st.mu.Unlock()

	h, err := e.stored(key)
	if err != nil {
		return false, err
	}
	w := batch{b: e.db.NewBatch()}
	w.delete(place)
	gone := false
	switch {
	case h.version == 0: // gone, or a session of layout 1
	case len(version) == 8 && binary.BigEndian.Uint64(version) == h.version:
		w.delete(key)
		if h.time != 0 {
			w.delete(queueKey(h.time, h.kind, key))
		}
		gone = true
	}
	if w.err != nil {
		_ = w.b.Close()
		return false, w.err
	}
	if _, err := e.apply(w.b, keepSoon); err != nil {
		return false, err
	}
	return gone, nil
}

// ownerOf returns the msisdn in the key of a session, action or notice.
func ownerOf(key []byte) string {
	msisdn, _, _ := bytes.Cut(key[1:], []byte{0})
	return string(msisdn)
}

func sessionOf(key []byte) (Key, bool) {
	parts := bytes.SplitN(key[1:], []byte{0}, 3)
	if len(parts) != 3 {
		return Key{}, false
	}
	return Key{MSISDN: string(parts[0]), Network: string(parts[1]), ID: string(parts[2])}, true
}
