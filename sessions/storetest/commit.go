package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nyota/sessions"
)

func testRoundTrip(t *testing.T, b *bench) {
	s := b.session(ana, "1")
	first := b.commit(t, s)
	if first.Version != 1 {
		t.Errorf("Version %d after the first commit", first.Version)
	}
	got := must[sessions.Session](t)(b.Load(t.Context(), s.Key))
	same(t, "created", &got, &first)

	first.Screen, first.Asking, first.State, first.Action = "Amount", false, nil, "a-1"
	first.Expires = first.Expires.Add(time.Minute)
	second := b.commit(t, first)
	if second.Version != 2 {
		t.Errorf("Version %d after the second commit", second.Version)
	}
	got = must[sessions.Session](t)(b.Load(t.Context(), s.Key))
	same(t, "stepped", &got, &second)
}

func testRecordRoundTrip(t *testing.T, b *bench) {
	a, n := b.action(ana, "a-1"), b.notice(ana, "a-1/payee/done")
	c := &sessions.Customer{MSISDN: ana, Language: "sw", Balance: "12.50", BalanceAt: b.Now()}
	b.put(t, a, n, c)
	if a.Version != 1 || n.Version != 1 || c.Version != 1 {
		t.Errorf("versions %d, %d, %d, want 1 each", a.Version, n.Version, c.Version)
	}
	gotA := must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))
	same(t, "action", &gotA, a)
	gotC := must[sessions.Customer](t)(b.Customer(t.Context(), ana))
	same(t, "customer", &gotC, c)
	records := must[[]sessions.Record](t)(b.Claim(t.Context(), sessions.QueueNotices, "w", b.Now(), time.Minute, 9))
	if len(records) != 1 {
		t.Fatalf("%d notices", len(records))
	}
	n.Due = b.Now().Add(time.Minute)
	same(t, "notice", records[0].(*sessions.Notice), n)
}

func testNotFound(t *testing.T, b *bench) {
	_, err := b.Load(t.Context(), keyOf(ana, "1"))
	wantErr(t, "Load", err, sessions.ErrNotFound)
	_, err = b.Action(t.Context(), ana, "a-1")
	wantErr(t, "Action", err, sessions.ErrNotFound)
	_, err = b.Customer(t.Context(), ana)
	wantErr(t, "Customer", err, sessions.ErrNotFound)
	_, err = b.Revision(t.Context(), "c0ffee")
	wantErr(t, "Revision", err, sessions.ErrNotFound)
	if open := must[[]sessions.Action](t)(b.Open(t.Context(), ana)); len(open) != 0 {
		t.Errorf("%d open actions", len(open))
	}
	if ids := b.claim(t, sessions.QueueActions, 10); len(ids) != 0 {
		t.Errorf("claimed %v", ids)
	}
	b.put(t)
}

func testConflict(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	_, err := b.Commit(t.Context(), b.session(ana, "1"))
	wantErr(t, "create what exists", err, sessions.ErrConflict)
	stale := s
	s = b.commit(t, s)
	stale.Screen = "stale"
	_, err = b.Commit(t.Context(), stale)
	wantErr(t, "an older version", err, sessions.ErrConflict)
	ahead := s
	ahead.Version += 5
	_, err = b.Commit(t.Context(), ahead)
	wantErr(t, "a newer version", err, sessions.ErrConflict)
	gone := b.session(ana, "2")
	gone.Version = 4
	_, err = b.Commit(t.Context(), gone)
	wantErr(t, "step what is gone", err, sessions.ErrConflict)
	stale.Ended = true
	_, err = b.Commit(t.Context(), stale)
	wantErr(t, "end an older version", err, sessions.ErrConflict)
	got := must[sessions.Session](t)(b.Load(t.Context(), s.Key))
	same(t, "after the conflicts", &got, &s)
}

