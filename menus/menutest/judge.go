package menutest

import (
	"fmt"
	"strings"

	"nyota/menus"
)

// judge compares the present screen with what was expected. It says whether the
// case can go on.
func (p *player) judge(x *expectation) bool {
	s := p.turn.Screen
	good := p.compare(x, s.Text, "the screen "+s.ID)
	wrong := func(expected, format string, args ...any) {
		p.fail(x.line, x.col, expected, s.Text, format, args...)
		good = false
	}
	if x.screen != "" && x.screen != s.ID {
		wrong("(the screen "+x.screen+")", "the screen is %s, not %s", s.ID, x.screen)
	}
	if x.ends != nil && *x.ends != p.turn.End {
		wrong("", "the dialogue %s", map[bool]string{true: "ended", false: "did not end"}[p.turn.End])
	}
	if x.secret != nil && *x.secret != s.Secret {
		wrong("", "what is typed next is %sa secret", map[bool]string{true: "", false: "not "}[s.Secret])
	}
	return good
}

// compare judges a text. An exact text that differs is also an edit, and the
// case goes on, so that one run rewrites all of them.
func (p *player) compare(x *expectation, text, what string) bool {
	good := true
	if x.exact != nil && x.exact.text != text {
		p.edits = append(p.edits, edit{x.exact.line, x.exact.col, x.exact.text, text})
		p.fail(x.exact.line, x.exact.col, x.exact.text, text, "%s differs", what)
	}
	for _, part := range x.contains {
		if !strings.Contains(text, part) {
			p.fail(x.line, x.col, "…"+part+"…", text, "%s does not contain %q", what, part)
			good = false
		}
	}
	for _, part := range x.lacks {
		if strings.Contains(text, part) {
			p.fail(x.line, x.col, "(without) "+part, text, "%s contains %q", what, part)
			good = false
		}
	}
	if x.matches != nil && !x.matches.MatchString(text) {
		p.fail(x.line, x.col, x.matches.String(), text, "%s does not match %s", what, x.matches)
		good = false
	}
	return good
}

// judgeSMS compares what was sent with sms:, role by role.
func (p *player) judgeSMS() {
	if p.c.sms == nil {
		return
	}
	for _, role := range []menus.Role{menus.RoleCustomer, menus.RolePayee, menus.RoleAgent} {
		want, got := p.c.sms[role], p.sms[role]
		for i := range max(len(want), len(got)) {
			what := fmt.Sprintf("the SMS to the %s", role)
			if len(want) > 1 || len(got) > 1 {
				what = fmt.Sprintf("SMS %d to the %s", i+1, role)
			}
			switch {
			case i >= len(got):
				p.fail(want[i].line, want[i].col, want[i].words(), "", "%s was not sent", what)
			case i >= len(want):
				p.fail(p.c.line, p.c.col, "", got[i], "%s was sent, and is not expected", what)
			default:
				p.compare(&want[i], got[i], what)
			}
		}
	}
}

// words say what is expected, for a reader.
func (x *expectation) words() string {
	var all []string
	if x.exact != nil {
		all = append(all, x.exact.text)
	}
	for _, part := range x.contains {
		all = append(all, "…"+part+"…")
	}
	if x.matches != nil {
		all = append(all, x.matches.String())
	}
	return strings.Join(all, "\n")
}
