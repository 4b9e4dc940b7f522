package menus

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// show renders the present page of the present screen.
func (r *run) show() Turn {
	if r.st.ask != nil && r.st.ask.kind == askTell && !r.stillDown() {
		r.st.ask = nil // it is back already
	}
	var buf [768]byte
	body := r.body(buf[:0])
	s := r.screen()
	t := Turn{Screen: Screen{ID: s.id, Secret: s.secret}}
	over := r.st.note == noteTooMany || r.st.note == noteClosed
	asking := r.st.flags&flagResume != 0
	switch {
	case r.st.ask != nil:
		t.Screen.ID, t.Screen.Secret = r.st.ask.screen(), false
	case asking:
		t.Screen.ID, t.Screen.Secret = ScreenResume, false
	case r.st.note == noteClosed:
		t.Screen.ID, t.Screen.Secret = ScreenMaintenance, false
	}
	f := r.footer(over)
	pg := r.paginate(body, &f, over)
	r.st.page = uint8(pg.number)
	t.Screen.Page, t.Screen.Pages, t.Screen.UCS2 = pg.number+1, pg.count, pg.ucs2
	var out [768]byte
	b := append(out[:0], body[pg.from:pg.to]...)
	b = append(b, pg.back...)
	b = append(b, pg.home...)
	b = append(b, pg.more...)
	t.Screen.Text = string(b)
	if over || s.kind == kindEnd && pg.number+1 == pg.count {
		t.End, t.Screen.Secret = true, false
		r.st.flags |= flagEnded
		r.st.sealed = nil
	}
	t.State = r.st
	return t
}

// footer is the lines of the keys that work here. Questions of the engine's own
// have their answers, and no others.
func (r *run) footer(over bool) footer {
	f := r.p.footers[r.lang]
	if over || r.screen().kind == kindEnd || r.st.flags&flagResume != 0 || r.st.ask != nil && r.st.ask.kind != askTell {
		f.back, f.home = nil, nil
	}
	return f
}

// more says whether the present screen has a page after this one.
func (r *run) more() bool {
	var buf [768]byte
	body := r.body(buf[:0])
	f := r.footer(false)
	pg := r.paginate(body, &f, false)
	return pg.number+1 < pg.count
}

// body is the whole screen without its keys: the note, the text, the rows and
// the options.
func (r *run) body(b []byte) []byte {
	s := r.screen()
	sys := r.p.sys[r.lang]
	sc := scope{slots: r.st.vars, customer: r.in.Customer, sys: sys, env: &r.p.env, now: r.in.Now, lang: r.lang, vars: r.p.vars, worst: r.worst}
	switch r.st.note {
	case noteTooMany:
		return sc.append(b, sys.texts[sysTooMany])
	case noteClosed:
		return r.appendClosed(b)
	}
	if n := len(b); r.st.note != noteNone {
		if b = r.appendNote(b, &sc); len(b) > n {
			b = append(b, '\n')
		}
	}
	if r.st.ask != nil {
		return r.appendAsk(b)
	}
	if r.st.flags&flagResume != 0 {
		b = sc.append(b, sys.texts[sysResumeAsk])
		return append(append(b, sys.goOn...), sys.anew...)
	}
	b = sc.append(b, s.text[r.lang])
	if s.each != nil {
		b = r.appendRows(b, s.each, &sc)
	}
	if s.list != nil {
		b = r.appendList(b, s.list, &sc)
	}
	if s.input != nil {
		for i := range s.input.choices {
			b = appendNumber(b, i+1)
			b = append(b, s.input.choices[i].labels[r.lang]...)
		}
	}
	number := 0
	for i := range s.options {
		o := &s.options[i]
		if o.when != nil && !r.worst && !r.holds(o.when) {
			continue
		}
		number++
		b = appendNumber(b, number)
		b = sc.append(b, o.label[r.lang])
		if why, down := r.down(o.needs); down {
			b = append(b, ' ')
			b = r.appendUnavailable(b, why, sysUnavailable, sysUnavailableUntil)
		} else if r.busy(o.needs) {
			b = append(append(b, ' '), sys.busy...)
		}
	}
	if r.tells(s) {
		b = append(appendNumber(b, number+1), sys.tell...)
	}
	if s.kind == kindConfirm && !s.secret {
		b = append(append(b, sys.yes...), sys.no...)
	}
	return b
}

