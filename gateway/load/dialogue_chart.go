package load

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The plot's area in the page's coordinates: the labels of the axes are beside it.
const (
	plotLeft, plotRight = 80.0, 850.0
	plotTop, plotBottom = 24.0, 230.0
)

// chart is one plot of the page.
type chart struct {
	Title, Note string
	X, Y        []tick
	Shades      []box // times without a screen
	Bars        []box
	Lines       []line
	Limit       *limit
	End         float64 // where the run ended, if others came after it; 0: nowhere
}

type tick struct {
	At    float64
	Label string
}

type box struct{ X, Y, Width, Height float64 }

// line is a curve in the parts between which there is no sample.
type line struct {
	Name, Colour string
	Parts        []string
	NameAt       float64
}

// limit is a level that the curves must stay below, as far as To.
type limit struct {
	At, To, LabelAt float64
	Label           string
}

// charts draws r. The gate for the 99th percentile is drawn if it is not 0.
func (r DialogueReport) charts(gate time.Duration) []chart {
	seconds := axis{high: 1}
	if n := len(r.Samples); n > 0 {
		seconds.high = r.Samples[n-1].At
	}
	x := seconds.ticks(8, plotLeft, plotRight, " s")
	shades, end := r.silences(seconds), r.end(seconds)
	note := ""
	if len(shades) > 0 {
		note = "Shaded: no right screen came."
	}
	all := []chart{r.screensPerSecond(seconds)}
	all[0].Note, all[0].X, all[0].Shades, all[0].End = note, x, shades, end
	if slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Errors > 0 }) {
		c := chart{Title: "Errors per second", X: x, End: end}
		c.Bars, c.Y = r.errorBars(seconds)
		all = append(all, c)
	}
	if r.Steps == 0 {
		return all
	}
	us := float64(gate) / float64(time.Microsecond)
	return append(all, r.latencyOverTime(seconds, x, shades, end, us), r.latencyByPercentile(us))
}

func (r DialogueReport) screensPerSecond(seconds axis) chart {
	var at, rate []float64
	top := 0.0
	for _, s := range r.Samples {
		at, rate, top = append(at, s.At), append(rate, s.StepsPerSecond), max(top, s.StepsPerSecond)
	}
	y := upTo(top)
	l := line{Colour: "#1769aa", Parts: curve(seconds, y, at, rate, true)}
	return chart{Title: "Right screens per second", Y: y.ticks(5, plotBottom, plotTop, ""), Lines: []line{l}}
}

// errorBars has a bar for each sample with errors.
func (r DialogueReport) errorBars(seconds axis) (bars []box, ticks []tick) {
	perSecond := func(s Sample, covers float64) float64 { return float64(s.Errors) / max(covers, 1e-3) }
	top, before := 0.0, 0.0
	for _, s := range r.Samples {
		top, before = max(top, perSecond(s, s.At-before)), s.At
	}
	y := upTo(top)
	before = 0
	for _, s := range r.Samples {
		if s.Errors > 0 {
			b := span(seconds, before, s.At)
			// A single error beside many is seen too.
			b.Y = min(y.place(perSecond(s, s.At-before), plotBottom, plotTop), plotBottom-1.5)
			b.Height = tenth(plotBottom - b.Y)
			bars = append(bars, b)
		}
		before = s.At
	}
	return bars, y.ticks(5, plotBottom, plotTop, "")
}

// silences are the times of the run in which no right screen came.
func (r DialogueReport) silences(seconds axis) (shades []box) {
	from := -1.0
	before := 0.0
	for _, s := range r.Samples {
		silent := s.StepsPerSecond == 0 && before < r.Led
		if silent && from < 0 {
			from = before
		}
		if !silent && from >= 0 {
			shades, from = append(shades, span(seconds, from, before)), -1
		}
		before = s.At
	}
	if from >= 0 {
		shades = append(shades, span(seconds, from, min(before, r.Led)))
	}
	return shades
}

// end is where the last key was due, if it is not where the samples end.
func (r DialogueReport) end(seconds axis) float64 {
	if r.Led > 0.95*seconds.high {
		return 0
	}
	return seconds.place(r.Led, plotLeft, plotRight)
}

func (r DialogueReport) latencyOverTime(seconds axis, x []tick, shades []box, end, gate float64) chart {
	var at, p50, p99, top []float64
	for _, s := range r.Samples {
		at, p50, p99, top = append(at, s.At), append(p50, s.P50), append(p99, s.P99), append(top, s.Max)
	}
	y := logarithmic(p50, p99, top, []float64{gate})
	c := chart{Title: "Latency over time", X: x, Y: y.decades(), Shades: shades, End: end, Limit: limitAt(y, gate, plotRight)}
	for i, s := range []struct {
		name, colour string
		values       []float64
	}{{"p50", "#2e7d32", p50}, {"p99", "#c77700", p99}, {"max", "#b3261e", top}} {
		c.Lines = append(c.Lines, line{s.name, s.colour, curve(seconds, y, at, s.values, true), plotLeft + 60*float64(i)})
	}
	return c
}

