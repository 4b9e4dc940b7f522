package menus

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// The YAML parser reads the entries of a map by recursion and copies those
// behind each of them, so that the time grows with the square of their number.
// The screens of a large menu are therefore read some at a time, on all
// processors, and what the parser made of a part is let go with it.
const (
	screensPerPart = 16
	partsFrom      = 16 * screensPerPart // screens of a file that is read so
)

var screenLine = regexp.MustCompile(`^ +[A-Za-z0-9_]+:( |\r?$)`)

// parseInParts reads a large file of screens. It returns nil for every other
// file, and for one whose parts are not right by themselves: then the file is
// read as a whole, to say what is wrong with it.
func (l *loader) parseInParts(f *file) *node {
	top, indent := -1, 0
	var starts []int // lines of screens
	end := len(f.lines)
	for i, line := range f.lines {
		text := strings.TrimLeft(line, " ")
		if text == "" || text[0] == '#' {
			continue
		}
		depth := len(line) - len(text)
		switch {
		case top < 0:
			if depth == 0 && strings.TrimRight(line, " \r") == "screens:" {
				top = i
			}
		case depth == 0:
			if end == len(f.lines) {
				end = i
			}
		case end < len(f.lines):
		case len(starts) == 0:
			indent = depth
			starts = append(starts, i)
		case depth == indent && screenLine.MatchString(line):
			starts = append(starts, i)
		}
	}
	if len(starts) < partsFrom {
		return nil
	}
	var ranges [][2]int // of lines: a part each
	for k := 0; k < len(starts); k += screensPerPart {
		to := end
		if k+screensPerPart < len(starts) {
			to = starts[k+screensPerPart]
		}
		ranges = append(ranges, [2]int{starts[k], to})
	}
	parts := make([]*part, len(ranges))
	var next atomic.Int32
	var readers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		readers.Go(func() {
			for k := int(next.Add(1)) - 1; k < len(ranges); k = int(next.Add(1)) - 1 {
				from, to := ranges[k][0], ranges[k][1]
				if parts[k] = readPart(f, from, to); parts[k] == nil {
					next.Store(int32(len(ranges))) // the file is read as a whole
				}
			}
		})
	}
	// The file without its screens: they are empty lines there.
	rest := append([]string(nil), f.lines[:top+1]...)
	rest = append(rest, make([]string, end-top-1)...)
	head := parseMapOf(append(rest, f.lines[end:]...))
	readers.Wait()
	if head == nil || slices.Contains(parts, nil) {
		return nil
	}
	root := l.convert(f, head, 0)
	screens := root.get("screens")
	if screens == nil || screens.kind != nullNode {
		return root // given twice: reported
	}
	screens.kind = mapNode
	screens.entries = make([]entry, 0, len(starts))
	seen := make(map[string]int, len(starts))
	for _, p := range parts {
		for i := range p.entries {
			e := &p.entries[i]
			l.problems = append(l.problems, e.ofKey...)
			if e.key == nil || l.given(e.key, seen) {
				continue
			}
			l.problems = append(l.problems, e.ofValue...)
			screens.entries = append(screens.entries, entry{e.key, e.val})
		}
	}
	screens.placeAtFirst(false)
	return root
}

// maxReaders bounds how many parts are read at the same time.
const maxReaders = 8

// part is some of the screens of a file.
type part struct{ entries []partEntry }

// partEntry is one of them, with what is wrong in it. The key is nil if it is
// none.
type partEntry struct {
	entry
	ofKey, ofValue Problems
}

// readPart reads the screens of some lines; nil if these are no map by
// themselves.
func readPart(f *file, from, to int) *part {
	var values []*ast.MappingValueNode
	switch v := parseMapOf(f.lines[from:to]).(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		return nil
	}
	l := &loader{above: from}
	p := &part{entries: make([]partEntry, len(values))}
	for i, kv := range values {
		e := &p.entries[i]
		l.problems = nil
		e.key = l.key(f, kv, 1)
		e.ofKey, l.problems = l.problems, nil
		if e.key != nil {
			e.val = l.convert(f, kv.Value, 2)
			e.ofValue = l.problems
		}
	}
	return p
}

// parseMapOf parses lines that are one map; nil if they are not.
func parseMapOf(lines []string) ast.Node {
	doc, err := parser.ParseBytes([]byte(strings.Join(lines, "\n")), 0, parser.AllowDuplicateMapKey())
	if err != nil || len(doc.Docs) != 1 {
		return nil
	}
	switch body := doc.Docs[0].Body.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return body
	}
	return nil
}
