package menus

// maxSMS bounds an SMS of a screen, in septets and in UTF-16 units: five parts.
// Rows that do not fit are left out, the oldest first.
var maxSMS = Limits{Septets: 5 * 153, UCS2: 5 * 67}

// sms reads the SMS that a screen sends: texts, or {text, each}.
func (l *loader) sms(m *menu, i int, n *node) {
	if n == nil || !l.isMap(n, "sms") {
		return
	}
	spec := &smsSpec{}
	m.program.screens[i].sms = spec
	text := n
	if n.get("text") != nil || n.get("each") != nil {
		l.keys(n, "sms", "text", "each")
		text = l.need(n, "text", "sms")
		spec.each = l.rows(m, i, n.get("each"))
	}
	spec.text = l.localised(text, "the SMS", m.langs, m.screenNames(l, i, false))
}

// sms renders the SMS that a screen sends.
func (r *run) sms(spec *smsSpec) string {
	sc := scope{slots: r.st.vars, customer: r.in.Customer, sys: r.p.sys[r.lang], env: &r.p.env, now: r.in.Now, lang: r.lang, vars: r.p.vars}
	b := sc.append(nil, spec.text[r.lang])
	if spec.each == nil {
		return string(b)
	}
	rest := r.value(spec.each.slot)
	if rest == "" {
		return string(sc.append(append(b, '\n'), spec.each.empty[r.lang]))
	}
	var fields [8]string
	for rest != "" {
		rest = cutRow(rest, &fields)
		sc.row = fields[:len(rowDefs)]
		with := sc.append(append(b, '\n'), spec.each.text[r.lang])
		ucs2, limit := !isGSM(with), maxSMS.Septets
		if ucs2 {
			limit = maxSMS.UCS2
		}
		if cost(with, ucs2) > limit {
			break
		}
		b = with
	}
	return string(b)
}
