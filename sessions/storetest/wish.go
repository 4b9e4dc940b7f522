package storetest

import (
	"errors"
	"testing"
	"time"

	"nyota/sessions"
)

func (b *bench) wish(msisdn, call string) *sessions.Wish {
	now := b.Now()
	return &sessions.Wish{MSISDN: msisdn, Call: call, Code: "*150*00#", Language: "sw", Asked: now, Expires: now.Add(time.Hour), Due: now.Add(time.Minute)}
}

func testWish(t *testing.T, b *bench) {
	if _, err := b.Wish(t.Context(), ana, "transfer"); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("before it was made: %v", err)
	}
	if _, err := b.Wish(t.Context(), ana, ""); !errors.Is(err, sessions.ErrInvalid) {
		t.Errorf("without a call: %v", err)
	}
	w := b.wish(ana, "transfer")
	b.put(t, w, b.wish(ana, "balance"))
	b.put(t, b.wish(ben, "transfer"))
	same(t, "the wish", ptr(must[sessions.Wish](t)(b.Wish(t.Context(), ana, "transfer"))), w)
	if err := b.Put(t.Context(), b.wish(ana, "transfer")); !errors.Is(err, sessions.ErrConflict) {
		t.Errorf("the same a second time: %v", err)
	}
	claim := func() map[string]*sessions.Wish {
		t.Helper()
		rs := must[[]sessions.Record](t)(b.Claim(t.Context(), sessions.QueueWishes, "w", b.Now(), time.Minute, 10))
		all := map[string]*sessions.Wish{}
		for _, r := range rs {
			w, ok := r.(*sessions.Wish)
			if !ok {
				t.Fatalf("%T is in the queue", r)
			}
			all[w.MSISDN+" "+w.Call] = w
		}
		return all
	}
	if got := claim(); len(got) != 0 {
		t.Errorf("claimed before they are due: %v", got)
	}
	b.Advance(time.Minute)
	got := claim()
	if len(got) != 3 || len(claim()) != 0 {
		t.Fatalf("claimed %v", got)
	}
	granted := got[ana+" transfer"]
	granted.Granted, granted.Due = true, time.Time{}
	notice := b.notice(ana, "back/transfer/1")
	notice.Due = b.Now()
	b.put(t, granted, notice)
	same(t, "the notice", ptr(must[sessions.Notice](t)(b.Notice(t.Context(), ana, "back/transfer/1"))), notice)
	if _, err := b.Notice(t.Context(), ben, "back/transfer/1"); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("another's notice: %v", err)
	}
	b.Advance(2 * time.Minute)
	if got := claim(); len(got) != 2 || got[ana+" transfer"] != nil {
		t.Errorf("after the lease: %v", got)
	}
	// Who looks in time may ask anew.
	anew := b.wish(ben, "transfer")
	anew.Version = must[sessions.Wish](t)(b.Wish(t.Context(), ben, "transfer")).Version
	b.put(t, anew)
}

func testRecent(t *testing.T, b *bench) {
	c := &sessions.Customer{MSISDN: ana, Language: "sw", Recent: []sessions.Recent{
		{ID: "a-1", Hash: 1<<63 + 5, At: b.Now(), Told: true}, {ID: "a-2", Hash: 7, At: b.Now()},
	}}
	a := b.action(ana, "a-2")
	s := b.session(ana, "1")
	if _, err := b.Commit(t.Context(), s, a, c); err != nil {
		t.Fatal(err)
	}
	same(t, "the customer", ptr(must[sessions.Customer](t)(b.Customer(t.Context(), ana))), c)
	stale := &sessions.Customer{MSISDN: ana}
	if _, err := b.Commit(t.Context(), b.session(ana, "2"), b.action(ana, "a-3"), stale); !errors.Is(err, sessions.ErrConflict) {
		t.Errorf("an action beside a stale customer: %v", err)
	}
	if _, err := b.Action(t.Context(), ana, "a-3"); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("it was born nevertheless: %v", err)
	}
}
