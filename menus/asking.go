package menus

import (
	"encoding/binary"
	"fmt"
	"time"
)

// askKind is what stands in the place of a dialogue's screen. One of a later
// release has the fields of asking as well, and others as state fields (later.go).
type askKind uint8

const (
	askOpen   askKind = iota + 1 // what became of actions that were begun before: seen?
	askAgain                     // the same was done before: a second time?
	askTell                      // an option cannot be chosen now: an SMS when it can?
	askNoting                    // that SMS is being noted
	askCount
)

// asking is a question that the engine asks by itself. It is never changed, as
// copies of a State share it.
type asking struct {
	kind   askKind
	option uint8     // of askTell: its place on the screen
	call   string    // of askNoting
	said   []Earlier // of askOpen and askAgain
}

// screen is the ID of the question's screen.
func (a *asking) screen() string {
	switch a.kind {
	case askOpen:
		return ScreenOpen
	case askAgain:
		return ScreenAgain
	}
	return ScreenUnavailable
}

// fits says whether the question can be asked on a screen.
func (a *asking) fits(s *screen) bool {
	switch a.kind {
	case askAgain:
		return s.kind == kindAction
	case askTell:
		return int(a.option) < len(s.options)
	}
	return s.kind.interactive()
}

func (a *asking) append(b []byte) []byte {
	b = append(b, byte(a.kind), a.option, byte(len(a.said)))
	b = appendString(b, a.call)
	for i := range a.said {
		e := &a.said[i]
		b = append(b, byte(e.Outcome))
		for _, v := range [...]string{e.Call, e.Ref, e.Reason, e.Amount, e.To} {
			b = appendString(b, v)
		}
		b = binary.AppendUvarint(b, uint64(max(0, e.At.Unix())))
	}
	return b
}

func (d *stateReader) asking() *asking {
	a := &asking{kind: askKind(d.octet()), option: d.octet()}
	n := d.octet()
	a.call = d.str()
	if a.kind == 0 || n > maxEarlier || a.kind < askCount && (n == 0) == (a.kind <= askAgain) {
		d.bad = true
		return nil
	}
	for range n {
		e := Earlier{Outcome: Outcome(d.octet()), Call: d.str(), Ref: d.str(), Reason: d.str(), Amount: d.str(), To: d.str()}
		e.At = time.Unix(int64(d.uvarint(1<<33)), 0).UTC()
		if e.Outcome < Done || e.Outcome > Down {
			d.bad = true
		}
		a.said = append(a.said, e)
	}
	return a
}

// Said are the actions that the present screen speaks of, if it is about such;
// the customer who answers has read of them.
func (s State) Said() []Earlier {
	if s.ask == nil || s.ask.kind != askOpen {
		return nil
	}
	return s.ask.said
}

// openFirst is the question about what was begun before.
func openFirst(all []Earlier) *asking {
	a := &asking{kind: askOpen, said: make([]Earlier, 0, maxEarlier)}
	for _, e := range all[:min(len(all), maxEarlier)] {
		a.said = append(a.said, cleanEarlier(e))
	}
	return a
}

// cleanEarlier makes what comes from outside fit for a screen.
func cleanEarlier(e Earlier) Earlier {
	e.Call, e.Ref, e.To = clean(e.Call, 40), clean(e.Ref, maxRef), clean(e.To, 40)
	e.Reason, e.Amount = orOther(e.Reason), cleanValue(typeMoney, e.Amount)
	if e.Outcome < Done || e.Outcome > Down {
		e.Outcome = Pending
	}
	return e
}

// open begins a dialogue: first comes what is owed to the customer about an
// earlier one, whatever was dialled, and whether or not anything may begin.
func (r *run) open() (Turn, error) {
	if len(r.in.Open) == 0 {
		return r.arrive()
	}
	if r.st.note == noteClosed {
		r.st.note = noteNone // that is said next
	}
	r.st.ask = openFirst(r.in.Open)
	if r.st.note == noteWrong {
		r.st.note = noteNone // of what was dialled: this question was not answered yet
	}
	return r.show(), nil
}

