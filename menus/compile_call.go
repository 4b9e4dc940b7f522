package menus

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Deadlines of calls that name none, and the bounds of those that do.
const (
	actionDeadline = 4 * time.Second
	fetchDeadline  = 2 * time.Second
	minDeadline    = 100 * time.Millisecond
	maxDeadline    = 60 * time.Second
)

func (l *loader) unknownCall(n *node) {
	all := make([]string, len(callDefs))
	for i := range callDefs {
		all[i] = callDefs[i].name
	}
	l.at(n, "unknown-call", fmt.Sprintf("the core has no call %q", n.text), l.suggest(n.text, all, "one of: "+strings.Join(all, ", ")))
}

// call compiles a fetch or an action.
func (l *loader) call(m *menu, i int, n *node, what string) {
	s := &m.program.screens[i]
	action := s.kind == kindAction
	c := &callSpec{done: noScreen, refused: noScreen, unknown: noScreen, down: noScreen, deadline: fetchDeadline}
	if action {
		c.deadline = actionDeadline
		l.keys(n, what, "kind", "call", "with", "deadline", "on", "notify")
	} else {
		l.keys(n, what, "kind", "call", "with", "save", "deadline", "on")
	}
	if v := n.get("deadline"); v != nil {
		if d, ok := l.duration(v, "deadline", minDeadline, maxDeadline); ok {
			c.deadline = d
		}
	}
	cn := l.need(n, "call", what)
	name, ok := l.str(cn, "call")
	if !ok {
		return
	}
	if c.def = findCall(name); c.def == nil {
		l.unknownCall(cn)
		return
	}
	if c.def.action != action {
		msg, fix := fmt.Sprintf("%s moves money: a fetch cannot make it", name), "write kind: action, with all its outcomes"
		if action {
			msg, fix = fmt.Sprintf("%s only reads: it is not an action", name), "write kind: fetch"
		}
		l.at(cn, "wrong-kind", msg, fix)
		return
	}
	s.call = c
	var took varSet
	l.with(m, i, n, c, &took)
	c.party = slices.IndexFunc(c.args, func(a argSpec) bool { return a.name == c.def.partyArg() })
	done, cleared := l.saves(m, n, c)
	kills := took
	kills.union(cleared)
	l.outcomes(m, i, n, c, done, kills)
	if action {
		l.notices(m, i, n.get("notify"), c, n, what)
	}
}

// with compiles the arguments, in the order of the file.
func (l *loader) with(m *menu, i int, n *node, c *callSpec, took *varSet) {
	w := n.get("with")
	if w == nil {
		w = &node{kind: mapNode, file: n.file, line: n.line, col: n.col}
	} else if !l.isMap(w, "with") {
		return
	}
	for _, e := range w.entries {
		d := c.def.arg(e.key.text)
		if d == nil {
			known := make([]string, len(c.def.args))
			for k, a := range c.def.args {
				known[k] = a.name
			}
			l.at(e.key, "unknown-arg", fmt.Sprintf("the call %s takes no %q", c.def.name, e.key.text), l.suggest(e.key.text, known, "it takes: "+strings.Join(known, ", ")))
			continue
		}
		value, ok := l.str(e.val, "a value")
		if !ok {
			continue
		}
		a, ok := l.source(m, i, e.val, value, d.typ, d.optional && !slices.Contains(c.def.oneOf, d.name))
		if !ok {
			continue
		}
		if c.def.name == "fee" && d.name == "call" && a.from < 0 {
			if target := findCall(a.literal); target == nil || !target.action {
				l.at(e.val, "unknown-call", fmt.Sprintf("%q is not an action with a fee", a.literal), `one of: "=transfer", "=merchantpay", "=billpay", "=airtime", "=withdrawal", "=deposit"`)
			}
		}
		c.args = append(c.args, argSpec{name: d.name, typ: d.typ, slot: a.from, literal: a.literal, optional: d.optional})
		if d.typ == typeSecret {
			took.add(m.variable(value))
			l.forgetTwins(m, c, value, took)
		}
	}
	for _, d := range c.def.args {
		if !d.optional && w.get(d.name) == nil {
			l.at(w, "missing-arg", fmt.Sprintf("the call %s needs %q", c.def.name, d.name), "add it to with:")
		}
	}
	if len(c.def.oneOf) > 0 {
		given := 0
		for _, name := range c.def.oneOf {
			if w.get(name) != nil {
				given++
			}
		}
		if given != 1 {
			l.at(w, "missing-arg", fmt.Sprintf("the call %s needs exactly one of %s", c.def.name, strings.Join(c.def.oneOf, ", ")), "")
		}
	}
}

