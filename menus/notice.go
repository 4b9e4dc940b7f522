package menus

import "slices"

// Notice renders the SMS that an outcome of an action (the id of its screen) owes to a
// role: vars are those of its Call, r is the core's answer. The texts of done
// are the menu's own; for a customer, Rejected and Down (never sent, expired)
// have the catalog's notice_rejected and notice_expired where the menu has none.
// ok is false if nothing is owed. A language that the menu lacks reads as its
// first.
func (p *Program) Notice(action string, role Role, lang string, outcome Outcome, vars []Value, r Result) (text string, ok bool) {
	i := slices.IndexFunc(p.screens, func(s screen) bool { return s.id == action && s.kind == kindAction })
	if i < 0 {
		return "", false
	}
	c := p.screens[i].call
	k := max(slices.Index(p.langs, lang), 0)
	slots := p.noticeSlots(c, vars, &r)
	for _, n := range c.notices {
		if n.role == role && n.outcome == outcome {
			sc := scope{slots: slots, customer: slots[slotCustomer], sys: p.sys[k], env: &p.env, lang: k, vars: p.vars}
			return string(sc.append(nil, n.text[k])), true
		}
	}
	if role != RoleCustomer {
		return "", false
	}
	switch outcome {
	case Rejected:
		return p.systemNotice(sysNoticeRejected, k, slots), true
	case Down:
		return p.systemNotice(sysNoticeExpired, k, slots), true
	}
	return "", false
}

// Moved renders an SMS about a movement of money that no screen asked for, in the
// words of a statement: a reference, what kind it is (one of the catalog's
// kinds), an amount, and the reference of what it is about, "" if there is none.
// A language that the menu lacks reads as its first.
func (p *Program) Moved(lang, ref, kind, amount, about string) string {
	k := max(slices.Index(p.langs, lang), 0)
	b := []byte(clean(ref, maxRef) + " " + p.sys[k].kind(kind) + ": ")
	b = appendMoney(b, cleanValue(typeMoney, amount), p.env.Currency, true)
	if about != "" {
		b = append(b, " ("+clean(about, maxRef)+")"...)
	}
	return string(b)
}

// noticeSlots are the values of the menu's variables by slot.
func (p *Program) noticeSlots(c *callSpec, vars []Value, r *Result) []string {
	slots := make([]string, len(p.vars))
	for i := range p.vars {
		for j := range vars {
			if vars[j].Name == p.vars[i].name {
				slots[i] = cleanValue(p.vars[i].typ, vars[j].Text)
			}
		}
	}
	for i := range c.saves {
		s := &c.saves[i]
		for j := range r.Fields {
			if v := r.Fields[j]; v.Name == s.field && v.Text != "" {
				slots[s.slot] = cleanValue(s.typ, v.Text)
			}
		}
	}
	if r.Ref != "" {
		slots[slotRef] = clean(r.Ref, maxRef)
	}
	slots[slotReason] = orOther(r.Reason)
	if !r.Until.IsZero() {
		slots[slotUntil] = r.Until.Format(timeLayout)
	}
	return slots
}

// systemNotice renders one of the catalog's notices: its variables are found by
// name among the menu's.
func (p *Program) systemNotice(id sysText, lang int, slots []string) string {
	defs := systemDefs[id].vars
	values := make([]string, len(defs))
	for i, d := range defs {
		for j := range p.vars {
			if p.vars[j].name == d.name && p.vars[j].typ == d.typ {
				values[i] = slots[j]
			}
		}
	}
	sc := scope{slots: values, noCustomer: true, sys: p.sys[lang], env: &p.env}
	return string(sc.append(nil, p.sys[lang].texts[id]))
}
