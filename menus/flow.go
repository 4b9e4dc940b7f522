package menus

import (
	"fmt"
	"math/bits"
)

// varSet is a set of a menu's variables.
type varSet [(maxVars + 63) / 64]uint64

func (b *varSet) add(i int) {
	if i >= 0 && i < maxVars {
		b[i/64] |= 1 << (i % 64)
	}
}

func (b *varSet) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b *varSet) union(o varSet) {
	for i := range b {
		b[i] |= o[i]
	}
}

func (b *varSet) remove(o varSet) {
	for i := range b {
		b[i] &^= o[i]
	}
}

// intersect says whether it took anything away.
func (b *varSet) intersect(o varSet) bool {
	changed := false
	for i := range b {
		changed = changed || b[i]&^o[i] != 0
		b[i] &= o[i]
	}
	return changed
}

func (b *varSet) len() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// edge is a way from one screen to another, with the variables that surely have
// a value behind it and those that lose theirs.
type edge struct {
	from, to    int
	at          *node
	sets, kills varSet
}

// use is a place where a variable must have a value.
type use struct {
	screen, index int
	report        func()
}

// flow checks the graph of screens: that each can be reached, that calls do not
// chase each other in a circle, that whatever a text or a call uses has a value
// on every way to it, that nothing moves money unasked.
func (l *loader) flow(m *menu) {
	p := m.program
	out := make([][]edge, len(m.screens))
	for _, e := range m.edges {
		if e.to >= 0 {
			out[e.from] = append(out[e.from], e)
		}
	}
	// set[i]: what surely has a value on every way to screen i.
	set := make([]varSet, len(m.screens))
	seen := make([]bool, len(m.screens))
	var begin varSet
	begin.add(slotCustomer)
	set[p.start], seen[p.start] = begin, true
	for queue := []int{p.start}; len(queue) > 0; {
		i := queue[0]
		queue = queue[1:]
		for _, e := range out[i] {
			if e.to == p.start { // forgets everything
				continue
			}
			after := set[i]
			after.remove(e.kills)
			after.union(e.sets)
			switch {
			case !seen[e.to]:
				seen[e.to], set[e.to] = true, after
			case !set[e.to].intersect(after):
				continue
			}
			queue = append(queue, e.to)
		}
	}
	for i, s := range m.screens {
		if !seen[i] {
			l.at(s.key, "unreachable-screen", fmt.Sprintf("no way leads to the screen %q", s.key.text), "lead one there, or remove it")
		}
	}
	for _, u := range m.uses {
		if seen[u.screen] && !set[u.screen].has(u.index) {
			u.report()
		}
	}
	l.circles(m, out)
	l.deadEnds(m, out)
	l.unguarded(m, out)

	// Back forgets secrets, so it cannot lead to a screen that lives on one, nor
	// should it lead to one that asked for it.
	var secrets varSet
	for k := range m.vars {
		if m.vars[k].typ == typeSecret {
			secrets.add(k)
		}
	}
	for i := range p.screens {
		p.screens[i].given = m.given(set[i])
		held := set[i]
		held.intersect(secrets)
		p.screens[i].holds = held.len() > 0
		p.screens[i].noBack = p.screens[i].secret || held.len() > 0 || p.screens[i].kind == kindEnd
	}
}

// given are the slots of a set's variables that are neither secrets nor the
// customer's number.
func (m *menu) given(set varSet) []int {
	if set.len() <= 1 {
		return nil
	}
	var slots []int
	for k := range m.vars {
		if set.has(k) && m.vars[k].typ != typeSecret && k != slotCustomer {
			slots = append(slots, m.vars[k].slot)
		}
	}
	return slots
}

// circles finds calls that lead to each other without any screen between them.
func (l *loader) circles(m *menu, out [][]edge) {
	const (
		fresh = iota
		open
		closed
	)
	mark, longest := make([]int, len(m.screens)), make([]int, len(m.screens))
	var visit func(i int)
	visit = func(i int) {
		mark[i] = open
		for _, e := range out[i] {
			if k := m.program.screens[e.to].kind; k.interactive() || k == 0 {
				continue
			}
			switch mark[e.to] {
			case open:
				if m.program.screens[e.to].kind == kindChoose && m.program.screens[i].kind == kindChoose {
					l.at(e.at, "choose-loop", fmt.Sprintf("the branches go round from %q to %q without a screen between them", m.screens[i].key.text, m.screens[e.to].key.text), "lead one of them to a screen that is shown")
					continue
				}
				l.at(e.at, "call-loop", fmt.Sprintf("the calls go round from %q to %q without a screen between them", m.screens[i].key.text, m.screens[e.to].key.text), "lead one of the outcomes to a screen that is shown")
			case fresh:
				visit(e.to)
			}
		}
		mark[i] = closed
		longest[i] = 1
		for _, e := range out[i] {
			if mark[e.to] == closed {
				longest[i] = max(longest[i], longest[e.to]+1)
			}
		}
		if longest[i] == maxHops {
			l.at(m.screens[i].key, "long-chain", fmt.Sprintf("%d calls and branches follow each other from here without a screen between them", maxHops), fmt.Sprintf("show something between them: at most %d in a row", maxHops-1))
		}
	}
	for i := range m.screens {
		if mark[i] == fresh && m.program.screens[i].kind != 0 && !m.program.screens[i].kind.interactive() {
			visit(i)
		}
	}
}

// deadEnds finds screens that no key leaves: the first one has neither back nor
// home, so it needs options.
func (l *loader) deadEnds(m *menu, out [][]edge) {
	p := m.program
	for i := range p.screens {
		s := &p.screens[i]
		onlySelf := true
		for _, e := range out[i] {
			onlySelf = onlySelf && e.to == i
		}
		if s.kind.interactive() && s.kind != kindEnd && s.kind != 0 && onlySelf && (i == p.start || len(out[i]) > 0) {
			l.at(m.screens[i].key, "dead-end", fmt.Sprintf("no answer leads on from the screen %q", s.id), "add an option or a next screen")
		}
	}
}

// unguarded finds actions that can begin without a question that stops: a secret
// or a confirm, which no shortcut, keyword or repeated key passes. What was
// confirmed is spent by the action that it led to: the next one asks again.
func (l *loader) unguarded(m *menu, out [][]edge) {
	p := m.program
	bare := make([]bool, len(m.screens)) // can be reached with nothing confirmed
	bare[p.start] = true
	queue := []int{p.start}
	for i := range p.screens { // behind an action, whatever led to it
		if s := &p.screens[i]; s.kind == kindAction {
			for _, e := range out[i] {
				if !bare[e.to] {
					bare[e.to], queue = true, append(queue, e.to)
				}
			}
		}
	}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if s := &p.screens[i]; s.secret || s.kind == kindConfirm {
			continue
		}
		for _, e := range out[i] {
			if !bare[e.to] {
				bare[e.to], queue = true, append(queue, e.to)
			}
		}
	}
	for i := range p.screens {
		if bare[i] && p.screens[i].kind == kindAction {
			l.at(m.screens[i].key, "unasked-action", fmt.Sprintf("the action %q can begin without a PIN or a confirmation before it: a shortcut, a keyword or a wrong key would move money", m.screens[i].key.text), "lead to it from a confirm screen, on every way")
		}
	}
}
