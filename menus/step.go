package menus

import (
	"errors"
	"slices"

	"github.com/expr-lang/expr/vm"
)

// Errors of Step that a broken caller causes, never a customer.
var (
	ErrState   = errors.New("menus: the state is not of this menu's revision")
	ErrWaiting = errors.New("menus: a call is outstanding: only Answer and Show can follow")
	ErrNoCall  = errors.New("menus: Answer without an outstanding call")
	ErrEnded   = errors.New("menus: the dialogue is over: only Show can follow")
	ErrInput   = errors.New("menus: the input is incomplete")
)

// maxHops bounds how many calls one step may pass over because what they need is
// gone; the loader has refused circles of calls.
const maxHops = 16

// run is one step under way: the state is a copy, its slices are shared with the
// caller's until they are written to.
type run struct {
	p          *Program
	in         Input
	st         State
	lang       int
	limits     Limits
	ownsVars   bool
	ownsSealed bool
	worst      bool           // measures: every option is there
	gaveUp     bool           // a secret was not asked for, as it would have been for nothing
	scope      map[string]any // of conditions; emptied when a variable changes
	vm         *vm.VM
}

// Step makes one step of a dialogue: from a state and what happened to the next
// state, with a screen to show or a call to make. It is pure: the same state and
// input give the same turn, and the state given is not changed.
//
// Whatever a customer types gets a screen. The errors are those of a broken
// caller (ErrState, ErrWaiting, ErrNoCall, ErrEnded, ErrInput, Limits below
// MinSeptets or MinUCS2), or that of Input.Seal: nothing has happened then.
func (p *Program) Step(st State, in Input) (Turn, error) {
	r := run{p: p, in: in, st: st, limits: in.Limits}
	if r.limits == (Limits{}) {
		r.limits = p.env.Limits
	} else if err := r.limits.check(); err != nil {
		return Turn{}, err
	}
	if in.Kind == Begin {
		r.begin()
		return r.open()
	}
	if st.program != p.fingerprint || int(st.screen) >= len(p.screens) || len(st.vars) > len(p.vars) || len(st.sealed) > p.secrets {
		return Turn{}, ErrState
	}
	if r.lang = slices.Index(p.langs, st.lang); r.lang < 0 {
		return Turn{}, ErrState
	}
	for _, h := range st.history[:st.depth] {
		if int(h) >= len(p.screens) {
			return Turn{}, ErrState
		}
	}
	waits := p.screens[st.screen].kind.calls()
	if st.ask != nil {
		if !st.ask.fits(&p.screens[st.screen]) {
			return Turn{}, ErrState
		}
		waits = st.ask.kind == askNoting
	}
	if p.screens[st.screen].kind == kindChoose || st.pending.left() && !st.pending.fits(p) {
		return Turn{}, ErrState
	}
	if waits != st.Waiting() || waits && st.Ended() {
		return Turn{}, ErrState
	}
	if in.Kind != Show {
		r.st.leaveScreen()
	}
	if st.Unclear() && (in.Kind == Keys || in.Kind == Show) && !st.Ended() {
		return r.instead(), nil
	}
	switch in.Kind {
	case Show:
		if st.Waiting() {
			return r.callAgain(), nil
		}
		return r.show(), nil
	case Keys:
		if st.Waiting() {
			return Turn{}, ErrWaiting
		}
		if st.Ended() {
			return Turn{}, ErrEnded
		}
		return r.keys()
	case Redial:
		return r.takeUp()
	case Answer:
		if !st.Waiting() {
			return Turn{}, ErrNoCall
		}
		return r.answer()
	case Doubt:
		if !st.Waiting() {
			return Turn{}, ErrNoCall
		}
		return r.doubt()
	}
	return Turn{}, ErrInput
}

func (r *run) begin() {
	r.lang = max(slices.Index(r.p.langs, r.in.Language), 0)
	r.st = State{program: r.p.fingerprint, lang: r.p.langs[r.lang], screen: uint16(r.p.start)}
	if r.closed() {
		r.st.note = noteClosed
		return
	}
	if r.in.Kind == Begin && r.in.Notice != nil && r.in.Notice(r.st.lang) != "" {
		r.st.note = noteNotice
	}
	if r.in.Kind == Begin && r.in.Text != "" {
		r.shortcut(string(r.in.Text))
	}
}

// closed says whether nothing may begin.
func (r *run) closed() bool { return r.p.closed || r.in.Closed != nil }

func (r *run) screen() *screen { return &r.p.screens[r.st.screen] }