func testParallel(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	a := b.action(ana, "a-1")
	b.put(t, a)
	for round := range 20 {
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				mine, rec := s, *a
				mine.Screen = fmt.Sprint(round, i)
				rec.Detail = mine.Screen
				var err error
				if i%2 == 0 {
					_, err = b.Commit(t.Context(), mine, &rec)
				} else {
					_, err = b.Commit(t.Context(), mine)
				}
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, sessions.ErrConflict):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 15 {
			t.Fatalf("round %d: %d won, %d lost", round, won.Load(), lost.Load())
		}
		s = must[sessions.Session](t)(b.Load(t.Context(), s.Key))
		*a = must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))
	}
	if s.Version != 21 {
		t.Errorf("Version %d after 21 commits", s.Version)
	}
}

func testKeys(t *testing.T, b *bench) {
	keys := []sessions.Key{
		{Network: "demo", MSISDN: ana, ID: "1"},
		{Network: "demo", MSISDN: ben, ID: "1"},
		{Network: "demo2", MSISDN: ana, ID: "1"},
		{Network: "demo", MSISDN: ana, ID: "11"},
		{Network: "demo", MSISDN: ana, ID: "demo:1"},
		{Network: "demo", MSISDN: ana[:11], ID: ana[11:] + "1"},
	}
	for i, k := range keys {
		s := b.session(k.MSISDN, k.ID)
		s.Key, s.Screen = k, fmt.Sprint("screen ", i)
		b.commit(t, s)
	}
	for i, k := range keys {
		s := must[sessions.Session](t)(b.Load(t.Context(), k))
		if s.Key != k || s.Screen != fmt.Sprint("screen ", i) {
			t.Errorf("%+v holds %q", k, s.Screen)
		}
	}
}

func testAtomic(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	stale := s
	s.Action = "a-1"
	a := b.action(ana, "a-1")
	c := &sessions.Customer{MSISDN: ana, Language: "sw"}
	s = b.commit(t, s, a, c)
	if a.Version != 1 || c.Version != 1 {
		t.Errorf("records raised to %d and %d", a.Version, c.Version)
	}
	same(t, "action", ptr(must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))), a)

	late, again := b.action(ana, "a-2"), *c
	again.Language = "fr"
	_, err := b.Commit(t.Context(), stale, late, &again)
	wantErr(t, "a stale session", err, sessions.ErrConflict)
	if late.Version != 0 || again.Version != 1 {
		t.Error("a failed commit raised a record's Version")
	}
	_, err = b.Action(t.Context(), ana, "a-2")
	wantErr(t, "its action", err, sessions.ErrNotFound)
	same(t, "its customer", ptr(must[sessions.Customer](t)(b.Customer(t.Context(), ana))), c)
	same(t, "the session", ptr(must[sessions.Session](t)(b.Load(t.Context(), s.Key))), &s)
}

func testRecordConflict(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	a := b.action(ana, "a-1")
	b.put(t, a)
	for name, records := range map[string][]sessions.Record{
		"exists":            {b.notice(ana, "n-1"), b.action(ana, "a-1")},
		"gone":              {b.notice(ana, "n-1"), &sessions.Customer{MSISDN: ana, Version: 3}},
		"first of several":  {b.action(ana, "a-1"), b.notice(ana, "n-1")},
		"a notice that is ": {b.action(ana, "a-2"), &sessions.Notice{ID: "n-9", Owner: ana, Version: 1, State: sessions.NoticePending}},
	} {
		next := s
		next.Screen = "must not appear"
		_, err := b.Commit(t.Context(), next, records...)
		wantErr(t, name, err, sessions.ErrConflict)
		wantErr(t, name+" (Put)", b.Put(t.Context(), records...), sessions.ErrConflict)
	}
	same(t, "session", ptr(must[sessions.Session](t)(b.Load(t.Context(), s.Key))), &s)
	if ids := b.claim(t, sessions.QueueNotices, 10); len(ids) != 0 {
		t.Errorf("notices of failed commits: %v", ids)
	}
	if open := must[[]sessions.Action](t)(b.Open(t.Context(), ana)); len(open) != 1 {
		t.Errorf("%d open actions", len(open))
	}
}

