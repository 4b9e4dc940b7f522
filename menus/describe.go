package menus

import (
	"slices"
	"strconv"
	"strings"
)

// Names of the ways that are not options. A refusal with a branch of its own is
// WayRejected, a space and the reason's code.
const (
	WayNext        = "next" // an input, or a confirm with a secret, was answered
	WayYes         = "yes"
	WayNo          = "no"
	WayDone        = "done"
	WayRejected    = "rejected" // for any reason without a branch of its own
	WayUnknown     = "unknown"
	WayUnavailable = "unavailable" // behind an option's id and a space: what it needs cannot be called
	WayTell        = "tell"        // an SMS when the service is back was asked for
)

// ScreenInfo describes a screen of a menu, for tools that draw or count.
type ScreenInfo struct {
	ID     string
	Kind   string // menu, input, confirm, fetch, action, message, end, ...
	Text   string // with {name} where a variable stands; "" of a call
	Rows   string // how one row is shown, "" without rows
	SMS    string // that it sends, "" for none
	Type   string // of what is typed here: msisdn, money, ... secret; "" where nothing is
	Digits int    // of a secret: the shortest that is accepted
	// Choices are the answers that an input of type choice offers, as they read.
	Choices []string
	Call    string // of a fetch or an action: what is asked of the core
	Ways    []Way

	File string // where it is written, below the catalog's folder
	Line int    // from 1
	Col  int    // from 1, in characters

	// Vars are the variables that have a value on every way to the screen: what
	// [Program.Enter] wants to know.
	Vars []VarInfo
	// Closed says why nobody can enter here, "" if that is possible.
	Closed string
}

// Way leads on from a screen.
type Way struct {
	Name    string // the option's id, or one of the names above
	Label   string // of an option: what the customer reads; of yes and no: their words
	To      string // the screen it leads to
	When    string // the condition under which it is there, "" for always
	Option  bool   // the customer chooses it
	Outcome bool   // the core's answer chooses it
}

// Start is the screen that a dialogue begins on.
func (p *Program) Start() string { return p.screens[p.start].id }

// Flow describes every screen, in the order of the file. A language that the
// menu lacks reads as its first.
func (p *Program) Flow(lang string) []ScreenInfo {
	k := max(slices.Index(p.langs, lang), 0)
	all := make([]ScreenInfo, len(p.screens))
	for i := range p.screens {
		s := &p.screens[i]
		info := ScreenInfo{ID: s.id, Kind: kindNames[s.kind], File: s.file, Line: s.line, Col: s.col, Vars: p.varInfos(s), Closed: s.shut()}
		if s.text != nil {
			info.Text = p.outline(s.text[k])
		}
		if s.each != nil {
			info.Rows = p.outline(s.each.text[k])
		}
		if s.list != nil {
			info.Rows = p.outline(s.list.row[k])
		}
		if s.sms != nil {
			info.SMS = p.outline(s.sms.text[k])
		}
		if s.input != nil {
			info.Type = s.input.typ.String()
			if s.secret {
				info.Digits = s.input.minLen
			}
			for i := range s.input.choices {
				info.Choices = append(info.Choices, s.input.choices[i].labels[k])
			}
		}
		if s.call != nil {
			info.Call = s.call.def.name
		}
		info.Ways = p.ways(s, k)
		all[i] = info
	}
	return all
}

func (p *Program) ways(s *screen, lang int) []Way {
	var ways []Way
	add := func(w Way, to int) {
		if to >= 0 {
			w.To = p.screens[to].id
			ways = append(ways, w)
		}
	}
	for i := range s.options {
		o := &s.options[i]
		add(Way{Name: o.id, Label: p.outline(o.label[lang]), When: o.when.text(), Option: true}, o.next)
		add(Way{Name: o.id + " " + WayUnavailable, When: o.when.text()}, o.instead)
	}
	if s.tell {
		add(Way{Name: WayTell, Label: p.sys[lang].tell, Option: true}, slices.IndexFunc(p.screens, func(o screen) bool { return o.id == s.id }))
	}
	switch s.kind {
	case kindChoose:
		for i := range s.ways {
			add(Way{Name: s.ways[i].name, When: s.ways[i].when.text()}, s.ways[i].next)
		}
	case kindInput, kindList:
		add(Way{Name: WayNext}, s.next)
	case kindConfirm:
		if s.secret {
			add(Way{Name: WayNext}, s.next)
			break
		}
		sys := p.sys[lang]
		add(Way{Name: WayYes, Label: string(sys.plain(sysYes)), Option: true}, s.next)
		add(Way{Name: WayNo, Label: string(sys.plain(sysNo)), Option: true}, s.no)
	}
	if c := s.call; c != nil {
		add(Way{Name: WayDone, Outcome: true}, c.done)
		for i := range c.rejected {
			add(Way{Name: c.rejected[i].way, Outcome: true}, c.rejected[i].next)
		}
		add(Way{Name: WayRejected, Outcome: true}, c.refused)
		if c.def.unknown() {
			add(Way{Name: WayUnknown, Outcome: true}, c.unknown)
		}
		add(Way{Name: WayUnavailable, Outcome: true}, c.down)
	}
	return ways
}

