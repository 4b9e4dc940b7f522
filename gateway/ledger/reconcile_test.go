package ledger

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"nyota/sessions"
)

var day = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// compare reconciles a statement with actions, and returns what differs.
func compare(t *testing.T, l Layout, ours []Ours, statement string) ([]string, Summary) {
	t.Helper()
	var found []string
	r := NewReconciliation(day, day.AddDate(0, 0, 1), func(d Difference) {
		found = append(found, strings.TrimSpace(d.Kind+" "+d.Action+" "+d.Ref))
	})
	for _, o := range ours {
		r.Add(o)
		r.Add(o) // a scan may deliver it twice
	}
	s, err := OpenStatement(strings.NewReader(statement), l)
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := s.Next()
		var bad *LineError
		switch {
		case errors.Is(err, io.EOF):
			sum := r.Finish()
			slices.Sort(found)
			return found, sum
		case errors.As(err, &bad):
			r.Unreadable(bad)
		case err != nil:
			t.Fatal(err)
		default:
			r.Compare(row)
		}
	}
}

func ours(id string, state sessions.ActionState) Ours {
	return Ours{ID: id, MSISDN: customer, Call: "transfer", Amount: "5000", State: state, Created: day.Add(9 * time.Hour)}
}

func TestReconciliationFindsEveryDifference(t *testing.T) {
	all := []Ours{
		ours("a-done", sessions.Done), ours("a-missing", sessions.Done), ours("a-amount", sessions.Done),
		ours("a-failed", sessions.Done), ours("a-rejected", sessions.Rejected), ours("a-lied", sessions.Rejected),
		ours("a-expired", sessions.Expired), ours("a-ghost", sessions.Expired), ours("a-manual", sessions.Manual),
		ours("a-unknown", sessions.Unknown), ours("a-open", sessions.Manual), ours("a-pending", sessions.Manual), ours("a-twice", sessions.Done),
		{ID: "a-key", WireKey: "STAN-1", Amount: "700", State: sessions.Done, Created: day},
		{ID: "a-ref", Ref: "QK-REF", Amount: "700", State: sessions.Done, Created: day},
		{ID: "a-yesterday", Amount: "1", State: sessions.Done, Created: day.Add(-time.Minute)},
		{ID: "a-eve", Amount: "800", State: sessions.Done, Created: day.Add(-time.Minute)},
	}
	found, sum := compare(t, DefaultLayout(), all, "\ufeff"+`Correlation_ID,Reference,Amount,Status,Completed_At,Channel
A-DONE,R1,5000.00,Completed,2026-11-22T09:00:00Z,USSD
a-amount,R2,"5,100",completed,2026-11-22T09:00:00Z,USSD
a-failed,R3,5000,failed,2026-11-22T09:00:00Z,USSD
a-rejected,R4,5000,declined,2026-11-22T09:00:00Z,USSD
a-lied,R5,-5000,completed,2026-11-22 09:00:00,USSD
a-ghost,R6,5000,completed,2026-11-22T09:00:00Z,USSD
a-manual,R7,5000,completed,2026-11-22T09:00:00Z,USSD
a-unknown,R8,5000,rejected,2026-11-22T09:00:00Z,USSD
a-pending,R9,5000,in doubt,2026-11-22T09:00:00Z,USSD
a-twice,R10,5000,completed,2026-11-22T09:00:00Z,USSD
a-twice,R11,5000,completed,2026-11-22T09:00:01Z,USSD
STAN-1,R12,700,completed,2026-11-22T09:00:00Z,USSD
,qk-ref,700,completed,2026-11-22T09:00:00Z,USSD
a-eve,R13,800,completed,2026-11-22T00:00:02Z,USSD
b-foreign,R14,900,completed,2026-11-22T09:00:00Z,USSD
b-failed,R15,900,failed,2026-11-22T09:00:00Z,USSD
b-tomorrow,R16,900,completed,2026-11-23T09:00:00Z,USSD
a-done,R17,much,completed,2026-11-22T09:00:00Z,USSD
,,1,completed,,USSD
a-done,R18,1,completed,noon,USSD
`)
	want := []string{
		"amount a-amount R2", "foreign  R14", "missing a-missing", "resolved a-manual R7", "resolved a-unknown R8",
		"state a-failed R3", "state a-ghost R6", "state a-lied R5", "twice a-twice R11", "unreadable", "unreadable", "unreadable",
		"unresolved a-open", "unresolved a-pending R9",
	}
	if !slices.Equal(found, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
	if sum.Ours != 15 || sum.Theirs != 20 || sum.Agreed != 7 || sum.Differences[DiffState] != 3 {
		t.Errorf("%+v", sum)
	}
}

func TestReconciliationWithoutADifferenceSaysSo(t *testing.T) {
	found, sum := compare(t, DefaultLayout(), []Ours{ours("a", sessions.Done), ours("b", sessions.Rejected)}, "reference,amount,external_id\nR,5000,a\n")
	if len(found) != 0 || len(sum.Differences) != 0 || sum.Agreed != 2 {
		t.Errorf("%v %+v", found, sum)
	}
}

func TestStatementOfAnotherForm(t *testing.T) {
	l := DefaultLayout()
	l.ID, l.Amount, l.Status, l.Time = []string{"Our Id"}, []string{"Betrag"}, []string{"Wie"}, []string{"Wann"}
	l.Done, l.Failed, l.TimeLayout, l.Comma = []string{"gut"}, []string{"schlecht"}, "02.01.2006 15:04", ';'
	l.Only = [2]string{"Weg", "ussd"}
	l.Zone = time.FixedZone("", 3*3600)
	s, err := OpenStatement(strings.NewReader("Our Id;Betrag;Wie;Wann;Weg\nx;1;gut;22.11.2026 09:00;APP\na;5000;gut;22.11.2026 09:00;USSD\n"), l)
	if err != nil {
		t.Fatal(err)
	}
	row, err := s.Next()
	if err != nil || row.ID != "a" || row.Line != 3 || !row.Time.Equal(day.Add(6*time.Hour)) {
		t.Errorf("%+v, %v", row, err)
	}
	for head, says := range map[string]string{
		"": "no line of column names", "amount,status\n": "our id or the core's reference", "reference,status\n": "no column for the amount",
	} {
		if _, err := OpenStatement(strings.NewReader(head), DefaultLayout()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", head, err)
		}
	}
}

func TestStatementOfAnySizeIsReadALineAtATime(t *testing.T) {
	lines := 200_000
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, "reference,amount\n")
		for i := range lines {
			if _, err := fmt.Fprintf(w, "R%d,%d\n", i, i+1); err != nil {
				return
			}
		}
		_ = w.Close()
	}()
	s, err := OpenStatement(r, DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		row, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || row.Line != n+2 {
			t.Fatalf("line %d: %+v %v", n+2, row, err)
		}
		n++
	}
	if n != lines {
		t.Errorf("%d lines", n)
	}
}