func testActionOnce(t *testing.T, b *bench) {
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch err := b.Put(t.Context(), b.action(ana, "a-1")); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, sessions.ErrConflict):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("created %d times", won.Load())
	}
}

func testInvalid(t *testing.T, b *bench) {
	good := func() sessions.Session { return b.session(ana, "1") }
	with := func(f func(*sessions.Session)) sessions.Session { s := good(); f(&s); return s }
	var none *sessions.Action
	for name, c := range map[string]struct {
		s       sessions.Session
		records []sessions.Record
	}{
		"another customer's action": {good(), []sessions.Record{b.action(ben, "a-1")}},
		"another customer's notice": {good(), []sessions.Record{b.notice(ben, "n-1")}},
		"another customer":          {good(), []sessions.Record{&sessions.Customer{MSISDN: ben}}},
		"the same action twice":     {good(), []sessions.Record{b.action(ana, "a-1"), b.action(ana, "a-1")}},
		"a nil record":              {good(), []sessions.Record{nil}},
		"a nil action":              {good(), []sessions.Record{none}},
		"an action without id":      {good(), []sessions.Record{b.action(ana, "")}},
		"an action without state":   {good(), []sessions.Record{&sessions.Action{ID: "a-1", MSISDN: ana}}},
		"a notice without state":    {good(), []sessions.Record{&sessions.Notice{ID: "n-1", Owner: ana}}},
		"no msisdn":                 {with(func(s *sessions.Session) { s.Key.MSISDN = "" }), nil},
		"a strange msisdn":          {with(func(s *sessions.Session) { s.Key.MSISDN = "{1}:2" }), nil},
		"a strange network":         {with(func(s *sessions.Session) { s.Key.Network = "a:b" }), nil},
		"a NUL in the id":           {with(func(s *sessions.Session) { s.Key.ID = "a\x00b" }), nil},
		"a long id":                 {with(func(s *sessions.Session) { s.Key.ID = strings.Repeat("x", 1000) }), nil},
		"no expiry":                 {with(func(s *sessions.Session) { s.Expires = time.Time{} }), nil},
		"a huge state":              {with(func(s *sessions.Session) { s.State = make([]byte, sessions.MaxRecord) }), nil},
		"a huge record": {good(), []sessions.Record{&sessions.Customer{
			MSISDN: ana, Language: strings.Repeat("x", sessions.MaxRecord)}}},
		"too many records": {good(), make([]sessions.Record, sessions.MaxRecords+1)},
	} {
		_, err := b.Commit(t.Context(), c.s, c.records...)
		wantErr(t, name, err, sessions.ErrInvalid)
		if err != nil && strings.Contains(err.Error(), ana) {
			t.Errorf("%s: the error shows the number: %v", name, err)
		}
	}
	_, err := b.Load(t.Context(), good().Key)
	wantErr(t, "after all refusals", err, sessions.ErrNotFound)
	err = b.Put(t.Context(), b.action(ana, "a-1"), b.action(ben, "a-2"))
	wantErr(t, "Put of two customers' records", err, sessions.ErrInvalid)
	_, err = b.Action(t.Context(), ana, "a-1")
	wantErr(t, "the first of them", err, sessions.ErrNotFound)
	for name, err := range map[string]error{
		"no such queue": second(b.Claim(t.Context(), "letters", "w", b.Now(), time.Minute, 1)),
		"no worker":     second(b.Claim(t.Context(), sessions.QueueActions, "", b.Now(), time.Minute, 1)),
		"no lease":      second(b.Claim(t.Context(), sessions.QueueActions, "w", b.Now(), 0, 1)),
		"no number":     second(b.Claim(t.Context(), sessions.QueueActions, "w", b.Now(), time.Minute, 0)),
	} {
		wantErr(t, name, err, sessions.ErrInvalid)
	}
}

