package sessions

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"

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
	var room nameRoom
	n, hash := e.name(&room, k)
	st := e.stripeOf(k.MSISDN)
	st.mu.Lock()
	var row string
	if found := st.find(hash, n); found != nil && expiresOf(found.row) > orderedTime(e.now()) {
		row = string(found.row)
	}
	st.mu.Unlock()
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
	if len(records) == 0 {
		return e.step(ctx, s)
	}
	return e.together(ctx, s, records)
}

// together commits a session with records. It stands apart from Commit because its
// session is on the heap.
func (e *Embedded) together(ctx context.Context, s Session, records []Record) (Session, error) {
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

// step is the commit that most are: one session and nothing else.
func (e *Embedded) step(ctx context.Context, s Session) (Session, error) {
	if err := e.enter(ctx); err != nil {
		return Session{}, err
	}
	defer e.leave()
	var rowRoom [512]byte
	row, err := e.nextRow(rowRoom[:0], &s)
	if err != nil {
		return Session{}, err
	}
	var room nameRoom
	n, hash := e.name(&room, s.Key)
	st := e.stripeOf(s.Key.MSISDN)
	st.mu.Lock()
	found := st.find(hash, n)
	if err := e.fits(found, &s); err != nil {
		st.mu.Unlock()
		return Session{}, err
	}
	var end uint64
	var full bool
	switch {
	case s.Ended && found == nil:
		st.mu.Unlock()
		s.Version++
		return s, nil
	case s.Ended:
		var lsn uint64
		lsn, end, full = e.journal.add(journalDelete, 0, n)
		if found.kept {
			if err := e.db.Set(keptKey(s.Key), binary.BigEndian.AppendUint64(nil, lsn), pebble.NoSync); err != nil {
				st.mu.Unlock()
				return Session{}, fmt.Errorf("sessions: %w", err)
			}
			e.wrote()
		}
		e.octets.Add(int64(st.remove(found)))
	default:
		var lsn uint64
		lsn, end, full = e.journal.add(journalPut, 0, row)
		_, grown := st.put(found, hash, row, lsn)
		e.octets.Add(int64(grown))
	}
	st.mu.Unlock()
	if full || s.Version == 0 { // a dialogue that began is found again after kill -9
		e.journal.flush(end)
	} else {
		e.added()
	}
	s.Version++
	return s, nil
}

// ErrFull says that the embedded store has no memory left for one more session.
var ErrFull = errors.New("sessions: no memory is left for one more session")

// fits says whether a commit of s may follow what is stored. The stripe is locked.
func (e *Embedded) fits(found *entry, s *Session) error {
	version := uint64(0)
	if found != nil && expiresOf(found.row) > orderedTime(e.now()) {
		version = versionOf(found.row)
	}
	if version != s.Version {
		return ErrConflict
	}
	if found == nil && !s.Ended && e.octets.Load() > e.memory {
		return ErrFull
	}
	return nil
}

// nextRow appends a session's next stored form; nothing, if it ends.
func (e *Embedded) nextRow(dst []byte, s *Session) ([]byte, error) {
	if s.Ended {
		return nil, nil
	}
	s.Version++
	row, _ := s.AppendBinary(dst)
	s.Version--
	return row, checkSize(row)
}

type nameRoom [96]byte

// name is a session's name and its hash.
func (e *Embedded) name(room *nameRoom, k Key) (name, uint64) {
	n := nameOf(room[:0], k)
	return n, maphash.Bytes(e.seed, n)
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

// writeLocked makes the changes. wait ends when they are kept, and does what may not
// be done sooner.
func (e *Embedded) writeLocked(msisdn string, s *Session, changes []change, durable bool) (wait func(context.Context) error, err error) {
	st := e.stripeOf(msisdn)
	st.mu.Lock()
	defer st.mu.Unlock()

	w := batch{b: e.db.NewBatch()}
	after, kept, err := e.fillSession(&w, st, s)
	if err == nil {
		err = e.fill(&w, msisdn, changes)
	}
	if err != nil {
		_ = w.b.Close()
		return nil, err
	}
	k := keepSoon
	switch {
	case durable:
		k = keepDurable
	case s != nil && s.Version == 0:
		k = keepWritten // a dialogue that began is found again after kill -9
	}
	applied, err := e.apply(w.b, k)
	if err != nil {
		return nil, err
	}
	after()
	for i := range changes {
		c := &changes[i]
		if c.due != 0 {
			e.queueOf(c.kind).wrote(c.due)
		}
		if !c.until.IsZero() {
			e.expiry.wrote(expirySecond(c.until))
		}
	}
	return func(ctx context.Context) error {
		if err := applied(ctx); err != nil {
			return err
		}
		kept()
		return nil
	}, nil
}

// fill checks the records' versions and puts their writes into the batch.
func (e *Embedded) fill(w *batch, msisdn string, changes []change) error {
	var ids openIDs
	touched := false
	for i := range changes {
		c := &changes[i]
		key := recordKey(c.kind, msisdn, c.id)
		old, err := e.stored(key)
		if err != nil {
			return err
		}
		if old.version != c.version {
			return ErrConflict
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
				return err
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
	return w.err
}

// fillSession checks the session's version and puts it into the batch too: in a
// crash it must not be older than the records that are committed with it, nor newer.
// What remains to be done after the batch is applied is returned, and what after it
// is kept: the journal is written at other times than pebble's log, and would have
// the session wait for an action that went with the process.
func (e *Embedded) fillSession(w *batch, st *stripe, s *Session) (after, kept func(), err error) {
	none := func() {}
	if s == nil {
		return none, none, nil
	}
	row, err := e.nextRow(nil, s)
	if err != nil {
		return nil, nil, err
	}
	n, hash := e.name(new(nameRoom), s.Key)
	found := st.find(hash, n)
	if err := e.fits(found, s); err != nil {
		return nil, nil, err
	}
	if s.Ended && found == nil {
		return none, none, nil
	}
	lsn := e.journal.next()
	w.set(keptKey(s.Key), append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(row)), lsn), row...))
	what, data := byte(journalPut), row
	if s.Ended {
		what, data = journalDelete, n
	}
	return func() {
			if s.Ended {
				e.octets.Add(int64(st.remove(found)))
				return
			}
			ent, grown := st.put(found, hash, row, lsn)
			ent.kept = true
			e.octets.Add(int64(grown))
		}, func() {
			e.journal.add(what, lsn, data)
			e.added()
		}, nil
}

func (e *Embedded) stripeOf(msisdn string) *stripe { return &e.stripe[fnv64(msisdn)%stripes] }

func (e *Embedded) queueOf(kind byte) *queue {
	switch kind {
	case kindAction:
		return &e.actions
	case kindWish:
		return &e.wishes
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
