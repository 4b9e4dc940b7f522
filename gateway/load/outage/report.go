package outage

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Result is what a night came to.
type Result struct {
	Scenario    string        `json:"scenario"`
	Policy      string        `json:"policy"`
	Phases      []PhaseResult `json:"phases"`
	Accepted    int           `json:"accepted"`     // actions that were born
	Unknown     int           `json:"unknown"`      // that had no final answer at first
	Inquiries   int           `json:"inquiries"`    // made of the core
	Double      int           `json:"double"`       // actions that took effect more than once: must be 0
	WrongWords  int           `json:"wrong_words"`  // screens and SMS that said other than the truth: must be 0
	Wrong       []string      `json:"wrong"`        // some of them
	PaidAgain   int           `json:"paid_again"`   // errands that customers paid twice by paying again
	Unsettled   int           `json:"unsettled"`    // actions still open at the end
	Unnoticed   int           `json:"unnoticed"`    // final actions without exactly one SMS to the customer
	NobodyFree  int           `json:"nobody_free"`  // errands that were not begun: all customers were busy
	SettleAfter float64       `json:"settle_after"` // seconds after the last phase until all was final
	Series      []Point       `json:"series"`
}

// PhaseResult is one phase of it.
type PhaseResult struct {
	Name     string  `json:"name"`
	Brownout bool    `json:"brownout"`
	Seconds  float64 `json:"seconds"`
	Capacity float64 `json:"capacity"` // requests a second that the core can answer
	Asked    int     `json:"asked"`    // requests that customers waited for
	Answered int     `json:"answered"` // of those the core answered in time
	// Goodput is the answered as a share of what the core could answer or was
	// asked, whichever is less in each second; null if that is nothing. What was
	// asked in one second and answered in the next can take it over 1.
	Goodput  *float64 `json:"goodput"`
	Accepted int      `json:"accepted"`
	Unknown  int      `json:"unknown"` // became so in this phase, whenever they were accepted
	// Refused are customers who were told at once that nothing was sent.
	Refused int `json:"refused"`
	// Recovery is, after a repair, how many seconds it took until Goodput was 95 %
	// over a second; null if it is no repair, -1 if it never was.
	Recovery *float64 `json:"recovery"`
	P50      float64  `json:"p50_ms"` // from key to screen
	P99      float64  `json:"p99_ms"`
	Max      float64  `json:"max_ms"`
}

// Point is a quarter of a second or so of the plots, as rates a second.
type Point struct {
	At       float64 `json:"t"`
	Capacity float64 `json:"capacity"`
	Asked    float64 `json:"asked"`
	Answered float64 `json:"answered"`
	Refused  float64 `json:"refused"`
	Limit    int     `json:"limit"`
	InFlight int     `json:"in_flight"`
}

// enough is the share of what could be answered that counts as the full rate.
const enough = 0.95

func (m *meter) result(s Scenario, policy string, starts []time.Time, effects map[string]int, settle time.Duration) Result {
	r := Result{Scenario: s.Name, Policy: policy, SettleAfter: settle.Seconds()}
	r.WrongWords, r.Double, r.PaidAgain, r.Unsettled, r.Unnoticed, r.Wrong = m.truth(effects)
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Inquiries, r.NobodyFree = m.inquired, m.crowded
	at := func(t time.Time) int { return min(int(t.Sub(m.begun)/bucketLength), len(m.buckets)) }
	health, before := s.Core, s.Core.capacity()
	for i, ph := range s.Phases {
		health = health.over(ph.Core)
		capacity := health.capacity()
		from, to := at(starts[i]), at(starts[i+1])
		p := PhaseResult{Name: ph.Name, Brownout: ph.Brownout, Seconds: starts[i+1].Sub(starts[i]).Seconds(), Capacity: capacity}
		for _, b := range m.buckets[from:to] {
			p.Asked += b.asked
			p.Answered += b.answered
			p.Refused += b.refused
		}
		if could := could(m.buckets[from:to], capacity); could > 0 {
			share := float64(p.Answered) / could
			p.Goodput = &share
		}
		if capacity > before {
			took := recovery(m.buckets[from:to], capacity)
			p.Recovery = &took
		}
		before = capacity
		for _, d := range m.deeds {
			if d.phase == i {
				p.Accepted++
			}
			if d.unknown && d.lost == i {
				p.Unknown++
			}
		}
		ms := func(q float64) float64 { return float64(m.turns[i].ValueAtQuantile(q)) / 1000 }
		p.P50, p.P99, p.Max = ms(50), ms(99), ms(100)
		r.Accepted += p.Accepted
		r.Unknown += p.Unknown
		r.Phases = append(r.Phases, p)
		r.Series = append(r.Series, points(m.buckets, from, to, capacity)...)
	}
	return r
}