// busy says whether most of those who want what an option needs are turned away.
// It is the call that is known to be busy, whoever the party is.
func (r *run) busy(needs string) bool {
	if needs == "" || r.in.Busy == nil {
		return false
	}
	call, _ := CutParty(needs)
	return r.in.Busy(call)
}

func (r *run) appendNote(b []byte, sc *scope) []byte {
	s := r.screen()
	switch r.st.note {
	case noteWrong:
		return sc.append(b, sc.sys.texts[sysWrongChoice])
	case noteInvalid:
		if s.input != nil {
			return append(b, s.input.errors[r.lang]...)
		}
	case noteResumed:
		return sc.append(b, sc.sys.texts[sysResumed])
	case noteDiffers:
		return sc.append(b, sc.sys.texts[sysSecretDiffers])
	case noteReason:
		return append(b, sc.sys.reason(r.value(slotReason))...)
	case noteNotice:
		if r.in.Notice != nil {
			return append(b, r.in.Notice(r.st.lang)...)
		}
	case noteTold:
		return sc.append(b, sc.sys.texts[sysTold])
	case noteBusy:
		return sc.append(b, sc.sys.texts[sysBusy])
	}
	return b
}

func (r *run) appendUnavailable(b []byte, why Unavailable, now, until sysText) []byte {
	sys := r.p.sys[r.lang]
	sc := scope{noCustomer: true, sys: sys, env: &r.p.env, now: r.in.Now}
	if why.Until.IsZero() {
		return sc.append(b, sys.texts[now])
	}
	sc.slots = []string{why.Until.Format(timeLayout)}
	return sc.append(b, sys.texts[until])
}

// appendClosed says that nothing may begin, and why if the whole service is closed.
func (r *run) appendClosed(b []byte) []byte {
	why := Unavailable{}
	if r.in.Closed != nil {
		why = *r.in.Closed
	}
	if why.Words != nil {
		return why.Words.append(b, r.st.lang, why.Until, r.in.Now)
	}
	sc := untilScope(why.Until, r.in.Now)
	sc.env, sc.sys = &r.p.env, r.p.sys[r.lang]
	return sc.append(b, sc.sys.texts[sysMaintenance])
}

const timeLayout = "2006-01-02T15:04:05Z07:00"

// Rows travel in one variable: fields in the order of rowDefs, each ended by a
// unit separator, rows by a record separator. clean keeps both out of values.
const (
	unitSeparator   = "\x1f"
	recordSeparator = "\x1e"
	maxRows         = 20
)

func encodeRows(rows [][]Value) string {
	var b strings.Builder
	for _, row := range rows[:min(len(rows), maxRows)] {
		if !slices.ContainsFunc(row, func(v Value) bool { return v.Name == "amount" && cleanValue(typeMoney, v.Text) != "" }) {
			continue
		}
		for _, d := range rowDefs {
			for i := range row {
				if row[i].Name == d.name {
					b.WriteString(cleanValue(d.typ, row[i].Text))
					break
				}
			}
			b.WriteString(unitSeparator)
		}
		b.WriteString(recordSeparator)
	}
	return b.String()
}

func (r *run) appendRows(b []byte, e *eachSpec, sc *scope) []byte {
	rest := r.value(e.slot)
	if rest == "" {
		b = append(b, '\n')
		return sc.append(b, e.empty[r.lang])
	}
	var fields [8]string
	for rest != "" {
		rest = cutRow(rest, &fields)
		sc.row = fields[:len(rowDefs)]
		b = append(b, '\n')
		b = sc.append(b, e.text[r.lang])
	}
	return b
}

// appendNumber begins the line of an option, a choice or a row.
func appendNumber(b []byte, n int) []byte {
	b = append(b, '\n')
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, ' ')
}

