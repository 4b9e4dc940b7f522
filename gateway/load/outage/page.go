package outage

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed page.html
var pageText string

// Page writes a self-contained HTML page with the results of one scenario, under
// as many policies as there are, and plots over time on one scale.
func Page(w io.Writer, s Scenario, results []Result) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	data, err := json.Marshal(results)
	if err != nil {
		return err
	}
	var phases []PhaseResult
	if len(results) > 0 {
		phases = results[0].Phases
	}
	length := 0.0
	for _, p := range phases {
		length += p.Seconds
	}
	return t.Execute(w, map[string]any{
		"Scenario": s, "Results": results, "Phases": phases,
		"Workers": *s.Core.Workers, "Customers": s.Customers, "Length": time.Duration(length * float64(time.Second)).Round(time.Second).String(),
		"Data": template.JS(data), //nolint:gosec // our own numbers, and names that json has escaped for HTML
	})
}

// Percent is a phase's goodput for the page.
func (p PhaseResult) Percent() string {
	if p.Goodput == nil {
		return "-"
	}
	return percent(*p.Goodput)
}

// Grade is the class of a phase's goodput on the page.
func (p PhaseResult) Grade() string {
	switch {
	case p.Goodput == nil:
		return ""
	case *p.Goodput >= enough:
		return "good"
	}
	return "bad"
}

// LoadPercent is a phase's load for the page.
func (p PhaseResult) LoadPercent() string { return percent(p.Load) }

// UnknownShare is the unknown as a share of the accepted, for the page.
func (p PhaseResult) UnknownShare() string {
	if p.Accepted == 0 {
		return "-"
	}
	return percent(float64(p.Unknown) / float64(p.Accepted))
}

// RecoveredIn is the recovery for the page.
func (p PhaseResult) RecoveredIn() string {
	switch {
	case p.Recovery == nil:
		return ""
	case *p.Recovery < 0:
		return "never"
	}
	return fmt.Sprintf("%.1f s", *p.Recovery)
}

// Errands is how many came to their end in all phases.
func (r Result) Errands() int {
	n := 0
	for _, p := range r.Phases {
		n += p.Errands
	}
	return n
}

// SlowestP99 is the highest 99th percentile of a phase, in seconds.
func (r Result) SlowestP99() float64 {
	most := 0.0
	for _, p := range r.Phases {
		most = max(most, p.P99)
	}
	return most / 1000
}
