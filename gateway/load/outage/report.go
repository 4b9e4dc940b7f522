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
	Insisted    int           `json:"insisted"`     // times that customers pressed "send again"
	PaidAgain   int           `json:"paid_again"`   // errands that they paid more than once by it
	Unasked     int           `json:"unasked"`      // errands that were paid more often than asked for: must be 0
	Said        int           `json:"said"`         // what screens and SMS said of actions, and was judged
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
	Answered int     `json:"answered"` // calls that it answered while somebody waited
	Late     int     `json:"late"`     // calls that it did for nobody: they came too late
	Refused  int     `json:"refused"`  // calls that were wanted and not made: nothing was sent, and people were told at once
	Errands  int     `json:"errands"`  // of people who came to their end: paid, refused by the core, or told the balance
	// Goodput is the share of the core's working time that was of use, of what
	// could have been: in each half second all that there was, or what was wanted
	// if that is less. Wanted are the calls that were answered in time, refused, or
	// answered too late; not those to a biller that is sick. null if nobody wanted
	// anything.
	Goodput *float64 `json:"goodput"`
	// Load is the part of the available working time that was of use.
	Load     float64 `json:"load"`
	Accepted int     `json:"accepted"`
	Unknown  int     `json:"unknown"` // became so in this phase, whenever they were accepted
	// Recovery is, after a repair, how many seconds it took until a second with
	// Goodput of 95 % began; null if it is no repair, -1 if there was none.
	Recovery *float64 `json:"recovery"`
	P50      float64  `json:"p50_ms"` // from key to screen
	P99      float64  `json:"p99_ms"`
	Max      float64  `json:"max_ms"`
}

// Point is half a second of the plots, as rates a second.
type Point struct {
	At       float64 `json:"t"`
	Capacity float64 `json:"capacity"`
	Answered float64 `json:"answered"`
	Late     float64 `json:"late"`
	Refused  float64 `json:"refused"`
	Errands  float64 `json:"errands"`
	Unknown  float64 `json:"unknown"`
	Useful   float64 `json:"useful"` // shares of the core's working time: of use,
	Wasted   float64 `json:"wasted"` // for nobody,
	Could    float64 `json:"could"`  // and what could have been of use
	P99      float64 `json:"p99_ms"`
	Limit    int     `json:"limit"`
	InFlight int     `json:"in_flight"`
}

func (m *meter) result(s Scenario, policy string, starts []time.Time, effects map[string]int, settle time.Duration) Result {
	r := Result{Scenario: s.Name, Policy: policy, SettleAfter: settle.Seconds()}
	t := m.truth(effects)
	r.WrongWords, r.Double, r.PaidAgain, r.Unsettled, r.Unnoticed, r.Wrong = t.wrong, t.twice, t.again, t.unsettled, t.unnoticed, t.detail
	r.Insisted, r.Unasked, r.Said = t.insisted, t.unasked, t.said
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Inquiries, r.NobodyFree = m.inquired, m.crowded
	at := func(t time.Time) int { return min(int(t.Sub(m.begun)/bucketLength), len(m.buckets)) }
	health, before := s.Core, s.Core.capacity()
	for i, ph := range s.Phases {
		health = health.over(ph.Core)
		buckets := m.buckets[at(starts[i]):at(starts[i+1])]
		p := PhaseResult{Name: ph.Name, Brownout: ph.Brownout, Seconds: starts[i+1].Sub(starts[i]).Seconds(), Capacity: health.capacity()}
		var turns []float32
		for _, b := range buckets {
			p.Answered += b.answered
			p.Late += b.late
			p.Refused += b.refused
			p.Errands += b.done
			turns = append(turns, b.turns...)
		}
		w := workDone(buckets, health)
		if share, some := w.share(); some {
			p.Goodput = &share
		}
		if w.available > 0 {
			p.Load = w.useful / w.available
		}
		if p.Capacity > before {
			took := recovery(buckets, health)
			p.Recovery = &took
		}
		before = p.Capacity
		for _, d := range m.deeds {
			if d.phase == i {
				p.Accepted++
			}
			if d.unknown && d.lost == i {
				p.Unknown++
			}
		}
		p.P50, p.P99, p.Max = quantile(turns, 0.5), quantile(turns, 0.99), quantile(turns, 1)
		r.Accepted += p.Accepted
		r.Unknown += p.Unknown
		r.Phases = append(r.Phases, p)
		r.Series = append(r.Series, points(buckets, starts[i].Sub(m.begun).Seconds(), health)...)
	}
	return r
}

// points are a phase's buckets, five at a time.
func points(buckets []bucket, from float64, h Health) []Point {
	const group = 5
	var out []Point
	for part := range slices.Chunk(buckets, group) {
		span := float64(len(part)) * bucketLength.Seconds()
		p := Point{At: from, Capacity: h.capacity()}
		from += span
		var turns []float32
		for _, b := range part {
			p.Answered += float64(b.answered) / span
			p.Late += float64(b.late) / span
			p.Refused += float64(b.refused) / span
			p.Errands += float64(b.done) / span
			p.Unknown += float64(b.unknown) / span
			turns = append(turns, b.turns...)
			p.Limit, p.InFlight = b.limit, b.inFlight
		}
		if w := workOf(part, h); w.available > 0 {
			p.Useful, p.Wasted, p.Could = w.useful/w.available, w.wasted/w.available, w.could/w.available
		}
		p.P99 = quantile(turns, 0.99)
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
	line("%-18s %8s %8s %6s %8s %8s %6s %8s %8s %8s %8s %9s %8s %8s", "phase", "capacity", "answered", "late", "refused", "goodput", "load", "errands", "accepted", "unknown", "recovery", "p50 ms", "p99 ms", "max ms")
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
		line("%-18s %6.0f/s %8d %6d %8d %8s %6s %8d %8d %8d %8s %9.1f %8.1f %8.1f", p.Name, p.Capacity, p.Answered, p.Late, p.Refused, goodput,
			percent(p.Load), p.Errands, p.Accepted, p.Unknown, recovery, p.P50, p.P99, p.Max)
	}
	line("double effects %d, paid unasked %d, wrong words %d of %d, unsettled %d, without their SMS %d, inquiries %d, settled after %.1f s",
		r.Double, r.Unasked, r.WrongWords, r.Said, r.Unsettled, r.Unnoticed, r.Inquiries, r.SettleAfter)
	line("customers pressed \"send again\" %d times, and so paid %d errands more than once", r.Insisted, r.PaidAgain)
	for _, text := range r.Wrong {
		line("  wrong: %s", text)
	}
	return n, failed
}

// Failed says whether the night cost anybody money or the truth.
func (r Result) Failed() bool {
	return r.Double > 0 || r.Unasked > 0 || r.WrongWords > 0 || r.Unsettled > 0 || r.Unnoticed > 0
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
