package ledger

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
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
			sum, err := r.Finish()
			if err != nil {
				t.Fatal(err)
			}
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
	if sum.Ours != 15 || sum.Theirs != 20 || sum.Outside != 1 || sum.Agreed != 7 || sum.Differences[DiffState] != 3 {
		t.Errorf("%+v", sum)
	}
}

func TestReconciliationWithoutADifferenceSaysSo(t *testing.T) {
	found, sum := compare(t, DefaultLayout(), []Ours{ours("a", sessions.Done), ours("b", sessions.Rejected)}, "reference,amount,external_id\nR,5000,a\n")
	if len(found) != 0 || len(sum.Differences) != 0 || sum.Agreed != 2 {
		t.Errorf("%v %+v", found, sum)
	}
}

func TestReconciliationAgreesOnlyWithWordsThatItKnows(t *testing.T) {
	all := []Ours{ours("a", sessions.Done), ours("b", sessions.Rejected), ours("c", sessions.Expired), ours("d", sessions.Done), ours("e", sessions.Manual)}
	var theirs []string
	r := NewReconciliation(day, day.AddDate(0, 0, 1), func(d Difference) {
		theirs = append(theirs, d.Kind+" "+d.Action+" "+d.Theirs)
		if d.Opposite() {
			t.Errorf("%s: a word that nobody knows is taken for the opposite", d.Theirs)
		}
	})
	for _, o := range all {
		r.Add(o)
	}
	for i, row := range []Row{
		{ID: "a", Word: "reversed"}, {ID: "b", Word: "pending"}, {ID: "c", Word: "expired"}, {ID: "d"}, {ID: "e", Word: "pending"}, {ID: "f", Word: "Posted"},
	} {
		row.Line, row.Amount, row.Status = i+2, "5000", core.Pending
		r.Compare(row)
	}
	sum, err := r.Finish()
	want := []string{"state a reversed", "state b pending", "state c expired", "state d no word", "unresolved e pending", "foreign  Posted"}
	if err != nil || !slices.Equal(theirs, want) || sum.Agreed != 0 {
		t.Errorf("%q, %+v, %v", theirs, sum, err)
	}
	if words := []string{"reversed", "pending", "expired", "no word", "Posted"}; !slices.Equal(sum.Unknown, words) {
		t.Errorf("%q", sum.Unknown)
	}
}

func TestReconciliationOfNothingIsNoAgreement(t *testing.T) {
	at := func(d int) Row {
		return Row{ID: "x", Amount: "1", Status: core.Done, Time: day.AddDate(0, 0, d).Add(12 * time.Hour)}
	}
	for name, tc := range map[string]struct {
		ours  []Ours
		rows  []Row
		bad   *LineError
		says  string // "": it was compared
		other int
	}{
		"another day":               {rows: []Row{at(-2), at(-2), at(1)}, says: "no line of the statement is of 2026-11-22; it has 2 lines of 2026-11-20, 1 line of 2026-11-23", other: 3},
		"another day, ours too":     {ours: []Ours{ours("a", sessions.Done)}, rows: []Row{at(1)}, says: "1 line of 2026-11-23", other: 1},
		"many days":                 {rows: []Row{at(1), at(2), at(3), at(4), at(5), at(6), at(7)}, says: "more, up to 2026-11-29", other: 7},
		"another day's, in its own": {ours: []Ours{{ID: "x", Amount: "1", State: sessions.Done, Created: day.Add(-time.Minute)}}, rows: []Row{at(-1)}, says: "1 line of 2026-11-21", other: 1},
		"no lines":                  {ours: []Ours{ours("a", sessions.Rejected)}, says: "the statement has no lines"},
		"no readable line":          {bad: &LineError{7, "it is torn"}, says: "line 7: it is torn"},
		"nothing at all":            {},
		"one line of the day":       {rows: []Row{at(-2), at(0)}, other: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReconciliation(day, day.AddDate(0, 0, 1), func(d Difference) {
				if d.Kind == DiffMissing {
					t.Errorf("%+v", d)
				}
			})
			for _, o := range tc.ours {
				r.Add(o)
			}
			for _, row := range tc.rows {
				r.Compare(row)
			}
			if tc.bad != nil {
				r.Unreadable(tc.bad)
			}
			sum, err := r.Finish()
			if sum.Outside != tc.other || sum.Agreed != 0 {
				t.Errorf("%+v", sum)
			}
			if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, ErrNothingCompared) || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAmountsOfStatementsAreReadAsTheirFormHasThemOrNotAtAll(t *testing.T) {
	const none = ""
	for _, tc := range []struct{ text, point, comma string }{
		{"5000", "5000", "5000"},
		{"-5000", "5000", "5000"},
		{"7002,00", none, "7002"},
		{"7002.00", "7002", none},
		{"7.002,50", none, "7002.5"},
		{"7,002.50", "7002.5", none},
		{"1,234,567.89", "1234567.89", none},
		{"1.234.567,89", none, "1234567.89"},
		{"5,100", "5100", "5.1"},
		{"5 100.25", "5100.25", none},
		{"5\u202f100,25", none, "5100.25"},
		{"12,34,567", none, none},
		{"1,000 000", none, none},
		{"1.000.00", none, none},
		{"7002'00", none, none},
		{",500", none, none},
		{"5000 TZS", none, none},
		{"5_000", none, none},
		{"", none, none},
	} {
		for decimal, want := range map[string]string{".": tc.point, ",": tc.comma} {
			if got, ok := statementAmount(tc.text, decimal); got != want && ok || ok != (want != none) {
				t.Errorf("%q with %q: %q, %v", tc.text, decimal, got, ok)
			}
		}
	}
}

func TestStatementOfAnotherForm(t *testing.T) {
	l := DefaultLayout()
	l.ID, l.Amount, l.Status, l.Time = []string{"Our Id"}, []string{"Betrag"}, []string{"Wie"}, []string{"Wann"}
	l.Done, l.Failed, l.TimeLayout, l.Comma = []string{"gut"}, []string{"schlecht"}, "02.01.2006 15:04", ';'
	l.Only, l.Decimal = [2]string{"Weg", "ussd"}, ","
	l.Zone = time.FixedZone("", 3*3600)
	s, err := OpenStatement(strings.NewReader("Our Id;Betrag;Wie;Wann;Weg\nx;1;gut;22.11.2026 09:00;APP\na;5.000,00;gut;22.11.2026 09:00;USSD\nb;5000.00;gut;22.11.2026 09:00;USSD\n"), l)
	if err != nil {
		t.Fatal(err)
	}
	row, err := s.Next()
	if err != nil || row.ID != "a" || row.Amount != "5000" || row.Line != 3 || !row.Time.Equal(day.Add(6*time.Hour)) {
		t.Errorf("%+v, %v", row, err)
	}
	var bad *LineError
	if _, err := s.Next(); !errors.As(err, &bad) || bad.Line != 4 || !strings.Contains(bad.Why, `"5000.00" is no amount with "," before the decimals (ledger.statement.decimal)`) {
		t.Errorf("an amount of another form: %v", err)
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
