package dialog

import (
	"context"
	"sync"
	"time"

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
// so that one lost in a crash costs a record and nothing else.
type live struct {
	mu    sync.Mutex
	known map[sessions.Key]alive
}

type alive struct {
	record  Record
	expires time.Time
}

// step notes that a dialogue moved; one that is over is recorded.
func (l *live) step(d *Dialog, s sessions.Session, t menus.Turn) {
	l.mu.Lock()
	a, known := l.known[s.Key]
	if known && a.record.Started.UnixMicro() != s.Started.UnixMicro() { // ended elsewhere, and its id is in use again
		l.mu.Unlock()
		l.end(d, s.Key, EndReplaced, d.Now())
		l.mu.Lock()
		a, known = alive{}, false
	}
	before := a.record.Revision
	screen := t.Screen.ID
	if t.Call != nil {
		screen = t.Call.Screen
	}
	a.record = Record{Key: s.Key, Menu: s.Menu, Revision: s.Revision, Language: t.State.Language(),
		Started: s.Started, Steps: s.Steps, Screen: screen}
	a.expires = s.Expires.Add(-grace)
	l.known[s.Key] = a
	l.mu.Unlock()
	switch {
	case !known:
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
	l.mu.Lock()
	a, ok := l.known[k]
	delete(l.known, k)
	l.mu.Unlock()
	if ok {
		d.Menus.ended(a.record.Revision, how)
		a.record.End, a.record.Ended = how, at
		d.Record(a.record)
	}
}

// leave forgets a dialogue that another process has taken over: it is the one to
// record its end.
func (l *live) leave(d *Dialog, k sessions.Key) {
	l.mu.Lock()
	a, ok := l.known[k]
	delete(l.known, k)
	l.mu.Unlock()
	if ok {
		d.Menus.left(a.record.Revision)
	}
}

// Live is how many dialogues this process stepped last.
func (d *Dialog) Live() int {
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	return len(d.live.known)
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
		now := d.Now()
		var over []sessions.Key
		d.live.mu.Lock()
		for k, a := range d.live.known {
			if a.expires.Before(now) {
				over = append(over, k)
			}
		}
		d.live.mu.Unlock()
		for _, k := range over {
			if d.timeout(ctx, k, now) {
				d.live.end(d, k, EndTimeout, now)
			} else {
				d.live.leave(d, k)
			}
		}
	}
}
