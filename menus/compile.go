package menus

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// compile turns a declared menu into a Program; what is wrong is reported and
// leaves holes that never run.
func (l *loader) compile(m *menu) *Program {
	p := &Program{menu: m.name, langs: m.langs, tries: 5, keyBack: "0", keyHome: "00", keyMore: "98"}
	m.program = p
	for i := range m.vars {
		v := &m.vars[i]
		if v.typ == typeSecret {
			v.slot = p.secrets
			p.secrets++
			p.secretNames = append(p.secretNames, v.name)
			continue
		}
		v.slot = len(p.vars)
		p.vars = append(p.vars, variable{name: v.name, typ: v.typ})
	}
	for _, lang := range m.langs {
		i, _ := slices.BinarySearch(l.langs, lang)
		p.sys = append(p.sys, l.system[i])
	}
	p.closed = l.maintenance(m.root)
	l.menuTexts(m)
	l.settings(m)
	p.screens = make([]screen, len(m.screens))
	for i := range m.screens {
		l.screen(m, i)
	}
	for i := range m.vars {
		if v := &m.vars[i]; v.typ == typeChoice {
			p.vars[v.slot].choices = v.choices
		}
	}
	p.parties()
	p.start = noScreen
	if n := l.need(m.root, "start", "a menu"); n != nil {
		p.start = l.target(m, n)
	}
	if p.start >= 0 {
		if s := &p.screens[p.start]; s.kind != 0 && (!s.kind.interactive() || s.kind == kindEnd) {
			l.at(m.root.get("start"), "bad-start", fmt.Sprintf("a dialogue cannot begin on a screen of kind %s", kindNames[s.kind]), "begin on a menu, message, input or confirm")
		} else if l.aliases(m); !l.holes(m) {
			l.flow(m)
		}
	}
	return p
}

// parties names the party with what an option needs, where the option itself says
// who it is: by a literal for the variable that the call then takes.
func (p *Program) parties() {
	for i := range p.screens {
		c := p.screens[i].call
		if c == nil || c.party < 0 || c.args[c.party].slot < 0 {
			continue
		}
		for k := range p.screens {
			for j := range p.screens[k].options {
				o := &p.screens[k].options[j]
				for _, a := range o.set {
					if o.needs == c.def.name && a.slot == c.args[c.party].slot && a.from < 0 {
						o.needs = Party(c.def.name, a.literal)
					}
				}
			}
		}
	}
}

// holes says whether the graph of the menu is too incomplete to judge: a screen
// is then unreachable only because another one is misspelt.
func (l *loader) holes(m *menu) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool {
		if !m.files[p.File] {
			return false
		}
		switch p.Code {
		case "unknown-screen", "unknown-kind", "unknown-type", "unknown-call", "unknown-result", "wrong-kind", "wrong-type",
			"missing-key", "duplicate-screen", "missing-outcome", "missing-else", "missing-arg", "bad-name", "type-conflict", "number-unquoted", "code-unquoted", "yaml-feature":
			return true
		}
		return false
	})
}

// settings reads keys, tries and resume.
func (l *loader) settings(m *menu) {
	p := m.program
	if n := m.root.get("keys"); n != nil && l.keys(n, "keys", "back", "home", "more") {
		for _, k := range []struct {
			name string
			to   *string
		}{{"back", &p.keyBack}, {"home", &p.keyHome}, {"more", &p.keyMore}} {
			v := n.get(k.name)
			if v == nil {
				continue
			}
			if s, ok := l.str(v, "a key"); ok {
				if s == "" || len(s) > 3 || !isKeypad(s) {
					l.at(v, "bad-value", fmt.Sprintf("%q cannot be a key", s), "a key is one to three of 0-9, * and #")
				}
				*k.to = s
			}
		}
		if p.keyBack == p.keyHome || p.keyBack == p.keyMore || p.keyHome == p.keyMore {
			l.at(n, "key-conflict", fmt.Sprintf("back %q, home %q and more %q must differ", p.keyBack, p.keyHome, p.keyMore), "")
		}
	}
	if n := m.root.get("tries"); n != nil {
		if v, ok := l.integer(n, "tries", 1, 20); ok {
			p.tries = uint8(v)
		}
	}
	p.resume = Resume{Mode: "restart"}
	if n := m.root.get("resume"); n != nil && l.keys(n, "resume", "mode", "within") {
		modes := []string{"ask", "continue", "restart"}
		p.resume.Mode, _ = l.str(l.need(n, "mode", "resume"), "mode")
		if v := n.get("mode"); v != nil && !slices.Contains(modes, p.resume.Mode) {
			l.at(v, "bad-value", fmt.Sprintf("there is no mode %q", p.resume.Mode), l.suggest(p.resume.Mode, modes, "one of: ask, continue, restart"))
		}
		p.resume.Within = 5 * time.Minute
		if v := n.get("within"); v != nil {
			if d, ok := l.duration(v, "within", time.Second, 24*time.Hour); ok {
				p.resume.Within = d
			}
		}
	}
	l.againOf(m)
	for _, sys := range p.sys {
		p.insist = append(p.insist, sys.line(p.again.Key, sysAgainYes))
		f := footer{back: sys.line(p.keyBack, sysBack), home: sys.line(p.keyHome, sysHome), more: sys.line(p.keyMore, sysMore)}
		for _, line := range [][]byte{f.back, f.home, f.more} {
			if n := cost(line, true); n > maxFooterLine {
				l.at(m.root, "text-too-long", fmt.Sprintf("the line %q in %s has %d characters, at most %d leave room for the text", line[1:], sys.lang, n-1, maxFooterLine-1), "shorten back, home or more in the texts' file")
			}
		}
		p.footers = append(p.footers, f)
	}
}