// forgetTwins notes that with a secret the one goes that it was typed a second
// time as: nothing of what was typed is left behind the call.
func (l *loader) forgetTwins(m *menu, c *callSpec, name string, took *varSet) {
	for _, t := range m.twins {
		for i := range t {
			if k := m.variable(t[1-i]); t[i] == name && k >= 0 && m.vars[k].typ == typeSecret {
				took.add(k)
				c.forget = append(c.forget, m.vars[k].slot)
			}
		}
	}
}

// saves compiles where results go: those a fetch names, all of an action. It
// returns the variables that a success surely sets, and those that the call
// forgets before it is made, because they would speak of an older one.
func (l *loader) saves(m *menu, n *node, c *callSpec) (done, cleared varSet) {
	forget := func(k int) {
		cleared.add(k)
		c.clear = append(c.clear, m.vars[k].slot)
	}
	if c.def.action {
		for _, k := range []int{slotRef, slotReason, slotUntil} {
			forget(k)
		}
		done.add(slotRef)
		for _, r := range c.def.results {
			k := m.variable(r.name)
			if k < firstSlot || m.vars[k].typ != r.typ {
				continue
			}
			c.saves = append(c.saves, save{r.name, m.vars[k].slot, r.typ, false})
			if r.after {
				forget(k)
			}
		}
		return done, cleared
	}
	forget(slotReason)
	forget(slotUntil)
	if n.get("save") == nil && (len(c.def.results) == 0 || l.stored) { // it may have given nothing yet
		return done, cleared
	}
	v := l.need(n, "save", "a fetch")
	if v == nil || !l.isMap(v, "save") {
		return done, cleared
	}
	for _, e := range v.entries {
		r := c.def.result(e.key.text)
		if r == nil {
			var known []string
			for _, d := range c.def.results {
				known = append(known, d.name)
			}
			l.at(e.key, "unknown-result", fmt.Sprintf("the call %s gives no %q", c.def.name, e.key.text), l.suggest(e.key.text, known, "it gives: "+strings.Join(known, ", ")))
			continue
		}
		k := m.variable(scalar(e.val))
		if k < firstSlot || m.vars[k].typ != r.typ {
			continue // reported when it was declared
		}
		c.saves = append(c.saves, save{r.name, m.vars[k].slot, r.typ, r.always})
		forget(k)
		if r.always {
			done.add(k)
		}
	}
	return done, cleared
}