// appendList shows the rows that can be chosen, numbered.
func (r *run) appendList(b []byte, spec *listSpec, sc *scope) []byte {
	rest := r.value(spec.slot)
	if rest == "" {
		return sc.append(append(b, '\n'), spec.empty[r.lang])
	}
	var fields [8]string
	for n := 1; rest != ""; n++ {
		rest = cutRow(rest, &fields)
		sc.row = fields[:len(rowDefs)]
		b = sc.append(appendNumber(b, n), spec.row[r.lang])
	}
	sc.row = nil
	return b
}

// cutRow reads the first of the encoded rows and returns the others.
func cutRow(rows string, fields *[8]string) string {
	row, rest, _ := strings.Cut(rows, recordSeparator)
	for i := range rowDefs {
		fields[i], row, _ = strings.Cut(row, unitSeparator)
	}
	return rest
}

// page is one page of a body with the lines of its keys.
type page struct {
	from, to         int
	number, count    int // number is 0-based
	ucs2             bool
	back, home, more []byte
}

// maxPages bounds a screen: what is beyond is cut.
const maxPages = 30

// paginate finds the present page. The alphabet is decided by the whole screen,
// so that all its pages look alike. Every page but the last carries the more
// key; back is on each page that has something behind it.
func (r *run) paginate(body []byte, f *footer, single bool) page {
	behind, telling := r.backTo(), r.st.ask != nil // who does not want an SMS goes back to the screen itself
	back := f.back != nil && (behind >= 0 || telling)
	start := int(r.st.screen) == r.p.start
	atHome := back && (telling && start || !telling && int(r.st.history[behind]) == r.p.start) // back leads there
	ucs2 := !isGSM(body) || !isGSM(f.back) || !isGSM(f.home) || !isGSM(f.more)
	limit := r.limits.Septets
	if ucs2 {
		limit = r.limits.UCS2
	}
	costBack, costHome, costMore := cost(f.back, ucs2), cost(f.home, ucs2), cost(f.more, ucs2)
	pg := page{ucs2: ucs2}
	for n, from := 0, 0; n < maxPages; n++ {
		lines := page{from: from, number: n}
		room := limit
		if f.back != nil && (back || n > 0) {
			lines.back = f.back
			room -= costBack
		}
		// Home is left out where back leads there anyway.
		if f.home != nil && !start && (n > 0 || !atHome) {
			lines.home = f.home
			room -= costHome
		}
		to := fit(body, from, room, ucs2)
		if to < len(body) && !single {
			room -= costMore
			if room < limit/2 && lines.home != nil { // a narrow channel: the text comes first
				lines.home = nil
				room += costHome
			}
			if room < limit/2 && lines.back != nil {
				lines.back = nil
				room += costBack
			}
			lines.more = f.more
			to = breakAt(body, from, fit(body, from, room, ucs2))
		}
		lines.to = to
		lines.ucs2 = ucs2
		last := to >= len(body) || single || n == maxPages-1
		if last {
			lines.more = nil
		}
		if n <= int(r.st.page) {
			pg = lines
		}
		pg.count = n + 1
		if last {
			break
		}
		for from = to; from < len(body) && (body[from] == '\n' || body[from] == ' '); {
			from++
		}
		if from == len(body) { // only white space was left
			pg.count = n + 1
			if pg.number == n {
				pg.more = nil
			}
			break
		}
	}
	return pg
}

// fit returns how far body fits from a place on into room.
func fit(body []byte, from, room int, ucs2 bool) int {
	i := from
	for i < len(body) {
		size, c := 1, 1
		if b := body[i]; b >= utf8.RuneSelf {
			var rn rune
			rn, size = utf8.DecodeRune(body[i:])
			c = runeCost(rn, ucs2)
		} else if !ucs2 {
			c = int(asciiCost[b])
		}
		if room -= c; room < 0 {
			return i
		}
		i += size
	}
	return i
}

// breakAt moves the end of a page back to the end of a line, if that leaves the
// page half full, else to the end of a word, if there is one.
func breakAt(body []byte, from, to int) int {
	if to >= len(body) || body[to] == '\n' || to == from {
		return to
	}
	for i := to - 1; i > from+(to-from)/2; i-- {
		if body[i] == '\n' {
			return i
		}
	}
	if body[to] == ' ' {
		return to
	}
	for i := to - 1; i > from; i-- {
		if body[i] == ' ' || body[i] == '\n' {
			return i
		}
	}
	return to
}
