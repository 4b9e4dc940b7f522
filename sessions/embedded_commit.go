package sessions

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Load is as Store's.
func (e *Embedded) Load(ctx context.Context, k Key) (Session, error) {
	if err := checkKey(k); err != nil {
		return Session{}, err
	}
	if err := e.enter(ctx); err != nil {
		return Session{}, err
	}
	defer e.leave()
	st := e.stripeOf(k.MSISDN)
	st.mu.Lock()
	row, _, err := e.session(st, k)
	st.mu.Unlock()
	if err != nil {
		return Session{}, err
	}
	if row == "" {
		return Session{}, ErrNotFound
	}
	var s Session
	if err := s.decode(row); err != nil {
		return Session{}, err
	}
	return s, nil
}

// Commit is as Store's.
func (e *Embedded) Commit(ctx context.Context, s Session, records ...Record) (Session, error) {
	if err := checkSession(&s); err != nil {
		return Session{}, err
	}
	if len(records) == 0 && !s.Ended && s.Version > 0 {
		return e.step(ctx, s)
	}
	changes, durable, err := plan(s.Key.MSISDN, records, e.now(), e.retain)
	if err != nil {
		return Session{}, err
	}
	if err := e.write(ctx, s.Key.MSISDN, &s, changes, durable); err != nil {
		return Session{}, err
	}
	s.Version++
	for i := range changes {
		changes[i].raise()
	}
	return s, nil
}

// Put is as Store's.
func (e *Embedded) Put(ctx context.Context, records ...Record) error {
	if len(records) == 0 {
		return nil
	}
	msisdn, err := putOwner(records)
	if err != nil {
		return err
	}
	changes, durable, err := plan(msisdn, records, e.now(), e.retain)
	if err != nil {
		return err
	}
	if err := e.write(ctx, msisdn, nil, changes, durable); err != nil {
		return err
	}
	for i := range changes {
		changes[i].raise()
	}
	return nil
}

// step is the commit that most are: one session that exists goes on.
func (e *Embedded) step(ctx context.Context, s Session) (Session, error) {
	if err := e.enter(ctx); err != nil {
		return Session{}, err
	}
	defer e.leave()
	expected := s.Version
	s.Version++
	value, _ := s.AppendBinary(make([]byte, 0, 512))
	if err := checkSize(value); err != nil {
		return Session{}, err
	}
	row := string(value)
	st := e.stripeOf(s.Key.MSISDN)
	st.mu.Lock()
	defer st.mu.Unlock()
	_, h, err := e.session(st, s.Key)
	if err != nil {
		return Session{}, err
	}
	if h.version != expected {
		return Session{}, ErrConflict
	}
	if err := e.db.Set(sessionKey(s.Key), value, pebble.NoSync); err != nil {
		return Session{}, fmt.Errorf("sessions: %w", err)
	}
	st.keep(s.Key, row)
	e.wrote()
	return s, nil
}

// session returns a session's stored form and header, or "" and version 0 if
// there is none or it expired. The stripe is locked.
func (e *Embedded) session(st *stripe, k Key) (string, header, error) {
	var row string
	c := st.cache[k]
	if c != nil {
		row = c.row
	} else {
		v, ok, err := e.get(sessionKey(k))
		if err != nil || !ok {
			return "", header{}, err
		}
		row = v
	}
	h, err := headerOf(row)
	if err != nil {
		return "", header{}, err
	}
	if h.time <= orderedTime(e.now()) {
		st.forget(k)
		return "", header{}, nil
	}
	if c == nil {
		st.keep(k, row)
	}
	return row, h, nil
}

// stored returns the header of an action, notice or customer; version 0 is none.
func (e *Embedded) stored(key []byte) (header, error) {
	v, done, err := e.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return header{}, nil
	}
	if err != nil {
		return header{}, fmt.Errorf("sessions: %w", err)
	}
	h, err := headerOf(v)
	_ = done.Close()
	return h, err
}

// write commits a session (unless nil) and the changes at once.
func (e *Embedded) write(ctx context.Context, msisdn string, s *Session, changes []change, durable bool) error {
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.leave()
	wait, err := e.writeLocked(msisdn, s, changes, durable)
	if err != nil {
		return err
	}
	return wait(ctx)
}

