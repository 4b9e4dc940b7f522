package ledger

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"nyota/gateway/core"
)

// Layout says how a core writes its statement file: a CSV with a line of column
// names. Names are compared without regard to case; of several the first that the
// file has counts.
type Layout struct {
	ID     []string // our id on the core's wire (the action's id or its wire key)
	Ref    []string // the core's reference; one of ID and Ref is needed
	Amount []string // needed
	Status []string // without such a column every line took effect
	Time   []string // without such a column every line is of the day

	TimeLayout string   // of package time; "": RFC 3339, or 2006-01-02 15:04:05 in Zone
	Decimal    string   // stands before an amount's decimals: "." or ","; "": "."
	Done       []string // words of Status that mean that it took effect
	Failed     []string // and that no money moved
	Only       [2]string
	Comma      rune
	Zone       *time.Location
}

// DefaultLayout has the names that cores often use.
func DefaultLayout() Layout {
	return Layout{
		ID:     []string{"correlation_id", "client_correlation_id", "request_id", "external_id", "originator_conversation_id"},
		Ref:    []string{"reference", "transaction_reference", "transaction_id", "receipt"},
		Amount: []string{"amount", "transaction_amount"},
		Status: []string{"status", "state", "transaction_status"},
		Time:   []string{"time", "date", "completed_at", "created_at", "transaction_date"},
		Done:   []string{"completed", "done", "success", "successful", "ok"},
		Failed: []string{"failed", "rejected", "declined", "cancelled", "canceled"},
		Comma:  ',', Zone: time.UTC,
	}
}

// Row is a line of a statement.
type Row struct {
	Line   int
	ID     string
	Ref    string
	Amount string      // canonical
	Status core.Status // Pending: Word is in neither list
	Word   string      // of the status, as the file has it
	Time   time.Time   // zero: not said
}

// LineError is a line that cannot be understood. The reader goes on behind it.
type LineError struct {
	Line int
	Why  string
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Why) }

// Statement reads a statement a line at a time: a file may be of any size.
type Statement struct {
	csv                               *csv.Reader
	l                                 Layout
	id, ref, amount, status, at, only int
}

// OpenStatement reads the column names. Its error says which is missing.
func OpenStatement(r io.Reader, l Layout) (*Statement, error) {
	if l.Zone == nil {
		l.Zone = time.UTC
	}
	l.Decimal = cmp.Or(l.Decimal, ".")
	buf := bufio.NewReaderSize(r, 64<<10)
	if bom, err := buf.Peek(3); err == nil && string(bom) == "\ufeff" {
		_, _ = buf.Discard(3)
	}
	c := csv.NewReader(buf)
	c.Comma, c.ReuseRecord, c.FieldsPerRecord, c.LazyQuotes = l.Comma, true, -1, false
	head, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("the statement has no line of column names: %w", err)
	}
	names := make([]string, len(head))
	for i, h := range head {
		names[i] = strings.ToLower(strings.TrimSpace(h))
	}
	find := func(wanted []string) int {
		for _, w := range wanted {
			if i := slices.Index(names, strings.ToLower(w)); i >= 0 {
				return i
			}
		}
		return -1
	}
	s := &Statement{csv: c, l: l, id: find(l.ID), ref: find(l.Ref), amount: find(l.Amount), status: find(l.Status), at: find(l.Time), only: -1}
	missing := func(what string, names []string) error {
		return fmt.Errorf("the statement has no column for %s: none is named %s (its columns: %s)", what, strings.Join(names, ", "), core.Clean(strings.Join(head, ", "), 300))
	}
	switch {
	case s.id < 0 && s.ref < 0:
		return nil, missing("our id or the core's reference", append(slices.Clone(l.ID), l.Ref...))
	case s.amount < 0:
		return nil, missing("the amount", l.Amount)
	}
	if l.Only[0] != "" {
		if s.only = find(l.Only[:1]); s.only < 0 {
			return nil, missing("the choice of lines", l.Only[:1])
		}
	}
	return s, nil
}

// Next returns the next line, io.EOF behind the last, or a *LineError.
func (s *Statement) Next() (Row, error) {
	for {
		fields, err := s.csv.Read()
		line, _ := s.csv.FieldPos(0)
		var perr *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return Row{}, io.EOF
		case errors.As(err, &perr):
			return Row{}, &LineError{Line: perr.Line, Why: perr.Err.Error()}
		case err != nil:
			return Row{}, err
		}
		field := func(i int) string {
			if i < 0 || i >= len(fields) {
				return ""
			}
			return strings.TrimSpace(fields[i])
		}
		if s.only >= 0 && !strings.EqualFold(field(s.only), s.l.Only[1]) {
			continue
		}
		r := Row{Line: line, ID: strings.Clone(field(s.id)), Ref: strings.Clone(field(s.ref)), Status: core.Done}
		if r.ID == "" && r.Ref == "" {
			return r, &LineError{line, "it names no transaction"}
		}
		var ok bool
		if r.Amount, ok = statementAmount(field(s.amount), s.l.Decimal); !ok {
			return r, &LineError{line, fmt.Sprintf("%q is no amount with %q before the decimals (ledger.statement.decimal)", core.Clean(field(s.amount), 24), s.l.Decimal)}
		}
		if s.status >= 0 {
			r.Word = core.Clean(field(s.status), maxWord)
			is := func(w string) bool { return strings.EqualFold(w, field(s.status)) }
			switch {
			case slices.ContainsFunc(s.l.Done, is):
			case slices.ContainsFunc(s.l.Failed, is):
				r.Status = core.Rejected
			default:
				r.Status = core.Pending
			}
		}
		if text := field(s.at); text != "" {
			if r.Time, err = s.time(text); err != nil {
				return r, &LineError{line, fmt.Sprintf("its time %q cannot be read: say its form in ledger.statement.time_layout", core.Clean(text, 40))}
			}
		}
		return r, nil
	}
}

func (s *Statement) time(text string) (time.Time, error) {
	if s.l.TimeLayout != "" {
		return time.ParseInLocation(s.l.TimeLayout, text, s.l.Zone)
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateTime, text, s.l.Zone)
}

// maxWord bounds what is kept of a status that is not known, in octets.
const maxWord = 40

// statementAmount understands "5000", "5000.00", "5,000.00", "5 000.00" and
// "-5,000" where decimal is ".", and "5.000,00" where it is ",". What separates
// thousands must stand before each three digits: "7002,00" would else be a
// hundred times what was paid.
func statementAmount(s, decimal string) (string, bool) {
	s = strings.TrimSpace(strings.TrimPrefix(s, "-"))
	whole, frac, point := strings.Cut(s, decimal)
	if i := strings.IndexFunc(whole, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		sep, size := utf8.DecodeRuneInString(whole[i:])
		if !strings.ContainsRune(",. \u00a0\u202f", sep) {
			return "", false
		}
		groups := strings.Split(whole, whole[i:i+size])
		for j, g := range groups {
			if len(g) > 3 || len(g) < 3 && j > 0 || g == "" {
				return "", false
			}
		}
		whole = strings.Join(groups, "")
	}
	if point {
		whole += "." + frac
	}
	return core.Canonical(whole)
}
