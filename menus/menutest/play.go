package menutest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"nyota/menus"
)

// maxCalls bounds the calls between two screens, and maxSecret the digits of a
// secret; both are far beyond what the loader of menus lets through.
const (
	maxCalls  = 50
	maxSecret = 160
)

var errPIN = errors.New("a test holds no PIN: press secret instead of its digits")

// player plays one case in one language.
type player struct {
	catalog  *menus.Catalog
	c        *testCase
	lang     string
	cover    *coverage
	given    map[*script]int
	sms      map[menus.Role][]string
	failures []Failure
	edits    []edit

	program *menus.Program
	flow    map[string]menus.ScreenInfo
	turn    menus.Turn
	begun   bool
	at      *step
}

// fail records a failure at the step, or at a place of its own.
func (p *player) fail(line, col int, expected, actual, format string, args ...any) {
	p.failures = append(p.failures, Failure{Line: line, Col: col, Expected: expected, Actual: actual, Message: fmt.Sprintf(format, args...)})
}

func (p *player) stop(format string, args ...any) bool {
	p.fail(p.at.line, p.at.col, "", p.turn.Screen.Text, format, args...)
	return false
}

// play runs the steps up to the first failure: what follows would say nothing.
func (p *player) play() {
	for i := range p.c.steps {
		p.at = &p.c.steps[i]
		for _, k := range p.at.keys {
			if !p.press(k) {
				return
			}
		}
		if x := p.at.expect; x != nil && !p.judge(x) {
			return
		}
	}
	p.judgeSMS()
	for name, s := range p.c.core {
		if n := p.given[s]; n == 0 || !s.repeats && n < len(s.answers) {
			p.fail(s.line, s.col, "", "", "the core was asked %s %d times: not all of its answers were needed", name, n)
		}
	}
}

// press dials or presses one key, and answers the calls that follow.
func (p *player) press(k key) bool {
	in := p.input(menus.Keys)
	st := p.turn.State
	switch {
	case p.at.dial:
		program, rest, ok := p.catalog.Dial(k.text)
		if program == nil || !ok && !menus.Misdialled(rest) {
			return p.stop("no menu opens with %s", k.text)
		}
		p.begin(program)
		in = p.input(menus.Begin)
		in.Language, in.Text, in.Open = p.lang, menus.Typed(rest), p.c.open
		st = menus.State{}
	case !p.begun:
		return p.stop("nothing was dialled yet")
	case p.turn.End:
		return p.stop("%q was pressed, but the dialogue is over", k.text)
	default:
		in.Text = menus.Typed(k.text)
		if k.secret > 0 && p.turn.Screen.Secret {
			in.Text = menus.Typed(standIn(k.secret, p.flow[p.turn.Screen.ID].Digits))
		}
	}
	var turn menus.Turn
	var err error
	if p.at.at != "" {
		turn, err = p.program.Enter(p.at.at, p.at.with, in)
	} else {
		turn, err = p.program.Step(st, in)
	}
	for n := 0; ; n++ {
		switch {
		case errors.Is(err, errPIN):
			return p.stop("%v", err)
		case err != nil:
			return p.stop("the step failed: %v", err)
		case n > maxCalls:
			return p.stop("%d calls without a screen between them", n)
		}
		p.turn = turn
		if turn.SMS != "" {
			p.sms[menus.RoleCustomer] = append(p.sms[menus.RoleCustomer], turn.SMS)
		}
		if turn.Call == nil {
			break
		}
		if e, same := p.c.again[turn.Call.Name]; same && turn.Call.Action && !turn.Call.Sure {
			in = p.input(menus.Doubt)
			in.Open, in.Call = []menus.Earlier{e}, turn.Call
			turn, err = p.program.Step(turn.State, in)
			continue
		}
		a, ok := p.answer(turn.Call)
		if !ok {
			return false
		}
		in = p.input(menus.Answer)
		in.Result = a.result
		call, lang := turn.Call, turn.State.Language()
		turn, err = p.program.Step(turn.State, in)
		p.notices(call, lang, a)
	}
	p.cover.screen(p.program, p.turn.Screen.ID, p.turn.State.Language())
	return true
}

