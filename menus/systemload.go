package menus

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// loadSystem compiles the one file with the texts outside any menu.
func (l *loader) loadSystem(roots []*node) {
	for _, lang := range l.langs {
		l.system = append(l.system, &sysLang{lang: lang})
	}
	if len(roots) == 0 {
		if len(l.langs) > 0 {
			l.report(&file{name: "texts.yaml"}, 0, 0, "no-texts", "no file has the texts outside the menus", `write a texts.yaml with "texts:", "reasons:" and "kinds:"`)
		}
		return
	}
	for _, extra := range roots[1:] {
		l.at(extra, "duplicate-texts", fmt.Sprintf("%s has the system's texts already", roots[0].file.name), "put them all into one file")
	}
	root := roots[0]
	if !l.keys(root, "the texts' file", "texts", "reasons", "kinds", "maintenance") {
		return
	}
	l.closed = l.maintenance(root)
	l.systemTexts(root.get("texts"))
	l.reasonTexts(root)
	if kinds := root.get("kinds"); kinds != nil && l.isMap(kinds, "kinds") {
		for _, e := range kinds.entries {
			if name, ok := l.name(e.key, "a kind"); ok {
				texts := l.fixedTexts(e.val, "the kind "+name)
				for i := range texts {
					l.system[i].kinds = append(l.system[i].kinds, pair{name, texts[i]})
				}
			}
		}
	}
}

func (l *loader) systemTexts(n *node) {
	known := make([]string, sysCount)
	for i := range systemDefs {
		known[i] = systemDefs[i].name
	}
	if !l.textKeys(n, "texts", known) {
		return
	}
	var missing []string
	for id := range systemDefs {
		def := &systemDefs[id]
		text := n.get(def.name)
		if text == nil && l.texts != nil {
			for _, s := range l.system {
				s.texts[id] = l.texts.sysLang(s.lang).texts[id]
			}
			continue
		}
		if text == nil {
			missing = append(missing, def.name)
			continue
		}
		for i, segs := range l.localised(text, "the text "+def.name, l.langs, l.systemNames(def.vars)) {
			l.system[i].texts[id] = segs
		}
		if id == int(sysWrongChoice) || id >= int(sysInvalidMSISDN) && id <= int(sysInvalidSecret) {
			l.defaults[id] = text
		}
	}
	if len(missing) > 0 {
		l.at(n, "missing-text", "these texts are missing: "+strings.Join(missing, ", "), fmt.Sprintf("add %s: {%s: \"...\"}", missing[0], strings.Join(l.langs, `: "...", `)))
	}
	for _, s := range l.system {
		s.lines()
		l.onePage(n, s)
	}
}

// textKeys is keys for texts, of which another release may have more.
func (l *loader) textKeys(n *node, what string, known []string) bool {
	if l.stored {
		return l.isMap(n, what)
	}
	return l.keys(n, what, known...)
}

// lines are the options that the texts themselves make.
func (s *sysLang) lines() {
	s.yes, s.no = s.line("1", sysYes), s.line("2", sysNo)
	s.goOn, s.anew = s.line("1", sysResumeGo), s.line("2", sysResumeAnew)
	s.seen, s.leave = s.line("1", sysOpenGo), s.line("1", sysAgainNo)
	s.tell, s.busy = fixed(s.texts[sysTell]), fixed(s.texts[sysVeryBusy])
}

// onePage checks the texts that have no second page.
func (l *loader) onePage(n *node, s *sysLang) {
	for _, id := range [...]sysText{sysTooMany, sysMaintenance} {
		name := systemDefs[id].name
		text := s.plain(id)
		if id == sysMaintenance {
			text = (&Catalog{env: l.env}).closed(s, longestTime, time.Time{})
		}
		if over := l.over(text); over != "" && n.get(name) != nil {
			l.at(n.get(name), "text-too-long", fmt.Sprintf("%s in %s %s: it ends a dialogue and has no second page", name, s.lang, over), "shorten it")
		}
	}
}

// menuMayChange says whether a menu may have a text of the system of its own.
func menuMayChange(id sysText) bool {
	return id < sysSessionExpired || id >= sysResumed && id <= sysSecretDiffers || id >= sysOpenChecking && id <= sysTold
}

