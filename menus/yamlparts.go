package menus

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// The YAML parser reads the entries of a map by recursion and copies those
// behind each of them, so that the time grows with the square of their number.
// The screens of a large menu are therefore read some at a time.
const (
	screensPerPart = 64
	partsFrom      = 4 * screensPerPart // screens of a file that is read so
)

var screenLine = regexp.MustCompile(`^ +[A-Za-z0-9_]+:( |$)`)

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
	type part struct {
		above int
		body  ast.Node
	}
	read := func(lines []string, above int) (part, bool) {
		doc, err := parser.ParseBytes([]byte(strings.Join(lines, "\n")), 0, parser.AllowDuplicateMapKey())
		if err != nil || len(doc.Docs) != 1 {
			return part{}, false
		}
		body := doc.Docs[0].Body
		_, many := body.(*ast.MappingNode)
		_, one := body.(*ast.MappingValueNode)
		return part{above, body}, many || one
	}
	// The file without its screens: they are empty lines there.
	rest := append([]string(nil), f.lines[:top+1]...)
	rest = append(rest, make([]string, end-top-1)...)
	head, ok := read(append(rest, f.lines[end:]...), 0)
	if !ok {
		return nil
	}
	var parts []part
	for k := 0; k < len(starts); k += screensPerPart {
		to := end
		if k+screensPerPart < len(starts) {
			to = starts[k+screensPerPart]
		}
		p, ok := read(f.lines[starts[k]:to], starts[k])
		if !ok {
			return nil
		}
		parts = append(parts, p)
	}
	root := l.convert(f, head.body, 0)
	screens := root.get("screens")
	if screens == nil || screens.kind != nullNode {
		return root // given twice: reported
	}
	screens.kind = mapNode
	seen := make(map[string]int, len(starts))
	for _, p := range parts {
		f.above = p.above
		switch v := p.body.(type) {
		case *ast.MappingNode:
			for _, kv := range v.Values {
				l.addEntry(screens, f, kv, 1, seen)
			}
		case *ast.MappingValueNode:
			l.addEntry(screens, f, v, 1, seen)
		}
	}
	f.above = 0
	screens.placeAtFirst(false)
	return root
}
