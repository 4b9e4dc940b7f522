package dialog

import "nyota/menus"

// Plans are what operators have planned or want said. Their word stands above what
// the heartbeat and the breaker think. *ops.Board is one.
type Plans interface {
	// Closed says whether operators closed a call, by its name or with its party
	// (menus.Party), or with "" the whole service.
	Closed(name string) (menus.Unavailable, bool)
	// Notice is what they want said on first screens; nil: nothing. Its {until} is
	// in Until.
	Notice() *menus.Unavailable
}

// unavailable says why a call, or one to a party, cannot be made now: the operators'
// word first.
func (d *Dialog) unavailable(name string) (menus.Unavailable, bool) {
	why, down := menus.Unavailable{}, false
	if d.Plans != nil {
		why, down = d.Plans.Closed(name)
	}
	if !down {
		call, _ := menus.CutParty(name)
		why.Until, down = d.Calls.Down(call)
	}
	if down && !why.Until.IsZero() {
		why.Until = why.Until.In(d.Zone)
	}
	return why, down
}

// closed says why operators have closed the whole service, nil if they have not.
func (d *Dialog) closed() *menus.Unavailable {
	if d.Plans == nil {
		return nil
	}
	why, closed := d.Plans.Closed("")
	if !closed {
		return nil
	}
	if !why.Until.IsZero() {
		why.Until = why.Until.In(d.Zone)
	}
	this := why // on the heap only now
	return &this
}

// turnAway answers a dial while the whole service is closed, from somebody who is
// owed no word about an earlier one. Dialogues under way go on to their end; no
// call is made for them.
func (t *Turn) turnAway(why *menus.Unavailable) {
	d := t.d
	text := t.catalog.Closed(t.language, *why, d.Now().In(d.Zone))
	t.reply = Reply{Screen: menus.ScreenMaintenance, Text: text, UCS2: menus.NeedsUCS2(text), End: true}
	t.ready = true
	d.live.end(d, t.m.Key, EndReplaced, t.m.At)
}

// notice is what operators want said in front of a first screen.
func (t *Turn) notice(lang string) string {
	if t.d.Plans == nil {
		return ""
	}
	n := t.d.Plans.Notice()
	if n == nil || n.Words == nil {
		return ""
	}
	until := n.Until
	if !until.IsZero() {
		until = until.In(t.d.Zone)
	}
	return n.Words.Text(lang, until, t.d.Now().In(t.d.Zone))
}
