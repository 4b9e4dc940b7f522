package menus

import (
	"fmt"
	"slices"
	"strings"
)

// menu is one file while it is compiled.
type menu struct {
	root     *node
	name     string
	codes    []*node
	keywords []*node
	files    map[string]bool // own and included
	langs    []string
	screens  []entry // key: the screen's id
	ids      map[string]int
	vars     []varDecl
	twins    [][2]string // secrets that are typed twice
	edges    []edge
	uses     []use
	program  *Program
}

// varDecl is a variable of a menu; its index is its place in menu.vars.
type varDecl struct {
	name    string
	typ     valueType
	at      *node
	slot    int // of Program.vars, or of the secrets
	choices []choice
}

// Bounds of one menu.
const (
	maxScreens = 1<<16 - 1
	maxOptions = 97
)

// declare reads what other parts of a menu refer to: its name, codes and
// languages, the ids of its screens, the names and types of its variables.
func (l *loader) declare(root *node) *menu {
	m := &menu{root: root, ids: map[string]int{}, files: map[string]bool{root.file.name: true}}
	l.keys(root, "a menu's file", "menu", "include", "codes", "keywords", "languages", "start", "keys", "tries", "resume", "again", "maintenance", "texts", "aliases", "screens")
	m.name, _ = l.name(root.get("menu"), "a menu")
	l.declareCodes(m)
	l.declareKeywords(m)
	l.declareLanguages(m)
	if n := l.need(root, "screens", "a menu"); n != nil && l.isMap(n, "screens") {
		for _, e := range l.screenEntries(n) {
			if len(m.screens) == maxScreens {
				l.at(e.key, "too-many", fmt.Sprintf("a menu has at most %d screens", maxScreens), "make two menus of it")
				break
			}
			m.ids[e.key.text] = len(m.screens)
			m.screens = append(m.screens, e)
		}
		l.pull(m)
	}
	for _, b := range builtins {
		m.vars = append(m.vars, varDecl{name: b.name, typ: b.typ, slot: len(m.vars)})
	}
	l.declareVariables(m)
	return m
}

func (l *loader) declareCodes(m *menu) {
	n := l.need(m.root, "codes", "a menu")
	if n == nil {
		return
	}
	if n.kind != listNode {
		l.at(n, "wrong-type", "codes is a list, not "+n.kind.String(), `write codes: ["*150*00#"]`)
		return
	}
	for _, c := range n.items {
		code, ok := l.str(c, "a code")
		switch {
		case !ok:
		case !codeRule.MatchString(code):
			l.at(c, "bad-code", fmt.Sprintf("%q cannot be dialled", code), `a code is like "*150*00#"`)
		case slices.ContainsFunc(m.codes, func(o *node) bool { return o.text == code }):
			l.at(c, "duplicate-code", fmt.Sprintf("the code %s is given twice", code), "keep one of them")
		default:
			m.codes = append(m.codes, c)
		}
	}
}

func (l *loader) declareLanguages(m *menu) {
	n := l.need(m.root, "languages", "a menu")
	if n == nil {
		return
	}
	if n.kind != listNode || len(n.items) == 0 {
		l.at(n, "wrong-type", "languages is a list of at least one language", "write languages: [en, sw]")
		return
	}
	for _, item := range n.items {
		lang, ok := l.str(item, "a language")
		switch {
		case !ok:
		case !langRule.MatchString(lang):
			l.at(item, "bad-value", fmt.Sprintf("%q is not a language code", lang), "write two or three small letters: en, sw")
		case slices.Contains(m.langs, lang):
			l.at(item, "bad-value", fmt.Sprintf("the language %q is given twice", lang), "keep one of them")
		default:
			m.langs = append(m.langs, lang)
		}
	}
}

var inputTypes = map[string]valueType{
	"msisdn": typeMSISDN, "money": typeMoney, "number": typeNumber, "text": typeText, "date": typeDate, "secret": typeSecret, "choice": typeChoice,
}

// declareVariables finds what the screens define: inputs, saves, results of
// actions, and last what options set, whose types follow from the others.
func (l *loader) declareVariables(m *menu) {
	var sets []entry
	for _, s := range m.screens {
		kind := scalar(s.val.get("kind"))
		switch kind {
		case "input", "confirm":
			if n := s.val.get("var"); n != nil {
				if typ, ok := inputTypes[scalar(s.val.get("type"))]; ok {
					l.define(m, n, typ)
				}
				if twin := s.val.get("same_as"); twin != nil {
					m.twins = append(m.twins, [2]string{scalar(n), scalar(twin)})
				}
			}
		case "fetch":
			if def := findCall(scalar(s.val.get("call"))); def != nil {
				if n := s.val.get("save"); n != nil {
					for _, e := range n.entries {
						if r := def.result(e.key.text); r != nil {
							l.define(m, e.val, r.typ)
						}
					}
				}
			}
		case "action":
			if def := findCall(scalar(s.val.get("call"))); def != nil {
				for _, r := range def.results {
					l.defineName(m, r.name, r.typ, s.val.get("call"))
				}
			}
		case "list":
			if n := s.val.get("set"); n != nil {
				for _, e := range n.entries {
					if k := rowField(scalar(e.val)); k >= 0 {
						l.define(m, e.key, rowDefs[k].typ)
					}
				}
			}
		case "menu", "message":
			if n := s.val.get("options"); n != nil {
				for _, o := range n.items {
					if set := o.get("set"); set != nil {
						sets = append(sets, set.entries...)
					}
				}
			}
		}
	}
	for range 2 { // a variable may be set from one that is set further below
		for _, e := range sets {
			if e.key.text == "language" || m.variable(e.key.text) >= 0 || e.val.kind != scalarNode {
				continue
			}
			if strings.HasPrefix(e.val.text, "=") {
				l.define(m, e.key, typeText)
			} else if v := m.variable(e.val.text); v >= 0 && m.vars[v].typ != typeSecret {
				l.define(m, e.key, m.vars[v].typ)
			}
		}
	}
}

func scalar(n *node) string {
	if n == nil || n.kind != scalarNode {
		return ""
	}
	return n.text
}

// define declares the variable that n names.
func (l *loader) define(m *menu, n *node, typ valueType) {
	if name, ok := l.name(n, "a variable"); ok {
		l.defineName(m, name, typ, n)
	}
}

func (l *loader) defineName(m *menu, name string, typ valueType, at *node) {
	if name == "language" {
		l.at(at, "bad-name", `"language" is the dialogue's language, not a variable`, "choose another name")
		return
	}
	if i := m.variable(name); i >= 0 {
		v := &m.vars[i]
		switch {
		case i < firstSlot:
			l.at(at, "bad-name", fmt.Sprintf("{%s} is there in every menu and cannot be defined", name), "choose another name")
		case v.typ != typ:
			l.at(at, "type-conflict", fmt.Sprintf("%q is %s here, but %s in line %d", name, typ, v.typ, v.at.line), "give one of them another name")
		}
		return
	}
	if len(m.vars) >= maxVars {
		l.at(at, "too-many", fmt.Sprintf("a menu has at most %d variables", maxVars), "")
		return
	}
	m.vars = append(m.vars, varDecl{name: name, typ: typ, at: at})
}

// variable is the index of a name, or -1.
func (m *menu) variable(name string) int {
	return slices.IndexFunc(m.vars, func(v varDecl) bool { return v.name == name })
}

func (m *menu) variableNames(secrets bool) []string {
	var all []string
	for _, v := range m.vars {
		if secrets || v.typ != typeSecret && v.typ != typeRows {
			all = append(all, v.name)
		}
	}
	return all
}
