package menutest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"nyota/menus"
)

// What cases have that say nothing else.
const defaultCustomer = "255700000001"

var defaultNow = time.Date(2026, 11, 24, 10, 0, 0, 0, time.FixedZone("EAT", 3*3600))

// reader reads one file and gathers what is wrong with it.
type reader struct {
	name     string
	data     []byte
	catalog  *menus.Catalog
	problems menus.Problems
	calls    map[string]menus.CallInfo // by call, and by the screen that makes it
	screens  []string
}

func readFile(name string, data []byte, catalog *menus.Catalog) (*testFile, menus.Problems) {
	r := &reader{name: name, data: data, catalog: catalog, calls: map[string]menus.CallInfo{}}
	for _, c := range menus.Calls() {
		r.calls[c.Name] = c
	}
	r.calls[menus.CallTell] = menus.CallInfo{Name: menus.CallTell, Local: true}
	r.screens = []string{menus.ScreenOpen, menus.ScreenAgain, menus.ScreenUnavailable, menus.ScreenResume, menus.ScreenMaintenance}
	for _, m := range catalog.Menus() {
		p, _ := catalog.Program(m)
		for _, s := range p.Flow("") {
			r.screens = append(r.screens, s.ID)
			if c, ok := r.calls[s.Call]; ok && s.Call != "" {
				if _, isCall := r.calls[s.ID]; !isCall {
					r.calls[s.ID] = c
				}
			}
		}
	}
	f := &testFile{name: name, data: data}
	root, problems := menus.ReadYAML(name, data)
	r.problems = problems
	if root != nil && r.keys(root, "a test file", "language", "customer", "now", "core", "cases") {
		r.file(f, root)
	}
	return f, r.problems
}

func (r *reader) at(n *menus.Node, code, msg, fix string) {
	r.problems = append(r.problems, menus.ProblemAt(r.name, r.data, n.Line, n.Col, code, msg, fix))
}

func (r *reader) isMap(n *menus.Node, what string) bool {
	if n.Kind != menus.MapNode {
		r.at(n, "wrong-type", fmt.Sprintf("%s is a map, not %s", what, n.Kind), "")
		return false
	}
	return true
}

func (r *reader) keys(n *menus.Node, what string, known ...string) bool {
	if !r.isMap(n, what) {
		return false
	}
	for _, e := range n.Entries {
		if !slices.Contains(known, e.Key.Text) {
			fix := menus.Suggest(e.Key.Text, known, "one of: "+strings.Join(known, ", "))
			if e.Value.Kind == menus.NullNode {
				fix = "a text with a comma in it must be in quotes"
			}
			r.at(e.Key, "unknown-key", fmt.Sprintf("%s has no key %q", what, e.Key.Text), fix)
		}
	}
	return true
}

// text reads a text. Numbers are texts too where YAML keeps them as they are
// written; what it could change is refused.
func (r *reader) text(n *menus.Node, what string) (string, bool) {
	switch {
	case n == nil:
		return "", false
	case n.Kind == menus.NullNode && strings.HasPrefix(strings.TrimSpace(r.from(n)), "#"):
		r.at(n, "text-cut", what+" is empty: # begins a comment", `write "#" in quotes`)
		return "", false
	case n.Kind != menus.ScalarNode:
		r.at(n, "wrong-type", fmt.Sprintf("%s is a text, not %s", what, n.Kind), "")
		return "", false
	case n.Plain && strings.HasPrefix(n.Text, "*"):
		return "", false // reported by the reader of YAML
	case n.Number && !wholeNumber.MatchString(n.Text):
		r.at(n, "number-unquoted", fmt.Sprintf("YAML takes %s for a number or a truth value, and may change it", n.Text), fmt.Sprintf("write %q", n.Text))
		return "", false
	}
	return n.Text, true
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (r *reader) from(n *menus.Node) string {
	lines := strings.Split(string(r.data), "\n")
	if n.Line < 1 || n.Line > len(lines) {
		return ""
	}
	line := []rune(lines[n.Line-1])
	return string(line[min(n.Col-1, len(line)):])
}

// each calls do for a value, or for every item of a list of them.
func each(n *menus.Node, do func(*menus.Node)) {
	if n == nil {
		return
	}
	if n.Kind != menus.ListNode {
		do(n)
		return
	}
	for _, i := range n.Items {
		do(i)
	}
}

func (r *reader) file(f *testFile, root *menus.Node) {
	base := testCase{languages: []string{""}, customer: defaultCustomer, now: defaultNow}
	r.settings(&base, root)
	base.shared, base.core = r.core(root.Get("core")), nil
	cases := root.Get("cases")
	if cases == nil || cases.Kind != menus.ListNode || len(cases.Items) == 0 {
		r.at(root, "missing-key", `a test file needs "cases", a list`, "cases: [{name: ..., steps: [...]}]")
		return
	}
	names := map[string]int{}
	for _, n := range cases.Items {
		if !r.keys(n, "a case", "name", "language", "customer", "now", "core", "down", "busy", "open", "again", "steps", "sms") {
			continue
		}
		c := base
		c.line, c.col = n.Line, n.Col
		name, ok := r.text(n.Get("name"), "name")
		if n.Get("name") == nil {
			r.at(n, "missing-key", `a case needs "name"`, "")
		}
		if first := names[name]; ok && first > 0 {
			r.at(n.Get("name"), "duplicate-case", fmt.Sprintf("the case in line %d has this name too", first), "say what is different")
		}
		c.name, names[name] = name, n.Line
		r.settings(&c, n)
		c.core = r.core(n.Get("core"))
		r.down(&c, n.Get("down"))
		r.busy(&c, n.Get("busy"))
		r.before(&c, n)
		r.steps(&c, n)
		r.sms(&c, n.Get("sms"))
		f.cases = append(f.cases, &c)
	}
}

// settings reads language, customer and now.
func (r *reader) settings(c *testCase, n *menus.Node) {
	if v := n.Get("language"); v != nil {
		c.languages = nil
		each(v, func(item *menus.Node) {
			lang, ok := r.text(item, "a language")
			if ok && !slices.Contains(r.catalog.Languages(), lang) {
				r.at(item, "unknown-language", fmt.Sprintf("no menu has the language %q", lang), "languages here are "+strings.Join(r.catalog.Languages(), ", "))
				ok = false
			}
			if ok {
				c.languages = append(c.languages, lang)
			}
		})
	}
	if v := n.Get("customer"); v != nil {
		s, ok := r.text(v, "customer")
		if ok && !msisdn.MatchString(s) {
			r.at(v, "bad-value", fmt.Sprintf("%q is not a number in E.164 digits", s), `write it like "255700000001"`)
			ok = false
		}
		if ok {
			c.customer = s
		}
	}
	if v := n.Get("now"); v != nil {
		if s, ok := r.text(v, "now"); ok {
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				r.at(v, "bad-value", fmt.Sprintf("%q is not a time", s), `write it like "2026-11-24T10:00:00+03:00"`)
				return
			}
			c.now = t
		}
	}
}

