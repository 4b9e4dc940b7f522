package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"nyota/sessions"
)

func testOpen(t *testing.T, b *bench) {
	for _, id := range []string{"a-3", "a-1", "a-2"} {
		b.put(t, b.action(ana, id))
		b.Advance(time.Second)
	}
	b.put(t, b.action(ben, "b-1"))
	same1 := b.action(ana, "a-9")
	same2 := b.action(ana, "a-8")
	b.put(t, same1, same2)
	want := func(ids ...string) {
		t.Helper()
		var got []string
		for _, a := range must[[]sessions.Action](t)(b.Open(t.Context(), ana)) {
			got = append(got, a.ID)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("open %v, want %v", got, ids)
		}
	}
	want("a-3", "a-1", "a-2", "a-8", "a-9")
	for i, state := range []sessions.ActionState{sessions.Done, sessions.Rejected, sessions.Expired, sessions.Manual, sessions.Unknown} {
		id := []string{"a-1", "a-3", "a-8", "a-2", "a-9"}[i]
		a := must[sessions.Action](t)(b.Action(t.Context(), ana, id))
		a.State = state
		b.put(t, &a)
	}
	want("a-2", "a-9")
	a := must[sessions.Action](t)(b.Action(t.Context(), ana, "a-2"))
	a.State = sessions.Rejected
	same2.State = sessions.Expired
	wantErr(t, "a stale end", b.Put(t.Context(), same2, &a), sessions.ErrConflict)
	want("a-2", "a-9")
	b.put(t, &a)
	want("a-9")
	if open := must[[]sessions.Action](t)(b.Open(t.Context(), ben)); len(open) != 1 {
		t.Errorf("the other customer has %d open actions", len(open))
	}
}

func testClaim(t *testing.T, b *bench) {
	a := b.action(ana, "a-1") // due in 10 s
	b.put(t, a)
	b.Advance(10*time.Second - time.Microsecond)
	if ids := b.claim(t, sessions.QueueActions, 10); len(ids) != 0 {
		t.Errorf("claimed before it is due: %v", ids)
	}
	b.Advance(time.Microsecond)
	records := must[[]sessions.Record](t)(b.Claim(t.Context(), sessions.QueueActions, "w1", b.Now(), time.Minute, 10))
	if len(records) != 1 {
		t.Fatalf("%d records at due", len(records))
	}
	want := *a
	want.Due = b.Now().Add(time.Minute)
	same(t, "claimed", records[0].(*sessions.Action), &want)
	same(t, "read", ptr(must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))), &want)
	for _, pause := range []time.Duration{0, time.Minute - time.Microsecond} {
		b.Advance(pause)
		if ids := b.claim(t, sessions.QueueActions, 10); len(ids) != 0 {
			t.Errorf("%v into the lease: %v", pause, ids)
		}
	}
	for range 3 {
		b.Advance(time.Minute)
		if ids := b.claim(t, sessions.QueueActions, 10); len(ids) != 1 {
			t.Errorf("after the lease: %v", ids)
		}
	}
	a.Detail = "who claims changes no version"
	b.put(t, a)
}

func testClaimPut(t *testing.T, b *bench) {
	for _, id := range []string{"moved", "cleared", "kept", "final"} {
		a := b.action(ana, id)
		a.Due = b.Now()
		b.put(t, a)
	}
	records := must[[]sessions.Record](t)(b.Claim(t.Context(), sessions.QueueActions, "w", b.Now(), time.Minute, 10))
	if len(records) != 4 {
		t.Fatalf("claimed %v", idsOf(records))
	}
	for _, r := range records {
		a := r.(*sessions.Action)
		switch a.ID {
		case "moved":
			a.Due = b.Now().Add(time.Second)
		case "cleared":
			a.Due = time.Time{}
		case "final":
			a.Due, a.State = time.Time{}, sessions.Done
		case "kept":
			a.Inquiry++
		}
		b.put(t, a)
	}
	b.Advance(time.Second)
	if ids := b.claim(t, sessions.QueueActions, 10); !slices.Equal(ids, []string{"moved"}) {
		t.Errorf("after a second: %v", ids)
	}
	b.Advance(time.Minute - time.Second)
	if ids := b.claim(t, sessions.QueueActions, 10); !slices.Equal(ids, []string{"kept"}) {
		t.Errorf("at the lease's end: %v", ids)
	}
	b.Advance(time.Second)
	if ids := b.claim(t, sessions.QueueActions, 10); !slices.Equal(ids, []string{"moved"}) {
		t.Errorf("a second later: %v", ids)
	}
	// A transition by somebody who read before the claim also sets Due.
	a := must[sessions.Action](t)(b.Action(t.Context(), ana, "cleared"))
	a.Due = b.Now()
	b.put(t, &a)
	if ids := b.claim(t, sessions.QueueActions, 10); !slices.Equal(ids, []string{"cleared"}) {
		t.Errorf("due again: %v", ids)
	}
}

// customers returns n numbers.
func customers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(255700001000 + i)
	}
	return all
}

func testClaimLimit(t *testing.T, b *bench) {
	want := make(map[string]bool)
	for i, msisdn := range customers(40) {
		for j := range 1 + i%3 {
			n := b.notice(msisdn, fmt.Sprint("n-", i, "-", j))
			want[n.ID] = true
			b.put(t, n)
		}
	}
	for len(want) > 0 {
		ids := b.claim(t, sessions.QueueNotices, 7)
		if len(ids) != min(7, len(want)) {
			t.Fatalf("claimed %d of %d with a limit of 7", len(ids), len(want))
		}
		for _, id := range ids {
			if !want[id] {
				t.Fatalf("%s was claimed twice", id)
			}
			delete(want, id)
		}
	}
	if ids := b.claim(t, sessions.QueueNotices, 7); len(ids) != 0 {
		t.Errorf("still there: %v", ids)
	}
}

