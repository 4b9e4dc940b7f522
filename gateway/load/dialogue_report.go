package load

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// dialogueMeter counts what comes over one bind.
type dialogueMeter struct {
	mu     sync.Mutex
	recent *histogram // since the last turn
	past   *histogram // before it
	steps  uint64
	failed uint64
	errors map[string]uint64
	first  string        // the first error
	last   time.Duration // the last right screen

	redelivered uint64 // keys that were not sent, or refused for now
	unsure      uint64 // keys that were delivered again and may have arrived before
	again       uint64 // screens that came again
}

func newDialogueMeter() *dialogueMeter {
	return &dialogueMeter{recent: newHistogram(), past: newHistogram(), errors: map[string]uint64{}}
}

// right counts a right screen that came at now for a key that was due then.
func (m *dialogueMeter) right(now, due time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps++
	m.last = max(m.last, now)
	// Only a value over the longest is an error.
	_ = m.recent.RecordValue(min(int64(now-due), longest))
}

// redeliver counts a key that goes over this bind and did not get through before.
func (m *dialogueMeter) redeliver(unsure bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if unsure {
		m.unsure++
	} else {
		m.redelivered++
	}
}

// shownAgain counts a screen that came again, in the place of another one that was
// awaited then: the customer waited for it. With now 0 nobody did.
func (m *dialogueMeter) shownAgain(now, due time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.again++; now > 0 {
		m.last = max(m.last, now)
		_ = m.recent.RecordValue(min(int64(now-due), longest))
	}
}

// fail counts an error; describe, which may be nil, is asked about the first.
func (m *dialogueMeter) fail(kind string, describe func() string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed++
	m.errors[kind]++
	if m.first == "" {
		m.first = kind
		if describe != nil {
			m.first += ": " + describe()
		}
	}
}

// turn merges what came since the last turn into all, and returns the errors
// since the start.
func (m *dialogueMeter) turn(all *histogram) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	all.Merge(m.recent)
	m.past.Merge(m.recent)
	m.recent.Reset()
	return m.failed
}

// Sample is one interval of a run.
type Sample struct {
	At             float64 `json:"at"` // its end, seconds from the start
	StepsPerSecond float64 `json:"steps_per_second"`
	Errors         uint64  `json:"errors"`        // in the interval
	P50            float64 `json:"p50,omitempty"` // microseconds, as are the others; 0: no screen came
	P99            float64 `json:"p99,omitempty"`
	Max            float64 `json:"max,omitempty"`
}

// Quantile is a point of the distribution of latencies.
type Quantile struct {
	Percent float64 `json:"percent"`
	Micros  float64 `json:"us"` // that Percent of all are not above
}

// Dialogues counts dialogues by their fate. Begun is the sum of Finished,
// Abandoned, Failed and Cut.
type Dialogues struct {
	Begun     uint64 `json:"begun"`
	Finished  uint64 `json:"finished"`  // to the last screen of the script
	Abandoned uint64 `json:"abandoned"` // hung up in the middle, as asked for
	Redialled uint64 `json:"redialled"` // broken off and dialled again, as asked for; they have another fate too
	Failed    uint64 `json:"failed"`    // by an error
	Cut       uint64 `json:"cut"`       // by the end of the run
	Missed    uint64 `json:"missed"`    // due by the schedule, and not begun for want of a free handset
}

// Deliveries counts what a network does when a gateway, or a bind, goes or refuses
// for now. None of it is an error.
type Deliveries struct {
	Redelivered uint64 `json:"redelivered"`        // keys that had provably not left, or were refused for now, over another bind
	Unsure      uint64 `json:"redelivered_unsure"` // keys that were delivered again although they may have arrived
	// ShownAgain counts screens that came a second time for a key that was
	// delivered again, and such as the dialogue had before, in the place of the next
	// one: after a kill that is what is promised. They are no steps.
	ShownAgain uint64 `json:"shown_again"`
}

// String says it in words.
func (d Deliveries) String() string {
	return fmt.Sprintf("%s keys redelivered that were not sent or refused for now, %s that may have arrived; %s screens shown again",
		grouped(d.Redelivered), grouped(d.Unsure), grouped(d.ShownAgain))
}

