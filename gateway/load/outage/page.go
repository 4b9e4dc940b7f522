package outage

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
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
	return t.Execute(w, map[string]any{
		"Scenario": s, "Results": results,
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
	return seconds(*p.Recovery)
}
