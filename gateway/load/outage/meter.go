package outage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"nyota/gateway/core"
	"nyota/sessions"
)

// bucketLength is the grain of the plots.
const bucketLength = 100 * time.Millisecond

// bucket is what happened in one grain of time.
type bucket struct {
	asked, answered, refused int
	limit, inFlight          int
}

// attempt is one dialogue that came to a last screen.
type attempt struct {
	errand int64
	screen string
}

// deed is one action, as the ledger reported it last.
type deed struct {
	key     sessions.Key
	state   sessions.ActionState
	phase   int  // in which it was born
	unknown bool // it was, at some time
	lost    int  // the phase in which it became unknown
}

// meter counts. It is safe for use by many goroutines.
type meter struct {
	mu       sync.Mutex
	begun    time.Time
	phase    int
	buckets  []bucket
	turns    []*hdrhistogram.Histogram // by phase: microseconds to the screen
	attempts map[sessions.Key]attempt
	deeds    map[string]*deed
	notices  map[string]int // by id
	crowded  int            // errands that nobody was free for
	inquired int
}

func newMeter(phases int, begun time.Time) *meter {
	m := &meter{begun: begun, attempts: map[sessions.Key]attempt{}, deeds: map[string]*deed{}, notices: map[string]int{}}
	for range phases {
		m.turns = append(m.turns, hdrhistogram.New(1, 60_000_000, 3))
	}
	return m
}

// now returns the present bucket; it is called with mu held.
func (m *meter) now() *bucket {
	i := int(time.Since(m.begun) / bucketLength)
	for len(m.buckets) <= i {
		m.buckets = append(m.buckets, bucket{})
	}
	return &m.buckets[i]
}

func (m *meter) count(f func(b *bucket)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.now())
}

func (m *meter) ask()    { m.count(func(b *bucket) { b.asked++ }) }
func (m *meter) refuse() { m.count(func(b *bucket) { b.refused++ }) }

func (m *meter) turn(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.turns[m.phase].RecordValue(max(took.Microseconds(), 1))
}

func (m *meter) ended(k sessions.Key, a attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempts[k] = a
}

// changed takes every durable change of an action.
func (m *meter) changed(a sessions.Action) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.deeds[a.ID]
	if d == nil {
		d = &deed{key: a.Session, phase: m.phase}
		m.deeds[a.ID] = d
	}
	if d.state.Final() {
		return // a change that was reported late
	}
	d.state = a.State
	if a.State == sessions.Unknown && !d.unknown {
		d.unknown, d.lost = true, m.phase
	}
}

func (m *meter) notice(n sessions.Notice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notices[n.ID]++
}

// open is how many actions are not final.
func (m *meter) open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, d := range m.deeds {
		if !d.state.Final() {
			n++
		}
	}
	return n
}

// wire counts, at the connector, what the core answered in time.
type wire struct {
	core.Switch
	m *meter
}

func (w wire) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	out, err := w.Switch.Call(ctx, r)
	if err == nil {
		w.m.count(func(b *bucket) { b.answered++ })
	}
	return out, err
}

func (w wire) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	w.m.mu.Lock()
	w.m.inquired++
	w.m.mu.Unlock()
	return w.Switch.Inquire(ctx, q)
}

// gate counts what the gateway asks of the core on its own account; what customers
// ask is counted where they ask it.
type gate struct {
	core.Switch
	m *meter
}

func (g gate) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	if r.Call == core.AccountName || r.Call == core.Fee {
		g.m.ask()
	}
	return g.Switch.Call(ctx, r)
}

// truth compares words with deeds. effects is how often each action took effect
// at the core.
func (m *meter) truth(effects map[string]int) (wrong, twice, again, unsettled, unnoticed int, detail []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	say := func(text string) {
		wrong++
		if len(detail) < 20 {
			detail = append(detail, text)
		}
	}
	paid := map[sessions.Key]int{}
	for id, d := range m.deeds {
		n := effects[id]
		paid[d.key] += n
		if n > 1 {
			twice++
		}
		switch {
		case !d.state.Final():
			unsettled++
		case d.state == sessions.Done && n == 0:
			say("an SMS said that money moved, and none did")
		case d.state != sessions.Done && n > 0:
			say("an SMS said that no money moved, and it did")
		}
		word := map[sessions.ActionState]string{sessions.Done: "done", sessions.Rejected: "rejected", sessions.Expired: "expired"}[d.state]
		if d.state.Final() && m.notices[id+"/customer/"+word] != 1 {
			unnoticed++
		}
	}
	errands := map[int64]int{}
	for k, a := range m.attempts {
		errands[a.errand] += paid[k]
		switch a.screen {
		case "sent":
			if paid[k] != 1 {
				say(fmt.Sprintf("a screen said sent, and it took effect %d times", paid[k]))
			}
		case "not_sent", "refused", "busy":
			if paid[k] != 0 {
				say("a screen said not sent, and money moved")
			}
		}
	}
	for _, n := range errands {
		if n > 1 {
			again++
		}
	}
	return wrong, twice, again, unsettled, unnoticed, detail
}
