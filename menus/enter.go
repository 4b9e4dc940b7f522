package menus

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrEnter is wrapped by what Enter refuses.
var ErrEnter = errors.New("menus: nobody can enter there")

// VarInfo describes a variable of a menu, for tools that ask for its value.
type VarInfo struct {
	Name    string
	Type    string   // msisdn, money, number, text, date, time, choice, reason, rows
	Sample  string   // a value that Enter takes
	Choices []string // the values of a choice or a reason
}

func (p *Program) varInfos(s *screen) []VarInfo {
	var all []VarInfo
	for _, slot := range s.given {
		v := &p.vars[slot]
		info := VarInfo{Name: v.name, Type: v.typ.String(), Sample: p.sample(slot)}
		switch v.typ {
		case typeChoice:
			for _, c := range v.choices {
				info.Choices = append(info.Choices, c.value)
			}
		case typeReason:
			info.Choices = reasonCodes
		}
		all = append(all, info)
	}
	return all
}

// sample is a value of a variable as people read it, within the bounds of the
// first input that asks for it.
func (p *Program) sample(slot int) string {
	v := &p.vars[slot]
	in := p.inputOf(slot)
	switch v.typ {
	case typeMSISDN:
		c := p.env.Country
		return c.Trunk + "700000002"[:min(9, c.National)] + strings.Repeat("0", max(0, c.National-9))
	case typeMoney:
		n := int64(5000)
		for range p.env.Currency.Minor {
			n *= 10
		}
		if in != nil && in.hasMin {
			n = max(n, in.min)
		}
		if in != nil && in.hasMax {
			n = min(n, in.max)
		}
		return formatMinor(n, p.env.Currency.Minor)
	case typeNumber:
		n := 6
		if in != nil && in.maxLen > 0 {
			n = min(max(n, in.minLen), in.maxLen)
		}
		return strings.Repeat("1234567890", 1+n/10)[:n]
	case typeDate:
		return "2026-12-31"
	case typeTime:
		return "2026-12-31T21:30:00+03:00"
	case typeReason:
		return reasonCodes[0]
	case typeChoice:
		if len(v.choices) > 0 {
			return v.choices[0].value
		}
	case typeRows:
		return "2"
	}
	if slot == slotRef {
		return "QK7T2M"
	}
	return "NEEMA MUSHI"
}

// inputOf is the first input that asks for a variable, nil if none does.
func (p *Program) inputOf(slot int) *inputSpec {
	for i := range p.screens {
		if s := &p.screens[i]; s.input != nil && !s.secret && s.input.slot == slot {
			return s.input
		}
	}
	return nil
}

// shut says why nobody can enter on a screen.
func (s *screen) shut() string {
	switch {
	case s.kind == kindAction:
		return "money moves here: enter on the screen before it"
	case s.holds:
		return "a secret is typed before this screen: enter where it is asked for"
	}
	return ""
}

// Enter begins a dialogue on a screen in the middle of the menu, as those who
// write menus want to. vars are what the dialogue would know there, as customers
// type it: each of the screen's [ScreenInfo.Vars] must be among them; of rows the
// Text is how many to make up. The step is that of a Begin: in.Kind and in.Text do
// not count. An error wraps ErrEnter and says what to change.
func (p *Program) Enter(id string, vars []Value, in Input) (Turn, error) {
	to := slices.IndexFunc(p.screens, func(s screen) bool { return s.id == id })
	if to < 0 {
		return Turn{}, fmt.Errorf("%w: the menu %s has no screen %.40q", ErrEnter, p.menu, id)
	}
	if why := p.screens[to].shut(); why != "" {
		return Turn{}, fmt.Errorf("%w: %s", ErrEnter, why)
	}
	r := run{p: p, in: in, limits: in.Limits}
	r.in.Kind, r.in.Text = Begin, ""
	if r.limits == (Limits{}) {
		r.limits = p.env.Limits
	} else if err := r.limits.check(); err != nil {
		return Turn{}, err
	}
	r.begin()
	if to != p.start && r.st.note != noteClosed {
		r.push(r.st.screen)
		r.st.screen = uint16(to)
		for _, v := range vars {
			slot := slices.IndexFunc(p.vars, func(d variable) bool { return d.name == v.Name })
			if slot < 0 || slot == slotCustomer {
				return Turn{}, fmt.Errorf("%w: the menu %s has no variable %.40q", ErrEnter, p.menu, v.Name)
			}
			value, ok := p.canonical(slot, strings.TrimSpace(v.Text), in.Now)
			if !ok {
				return Turn{}, fmt.Errorf("%w: %s: %.40q is no %s, write it like %s", ErrEnter, v.Name, v.Text, p.vars[slot].typ, p.sample(slot))
			}
			r.set(slot, value)
		}
		var missing []string
		for _, slot := range p.screens[to].given {
			if r.value(slot) == "" {
				missing = append(missing, p.vars[slot].name)
			}
		}
		if len(missing) > 0 {
			return Turn{}, fmt.Errorf("%w: the screen %s needs a value of %s", ErrEnter, id, strings.Join(missing, ", "))
		}
	}
	return r.arrive()
}

