package menus

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Texts are templates:
//
//	{name}            the variable, formatted by its type
//	{name|format}     with this format
//	{name?then}       "then" if the variable has a value
//	{name?then|else}  "else" if not
//	{name#one=a|other=b}  by the plural form that the number takes
//	{{ }}             braces
//
// They are parsed into tnodes, checked, and compiled into segs by slot.
type tnode struct {
	lit       string
	name      string
	format    string
	off       int // of the "{", in octets of the text
	cond      bool
	then, els []tnode
	forms     []tform // of a plural
}

// tform is the text of one plural form.
type tform struct {
	name  string
	nodes []tnode
}

type templateError struct {
	off int
	msg string
}

const maxNesting = 4

func parseTemplate(s string) ([]tnode, *templateError) {
	p := &templateParser{s: s}
	nodes := p.sequence(0)
	if p.err == nil && p.i < len(s) {
		p.fail(p.i, `"}" without "{"; write }} for the brace itself`)
	}
	return nodes, p.err
}

type templateParser struct {
	s   string
	i   int
	err *templateError
}

func (p *templateParser) fail(off int, msg string) {
	if p.err == nil {
		p.err = &templateError{off, msg}
	}
}

// sequence reads up to the end, an unpaired "}" or, when nested, a "|".
func (p *templateParser) sequence(depth int) []tnode {
	var nodes []tnode
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			nodes = append(nodes, tnode{lit: lit.String()})
			lit.Reset()
		}
	}
	for p.i < len(p.s) && p.err == nil {
		switch c := p.s[p.i]; {
		case c == '{' && strings.HasPrefix(p.s[p.i:], "{{"):
			lit.WriteByte('{')
			p.i += 2
		case c == '}' && depth == 0 && strings.HasPrefix(p.s[p.i:], "}}"):
			lit.WriteByte('}')
			p.i += 2
		case c == '{':
			flush()
			nodes = append(nodes, p.placeholder(depth))
		case c == '}' || c == '|' && depth > 0:
			flush()
			return nodes
		default:
			lit.WriteByte(c)
			p.i++
		}
	}
	flush()
	return nodes
}

func (p *templateParser) placeholder(depth int) tnode {
	n := tnode{off: p.i}
	p.i++
	n.name = p.word()
	if n.name == "" {
		p.fail(n.off, `"{" needs the name of a variable; write {{ for the brace itself`)
		return n
	}
	if p.i < len(p.s) && p.s[p.i] == '?' {
		p.i++
		n.cond = true
		if depth+1 > maxNesting {
			p.fail(n.off, "nested too deep")
			return n
		}
		n.then = p.sequence(depth + 1)
		if p.i < len(p.s) && p.s[p.i] == '|' {
			p.i++
			n.els = p.sequence(depth + 1)
		}
	} else if p.i < len(p.s) && p.s[p.i] == '#' {
		p.plural(&n, depth)
	} else if p.i < len(p.s) && p.s[p.i] == '|' {
		p.i++
		if n.format = p.word(); n.format == "" {
			p.fail(n.off, `"|" needs the name of a format`)
			return n
		}
	}
	if p.i >= len(p.s) || p.s[p.i] != '}' {
		p.fail(n.off, `"{" without its "}"`)
		return n
	}
	p.i++
	return n
}

// plural reads one=...|other=... behind "#".
func (p *templateParser) plural(n *tnode, depth int) {
	if depth+1 > maxNesting {
		p.fail(n.off, "nested too deep")
		return
	}
	for p.err == nil {
		p.i++ // "#" or "|"
		f := tform{name: p.word()}
		if f.name == "" || p.i >= len(p.s) || p.s[p.i] != '=' {
			p.fail(n.off, `a plural is written {name#one=...|other=...}`)
			return
		}
		p.i++
		f.nodes = p.sequence(depth + 1)
		n.forms = append(n.forms, f)
		if p.i >= len(p.s) || p.s[p.i] != '|' {
			return
		}
	}
}

