package menus

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// node is what the loader reads: YAML cut down to maps, lists and scalars, each
// with its place. Aliases, anchors, tags and merges are not part of the language.
type node struct {
	kind      nodeKind
	file      *file
	line, col int
	text      string // of a scalar
	plain     bool   // a scalar without quotes
	number    bool   // a plain scalar that YAML takes for a number or a boolean
	entries   []entry
	items     []*node
}

type entry struct{ key, val *node }

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	nullNode
	mapNode
	listNode
)

func (k nodeKind) String() string {
	return [...]string{"a single value", "nothing", "a map", "a list"}[k]
}

func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for i := range n.entries {
		if n.entries[i].key.text == key {
			return n.entries[i].val
		}
	}
	return nil
}

type file struct {
	name   string
	data   []byte
	lines  []string
	shared bool // of screens that several menus include
}

func (f *file) line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	return f.lines[n-1]
}

// Bounds of what the loader reads.
const (
	maxFileSize = 4 << 20
	maxDepth    = 20
)

var codeLike = regexp.MustCompile(`[*#][0-9][0-9*#]*`)

// parse turns a file into nodes; nil if that is impossible.
func (l *loader) parse(f *file) *node {
	f.lines = strings.Split(string(f.data), "\n")
	if len(f.data) > maxFileSize {
		l.report(f, 0, 0, "file-too-large", fmt.Sprintf("the file has more than %d MiB", maxFileSize>>20), "split it")
		return nil
	}
	if !utf8.Valid(f.data) {
		for i, line := range f.lines {
			if !utf8.ValidString(line) {
				l.report(f, i+1, 1, "not-utf8", "this line is not UTF-8", "save the file as UTF-8")
				return nil
			}
		}
	}
	for i, line := range f.lines {
		if rest := strings.TrimLeft(line, " "); strings.HasPrefix(rest, "\t") {
			l.report(f, i+1, len(line)-len(rest)+1, "yaml-tab", "a tab cannot indent YAML", "use spaces")
			return nil
		}
	}
	if root := l.parseInParts(f); root != nil {
		return root
	}
	doc, err := parser.ParseBytes(f.data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		l.syntax(f, err)
		return nil
	}
	var root *node
	for _, d := range doc.Docs {
		if d.Body == nil {
			continue
		}
		if root != nil {
			l.at(l.convert(f, d.Body, 0), "several-documents", "a file holds one document", "move what follows --- into a file of its own")
			continue
		}
		root = l.convert(f, d.Body, 0)
	}
	if root == nil {
		l.report(f, 0, 0, "empty-file", "there is nothing in this file", `begin with "menu: name", or delete the file`)
	}
	return root
}

func (l *loader) syntax(f *file, err error) {
	line, col, msg := 1, 1, err.Error()
	if e, ok := err.(interface {
		GetToken() *token.Token
		GetMessage() string
	}); ok {
		msg = e.GetMessage()
		if tk := e.GetToken(); tk != nil && tk.Position != nil {
			line, col = tk.Position.Line, tk.Position.Column
		}
	}
	if at, from, whole := cutByComment(f.lines[:min(max(line, 1), len(f.lines))]); at > 0 {
		l.report(f, at, from, "text-cut", "# begins a comment, so that what is opened before it is never closed", "put the text into quotes: "+whole)
		return
	}
	fix := ""
	switch {
	case strings.Contains(msg, "mapping value is not allowed"):
		fix = `put a text that contains ": " into quotes, and check the indentation`
	case strings.Contains(msg, "reserved character"):
		fix = "put the text into quotes"
	case strings.Contains(msg, "find end") || strings.Contains(msg, "flow mapping end") || strings.Contains(msg, "must be specified"):
		fix = "close what was opened here"
	}
	l.report(f, line, max(col, 1), "yaml-syntax", msg, fix)
}

// cutByComment finds the last line of a broken file in which a comment swallows
// the end of a map or list that the line opens, as in {en: Pay # now}: its number,
// the column of the "#", and the text as it should be written.
func cutByComment(lines []string) (line, col int, whole string) {
	for i := len(lines) - 1; i >= 0; i-- {
		at, open := commentAt(lines[i])
		if at < 0 || !open || !strings.ContainsAny(lines[i][at:], "}]") {
			continue
		}
		from := strings.LastIndexAny(lines[i][:at], "{[,:") + 1
		to := at + strings.IndexAny(lines[i][at:], ",}]")
		return i + 1, utf8.RuneCountInString(lines[i][:at]) + 1, strconv.Quote(strings.TrimSpace(lines[i][from:to]))
	}
	return 0, 0, ""
}

// commentAt finds where a line's comment begins, -1 if it has none, and whether
// something that was opened before it is still open there.
func commentAt(line string) (at int, open bool) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" {[,:", line[i-1]) >= 0):
			quote = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i, depth > 0
		}
	}
	return -1, false
}