// could is what could be answered: second by second what the core can do or was
// asked, whichever is less.
func could(buckets []bucket, capacity float64) float64 {
	total := 0.0
	for part := range slices.Chunk(buckets, int(time.Second/bucketLength)) {
		asked := 0
		for _, b := range part {
			asked += b.asked
		}
		total += min(float64(asked), capacity*float64(len(part))*bucketLength.Seconds())
	}
	return total
}

// recovery is how long until a second in which enough was answered.
func recovery(buckets []bucket, capacity float64) float64 {
	const second = int(time.Second / bucketLength)
	for i := 0; i+second <= len(buckets); i++ {
		asked, answered := 0, 0
		for _, b := range buckets[i : i+second] {
			asked += b.asked
			answered += b.answered
		}
		if asked > 0 && float64(answered) >= enough*min(capacity, float64(asked)) {
			return float64(i) * bucketLength.Seconds()
		}
	}
	return -1
}

func points(all []bucket, from, to int, capacity float64) []Point {
	const group = 5
	var out []Point
	for i := from; i < to; i += group {
		end := min(i+group, to)
		p := Point{At: float64(i) * bucketLength.Seconds(), Capacity: capacity}
		per := 1 / (float64(end-i) * bucketLength.Seconds())
		for _, b := range all[i:end] {
			p.Asked += float64(b.asked) * per
			p.Answered += float64(b.answered) * per
			p.Refused += float64(b.refused) * per
			p.Limit, p.InFlight = b.limit, b.inFlight
		}
		out = append(out, p)
	}
	return out
}

// WriteTo writes the result for people to read.
func (r Result) WriteTo(w io.Writer) (int64, error) {
	var n int64
	var failed error
	line := func(format string, args ...any) {
		if failed == nil {
			var k int
			k, failed = fmt.Fprintf(w, format+"\n", args...)
			n += int64(k)
		}
	}
	line("%s, policy %s", r.Scenario, r.Policy)
	line("%-18s %8s %7s %8s %8s %8s %8s %8s %8s %9s %8s %8s", "phase", "capacity", "asked", "answered", "goodput", "accepted", "unknown", "refused", "recovery", "p50 ms", "p99 ms", "max ms")
	for _, p := range r.Phases {
		goodput, recovery := "-", "-"
		if p.Goodput != nil {
			goodput = fmt.Sprintf("%.1f %%", 100**p.Goodput)
		}
		if p.Recovery != nil {
			if recovery = fmt.Sprintf("%.1f s", *p.Recovery); *p.Recovery < 0 {
				recovery = "never"
			}
		}
		line("%-18s %6.0f/s %7d %8d %8s %8d %8d %8d %8s %9.1f %8.1f %8.1f", p.Name, p.Capacity, p.Asked, p.Answered, goodput,
			p.Accepted, p.Unknown, p.Refused, recovery, p.P50, p.P99, p.Max)
	}
	line("double effects %d, wrong words %d, paid again by customers %d, unsettled %d, without their SMS %d, inquiries %d, settled after %.1f s",
		r.Double, r.WrongWords, r.PaidAgain, r.Unsettled, r.Unnoticed, r.Inquiries, r.SettleAfter)
	for _, text := range r.Wrong {
		line("  wrong: %s", text)
	}
	return n, failed
}

// Failed says whether the night cost anybody money or the truth.
func (r Result) Failed() bool {
	return r.Double > 0 || r.WrongWords > 0 || r.Unsettled > 0 || r.Unnoticed > 0
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }
