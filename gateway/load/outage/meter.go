package outage

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"nyota/gateway/ledger"
	"nyota/gateway/simulator/coresim"
	"nyota/sessions"
)

// bucketLength is the grain of all that is counted over time.
const bucketLength = 100 * time.Millisecond

// bucket is what happened in one grain of time. Work is in seconds of a worker.
type bucket struct {
	answered int // calls that the core answered while somebody waited
	late     int // calls that it did for nobody
	refused  int // calls that were wanted and not made: somebody was turned away
	hopeless int // of these, what the core could not have done either: bills of a sick biller
	done     int // errands that came to their end
	unknown  int // actions that became unknown
	useful   float64
	wasted   float64
	lost     float64 // for somebody who waited, by a fault in vain
	turns    []float32
	limit    int
	inFlight int
}

// window is how far idle workers and people turned away may lie apart and still
// be held against each other: about as long as a request may wait for its turn.
const window = 500 * time.Millisecond

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

	ref       string // where the gateway is watched from outside
	inquiries int
}

// words are final states as the ids of notices name them.
var words = map[sessions.ActionState]string{sessions.Done: "done", sessions.Rejected: "rejected", sessions.Expired: "expired"}

// meter counts. It is safe for use by many goroutines.
type meter struct {
	mu       sync.Mutex
	begun    time.Time
	starts   []time.Time // of the phases
	sick     bool        // the biller is
	buckets  []bucket
	attempts map[sessions.Key]attempt
	deeds    map[string]*deed
	notices  map[string]int    // by id
	sayings  []Saying          // about actions, on screens and by SMS
	names    map[string]string // actions by each reference of theirs
	insisted map[int64]int     // how often "send again" was pressed, by errand
	odd      []string          // screens that nobody knew what to do with
	crowded  int               // errands that nobody was free for
	inquired int
	calls    map[string][]call // dialogues by number, where actions do not name theirs
}

// call is when a dialogue was dialled.
type call struct {
	key sessions.Key
	at  time.Time
}

func newMeter(begun time.Time) *meter {
	return &meter{begun: begun, attempts: map[sessions.Key]attempt{}, deeds: map[string]*deed{}, notices: map[string]int{},
		names: map[string]string{}, insisted: map[int64]int{}, calls: map[string][]call{}}
}

// at returns the bucket of a time; it is called with mu held.
func (m *meter) at(t time.Time) *bucket {
	i := max(int(t.Sub(m.begun)/bucketLength), 0)
	for len(m.buckets) <= i {
		m.buckets = append(m.buckets, bucket{})
	}
	return &m.buckets[i]
}

func (m *meter) count(f func(b *bucket)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.at(time.Now()))
}

// refuse notes that somebody was turned away on an errand, and how many calls that
// saved the core.
func (m *meter) refuse(errand string, calls int) {
	m.count(func(b *bucket) {
		b.refused += calls
		if m.sick && errand == errandBill {
			b.hopeless += calls
		}
	})
}

func (m *meter) done() { m.count(func(b *bucket) { b.done++ }) }

func (m *meter) turn(took time.Duration) {
	m.count(func(b *bucket) { b.turns = append(b.turns, float32(took.Seconds()*1000)) })
}

// begin notes that a phase begins.
func (m *meter) begin(at time.Time, h Health) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.starts = append(m.starts, at)
	if h.Sick != nil {
		m.sick = *h.Sick != ""
	}
}

func (m *meter) nobodyFree() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crowded++
}

// worked takes a request that a worker of the core is through with: its time goes
// to the buckets that it fell into.
func (m *meter) worked(w coresim.Work) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.at(w.Ended)
	switch {
	case w.Left:
		last.late++
	case !w.Lost:
		last.answered++
	}
	for from := w.Began; from.Before(w.Ended); {
		b := m.at(from)
		to := m.begun.Add((from.Sub(m.begun)/bucketLength + 1) * bucketLength)
		if to.After(w.Ended) {
			to = w.Ended
		}
		switch part := to.Sub(from).Seconds(); {
		case w.Left:
			b.wasted += part
		case w.Lost:
			b.lost += part
		default:
			b.useful += part
		}
		from = to
	}
}

func (m *meter) ended(k sessions.Key, a attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempts[k] = a
}

// phaseAt is the phase of a time; it is called with mu held.
func (m *meter) phaseAt(t time.Time) int {
	n := 0
	for n+1 < len(m.starts) && !t.Before(m.starts[n+1]) {
		n++
	}
	return n
}

// changed takes every durable change of an action.
func (m *meter) changed(a sessions.Action) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.change(a.ID, a.Session, a.State, time.Now())
	m.called(ledger.Reference(a), a.ID) // the first time its own, and the core's once that is known
}

// change is called with mu held.
func (m *meter) change(id string, key sessions.Key, state sessions.ActionState, at time.Time) {
	d := m.deeds[id]
	if d == nil {
		d = &deed{key: key, phase: m.phaseAt(at)}
		m.deeds[id] = d
	}
	if d.state.Final() {
		return // a change that was reported late
	}
	d.state = state
	if state == sessions.Unknown && !d.unknown {
		d.unknown, d.lost = true, m.phaseAt(at)
		m.at(at).unknown++
	}
}

func (m *meter) notice(n sessions.Notice) {
	m.told(n.Text, n.Action)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notices[n.ID]++
}

// insist notes that somebody pays again, and knows it.
func (m *meter) insist(errand int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.insisted[errand]++
}

// strange notes a screen that people do not know what to do with.
func (m *meter) strange(screen, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.odd = append(m.odd, fmt.Sprintf("nobody knows what to press on the screen %s: %q", screen, text))
}

func (m *meter) inquiry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inquired++
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

// truths is what must hold at the end of any night.
type truths struct {
	wrong, twice, again, unasked, unsettled, unnoticed int
	insisted, said                                     int
	detail                                             []string
}

// truth compares words with deeds. effects is how often each action took effect
// at the core.
func (m *meter) truth(effects map[string]int) truths {
	m.mu.Lock()
	defer m.mu.Unlock()
	var t truths
	say := func(text string) {
		t.wrong++
		if len(t.detail) < 20 {
			t.detail = append(t.detail, text)
		}
	}
	paid := map[sessions.Key]int{}
	for id, d := range m.deeds {
		n := effects[id]
		paid[d.key] += n
		if n > 1 {
			t.twice++
		}
		switch {
		case !d.state.Final():
			t.unsettled++
		case d.state == sessions.Done && n == 0:
			say("an action is recorded as done, and no money moved")
		case d.state != sessions.Done && n > 0:
			say("an action is recorded as not done, and money moved")
		}
		if d.state.Final() && m.notices[id+"/customer/"+words[d.state]] != 1 {
			t.unnoticed++
		}
	}
	errands := map[int64]int{}
	for k, a := range m.attempts {
		if a.errand != 0 {
			errands[a.errand] += paid[k]
		}
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
	for errand, n := range errands {
		switch asked := 1 + m.insisted[errand]; {
		case n > asked:
			t.unasked++
		case n > 1:
			t.again++
		}
	}
	for _, n := range m.insisted {
		t.insisted += n
	}
	t.said = len(m.sayings)
	for _, s := range m.sayings {
		if why := m.judge(s, effects); why != "" {
			say(fmt.Sprintf("%s: %q", why, s.text))
		}
	}
	for _, text := range m.odd {
		say(text)
	}
	return t
}

// work is what became of the core's time over some buckets, in seconds of a
// worker.
type work struct {
	useful, wasted, available float64
	could                     float64 // have been of use: what was wanted, or could be done if that is less
}

// share is the useful part of what the core could do for those who wanted it;
// false if nobody wanted anything.
func (w work) share() (float64, bool) {
	return min(w.useful/max(w.could, 1e-9), 1), w.could > 0
}

// workOf adds up the core's time over a window or less. What was wanted is what
// was of use, and a service time for each call that was refused or came too late.
func workOf(buckets []bucket, h Health) work {
	var w work
	wanted, lost := 0, 0.0
	for _, b := range buckets {
		w.useful += b.useful
		w.wasted += b.wasted
		lost += b.lost
		wanted += b.refused - b.hopeless + b.late
	}
	w.available = float64(h.workers()) * float64(len(buckets)) * bucketLength.Seconds()
	w.could = min(max(w.available-lost, w.useful), w.useful+float64(wanted)**h.ServiceMS/1000)
	return w
}

// workDone adds up the core's time over a phase, window by window.
func workDone(buckets []bucket, h Health) work {
	var total work
	if h.workers() == 0 {
		return total
	}
	for part := range slices.Chunk(buckets, int(window/bucketLength)) {
		w := workOf(part, h)
		total.useful += w.useful
		total.wasted += w.wasted
		total.could += w.could
		total.available += w.available
	}
	return total
}

// enough is the share of what could be answered that counts as the full rate.
const enough = 0.95

// recovery is how long until a second in which the core was used in full; -1 if
// there was none.
func recovery(buckets []bucket, h Health) float64 {
	const second = int(time.Second / bucketLength)
	for i := 0; i+second <= len(buckets); i++ {
		if share, some := workDone(buckets[i:i+second], h).share(); some && share >= enough {
			return float64(i) * bucketLength.Seconds()
		}
	}
	return -1
}

// quantile is the q-th of some turns, which it sorts; 0 if there are none.
func quantile(turns []float32, q float64) float64 {
	if len(turns) == 0 {
		return 0
	}
	slices.Sort(turns)
	return float64(turns[min(int(q*float64(len(turns))), len(turns)-1)])
}

// unnamed is how many of the reads before a payment a screen does without.
func unnamed(text string) int { return strings.Count(text, "(no ") }