// text is the condition as it is written, "" for none.
func (c *condition) text() string {
	if c == nil {
		return ""
	}
	return c.source
}

// outline is a text as it reads when every variable has a value, each of them as
// its name in braces.
func (p *Program) outline(segs []seg) string {
	var b strings.Builder
	for i := range segs {
		s := &segs[i]
		switch {
		case s.source == fromLiteral:
			b.WriteString(s.lit)
		case s.plural != nil:
			b.WriteString(p.outline(s.plural.forms[len(s.plural.forms)-1].segs))
		case s.cond && len(s.then) > 0:
			b.WriteString(p.outline(s.then))
		case s.cond:
			b.WriteString(p.outline(s.els))
		default:
			b.WriteByte('{')
			b.WriteString(p.slotName(s))
			b.WriteByte('}')
		}
	}
	return b.String()
}

func (p *Program) slotName(s *seg) string {
	switch n := int(s.slot); {
	case s.source == fromRow && n < len(rowDefs):
		return rowDefs[n].name
	case s.source == fromVar && n < len(p.vars):
		return p.vars[n].name
	default:
		return strconv.Itoa(n)
	}
}

func (r *run) trace(way string) {
	if r.in.Trace != nil {
		r.in.Trace(r.screen().id, way)
	}
}

// ProblemAt is a problem at a place of a source, with the line and a caret: for
// files beside the menus that other packages read. Line and col count from 1; a
// line of 0 is the whole file.
func ProblemAt(name string, source []byte, line, col int, code, message, fix string) Problem {
	p := Problem{File: name, Line: line, Col: col, Code: code, Message: message, Fix: fix}
	if line > 0 {
		f := &file{lines: strings.Split(string(source), "\n")}
		p.Snippet = snippet(f.line(line), col)
	}
	return p
}

// Sorted are the problems by file, line and column, none of them twice.
func (ps Problems) Sorted() Problems { return slices.Clone(ps).sorted() }

// Suggest proposes the known name nearest to a wrong one ("did you mean ...?"),
// and otherwise says otherwise.
func Suggest(wrong string, known []string, otherwise string) string {
	return new(loader).suggest(wrong, known, otherwise)
}

// CallInfo describes what menus can ask of the core.
type CallInfo struct {
	Name    string
	Action  bool     // it moves money
	Changes bool     // it moves none, and changes something: without an answer it is unknown, as an action is
	Local   bool     // the gateway's own: the core has no part in it
	Party   string   // as PartyOf
	Results []string // names of what a success may give
}

// Local says whether the gateway answers a call by itself.
func Local(call string) bool {
	def := findCall(call)
	return call == CallTell || def != nil && def.local
}

// Party is the name under which one biller, till or agent of a call can be closed:
// billpay/100100.
func Party(call, party string) string { return call + "/" + party }

// CutParty returns the call of a name, and the party if it has one.
func CutParty(name string) (call, party string) {
	call, party, _ = strings.Cut(name, "/")
	return call, party
}

// PartyOf is the argument of a call that names who can be closed by himself: till,
// biller or agent; "" if it has none.
func PartyOf(call string) string {
	if def := findCall(call); def != nil {
		return def.partyArg()
	}
	return ""
}

// Needs is the name of what a call needs: its own, with its party's if it has one.
func (c *Call) Needs() string {
	arg := PartyOf(c.Name)
	for _, a := range c.Args {
		if arg != "" && a.Name == arg && a.Text != "" {
			return Party(c.Name, a.Text)
		}
	}
	return c.Name
}

// Calls are all calls that menus can make.
func Calls() []CallInfo {
	all := make([]CallInfo, len(callDefs))
	for i := range callDefs {
		d := &callDefs[i]
		all[i] = CallInfo{Name: d.name, Action: d.action, Changes: d.changes, Local: d.local, Party: d.partyArg()}
		for _, r := range d.results {
			all[i].Results = append(all[i].Results, r.name)
		}
	}
	return all
}

// Reasons are the codes of refusals that menus can branch on.
func Reasons() []string { return slices.Clone(reasonCodes) }

// RowFields are the names of what a row of a statement holds.
func RowFields() []string {
	all := make([]string, len(rowDefs))
	for i := range rowDefs {
		all[i] = rowDefs[i].name
	}
	return all
}
