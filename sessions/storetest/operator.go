package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nyota/sessions"
)

func (b *bench) discrepancy(msisdn, action string) *sessions.Discrepancy {
	now := b.Now()
	return &sessions.Discrepancy{
		ID: action + "/late", MSISDN: msisdn, State: sessions.DiscrepancyOpen, Action: action, Kind: "late",
		Recorded: sessions.Rejected, Claim: "done", Detail: "the core's words", Times: 1, First: now, Last: now,
	}
}

func testDiscrepancy(t *testing.T, b *bench) {
	a, d := b.action(ana, "a-1"), b.discrepancy(ana, "a-1")
	a.State, a.Due, a.EndedAt = sessions.Rejected, time.Time{}, b.Now()
	a.History = []sessions.Entry{{At: b.Now(), By: "amina", What: "proposed-rejected", Note: "not in the core's books"}}
	a.Proposal = sessions.Proposal{State: sessions.Rejected, Reason: "other", Note: "n", By: "amina", At: b.Now()}
	b.put(t, a, d)
	got := must[sessions.Discrepancy](t)(b.Discrepancy(t.Context(), ana, d.ID))
	same(t, "discrepancy", &got, d)
	kept := must[sessions.Action](t)(b.Action(t.Context(), ana, "a-1"))
	same(t, "action with its history", &kept, a)
	if len(kept.History) != 1 || kept.Proposal.By != "amina" {
		t.Errorf("operators' part %+v %+v", kept.Proposal, kept.History)
	}
	wantErr(t, "created twice", b.Put(t.Context(), b.discrepancy(ana, "a-1")), sessions.ErrConflict)
	_, err := b.Discrepancy(t.Context(), ben, d.ID)
	wantErr(t, "another customer's", err, sessions.ErrNotFound)
	_, err = b.Discrepancy(t.Context(), ana, "a-2/late")
	wantErr(t, "another action's", err, sessions.ErrNotFound)
	if due := b.claim(t, sessions.QueueActions, 9); len(due) != 0 {
		t.Errorf("claimed %v", due)
	}
	d.State, d.Closed, d.ClosedBy, d.Note = sessions.DiscrepancyClosed, b.Now(), "baraka", "seen"
	b.put(t, d)
	b.Store = b.reopen()
	got = must[sessions.Discrepancy](t)(b.Discrepancy(t.Context(), ana, d.ID))
	same(t, "closed discrepancy", &got, d)
}

func testScan(t *testing.T, b *bench) {
	const customers = 700 // more than a batch
	open, all := map[string]bool{}, map[string]bool{}
	for i := range customers {
		msisdn := fmt.Sprintf("2557%08d", i)
		a := b.action(msisdn, fmt.Sprintf("a-%d", i))
		records := []sessions.Record{a, b.notice(msisdn, a.ID+"/customer/done")}
		if i%7 == 0 {
			a.State, a.Due = sessions.Done, time.Time{}
		} else {
			open[a.ID] = true
		}
		if i == 3 {
			records = append(records, b.discrepancy(msisdn, a.ID), b.action(msisdn, "a-second"))
			open["a-second"], all["a-second"] = true, true
		}
		all[a.ID] = true
		b.put(t, records...)
	}
	b.commit(t, b.session(ana, "1"))
	scan := func(what string) map[string]bool {
		t.Helper()
		found := map[string]bool{}
		if err := b.Scan(t.Context(), what, func(r sessions.Record) error {
			switch r := r.(type) {
			case *sessions.Action:
				if r.MSISDN == "" || r.Call != "transfer" {
					return fmt.Errorf("%+v", r)
				}
				found[r.ID] = true
			case *sessions.Discrepancy:
				found[r.ID] = true
			default:
				return fmt.Errorf("a %T", r)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return found
	}
	for what, want := range map[string]map[string]bool{
		sessions.ScanActions: all, sessions.ScanOpen: open, sessions.ScanDiscrepancies: {"a-3/late": true},
	} {
		got := scan(what)
		for id := range want {
			if !got[id] {
				t.Errorf("%s: %s is missing", what, id)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d records, want %d", what, len(got), len(want))
		}
	}
	enough, seen := errors.New("enough"), 0
	err := b.Scan(t.Context(), sessions.ScanActions, func(sessions.Record) error {
		if seen++; seen == 5 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != 5 {
		t.Errorf("after %d records: %v", seen, err)
	}
	wantErr(t, "no such kind", b.Scan(t.Context(), "sessions", nil), sessions.ErrInvalid)
	if err := b.Scan(ended(t.Context()), sessions.ScanActions, func(sessions.Record) error { return nil }); err == nil {
		t.Error("a scan whose ctx is over has no error")
	}
}