// outcomes compiles on:. All outcomes of the kind are mandatory.
func (l *loader) outcomes(m *menu, i int, n *node, c *callSpec, done, kills varSet) {
	what := "on"
	on := l.need(n, "on", "a "+kindNames[m.program.screens[i].kind])
	if on == nil {
		return
	}
	all := []string{"done", "rejected", "unavailable"}
	if c.def.unknown() {
		all = []string{"done", "rejected", "unknown", "unavailable"}
	}
	if !l.isMap(on, what) {
		return
	}
	for _, e := range on.entries {
		if !slices.Contains(all, e.key.text) {
			l.at(e.key, "unknown-outcome", fmt.Sprintf("there is no outcome %q here", e.key.text), l.suggest(e.key.text, all, "one of: "+strings.Join(all, ", ")))
		}
	}
	var missing []string
	branch := func(v *node, sets varSet) int {
		to := l.target(m, v)
		m.edges = append(m.edges, edge{from: i, to: to, at: v, sets: sets, kills: kills})
		return to
	}
	var none, ref, reason varSet
	if c.def.action {
		ref.add(slotRef)
	}
	reason.add(slotReason)
	for _, name := range all {
		v := on.get(name)
		if v == nil && l.stored && name == "unknown" { // the call was a read then
			v = on.get("unavailable")
		}
		switch {
		case v == nil:
			missing = append(missing, name)
		case name == "done":
			c.done = branch(v, done)
		case name == "unknown":
			c.unknown = branch(v, ref)
		case name == "unavailable":
			c.down = branch(v, none)
		case v.kind != mapNode:
			c.refused = branch(v, reason)
		default:
			l.reasons(v, c, func(t *node) int { return branch(t, reason) })
		}
	}
	if len(missing) > 0 {
		l.at(on, "missing-outcome", "no screen for: "+strings.Join(missing, ", "), fmt.Sprintf("add %s: screen", missing[0]))
	}
}

// reasons compiles rejected: as a map of reason codes and else.
func (l *loader) reasons(n *node, c *callSpec, branch func(*node) int) {
	for _, e := range n.entries {
		switch {
		case e.key.text == "else":
			c.refused = branch(e.val)
		case !slices.Contains(reasonCodes, e.key.text):
			l.at(e.key, "unknown-reason", fmt.Sprintf("the core never refuses with %q", e.key.text), l.suggest(e.key.text, reasonCodes, "one of: "+strings.Join(reasonCodes, ", ")))
		default:
			c.rejected = append(c.rejected, reasonBranch{e.key.text, WayRejected + " " + e.key.text, branch(e.val)})
		}
	}
	if n.get("else") == nil {
		l.at(n, "missing-else", "no screen for other reasons", "add else: screen")
	}
}

var noticeOutcomes = []string{"done", "rejected", "unknown", "expired"}

// notices compiles notify:. A role has the texts of done, or a map of outcomes.
func (l *loader) notices(m *menu, i int, n *node, c *callSpec, screen *node, what string) {
	if n == nil {
		l.at(screen, "missing-notice", what+" tells nobody by SMS what became of it", "add notify: {customer: {...}}")
		return
	}
	if !l.keys(n, "notify", string(RoleCustomer), string(RolePayee), string(RoleAgent)) {
		return
	}
	for _, e := range n.entries {
		if !l.isMap(e.val, "notify") {
			continue
		}
		byOutcome := false
		for _, t := range e.val.entries {
			byOutcome = byOutcome || slices.Contains(noticeOutcomes, t.key.text)
		}
		if !byOutcome {
			l.notice(m, i, e.val, c, Role(e.key.text), "done")
			continue
		}
		l.keys(e.val, "notify", noticeOutcomes...)
		for _, name := range noticeOutcomes {
			if t := e.val.get(name); t != nil {
				l.notice(m, i, t, c, Role(e.key.text), name)
			}
		}
	}
	if !slices.ContainsFunc(c.notices, func(t notice) bool { return t.role == RoleCustomer && t.outcome == Done }) {
		l.at(n, "missing-notice", what+" does not tell the customer by SMS that it was done", "add notify: {customer: {...}}")
	}
}

func (l *loader) notice(m *menu, i int, n *node, c *callSpec, role Role, name string) {
	outcome, sure := Done, []int{slotRef}
	switch name {
	case "rejected":
		outcome, sure = Rejected, []int{slotReason}
	case "unknown":
		outcome = Pending
	case "expired":
		outcome, sure = Down, nil
	}
	vars := m.screenNames(l, i, false, sure...)
	c.notices = append(c.notices, notice{role, outcome, l.localised(n, fmt.Sprintf("the SMS to the %s", role), m.langs, vars)})
}