// DialogueReport is what came out of Dialogue.
type DialogueReport struct {
	Script   string    `json:"script"`
	Started  time.Time `json:"started"` // the first dialogue
	Version  string    `json:"version"` // of this program
	Handsets int       `json:"handsets"`
	Binds    int       `json:"binds"`          // that there were, ones that came later included
	Window   int       `json:"window"`         // of each bind
	Rate     float64   `json:"rate,omitempty"` // dialogues per second asked for; 0: flat out
	Think    float64   `json:"think"`          // seconds, as are Timeout and the durations
	Spread   float64   `json:"spread"`
	Abandon  float64   `json:"abandon"` // shares asked for
	Redial   float64   `json:"redial"`
	Timeout  float64   `json:"timeout"`

	Cores        int `json:"cores"` // that this process may use
	MachineCores int `json:"machine_cores"`

	Led            float64    `json:"led"`      // how long dialogues were begun and led
	Duration       float64    `json:"duration"` // to the end of that or the last right screen
	Steps          uint64     `json:"steps"`    // right screens
	StepsPerSecond float64    `json:"steps_per_second"`
	Dialogues      Dialogues  `json:"dialogues"`
	Deliveries     Deliveries `json:"deliveries"`
	SMS            uint64     `json:"sms"`

	// Errors counts by kind: wrong_screen, no_screen, unexpected_screen, no_bind,
	// the name of a command_status, not_sent or unknown_outcome of a deliver_sm that
	// could not be delivered again, or not in time.
	Errors     map[string]uint64 `json:"errors"`
	FirstError string            `json:"first_error,omitempty"`

	Latency      Latency    `json:"latency_us"` // of right screens
	Distribution []Quantile `json:"distribution"`
	Samples      []Sample   `json:"samples"`
}

// Failed reports whether anything went wrong.
func (r DialogueReport) Failed() bool { return len(r.Errors) > 0 }

// Slow reports whether the 99th percentile is over limit, or nothing was
// measured; never with a limit of 0.
func (r DialogueReport) Slow(limit time.Duration) bool {
	return limit > 0 && (r.Steps == 0 || r.Latency.P99 > float64(limit)/float64(time.Microsecond))
}

// Short reports whether more than that share of the dialogues that were due were
// missed: the rate was not offered then, and what was measured is another one.
func (r DialogueReport) Short(share float64) bool { return r.missedShare() > share }

func (r DialogueReport) missedShare() float64 {
	d := r.Dialogues
	return float64(d.Missed) / float64(max(d.Missed+d.Begun, 1))
}

// missed says in words what of the schedule was not kept; nothing if all was.
func (r DialogueReport) missed() string {
	d := r.Dialogues
	if d.Missed == 0 {
		return ""
	}
	share := r.missedShare()
	return fmt.Sprintf("%s of the %s dialogues that were due (%s) were not begun, as no handset was free: %.3g dialogues/s were offered, not %g.",
		grouped(d.Missed), grouped(d.Missed+d.Begun), percent(share), r.Rate*(1-share), r.Rate)
}

// percent writes a share with two digits, and only all of it as 100 %.
func percent(share float64) string {
	switch p := 100 * share; {
	case p > 99 && p < 100:
		return fmt.Sprintf("%.1f %%", math.Floor(10*p)/10)
	case p >= 10:
		return fmt.Sprintf("%.0f %%", p)
	default:
		return fmt.Sprintf("%.2g %%", p)
	}
}

// version names this binary as the Go tool stamped it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// sample takes a sample every now and then until ctx ends, and tells how it goes.
func (o *operator) sample(ctx context.Context) {
	every := o.cfg.ProgressEvery
	told := time.NewTicker(every)
	defer told.Stop()
	keep := max(every, o.cfg.Duration/maxSamples)
	since, last, errs := newHistogram(), time.Duration(0), uint64(0)
	shown, shownAt := newHistogram(), time.Duration(0)
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-told.C:
		}
		now, failed := o.now(), uint64(0)
		shown.Reset()
		o.mu.RLock()
		binds := o.all
		o.mu.RUnlock()
		for _, b := range binds {
			failed += b.meter.turn(shown)
		}
		since.Merge(shown)
		if o.cfg.Progress != nil && !over {
			o.cfg.Progress(Progress{Elapsed: now, PerSecond: perSecond(shown, now-shownAt), Errors: failed,
				P50: quantile(shown, 50), P99: quantile(shown, 99)})
		}
		shownAt = now
		if now-last >= keep-every/2 && len(o.samples) < 2*maxSamples {
			o.samples = append(o.samples, Sample{At: now.Seconds(), StepsPerSecond: perSecond(since, now-last),
				Errors: failed - errs, P50: micro(since, 50), P99: micro(since, 99), Max: micro(since, 100)})
			since.Reset()
			last, errs = now, failed
		}
	}
}

func perSecond(h *histogram, d time.Duration) float64 {
	return float64(h.TotalCount()) / max(d, time.Millisecond).Seconds()
}

// micro is a percentile in microseconds, to a tenth.
func micro(h *histogram, percent float64) float64 { return float64(quantile(h, percent)/100) / 10 }