var msisdn = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)

// call reads the name of a call, or with parties that of a call to one party.
func (r *reader) call(k *menus.Node, parties bool) (string, bool) {
	name, ok := r.text(k, "a call")
	call, party := menus.CutParty(name)
	if ok && !slices.ContainsFunc(menus.Calls(), func(c menus.CallInfo) bool {
		return c.Name == call && (call == name || parties && c.Party != "" && party != "")
	}) {
		r.at(k, "unknown-call", fmt.Sprintf("the core has no call %q", name), "")
		return "", false
	}
	return name, ok
}

func (r *reader) busy(c *testCase, n *menus.Node) {
	if n == nil {
		return
	}
	c.busy = map[string]bool{}
	each(n, func(k *menus.Node) {
		if name, ok := r.call(k, false); ok {
			c.busy[name] = true
		}
	})
}

func (r *reader) down(c *testCase, n *menus.Node) {
	if n == nil {
		return
	}
	c.down = map[string]menus.Unavailable{}
	if n.Kind != menus.MapNode {
		each(n, func(k *menus.Node) {
			if name, ok := r.call(k, true); ok {
				c.down[name] = menus.Unavailable{}
			}
		})
		return
	}
	for _, e := range n.Entries {
		if name, ok := r.call(e.Key, true); ok {
			c.down[name] = menus.Unavailable{}
			if e.Value.Kind != menus.NullNode {
				c.down[name] = menus.Unavailable{Until: r.until(e.Value, c.now)}
			}
		}
	}
}

// until reads the time at which something is back: "21:30" is today.
func (r *reader) until(n *menus.Node, now time.Time) time.Time {
	s, ok := r.text(n, "a time")
	if !ok {
		return time.Time{}
	}
	if t, err := time.Parse("15:04", s); err == nil {
		return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.at(n, "bad-value", fmt.Sprintf("%q is not a time", s), `write "21:30", or "2026-11-24T21:30:00+03:00"`)
	}
	return t
}

func (r *reader) steps(c *testCase, n *menus.Node) {
	steps := n.Get("steps")
	if steps == nil || steps.Kind != menus.ListNode || len(steps.Items) == 0 {
		r.at(n, "missing-key", `a case needs "steps", a list`, `steps: [{dial: "*150*00#"}, {press: "1"}]`)
		return
	}
	for i, sn := range steps.Items {
		if !r.keys(sn, "a step", "dial", "at", "with", "press", "expect") {
			continue
		}
		s := step{line: sn.Line, col: sn.Col}
		dial, press := sn.Get("dial"), sn.Get("press")
		switch {
		case (dial == nil) == (press == nil):
			r.at(sn, "bad-step", "a step has either dial or press", "")
			continue
		case i == 0 && dial == nil:
			r.at(sn, "bad-step", "nothing was dialled yet", `begin with {dial: "*150*00#"}`)
		case dial != nil:
			s.dial = true
			if code, ok := r.text(dial, "dial"); ok {
				p, rest, ok := r.catalog.Dial(code)
				if p == nil || !ok && !menus.Misdialled(rest) {
					r.at(dial, "unknown-code", fmt.Sprintf("no menu opens with %s", code), "")
				}
				s.keys = []key{{text: code}}
				r.place(&s, sn, p, rest)
			}
		case sn.Get("at") != nil || sn.Get("with") != nil:
			r.at(sn, "bad-step", "at and with belong to a dial", `{dial: "*150*00#", at: send_amount, with: {to: "0700000002"}}`)
		default:
			each(press, func(k *menus.Node) {
				if text, ok := r.text(k, "press"); ok {
					typed := key{text: text}
					if k.Plain {
						typed.secret = slices.Index([]string{"", "secret", "secret2"}, text)
					}
					s.keys = append(s.keys, typed)
				}
			})
		}
		if v := sn.Get("expect"); v != nil {
			s.expect = r.expectation(v, c, true)
		}
		c.steps = append(c.steps, s)
	}
}

