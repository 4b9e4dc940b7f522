package menus

import (
	"slices"
)

// call takes the arguments out of the state; secrets leave it.
func (r *run) call(c *callSpec) Turn {
	for _, slot := range c.clear {
		r.set(slot, "")
	}
	call := r.request(c)
	for i := range c.args {
		if a := &c.args[i]; a.typ == typeSecret && a.slot < len(r.st.sealed) {
			r.seal(a.slot, nil)
		}
	}
	for _, slot := range c.forget {
		if slot < len(r.st.sealed) {
			r.seal(slot, nil)
		}
	}
	if !slices.ContainsFunc(r.st.sealed, func(b []byte) bool { return len(b) > 0 }) {
		r.st.sealed, r.ownsSealed = nil, false
	}
	r.st.flags |= flagWaiting
	return Turn{State: r.st, Call: call}
}

func (r *run) callAgain() Turn {
	if r.st.ask != nil {
		t := r.note(r.st.ask.call)
		t.Call.Again = true
		return t
	}
	call := r.request(r.screen().call)
	call.Again = true
	return Turn{State: r.st, Call: call}
}

func (r *run) request(c *callSpec) *Call {
	have := 0
	for slot := range r.p.vars {
		if r.shared(slot) {
			have++
		}
	}
	// One allocation for both; neither can grow into the other.
	values := make([]Value, len(c.args)+have)
	call := &Call{
		Action: c.def.action, Name: c.def.name, Screen: r.screen().id, Deadline: c.deadline,
		Args: values[:0:len(c.args)], Vars: values[len(c.args):len(c.args)],
	}
	for i := range c.args {
		a := &c.args[i]
		v := Value{Name: a.name, Text: a.literal}
		switch {
		case a.typ == typeSecret:
			if a.slot < len(r.st.sealed) {
				v.Sealed = r.st.sealed[a.slot]
			}
		case a.slot >= 0:
			v.Text = r.value(a.slot)
			if v.Text == "" && a.optional {
				continue
			}
		}
		call.Args = append(call.Args, v)
	}
	for slot := range r.p.vars {
		if r.shared(slot) {
			call.Vars = append(call.Vars, Value{Name: r.p.vars[slot].name, Text: r.value(slot)})
		}
	}
	return call
}

// shared says whether a call tells the value of a variable: it has one, and is
// not rows.
func (r *run) shared(slot int) bool { return r.p.vars[slot].typ != typeRows && r.value(slot) != "" }

// answer takes the core's answer and goes on to the screen of its outcome.
func (r *run) answer() (Turn, error) {
	if o := r.in.Result.Outcome; o < Done || o > Down {
		return Turn{}, ErrInput
	}
	r.st.flags &^= flagWaiting
	if r.st.ask != nil {
		return r.noted(), nil
	}
	r.branch(r.screen().call, &r.in.Result)
	return r.arrive()
}

// branch stores the results and moves to the outcome's screen.
func (r *run) branch(c *callSpec, res *Result) {
	outcome := res.Outcome
	if outcome == Pending && !c.def.unknown() {
		outcome = Down // a read that has no answer has none
	}
	if outcome == Done && !r.save(c, res) {
		outcome = Down
	}
	if res.Ref != "" && c.def.action {
		r.set(slotRef, clean(res.Ref, maxRef))
	}
	to, way := c.done, WayDone
	switch outcome {
	case Rejected:
		to, way = c.refused, WayRejected
		reason := orOther(res.Reason)
		for i := range c.rejected {
			if c.rejected[i].code == reason {
				to, way = c.rejected[i].next, c.rejected[i].way
			}
		}
		r.set(slotReason, reason)
	case Pending:
		to, way = c.unknown, WayUnknown
	case Down:
		to, way = c.down, WayUnavailable
	}
	r.trace(way)
	if outcome != Done && to != c.done {
		r.st.pending = pending{} // what follows is not what the shortcut was for
	}
	if c.def.action && (outcome == Done || outcome == Pending) {
		r.st.depth = 0 // no way back into what was paid
	}
	r.jump(to)
	if outcome == Down && !c.def.local { // one of the gateway's own is nothing to wait for: it keeps what was
		r.lost(r.missing(c), res.Until)
	}
	// Asked again, the question says why. A read whose refusal leads on as its
	// success does was not needed: nothing to say.
	if s := r.screen(); outcome == Rejected && to != c.done && (s.kind == kindInput || s.kind == kindConfirm || s.kind == kindMenu) {
		if to == r.p.start { // jump forgot it
			r.set(slotReason, orOther(res.Reason))
		}
		r.st.note = noteReason
	}
}

func orOther(reason string) string {
	if slices.Contains(reasonCodes, reason) {
		return reason
	}
	return "other"
}

// save stores the fields of a success. It says no if one that must be there is
// not: texts rely on it.
func (r *run) save(c *callSpec, res *Result) bool {
	for i := range c.saves {
		s := &c.saves[i]
		if s.typ == typeRows {
			r.set(s.slot, encodeRows(res.Rows))
			continue
		}
		v := ""
		for j := range res.Fields {
			if res.Fields[j].Name == s.field {
				v = cleanValue(s.typ, res.Fields[j].Text)
			}
		}
		if v == "" {
			if s.always {
				return false
			}
			continue
		}
		r.set(s.slot, v)
	}
	return true
}