func testEnded(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	s.Ended, s.Expires = true, time.Time{}
	a := b.action(ana, "a-1")
	last := b.commit(t, s, a)
	if last.Version != 2 {
		t.Errorf("Version %d", last.Version)
	}
	_, err := b.Load(t.Context(), s.Key)
	wantErr(t, "Load", err, sessions.ErrNotFound)
	must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))
	_, err = b.Commit(t.Context(), last)
	wantErr(t, "a step after the end", err, sessions.ErrConflict)

	fresh := b.commit(t, b.session(ana, "1")) // the network uses the id again
	if fresh.Version != 1 {
		t.Errorf("Version %d of the new dialogue", fresh.Version)
	}
	once := b.session(ana, "2")
	once.Ended = true
	b.commit(t, once)
	_, err = b.Load(t.Context(), once.Key)
	wantErr(t, "a dialogue of one step", err, sessions.ErrNotFound)
	once = b.session(ana, "1")
	once.Ended = true
	_, err = b.Commit(t.Context(), once)
	wantErr(t, "a first step on a dialogue that exists", err, sessions.ErrConflict)
}

func testExpiry(t *testing.T, b *bench) {
	s := b.session(ana, "1")
	s.Expires = b.Now().Add(time.Minute)
	s = b.commit(t, s)
	b.Advance(time.Minute - time.Microsecond)
	must[sessions.Session](t)(b.Load(t.Context(), s.Key))
	s.Expires = b.Now().Add(time.Minute)
	s = b.commit(t, s)
	b.Advance(time.Minute - time.Microsecond)
	must[sessions.Session](t)(b.Load(t.Context(), s.Key))
	b.Advance(time.Microsecond)
	_, err := b.Load(t.Context(), s.Key)
	wantErr(t, "Load at Expires", err, sessions.ErrNotFound)
	_, err = b.Commit(t.Context(), s)
	wantErr(t, "a step at Expires", err, sessions.ErrConflict)
}

func testExpiredKey(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	b.commit(t, s)
	b.Advance(time.Hour)
	fresh := b.session(ana, "1")
	fresh.Screen = "the next dialogue"
	fresh = b.commit(t, fresh, b.action(ana, "a-1"))
	if fresh.Version != 1 {
		t.Errorf("Version %d", fresh.Version)
	}
	same(t, "loaded", ptr(must[sessions.Session](t)(b.Load(t.Context(), s.Key))), &fresh)
}

func testOwnMemory(t *testing.T, b *bench) {
	s := b.session(ana, "1")
	s = b.commit(t, s)
	copy(s.State, "XXXX")
	got := must[sessions.Session](t)(b.Load(t.Context(), s.Key))
	if !bytes.Equal(got.State, []byte{0, 1, 2, 255}) {
		t.Error("the store shares the committed State")
	}
	copy(got.State, "YYYY")
	again := must[sessions.Session](t)(b.Load(t.Context(), s.Key))
	if !bytes.Equal(again.State, []byte{0, 1, 2, 255}) {
		t.Error("the store shares the loaded State")
	}
}

func testPut(t *testing.T, b *bench) {
	a := b.action(ana, "a-1")
	b.put(t, a)
	for i, step := range []func(){
		func() { a.State, a.SentAt, a.Args[1].Sealed = sessions.Sent, b.Now(), nil },
		func() { a.State, a.Due = sessions.Unknown, b.Now().Add(2*time.Second) },
		func() { a.Inquiry, a.Due = 1, b.Now().Add(4*time.Second) },
		func() { a.State, a.Due, a.EndedAt, a.Ref = sessions.Done, time.Time{}, b.Now(), "MP1" },
	} {
		step()
		if i < 3 {
			b.put(t, a)
		} else {
			b.put(t, a, b.notice(ana, "a-1/customer/done"), b.notice(ana, "a-1/payee/done"))
		}
		got := must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))
		same(t, fmt.Sprint("transition ", i), &got, a)
	}
	if a.Version != 5 {
		t.Errorf("Version %d after 5 puts", a.Version)
	}
	stale := *a
	stale.Version--
	wantErr(t, "a stale put", b.Put(t.Context(), &stale), sessions.ErrConflict)
	if ids := b.claim(t, sessions.QueueNotices, 10); len(ids) != 2 {
		t.Errorf("notices %v", ids)
	}
	b.Advance(time.Hour)
	if ids := b.claim(t, sessions.QueueActions, 10); len(ids) != 0 {
		t.Errorf("a settled action is due: %v", ids)
	}
}

