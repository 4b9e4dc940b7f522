package dialog

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
	"unique"

	"nyota/menus"
	"nyota/sessions"
)

// End is how a dialogue ended.
type End string

// Ends of a dialogue.
const (
	EndDone     End = "end"      // the menu came to its end
	EndAbort    End = "abort"    // the customer hung up or the network gave up
	EndTimeout  End = "timeout"  // nothing came for the length of a session
	EndReplaced End = "replaced" // the customer dialled again
	EndError    End = "error"    // the gateway could not go on
)

// Record is the call detail record of a dialogue.
type Record struct {
	Key      sessions.Key
	Menu     string
	Revision string
	Language string
	Started  time.Time
	Ended    time.Time
	Steps    uint32 // answers of the customer
	Screen   string // the last one shown
	End      End
}

// sweepEvery is how often dialogues that nobody ended are looked for.
const sweepEvery = 5 * time.Second

// live are the dialogues that this process stepped last: for their records only,
// so that one lost in a crash costs a record and nothing else. There may be a
// million of them: none is looked at before it may have run into its timeout.
type live struct {
	mu    sync.Mutex
	seed  maphash.Seed
	known map[uint64]*alive   // by the key's hash; others of the same hash follow
	wheel map[uint32][]*alive // by when they are looked at, in slots of sweepEvery
	count int
}

// alive is what a dialogue's record needs, in little memory.
type alive struct {
	next    *alive
	key     sessions.Key
	course  unique.Handle[course]
	screen  string
	started int64 // us since 1970
	expires int64 // us since 1970
	steps   uint32
	slot    uint32 // in the wheel
	at      uint32 // its place there
}

// course is what thousands of dialogues have in common.
type course struct{ menu, revision, language string }

func (l *live) init() {
	l.seed, l.known, l.wheel = maphash.MakeSeed(), map[uint64]*alive{}, map[uint32][]*alive{}
}

// find returns a dialogue and its key's hash; nil if it is not known.
func (l *live) find(k sessions.Key) (*alive, uint64) {
	hash := k.Hash(l.seed)
	a := l.known[hash]
	for a != nil && a.key != k {
		a = a.next
	}
	return a, hash
}

// forget removes a dialogue.
func (l *live) forget(a *alive, hash uint64) {
	place := l.known[hash]
	if place == a && a.next == nil {
		delete(l.known, hash)
	} else if place == a {
		l.known[hash] = a.next
	} else {
		for place.next != a {
			place = place.next
		}
		place.next = a.next
	}
	l.leaveWheel(a)
	l.count--
}

// slotOf is where in the wheel a time is.
func slotOf(us int64) uint32 { return uint32(max(0, us) / sweepEvery.Microseconds()) }

func (l *live) enter(a *alive) {
	a.slot = slotOf(a.expires)
	a.at = uint32(len(l.wheel[a.slot]))
	l.wheel[a.slot] = append(l.wheel[a.slot], a)
}

func (l *live) leaveWheel(a *alive) {
	slot := l.wheel[a.slot]
	last := len(slot) - 1
	slot[a.at] = slot[last]
	slot[a.at].at = a.at
	slot[last] = nil
	if last == 0 {
		delete(l.wheel, a.slot)
		return
	}
	l.wheel[a.slot] = slot[:last]
}

// take removes a dialogue and returns what its record says, if it is known.
func (l *live) take(k sessions.Key) (Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, hash := l.find(k)
	if a == nil {
		return Record{}, false
	}
	l.forget(a, hash)
	c := a.course.Value()
	return Record{Key: a.key, Menu: c.menu, Revision: c.revision, Language: c.language,
		Started: time.UnixMicro(a.started).UTC(), Steps: a.steps, Screen: a.screen}, true
}

// note keeps where a dialogue is, and returns the revision that it was on before,
// "" if it was not known. It does nothing if the key is known as that of a dialogue
// that began at another time: that one ended elsewhere, and its id is in use again.
func (l *live) note(s *sessions.Session, c course, screen string) (before string, another bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	started := s.Started.UnixMicro()
	a, hash := l.find(s.Key)
	switch {
	case a == nil:
		a = &alive{next: l.known[hash], key: s.Key, course: unique.Make(c), started: started, expires: s.Expires.Add(-grace).UnixMicro()}
		l.known[hash] = a
		l.count++
		l.enter(a)
	case a.started != started:
		return "", true
	default:
		old := a.course.Value()
		if before = old.revision; old != c {
			a.course = unique.Make(c)
		}
	}
	a.expires, a.screen, a.steps = s.Expires.Add(-grace).UnixMicro(), screen, s.Steps
	return before, false
}

// step notes that a dialogue moved; one that is over is recorded.
func (l *live) step(d *Dialog, s sessions.Session, t menus.Turn) {
	screen := t.Screen.ID
	if t.Call != nil {
		screen = t.Call.Screen
	}
	now := course{s.Menu, s.Revision, t.State.Language()}
	before, another := l.note(&s, now, screen)
	if another {
		l.end(d, s.Key, EndReplaced, d.Now())
		before, _ = l.note(&s, now, screen)
	}
	switch {
	case before == "":
		d.Menus.began(s.Revision, s.Steps == 0)
	case before != s.Revision: // taken along with an edit
		d.Menus.left(before)
		d.Menus.began(s.Revision, false)
	}
	if t.End {
		l.end(d, s.Key, EndDone, d.Now())
	}
}

// end records a dialogue, once.
func (l *live) end(d *Dialog, k sessions.Key, how End, at time.Time) {
	if r, ok := l.take(k); ok {
		d.Menus.ended(r.Revision, how)
		r.End, r.Ended = how, at
		d.Record(r)
	}
}

// leave forgets a dialogue that another process has taken over: it is the one to
// record its end.
func (l *live) leave(d *Dialog, k sessions.Key) {
	if r, ok := l.take(k); ok {
		d.Menus.left(r.Revision)
	}
}

// sweepMost bounds how many dialogues are looked at while steps wait.
const sweepMost = 1000

// over returns up to sweepMost dialogues that ran into their timeout by now, and
// whether there may be more. It looks only at those that once were to by then, in
// slots that are over: who went on is put where they are to be looked at again.
func (l *live) over(now time.Time) (over []sessions.Key, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, us, looked := slotOf(now.UnixMicro()), now.UnixMicro(), 0
	for slot := range l.wheel {
		if slot >= until {
			continue
		}
		for i := len(l.wheel[slot]) - 1; i >= 0; i-- {
			if looked++; looked > sweepMost {
				return over, true
			}
			switch a := l.wheel[slot][i]; {
			case a.expires < us:
				over = append(over, a.key)
			case slotOf(a.expires) != slot:
				l.leaveWheel(a)
				l.enter(a)
			}
		}
	}
	return over, false
}

// Live is how many dialogues this process stepped last.
func (d *Dialog) Live() int {
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	return d.live.count
}

// Sweep records, until ctx ends, dialogues that ran into their timeout.
func (d *Dialog) Sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		d.sweep(ctx, d.Now())
	}
}

func (d *Dialog) sweep(ctx context.Context, now time.Time) {
	for more := true; more && ctx.Err() == nil; {
		var over []sessions.Key
		over, more = d.live.over(now)
		for _, k := range over {
			if d.timeout(ctx, k, now) {
				d.live.end(d, k, EndTimeout, now)
			} else {
				d.live.leave(d, k)
			}
		}
	}
}
