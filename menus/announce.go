package menus

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Announcement is a text of the operator's own, in the languages of a catalog:
// why a service is closed, or what customers should know. It may say {until}.
type Announcement struct {
	env   Env
	langs []string // the catalog's first is what another language reads
	texts [][]seg
	sys   *sysLang
}

// Announcement compiles an operator's text, by language. Its problems are
// reported as those of menus are, with the language in the place of the file: a
// language of the catalog that is missing, a variable that there is not, a text
// that takes more than one screen, with {until} at its longest. timed says
// whether {until} surely has a value; without, it needs a {until?...} around it.
func (c *Catalog) Announcement(texts map[string]string, timed bool) (*Announcement, error) {
	l := &loader{env: c.env}
	a := &Announcement{env: c.env, sys: c.fallback}
	names := l.systemNames([]argDef{{name: "until", typ: typeTime, optional: !timed}})
	var given []string
	for lang := range texts {
		given = append(given, lang)
	}
	slices.Sort(given)
	for _, lang := range given {
		text := texts[lang]
		f := &file{name: "text " + lang, lines: strings.Split(text, "\n")}
		n := &node{kind: scalarNode, file: f, line: 1, col: 1, text: text, plain: true}
		switch {
		case !slices.Contains(c.Languages(), lang):
			l.at(n, "unknown-language", fmt.Sprintf("%q is not a language of the menus", lang), "languages here are "+orNone(c.Languages()))
			continue
		case strings.TrimSpace(text) == "":
			l.at(n, "empty-text", "it is empty", "")
			continue
		case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }):
			l.at(n, "bad-character", "it has a control character", "remove it")
			continue
		}
		names.lang = lang
		before := len(l.problems)
		segs := l.template(n, text, names)
		a.langs, a.texts = append(a.langs, lang), append(a.texts, segs)
		if len(l.problems) > before {
			continue
		}
		for _, until := range []time.Time{{}, longestTime} {
			if over := l.over(a.append(nil, lang, until, time.Time{})); over != "" {
				l.at(n, "text-too-long", "it "+over+": it has no second page", "shorten it")
				break
			}
		}
	}
	for _, lang := range c.Languages() {
		if _, ok := texts[lang]; !ok {
			l.report(&file{name: "text " + lang}, 0, 0, "missing-translation", "there is no text in "+lang, "give one in each of "+strings.Join(c.Languages(), ", "))
		}
	}
	if len(l.problems) > 0 {
		return a, l.problems.sorted()
	}
	return a, nil
}

// longestTime reads as a day and an hour: it is not today.
var longestTime = time.Date(2026, 12, 30, 23, 59, 0, 0, time.UTC)

// Text is the announcement in a language, or in the catalog's first. until may
// be zero; now is in the operator's time zone.
func (a *Announcement) Text(lang string, until, now time.Time) string {
	return string(a.append(nil, lang, until, now))
}

func (a *Announcement) append(b []byte, lang string, until, now time.Time) []byte {
	i := slices.Index(a.langs, lang)
	if i < 0 && a.sys != nil {
		i = slices.Index(a.langs, a.sys.lang)
	}
	if i = max(i, 0); i >= len(a.texts) {
		return b
	}
	sc := untilScope(until, now)
	sc.env, sc.sys = &a.env, a.sys
	return sc.append(b, a.texts[i])
}

// untilScope is what a text is rendered with that knows {until} alone. Without a
// present time {until} takes the most room.
func untilScope(until, now time.Time) scope {
	sc := scope{noCustomer: true, now: now}
	if now.IsZero() {
		sc.now = longestTime.AddDate(0, 0, 1)
	}
	if !until.IsZero() {
		sc.slots = []string{until.Format(timeLayout)}
	}
	return sc
}

// Closed says, on a screen that ends the dialogue, that the whole service is
// closed: in the operator's words if there are any, else with the catalog's text
// maintenance. now is in the operator's time zone.
func (c *Catalog) Closed(lang string, why Unavailable, now time.Time) string {
	if why.Words != nil {
		return why.Words.Text(lang, why.Until, now)
	}
	sys := c.sysLang(lang)
	return string(c.closed(sys, why.Until, now))
}

func (c *Catalog) closed(sys *sysLang, until, now time.Time) []byte {
	sc := untilScope(until, now)
	sc.env, sc.sys = &c.env, sys
	return sc.append(nil, sys.texts[sysMaintenance])
}