// report sums up.
func (o *operator) report(stopped time.Duration) DialogueReport {
	o.mu.RLock()
	binds := o.all
	o.mu.RUnlock()
	o.plan.mu.Lock()
	begun := o.plan.n
	o.plan.mu.Unlock()
	c := &o.cfg
	r := DialogueReport{
		Script: c.Script.Name, Started: o.start, Version: version(), Handsets: c.Handsets, Binds: len(binds), Window: c.Window, Rate: c.Rate,
		Think: c.Think.Seconds(), Spread: c.Spread, Abandon: c.Abandon, Redial: c.Redial, Timeout: c.Timeout.Seconds(),
		Cores: runtime.GOMAXPROCS(0), MachineCores: runtime.NumCPU(), Led: stopped.Seconds(),
		Dialogues: Dialogues{Begun: begun, Finished: o.finished.Load(), Abandoned: o.abandoned.Load(),
			Redialled: o.redialled.Load(), Failed: o.failed.Load(), Cut: o.cut.Load(), Missed: o.missed},
		SMS: o.sms.Load(), Errors: map[string]uint64{}, Samples: o.samples, Distribution: []Quantile{},
	}
	all, elapsed := newHistogram(), stopped
	for _, b := range binds {
		m := b.meter
		m.mu.Lock()
		all.Merge(m.past)
		all.Merge(m.recent)
		r.Steps += m.steps
		r.Deliveries.Redelivered += m.redelivered
		r.Deliveries.Unsure += m.unsure
		r.Deliveries.ShownAgain += m.again
		for kind, n := range m.errors {
			r.Errors[kind] += n
		}
		if r.FirstError == "" {
			r.FirstError = m.first
		}
		elapsed = max(elapsed, m.last)
		m.mu.Unlock()
	}
	r.Duration = elapsed.Seconds()
	r.StepsPerSecond = float64(r.Steps) / max(elapsed, time.Millisecond).Seconds()
	r.Latency = Latency{P50: micro(all, 50), P90: micro(all, 90), P99: micro(all, 99), P999: micro(all, 99.9), Max: micro(all, 100)}
	for nines := 0.0; nines <= 5 && r.Steps > 0; nines += 0.25 { // 0 % to 99.999 %
		percent := 100 * (1 - math.Pow(10, -nines))
		r.Distribution = append(r.Distribution, Quantile{Percent: percent, Micros: micro(all, percent)})
	}
	return r
}

// WriteTo writes r for people.
func (r DialogueReport) WriteTo(w io.Writer) (int64, error) {
	rate := "flat out"
	if r.Rate > 0 {
		rate = fmt.Sprintf("at %g dialogues/s", r.Rate)
	}
	d := r.Dialogues
	text := fmt.Sprintf("%s, %s handsets, %d binds, window %d, %s, thinking %s, %d cores\n", r.Script,
		grouped(uint64(r.Handsets)), r.Binds, r.Window, rate, human(time.Duration(r.Think*float64(time.Second))), r.Cores)
	text += fmt.Sprintf("%-10s %s right screens in %.2f s, %s/s\n", "steps", grouped(r.Steps), r.Duration, grouped(uint64(r.StepsPerSecond)))
	text += fmt.Sprintf("%-10s %s begun, %s finished, %s abandoned, %s redialled, %s failed, %s cut by the end\n", "dialogues",
		grouped(d.Begun), grouped(d.Finished), grouped(d.Abandoned), grouped(d.Redialled), grouped(d.Failed), grouped(d.Cut))
	if r.Steps > 0 {
		text += fmt.Sprintf("%-10s p50 %s  p90 %s  p99 %s  p99.9 %s  max %s\n", "latency", micros(r.Latency.P50),
			micros(r.Latency.P90), micros(r.Latency.P99), micros(r.Latency.P999), micros(r.Latency.Max))
	}
	if r.SMS > 0 {
		text += fmt.Sprintf("%-10s %s\n", "SMS", grouped(r.SMS))
	}
	if r.Deliveries != (Deliveries{}) {
		text += fmt.Sprintf("%-10s %s\n", "again", r.Deliveries)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Errors)) {
		text += fmt.Sprintf("%-10s %s %s\n", "error", grouped(r.Errors[kind]), kind)
	}
	if r.FirstError != "" {
		text += fmt.Sprintf("%-10s %s\n", "the first", r.FirstError)
	}
	if words := r.missed(); words != "" {
		text += fmt.Sprintf("%-10s %s\n", "missed", words)
	}
	n, err := io.WriteString(w, text)
	return int64(n), err
}
