package menus

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds of the lines that choices and branches make.
const (
	maxChoices  = 97
	maxBranches = 50
)

// rowField is the place of a row's field, or -1.
func rowField(name string) int {
	return slices.IndexFunc(rowDefs, func(d argDef) bool { return d.name == name })
}

// rowsOf resolves the variable that rows: names.
func (l *loader) rowsOf(m *menu, v *node) (index int, ok bool) {
	name, ok := l.name(v, "rows")
	if !ok {
		return 0, false
	}
	k := m.variable(name)
	switch {
	case k < 0:
		l.at(v, "unknown-variable", fmt.Sprintf("there are no rows %q", name), "a fetch of statement saves them: save: {rows: "+name+"}")
		return 0, false
	case m.vars[k].typ != typeRows:
		l.at(v, "wrong-type", fmt.Sprintf("%q is %s, not rows", name, m.vars[k].typ), "")
		return 0, false
	}
	return k, true
}

// list compiles a screen of rows of which one is chosen.
func (l *loader) list(m *menu, i int, n *node, what string) {
	l.keys(n, what, "kind", "text", "rows", "row", "empty", "set", "next")
	p := m.program
	spec := &listSpec{}
	p.screens[i].list = spec
	if v := l.need(n, "rows", what); v != nil {
		if k, ok := l.rowsOf(m, v); ok {
			spec.slot = m.vars[k].slot
			m.uses = append(m.uses, use{screen: i, index: k, report: func() {
				l.at(v, "unset-variable", fmt.Sprintf("%q may have no value here", v.text), "lead every way to this screen through a fetch that saves it")
			}})
		}
	}
	spec.row = l.localised(l.need(n, "row", what), "the text of a row", m.langs, m.screenNames(l, i, true))
	spec.empty = l.localised(l.need(n, "empty", what), "the text without rows", m.langs, m.screenNames(l, i, false))
	for number := 1; number <= maxRows; number++ {
		l.numbered(p, n, number, "row")
	}
	e := edge{from: i, at: n}
	if set := n.get("set"); set != nil && l.isMap(set, "set") {
		for _, kv := range set.entries {
			l.rowSet(m, spec, &e, kv)
		}
	}
	e.to = l.targetOf(m, n, "next", what)
	p.screens[i].next = e.to
	m.edges = append(m.edges, e)
}

// rowSet compiles one entry of a list's set:.
func (l *loader) rowSet(m *menu, spec *listSpec, e *edge, kv entry) {
	value, ok := l.str(kv.val, "a field of a row")
	if !ok {
		return
	}
	k := m.variable(kv.key.text)
	field := rowField(value)
	switch {
	case field < 0:
		known := make([]string, len(rowDefs))
		for i, d := range rowDefs {
			known[i] = d.name
		}
		l.at(kv.val, "unknown-field", fmt.Sprintf("a row has no field %q", value), l.suggest(value, known, "one of: "+strings.Join(known, ", ")))
	case k < firstSlot:
		if k >= 0 {
			l.at(kv.key, "bad-name", fmt.Sprintf("{%s} cannot be set", kv.key.text), "")
		}
	case m.vars[k].typ == rowDefs[field].typ:
		spec.set = append(spec.set, rowAssign{slot: m.vars[k].slot, field: field})
		if rowDefs[field].name == "amount" { // a row without is no row
			e.sets.add(k)
		} else {
			e.kills.add(k)
		}
	}
}

// chooses compiles a choose: the first branch whose condition holds.
func (l *loader) chooses(m *menu, i int, n *node, what string) {
	l.keys(n, what, "kind", "first", "else")
	s := &m.program.screens[i]
	list := l.need(n, "first", what)
	if list != nil && (list.kind != listNode || len(list.items) == 0 || len(list.items) > maxBranches) {
		l.at(list, "wrong-type", fmt.Sprintf("first is a list of 1 to %d branches", maxBranches), `write one branch per line: - {when: "amount > 1000", go: big}`)
		list = nil
	}
	branch := func(name string, when *condition, to int, at *node) {
		s.ways = append(s.ways, way{name: name, when: when, next: to})
		m.edges = append(m.edges, edge{from: i, to: to, at: at})
	}
	if list != nil {
		for k, item := range list.items {
			if !l.keys(item, "a branch", "when", "go") {
				continue
			}
			when := l.condition(m, i, l.need(item, "when", "a branch"))
			branch(strconv.Itoa(k+1), when, l.targetOf(m, item, "go", "a branch"), item)
		}
	}
	if v := n.get("else"); v != nil {
		branch("else", nil, l.target(m, v), v)
	} else {
		l.at(n, "missing-else", what+" leads nowhere when no condition holds", "add else: screen")
	}
}

// choices compiles the answers to an input of type choice.
func (l *loader) choices(m *menu, spec *inputSpec, k int, n *node) {
	list := n.get("choices")
	if spec.typ != typeChoice {
		if list != nil {
			l.at(list, "bad-key", fmt.Sprintf("the type %s has no choices", spec.typ), "write type: choice, or remove them")
		}
		return
	}
	if list == nil {
		l.at(n, "missing-key", "a choice needs \"choices\"", "write choices: [{value: week, label: {...}}]")
		return
	}
	if list.kind != listNode || len(list.items) == 0 || len(list.items) > maxChoices {
		l.at(list, "wrong-type", fmt.Sprintf("choices is a list of 1 to %d", maxChoices), "write one per line: - {value: week, label: {...}}")
		return
	}
	for i, item := range list.items {
		if !l.keys(item, "a choice", "value", "label") {
			continue
		}
		l.numbered(m.program, item, i+1, "choice")
		v := l.need(item, "value", "a choice")
		value, ok := l.name(v, "a choice")
		c := choice{value: value, labels: make([]string, len(m.langs))}
		for j, segs := range l.localised(l.need(item, "label", "a choice"), "the label of "+value, m.langs, l.systemNames(nil)) {
			c.labels[j] = fixed(segs)
		}
		if !ok {
			continue
		}
		same := func(o choice) bool { return o.value == value }
		if slices.ContainsFunc(spec.choices, same) {
			l.at(v, "duplicate-option", fmt.Sprintf("the choice %q is there twice", value), "give one another value")
			continue
		}
		spec.choices = append(spec.choices, c)
		if k >= 0 && !slices.ContainsFunc(m.vars[k].choices, same) {
			m.vars[k].choices = append(m.vars[k].choices, c)
		}
	}
}

// sameAs resolves the secret that another must equal.
func (l *loader) sameAs(m *menu, i int, spec *inputSpec, own int, n *node) {
	if n == nil {
		return
	}
	name, ok := l.name(n, "a secret")
	if !ok {
		return
	}
	k := m.variable(name)
	switch {
	case spec.typ != typeSecret:
		l.at(n, "bad-key", fmt.Sprintf("the type %s has no \"same_as\": only secrets are compared unseen", spec.typ), "remove it")
	case k < 0 || m.vars[k].typ != typeSecret || k == own:
		l.at(n, "secret-misused", fmt.Sprintf("%q is not another secret of this menu", name), "name the variable of the input that asked for it first")
	default:
		spec.same = m.vars[k].slot
		m.uses = append(m.uses, use{screen: i, index: k, report: func() {
			l.at(n, "unset-variable", fmt.Sprintf("%q may have no value here", name), "lead every way to this screen through the input that asks for it")
		}})
	}
}
