package menus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Helpers that read nodes strictly: what is not there is nil, what is wrong is
// reported once.

var (
	nameRule = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	langRule = regexp.MustCompile(`^[a-z]{2,3}$`)
	codeRule = regexp.MustCompile(`^\*[0-9]+(\*[0-9]+)*#$`)
)

// keys checks that n is a map with no other keys than those known.
func (l *loader) keys(n *node, what string, known ...string) bool {
	if !l.isMap(n, what) {
		return false
	}
	for _, e := range n.entries {
		if !slices.Contains(known, e.key.text) {
			l.at(e.key, "unknown-key", fmt.Sprintf("%s has no key %q", what, e.key.text), l.suggest(e.key.text, known, "one of: "+strings.Join(known, ", ")))
		}
	}
	return true
}

func (l *loader) isMap(n *node, what string) bool {
	if n.kind != mapNode {
		l.at(n, "wrong-type", fmt.Sprintf("%s is a map, not %s", what, n.kind), "")
		return false
	}
	return true
}

// need returns the value of a key that must be there.
func (l *loader) need(n *node, key, what string) *node {
	v := n.get(key)
	if v == nil {
		l.at(n, "missing-key", fmt.Sprintf("%s needs %q", what, key), "")
		return nil
	}
	return v
}

// str reads a text. A plain number would lose its leading zeros or become
// another number in other YAML tools, so it is refused.
func (l *loader) str(n *node, what string) (string, bool) {
	switch {
	case n == nil:
		return "", false
	case n.kind == nullNode && strings.HasPrefix(strings.TrimSpace(fromColumn(n)), "#"):
		l.at(n, "text-cut", fmt.Sprintf("%s is empty: # begins a comment", what), `write "#" in quotes`)
		return "", false
	case n.kind != scalarNode:
		l.at(n, "wrong-type", fmt.Sprintf("%s is a text, not %s", what, n.kind), "")
		return "", false
	case n.number:
		l.at(n, "number-unquoted", fmt.Sprintf("%s is a text, but YAML takes %s for a number or a truth value", what, n.text), fmt.Sprintf("write %q", n.text))
		return "", false
	case strings.HasPrefix(n.text, "*") && n.plain:
		return "", false // an alias: reported
	}
	return n.text, true
}

// fromColumn is the line of a node from the node on.
func fromColumn(n *node) string {
	line, left := n.file.line(n.line), n.col-1
	for i := range line {
		if left == 0 {
			return line[i:]
		}
		left--
	}
	return ""
}

// name reads an identifier.
func (l *loader) name(n *node, what string) (string, bool) {
	s, ok := l.str(n, what)
	if ok && !nameRule.MatchString(s) {
		l.at(n, "bad-name", fmt.Sprintf("%q cannot be the name of %s", s, what), "names are small letters, digits and _, a letter first, at most 40")
		return "", false
	}
	return s, ok
}

// integer reads a whole number within bounds.
func (l *loader) integer(n *node, what string, low, high int) (int, bool) {
	v := 0
	if n.kind == scalarNode && n.number {
		if _, err := fmt.Sscanf(n.text, "%d", &v); err == nil && fmt.Sprint(v) == n.text && v >= low && v <= high {
			return v, true
		}
	}
	l.at(n, "bad-value", fmt.Sprintf("%s is a whole number from %d to %d", what, low, high), "")
	return 0, false
}

func (l *loader) duration(n *node, what string, low, high time.Duration) (time.Duration, bool) {
	if n.kind == scalarNode {
		if d, err := time.ParseDuration(n.text); err == nil && d >= low && d <= high {
			return d, true
		}
	}
	l.at(n, "bad-value", fmt.Sprintf("%s is a time from %s to %s", what, low, high), `write it with its unit: 4s, 500ms, 5m`)
	return 0, false
}