func (e *Embedded) writeLocked(msisdn string, s *Session, changes []change, durable bool) (func(context.Context) error, error) {
	st := e.stripeOf(msisdn)
	st.mu.Lock()
	defer st.mu.Unlock()

	b := e.db.NewBatch()
	row, err := e.fill(b, st, msisdn, s, changes)
	if err != nil {
		_ = b.Close()
		return nil, err
	}
	k := keepSoon
	switch {
	case durable:
		k = keepDurable
	case s != nil && s.Version == 0:
		k = keepWritten // a dialogue that began is found again after kill -9
	}
	wait, err := e.apply(b, k)
	if err != nil {
		return nil, err
	}
	switch {
	case s == nil:
	case s.Ended:
		st.forget(s.Key)
	default:
		if s.Version == 0 {
			e.expiry.wrote(expirySecond(s.Expires))
		}
		st.keep(s.Key, row)
	}
	for i := range changes {
		c := &changes[i]
		if c.due != 0 {
			e.queueOf(c.kind).wrote(c.due)
		}
		if !c.until.IsZero() {
			e.expiry.wrote(expirySecond(c.until))
		}
	}
	return wait, nil
}

// fill checks all versions and puts the writes into the batch. It returns the
// session's new stored form.
func (e *Embedded) fill(b *pebble.Batch, st *stripe, msisdn string, s *Session, changes []change) (row string, err error) {
	w := batch{b: b}
	if s != nil {
		if row, err = e.fillSession(&w, st, s); err != nil {
			return "", err
		}
	}
	var ids openIDs
	touched := false
	for i := range changes {
		c := &changes[i]
		key := recordKey(c.kind, msisdn, c.id)
		old, err := e.stored(key)
		if err != nil {
			return "", err
		}
		if old.version != c.version {
			return "", ErrConflict
		}
		w.set(key, c.value)
		if c.kind == kindCustomer {
			continue
		}
		if old.version > 0 && old.time != 0 && old.time != c.due {
			w.delete(queueKey(old.time, c.kind, key))
		}
		if c.due != 0 && (old.version == 0 || old.time != c.due) {
			w.set(queueKey(c.due, c.kind, key), nil)
		}
		if !c.until.IsZero() {
			w.set(expiryKey(expirySecond(c.until), key), binary.BigEndian.AppendUint64(nil, c.version+1))
		}
		if c.kind != kindAction {
			continue
		}
		if !touched {
			if ids, err = e.openIDs(msisdn); err != nil {
				return "", err
			}
			touched = true
		}
		ids = ids.with(c.id, c.open)
	}
	if touched {
		if len(ids) > 0 {
			w.set(openKey(msisdn), ids.encode())
		} else {
			w.delete(openKey(msisdn))
		}
	}
	return row, w.err
}

func (e *Embedded) fillSession(w *batch, st *stripe, s *Session) (string, error) {
	_, h, err := e.session(st, s.Key)
	if err != nil {
		return "", err
	}
	if h.version != s.Version {
		return "", ErrConflict
	}
	key := sessionKey(s.Key)
	if s.Ended {
		if s.Version > 0 {
			w.delete(key)
		}
		return "", nil
	}
	next := *s
	next.Version++
	value, _ := next.AppendBinary(nil)
	if err := checkSize(value); err != nil {
		return "", err
	}
	w.set(key, value)
	if s.Version == 0 {
		w.set(expiryKey(expirySecond(s.Expires), key), nil)
	}
	return string(value), nil
}

func (e *Embedded) stripeOf(msisdn string) *stripe { return &e.stripe[fnv64(msisdn)%stripes] }

func (e *Embedded) queueOf(kind byte) *queue {
	if kind == kindAction {
		return &e.actions
	}
	return &e.notices
}

// batch remembers the first error of its writes.
type batch struct {
	b   *pebble.Batch
	err error
}

func (w *batch) set(key, value []byte) { w.keep(w.b.Set(key, value, nil)) }
func (w *batch) delete(key []byte)     { w.keep(w.b.Delete(key, nil)) }

func (w *batch) keep(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("sessions: %w", err)
	}
}
