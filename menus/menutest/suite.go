package menutest

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"nyota/menus"
)

// Suite is the tests of a catalog.
type Suite struct {
	catalog *menus.Catalog
	files   []*testFile
}

type testFile struct {
	name  string
	data  []byte
	cases []*testCase
}

type testCase struct {
	name      string
	line, col int
	languages []string // "" is the menu's first
	customer  string
	now       time.Time
	down      map[string]menus.Unavailable
	busy      map[string]bool
	open      []menus.Earlier          // said at a dial
	again     map[string]menus.Earlier // by call: done before, the same
	core      map[string]*script       // of the case
	shared    map[string]*script       // of the file
	steps     []step
	sms       map[menus.Role][]expectation // nil: not judged
}

// script is what the core answers to one call or screen.
type script struct {
	answers   []answer
	repeats   bool // a single answer is given again and again
	line, col int
}

type answer struct {
	result  menus.Result
	expired bool // an action that was accepted and never sent
	silent  bool // nothing was accepted: no SMS
	late    *answer
}

type step struct {
	line, col int
	dial      bool
	at        string        // the screen that a dial begins on, "" for the menu's first
	with      []menus.Value // the variables there
	keys      []key
	expect    *expectation
}

type key struct {
	text   string
	secret int // 1: some digits for a PIN, 2: others
}

// expectation is what a screen or an SMS should be.
type expectation struct {
	line, col int
	exact     *place
	contains  []string
	lacks     []string
	matches   *regexp.Regexp
	screen    string
	ends      *bool
	secret    *bool
}

// place is an exact text and where it stands, so that it can be written anew.
type place struct {
	text      string
	line, col int
}

// Suffix of the files that hold dialogue tests.
const Suffix = ".test.yaml"

// Load reads every *.test.yaml of fsys, folders included, strictly: what it does
// not know is an error. All that is wrong comes back at once as menus.Problems;
// any other error is of the file system.
func Load(fsys fs.FS, catalog *menus.Catalog) (*Suite, error) {
	s := &Suite{catalog: catalog}
	var problems menus.Problems
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, Suffix) {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		f, found := readFile(path, data, catalog)
		s.files = append(s.files, f)
		problems = append(problems, found...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("menutest: reading the tests: %w", err)
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return s, nil
}

// Cases is how many cases there are.
func (s *Suite) Cases() int {
	n := 0
	for _, f := range s.files {
		n += len(f.cases)
	}
	return n
}

// Result is one case in one language.
type Result struct {
	File     string
	Line     int
	Col      int
	Name     string // with the language, if the case has several
	Failures []Failure
}

// Failure is one thing that was not as expected.
type Failure struct {
	Line     int
	Col      int
	Message  string
	Expected string // a screen's or an SMS's text, or what was expected of it; "" where there is none
	Actual   string
}

// Report is what became of a run.
type Report struct {
	Results  []Result
	Coverage []Coverage // one for each menu, by name
	edits    map[string][]edit
}

// Failed counts the cases with failures.
func (r *Report) Failed() int {
	n := 0
	for i := range r.Results {
		if len(r.Results[i].Failures) > 0 {
			n++
		}
	}
	return n
}

// Run runs the cases whose names run matches; nil is all of them.
func (s *Suite) Run(run *regexp.Regexp) *Report {
	report := &Report{edits: map[string][]edit{}}
	cover := newCoverage(s.catalog)
	for _, f := range s.files {
		for _, c := range f.cases {
			for _, lang := range c.languages {
				name := c.name
				if len(c.languages) > 1 {
					name += " [" + lang + "]"
				}
				if run != nil && !run.MatchString(name) {
					continue
				}
				p := player{catalog: s.catalog, c: c, lang: lang, cover: cover, given: map[*script]int{}, sms: map[menus.Role][]string{}}
				p.play()
				report.Results = append(report.Results, Result{File: f.name, Line: c.line, Col: c.col, Name: name, Failures: p.failures})
				report.edits[f.name] = append(report.edits[f.name], p.edits...)
			}
		}
	}
	report.Coverage = cover.all()
	return report
}

// Problems are the failures as editors read them: at the step that failed.
func (r *Report) Problems() menus.Problems {
	var all menus.Problems
	for _, res := range r.Results {
		for _, f := range res.Failures {
			all = append(all, menus.Problem{File: res.File, Line: f.Line, Col: f.Col, Code: "test-failed", Message: res.Name + ": " + f.Message})
		}
	}
	return all.Sorted()
}

// Updated are the files with every exact text that was not right written anew,
// by name. Files that stay as they are, are not among them.
func (s *Suite) Updated(r *Report) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, f := range s.files {
		edits := slices.Clone(r.edits[f.name])
		if len(edits) == 0 {
			continue
		}
		data, err := rewrite(f.data, edits)
		if err != nil {
			return nil, fmt.Errorf("%s:%w", f.name, err)
		}
		out[f.name] = data
	}
	return out, nil
}
