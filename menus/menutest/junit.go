package menutest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string         `xml:"name,attr"`
	ClassName string         `xml:"classname,attr"`
	File      string         `xml:"file,attr"`
	Line      int            `xml:"line,attr"`
	Failures  []junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit XML: a suite for each file.
func (r *Report) WriteJUnit(w io.Writer) error {
	out := junitSuites{Tests: len(r.Results), Failures: r.Failed()}
	for _, res := range r.Results {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != res.File {
			out.Suites = append(out.Suites, junitSuite{Name: res.File})
		}
		s := &out.Suites[len(out.Suites)-1]
		c := junitCase{Name: res.Name, ClassName: strings.TrimSuffix(res.File, Suffix), File: res.File, Line: res.Line}
		for _, f := range res.Failures {
			c.Failures = append(c.Failures, junitFailure{Message: f.Message, Text: f.text(res.File)})
		}
		s.Tests++
		if len(c.Failures) > 0 {
			s.Failures++
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// text is a failure as people read it: its place, and the two phones.
func (f Failure) text(file string) string {
	s := fmt.Sprintf("%s:%d:%d: %s\n", file, f.Line, f.Col, f.Message)
	if f.Expected != "" || f.Actual != "" {
		s += Phones(f.Expected, f.Actual)
	}
	return s
}

// WriteFailures writes every failure for people: the case, the place, and the
// expected and the actual phone side by side. prefix stands before file names.
func (r *Report) WriteFailures(w io.Writer, prefix string) error {
	for _, res := range r.Results {
		if len(res.Failures) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "FAIL %s\n", res.Name); err != nil {
			return err
		}
		for _, f := range res.Failures {
			text := "  " + strings.ReplaceAll(strings.TrimSuffix(f.text(prefix+res.File), "\n"), "\n", "\n  ") + "\n"
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
	}
	return nil
}
