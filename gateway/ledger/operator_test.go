package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

// manual takes an action to MANUAL: its answer was lost, and a day of inquiries
// learnt nothing.
func (b *bench) manual() sessions.Action {
	b.t.Helper()
	b.sw.call = lost
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{}, errors.New("down") }
	a := b.Run(b.t.Context(), b.accept())
	b.advance(25 * time.Hour)
	b.due()
	if got := b.stored(a); got.State != sessions.Manual {
		b.t.Fatalf("state %s", StateName(got.State))
	}
	return a
}

func TestM5OneOperatorProposesAndAnotherConfirms(t *testing.T) {
	for _, tc := range []struct {
		v      Verdict
		want   sessions.ActionState
		ref    string
		reason string
	}{
		{Verdict{Outcome: SayDone, Ref: "QK7", Note: "found in the core's books"}, sessions.Done, "QK7", ""},
		{Verdict{Outcome: SayRejected, Reason: core.InsufficientFunds, Note: "not there"}, sessions.Rejected, "", core.InsufficientFunds},
		{Verdict{Outcome: SayRejected, Note: "not there"}, sessions.Rejected, "", core.Other},
	} {
		t.Run(tc.v.Outcome+tc.v.Reason, func(t *testing.T) {
			b := newBench(t)
			a := b.manual()
			ctx := t.Context()
			got, err := b.Propose(ctx, "amina", a.MSISDN, a.ID, tc.v)
			if err != nil || got.State != sessions.Manual || b.stored(a).Proposal.By != "amina" || len(b.owed()) != 0 {
				t.Fatalf("proposed: %s, %v", StateName(got.State), err)
			}
			for _, same := range []string{"amina", "Amina", "AMINA", " amina "} {
				if _, err := b.Confirm(ctx, same, a.MSISDN, a.ID); !errors.Is(err, ErrTwoPersons) {
					t.Fatalf("one person was two, %q and amina: %v", same, err)
				}
			}
			if _, err := b.Propose(ctx, "baraka", a.MSISDN, a.ID, tc.v); !errors.Is(err, ErrRefused) {
				t.Errorf("a second proposal: %v", err)
			}
			if got, err = b.Confirm(ctx, "baraka", a.MSISDN, a.ID); err != nil {
				t.Fatal(err)
			}
			stored := b.stored(a)
			if got.State != tc.want || stored.State != tc.want || stored.Ref != tc.ref || stored.Reason != tc.reason || stored.EndedAt.IsZero() {
				t.Errorf("%+v", stored)
			}
			var did []string
			for _, e := range stored.History {
				did = append(did, e.By+" "+e.What)
			}
			if want := "amina proposed-" + tc.v.Outcome + ", baraka confirmed-" + tc.v.Outcome; strings.Join(did, ", ") != want || stored.History[0].Note == "" {
				t.Errorf("history %v, want %s", did, want)
			}
			if n := len(b.owed()); n != 1 || len(b.fresh) != 1 {
				t.Errorf("%d notices stored, %d handed on", n, len(b.fresh))
			}
			if _, err := b.Confirm(ctx, "baraka", a.MSISDN, a.ID); !errors.Is(err, ErrRefused) {
				t.Errorf("confirmed twice: %v", err)
			}
			if b.sw.calls != 1 {
				t.Errorf("%d posts", b.sw.calls)
			}
		})
	}
}

func TestProposalIsRefusedWhereNothingIsToBeDecided(t *testing.T) {
	b := newBench(t)
	a := b.manual()
	b.sw.call = done
	confirmed := b.Run(t.Context(), b.accept())
	for name, tc := range map[string]struct {
		a sessions.Action
		v Verdict
	}{
		"no reason why":                {a, Verdict{Outcome: SayRejected}},
		"done without reference":       {a, Verdict{Outcome: SayDone, Note: "n"}},
		"an unknown refusal":           {a, Verdict{Outcome: SayRejected, Reason: "whim", Note: "n"}},
		"no outcome":                   {a, Verdict{Note: "n"}},
		"reversal of no payment":       {a, Verdict{Outcome: SayReverse, Note: "n"}},
		"an action that is done":       {confirmed, Verdict{Outcome: SayRejected, Note: "n"}},
		"a core that reverses nothing": {confirmed, Verdict{Outcome: SayReverse, Note: "n"}},
	} {
		if _, err := b.Propose(t.Context(), "amina", tc.a.MSISDN, tc.a.ID, tc.v); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Propose(t.Context(), "amina", customer, "nobody", Verdict{Outcome: SayRejected, Note: "n"}); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("no such action: %v", err)
	}
	if got := b.stored(a); got.Proposal.State != 0 || len(got.History) != 0 {
		t.Errorf("a refusal left %+v", got)
	}
}