// suggest proposes the known name nearest to a wrong one. What all wrong names of
// a catalog cost is bounded by maxGuesses; those behind it get no proposal.
func (l *loader) suggest(wrong string, known []string, otherwise string) string {
	if l.guesses += len(known); l.guesses > maxGuesses {
		return otherwise
	}
	best, at := max(len(wrong)/3, 1)+1, ""
	for _, k := range known {
		if d := distance(wrong, k, best); d < best {
			best, at = d, k
		}
	}
	if at == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %q?", at)
}

// distance counts the letters to add, drop, change or swap with their neighbour.
// It is at least limit if it is not below it.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	var space [3 * 64]int
	rows := space[:]
	width := len(b) + 1
	if 3*width > len(rows) {
		rows = make([]int, 3*width)
	}
	before, above, row := rows[:width], rows[width:2*width], rows[2*width:3*width]
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := above[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, row[j]+1, above[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

// nameRef is what a name in a text stands for.
type nameRef struct {
	typ     valueType
	source  source
	slot    int
	literal *string // known when the menus are loaded
	always  bool    // surely has a value
	index   int     // of the menu's variable, for the flow's check; -1 if none
}

// names resolves the variables of one text.
type names struct {
	lang  string // of the text
	find  func(name string) (nameRef, bool)
	known func() []string
	// used is told about each use of a variable that has no guard around it.
	used func(n *node, text string, off int, name string, ref nameRef)
}

// localised reads a text in all languages, compiled; nil for a language that is
// missing (and reported).
func (l *loader) localised(n *node, what string, langs []string, vars names) [][]seg {
	if n == nil {
		return nil
	}
	if n.kind == scalarNode && len(langs) > 0 {
		if whole, cut := behind(n); cut {
			l.at(n, "text-cut", fmt.Sprintf("%s ends at %q: # begins a comment", what, n.text), fmt.Sprintf("write {%s: %q}, with every language", langs[0], whole))
			return nil
		}
		l.at(n, "wrong-type", fmt.Sprintf("%s is a map of languages, not a single value", what), fmt.Sprintf("{%s: ...}", strings.Join(langs, ": ..., ")))
		return nil
	}
	if !l.isMap(n, what) {
		return nil
	}
	out := make([][]seg, len(langs))
	for _, e := range n.entries {
		i := slices.Index(langs, e.key.text)
		if i < 0 && (l.shared || n.file.shared && slices.Contains(l.langs, e.key.text)) && e.val.kind == scalarNode && langRule.MatchString(e.key.text) {
			continue // a language that no menu has yet, or whose menu could not be read
		}
		if i < 0 {
			fix := "languages here are " + orNone(langs)
			if e.val.kind == nullNode {
				fix = "a text with a comma in it must be in quotes"
			}
			l.at(e.key, "unknown-language", fmt.Sprintf("%s: %q is not a language of this menu", what, e.key.text), fix)
			continue
		}
		if text, ok := l.textValue(e.val, what); ok {
			vars.lang = langs[i]
			out[i] = l.template(e.val, text, vars)
		}
	}
	var missing []string
	for _, lang := range langs {
		if n.get(lang) == nil {
			missing = append(missing, lang)
		}
	}
	if len(missing) > 0 {
		l.at(n, "missing-translation", fmt.Sprintf("%s is missing in %s", what, strings.Join(missing, ", ")), fmt.Sprintf("add %s: \"...\"", missing[0]))
	}
	return out
}

func (l *loader) textValue(n *node, what string) (string, bool) {
	text, ok := l.str(n, what)
	if !ok {
		return "", false
	}
	if strings.TrimSpace(text) == "" {
		l.at(n, "empty-text", what+" is empty", "")
		return "", false
	}
	if whole, cut := behind(n); cut {
		l.at(n, "text-cut", fmt.Sprintf("%s ends at %q: # begins a comment", what, text), fmt.Sprintf("write %q, or %q if the comment is one", whole, text))
		return "", false
	}
	for _, r := range text {
		if r < ' ' && r != '\n' {
			l.at(n, "bad-character", fmt.Sprintf("%s has the control character %U in it", what, r), "")
			return "", false
		}
	}
	return text, true
}

// template parses and compiles a text.
func (l *loader) template(n *node, text string, vars names) []seg {
	parsed, err := parseTemplate(text)
	if err != nil {
		l.inText(n, text, err.off, "bad-template", err.msg, "")
		return nil
	}
	return l.segments(n, text, parsed, vars, nil)
}

// inText reports at a place within a text: exactly where the text is written on
// one line, at its begin otherwise.
func (l *loader) inText(n *node, text string, off int, code, msg, fix string) {
	col := n.col
	if from := fromColumn(n); !strings.Contains(text, "\n") {
		if i := strings.Index(from, text); i >= 0 {
			col += len([]rune(from[:i])) + len([]rune(text[:off]))
		}
	}
	l.report(n.file, n.line, col, code, msg, fix)
}

func (l *loader) segments(n *node, text string, parsed []tnode, vars names, guards []string) []seg {
	var out []seg
	literal := func(s string) {
		if k := len(out); k > 0 && out[k-1].source == fromLiteral {
			out[k-1].lit += s
		} else if s != "" {
			out = append(out, seg{lit: s})
		}
	}
	for _, t := range parsed {
		if t.name == "" {
			literal(t.lit)
			continue
		}
		ref, ok := vars.find(t.name)
		switch {
		case !ok:
			known := vars.known()
			l.inText(n, text, t.off, "unknown-variable", fmt.Sprintf("there is no {%s} here", t.name), l.suggest(t.name, known, "known here: "+orNone(known)))
			continue
		case ref.typ == typeSecret:
			l.inText(n, text, t.off, "secret-in-text", fmt.Sprintf("{%s} is a secret: no text can show it or depend on it", t.name), "remove it")
			continue
		case ref.typ == typeRows && !t.cond && t.forms == nil && t.format != "count":
			l.inText(n, text, t.off, "wrong-format", fmt.Sprintf("{%s} is rows: they cannot stand in a text", t.name), "use each: {rows: "+t.name+", text: ...}, or {"+t.name+"|count} for their number")
			continue
		}
		if t.forms != nil {
			if s, ok := l.plural(n, text, t, ref, vars, guards); ok {
				out = append(out, s)
			}
			if !ref.always && !slices.Contains(guards, t.name) {
				vars.used(n, text, t.off, t.name, ref)
			}
			continue
		}
		if t.cond {
			then := l.segments(n, text, t.then, vars, append(slices.Clip(guards), t.name))
			els := l.segments(n, text, t.els, vars, guards)
			if ref.literal != nil {
				if *ref.literal == "" {
					then = els
				}
				for _, s := range then {
					if s.source == fromLiteral {
						literal(s.lit)
					} else {
						out = append(out, s)
					}
				}
				continue
			}
			out = append(out, seg{source: ref.source, slot: int16(ref.slot), cond: true, then: then, els: els})
			continue
		}
		f, known, fits := pickFormat(ref.typ, t.format)
		switch {
		case !known:
			all := make([]string, len(formatNames))
			for i, n := range formatNames {
				all[i] = n.name
			}
			l.inText(n, text, t.off, "unknown-format", fmt.Sprintf("there is no format %q", t.format), l.suggest(t.format, all, "one of: "+strings.Join(all, ", ")))
			continue
		case !fits:
			l.inText(n, text, t.off, "wrong-format", fmt.Sprintf("{%s} is %s, which the format %q cannot show", t.name, ref.typ, t.format), "")
			continue
		}
		if !ref.always && !slices.Contains(guards, t.name) {
			vars.used(n, text, t.off, t.name, ref)
		}
		if ref.literal != nil {
			literal(*ref.literal)
			continue
		}
		out = append(out, seg{source: ref.source, slot: int16(ref.slot), format: f})
	}
	return out
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if more := len(names) - maxListed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), more)
	}
	return strings.Join(names, ", ")
}

// maxListed is how many names a fix lists.
const maxListed = 20