// place reads where a dial begins that does not begin on the menu's first screen.
func (r *reader) place(s *step, n *menus.Node, p *menus.Program, rest string) {
	at, with := n.Get("at"), n.Get("with")
	if at == nil {
		if with != nil {
			r.at(with, "bad-step", "with has the variables of a screen, and at says which", "add at:")
		}
		return
	}
	id, ok := r.text(at, "at")
	if !ok || p == nil {
		return
	}
	if rest != "" {
		r.at(at, "bad-step", "a dial with a shortcut begins where the shortcut leads", "dial the code alone")
	}
	var ids []string
	for _, screen := range p.Flow("") {
		ids = append(ids, screen.ID)
	}
	if !slices.Contains(ids, id) {
		r.at(at, "unknown-screen", fmt.Sprintf("the menu %s has no screen %q", p.Menu(), id), menus.Suggest(id, ids, ""))
		return
	}
	s.at = id
	if with != nil && r.isMap(with, "with") {
		for _, e := range with.Entries {
			if v, ok := r.text(e.Value, e.Key.Text); ok {
				s.with = append(s.with, menus.Value{Name: e.Key.Text, Text: v})
			}
		}
	}
}

func (r *reader) sms(c *testCase, n *menus.Node) {
	roles := []string{string(menus.RoleCustomer), string(menus.RolePayee), string(menus.RoleAgent)}
	if n == nil || !r.keys(n, "sms", roles...) {
		return
	}
	c.sms = map[menus.Role][]expectation{}
	for _, e := range n.Entries {
		each(e.Value, func(v *menus.Node) {
			if x := r.expectation(v, c, false); x != nil {
				c.sms[menus.Role(e.Key.Text)] = append(c.sms[menus.Role(e.Key.Text)], *x)
			}
		})
	}
}

// expectation reads an exact text, or a map of what is expected of one.
func (r *reader) expectation(n *menus.Node, c *testCase, screen bool) *expectation {
	x := &expectation{line: n.Line, col: n.Col}
	exact := n
	if n.Kind == menus.MapNode {
		known := []string{"text", "contains", "lacks", "matches"}
		if screen {
			known = append(known, "screen", "ends", "secret")
		}
		r.keys(n, "expect", known...)
		exact = n.Get("text")
	}
	if exact != nil {
		text, ok := r.text(exact, "a text")
		if !ok {
			return nil
		}
		if len(c.languages) > 1 {
			r.at(exact, "bad-value", "an exact text cannot be right in several languages", "use contains or screen, or give the case one language")
		}
		x.exact = &place{text, exact.Line, exact.Col}
	}
	if n.Kind != menus.MapNode {
		return x
	}
	each(n.Get("contains"), func(v *menus.Node) {
		if s, ok := r.text(v, "contains"); ok {
			x.contains = append(x.contains, s)
		}
	})
	each(n.Get("lacks"), func(v *menus.Node) {
		if s, ok := r.text(v, "lacks"); ok {
			x.lacks = append(x.lacks, s)
		}
	})
	if v := n.Get("matches"); v != nil {
		if s, ok := r.text(v, "matches"); ok {
			re, err := regexp.Compile(s)
			if err != nil {
				r.at(v, "bad-pattern", fmt.Sprintf("%q is not a regular expression (Go's RE2)", s), "")
			}
			x.matches = re
		}
	}
	if v := n.Get("screen"); v != nil {
		if s, ok := r.text(v, "screen"); ok {
			if !slices.Contains(r.screens, s) {
				r.at(v, "unknown-screen", fmt.Sprintf("no menu has a screen %q", s), menus.Suggest(s, r.screens, ""))
			}
			x.screen = s
		}
	}
	x.ends, x.secret = r.truth(n.Get("ends"), "ends"), r.truth(n.Get("secret"), "secret")
	return x
}

func (r *reader) truth(n *menus.Node, what string) *bool {
	if n == nil {
		return nil
	}
	if n.Kind != menus.ScalarNode || n.Text != "true" && n.Text != "false" {
		r.at(n, "bad-value", what+" is true or false", "")
		return nil
	}
	v := n.Text == "true"
	return &v
}