func testReopen(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	s.Action = "a-1"
	a, n := b.action(ana, "a-1"), b.notice(ana, "n-1")
	a.Due = b.Now()
	s = b.commit(t, s, a, n)
	s = b.commit(t, s) // a plain step: an orderly end keeps it
	done := b.action(ana, "a-0")
	done.State, done.Due = sessions.Done, time.Time{}
	b.put(t, done)
	c := &sessions.Customer{MSISDN: ben, Language: "fr"}
	b.put(t, c)
	if err := b.SaveRevision(t.Context(), "c0ffee", []byte("menu: wallet")); err != nil {
		t.Fatal(err)
	}

	b.Store = b.reopen()
	same(t, "session", ptr(must[sessions.Session](t)(b.Load(t.Context(), s.Key))), &s)
	same(t, "action", ptr(must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))), a)
	same(t, "final action", ptr(must[sessions.Action](t)(b.Action(t.Context(), ana, "a-0"))), done)
	same(t, "customer", ptr(must[sessions.Customer](t)(b.Customer(t.Context(), ben))), c)
	if src := must[[]byte](t)(b.Revision(t.Context(), "c0ffee")); string(src) != "menu: wallet" {
		t.Errorf("revision %q", src)
	}
	open := must[[]sessions.Action](t)(b.Open(t.Context(), ana))
	if len(open) != 1 || open[0].ID != "a-1" {
		t.Errorf("open: %+v", open)
	}
	if ids := b.claim(t, sessions.QueueActions, 9); len(ids) != 1 || ids[0] != "a-1" {
		t.Errorf("due actions %v", ids)
	}
	if ids := b.claim(t, sessions.QueueNotices, 9); len(ids) != 1 || ids[0] != "n-1" {
		t.Errorf("due notices %v", ids)
	}
	_, err := b.Commit(t.Context(), b.session(ana, "1"))
	wantErr(t, "create what exists", err, sessions.ErrConflict)
	b.commit(t, s)
}

func testBig(t *testing.T, b *bench) {
	s := b.session(ana, "1")
	s.State = bytes.Repeat([]byte{0, 0xff, '\n', '\r'}, 100<<10)
	s = b.commit(t, s)
	same(t, "session", ptr(must[sessions.Session](t)(b.Load(t.Context(), s.Key))), &s)
	a := b.action(ana, "a-1")
	for i := range 1000 {
		a.Results = append(a.Results, sessions.Arg{Name: fmt.Sprint("row", i), Value: strings.Repeat("v", 100)})
	}
	s = b.commit(t, s, a)
	same(t, "action", ptr(must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))), a)
	s.State = nil
	b.commit(t, s)
}

func testRevision(t *testing.T, b *bench) {
	src := []byte(strings.Repeat("screens:\n", 10000))
	for range 2 {
		if err := b.SaveRevision(t.Context(), "c0ffee", src); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.SaveRevision(t.Context(), "empty", nil); err != nil {
		t.Fatal(err)
	}
	if got := must[[]byte](t)(b.Revision(t.Context(), "c0ffee")); !bytes.Equal(got, src) {
		t.Errorf("%d octets, want %d", len(got), len(src))
	}
	if got := must[[]byte](t)(b.Revision(t.Context(), "empty")); len(got) != 0 {
		t.Errorf("%d octets, want none", len(got))
	}
	wantErr(t, "no id", b.SaveRevision(t.Context(), "", src), sessions.ErrInvalid)
	wantErr(t, "too big", b.SaveRevision(t.Context(), "x", make([]byte, sessions.MaxRevision+1)), sessions.ErrInvalid)
}

func ptr[T any](v T) *T { return &v }

func second[T any](_ T, err error) error { return err }