// menuTexts are the catalog's texts as one menu changes them with texts:.
func (l *loader) menuTexts(m *menu) {
	n := m.root.get("texts")
	if n == nil {
		return
	}
	var known []string
	for id := sysText(0); id < sysCount; id++ {
		if menuMayChange(id) {
			known = append(known, systemDefs[id].name)
		}
	}
	if !l.textKeys(n, "texts", known) {
		return
	}
	for k := range m.program.sys {
		own := *m.program.sys[k]
		m.program.sys[k] = &own
	}
	for id := range systemDefs {
		def := &systemDefs[id]
		text := n.get(def.name)
		if text == nil || !slices.Contains(known, def.name) {
			continue
		}
		for k, segs := range l.localised(text, "the text "+def.name, m.langs, l.systemNames(def.vars)) {
			m.program.sys[k].texts[id] = segs
		}
	}
	for _, s := range m.program.sys {
		s.lines()
		l.onePage(n, s)
	}
}

// maintenance reads the switch that keeps everybody out, of a menu or of all.
func (l *loader) maintenance(root *node) bool {
	n := root.get("maintenance")
	if n == nil {
		return false
	}
	if n.kind != scalarNode || n.text != "true" && n.text != "false" {
		l.at(n, "bad-value", "maintenance is true or false", "")
		return false
	}
	return n.text == "true"
}

// over says by how much a text does not fit one page, or "".
func (l *loader) over(text []byte) string {
	ucs2, limit, unit := !isGSM(text), l.env.Limits.Septets, "septets"
	if ucs2 {
		limit, unit = l.env.Limits.UCS2, "UTF-16 units"
	}
	if n := cost(text, ucs2); n > limit {
		return fmt.Sprintf("takes %d of %d %s", n, limit, unit)
	}
	return ""
}

func (l *loader) reasonTexts(root *node) {
	n := l.need(root, "reasons", "the texts' file")
	if n == nil || !l.textKeys(n, "reasons", reasonCodes) {
		return
	}
	var missing []string
	for _, code := range reasonCodes {
		text := n.get(code)
		if text == nil && l.texts != nil {
			for _, s := range l.system {
				s.reasons = append(s.reasons, pair{code, l.texts.sysLang(s.lang).reason(code)})
			}
			continue
		}
		if text == nil {
			missing = append(missing, code)
			continue
		}
		for i, t := range l.fixedTexts(text, "the reason "+code) {
			l.system[i].reasons = append(l.system[i].reasons, pair{code, t})
		}
	}
	if len(missing) > 0 {
		l.at(n, "missing-text", "these reasons have no text: "+strings.Join(missing, ", "), fmt.Sprintf("add %s: {%s: \"...\"}", missing[0], strings.Join(l.langs, `: "...", `)))
	}
}

// fixedTexts are texts without variables, one for each language.
func (l *loader) fixedTexts(n *node, what string) []string {
	out := make([]string, len(l.langs))
	for i, segs := range l.localised(n, what, l.langs, l.systemNames(nil)) {
		out[i] = fixed(segs)
	}
	return out
}

// fixed is the text of segments without variables.
func fixed(segs []seg) string {
	var b strings.Builder
	for i := range segs {
		b.WriteString(segs[i].lit)
	}
	return b.String()
}

// systemNames resolves the variables of a system text: their slots are their
// places in vars.
func (l *loader) systemNames(vars []argDef) names {
	return names{
		find: func(name string) (nameRef, bool) {
			i := slices.IndexFunc(vars, func(d argDef) bool { return d.name == name })
			if i < 0 {
				return nameRef{}, false
			}
			return nameRef{typ: vars[i].typ, source: fromVar, slot: i, always: !vars[i].optional, index: -1}, true
		},
		known: func() []string {
			var all []string
			for _, d := range vars {
				all = append(all, d.name)
			}
			return all
		},
		used: l.mayBeMissing,
	}
}

func (l *loader) mayBeMissing(n *node, text string, off int, name string, _ nameRef) {
	l.inText(n, text, off, "unset-variable", fmt.Sprintf("{%s} may have no value here", name), fmt.Sprintf("write {%s?...{%s}...|what stands here without it}", name, name))
}

// plain renders a system text that has no variables.
func (s *sysLang) plain(id sysText) []byte { return []byte(fixed(s.texts[id])) }

// line is a system text as an option's line, with its break in front.
func (s *sysLang) line(key string, id sysText) []byte {
	return []byte("\n" + key + " " + fixed(s.texts[id]))
}
