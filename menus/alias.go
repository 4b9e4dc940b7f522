package menus

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// alias is a shortcut: what is dialled behind the code stands for options by
// their ids, and what follows it fills inputs.
type alias struct {
	digits string   // "1" or "2*1"
	path   []string // ids of options, from the first screen on
	fill   []int    // the inputs that take what follows, by their screens
}

// Bounds of a menu's shortcuts.
const (
	maxAliases = 200
	maxPath    = 8
	maxFill    = 8
	maxWord    = 60 // octets of one word that fills an input
	maxKeyword = 20
)

var (
	aliasRule   = regexp.MustCompile(`^[0-9]{1,8}(\*[0-9]{1,8}){0,3}$`)
	keywordRule = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,19}$`)
)

// pending is the rest of a shortcut that is under way.
type pending struct {
	alias uint16   // place in Program.aliases, plus 1; 0: nothing
	step  uint8    // options taken
	words []string // for inputs
}

func (p *pending) left() bool { return p.alias != 0 }

func (p *pending) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.alias))
	b = append(b, p.step)
	b = binary.AppendUvarint(b, uint64(len(p.words)))
	for _, w := range p.words {
		b = appendString(b, w)
	}
	return b
}

func (d *stateReader) pending() pending {
	p := pending{alias: uint16(d.uvarint(maxAliases)), step: d.octet()}
	for n := d.uvarint(maxFill); n > 0 && !d.bad; n-- {
		p.words = append(p.words, d.str())
	}
	if p.alias == 0 || p.step > maxPath {
		d.bad = true
	}
	return p
}

// findAlias is the place of the longest shortcut that rest begins with, or -1.
func (p *Program) findAlias(rest string) int {
	best, length := -1, 0
	for i := range p.aliases {
		a := p.aliases[i].digits
		after, ok := strings.CutPrefix(rest, a)
		if ok && len(a) > length && (after == "" || after[0] == '*' && len(p.aliases[i].fill) > 0) {
			best, length = i, len(a)
		}
	}
	return best
}

// Misdialled says whether what stands behind a menu's code, and is none of its
// shortcuts, can only be wrong numbers of options: a Begin with it shows the first
// screen and says so. A secret (4 digits or more) or a phone number is never among
// them.
func Misdialled(rest string) bool {
	for word := range strings.SplitSeq(rest, "*") {
		if !isDigits(word) || len(word) > 3 {
			return false
		}
	}
	return true
}

// shortcut begins what was dialled behind the code. More words than the inputs
// take are dropped here: a PIN may be among them.
func (r *run) shortcut(rest string) {
	i := r.p.findAlias(rest)
	if i < 0 {
		r.st.note = noteWrong
		return
	}
	a := &r.p.aliases[i]
	r.st.pending = pending{alias: uint16(i + 1)}
	if after := strings.TrimPrefix(rest[len(a.digits):], "*"); after != "" {
		words := strings.SplitN(after, "*", len(a.fill)+1)
		r.st.pending.words = words[:min(len(words), len(a.fill))]
	}
}

// follow takes the next step of a shortcut on a screen that would be shown. It
// says no where the shortcut ends: its way is done, or the customer is asked.
func (r *run) follow(s *screen) bool {
	pd := &r.st.pending
	if !pd.left() {
		return false
	}
	a := &r.p.aliases[pd.alias-1]
	if int(pd.step) < len(a.path) {
		i := slices.IndexFunc(s.options, func(o option) bool { return o.id == a.path[pd.step] })
		if i < 0 || !r.holds(s.options[i].when) {
			return false
		}
		if !r.take(&s.options[i], i) {
			return true // what comes instead is arrived at
		}
		pd.step++
		r.move(s.options[i].next)
		return true
	}
	if s.kind != kindInput || s.secret || len(pd.words) == 0 || !slices.Contains(a.fill, int(r.st.screen)) {
		return false
	}
	word := pd.words[0]
	pd.words = pd.words[1:]
	v, ok := "", false
	if len(word) <= maxWord {
		v, ok = s.input.parse(typed(Typed(word)), &r.p.env, r.in.Now)
	}
	if !ok {
		r.st.note = noteInvalid
		return false
	}
	r.set(s.input.slot, v)
	r.trace(WayNext)
	r.move(s.next)
	return true
}

// aliases compiles the menu's shortcuts, once its screens are.
func (l *loader) aliases(m *menu) {
	n := m.root.get("aliases")
	if n == nil || !l.isMap(n, "aliases") {
		return
	}
	if len(n.entries) > maxAliases {
		l.at(n, "too-many", fmt.Sprintf("a menu has at most %d aliases", maxAliases), "")
		return
	}
	for _, e := range n.entries {
		digits, ok := l.str(e.key, "an alias")
		if !ok {
			continue
		}
		if !aliasRule.MatchString(digits) {
			l.at(e.key, "bad-alias", fmt.Sprintf("%q cannot be dialled behind a code", digits), `an alias is digits, or several with * between: "1", "2*1"`)
			continue
		}
		if !l.keys(e.val, "an alias", "path", "fill") {
			continue
		}
		a := alias{digits: digits}
		l.aliasPath(m, e.val, &a)
		l.aliasFill(m, e.val, &a)
		for i := range m.program.aliases {
			if o := &m.program.aliases[i]; ambiguous(o, &a) || ambiguous(&a, o) {
				l.at(e.key, "alias-conflict", fmt.Sprintf("the aliases %q and %q cannot be told apart: what follows one could be the other", o.digits, a.digits), "give one of them other digits")
			}
		}
		m.program.aliases = append(m.program.aliases, a)
	}
}

// ambiguous says whether what fills a could read as the longer alias b.
func ambiguous(a, b *alias) bool {
	return len(a.fill) > 0 && strings.HasPrefix(b.digits, a.digits+"*")
}

// aliasPath follows the ids of options from the first screen on.
func (l *loader) aliasPath(m *menu, n *node, a *alias) {
	path := l.need(n, "path", "an alias")
	if path == nil {
		return
	}
	if path.kind != listNode || len(path.items) == 0 || len(path.items) > maxPath {
		l.at(path, "wrong-type", fmt.Sprintf("path is a list of 1 to %d options", maxPath), "write path: [send]")
		return
	}
	at := m.program.start
	for _, item := range path.items {
		id, ok := l.name(item, "an option")
		if !ok || at < 0 {
			return
		}
		s := &m.program.screens[at]
		k := slices.IndexFunc(s.options, func(o option) bool { return o.id == id })
		if k < 0 {
			var known []string
			for i := range s.options {
				known = append(known, s.options[i].id)
			}
			l.at(item, "unknown-option", fmt.Sprintf("the screen %q has no option %q", s.id, id), l.suggest(id, known, "its options: "+orNone(known)))
			return
		}
		a.path = append(a.path, id)
		at = s.options[k].next
	}
}

// aliasFill reads the inputs that a shortcut may fill: never a secret.
func (l *loader) aliasFill(m *menu, n *node, a *alias) {
	fill := n.get("fill")
	if fill == nil {
		return
	}
	if fill.kind != listNode || len(fill.items) > maxFill {
		l.at(fill, "wrong-type", fmt.Sprintf("fill is a list of at most %d screens", maxFill), "write fill: [send_to, send_amount]")
		return
	}
	for _, item := range fill.items {
		i := l.target(m, item)
		if i < 0 {
			continue
		}
		s := &m.program.screens[i]
		switch {
		case s.kind == 0:
		case s.secret || s.kind == kindConfirm:
			l.at(item, "secret-in-alias", fmt.Sprintf("%q asks for a secret or a confirmation: a shortcut always stops there", s.id), "remove it")
		case s.kind != kindInput || s.input.typ == typeChoice:
			l.at(item, "wrong-kind", fmt.Sprintf("%q is no input that can be filled: a number would mean another answer once it is reordered", s.id), "name inputs of other types, or choose options by path:")
		default:
			a.fill = append(a.fill, i)
		}
	}
}

// keywords reads the words by which an SMS enters the menu.
func (l *loader) declareKeywords(m *menu) {
	n := m.root.get("keywords")
	if n == nil {
		return
	}
	if n.kind != listNode {
		l.at(n, "wrong-type", "keywords is a list, not "+n.kind.String(), "write keywords: [PESA]")
		return
	}
	for _, item := range n.items {
		word, ok := l.str(item, "a keyword")
		switch {
		case !ok:
		case !keywordRule.MatchString(word):
			l.at(item, "bad-keyword", fmt.Sprintf("%q cannot be a keyword", word), "a keyword is 2 to 20 capital letters and digits, a letter first: PESA")
		default:
			m.keywords = append(m.keywords, item)
		}
	}
}

// aliasCodes reports shortcuts that are the code of a menu already.
func (l *loader) aliasCodes(c *Catalog, m *menu) {
	for i := range m.program.aliases {
		for _, code := range m.program.codes {
			digits := m.program.aliases[i].digits
			whole := strings.TrimSuffix(code, "#") + "*" + digits + "#"
			if other := c.codes[whole]; other != nil {
				for _, e := range m.root.get("aliases").entries {
					if e.key.text == digits {
						l.at(e.key, "alias-conflict", fmt.Sprintf("%s is a code of the menu %q", whole, other.menu), "give the alias other digits")
					}
				}
			}
		}
	}
}
