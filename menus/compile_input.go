package menus

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lengths where an input gives none, and the longest that it may give.
const (
	defaultTextLength   = 60
	defaultNumberLength = 20
	minSecretLength     = 4
	maxSecretLength     = 6
	maxInputLength      = 160
)

// input compiles the screen's var, type, bounds and error text.
func (l *loader) input(m *menu, i int, n *node, what string) {
	spec := &inputSpec{slot: -1, same: -1}
	m.program.screens[i].input = spec
	tn := l.need(n, "type", what)
	if name, ok := l.str(tn, "type"); ok {
		if spec.typ, ok = inputTypes[name]; !ok {
			known := []string{"msisdn", "money", "number", "text", "date", "choice", "secret"}
			l.at(tn, "unknown-type", fmt.Sprintf("there is no type %q", name), l.suggest(name, known, "one of: "+strings.Join(known, ", ")))
			return
		}
	}
	k := -1
	if v := l.need(n, "var", what); v != nil {
		if k = m.variable(scalar(v)); k >= 0 && m.vars[k].typ == spec.typ {
			spec.slot = m.vars[k].slot
		}
	}
	m.program.screens[i].secret = spec.typ == typeSecret
	e := edge{from: i, to: noScreen, at: n.get("next")}
	if k >= 0 {
		e.sets.add(k)
	}
	if v := n.get("next"); v != nil {
		if to, ok := m.ids[scalar(v)]; ok {
			e.to = to
		}
	}
	m.edges = append(m.edges, e)
	l.choices(m, spec, k, n)
	l.sameAs(m, i, spec, k, n.get("same_as"))
	l.bounds(spec, n)
	l.inputErrors(m, i, n.get("error"))
}

// confirm is an input of a secret, or two options.
func (l *loader) confirm(m *menu, i int, n *node, what string) {
	s := &m.program.screens[i]
	if tn := n.get("type"); tn != nil {
		if t, ok := l.str(tn, "type"); ok && t != "secret" {
			l.at(tn, "wrong-type", "a confirm asks for a secret, or for yes or no", "write type: secret, or remove type and var")
			return
		}
		if no := n.get("no"); no != nil {
			l.at(no, "bad-key", "a confirm with a secret has no \"no\": the back key is it", "remove it")
		}
		l.input(m, i, n, what)
		s.next = l.targetOf(m, n, "next", what)
		return
	}
	for _, key := range []string{"var", "length", "error", "same_as"} {
		if v := n.get(key); v != nil {
			l.at(v, "bad-key", fmt.Sprintf("a confirm without type: secret has no %q", key), "add type: secret, or remove it")
		}
	}
	s.next = l.targetOf(m, n, "next", what)
	s.no = l.targetOf(m, n, "no", what)
	m.edges = append(m.edges, edge{from: i, to: s.next, at: n}, edge{from: i, to: s.no, at: n})
}

func (l *loader) bounds(spec *inputSpec, n *node) {
	allowed := map[string][]valueType{
		"min": {typeMoney, typeNumber, typeDate}, "max": {typeMoney, typeNumber, typeDate},
		"length": {typeNumber, typeText, typeSecret}, "pattern": {typeNumber, typeText},
	}
	for _, key := range []string{"min", "max", "length", "pattern"} {
		v := n.get(key)
		if v == nil {
			continue
		}
		if !slices.Contains(allowed[key], spec.typ) {
			l.at(v, "bad-bounds", fmt.Sprintf("the type %s has no %q", spec.typ, key), "remove it")
			continue
		}
		switch key {
		case "min":
			l.bound(spec, v, &spec.min, &spec.hasMin, &spec.minDate)
		case "max":
			l.bound(spec, v, &spec.max, &spec.hasMax, &spec.maxDate)
		case "length":
			l.length(spec, v)
		case "pattern":
			if s, ok := l.str(v, "pattern"); ok {
				re, err := regexp.Compile("^(?:" + s + ")$")
				if err != nil || len(s) > 200 {
					l.at(v, "bad-pattern", fmt.Sprintf("%q is not a regular expression of at most 200 characters (Go's RE2)", s), "")
				}
				spec.pattern = re
			}
		}
	}
	if spec.maxLen == 0 {
		switch spec.typ {
		case typeSecret:
			spec.minLen, spec.maxLen = minSecretLength, maxSecretLength
		case typeText:
			spec.minLen, spec.maxLen = 1, defaultTextLength
		case typeNumber:
			spec.minLen, spec.maxLen = 1, defaultNumberLength
		}
	}
	if spec.hasMin && spec.hasMax && spec.min > spec.max {
		l.at(n.get("min"), "bad-bounds", "min is above max: nothing could be answered", "")
	}
}