// keys handles what the customer typed.
func (r *run) keys() (Turn, error) {
	s := r.screen()
	v := typed(r.in.Text)
	if v == r.p.keyMore && r.more() {
		if r.st.note >= noteCount { // its pages began elsewhere
			r.st.note, r.st.page = noteNone, 0
			return r.show(), nil
		}
		r.st.page++ // the note stays: without it the pages would begin elsewhere
		r.st.tries = 0
		return r.show(), nil
	}
	if r.st.ask != nil {
		return r.asked(v)
	}
	if r.st.flags&flagResume != 0 {
		return r.resumeKey(v)
	}
	if s.kind == kindEnd {
		return r.wrong(noteWrong), nil
	}
	if v == r.p.keyBack && r.canBack() {
		return r.back()
	}
	if v == r.p.keyHome && int(r.st.screen) != r.p.start {
		return r.home()
	}
	switch s.kind {
	case kindInput:
		return r.input(s, v)
	case kindConfirm:
		if s.secret {
			return r.input(s, v)
		}
		switch v {
		case "1":
			r.trace(WayYes)
			return r.forward(s.next)
		case "2":
			r.trace(WayNo)
			return r.forward(s.no)
		}
	default:
		n, ok := optionNumber(v)
		switch {
		case !ok:
		case s.list != nil:
			if r.chooseRow(s.list, n) {
				return r.forward(s.next)
			}
		default:
			if i, left := r.option(s, n); i >= 0 {
				return r.choose(&s.options[i], i)
			} else if left == 0 && r.tells(s) {
				r.trace(WayTell)
				return r.note(r.st.away), nil
			}
		}
	}
	return r.wrong(noteWrong), nil
}

// optionNumber reads "1" to "97" as 0 to 96.
func optionNumber(v string) (int, bool) {
	switch {
	case len(v) == 1 && v[0] >= '1' && v[0] <= '9':
		return int(v[0] - '1'), true
	case len(v) == 2 && v[0] >= '1' && v[0] <= '9' && v[1] >= '0' && v[1] <= '9':
		return int(v[0]-'0')*10 + int(v[1]-'0') - 1, true
	}
	return 0, false
}

// option is the place of the nth option that is shown, or -1 and how far n is
// behind the last.
func (r *run) option(s *screen, n int) (at, left int) {
	for i := range s.options {
		if s.options[i].when != nil && !r.holds(s.options[i].when) {
			continue
		}
		if n == 0 {
			return i, 0
		}
		n--
	}
	return -1, n
}

// chooseRow takes the nth row of a list.
func (r *run) chooseRow(spec *listSpec, n int) bool {
	rest := r.value(spec.slot)
	var fields [8]string
	for ; rest != ""; n-- {
		rest = cutRow(rest, &fields)
		if n > 0 {
			continue
		}
		for _, a := range spec.set {
			r.set(a.slot, fields[a.field])
		}
		r.trace(WayNext)
		return true
	}
	return false
}

func (r *run) choose(o *option, n int) (Turn, error) {
	if !r.take(o, n) {
		return r.arrive()
	}
	return r.forward(o.next)
}

// take does what an option does beside leading on. If what the option needs is
// down it says no, and the state is that of what comes instead.
func (r *run) take(o *option, n int) bool {
	if why, down := r.down(o.needs); down {
		r.st.pending = pending{}
		r.st.page, r.st.tries, r.st.note = 0, 0, noteNone
		if o.instead >= 0 {
			r.trace(o.id + " " + WayUnavailable)
			r.move(o.instead)
			r.lost(o.needs, why.Until)
		} else {
			r.st.ask = &asking{kind: askTell, option: uint8(n)}
		}
		return false
	}
	r.trace(o.id)
	for _, a := range o.set {
		v := a.literal
		if a.from >= 0 {
			v = r.value(a.from)
		}
		r.set(a.slot, v)
	}
	if o.lang != "" {
		r.lang = slices.Index(r.p.langs, o.lang)
		r.st.lang = r.p.langs[r.lang]
	}
	return true
}

func (r *run) input(s *screen, v string) (Turn, error) {
	if s.input.typ == typeChoice {
		n, ok := optionNumber(v)
		if !ok || n >= len(s.input.choices) {
			return r.wrong(noteInvalid), nil
		}
		r.set(s.input.slot, s.input.choices[n].value)
		r.trace(WayNext)
		return r.forward(s.next)
	}
	v, ok := s.input.parse(v, &r.p.env, r.in.Now)
	if !ok {
		return r.wrong(noteInvalid), nil
	}
	if s.secret {
		if s.input.same >= 0 {
			if same, err := r.sameSecret(s.input.same, v); err != nil {
				return Turn{}, err
			} else if !same {
				return r.wrong(noteDiffers), nil
			}
		}
		if r.in.Seal == nil {
			return Turn{}, ErrInput
		}
		sealed, err := r.in.Seal(v)
		if err != nil {
			return Turn{}, err
		}
		if len(sealed) == 0 {
			return Turn{}, ErrInput
		}
		r.seal(s.input.slot, sealed)
	} else {
		r.set(s.input.slot, v)
	}
	r.trace(WayNext)
	return r.forward(s.next)
}

