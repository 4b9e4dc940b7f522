package menus

// In a rolling upgrade gateways of two releases go on with the same dialogues, so
// a State may have been written by a release that knows more. What that one may add
// and how this one takes it:
//
//	flags        must be understood: unknown ones are refused, and the dialogue
//	             ends as one whose state is lost
//	hints        may be ignored; the low four stay as long as the dialogue lasts,
//	             the high four until its next step
//	a note       a line in front of the screen, and no more: it is left out
//	a question   in the place of the screen (askKind): the screen that it stands
//	             on is shown from its start, and what is typed answers nothing. On
//	             a screen that is a call it is refused
//	fields       behind all others, each a tag and a string with its length: kept
//	             for as long as the tag says
//
// A secret may only be in a field that goes with the screen. What is kept for the
// whole dialogue must be true wherever older releases lead it, as they do not
// change it: its channel, not its amount.

// hints are flags that this release has no meaning for. Before there were hints
// their octet was the argument of a note.
type hints uint8

const hintsStay hints = 0x0f

// The bits of a field's tag that say what becomes of it in a release that does not
// know it; the other bits tell the fields apart. A release that knows one reads it
// from State.later.
const (
	fieldMust   = 1 << 7 // the state is refused
	fieldScreen = 1 << 6 // it goes with the next step
)

// later checks the fields of later releases, and returns them all.
func (d *stateReader) later() string {
	all := d.rest
	for d.rest != "" {
		if d.octet()&fieldMust != 0 {
			d.bad = true
		}
		d.str()
		if d.bad {
			return ""
		}
	}
	return all
}

// leaveScreen forgets, as each step does, what a later release noted of the
// present screen.
func (s *State) leaveScreen() {
	s.hints &= hintsStay
	if s.later == "" {
		return
	}
	var kept []byte
	for d := (stateReader{rest: s.later}); d.rest != "" && !d.bad; {
		field := d.rest
		tag := d.octet()
		d.str()
		if tag&fieldScreen == 0 {
			kept = append(kept, field[:len(field)-len(d.rest)]...)
		}
	}
	s.later = string(kept)
}

// Unclear says whether a later release asks something in the place of the screen
// that this one does not know. Show, as well as Keys, then shows the screen itself,
// and takes nothing for an answer.
func (s State) Unclear() bool { return s.ask != nil && s.ask.kind >= askCount }

// instead shows the screen in whose place there is an unknown question.
func (r *run) instead() Turn {
	r.clearAsk()
	r.st.flags &^= flagWaiting
	return r.show()
}
