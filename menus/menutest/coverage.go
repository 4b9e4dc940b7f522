package menutest

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"nyota/menus"
)

// Coverage is what the cases of a run reached of one menu.
type Coverage struct {
	Menu      string
	Languages Covered
	Screens   Covered
	Options   Covered // what customers choose: options, yes and no
	Outcomes  Covered // what the core's answers choose, each reason with a branch of its own apart, and branches of choose
}

// Covered counts what was reached. Missed names the rest: "home" of a screen,
// "home/send" of an option, "send_pay/rejected wrong_pin" of an outcome.
type Covered struct {
	Reached int
	Missed  []string
	At      map[string]string // where the screen of what is missed is written: file:line:col; of no language
}

// All is how many there are.
func (c Covered) All() int { return c.Reached + len(c.Missed) }

// Percent is 100 only if nothing is missed, and of nothing too.
func (c Covered) Percent() float64 {
	if c.All() == 0 {
		return 100
	}
	return 100 * float64(c.Reached) / float64(c.All())
}

// Complete says whether everything was reached.
func (c Coverage) Complete() bool {
	return len(c.Languages.Missed)+len(c.Screens.Missed)+len(c.Options.Missed)+len(c.Outcomes.Missed) == 0
}

// coverage gathers what a run reaches.
type coverage struct {
	catalog *menus.Catalog
	seen    map[string]map[string]bool // by menu: "screen", "screen/way", "=language"
}

func newCoverage(c *menus.Catalog) *coverage {
	cover := &coverage{catalog: c, seen: map[string]map[string]bool{}}
	for _, name := range c.Menus() {
		cover.seen[name] = map[string]bool{}
	}
	return cover
}

func (c *coverage) screen(p *menus.Program, id, lang string) {
	c.seen[p.Menu()][id] = true
	if lang != "" {
		c.seen[p.Menu()]["="+lang] = true
	}
}

func (c *coverage) way(p *menus.Program, screen, way string) {
	c.seen[p.Menu()][screen] = true
	c.seen[p.Menu()][screen+"/"+way] = true
}

func (c *coverage) all() []Coverage {
	var all []Coverage
	for _, name := range c.catalog.Menus() {
		p, _ := c.catalog.Program(name)
		seen := c.seen[name]
		v := Coverage{Menu: name}
		count := func(to *Covered, key, shown, at string) {
			if seen[key] {
				to.Reached++
				return
			}
			to.Missed = append(to.Missed, shown)
			if at == "" {
				return
			}
			if to.At == nil {
				to.At = map[string]string{}
			}
			to.At[shown] = at
		}
		for _, lang := range p.Languages() {
			count(&v.Languages, "="+lang, lang, "")
		}
		for _, s := range p.Flow("") {
			at := fmt.Sprintf("%s:%d:%d", s.File, s.Line, s.Col)
			count(&v.Screens, s.ID, s.ID, at)
			for _, w := range s.Ways {
				key := s.ID + "/" + w.Name
				switch {
				case w.Option:
					count(&v.Options, key, key, at)
				case w.Outcome, s.Kind == "choose":
					count(&v.Outcomes, key, key, at)
				}
			}
		}
		all = append(all, v)
	}
	return all
}

// WriteCoverage writes a table of the menus, and below it what was missed.
func WriteCoverage(w io.Writer, all []Coverage) error {
	var b strings.Builder
	width := len("menu")
	for _, c := range all {
		width = max(width, len(c.Menu))
	}
	fmt.Fprintf(&b, "%-*s  %-14s  %-18s  %-18s  %-18s\n", width, "menu", "languages", "screens", "options", "outcomes")
	for _, c := range all {
		fmt.Fprintf(&b, "%-*s  %-14s  %-18s  %-18s  %s\n", width, c.Menu, c.Languages.short(), c.Screens.short(), c.Options.short(), c.Outcomes.short())
	}
	for _, c := range all {
		for _, part := range []struct {
			what string
			Covered
		}{{"language", c.Languages}, {"screen", c.Screens}, {"option", c.Options}, {"outcome", c.Outcomes}} {
			missed := slices.Clone(part.Missed)
			slices.Sort(missed)
			for _, m := range missed {
				where := ""
				if at := part.At[m]; at != "" {
					where = " (" + at + ")"
				}
				fmt.Fprintf(&b, "%s: no test reaches the %s %s%s\n", c.Menu, part.what, m, where)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c Covered) short() string {
	return fmt.Sprintf("%d/%d (%.0f %%)", c.Reached, c.All(), floor(c.Percent()))
}

// floor keeps 99.9 from reading as 100.
func floor(percent float64) float64 { return float64(int(percent)) }
