// Package storetest is the one suite that every sessions.Store passes.
//
//	storetest.go  Run, the clock and the makers of records
//	commit.go     compare-and-set, atomicity, durability
//	queue.go      open actions, claims and leases
//	shared.go     facts, revisions, backlogs
//	operator.go   discrepancies and scans
//	valkey.go     a real valkey-server for tests
//	topology.go   real sentinels and clusters
//	tls.go        certificates for them
package storetest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"nyota/sessions"
)

// Clock is the clock that a store under test reads. It begins at the machine's
// time, as a server of its own counts by that, and only the test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at the present time, to the microsecond, in UTC.
func NewClock() *Clock { return &Clock{now: time.Now().UTC().Truncate(time.Microsecond)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

// Factory makes an empty store that reads the clock. reopen closes it in an
// orderly way, ends whatever keeps the data without warning, and returns a
// store on the same data. The factory's test cleans up.
type Factory func(t *testing.T) (store sessions.Store, reopen func() sessions.Store, clock *Clock)

// Run runs the suite.
func Run(t *testing.T, open Factory) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"a session is kept as it was committed", testRoundTrip},
		{"a record is kept as it was put", testRecordRoundTrip},
		{"what is not there is not found", testNotFound},
		{"M9 a commit on another version conflicts", testConflict},
		{"M9 of many steps at once exactly one happens", testParallel},
		{"M8 the same id from another number is another dialogue", testKeys},
		{"M1 session and action are committed at once or not at all", testAtomic},
		{"M1 a conflicting record stops the whole commit", testRecordConflict},
		{"M2 an action is created once", testActionOnce},
		{"what cannot be stored is refused whole", testInvalid},
		{"an ended session is removed", testEnded},
		{"a session is forgotten when it expires", testExpiry},
		{"an expired key can be created again", testExpiredKey},
		{"what a store returns is the caller's own", testOwnMemory},
		{"M5 open actions come oldest first and leave when final", testOpen},
		{"M4 a due record is claimed once and again after its lease", testClaim},
		{"a put that moves or clears due ends the lease", testClaimPut},
		{"a claim takes no more than asked and leaves the rest", testClaimLimit},
		{"M5 parallel claims share the records", testClaimParallel},
		{"a queue delivers only its own records", testQueues},
		{"records past due times and between are never lost to a scan", testClaimInterleaved},
		{"the ledger's transitions", testPut},
		{"a wish waits in its queue until it is granted", testWish},
		{"what a customer did last is kept with the action, or neither", testRecent},
		{"M7 what a later release added stays with each record", testLater},
		{"M7 what was acknowledged is there after a restart", testReopen},
		{"big values", testBig},
		{"menu revisions are kept", testRevision},
		{"a menu revision is forgotten", testDropRevision},
		{"a fact is kept, and changed by compare-and-set", testFact},
		{"of many changes of a fact none is lost", testFactParallel},
		{"what follows a fact sees its last version", testFollow},
		{"a backlog counts what waits", testBacklog},
		{"a discrepancy is kept until it is closed", testDiscrepancy},
		{"a scan finds every record of its kind", testScan},
		{"every call ends with its ctx", testCancelled},
		{"a healthy store says so", testHealth},
		{"a closed store says so", testClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, reopen, clock := open(t)
			c.test(t, &bench{Store: store, reopen: reopen, Clock: clock})
		})
	}
}

// bench is what a test of the suite works on.
type bench struct {
	sessions.Store
	*Clock
	reopen func() sessions.Store
}

const (
	ana = "255700000001"
	ben = "255700000002"
)

func keyOf(msisdn, id string) sessions.Key {
	return sessions.Key{Network: "demo", MSISDN: msisdn, ID: id}
}

// session returns a new one with every field set.
func (b *bench) session(msisdn, id string) sessions.Session {
	now := b.Now()
	return sessions.Session{
		Key: keyOf(msisdn, id), Menu: "wallet", Revision: "c0ffee", State: []byte{0, 1, 2, 255},
		Screen: "Wallet\n1 Send money\n2 Salio", Asking: true, Action: "", Node: "node-1",
		LastHash: 0xfedcba9876543210, LastSeq: 200, LastAt: now, Started: now.Add(-time.Second),
		Steps: 3, Expires: now.Add(3 * time.Minute),
	}
}

// action returns a new one with every field set but those of its end.
func (b *bench) action(msisdn, id string) *sessions.Action {
	now := b.Now()
	return &sessions.Action{
		ID: id, MSISDN: msisdn, State: sessions.Accepted, Session: keyOf(msisdn, "1"), Call: "transfer",
		Args:     []sessions.Arg{{Name: "to", Value: ben}, {Name: "pin", Sealed: []byte{9, 0, 9}}},
		Vars:     []sessions.Arg{{Name: "amount", Value: "5000"}},
		Menu:     "wallet",
		Revision: "c0ffee", Screen: "pay", Language: "sw", WireKey: "w-" + id,
		Deadline: now.Add(4 * time.Second), Created: now, Due: now.Add(10 * time.Second),
	}
}

func (b *bench) notice(owner, id string) *sessions.Notice {
	now := b.Now()
	return &sessions.Notice{
		ID: id, Action: "a-1", Owner: owner, To: ben, Role: "payee", Text: "Umepokea 5,000 ✓",
		State: sessions.NoticePending, Created: now, Due: now,
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (b *bench) commit(t *testing.T, s sessions.Session, records ...sessions.Record) sessions.Session {
	t.Helper()
	return must[sessions.Session](t)(b.Commit(t.Context(), s, records...))
}

func (b *bench) put(t *testing.T, records ...sessions.Record) {
	t.Helper()
	if err := b.Put(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
}

// claim claims up to n records for a minute and returns their ids.
func (b *bench) claim(t *testing.T, queue string, n int) []string {
	t.Helper()
	return idsOf(must[[]sessions.Record](t)(b.Claim(t.Context(), queue, "worker", b.Now(), time.Minute, n)))
}

func idsOf(records []sessions.Record) []string {
	var ids []string
	for _, r := range records {
		switch r := r.(type) {
		case *sessions.Action:
			ids = append(ids, r.ID)
		case *sessions.Notice:
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// encoded is a record in a form that compares whole.
func encoded(t *testing.T, r interface{ MarshalBinary() ([]byte, error) }) []byte {
	t.Helper()
	return must[[]byte](t)(r.MarshalBinary())
}

func same(t *testing.T, what string, got, want interface{ MarshalBinary() ([]byte, error) }) {
	t.Helper()
	if !bytes.Equal(encoded(t, got), encoded(t, want)) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func ended(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}