func (l *loader) bound(spec *inputSpec, n *node, to *int64, has *bool, date *dateBound) {
	text := scalar(n)
	var ok bool
	switch spec.typ {
	case typeMoney:
		*to, ok = parseMinor(text, l.env.Currency.Minor)
		*has = ok
	case typeNumber:
		var err error
		*to, err = strconv.ParseInt(text, 10, 64)
		ok = err == nil && *to >= 0
		*has = ok
	case typeDate:
		*date, ok = parseDateBound(text)
	}
	if !ok {
		l.at(n, "bad-bounds", fmt.Sprintf("%q is no bound of %s", text, spec.typ), map[valueType]string{
			typeMoney: "an amount in digits: 500", typeNumber: "digits: 10", typeDate: `"2026-12-31", today, today+7d or today-30d`}[spec.typ])
	}
}

func parseDateBound(s string) (dateBound, bool) {
	if rest, ok := strings.CutPrefix(s, "today"); ok {
		if rest == "" {
			return dateBound{set: true, relative: true}, true
		}
		days, err := strconv.Atoi(strings.TrimSuffix(rest, "d"))
		ok := err == nil && strings.HasSuffix(rest, "d") && (rest[0] == '+' || rest[0] == '-') && days > -40000 && days < 40000
		return dateBound{set: ok, relative: true, days: days}, ok
	}
	t, err := time.Parse(time.DateOnly, s)
	return dateBound{set: err == nil, day: t}, err == nil
}

// length is a number, or a list of the shortest and the longest.
func (l *loader) length(spec *inputSpec, n *node) {
	low, high := n, n
	if n.kind == listNode && len(n.items) == 2 {
		low, high = n.items[0], n.items[1]
	}
	a, ok := l.integer(low, "length", 1, maxInputLength)
	if !ok {
		return
	}
	b := a
	if high != low {
		if b, ok = l.integer(high, "length", 1, maxInputLength); !ok {
			return
		}
	}
	if a > b {
		l.at(n, "bad-bounds", "the shortest is longer than the longest", "write length: [4, 6]")
	}
	spec.minLen, spec.maxLen = a, b
}

// inputErrors renders what a wrong answer is told, in each language: the bounds
// are known now.
func (l *loader) inputErrors(m *menu, i int, own *node) {
	p := m.program
	spec := p.screens[i].input
	literals := map[string]string{}
	switch spec.typ {
	case typeMoney:
		if spec.hasMin {
			literals["min"] = string(appendMoney(nil, formatMinor(spec.min, l.env.Currency.Minor), l.env.Currency, true))
		}
		if spec.hasMax {
			literals["max"] = string(appendMoney(nil, formatMinor(spec.max, l.env.Currency.Minor), l.env.Currency, true))
		}
	case typeNumber:
		if spec.hasMin {
			literals["min"] = fmt.Sprint(spec.min)
		}
		if spec.hasMax {
			literals["max"] = fmt.Sprint(spec.max)
		}
	case typeDate:
		if d := spec.minDate; d.set && !d.relative {
			literals["min"] = d.day.Format("02/01/2006")
		}
		if d := spec.maxDate; d.set && !d.relative {
			literals["max"] = d.day.Format("02/01/2006")
		}
	}
	if spec.maxLen > 0 && (spec.typ != typeNumber || spec.maxLen != defaultNumberLength) {
		literals["length"] = fmt.Sprint(spec.maxLen)
		if spec.minLen != spec.maxLen {
			literals["length"] = fmt.Sprintf("%d-%d", spec.minLen, spec.maxLen)
		}
	}
	vars := l.systemNames(boundVars)
	vars.find = func(name string) (nameRef, bool) {
		for _, d := range boundVars {
			if d.name == name {
				v := literals[name]
				return nameRef{typ: typeText, literal: &v, always: v != "", index: -1}, true
			}
		}
		return nameRef{}, false
	}
	spec.errors = make([]string, len(p.langs))
	if own != nil {
		for k, segs := range l.localised(own, "the error text", m.langs, vars) {
			spec.errors[k] = fixed(segs)
		}
		return
	}
	id := sysInvalidText
	switch spec.typ {
	case typeMSISDN:
		id = sysInvalidMSISDN
	case typeMoney:
		id = sysInvalidMoney
	case typeNumber:
		id = sysInvalidNumber
	case typeDate:
		id = sysInvalidDate
	case typeSecret:
		id = sysInvalidSecret
	case typeChoice:
		id = sysWrongChoice
	}
	from := l.defaults[id]
	if changed := m.root.get("texts").get(systemDefs[id].name); changed != nil {
		from = changed
	}
	for k, lang := range m.langs {
		if v := from.get(lang); v != nil && v.kind == scalarNode {
			if parsed, err := parseTemplate(v.text); err == nil {
				quiet := loader{env: l.env} // its problems are those of the texts' file, reported there
				spec.errors[k] = fixed(quiet.segments(v, v.text, parsed, vars, nil))
			}
		}
	}
}