// wrong shows the screen again with a reason, or ends after too many.
func (r *run) wrong(n note) Turn {
	r.st.tries++
	r.st.note, r.st.page = n, 0
	if r.st.tries >= r.p.tries {
		r.st.note = noteTooMany
	}
	return r.show()
}

// forward goes on from a screen that was shown. A screen that is on the way back
// already is returned to, so that the way does not grow in circles.
func (r *run) forward(to int) (Turn, error) {
	r.move(to)
	return r.arrive()
}

// move makes to the present screen, with the way back to the one before.
func (r *run) move(to int) {
	if int(r.st.screen) != to {
		r.push(r.st.screen)
	}
	r.jump(to)
}

func (r *run) push(id uint16) {
	if r.st.depth == maxHistory {
		copy(r.st.history[:], r.st.history[1:])
		r.st.depth--
	}
	r.st.history[r.st.depth] = id
	r.st.depth++
}

// jump makes to the present screen.
func (r *run) jump(to int) {
	for i := range r.st.depth {
		if int(r.st.history[i]) == to {
			r.st.depth = i
			break
		}
	}
	r.st.screen, r.st.page, r.st.tries, r.st.note, r.st.ask = uint16(to), 0, 0, noteNone, nil
	if to == r.p.start {
		r.reset()
	}
}

// reset forgets everything but the language: nothing of one errand may show up
// in the next.
func (r *run) reset() {
	r.st.depth = 0
	r.st.vars, r.st.sealed, r.st.away = nil, nil, ""
	r.ownsVars, r.ownsSealed = false, false
	clear(r.scope)
}

// backTo finds the screen that the back key returns to, and its place in the
// history; -1 if there is none.
func (r *run) backTo() int {
	for i := int(r.st.depth) - 1; i >= 0; i-- {
		if !r.p.screens[r.st.history[i]].noBack {
			return i
		}
	}
	return -1
}

func (r *run) canBack() bool { return r.st.page > 0 || r.backTo() >= 0 }

// back turns a page back, or returns to the screen before. Secrets typed on the
// way are forgotten.
func (r *run) back() (Turn, error) {
	if r.st.page > 0 {
		r.st.page--
		r.st.tries = 0
		return r.show(), nil
	}
	i := r.backTo()
	to := int(r.st.history[i])
	r.st.sealed, r.ownsSealed = nil, false
	r.jump(to)
	return r.show(), nil
}

func (r *run) home() (Turn, error) {
	r.jump(r.p.start)
	return r.show(), nil
}

// arrive takes branches and what is left of a shortcut, and then shows the
// present screen or makes its call.
func (r *run) arrive() (Turn, error) {
	for range maxHops * (1 + maxPath + maxFill) {
		s := r.screen()
		if s.kind.interactive() {
			if r.st.ask == nil && (s.secret && r.vain(s) || r.follow(s)) {
				continue
			}
			r.st.pending = pending{}
			t := r.show()
			if s.sms != nil && r.st.ask == nil {
				t.SMS = r.sms(s.sms)
			}
			return t, nil
		}
		if s.kind == kindChoose {
			r.branchOff(s)
			continue
		}
		if r.complete(s.call) {
			return r.call(s.call), nil
		}
		// What the call needs is gone: as if it could not be made.
		r.branch(s.call, &Result{Outcome: Down})
	}
	return Turn{}, ErrState
}

// branchOff takes the first branch of a choose whose condition holds.
func (r *run) branchOff(s *screen) {
	for i := range s.ways {
		if r.holds(s.ways[i].when) {
			r.trace(s.ways[i].name)
			r.jump(s.ways[i].next)
			return
		}
	}
}

// complete says whether all that a call needs is there.
func (r *run) complete(c *callSpec) bool {
	for i := range c.args {
		a := &c.args[i]
		switch {
		case a.optional || a.slot < 0:
		case a.typ == typeSecret:
			if a.slot >= len(r.st.sealed) || len(r.st.sealed[a.slot]) == 0 {
				return false
			}
		case r.value(a.slot) == "":
			return false
		}
	}
	return true
}

// value of a variable, "" if it has none.
func (r *run) value(slot int) string {
	if slot == slotCustomer {
		return r.in.Customer
	}
	if slot < len(r.st.vars) {
		return r.st.vars[slot]
	}
	return ""
}

func (r *run) set(slot int, v string) {
	if slot < len(r.st.vars) && r.st.vars[slot] == v || slot >= len(r.st.vars) && v == "" {
		return
	}
	if !r.ownsVars {
		vars := make([]string, len(r.p.vars))
		copy(vars, r.st.vars)
		r.st.vars, r.ownsVars = vars, true
	}
	r.st.vars[slot] = v
	clear(r.scope)
}

func (r *run) seal(slot int, sealed []byte) {
	if !r.ownsSealed {
		all := make([][]byte, r.p.secrets)
		copy(all, r.st.sealed)
		r.st.sealed, r.ownsSealed = all, true
	}
	r.st.sealed[slot] = sealed
}