// canonical brings a value that somebody typed to the form that variables have.
func (p *Program) canonical(slot int, v string, now time.Time) (string, bool) {
	d := &p.vars[slot]
	if v == "" || len(v) > maxTyped {
		return "", false
	}
	switch d.typ {
	case typeMSISDN:
		return parseMSISDN(v, p.env.Country)
	case typeMoney:
		spec := inputSpec{typ: typeMoney}
		return spec.parseMoney(v, p.env.Currency)
	case typeNumber:
		return v, isDigits(v)
	case typeDate:
		if _, err := time.Parse(time.DateOnly, v); err == nil {
			return v, true
		}
		return (&inputSpec{}).parseDate(v, now)
	case typeTime:
		_, err := time.Parse(time.RFC3339, v)
		return v, err == nil
	case typeReason:
		return v, slices.Contains(reasonCodes, v)
	case typeChoice:
		return v, slices.ContainsFunc(d.choices, func(c choice) bool { return c.value == v })
	case typeRows:
		n, err := strconv.Atoi(v)
		return madeUpRows(n), err == nil && n > 0
	}
	v = cleanValue(d.typ, v)
	return v, v != ""
}

// madeUpRows are so many rows of a statement, at most as many as are ever shown.
func madeUpRows(n int) string {
	var rows [][]Value
	for i := range min(n, maxRows) {
		rows = append(rows, []Value{
			{Name: "date", Text: fmt.Sprintf("2026-11-%02dT10:00:00+03:00", 24-i)}, {Name: "kind", Text: "transfer"},
			{Name: "amount", Text: "5000"}, {Name: "direction", Text: []string{"in", "out"}[i%2]},
			{Name: "party", Text: "255700000002"}, {Name: "ref", Text: fmt.Sprintf("QK7T2%c", 'A'+i)},
		})
	}
	return encodeRows(rows)
}

// In is the dialogue in another of the menu's languages. ok is false if the menu
// lacks it.
func (p *Program) In(st State, lang string) (other State, ok bool) {
	st.lang = lang
	return st, st.program == p.fingerprint && slices.Contains(p.langs, lang)
}

// Carry takes a dialogue that waits for an answer over from another revision of
// its menu, for those who edit the menu while they try it: customers finish on the
// revision that they began on. Screens, variables and secrets are found by their
// names. ok is false where the dialogue has no place in this revision: its screen
// or its language is gone, or there is no question on it.
func (p *Program) Carry(old *Program, st State) (carried State, ok bool) {
	if st.program != old.fingerprint || int(st.screen) >= len(old.screens) || st.Waiting() || st.Ended() || p.closed || !slices.Contains(p.langs, st.lang) {
		return State{}, false
	}
	find := func(id uint16) int {
		name := old.screens[id].id
		return slices.IndexFunc(p.screens, func(s screen) bool { return s.id == name })
	}
	to := find(st.screen)
	if to < 0 || !p.screens[to].kind.interactive() || p.screens[to].kind == kindEnd {
		return State{}, false
	}
	c := State{program: p.fingerprint, screen: uint16(to), page: st.page, lang: st.lang, flags: st.flags & flagResume}
	for _, h := range st.history[:st.depth] {
		if int(h) >= len(old.screens) {
			return State{}, false
		}
		if i := find(h); i >= 0 && p.screens[i].kind.interactive() {
			c.history[c.depth] = uint16(i)
			c.depth++
		}
	}
	c.vars = make([]string, len(p.vars))
	for i := range p.vars {
		for k := range st.vars {
			if k < len(old.vars) && old.vars[k].name == p.vars[i].name && old.vars[k].typ == p.vars[i].typ {
				c.vars[i] = st.vars[k]
			}
		}
	}
	c.sealed = make([][]byte, p.secrets)
	kept := 0
	for i, name := range p.secretNames {
		if k := slices.Index(old.secretNames, name); k >= 0 && k < len(st.sealed) && len(st.sealed[k]) > 0 {
			c.sealed[i] = st.sealed[k]
			kept++
		}
	}
	if p.screens[to].holds && kept == 0 {
		return State{}, false
	}
	return c, true
}
