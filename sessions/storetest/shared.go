package storetest

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"nyota/sessions"
)

func testDropRevision(t *testing.T, b *bench) {
	if err := b.SaveRevision(t.Context(), "c0ffee", []byte("menus")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.DropRevision(t.Context(), "c0ffee"); err != nil {
			t.Fatal(err)
		}
		wantErr(t, "dropped", second(b.Revision(t.Context(), "c0ffee")), sessions.ErrNotFound)
	}
	wantErr(t, "no id", b.DropRevision(t.Context(), ""), sessions.ErrInvalid)
}

func testFact(t *testing.T, b *bench) {
	ctx := t.Context()
	wantErr(t, "before", second(b.Fact(ctx, "menus")), sessions.ErrNotFound)
	first := must[sessions.Fact](t)(b.SetFact(ctx, sessions.Fact{Name: "menus", Value: []byte{0, 1, 255}}))
	if first.Version != 1 {
		t.Errorf("version %d", first.Version)
	}
	wantErr(t, "created twice", second(b.SetFact(ctx, sessions.Fact{Name: "menus"})), sessions.ErrConflict)
	next := must[sessions.Fact](t)(b.SetFact(ctx, sessions.Fact{Name: "menus", Version: 1, Value: []byte("b")}))
	wantErr(t, "stale", second(b.SetFact(ctx, first)), sessions.ErrConflict)
	wantErr(t, "another", second(b.Fact(ctx, "notices")), sessions.ErrNotFound)
	b.Store = b.reopen()
	got := must[sessions.Fact](t)(b.Fact(ctx, "menus"))
	if got.Name != "menus" || got.Version != next.Version || !bytes.Equal(got.Value, []byte("b")) {
		t.Errorf("after a restart: %+v", got)
	}
	empty := must[sessions.Fact](t)(b.SetFact(ctx, sessions.Fact{Name: "menus", Version: got.Version}))
	if got = must[sessions.Fact](t)(b.Fact(ctx, "menus")); got.Version != empty.Version || len(got.Value) != 0 {
		t.Errorf("emptied: %+v", got)
	}
	for what, f := range map[string]sessions.Fact{"no name": {}, "a bad name": {Name: "a:b"}, "too big": {Name: "x", Value: make([]byte, sessions.MaxFact+1)}} {
		wantErr(t, what, second(b.SetFact(ctx, f)), sessions.ErrInvalid)
	}
	wantErr(t, "cancelled", second(b.SetFact(ended(ctx), sessions.Fact{Name: "x"})), context.Canceled)
}

func testFactParallel(t *testing.T, b *bench) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				// A change that finds others faster too often says so.
				for {
					_, err := sessions.Change(t.Context(), b, "count", func(old []byte) ([]byte, error) {
						n, _ := strconv.Atoi(string(old))
						return []byte(strconv.Itoa(n + 1)), nil
					})
					if err == nil {
						break
					}
					if !errors.Is(err, sessions.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if f := must[sessions.Fact](t)(b.Fact(t.Context(), "count")); string(f.Value) != "20" || f.Version != 20 {
		t.Errorf("%s at version %d, want 20", f.Value, f.Version)
	}
	refused := errors.New("refused")
	_, err := sessions.Change(t.Context(), b, "count", func([]byte) ([]byte, error) { return nil, refused })
	wantErr(t, "a change that refuses", err, refused)
}

func testFollow(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan string)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	known := must[sessions.Fact](t)(b.SetFact(ctx, sessions.Fact{Name: "menus", Value: []byte("known")}))
	wg.Go(func() {
		sessions.Follow(ctx, b, "menus", known.Version, time.Millisecond, func(f sessions.Fact) {
			select {
			case seen <- string(f.Value):
			case <-ctx.Done():
			}
		}, func(err error) { t.Error(err) })
	})
	for _, v := range []string{"b", "c"} {
		if _, err := sessions.Change(ctx, b, "menus", func([]byte) ([]byte, error) { return []byte(v), nil }); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != v {
			t.Errorf("saw %q, want %q", got, v)
		}
	}
}

func testBacklog(t *testing.T, b *bench) {
	look := func(queue string) sessions.Backlog {
		return must[sessions.Backlog](t)(b.Backlog(t.Context(), queue))
	}
	if l := look(sessions.QueueActions); l.Records != 0 || !l.Oldest.IsZero() {
		t.Errorf("empty: %+v", l)
	}
	first := b.action(ana, "a-1")
	b.put(t, first)
	b.Advance(time.Second)
	b.put(t, b.action(ben, "a-2"))
	b.put(t, b.notice(ana, "n-1"))
	if l := look(sessions.QueueActions); l.Records != 2 || !l.Oldest.Equal(first.Due) {
		t.Errorf("%+v, want 2, the oldest of %v", l, first.Due)
	}
	if l := look(sessions.QueueNotices); l.Records != 1 || !l.Oldest.Equal(b.Now()) {
		t.Errorf("%+v", l)
	}
	first.Due = time.Time{}
	b.put(t, first)
	if l := look(sessions.QueueActions); l.Records != 1 || !l.Oldest.After(first.Created) {
		t.Errorf("%+v", l)
	}
	wantErr(t, "no such queue", second(b.Backlog(t.Context(), "others")), sessions.ErrInvalid)
}