func (p *templateParser) word() string {
	from := p.i
	for p.i < len(p.s) && (p.s[p.i] == '_' || p.s[p.i] >= 'a' && p.s[p.i] <= 'z' || p.s[p.i] >= '0' && p.s[p.i] <= '9') {
		p.i++
	}
	return p.s[from:p.i]
}

// seg is a compiled piece of a text.
type seg struct {
	lit       string
	slot      int16
	source    source
	format    format
	cond      bool
	then, els []seg
	plural    *pluralSpec
}

type source uint8

const (
	fromLiteral source = iota
	fromVar
	fromRow
)

type format uint8

const (
	formatPlain format = iota
	formatMoney
	formatNumber
	formatMSISDN
	formatDate
	formatDay
	formatTime
	formatReason
	formatKind
	formatSign
	formatChoice
	formatCount
)

var formatNames = []struct {
	name string
	id   format
}{
	{"plain", formatPlain}, {"money", formatMoney}, {"number", formatNumber}, {"msisdn", formatMSISDN},
	{"date", formatDate}, {"day", formatDay}, {"time", formatTime}, {"count", formatCount},
}

// formatsOf says how a type can be shown, the default first.
func formatsOf(t valueType) []format {
	switch t {
	case typeMoney:
		return []format{formatMoney, formatNumber, formatPlain}
	case typeMSISDN:
		return []format{formatMSISDN, formatPlain}
	case typeDate:
		return []format{formatDate, formatDay, formatPlain}
	case typeTime:
		return []format{formatTime, formatDate, formatDay, formatPlain}
	case typeReason:
		return []format{formatReason, formatPlain}
	case typeKind:
		return []format{formatKind, formatPlain}
	case typeSign:
		return []format{formatSign, formatPlain}
	case typeChoice:
		return []format{formatChoice, formatPlain}
	case typeRows:
		return []format{formatCount}
	case typeText, typeNumber:
		return []format{formatPlain}
	}
	return nil
}

func pickFormat(t valueType, name string) (f format, known, fits bool) {
	all := formatsOf(t)
	if name == "" {
		return all[0], true, true
	}
	for _, n := range formatNames {
		if n.name == name {
			return n.id, true, slices.Contains(all, n.id)
		}
	}
	return 0, false, false
}

// scope is what a text is rendered with.
type scope struct {
	slots      []string
	customer   string
	noCustomer bool // slot 0 is an ordinary one: the system's texts have their own slots
	row        []string
	lang       int        // of labels
	vars       []variable // of the menu: their choices
	sys        *sysLang
	env        *Env
	now        time.Time
	worst      bool // measures: of two texts the longer one
}

func (sc *scope) value(s *seg) string {
	if s.source == fromRow {
		if int(s.slot) < len(sc.row) {
			return sc.row[s.slot]
		}
		return ""
	}
	if s.slot == slotCustomer && !sc.noCustomer {
		return sc.customer
	}
	if int(s.slot) < len(sc.slots) {
		return sc.slots[s.slot]
	}
	return ""
}

func (sc *scope) append(b []byte, segs []seg) []byte {
	for i := range segs {
		s := &segs[i]
		switch {
		case s.source == fromLiteral:
			b = append(b, s.lit...)
		case s.cond && sc.worst:
			b = append(b, longer(sc.append(nil, s.then), sc.append(nil, s.els))...)
		case s.cond && sc.value(s) != "":
			b = sc.append(b, s.then)
		case s.cond:
			b = sc.append(b, s.els)
		case s.plural != nil:
			v := sc.value(s)
			if sc.counts(s) {
				v = strconv.Itoa(countRows(v))
			}
			b = sc.append(b, s.plural.pick(v))
		case s.format == formatCount:
			b = strconv.AppendInt(b, int64(countRows(sc.value(s))), 10)
		case s.format == formatChoice:
			b = append(b, sc.label(s)...)
		default:
			b = sc.format(b, s.format, sc.value(s))
		}
	}
	return b
}

