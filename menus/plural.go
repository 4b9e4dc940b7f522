package menus

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// pluralForms are CLDR's names of the forms that a number's noun can take.
var pluralForms = []string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// pluralText is what a text reads for the numbers of one form.
type pluralText struct {
	form plural.Form
	segs []seg
}

// pluralSpec chooses among the forms by the rules of a language.
type pluralSpec struct {
	tag   language.Tag
	forms []pluralText
}

func countable(t valueType) bool { return t == typeNumber || t == typeMoney || t == typeRows }

// plural compiles {name#one=...|other=...}.
func (l *loader) plural(n *node, text string, t tnode, ref nameRef, vars names, guards []string) (seg, bool) {
	if !countable(ref.typ) || ref.literal != nil {
		l.inText(n, text, t.off, "wrong-format", fmt.Sprintf("{%s} is %s, which has no plural", t.name, ref.typ), "count a number, an amount or rows")
		return seg{}, false
	}
	spec := &pluralSpec{tag: language.Make(vars.lang)}
	wanted := spec.used(l.env.Currency.Minor, ref.typ)
	for _, f := range t.forms {
		form := slices.Index(pluralForms, f.name)
		switch {
		case form < 0 || !slices.Contains(wanted, plural.Form(form)):
			l.inText(n, text, t.off, "bad-plural", fmt.Sprintf("{%s#...}: %s has no plural form %q", t.name, vars.lang, f.name), "its forms are: "+formNames(wanted))
			return seg{}, false
		case slices.ContainsFunc(spec.forms, func(p pluralText) bool { return p.form == plural.Form(form) }):
			l.inText(n, text, t.off, "bad-plural", fmt.Sprintf("{%s#...}: the form %q is there twice", t.name, f.name), "keep one of them")
			return seg{}, false
		}
		spec.forms = append(spec.forms, pluralText{plural.Form(form), l.segments(n, text, f.nodes, vars, guards)})
	}
	for _, form := range wanted {
		if !slices.ContainsFunc(spec.forms, func(p pluralText) bool { return p.form == form }) {
			l.inText(n, text, t.off, "missing-plural", fmt.Sprintf("{%s#...} lacks the form %q of %s", t.name, pluralForms[form], vars.lang), "its forms are: "+formNames(wanted))
			return seg{}, false
		}
	}
	return seg{source: ref.source, slot: int16(ref.slot), plural: spec}, true
}

// used finds the forms that numbers of a type can take in the language.
func (s *pluralSpec) used(minor int, t valueType) []plural.Form {
	var forms []plural.Form
	add := func(i, v, f int) {
		if form := plural.Cardinal.MatchPlural(s.tag, i, v, v, f, f); !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	for i := range 201 {
		add(i, 0, 0)
	}
	add(1_000_000, 0, 0)
	if t == typeMoney && minor > 0 {
		for f := 1; f < 100; f++ {
			add(0, 2, f)
			add(1, 2, f)
		}
	}
	slices.Sort(forms)
	return forms
}

func formNames(forms []plural.Form) string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = pluralForms[f]
	}
	return strings.Join(names, ", ")
}

// pick is the text for a value; the last form's, "other", if it is no number.
func (s *pluralSpec) pick(v string) []seg {
	whole, frac, _ := strings.Cut(strings.TrimPrefix(v, "-"), ".")
	if len(whole) > 7 {
		whole = "1" + whole[len(whole)-6:] // the rules look no further, but it must stay a large number
	}
	frac = strings.TrimRight(frac, "0")
	i, _ := strconv.Atoi(whole)
	f, _ := strconv.Atoi(frac)
	form := plural.Cardinal.MatchPlural(s.tag, i, len(frac), len(frac), f, f)
	for k := range s.forms {
		if s.forms[k].form == form {
			return s.forms[k].segs
		}
	}
	for k := range s.forms {
		if s.forms[k].form == plural.Other {
			return s.forms[k].segs
		}
	}
	return nil
}

// countRows is how many rows an encoded statement has.
func countRows(rows string) int { return strings.Count(rows, recordSeparator) }
