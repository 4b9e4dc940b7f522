package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"nyota/menus"
	"nyota/menus/menutest"
)

// problemFormats are how findings are written, by the name of --format.
var problemFormats = map[string]func(io.Writer, *findings) error{
	"text": writeText, "json": writeJSON, "github": writeGitHub, "sarif": writeSARIF,
}

// writeText is for people and for editors that read file:line:col.
func writeText(w io.Writer, f *findings) error {
	var b strings.Builder
	if len(f.Problems) > 0 {
		fmt.Fprintf(&b, "%s\n%d problems in %s\n", f.Problems.Error(), len(f.Problems), f.Dir)
	} else {
		fmt.Fprintf(&b, "%s: no problems; menus %v, revision %s\n", f.Dir, f.Menus, f.Revision)
	}
	if f.Coverage != nil {
		if err := menutest.WriteCoverage(&b, f.Coverage); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type jsonProblem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Col     int    `json:"col,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Snippet string `json:"snippet,omitempty"`
}

type jsonCovered struct {
	Reached int      `json:"reached"`
	All     int      `json:"all"`
	Missed  []string `json:"missed"`
}

type jsonCoverage struct {
	Menu      string      `json:"menu"`
	Languages jsonCovered `json:"languages"`
	Screens   jsonCovered `json:"screens"`
	Options   jsonCovered `json:"options"`
	Outcomes  jsonCovered `json:"outcomes"`
}

// writeJSON is for other programs: one object.
func writeJSON(w io.Writer, f *findings) error {
	out := struct {
		Dir      string         `json:"dir"`
		Menus    []string       `json:"menus"`
		Revision string         `json:"revision,omitempty"`
		Problems []jsonProblem  `json:"problems"`
		Coverage []jsonCoverage `json:"coverage,omitempty"`
	}{Dir: f.Dir, Menus: append([]string{}, f.Menus...), Revision: f.Revision, Problems: []jsonProblem{}}
	for _, p := range f.Problems {
		out.Problems = append(out.Problems, jsonProblem(p))
	}
	covered := func(c menutest.Covered) jsonCovered {
		return jsonCovered{c.Reached, c.All(), append([]string{}, c.Missed...)}
	}
	for _, c := range f.Coverage {
		out.Coverage = append(out.Coverage, jsonCoverage{c.Menu, covered(c.Languages), covered(c.Screens), covered(c.Options), covered(c.Outcomes)})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// writeGitHub writes workflow commands, which become annotations of a change.
func writeGitHub(w io.Writer, f *findings) error {
	value := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for _, p := range f.Problems {
		place := "file=" + property.Replace(p.File)
		if p.Line > 0 {
			place += fmt.Sprintf(",line=%d,col=%d", p.Line, p.Col)
		}
		fmt.Fprintf(&b, "::error %s,title=%s::%s\n", place, property.Replace(p.Code), value.Replace(withFix(p)))
	}
	for _, c := range f.Coverage {
		fmt.Fprintf(&b, "::notice title=coverage::%s\n", value.Replace(fmt.Sprintf("%s: screens %.1f %%, options %.1f %%, outcomes %.1f %%",
			c.Menu, c.Screens.Percent(), c.Options.Percent(), c.Outcomes.Percent())))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func withFix(p menus.Problem) string {
	if p.Fix == "" {
		return p.Message
	}
	return p.Message + "\nfix: " + p.Fix
}

// SARIF 2.1.0, as far as a linter needs it.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// writeSARIF is for code scanning services.
func writeSARIF(w io.Writer, f *findings) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "gateway check", Rules: []sarifRule{}}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	for _, p := range f.Problems {
		rule := slices.IndexFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == p.Code })
		if rule < 0 {
			rule = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{p.Code})
		}
		at := sarifPhysical{Artifact: sarifArtifact{filepath.ToSlash(p.File)}}
		if p.Line > 0 {
			at.Region = &sarifRegion{p.Line, max(p.Col, 1)}
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: p.Code, RuleIndex: rule, Level: "error", Message: sarifMessage{withFix(p)}, Locations: []sarifLocation{{at}},
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}