// counts says whether a variable is rows.
func (sc *scope) counts(s *seg) bool {
	return s.source == fromVar && int(s.slot) < len(sc.vars) && sc.vars[s.slot].typ == typeRows
}

// label is what a choice reads as.
func (sc *scope) label(s *seg) string {
	v := sc.value(s)
	if int(s.slot) < len(sc.vars) {
		for _, c := range sc.vars[s.slot].choices {
			if c.value == v {
				return c.labels[sc.lang]
			}
		}
	}
	return v
}

func (sc *scope) format(b []byte, f format, v string) []byte {
	if v == "" {
		return b
	}
	switch f {
	case formatMoney:
		return appendMoney(b, v, sc.env.Currency, true)
	case formatNumber:
		return appendMoney(b, v, sc.env.Currency, false)
	case formatMSISDN:
		return appendMSISDN(b, v, sc.env.Country)
	case formatDate, formatDay, formatTime:
		return sc.appendTime(b, f, v)
	case formatReason:
		return append(b, sc.sys.reason(v)...)
	case formatKind:
		return append(b, sc.sys.kind(v)...)
	case formatSign:
		switch v {
		case "in":
			return append(b, '+')
		case "out":
			return append(b, '-')
		}
	}
	return append(b, v...)
}

// appendMoney groups thousands: TZS 1,234,567.50. What is no decimal number is
// shown as it is.
func appendMoney(b []byte, v string, c Currency, code bool) []byte {
	whole, frac, _ := strings.Cut(v, ".")
	sign := strings.HasPrefix(whole, "-")
	if sign {
		whole = whole[1:]
	}
	if !isDigits(whole) {
		return append(b, v...)
	}
	if code {
		if c.Symbol != "" {
			b = append(b, c.Symbol...)
		} else {
			b = append(b, c.Code...)
		}
		b = append(b, ' ')
	}
	if sign {
		b = append(b, '-')
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b = append(b, ',')
		}
		b = append(b, whole[i])
	}
	if frac != "" {
		b = append(b, '.')
		b = append(b, frac...)
	}
	return b
}

// appendMSISDN shows a number of the country as people dial it there.
func appendMSISDN(b []byte, v string, c Country) []byte {
	if len(v) == len(c.Prefix)+c.National && strings.HasPrefix(v, c.Prefix) && isDigits(v) {
		b = append(b, c.Trunk...)
		return append(b, v[len(c.Prefix):]...)
	}
	if len(v) >= 8 && isDigits(v) && v[0] != '0' {
		b = append(b, '+')
	}
	return append(b, v...)
}

// appendTime shows a time in the operator's zone (that of now, else its own):
// the hour alone if it is today.
func (sc *scope) appendTime(b []byte, f format, v string) []byte {
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		if t, err = time.Parse(time.DateOnly, v); err != nil {
			return append(b, v...)
		}
	} else if !sc.now.IsZero() {
		t = t.In(sc.now.Location())
	}
	switch f {
	case formatDate:
		return t.AppendFormat(b, "02/01/2006")
	case formatDay:
		return t.AppendFormat(b, "02/01")
	}
	y, m, d := sc.now.Date()
	if ty, tm, td := t.Date(); !sc.now.IsZero() && (ty != y || tm != m || td != d) {
		return t.AppendFormat(b, "02/01 15:04")
	}
	return t.AppendFormat(b, "15:04")
}

// maxRef bounds a reference, in characters: a core's may be a UUID, and another of
// ours may stand behind it.
const maxRef = 64

// clean makes a text from outside fit for a screen: one line, valid UTF-8, no
// control characters, at most limit characters.
func clean(s string, limit int) string {
	fine := len(s) <= limit
	for i := 0; fine && i < len(s); i++ {
		fine = s[i] >= ' ' && s[i] < 0x7f
	}
	if fine {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit])
	}
	return strings.TrimSpace(s)
}