// behind is what a line has behind a value without quotes, if that is a comment:
// the text that somebody may have meant, with the comment.
func behind(n *node) (whole string, cut bool) {
	from := fromColumn(n)
	after, ok := strings.CutPrefix(from, n.text)
	if !ok || !n.plain || !strings.HasPrefix(strings.TrimLeft(after, " "), "#") {
		return "", false
	}
	return strings.TrimSpace(from), true
}

func (l *loader) convert(f *file, a ast.Node, depth int) *node {
	n := &node{file: f, line: 1, col: 1, kind: nullNode}
	if a == nil {
		return n
	}
	tk := a.GetToken()
	if tk != nil && tk.Position != nil {
		n.line, n.col = l.above+tk.Position.Line, max(tk.Position.Column, 1)
	}
	if depth > maxDepth {
		l.at(n, "too-deep", "this is nested too deep", "")
		return n
	}
	switch v := a.(type) {
	case *ast.MappingNode:
		n.kind = mapNode
		var seen map[string]int
		if len(v.Values) > fewKeys {
			seen = make(map[string]int, len(v.Values))
		}
		n.entries = make([]entry, 0, len(v.Values))
		for _, kv := range v.Values {
			l.addEntry(n, f, kv, depth, seen)
		}
		n.placeAtFirst(v.IsFlowStyle)
	case *ast.MappingValueNode:
		n.kind = mapNode
		l.addEntry(n, f, v, depth, nil)
		n.placeAtFirst(false)
	case *ast.SequenceNode:
		n.kind = listNode
		for _, item := range v.Values {
			n.items = append(n.items, l.convert(f, item, depth+1))
		}
	case *ast.NullNode:
	case *ast.StringNode:
		n.kind, n.text = scalarNode, v.Value
		n.plain = tk.Type == token.StringType
	case *ast.LiteralNode:
		n.kind, n.text = scalarNode, strings.TrimRight(v.Value.Value, "\n")
	case *ast.AliasNode:
		n.kind, n.text = scalarNode, "*"
		if v.Value != nil {
			n.text += v.Value.GetToken().Value
		}
		if codeLike.MatchString(n.text) {
			l.at(n, "code-unquoted", fmt.Sprintf("YAML takes %s for an alias, not for a code", n.text), fmt.Sprintf("write %q", n.text))
		} else {
			l.at(n, "yaml-feature", "aliases (*name) are not part of the menu language", "write the value itself, in quotes if it begins with *")
		}
	case *ast.AnchorNode:
		l.at(n, "yaml-feature", "anchors (&name) are not part of the menu language", "remove the anchor; put a text that begins with & into quotes")
	case *ast.TagNode:
		l.at(n, "yaml-feature", "tags (!name) are not part of the menu language", "remove the tag; put a text that begins with ! into quotes")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.kind, n.text, n.plain, n.number = scalarNode, tk.Value, true, true
	default:
		l.at(n, "yaml-feature", fmt.Sprintf("%s is not part of the menu language", a.Type()), "")
	}
	return n
}

// placeAtFirst moves a block map's place from its first colon to its first key.
func (n *node) placeAtFirst(flow bool) {
	if !flow && len(n.entries) > 0 {
		n.line, n.col = n.entries[0].key.line, n.entries[0].key.col
	}
}

// fewKeys is up to how many keys of a map are compared one by one.
const fewKeys = 12

// addEntry converts an entry of a map. seen has the lines of its keys; without
// it they are looked for in the map itself.
func (l *loader) addEntry(n *node, f *file, kv *ast.MappingValueNode, depth int, seen map[string]int) {
	key := l.key(f, kv, depth)
	if key == nil {
		return
	}
	if seen != nil {
		if l.given(key, seen) {
			return
		}
	} else {
		for i := range n.entries {
			if first := n.entries[i].key; first.text == key.text {
				l.twice(key, first.line)
				return
			}
		}
	}
	n.entries = append(n.entries, entry{key, l.convert(f, kv.Value, depth+1)})
}

// key converts the key of an entry; nil if it is none, which is reported.
func (l *loader) key(f *file, kv *ast.MappingValueNode, depth int) *node {
	if _, merge := kv.Key.(*ast.MergeKeyNode); merge {
		pos := kv.Key.GetToken().Position
		l.report(f, l.above+pos.Line, pos.Column, "yaml-feature", "merges (<<) are not part of the menu language", "write the keys themselves")
		return nil
	}
	if key := l.convert(f, kv.Key, depth+1); key.kind == scalarNode {
		return key
	}
	return nil
}

// given says whether a key is among those seen, and reports it then.
func (l *loader) given(key *node, seen map[string]int) bool {
	first, twice := seen[key.text]
	if twice {
		l.twice(key, first)
	} else {
		seen[key.text] = key.line
	}
	return twice
}

func (l *loader) twice(key *node, first int) {
	l.at(key, "duplicate-key", fmt.Sprintf("%q is already given in line %d", key.text, first), "keep one of them")
}
