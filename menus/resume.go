package menus

// Dropped prepares the state of a dialogue that broke off for being taken up
// again by a step with Redial, on the same revision. Its secrets are taken out,
// and it goes back to before the first of them was asked for. ok is false where
// there is nothing to take up: the menu says restart, the dialogue is over or
// hardly begun, it came to an answer that leads nowhere, or a call is outstanding.
func (p *Program) Dropped(st State) (kept State, ok bool) {
	if p.resume.Mode == "restart" || st.program != p.fingerprint || st.Waiting() || st.Ended() || int(st.screen) >= len(p.screens) {
		return State{}, false
	}
	for p.screens[st.screen].holds || p.screens[st.screen].kind.calls() {
		if st.depth == 0 {
			return State{}, false
		}
		st.depth--
		st.screen = st.history[st.depth]
		if int(st.screen) >= len(p.screens) {
			return State{}, false
		}
	}
	if s := &p.screens[st.screen]; int(st.screen) == p.start || s.kind == kindMessage && len(s.options) == 0 {
		return State{}, false
	}
	st.sealed, st.pending = nil, pending{}
	st.page, st.tries, st.note, st.flags, st.ask = 0, 0, noteNone, 0, nil
	st.leaveScreen()
	return st, true
}

// takeUp begins a dialogue where another broke off, or asks whether to.
func (r *run) takeUp() (Turn, error) {
	st, ok := r.p.Dropped(r.st)
	if !ok || r.closed() {
		r.begin()
		return r.open()
	}
	r.st = st
	if len(r.in.Open) > 0 {
		r.st.ask = openFirst(r.in.Open)
		return r.show(), nil
	}
	return r.resume()
}

// resume goes on with a dialogue that was taken up.
func (r *run) resume() (Turn, error) {
	if r.p.resume.Mode == "ask" {
		r.st.flags |= flagResume
	} else {
		r.st.note = noteResumed
	}
	return r.show(), nil
}

// resumeKey handles the answer to whether the dialogue is to go on.
func (r *run) resumeKey(v string) (Turn, error) {
	switch v {
	case "1":
		r.st.flags &^= flagResume
		r.st.page, r.st.tries, r.st.note = 0, 0, noteResumed
		return r.show(), nil
	case "2", r.p.keyHome:
		lang := r.st.lang
		r.begin()
		r.st.lang = lang
		for i, l := range r.p.langs {
			if l == lang {
				r.lang = i
			}
		}
		return r.arrive()
	}
	return r.wrong(noteWrong), nil
}

// sameSecret says whether a secret is the one that was sealed before.
func (r *run) sameSecret(slot int, secret string) (bool, error) {
	if r.in.Same == nil {
		return false, ErrInput
	}
	if slot >= len(r.st.sealed) || len(r.st.sealed[slot]) == 0 {
		return false, nil
	}
	return r.in.Same(r.st.sealed[slot], secret)
}

// fits says whether the rest of a shortcut is of this menu.
func (pd *pending) fits(p *Program) bool {
	return int(pd.alias) <= len(p.aliases) && int(pd.step) <= len(p.aliases[pd.alias-1].path)
}