func (r DialogueReport) latencyByPercentile(gate float64) chart {
	var nines, us []float64
	for i, q := range r.Distribution {
		nines, us = append(nines, float64(i)*0.25), append(us, q.Micros)
	}
	y, x := logarithmic(us, []float64{gate}), axis{high: 5}
	l := line{Colour: "#1769aa", Parts: curve(x, y, nines, us, false)}
	// What is above 99 % may be slower.
	c := chart{Title: "Latency by percentile", Y: y.decades(), Lines: []line{l}, Limit: limitAt(y, gate, x.place(2, plotLeft, plotRight))}
	for i, label := range []string{"0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"} {
		c.X = append(c.X, tick{x.place(float64(i), plotLeft, plotRight), label})
	}
	return c
}

// limitAt is the gate's line, nil if there is none.
func limitAt(y axis, gate, to float64) *limit {
	if gate <= 0 {
		return nil
	}
	at := y.place(gate, plotBottom, plotTop)
	l := &limit{At: at, To: to, LabelAt: at - 5, Label: "--max-p99 " + micros(gate)}
	if at < plotTop+20 {
		l.LabelAt = at + 16
	}
	return l
}

// axis maps values from low to high, or the decimal logarithms of values.
type axis struct {
	low, high float64
	log       bool
}

// round125 is the smallest of 1, 2 and 5 times a power of ten that is not below v.
func round125(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// upTo is the axis from 0 to the round value that is not below top.
func upTo(top float64) axis {
	top = max(top, 1)
	step := round125(top / 5)
	return axis{high: step * math.Ceil(top/step-1e-9)}
}

// logarithmic is the axis of all values above 0, between round ones.
func logarithmic(series ...[]float64) axis {
	low, high := math.Inf(1), 0.0
	for _, values := range series {
		for _, v := range values {
			if v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if high == 0 {
		low, high = 100, 1000
	}
	a := axis{low: math.Floor(math.Log10(low)), high: math.Ceil(math.Log10(high)), log: true}
	if a.high-a.low <= 2 { // 1, 2 and 5 are marked: it may end there
		a.low, a.high = math.Log10(1/round125(1/low)), math.Log10(round125(high))
	}
	if a.high-a.low < 0.5 {
		a.high = math.Log10(round125(math.Pow(10, a.high) * 3))
	}
	return a
}

// place is where v is between from and to.
func (a axis) place(v, from, to float64) float64 {
	if a.log {
		v = math.Log10(max(v, 1e-9))
	}
	share := (v - a.low) / (a.high - a.low)
	return tenth(from + min(max(share, 0), 1)*(to-from))
}

func tenth(v float64) float64 { return math.Round(10*v) / 10 }

// ticks has up to about n round marks from 0 on.
func (a axis) ticks(n int, from, to float64, unit string) (all []tick) {
	step := round125(a.high / float64(n))
	scale := math.Pow(10, max(0, math.Ceil(-math.Log10(step)))) // all digits of the step
	for i := 0; float64(i)*step <= a.high*(1+1e-9); i++ {
		v := float64(i) * step
		label := strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
		if v >= 1000 {
			label = grouped(uint64(math.Round(v)))
		}
		all = append(all, tick{a.place(v, from, to), label + unit})
	}
	return all
}

// decades marks each decade of microseconds, and 2 and 5 times it if there are few.
func (a axis) decades() (all []tick) {
	marks := []float64{1}
	if a.high-a.low <= 2 {
		marks = []float64{1, 2, 5}
	}
	for e := math.Floor(a.low); e <= a.high; e++ {
		for _, m := range marks {
			if at := e + math.Log10(m); at > a.low-1e-9 && at < a.high+1e-9 {
				us := m * math.Pow(10, e)
				all = append(all, tick{a.place(us, plotBottom, plotTop), micros(us)})
			}
		}
	}
	return all
}

// span is a box from the bottom to the top between two instants.
func span(seconds axis, from, to float64) box {
	left, right := seconds.place(from, plotLeft, plotRight), seconds.place(to, plotLeft, plotRight)
	return box{left, plotTop, tenth(max(right-left, 1)), plotBottom - plotTop}
}

// curve joins the points, with covers from where the x before was: a value is that
// of all the time since then. On a logarithmic axis 0 is no sample, and the curve is
// in parts.
func curve(x, y axis, xs, ys []float64, covers bool) (parts []string) {
	var part []string
	finish := func() {
		if len(part) > 0 {
			parts = append(parts, strings.Join(part, " "))
		}
		part = nil
	}
	before := 0.0
	for i := range xs {
		if y.log && ys[i] <= 0 {
			finish()
		} else {
			if covers && part == nil {
				part = append(part, point(x, y, before, ys[i]))
			}
			part = append(part, point(x, y, xs[i], ys[i]))
		}
		before = xs[i]
	}
	finish()
	return parts
}

func point(x, y axis, at, v float64) string {
	return fmt.Sprintf("%g,%g", x.place(at, plotLeft, plotRight), y.place(v, plotBottom, plotTop))
}
