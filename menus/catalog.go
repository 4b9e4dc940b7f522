package menus

import (
	"slices"
	"strings"
)

// Catalog is one revision of all menus. It is immutable and safe for use by
// many goroutines.
type Catalog struct {
	env      Env
	revision string
	source   []byte
	programs []*Program // sorted by name
	codes    map[string]*Program
	keywords map[string]*Program // in capitals
	system   []*sysLang          // sorted by language
	fallback *sysLang            // of customers whose language is not known: the first of the main menu
}

// Revision is a short hash of all files and the Env: 16 hexadecimal digits.
func (c *Catalog) Revision() string { return c.revision }

// Source is all files in one blob, always the same for the same files. The
// caller must not change it.
func (c *Catalog) Source() []byte { return c.source }

// Dial finds the menu of a dialled string. What follows the code is in rest, "1*2"
// of "*150*00*1*2#": the Text of the Begin that follows, if ok says that the menu
// declares such a shortcut. If ok is false p is the menu of the code alone, nil if
// there is none; see Misdialled.
func (c *Catalog) Dial(dialled string) (p *Program, rest string, ok bool) {
	if p := c.codes[dialled]; p != nil {
		return p, "", true
	}
	digits, ok := strings.CutSuffix(dialled, "#")
	if !ok {
		return nil, "", false
	}
	for i := len(digits) - 1; i > 0; i-- {
		if digits[i] != '*' {
			continue
		}
		if p := c.codes[digits[:i]+"#"]; p != nil {
			rest := digits[i+1:]
			return p, rest, p.findAlias(rest) >= 0
		}
	}
	return nil, "", false
}

// Keyword finds the menu that an SMS enters by its first word, whatever its case.
// What follows the word is in rest.
func (c *Catalog) Keyword(text string) (p *Program, rest string, ok bool) {
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if len(word) > maxKeyword {
		return nil, "", false
	}
	p = c.keywords[strings.ToUpper(word)]
	return p, strings.TrimSpace(rest), p != nil
}

// Program finds a menu by name.
func (c *Catalog) Program(menu string) (*Program, bool) {
	i, ok := slices.BinarySearchFunc(c.programs, menu, func(p *Program, name string) int { return strings.Compare(p.menu, name) })
	if !ok {
		return nil, false
	}
	return c.programs[i], true
}

// Menus are the names of all menus, sorted.
func (c *Catalog) Menus() []string {
	names := make([]string, len(c.programs))
	for i, p := range c.programs {
		names[i] = p.menu
	}
	return names
}

// Languages are those of all menus, sorted.
func (c *Catalog) Languages() []string {
	names := make([]string, len(c.system))
	for i, s := range c.system {
		names[i] = s.lang
	}
	return names
}

// Text is a text of texts.yaml ("session_expired") or the text of a reason code
// ("wrong_pin") with the variables given: code, ref, until, reason, amount. A
// language that the catalog lacks reads as the first of the main menu, which has
// the lowest code; an unknown name as "".
func (c *Catalog) Text(name, lang string, vars ...Value) string {
	sys := c.sysLang(lang)
	for i := range systemDefs {
		if systemDefs[i].name == name {
			slots := make([]string, len(systemDefs[i].vars))
			for j, d := range systemDefs[i].vars {
				for _, v := range vars {
					if v.Name == d.name {
						slots[j] = cleanValue(d.typ, v.Text)
					}
				}
			}
			sc := scope{slots: slots, sys: sys, env: &c.env, noCustomer: true}
			return string(sc.append(nil, sys.texts[i]))
		}
	}
	for _, r := range sys.reasons {
		if r.name == name {
			return r.text
		}
	}
	return ""
}

func (c *Catalog) sysLang(lang string) *sysLang {
	for _, s := range c.system {
		if s.lang == lang {
			return s
		}
	}
	return c.fallback
}