// maxGuesses bounds how many names are compared for suggestions, so that even
// thousands of problems are reported within a second.
const maxGuesses = 500_000

// maxFooterLine bounds the lines of the back, home and more keys, break included.
const maxFooterLine = 20

func isKeypad(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '*' && c != '#' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// target resolves the name of a screen.
func (l *loader) target(m *menu, n *node) int {
	name, ok := l.str(n, "the name of a screen")
	if !ok {
		return noScreen
	}
	i, ok := m.ids[name]
	if !ok {
		var known []string
		if l.guesses+len(m.screens) <= maxGuesses {
			for _, s := range m.screens {
				known = append(known, s.key.text)
			}
		}
		l.at(n, "unknown-screen", fmt.Sprintf("there is no screen %q", name), l.suggest(name, known, "write the screen, or name another"))
		return noScreen
	}
	return i
}

// targetOf resolves a key of a screen that must be there.
func (l *loader) targetOf(m *menu, n *node, key, what string) int {
	v := l.need(n, key, what)
	if v == nil {
		return noScreen
	}
	return l.target(m, v)
}

// screenNames resolves the variables of a text on screen i. extra are those that
// surely have a value there beyond what the way to the screen set.
func (m *menu) screenNames(l *loader, i int, rows bool, extra ...int) names {
	return names{
		find: func(name string) (nameRef, bool) {
			if rows {
				for slot, d := range rowDefs {
					if d.name == name {
						return nameRef{typ: d.typ, source: fromRow, slot: slot, always: true, index: -1}, true
					}
				}
			}
			k := m.variable(name)
			if k < 0 {
				return nameRef{}, false
			}
			return nameRef{typ: m.vars[k].typ, source: fromVar, slot: m.vars[k].slot, always: slices.Contains(extra, k), index: k}, true
		},
		known: func() []string {
			all := m.variableNames(false)
			if rows {
				for _, d := range rowDefs {
					all = append(all, d.name)
				}
			}
			return all
		},
		used: func(n *node, text string, off int, name string, ref nameRef) {
			m.uses = append(m.uses, use{screen: i, index: ref.index, report: func() { l.mayBeMissing(n, text, off, name, ref) }})
		},
	}
}

func (l *loader) screen(m *menu, i int) {
	key, n := m.screens[i].key, m.screens[i].val
	s := &m.program.screens[i]
	s.id, s.next, s.no = key.text, noScreen, noScreen
	s.file, s.line, s.col = key.file.name, key.line, key.col
	what := "the screen " + s.id
	kn := l.need(n, "kind", what)
	if kn == nil {
		return
	}
	name, ok := l.str(kn, "kind")
	if !ok {
		return
	}
	k := slices.Index(kindNames, name)
	if k < 1 {
		l.at(kn, "unknown-kind", fmt.Sprintf("there is no kind %q", name), l.suggest(name, kindNames[1:], "one of: menu, input, list, confirm, choose, fetch, action, message, end"))
		return
	}
	s.kind = kind(k)
	if s.kind.interactive() {
		if text := l.need(n, "text", what); text != nil {
			s.text = l.localised(text, "the text of "+s.id, m.langs, m.screenNames(l, i, false))
		}
	}
	switch s.kind {
	case kindMenu:
		l.keys(n, what, "kind", "text", "options")
		if o := l.need(n, "options", what); o != nil {
			l.options(m, i, o)
		}
	case kindMessage:
		l.keys(n, what, "kind", "text", "each", "options", "tell", "sms")
		l.each(m, i, n.get("each"))
		if o := n.get("options"); o != nil {
			l.options(m, i, o)
		}
		l.tell(m, i, n.get("tell"))
		l.sms(m, i, n.get("sms"))
	case kindEnd:
		l.keys(n, what, "kind", "text", "each", "sms")
		l.each(m, i, n.get("each"))
		l.sms(m, i, n.get("sms"))
	case kindInput:
		l.keys(n, what, "kind", "text", "var", "type", "min", "max", "length", "pattern", "choices", "same_as", "error", "next")
		l.input(m, i, n, what)
		s.next = l.targetOf(m, n, "next", what)
	case kindConfirm:
		l.keys(n, what, "kind", "text", "var", "type", "length", "same_as", "error", "next", "no")
		l.confirm(m, i, n, what)
	case kindList:
		l.list(m, i, n, what)
	case kindChoose:
		l.chooses(m, i, n, what)
	case kindFetch, kindAction:
		l.call(m, i, n, what)
	}
}

// each reads the rows that a message or end shows.
func (l *loader) each(m *menu, i int, n *node) {
	m.program.screens[i].each = l.rows(m, i, n)
}

// rows reads an each:; nil if there is none.
func (l *loader) rows(m *menu, i int, n *node) *eachSpec {
	if n == nil || !l.keys(n, "each", "rows", "text", "empty") {
		return nil
	}
	e := &eachSpec{}
	if v := l.need(n, "rows", "each"); v != nil {
		if name, ok := l.name(v, "rows"); ok {
			k := m.variable(name)
			switch {
			case k < 0:
				l.at(v, "unknown-variable", fmt.Sprintf("there are no rows %q", name), "a fetch of statement saves them: save: {rows: "+name+"}")
			case m.vars[k].typ != typeRows:
				l.at(v, "wrong-type", fmt.Sprintf("%q is %s, not rows", name, m.vars[k].typ), "")
			default:
				e.slot = m.vars[k].slot
			}
		}
	}
	e.text = l.localised(l.need(n, "text", "each"), "the text of a row", m.langs, m.screenNames(l, i, true))
	e.empty = l.localised(l.need(n, "empty", "each"), "the text without rows", m.langs, m.screenNames(l, i, false))
	return e
}

func (l *loader) options(m *menu, i int, n *node) {
	p := m.program
	s := &p.screens[i]
	if n.kind != listNode {
		l.at(n, "wrong-type", "options is a list, not "+n.kind.String(), "write one option per line: - {id: send, label: {...}, go: to}")
		return
	}
	if len(n.items) == 0 || len(n.items) > maxOptions {
		l.at(n, "bad-value", fmt.Sprintf("a screen has 1 to %d options", maxOptions), "")
	}
	ids, sure := map[string]bool{}, false
	for k, on := range n.items {
		if !l.keys(on, "an option", "id", "label", "go", "when", "needs", "unavailable", "set") {
			continue
		}
		l.numbered(p, on, k+1, "option")
		o := option{next: noScreen, instead: noScreen}
		if v := l.need(on, "id", "an option"); v != nil {
			if id, ok := l.name(v, "an option"); ok {
				if ids[id] {
					l.at(v, "duplicate-option", fmt.Sprintf("the option %q is there twice", id), "give one another id")
				}
				ids[id], o.id = true, id
			}
		}
		o.label = l.localised(l.need(on, "label", "an option"), "the label of "+o.id, m.langs, m.screenNames(l, i, false))
		if v := on.get("needs"); v != nil {
			if o.needs, _ = l.str(v, "needs"); o.needs != "" && findCall(o.needs) == nil {
				l.unknownCall(v)
			}
		}
		if v := on.get("unavailable"); v != nil {
			if o.needs == "" {
				l.at(v, "bad-key", "an option without needs is never unavailable", "add needs: with the call that it needs, or remove it")
			}
			o.instead = l.target(m, v)
			m.edges = append(m.edges, edge{from: i, to: o.instead, at: v})
		}
		o.when = l.condition(m, i, on.get("when"))
		sure = sure || on.get("when") == nil
		e := edge{from: i, at: on}
		if v := on.get("set"); v != nil {
			l.set(m, i, v, &o, &e)
		}
		o.next = l.targetOf(m, on, "go", "an option")
		e.to = o.next
		m.edges = append(m.edges, e)
		s.options = append(s.options, o)
	}
	if !sure && s.kind == kindMenu && len(s.options) > 0 {
		l.at(n, "no-sure-option", "every option has a condition: there may be none to choose", "let one be there always")
	}
}

// numbered checks that a line's number is not one of the menu's keys.
func (l *loader) numbered(p *Program, at *node, number int, what string) {
	s := strconv.Itoa(number)
	for _, key := range [...]string{p.keyBack, p.keyHome, p.keyMore} {
		if key == s {
			l.at(at, "key-conflict", fmt.Sprintf("%s %s has the number of a key", what, s), "change keys:, or use fewer of them")
		}
	}
}

// set reads assignments: language to a language, variables to other variables or
// to literals marked with "=".
func (l *loader) set(m *menu, screen int, n *node, o *option, e *edge) {
	if !l.isMap(n, "set") {
		return
	}
	for _, kv := range n.entries {
		value, ok := l.str(kv.val, "a value")
		if !ok {
			continue
		}
		if kv.key.text == "language" {
			if !slices.Contains(m.langs, value) {
				l.at(kv.val, "unknown-language", fmt.Sprintf("%q is not a language of this menu", value), "languages here are "+orNone(m.langs))
			}
			o.lang = value
			continue
		}
		k := m.variable(kv.key.text)
		if k < 0 {
			if v := m.variable(value); value == "" || value[0] != '=' && v < 0 {
				l.unknownVariable(m, kv.val, value)
			}
			continue
		}
		if k < firstSlot {
			l.at(kv.key, "bad-name", fmt.Sprintf("{%s} cannot be set", kv.key.text), "")
			continue
		}
		from := m.variable(value)
		a, ok := l.source(m, screen, kv.val, value, m.vars[k].typ, from >= 0 && e.sets.has(from)) // in the order of the file
		if !ok {
			continue
		}
		if m.vars[k].typ == typeSecret || m.vars[k].typ == typeRows {
			l.at(kv.key, "wrong-type", fmt.Sprintf("%q is %s and cannot be set", kv.key.text, m.vars[k].typ), "")
			continue
		}
		a.slot = m.vars[k].slot
		o.set = append(o.set, a)
		e.sets.add(k)
	}
}

func (l *loader) unknownVariable(m *menu, n *node, name string) {
	fix := l.suggest(name, m.variableNames(true), "")
	if fix == "" {
		fix = fmt.Sprintf("a text itself is marked with =: %q", "="+name)
	}
	l.at(n, "unknown-variable", fmt.Sprintf("there is no variable %q", name), fix)
}

// source reads the right side of a set: or with: entry for a value of type want.
func (l *loader) source(m *menu, screen int, n *node, value string, want valueType, optional bool) (assign, bool) {
	if value != "" && value[0] == '=' {
		lit, ok := l.literal(n, value[1:], want)
		return assign{from: -1, literal: lit}, ok
	}
	k := m.variable(value)
	if k < 0 {
		l.unknownVariable(m, n, value)
		return assign{}, false
	}
	v := &m.vars[k]
	fits := v.typ == want || want == typeText && v.typ != typeSecret && v.typ != typeRows
	if !fits {
		code := "wrong-type"
		if v.typ == typeSecret {
			code = "secret-misused"
		}
		l.at(n, code, fmt.Sprintf("%q is %s, but %s is wanted here", value, v.typ, want), "")
		return assign{}, false
	}
	if optional {
		return assign{from: v.slot}, true
	}
	m.uses = append(m.uses, use{screen: screen, index: k, report: func() {
		l.at(n, "unset-variable", fmt.Sprintf("%q may have no value here", value), "lead every way to this screen through one that sets it")
	}})
	return assign{from: v.slot}, true
}

// literal checks a literal against its type.
func (l *loader) literal(n *node, s string, want valueType) (string, bool) {
	switch want {
	case typeSecret:
		l.at(n, "secret-misused", "a secret cannot stand in a menu", "ask for it: type: secret")
		return "", false
	case typeText, typeChoice:
		if s != "" {
			return s, true
		}
	default:
		spec := inputSpec{typ: want}
		if v, ok := spec.parse(s, &l.env, time.Time{}); ok {
			return v, true
		}
	}
	l.at(n, "bad-value", fmt.Sprintf("%q is not %s", s, want), "")
	return "", false
}