func (p *player) begin(program *menus.Program) {
	p.program, p.begun = program, true
	p.flow = map[string]menus.ScreenInfo{}
	for _, s := range program.Flow("") {
		p.flow[s.ID] = s
	}
}

// Digits that stand for a PIN, and for another one.
var standIns = [...]string{strings.Repeat("86420", maxSecret/5), strings.Repeat("97531", maxSecret/5)}

// standIn is n digits of the first or the second of them.
func standIn(which, n int) string { return standIns[which-1][:min(max(n, 1), maxSecret)] }

// seal takes nothing but digits that stand for a PIN.
func seal(secret string) ([]byte, error) {
	for i, all := range standIns {
		if strings.HasPrefix(all, secret) {
			return fmt.Appendf(nil, "sealed %d, %d digits", i+1, len(secret)), nil
		}
	}
	return nil, errPIN
}

func (p *player) input(kind menus.InputKind) menus.Input {
	return menus.Input{
		Kind: kind, Customer: p.c.customer, Now: p.c.now,
		Seal: seal,
		Same: func(sealed []byte, secret string) (bool, error) {
			other, err := seal(secret)
			return bytes.Equal(sealed, other), err
		},
		Down: func(name string) (menus.Unavailable, bool) {
			why, down := p.c.down[name]
			if call, party := menus.CutParty(name); !down && party != "" {
				why, down = p.c.down[call]
			}
			return why, down
		},
		Busy:  func(call string) bool { return p.c.busy[call] },
		Trace: func(screen, way string) { p.cover.way(p.program, screen, way) },
	}
}

// answer finds what the core says to a call.
func (p *player) answer(call *menus.Call) (*answer, bool) {
	p.cover.screen(p.program, call.Screen, "")
	for _, from := range []map[string]*script{p.c.core, p.c.shared} {
		for _, name := range []string{call.Screen, call.Name} {
			s := from[name]
			if s == nil || len(s.answers) == 0 {
				continue
			}
			n := p.given[s]
			p.given[s]++
			if s.repeats {
				n = 0
			}
			if n >= len(s.answers) {
				return nil, p.stop("the core was asked %s (on %s) once more than it has answers", name, call.Screen)
			}
			return &s.answers[n], true
		}
	}
	if call.Name == menus.CallTell {
		return &answer{result: menus.Result{Outcome: menus.Done}}, true
	}
	return nil, p.stop("the core was asked %s on the screen %s, and has no answer: add core: {%s: done}", call.Name, call.Screen, call.Screen)
}

// notices are the SMS that an action's outcome sends: to the customer always, to
// payee and agent when money moved and their numbers are known.
func (p *player) notices(call *menus.Call, lang string, a *answer) {
	if a.late != nil {
		a = a.late
	}
	if !call.Action || a.silent {
		return
	}
	result := a.result
	send := func(role menus.Role, lang string) {
		if text, ok := p.program.Notice(call.Screen, role, lang, result.Outcome, call.Vars, result); ok {
			p.sms[role] = append(p.sms[role], text)
		}
	}
	if result.Outcome == menus.Pending {
		return // the SMS comes with the final outcome
	}
	send(menus.RoleCustomer, lang)
	if result.Outcome != menus.Done {
		return
	}
	for _, role := range []menus.Role{menus.RolePayee, menus.RoleAgent} {
		if to := recipient(call, &result, role); to != "" && to != p.c.customer {
			send(role, "") // nobody's language is remembered in a test: the menu's first
		}
	}
}

// recipient is the number that the core named for a role, or the one that was
// paid.
func recipient(call *menus.Call, r *menus.Result, role menus.Role) string {
	for _, f := range r.Fields {
		if f.Name == string(role)+"_msisdn" {
			return f.Text
		}
	}
	if role == menus.RolePayee {
		for _, a := range call.Args {
			if a.Name == "to" {
				return a.Text
			}
		}
	}
	return ""
}
