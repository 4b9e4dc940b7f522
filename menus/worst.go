package menus

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Length is how long a screen can become in one language.
type Length struct {
	Language string
	UCS2     bool // it needs UCS-2
	Units    int  // septets or UTF-16 units of the whole screen, with the lines of its keys
	Limit    int  // of one page
	Pages    int
	Because  string // the first character that is not in the GSM 7-bit alphabet, "" if all are
	Text     string // the first page as it would be then
}

// worstRows is how many rows a statement is taken to have: more only make pages.
const worstRows = 5

// Longest measures a screen in every language of the menu at its worst: each
// variable as long as its input allows, what the core says as long as it usually
// is, every option there, and nothing wrong typed. It is nil for a screen that is
// not shown, or not there.
func (p *Program) Longest(id string) []Length {
	i := slices.IndexFunc(p.screens, func(s screen) bool { return s.id == id })
	if i < 0 || !p.screens[i].kind.interactive() {
		return nil
	}
	further := p.before(i)
	all := make([]Length, len(p.langs))
	for k, lang := range p.langs {
		r := run{p: p, lang: k, limits: p.env.Limits, worst: true}
		r.in.Now = time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)
		r.in.Customer = p.longest(slotCustomer, k)
		r.st = State{program: p.fingerprint, screen: uint16(i), lang: lang, vars: make([]string, len(p.vars))}
		for slot := range p.vars {
			r.st.vars[slot] = p.longest(slot, k)
		}
		if i != p.start {
			r.push(uint16(p.start))
			if further >= 0 {
				r.push(uint16(further))
			}
		}
		all[k] = r.length(lang)
	}
	return all
}

// before is a screen other than the first to which the back key can lead from a
// screen: then it has the home key too. It is -1 if there is none.
func (p *Program) before(to int) int {
	leads := func(s *screen) bool {
		if s.next == to || s.no == to {
			return true
		}
		if c := s.call; c != nil && (c.done == to || c.refused == to || c.unknown == to || c.down == to ||
			slices.ContainsFunc(c.rejected, func(b reasonBranch) bool { return b.next == to })) {
			return true
		}
		return slices.ContainsFunc(s.ways, func(w way) bool { return w.next == to }) ||
			slices.ContainsFunc(s.options, func(o option) bool { return o.next == to })
	}
	found, other := false, -1
	for i := range p.screens {
		s := &p.screens[i]
		if i == to || i == p.start {
			continue
		}
		found = found || leads(s)
		if other < 0 && s.kind.interactive() && !s.noBack {
			other = i
		}
		if found && other >= 0 {
			return other
		}
	}
	return -1
}

func (r *run) length(lang string) Length {
	body := r.body(nil)
	turn := r.show()
	n := Length{Language: lang, UCS2: turn.Screen.UCS2, Limit: r.limits.Septets, Pages: turn.Screen.Pages, Text: turn.Screen.Text}
	if n.UCS2 {
		n.Limit = r.limits.UCS2
	}
	n.Units = cost(body, n.UCS2)
	if s := r.screen(); s.kind != kindEnd && r.st.depth > 0 {
		f := &r.p.footers[r.lang]
		n.Units += cost(f.back, n.UCS2)
		body = append(body, f.back...)
		if r.st.depth > 1 {
			n.Units += cost(f.home, n.UCS2)
			body = append(body, f.home...)
		}
	}
	for len(body) > 0 {
		_, size := utf8.DecodeRune(body)
		if !isGSM(body[:size]) {
			n.Because = string(body[:size])
			break
		}
		body = body[size:]
	}
	return n
}

// longest is the value of a variable that takes the most room.
func (p *Program) longest(slot, lang int) string {
	v := &p.vars[slot]
	in := p.inputOf(slot)
	switch v.typ {
	case typeMSISDN:
		return p.env.Country.Prefix + strings.Repeat("7", p.env.Country.National)
	case typeMoney:
		if in != nil && in.hasMax {
			return formatMinor(in.max, p.env.Currency.Minor)
		}
		n := int64(99_999_999)
		for range p.env.Currency.Minor {
			n = n*10 + 9
		}
		return formatMinor(n, p.env.Currency.Minor)
	case typeNumber:
		n := 12
		if in != nil && in.maxLen > 0 {
			n = in.maxLen
		}
		return strings.Repeat("8", n)
	case typeDate:
		return "2026-12-31"
	case typeTime:
		return "2026-12-31T23:59:00Z"
	case typeReason:
		return longestOf(reasonCodes, func(code string) string { return p.sys[lang].reason(code) })
	case typeChoice:
		var values []string
		for _, c := range v.choices {
			values = append(values, c.value)
		}
		return longestOf(values, func(value string) string {
			for _, c := range v.choices {
				if c.value == value {
					return c.labels[lang]
				}
			}
			return ""
		})
	case typeRows:
		return madeUpRows(worstRows)
	}
	n := 25 // of a name that the core gives
	switch {
	case slot == slotRef:
		n = 12
	case in != nil && in.maxLen > 0:
		n = min(in.maxLen, 100)
	}
	return strings.Repeat("M", n)
}

func longer(a, b []byte) []byte {
	if utf8.RuneCount(b) > utf8.RuneCount(a) {
		return b
	}
	return a
}

func longestOf(values []string, reads func(string) string) string {
	best := ""
	for _, v := range values {
		if best == "" || utf8.RuneCountInString(reads(v)) > utf8.RuneCountInString(reads(best)) {
			best = v
		}
	}
	return best
}