func testClaimParallel(t *testing.T, b *bench) {
	const records = 120
	for i, msisdn := range customers(records) {
		b.put(t, b.notice(msisdn, fmt.Sprint("n-", i)))
	}
	var mu sync.Mutex
	got := make(map[string]int)
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for misses := 0; misses < 3; {
				rs, err := b.Claim(t.Context(), sessions.QueueNotices, fmt.Sprint("w", w), b.Now(), time.Minute, 5)
				if err != nil {
					t.Error(err)
					return
				}
				if len(rs) == 0 {
					misses++
				}
				mu.Lock()
				for _, id := range idsOf(rs) {
					got[id]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(got) != records {
		t.Errorf("%d of %d records were claimed", len(got), records)
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
}

func testQueues(t *testing.T, b *bench) {
	a, n := b.action(ana, "same"), b.notice(ana, "same")
	a.Due = b.Now()
	b.put(t, a, n)
	for queue, kind := range map[string]string{
		sessions.QueueActions: "*sessions.Action", sessions.QueueNotices: "*sessions.Notice",
	} {
		rs := must[[]sessions.Record](t)(b.Claim(t.Context(), queue, "w", b.Now(), time.Minute, 10))
		if len(rs) != 1 || fmt.Sprintf("%T", rs[0]) != kind {
			t.Errorf("%s: %d records, %T", queue, len(rs), rs)
		}
	}
	never := b.notice(ana, "never")
	never.Due = time.Time{}
	b.put(t, never)
	b.Advance(30 * time.Second)
	if ids := b.claim(t, sessions.QueueNotices, 10); len(ids) != 0 {
		t.Errorf("claimed %v", ids)
	}
}

func testClaimInterleaved(t *testing.T, b *bench) {
	// Writers put records with due times before and after what claims already
	// passed, while claims run: each record comes exactly once.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	start := b.Now()
	var mu sync.Mutex
	got := make(map[string]int)
	take := func() error {
		rs, err := b.Claim(t.Context(), sessions.QueueNotices, "w", start, time.Hour, 16)
		mu.Lock()
		for _, id := range idsOf(rs) {
			got[id]++
		}
		mu.Unlock()
		return err
	}
	var claims, writers sync.WaitGroup
	claims.Go(func() {
		for ctx.Err() == nil {
			if err := take(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	const each = 60
	for w := range 4 {
		writers.Go(func() {
			for i := range each {
				n := b.notice(customers(4)[w], fmt.Sprint(w, "-", i))
				n.Due = start.Add(-time.Duration((i*37)%each) * time.Second)
				if err := b.Put(t.Context(), n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	stop()
	claims.Wait()
	for len(got) < 4*each {
		before := len(got)
		if err := take(); err != nil {
			t.Fatal(err)
		}
		if len(got) == before {
			break
		}
	}
	if len(got) != 4*each {
		t.Errorf("%d of %d records were claimed", len(got), 4*each)
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

func testCancelled(t *testing.T, b *bench) {
	s := b.commit(t, b.session(ana, "1"))
	ctx := ended(t.Context())
	_, err := b.Commit(ctx, s)
	wantErr(t, "Commit", err, context.Canceled)
	_, err = b.Commit(ctx, s, b.action(ana, "a-1"))
	wantErr(t, "Commit with an action", err, context.Canceled)
	wantErr(t, "Put", b.Put(ctx, b.action(ana, "a-1")), context.Canceled)
	_, err = b.Load(ctx, s.Key)
	wantErr(t, "Load", err, context.Canceled)
	_, err = b.Action(ctx, ana, "a-1")
	wantErr(t, "Action", err, context.Canceled)
	_, err = b.Open(ctx, ana)
	wantErr(t, "Open", err, context.Canceled)
	_, err = b.Customer(ctx, ana)
	wantErr(t, "Customer", err, context.Canceled)
	_, err = b.Claim(ctx, sessions.QueueActions, "w", b.Now(), time.Minute, 1)
	wantErr(t, "Claim", err, context.Canceled)
	wantErr(t, "SaveRevision", b.SaveRevision(ctx, "x", nil), context.Canceled)
	_, err = b.Revision(ctx, "x")
	wantErr(t, "Revision", err, context.Canceled)
	wantErr(t, "Health", b.Health(ctx), context.Canceled)

	same(t, "untouched", ptr(must[sessions.Session](t)(b.Load(t.Context(), s.Key))), &s)
	_, err = b.Action(t.Context(), ana, "a-1")
	wantErr(t, "no action", err, sessions.ErrNotFound)
}

func testHealth(t *testing.T, b *bench) {
	if err := b.Health(t.Context()); err != nil {
		t.Error(err)
	}
}

func testClosed(t *testing.T, b *bench) {
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Load(t.Context(), keyOf(ana, "1"))
	wantErr(t, "Load", err, sessions.ErrClosed)
	_, err = b.Commit(t.Context(), b.session(ana, "1"))
	wantErr(t, "Commit", err, sessions.ErrClosed)
	wantErr(t, "Put", b.Put(t.Context(), b.action(ana, "a-1")), sessions.ErrClosed)
	_, err = b.Claim(t.Context(), sessions.QueueActions, "w", b.Now(), time.Minute, 1)
	wantErr(t, "Claim", err, sessions.ErrClosed)
	wantErr(t, "Health", b.Health(t.Context()), sessions.ErrClosed)
}
