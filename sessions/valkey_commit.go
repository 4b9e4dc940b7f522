package sessions

import (
	"context"
	"crypto/sha1" // how the protocol names scripts
	_ "embed"     // the scripts
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
)

//go:embed lua/commit.lua
var commitLua string

// script is a Lua script and the name under which the server keeps it.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text: text, sha: hex.EncodeToString(sum[:])}
}

var commitScript = newScript(commitLua)

// evalsha runs the script by its name, eval by its text.
func (v *Valkey) evalsha(s script, keys, args []string) valkey.Completed {
	return v.client.B().Evalsha().Sha1(s.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

func (v *Valkey) eval(s script, keys, args []string) valkey.Completed {
	return v.client.B().Eval().Script(s.text).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// unknownScript says that the server does not have the script (a restart, a
// failover, SCRIPT FLUSH) and so ran nothing.
func unknownScript(err error) bool {
	var refusal *valkey.ValkeyError
	return errors.As(err, &refusal) && refusal.IsNoScript()
}

// run runs a script on the shared connections.
func (v *Valkey) run(ctx context.Context, s script, keys, args []string) valkey.ValkeyResult {
	r := v.client.Do(ctx, v.evalsha(s, keys, args))
	if unknownScript(r.Error()) {
		r = v.client.Do(ctx, v.eval(s, keys, args))
	}
	return r
}

// Load is as Store's. It returns what this process remembers of the session, if
// it does: see Session.Remembered.
func (v *Valkey) Load(ctx context.Context, k Key) (Session, error) {
	if err := checkKey(k); err != nil {
		return Session{}, err
	}
	row, remembered := v.warm.get(k)
	if remembered {
		if err := v.enter(ctx); err != nil {
			return Session{}, err
		}
		v.leave()
	} else {
		var err error
		if row, err = v.loadCold(ctx, k); err != nil {
			return Session{}, err
		}
	}
	var s Session
	if err := s.decode(row); err != nil {
		return Session{}, err
	}
	if !s.Expires.After(v.opts.Now()) {
		v.warm.forget(k)
		return Session{}, ErrNotFound
	}
	s.remembered = remembered
	if !remembered {
		v.warm.put(k, row)
	}
	return s, nil
}

// loadCold reads a session, and in the same command its customer, whom a dial
// asks for next.
func (v *Valkey) loadCold(ctx context.Context, k Key) (row string, err error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	key := v.sessionKey(k)
	err = v.retry(ctx, func(bool) error {
		rows, err := v.client.Do(ctx, v.client.B().Mget().Key(key, v.recordKey(kindCustomer, k.MSISDN, "")).Build()).ToArray()
		if code, _ := refusalOf(err); code == "TRYAGAIN" { // the slot is moving, and only one of the keys has arrived
			row, err = v.client.Do(ctx, v.client.B().Get().Key(key).Build()).ToString()
			return readErr(err)
		}
		if err != nil {
			return readErr(err)
		}
		if customer, err := rows[1].ToString(); err == nil || valkey.IsValkeyNil(err) {
			v.warm.readAhead(k.MSISDN, customer)
		}
		row, err = rows[0].ToString()
		return readErr(err)
	})
	return row, err
}

// Commit is as Store's.
func (v *Valkey) Commit(ctx context.Context, s Session, records ...Record) (Session, error) {
	if err := checkSession(&s); err != nil {
		return Session{}, err
	}
	changes, durable, err := plan(s.Key.MSISDN, records, v.opts.Now(), v.opts.Retention)
	if err != nil {
		return Session{}, err
	}
	expected := s.Version
	s.Version++
	var value []byte
	if !s.Ended {
		value, _ = s.AppendBinary(make([]byte, 0, 512))
		if err := checkSize(value); err != nil {
			return Session{}, err
		}
	}
	row := valkey.BinaryString(value)
	if len(changes) == 0 {
		if err := v.step(ctx, &s, expected, row); err != nil {
			v.warm.forget(s.Key)
			return Session{}, err
		}
		v.remember(&s, row)
		return s, nil
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return Session{}, err
	}
	defer done()
	keys, args := v.scriptHead(s.Key.MSISDN, 1+len(changes))
	keys = append(keys, v.sessionKey(s.Key))
	args = append(args, octets(expected), row, millis(s.Expires), "", "", "")
	err = v.commit(ctx, keys, args, s.Key.MSISDN, changes, durable)
	if err != nil {
		v.warm.forget(s.Key)
		return Session{}, err
	}
	v.remember(&s, row)
	for i := range changes {
		changes[i].raise()
	}
	return s, nil
}

// remember keeps what was committed for the next step.
func (v *Valkey) remember(s *Session, row string) {
	if s.Ended {
		v.warm.forget(s.Key)
	} else {
		v.warm.put(s.Key, row)
	}
	s.remembered = false
}

// Put is as Store's.
func (v *Valkey) Put(ctx context.Context, records ...Record) error {
	if len(records) == 0 {
		return nil
	}
	msisdn, err := putOwner(records)
	if err != nil {
		return err
	}
	changes, durable, err := plan(msisdn, records, v.opts.Now(), v.opts.Retention)
	if err != nil {
		return err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	keys, args := v.scriptHead(msisdn, len(changes))
	if err := v.commit(ctx, keys, args, msisdn, changes, durable); err != nil {
		return err
	}
	for i := range changes {
		changes[i].raise()
	}
	return nil
}

// scriptHead returns the beginning of commit.lua's keys and arguments.
func (v *Valkey) scriptHead(msisdn string, records int) (keys, args []string) {
	slot := slotOf(msisdn)
	keys = append(make([]string, 0, 4+records), v.queueKey(slot, kindAction), v.queueKey(slot, kindNotice), v.openKey(msisdn), v.queueKey(slot, kindWish))
	args = append(make([]string, 0, 1+6*records), octets(orderedTime(v.opts.Now())))
	return keys, args
}

// commit adds the changes to the arguments and runs commit.lua.
func (v *Valkey) commit(ctx context.Context, keys, args []string, msisdn string, changes []change, durable bool) error {
	for i := range changes {
		c := &changes[i]
		var member, due, created string
		if c.kind == kindAction || c.kind == kindNotice || c.kind == kindWish {
			member = memberOf(msisdn, c.id)
		}
		if c.due != 0 {
			due = micros(timeOf(c.due))
		}
		if a, ok := c.rec.(*Action); ok && c.open {
			created = micros(a.Created)
		}
		keys = append(keys, v.recordKey(c.kind, msisdn, c.id))
		args = append(args, octets(c.version), valkey.BinaryString(c.value), millis(c.until), member, due, created)
	}
	if !durable {
		return v.retry(ctx, func(again bool) error {
			if again && len(args[0]) == nowLen {
				args[0] += writtenBefore
			}
			return conflictOf(v.run(ctx, commitScript, keys, args))
		})
	}
	err := v.durably(ctx, commitScript, keys, args, func() {
		if len(args[0]) == nowLen {
			args[0] += writtenBefore
		}
	})
	if len(args[0]) > nowLen && errors.Is(err, ErrConflict) {
		// An earlier try may have been written, and changed since.
		return fmt.Errorf("%w: valkey: %v", ErrUncertain, err)
	}
	return err
}

// A script's time, and what stands behind it where an earlier try of the same
// commit may have been written.
const (
	nowLen        = 8
	writtenBefore = "+"
)

// conflictOf reads a commit script's answer.
func conflictOf(r valkey.ValkeyResult) error {
	n, err := r.AsInt64()
	switch {
	case err != nil:
		return failedWrite(err)
	case n != 0:
		return ErrConflict
	}
	return nil
}

// octets is a number as it stands in a header.
func octets(n uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return string(b[:])
}

func micros(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

// millis is a time for PXAT, rounded up; "" for the zero time.
func millis(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(max(1, t.Add(time.Millisecond-1).UnixMilli()), 10)
}
