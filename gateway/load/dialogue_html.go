package load

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"time"
)

//go:embed dialogue.html
var dialoguePage string

// Gates are what a run must keep.
type Gates struct {
	P99    time.Duration // what the 99th percentile of the latency may be; 0: anything
	Missed float64       // share of the dialogues due that may be missed, 0 to 1
}

// row is one of a table: what it is, how much, and what that means.
type row struct{ Name, Value, Means string }

// verdict is what there is to say of a run.
type verdict struct {
	Text string
	Bad  bool
}

// WriteHTML writes r as one page that needs nothing else: no script, no other
// file. The gates are shown as such.
func (r DialogueReport) WriteHTML(w io.Writer, g Gates) error {
	page, err := template.New("dialogue").Parse(dialoguePage)
	if err != nil {
		return fmt.Errorf("load: the page: %w", err)
	}
	data := struct {
		Report    DialogueReport
		PerSecond string
		Verdicts  []verdict
		Tables    []table
		Charts    []chart
	}{
		Report: r, PerSecond: grouped(uint64(r.StepsPerSecond)), Verdicts: r.verdicts(g),
		Tables: []table{
			{"Latency", "from the instant at which a key was meant to be pressed", r.latencies()},
			{"Dialogues", "", r.fates()},
			{"Setup", "", r.setup()},
		},
		Charts: r.charts(g.P99),
	}
	if len(r.Errors) > 0 {
		var kinds []row
		for _, kind := range slices.Sorted(maps.Keys(r.Errors)) {
			kinds = append(kinds, row{kind, grouped(r.Errors[kind]), ""})
		}
		data.Tables = append([]table{{"Errors", "the first: " + r.FirstError, kinds}}, data.Tables...)
	}
	return page.Execute(w, data)
}

type table struct {
	Title, Note string
	Rows        []row
}

// verdicts says how the run went, and what stands against it first.
func (r DialogueReport) verdicts(g Gates) (all []verdict) {
	errors := uint64(0)
	for _, n := range r.Errors {
		errors += n
	}
	switch {
	case errors > 0:
		all = append(all, verdict{fmt.Sprintf("%s errors: see the table.", grouped(errors)), true})
	case r.Steps > 0:
		all = append(all, verdict{"No errors: every screen was the right one.", false})
	}
	if r.Steps == 0 {
		all = append(all, verdict{"No right screen came: there is no latency.", true})
	}
	if words := r.missed(); words != "" {
		all = append(all, verdict{words, r.Short(g.Missed)})
	}
	if g.P99 > 0 && r.Steps > 0 {
		all = append(all, verdict{fmt.Sprintf("p99 must not be over %s: it is %s.", human(g.P99), micros(r.Latency.P99)), r.Slow(g.P99)})
	}
	slices.SortStableFunc(all, func(a, b verdict) int {
		switch {
		case a.Bad == b.Bad:
			return 0
		case a.Bad:
			return -1
		}
		return 1
	})
	return all
}

func (r DialogueReport) latencies() []row {
	if r.Steps == 0 {
		return nil
	}
	l := r.Latency
	return []row{{"p50", micros(l.P50), ""}, {"p90", micros(l.P90), ""}, {"p99", micros(l.P99), ""}, {"p99.9", micros(l.P999), ""}, {"max", micros(l.Max), ""}}
}

func (r DialogueReport) fates() []row {
	d, k := r.Dialogues, r.Deliveries
	return []row{
		{"begun", grouped(d.Begun), "in all"},
		{"finished", grouped(d.Finished), "to the last screen"},
		{"abandoned", grouped(d.Abandoned), "hung up in the middle, as asked for"},
		{"redialled", grouped(d.Redialled), "hung up and dialled again at once, as asked for"},
		{"failed", grouped(d.Failed), "by an error"},
		{"cut", grouped(d.Cut), "by the end of the run"},
		{"missed", grouped(d.Missed), "due and not begun: no handset was free"},
		{"keys redelivered", grouped(k.Redelivered), "not sent, or refused for now"},
		{"and unsure", grouped(k.Unsure), "may have arrived before"},
		{"screens again", grouped(k.ShownAgain), "after a key was redelivered"},
	}
}

func (r DialogueReport) setup() []row {
	seconds := func(s float64) string { return human(time.Duration(s * float64(time.Second))) }
	rate := "flat out"
	if r.Rate > 0 {
		rate = fmt.Sprintf("%g dialogues/s", r.Rate)
	}
	return []row{
		{"handsets", grouped(uint64(r.Handsets)), ""},
		{"rate", rate, ""},
		{"thinking", fmt.Sprintf("%s, spread %g", seconds(r.Think), r.Spread), ""},
		{"abandon, redial", fmt.Sprintf("%g, %g", r.Abandon, r.Redial), ""},
		{"binds", fmt.Sprintf("%d, window %d", r.Binds, r.Window), ""},
		{"timeout", seconds(r.Timeout), ""},
		{"date", r.Started.UTC().Format("2006-01-02 15:04:05 UTC"), ""},
		{"led for", seconds(r.Led), ""},
		{"version", r.Version, ""},
		{"cores", fmt.Sprintf("%d of the machine's %d", r.Cores, r.MachineCores), ""},
	}
}
