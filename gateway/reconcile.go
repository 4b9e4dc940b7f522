package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/gateway/core"
	"nyota/gateway/ledger"
	"nyota/gateway/ops"
)

// Exit statuses of gateway ledger reconcile beside 0, no difference.
const (
	exitDifferences = 1
	exitNoVerdict   = 2 // the comparison was not made
)

// reconcileCommand compares a day's actions with the core's statement file.
func reconcileCommand(c *ledgerCLI) *cobra.Command {
	var file, day string
	var propose bool
	cmd := &cobra.Command{
		Use: "reconcile --file FILE [--day 2026-11-22]", Short: "Compare a day's actions with the core's statement, a CSV file",
		Long: `Compares the actions that were created on a day (of operator.timezone; by default yesterday) with the
core's statement file, and lists the differences:

  missing     we say done, and the statement does not have it
  foreign     the statement has it, and we do not
  amount      the same transaction, another amount
  state       what is final here is not what the statement says: the opposite, or a word that
              ledger.statement.done and failed do not have
  twice       it took effect more than once
  resolved    we do not know what became of it, the statement does
  unresolved  neither knows
  unreadable  a line of the statement

The file's first line names its columns; ledger.statement in the configuration says how your core names
them. Lines of another day are counted and not compared. With --propose what the statement says of MANUAL
actions is proposed in your name, for another operator to confirm, and where it says the opposite of what
is final here, a discrepancy is recorded. Exit status 0: no difference; 1: differences; 2: the comparison
was not made, or no line is of the day.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			differences, err := c.reconcile(cmd, file, day, propose)
			if err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "gateway:", err)
				return exitError(exitNoVerdict)
			}
			if differences {
				return exitError(exitDifferences)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "", "the statement; - is standard input")
	f.StringVar(&day, "day", "", "the day, as 2026-11-22")
	f.BoolVar(&propose, "propose", false, "propose what the statement says of MANUAL actions, and record discrepancies where it says the opposite of ours")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

func (c *ledgerCLI) reconcile(cmd *cobra.Command, file, day string, propose bool) (differences bool, err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	client, cfg, err := c.flags.client(c.load)
	if err != nil {
		return false, err
	}
	zone, err := time.LoadLocation(cfg.Operator.Timezone)
	if err != nil {
		return false, err
	}
	from, err := dayOf(day, zone)
	if err != nil {
		return false, err
	}
	to := from.AddDate(0, 0, 1)
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return false, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	statement, err := ledger.OpenStatement(in, layout(cfg.Ledger.Statement, zone))
	if err != nil {
		return false, err
	}
	w := &differencePrinter{w: bufio.NewWriter(out), json: *c.json}
	defer w.w.Flush() //nolint:errcheck // it is flushed where it counts
	var told []ledger.Difference
	rec := ledger.NewReconciliation(from, to, func(d ledger.Difference) {
		w.difference(d)
		if propose && (d.Opposite() || d.Kind == ledger.DiffResolved && d.State == "MANUAL") {
			told = append(told, d)
		}
	})
	if err := client.day(ctx, from.Add(-ledger.Margin), to.Add(ledger.Margin), rec); err != nil {
		return false, err
	}
	for {
		row, err := statement.Next()
		var bad *ledger.LineError
		switch {
		case err == nil:
			rec.Compare(row)
			continue
		case errors.As(err, &bad):
			rec.Unreadable(bad)
			continue
		case !errors.Is(err, io.EOF):
			return false, fmt.Errorf("the statement cannot be read to its end: %w", err)
		}
		break
	}
	sum, err := rec.Finish()
	if err != nil {
		return false, err
	}
	w.summary(from, sum)
	if err := w.w.Flush(); err != nil {
		return false, err
	}
	return len(sum.Differences) > 0, c.tellAll(ctx, client, cmd.ErrOrStderr(), file, told)
}

// dayOf is the beginning of a day; "" is yesterday.
func dayOf(day string, zone *time.Location) (time.Time, error) {
	if day == "" {
		y, m, d := time.Now().In(zone).Date()
		return time.Date(y, m, d-1, 0, 0, 0, 0, zone), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return t, fmt.Errorf("--day: %q is no day like 2026-11-22", day)
	}
	return t, nil
}

// layout is the statement's form: the configuration's, and what is usual where
// that says nothing.
func layout(c config.Statement, zone *time.Location) ledger.Layout {
	l := ledger.DefaultLayout()
	l.Zone = zone
	pick := func(to *[]string, names []string) {
		if len(names) > 0 {
			*to = names
		}
	}
	one := func(name string) []string {
		if name == "" {
			return nil
		}
		return []string{name}
	}
	pick(&l.ID, one(c.ID))
	pick(&l.Ref, one(c.Ref))
	pick(&l.Amount, one(c.Amount))
	pick(&l.Status, one(c.Status))
	pick(&l.Time, one(c.Time))
	pick(&l.Done, c.Done)
	pick(&l.Failed, c.Failed)
	l.TimeLayout, l.Decimal = c.TimeLayout, c.Decimal
	if name, value, ok := strings.Cut(c.Only, "="); ok {
		l.Only = [2]string{name, value}
	}
	if r, _ := utf8.DecodeRuneInString(c.Comma); c.Comma != "" {
		l.Comma = r
	}
	return l
}

// day reads the actions of a time from the gateway.
func (c *adminClient) day(ctx context.Context, from, to time.Time, rec *ledger.Reconciliation) error {
	q := url.Values{"from": {from.UTC().Format(time.RFC3339)}, "to": {to.UTC().Format(time.RFC3339)}}
	body, err := c.open(ctx, http.MethodGet, "/ledger/day?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	dec := json.NewDecoder(body)
	for {
		var line struct {
			ops.CaseLine
			Error string `json:"error"`
			End   bool   `json:"end"`
		}
		switch err := dec.Decode(&line); {
		case err != nil:
			return fmt.Errorf("the gateway's list of actions was cut off: %w", err)
		case line.Error != "":
			return errors.New("the gateway's list of actions was cut off: " + line.Error)
		case line.End:
			return nil
		}
		state, ok := ledger.StateOf(line.State)
		if !ok {
			return fmt.Errorf("the gateway names a state %q that this command does not know: use the one of its own release", line.State)
		}
		if !core.Moves(line.Call) {
			continue // it is in no statement
		}
		rec.Add(ledger.Ours{ID: line.ID, MSISDN: line.MSISDN, Call: line.Call, Amount: line.Args["amount"], Ref: line.Ref,
			WireKey: line.WireKey, State: state, Created: line.Created})
	}
}

// tellAll proposes what the statement says of MANUAL actions, and records where it
// says the opposite of what is final here.
func (c *ledgerCLI) tellAll(ctx context.Context, client *adminClient, w io.Writer, file string, told []ledger.Difference) error {
	failed := 0
	for _, d := range told {
		body := map[string]string{"outcome": ledger.SayRejected, "note": fmt.Sprintf("statement %s, line %d", file, d.Line)}
		if d.Claim == core.Done {
			body["outcome"], body["ref"] = ledger.SayDone, cmp.Or(d.Ref, d.Action)
		}
		path := "/ledger/actions/" + url.PathEscape(d.MSISDN) + "/" + url.PathEscape(d.Action)
		if !d.Opposite() {
			if err := client.do(ctx, http.MethodPost, path+"/propose", body, nil); err != nil {
				failed++
				fmt.Fprintf(w, "not proposed: %s: %v\n", d.Action, err)
				continue
			}
			fmt.Fprintf(w, "proposed: %s is %s\n", d.Action, body["outcome"])
			continue
		}
		var found ops.DiscrepancyLine
		if err := client.do(ctx, http.MethodPost, path+"/late", body, &found); err != nil {
			failed++
			fmt.Fprintf(w, "not recorded: %s is %s here: %v\n", d.Action, d.State, err)
			continue
		}
		fmt.Fprintf(w, "recorded: discrepancy %s (%s)\n", found.ID, strings.TrimSpace(found.State+" "+found.Note))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d proposals and discrepancies were not made", failed, len(told))
	}
	return nil
}

// differencePrinter writes differences as they are found: as lines of a table, or
// as JSON, one a line, the summary last.
type differencePrinter struct {
	w     *bufio.Writer
	json  bool
	began bool
}

const differenceLine = "%-10s  %-36s  %-12s  %-8s  %-10s  %6s  %-16s  %-8s  %-10s  %s\n"

func (p *differencePrinter) difference(d ledger.Difference) {
	if p.json {
		_ = json.NewEncoder(p.w).Encode(d)
		return
	}
	if !p.began {
		fmt.Fprintf(p.w, differenceLine, "WHAT", "ACTION", "NUMBER", "OURS", "AMOUNT", "LINE", "THEIR REFERENCE", "THEIRS", "AMOUNT", "")
		p.began = true
	}
	line := ""
	if d.Line > 0 {
		line = fmt.Sprint(d.Line)
	}
	fmt.Fprintf(p.w, differenceLine, d.Kind, d.Action, d.MSISDN, d.State, d.Amount, line, d.Ref, d.Theirs, d.Charged, d.Detail)
}

func (p *differencePrinter) summary(day time.Time, s ledger.Summary) {
	if p.json {
		_ = json.NewEncoder(p.w).Encode(struct {
			Day string `json:"day"`
			ledger.Summary
		}{day.Format(time.DateOnly), s})
		return
	}
	if p.began {
		fmt.Fprintln(p.w)
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\tours %d\ttheirs %d\tof other days %d\tagreed %d\n", day.Format(time.DateOnly), s.Ours, s.Theirs, s.Outside, s.Agreed)
	_ = t.Flush()
	kinds := make([]string, 0, len(s.Differences))
	for k := range s.Differences {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		fmt.Fprintf(p.w, "%s %d\n", k, s.Differences[k])
	}
	if len(s.Unknown) > 0 {
		fmt.Fprintf(p.w, "words that ledger.statement.done and failed do not have: %s\n", strings.Join(s.Unknown, ", "))
	}
	if len(kinds) == 0 {
		fmt.Fprintln(p.w, "no difference")
	}
}