func TestProposalIsWithdrawnByWhoeverDoesNotAgree(t *testing.T) {
	b := newBench(t)
	a := b.manual()
	if _, err := b.Withdraw(t.Context(), "baraka", a.MSISDN, a.ID, ""); !errors.Is(err, ErrRefused) {
		t.Errorf("nothing was proposed: %v", err)
	}
	if _, err := b.Propose(t.Context(), "amina", a.MSISDN, a.ID, Verdict{Outcome: SayRejected, Note: "n"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Withdraw(t.Context(), "baraka", a.MSISDN, a.ID, "it is\nthere"); err != nil {
		t.Fatal(err)
	}
	got := b.stored(a)
	if got.State != sessions.Manual || got.Proposal.State != 0 || got.History[1].Note != "it is there" {
		t.Errorf("%+v", got)
	}
	if _, err := b.Confirm(t.Context(), "baraka", a.MSISDN, a.ID); !errors.Is(err, ErrRefused) {
		t.Errorf("confirmed what was withdrawn: %v", err)
	}
}

func TestCoresOwnWordOvertakesAProposal(t *testing.T) {
	b := newBench(t)
	a := b.manual()
	if _, err := b.Propose(t.Context(), "amina", a.MSISDN, a.ID, Verdict{Outcome: SayRejected, Note: "n"}); err != nil {
		t.Fatal(err)
	}
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: core.Done, Ref: "R2"}, nil }
	token, err := b.keys.SealToken(a.MSISDN, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Nudge(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	got := b.stored(a)
	if got.State != sessions.Done || got.Proposal.State != 0 || got.History[len(got.History)-1].What != "lapsed" {
		t.Errorf("%+v", got)
	}
	if _, err := b.Confirm(t.Context(), "baraka", a.MSISDN, a.ID); !errors.Is(err, ErrRefused) {
		t.Errorf("a lapsed proposal was confirmed: %v", err)
	}
}

func TestWhatWaitsForOperatorsIsFoundByItsNames(t *testing.T) {
	b := newBench(t)
	a := b.manual()
	b.sw.call = done
	other := b.Run(t.Context(), b.accept())
	list, more, err := b.Waiting(t.Context(), sessions.Manual, 10)
	if err != nil || more || len(list) != 1 || list[0].ID != a.ID {
		t.Errorf("%d waiting, more %t, %v", len(list), more, err)
	}
	for name, want := range map[string]string{a.ID: a.ID, strings.ToLower(short(a)): a.ID, "r1": other.ID, other.ID: other.ID} {
		if got, err := b.Find(t.Context(), name); err != nil || got.ID != want {
			t.Errorf("%q: %s, %v", name, got.ID, err)
		}
	}
	if _, err := b.Find(t.Context(), "nothing"); !errors.Is(err, sessions.ErrNotFound) {
		t.Error(err)
	}
	b.advance(time.Second)
	b.Run(t.Context(), b.accept()) // the core gives it the same reference
	if _, err := b.Find(t.Context(), "R1"); !errors.Is(err, ErrAmbiguous) {
		t.Error(err)
	}
	count := 0
	from := list[0].Created
	if err := b.Day(t.Context(), from, from.Add(time.Hour), func(sessions.Action) error { count++; return nil }); err != nil || count != 1 {
		t.Errorf("%d actions of the hour, %v", count, err)
	}
}

// open are the discrepancies that wait for an operator.
func (b *bench) open() []sessions.Discrepancy {
	b.t.Helper()
	all, _, err := b.Discrepancies(b.t.Context(), false, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func TestLateEvidenceOpensADiscrepancyAndChangesNoState(t *testing.T) {
	b := newBench(t)
	b.sw.call = func(context.Context, core.Request) (core.Outcome, error) {
		return core.Outcome{Status: core.Rejected, Reason: core.WrongPIN}, nil
	}
	a := b.Run(t.Context(), b.accept())
	ctx := t.Context()
	for range 3 {
		b.settle(ctx, a, core.Outcome{Status: core.Done, Detail: "it is in the books"}, true)
	}
	all := b.open()
	if len(all) != 1 || all[0].Kind != KindLate || all[0].Claim != "done" || all[0].Recorded != sessions.Rejected || all[0].Times != 3 || all[0].Detail != "it is in the books" {
		t.Fatalf("%+v", all)
	}
	if got := b.stored(a); got.State != sessions.Rejected || len(b.owed()) != 1 {
		t.Errorf("state %s", StateName(got.State))
	}
	id := all[0].ID
	if _, err := b.CloseDiscrepancy(ctx, "amina", a.MSISDN, id, ""); !errors.Is(err, ErrRefused) {
		t.Errorf("closed without a word: %v", err)
	}
	if d, err := b.CloseDiscrepancy(ctx, "amina", a.MSISDN, id, "refunded by hand"); err != nil || d.ClosedBy != "amina" {
		t.Fatal(err)
	}
	if _, err := b.CloseDiscrepancy(ctx, "baraka", a.MSISDN, id, "again"); !errors.Is(err, ErrRefused) {
		t.Errorf("closed twice: %v", err)
	}
	b.settle(ctx, a, core.Outcome{Status: core.Done}, true)
	if n := len(b.open()); n != 0 {
		t.Errorf("the same evidence opened it again")
	}
	if all, _, err := b.Discrepancies(ctx, true, 10); err != nil || len(all) != 1 || all[0].Times != 4 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestWhatTheBooksSayAgainstAFinalStateIsRecordedOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		out   core.Outcome
		says  string
		claim string
	}{
		"ours done, theirs failed":   {core.Outcome{Status: core.Done, Ref: "QK1"}, SayRejected, "rejected"},
		"ours rejected, theirs done": {core.Outcome{Status: core.Rejected, Reason: core.WrongPIN}, SayDone, "done"},
	} {
		t.Run(name, func(t *testing.T) {
			b, ctx := newBench(t), t.Context()
			b.sw.call = func(context.Context, core.Request) (core.Outcome, error) { return tc.out, nil }
			a := b.Run(ctx, b.accept())
			v := Verdict{Outcome: tc.says, Note: "statement of the 22nd, line 3"}
			for range 2 {
				if d, err := b.Late(ctx, a.MSISDN, a.ID, v); err != nil || d.State != sessions.DiscrepancyOpen {
					t.Fatalf("%+v, %v", d, err)
				}
			}
			all := b.open()
			if len(all) != 1 || all[0].ID != a.ID+"/"+KindLate || all[0].Claim != tc.claim || all[0].Times != 1 || all[0].Detail != v.Note {
				t.Fatalf("%+v", all)
			}
			if got := b.stored(a); got.State != a.State {
				t.Errorf("state %s", StateName(got.State))
			}
			if _, err := b.CloseDiscrepancy(ctx, "amina", a.MSISDN, all[0].ID, "taken back by hand"); err != nil {
				t.Fatal(err)
			}
			for _, note := range []string{v.Note, "statement of the 22nd, a copy, line 3"} {
				if d, err := b.Late(ctx, a.MSISDN, a.ID, Verdict{Outcome: tc.says, Note: note}); err != nil || d.State != sessions.DiscrepancyClosed || d.ClosedBy != "amina" {
					t.Errorf("the same evidence opened it again: %+v, %v", d, err)
				}
			}
		})
	}
}

func TestWhatDoesNotContradictIsNoDiscrepancy(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.sw.call = done
	a := b.Run(ctx, b.accept())
	for name, v := range map[string]Verdict{
		"the same":         {Outcome: SayDone, Note: "line 3"},
		"no note":          {Outcome: SayRejected},
		"another question": {Outcome: SayReverse, Note: "line 3"},
	} {
		if _, err := b.Late(ctx, a.MSISDN, a.ID, v); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Late(ctx, a.MSISDN, "nothing", Verdict{Outcome: SayDone, Note: "line 3"}); !errors.Is(err, sessions.ErrNotFound) {
		t.Error(err)
	}
	if all := b.open(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	b = newBench(t)
	open := b.manual()
	if _, err := b.Late(ctx, open.MSISDN, open.ID, Verdict{Outcome: SayDone, Note: "line 3"}); !errors.Is(err, ErrRefused) {
		t.Errorf("an open action has nothing to contradict: %v", err)
	}
	if all := b.open(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestAnswerAboutSomethingElseIsADiscrepancy(t *testing.T) {
	b := newBench(t)
	mismatch := fmt.Errorf("core: transfer: %w: another amount", core.ErrMismatch)
	b.sw.call = func(context.Context, core.Request) (core.Outcome, error) { return core.Outcome{}, mismatch }
	b.sw.inquire = func(core.Inquiry) (core.Outcome, error) { return core.Outcome{}, mismatch }
	a := b.Run(t.Context(), b.accept())
	b.advance(3 * time.Second)
	b.due()
	all := b.open()
	if len(all) != 1 || all[0].Kind != KindMismatch || all[0].Times != 2 || b.stored(a).State != sessions.Unknown {
		t.Errorf("%+v", all)
	}
}

// claims reads the bodies that the callback tests send.
func claims(body []byte) (core.Callback, error) {
	status, amount, _ := strings.Cut(string(body), " ")
	c := core.Callback{Amount: amount}
	switch status {
	case "done":
		c.Status = core.Done
	case "failed":
		c.Status = core.Rejected
	case "garbage":
		return core.Callback{}, errors.New("no callback")
	}
	return c, nil
}

func TestCallbackThatLiesIsRefusedAndRecorded(t *testing.T) {
	inquiry := func(s core.Status) func(core.Inquiry) (core.Outcome, error) {
		return func(core.Inquiry) (core.Outcome, error) { return core.Outcome{Status: s, Ref: "R"}, nil }
	}
	for _, tc := range []struct {
		name    string
		call    func(context.Context, core.Request) (core.Outcome, error)
		inquire core.Status
		body    string
		status  int
		want    sessions.ActionState
		kinds   string
	}{
		{"true and early", lost, core.Done, "done 5000.00", http.StatusNoContent, sessions.Done, ""},
		{"before the core knows", lost, core.Pending, "done 5000", http.StatusNoContent, sessions.Unknown, ""},
		{"forged: the core refused", lost, core.Rejected, "done 5000", http.StatusConflict, sessions.Rejected, "callback"},
		{"forged failure", lost, core.Done, "failed 5000", http.StatusConflict, sessions.Done, "callback"},
		{"another amount", lost, core.Done, "done 9000", http.StatusConflict, sessions.Done, "callback"},
		{"another amount, undecided", lost, core.Pending, "done 9000", http.StatusConflict, sessions.Unknown, "callback"},
		{"a repeat of what is known", done, core.Unknown, "done 5000", http.StatusNoContent, sessions.Done, ""},
		{"forged failure of what is done", done, core.Done, "failed 5000", http.StatusConflict, sessions.Done, "callback"},
		{"the core took it back", done, core.Rejected, "failed 5000", http.StatusConflict, sessions.Done, "callback late"},
		{"unreadable", lost, core.Done, "garbage", http.StatusNoContent, sessions.Done, ""},
		{"empty", lost, core.Done, "", http.StatusNoContent, sessions.Done, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.Read = claims
			var refused []Refusal
			b.Refused = func(r Refusal) { refused = append(refused, r) }
			b.sw.call, b.sw.inquire = tc.call, inquiry(tc.inquire)
			a := b.Run(t.Context(), b.accept())
			token, err := b.keys.SealToken(a.MSISDN, a.ID)
			if err != nil {
				t.Fatal(err)
			}
			mux := http.NewServeMux()
			mux.HandleFunc("PUT /callbacks/{token}", b.Callback)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/callbacks/"+token, strings.NewReader(tc.body)))
			if w.Code != tc.status || b.stored(a).State != tc.want {
				t.Errorf("%d, state %s", w.Code, StateName(b.stored(a).State))
			}
			kinds := map[string]bool{}
			for _, d := range b.open() {
				kinds[d.Kind] = true
			}
			for _, k := range strings.Fields(tc.kinds) {
				if !kinds[k] {
					t.Errorf("no discrepancy %s", k)
				}
				delete(kinds, k)
			}
			if len(kinds) != 0 || len(refused) == 1 != (tc.status == http.StatusConflict) {
				t.Errorf("discrepancies %v, refused %+v", kinds, refused)
			}
			if tc.name == "a repeat of what is known" && b.sw.asks != 0 {
				t.Error("the core was asked for nothing")
			}
		})
	}
}

func TestCallbackOfAnUnknownURLIsRefusedAndRecorded(t *testing.T) {
	b := newBench(t)
	var refused []Refusal
	b.Refused = func(r Refusal) { refused = append(refused, r) }
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /callbacks/{token}", b.Callback)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/callbacks/x", strings.NewReader("done")))
	if w.Code != http.StatusNotFound || len(refused) != 1 || refused[0].Why != "token" || refused[0].From == "" {
		t.Errorf("%d %+v", w.Code, refused)
	}
}
