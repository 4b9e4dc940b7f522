package menus

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a menu file.
type Problem struct {
	File    string
	Line    int    // 1-based; 0 if the problem is of the whole file or catalog
	Col     int    // 1-based, in characters
	Code    string // stable name of the kind of problem: "unknown-screen"
	Message string // what is wrong
	Fix     string // what to do about it, "" if the message says it
	Snippet string // the line of the file, and below it a caret at Col
}

// String is the problem as people and editors read it, on several lines.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	fmt.Fprintf(&b, ": %s %s", p.Code, p.Message)
	if p.Snippet != "" {
		for line := range strings.SplitSeq(p.Snippet, "\n") {
			b.WriteString("\n    ")
			b.WriteString(line)
		}
	}
	if p.Fix != "" {
		b.WriteString("\n    fix: ")
		b.WriteString(p.Fix)
	}
	return b.String()
}

// Problems are all problems of a catalog, sorted by file, line and column. It is
// the error of Load and LoadSource when the files are to blame.
type Problems []Problem

// Error has all of them, one below the other.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(ps, func(a, b Problem) bool { return a == b })
}

// snippet cuts a line of the file and puts a caret below column col. Long lines
// are cut around it, tabs become spaces so that the caret stays in place.
func snippet(line string, col int) string {
	const width = 100
	r := []rune(strings.ReplaceAll(strings.TrimRight(line, "\r"), "\t", " "))
	col = min(max(col, 1), len(r)+1)
	from := 0
	if col > width-20 {
		from = col - width/2
	}
	to := min(from+width, len(r))
	head := ""
	if from > 0 {
		head = "…"
	}
	tail := ""
	if to < len(r) {
		tail = "…"
	}
	return head + string(r[from:to]) + tail + "\n" + strings.Repeat(" ", len([]rune(head))+col-1-from) + "^"
}