// doubt asks whether a call that was not made is to be made all the same. What
// the call took out of the state goes back: it is asked for once.
func (r *run) doubt() (Turn, error) {
	c := r.screen().call
	if r.st.ask != nil || c == nil || !c.def.action || r.in.Call == nil || len(r.in.Open) == 0 {
		return Turn{}, ErrInput
	}
	for i := range c.args {
		if a := &c.args[i]; a.typ == typeSecret {
			for _, v := range r.in.Call.Args {
				if v.Name == a.name && len(v.Sealed) > 0 {
					r.seal(a.slot, v.Sealed)
				}
			}
		}
	}
	if !r.complete(c) {
		return Turn{}, ErrInput
	}
	r.st.flags &^= flagWaiting
	r.st.pending = pending{}
	r.st.ask = &asking{kind: askAgain, said: []Earlier{cleanEarlier(r.in.Open[0])}}
	return r.show(), nil
}

// asked handles the answer to a question of the engine's own.
func (r *run) asked(v string) (Turn, error) {
	a := r.st.ask
	switch {
	case a.kind == askOpen && (v == "1" || v == r.p.keyHome):
		r.clearAsk()
		if r.closed() {
			r.st.note = noteClosed
			return r.show(), nil
		}
		if int(r.st.screen) != r.p.start {
			return r.resume() // a dialogue that broke off
		}
		return r.arrive()
	case a.kind == askOpen:
	case v == r.p.keyBack && r.st.page > 0:
		return r.back()
	case a.kind == askAgain && v == r.p.again.Key:
		r.clearAsk()
		t := r.call(r.screen().call)
		t.Call.Sure = true
		return t, nil
	case a.kind == askAgain && (v == "1" || v == r.p.keyHome):
		return r.home()
	case a.kind == askAgain && v == r.p.keyBack && r.canBack():
		return r.back()
	case a.kind == askTell && v == "1":
		return r.note(r.screen().options[a.option].needs), nil
	case a.kind == askTell && v == r.p.keyBack:
		r.clearAsk()
		return r.show(), nil
	case a.kind == askTell && v == r.p.keyHome:
		return r.home()
	}
	return r.wrong(noteWrong), nil
}

func (r *run) clearAsk() { r.st.ask, r.st.page, r.st.tries, r.st.note = nil, 0, 0, noteNone }

// note asks the gateway to tell the customer when a call can be made again.
func (r *run) note(call string) Turn {
	r.clearAsk()
	r.st.ask = &asking{kind: askNoting, call: call}
	r.st.flags |= flagWaiting
	return Turn{State: r.st, Call: &Call{
		Name: CallTell, Screen: r.screen().id, Args: []Value{{Name: "call", Text: call}}, Deadline: fetchDeadline,
	}}
}

// noted goes back to the screen, which says whether an SMS will come.
func (r *run) noted() Turn {
	r.clearAsk()
	r.st.note = noteBusy
	if r.in.Result.Outcome == Done {
		r.st.note, r.st.away = noteTold, ""
	}
	return r.show()
}

// tells says whether a screen offers to tell when a service is back.
func (r *run) tells(s *screen) bool { return s.tell && r.st.away != "" }

// down says whether a call cannot be made now; it may be named with its party.
func (r *run) down(call string) (Unavailable, bool) {
	if call == "" || r.in.Down == nil {
		return Unavailable{}, false
	}
	return r.in.Down(call)
}

// stillDown says whether the option that could not be chosen still cannot.
func (r *run) stillDown() bool {
	_, down := r.down(r.screen().options[r.st.ask.option].needs)
	return down
}

// lost remembers which call was unavailable, and until when.
func (r *run) lost(call string, until time.Time) {
	r.st.away = call
	if !until.IsZero() {
		r.set(slotUntil, until.Format(timeLayout))
	}
}

// missing names what stands in the way of a call: it is the call, unless only its
// party is closed.
func (r *run) missing(c *callSpec) string {
	if r.in.Down == nil || c.party < 0 {
		return c.def.name
	}
	if _, down := r.down(c.def.name); down {
		return c.def.name
	}
	a := &c.args[c.party]
	party := a.literal
	if a.slot >= 0 {
		party = r.value(a.slot)
	}
	if name := Party(c.def.name, party); party != "" {
		if _, down := r.down(name); down {
			return name
		}
	}
	return c.def.name
}

