package load

import (
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// Progress is how it goes in the middle.
type Progress struct {
	Elapsed   time.Duration // since the start
	PerSecond float64       // responses since the last Progress
	Errors    uint64        // since the start
	P50, P99  time.Duration // of the responses since the last Progress
}

// Latency has percentiles in microseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// Report is what came out.
type Report struct {
	Mode   string  `json:"mode"` // "do" or "pipeline"
	Binds  int     `json:"binds"`
	Window int     `json:"window"`         // of each bind
	Rate   float64 `json:"rate,omitempty"` // asked for, per second; 0: flat out
	Cores  int     `json:"cores"`          // that this process may use

	Duration  float64 `json:"duration"`  // seconds, to the end of sending or the last response
	Submitted uint64  `json:"submitted"` // requests that may have arrived
	Responses uint64  `json:"responses"` // with any status
	PerSecond float64 `json:"per_second"`

	// Errors counts by kind: the name of a command_status, "not_sent", or
	// "unknown_outcome" for a request that was submitted and not answered.
	Errors     map[string]uint64 `json:"errors"`
	FirstError string            `json:"first_error,omitempty"`
	// Missed counts the requests of a schedule that were due and not begun: the
	// windows were full too long, or the bind was lost.
	Missed    uint64 `json:"missed"`
	LostBinds int    `json:"lost_binds"`

	// Latency is that of all responses: from the call with its wait for a slot,
	// or, with a rate, from the instant at which the request was due.
	Latency Latency `json:"latency_us"`
}

// Failed reports whether anything went wrong: an error, an unknown outcome, a
// bind that was lost.
func (r Report) Failed() bool { return len(r.Errors) > 0 || r.LostBinds > 0 }

// report sums up what the senders counted, before they part.
func report(cfg Config, senders []*sender, sent time.Duration) Report {
	r := Report{
		Mode: "do", Binds: cfg.Binds, Window: cfg.Window, Rate: cfg.Rate,
		Cores: runtime.GOMAXPROCS(0), Errors: map[string]uint64{},
	}
	if cfg.Pipeline {
		r.Mode = "pipeline"
	}
	all, elapsed := newHistogram(), sent
	for _, s := range senders {
		if s.conn.Err() != nil {
			r.LostBinds++
		}
		r.Missed += s.missed
		m := s.meter
		m.mu.Lock()
		all.Merge(m.past)
		all.Merge(m.recent)
		r.Responses += m.answers
		r.Submitted += m.answers + m.unknown
		for kind, n := range m.errors {
			r.Errors[kind] += n
		}
		if r.FirstError == "" && m.first != nil {
			r.FirstError = m.first.Error()
		}
		elapsed = max(elapsed, m.last)
		m.mu.Unlock()
	}
	r.Duration = elapsed.Seconds()
	if elapsed > 0 {
		r.PerSecond = float64(r.Responses) / r.Duration
	}
	us := func(percent float64) float64 { return float64(quantile(all, percent)/100) / 10 }
	r.Latency = Latency{P50: us(50), P90: us(90), P99: us(99), P999: us(99.9), Max: us(100)}
	return r
}

// WriteTo writes r for people.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	rate := "flat out"
	if r.Rate > 0 {
		rate = fmt.Sprintf("at %s/s, latency from the instant each was due", grouped(uint64(r.Rate)))
	}
	text := fmt.Sprintf("%d binds, window %d, %s, %s, %d cores\n", r.Binds, r.Window, r.Mode, rate, r.Cores)
	text += fmt.Sprintf("%-10s %s in %.2f s, %s responses, %s/s\n", "submitted",
		grouped(r.Submitted), r.Duration, grouped(r.Responses), grouped(uint64(r.PerSecond)))
	text += fmt.Sprintf("%-10s p50 %s  p90 %s  p99 %s  p99.9 %s  max %s\n", "latency", micros(r.Latency.P50),
		micros(r.Latency.P90), micros(r.Latency.P99), micros(r.Latency.P999), micros(r.Latency.Max))
	for _, kind := range slices.Sorted(maps.Keys(r.Errors)) {
		text += fmt.Sprintf("%-10s %s %s\n", "error", grouped(r.Errors[kind]), kind)
	}
	if r.FirstError != "" {
		text += fmt.Sprintf("%-10s %s\n", "the first", r.FirstError)
	}
	if r.Missed > 0 {
		text += fmt.Sprintf("%-10s %s were due and not begun\n", "missed", grouped(r.Missed))
	}
	if r.LostBinds > 0 {
		text += fmt.Sprintf("%-10s %d of %d binds\n", "lost", r.LostBinds, r.Binds)
	}
	n, err := io.WriteString(w, text)
	return int64(n), err
}

// String is one line, for a terminal.
func (p Progress) String() string {
	return fmt.Sprintf("%4.0f s  %12s/s  %s errors  p50 %s  p99 %s", p.Elapsed.Seconds(),
		grouped(uint64(p.PerSecond)), grouped(p.Errors), human(p.P50), human(p.P99))
}

// micros writes microseconds as human does a duration.
func micros(us float64) string {
	return human(time.Duration(math.Round(us * float64(time.Microsecond))))
}

// human writes a duration with three digits.
func human(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}, {time.Nanosecond, "ns"}}
	if d == 0 {
		return "0 s"
	}
	for _, u := range units {
		v := float64(d) / float64(u.size)
		switch {
		case v >= 999.5:
			return grouped(uint64(math.Round(v))) + " " + u.name
		case v >= 0.9995:
			return strconv.FormatFloat(v, 'g', 3, 64) + " " + u.name
		}
	}
	return d.String()
}

// grouped writes n with commas.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