// vain says whether a secret would be typed for nothing, as the call that wants
// it cannot be made, and goes on as the call would.
func (r *run) vain(s *screen) bool {
	to := s.next
	for range maxPath { // a new PIN is asked for twice
		if to >= 0 && r.p.screens[to].secret {
			to = r.p.screens[to].next
		}
	}
	if to < 0 || r.p.screens[to].call == nil || r.gaveUp {
		return false
	}
	c := r.p.screens[to].call
	why, down := r.down(r.missing(c))
	if !down {
		return false
	}
	r.gaveUp = true // once in a step, wherever it leads
	r.move(to)
	r.branch(c, &Result{Outcome: Down, Until: why.Until})
	return true
}

// appendAsk is the question and its answers.
func (r *run) appendAsk(b []byte) []byte {
	a := r.st.ask
	sys := r.p.sys[r.lang]
	switch a.kind {
	case askOpen:
		for i := range a.said {
			if i > 0 {
				b = append(b, '\n')
			}
			b = r.appendEarlier(b, &a.said[i], sysOpenChecking, sysOpenDone)
		}
		return append(b, sys.seen...)
	case askAgain:
		b = r.appendEarlier(b, &a.said[0], sysAgainChecking, sysAgainDone)
		return append(append(b, sys.leave...), r.p.insist[r.lang]...)
	case askTell:
		why, _ := r.down(r.screen().options[a.option].needs)
		if why.Words != nil {
			b = why.Words.append(b, r.st.lang, why.Until, r.in.Now)
		} else {
			b = r.appendUnavailable(b, why, sysExplainUnavailable, sysExplainUnavailableUntil)
		}
		return append(appendNumber(b, 1), sys.tell...)
	}
	return b
}

func (r *run) appendEarlier(b []byte, e *Earlier, checking, done sysText) []byte {
	sys := r.p.sys[r.lang]
	id := checking
	switch e.Outcome {
	case Done:
		id = done
	case Rejected:
		id = sysOpenRejected
	case Down:
		id = sysOpenExpired
	}
	to := e.To
	if c := r.p.env.Country; len(to) == len(c.Prefix)+c.National {
		to = string(appendMSISDN(nil, to, c))
	}
	at := e.At
	if !r.in.Now.IsZero() {
		at = at.In(r.in.Now.Location())
	}
	sc := scope{noCustomer: true, sys: sys, env: &r.p.env, now: r.in.Now,
		slots: []string{e.Call, e.Ref, e.Amount, to, at.Format(timeLayout), e.Reason}} // as openVars
	return sc.append(b, sys.texts[id])
}

// againOf reads again:.
func (l *loader) againOf(m *menu) {
	p := m.program
	p.again = Again{Within: 10 * time.Minute, Key: "9"}
	n := m.root.get("again")
	at := m.root
	if n != nil && l.keys(n, "again", "within", "key") {
		if v := n.get("within"); v != nil {
			if d, ok := l.duration(v, "within", time.Minute, MaxAgain); ok {
				p.again.Within = d
			}
		}
		if v := n.get("key"); v != nil {
			at = v
			if s, ok := l.str(v, "a key"); ok {
				p.again.Key = s
				if s == "" || len(s) > 3 || !isKeypad(s) {
					l.at(v, "bad-value", fmt.Sprintf("%q cannot be a key", s), "a key is one to three of 0-9, * and #")
				}
			}
		}
	}
	switch p.again.Key {
	case "1", "2":
		l.at(at, "again-key", fmt.Sprintf("the key %s does the same a second time, and is pressed on other screens without a thought", p.again.Key), `take another one: again: {key: "9"}`)
	case p.keyBack, p.keyHome, p.keyMore:
		l.at(at, "again-key", fmt.Sprintf("the key %s does the same a second time, and is the back, home or more key", p.again.Key), `take another one: again: {key: "7"}`)
	}
}

// MaxAgain bounds how long an action that is done counts as the same.
const MaxAgain = 24 * time.Hour

// tell reads whether a message offers an SMS when a service is back.
func (l *loader) tell(m *menu, i int, n *node) {
	if n == nil {
		return
	}
	if n.kind != scalarNode || n.text != "true" && n.text != "false" {
		l.at(n, "bad-value", "tell is true or false", "")
		return
	}
	s := &m.program.screens[i]
	if s.tell = n.text == "true"; s.tell {
		l.numbered(m.program, n, len(s.options)+1, "line")
	}
}
