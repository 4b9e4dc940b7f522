package load

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"
)

//go:embed dialogue.html
var dialoguePage string

// The plot's area in the page's coordinates.
const (
	plotLeft, plotRight = 80.0, 890.0
	plotTop, plotBottom = 20.0, 230.0
)

// chart is one plot of the page.
type chart struct {
	Title string
	X, Y  []tick
	Lines []line
}

type tick struct {
	At    float64
	Label string
}

type line struct {
	Name   string
	Colour string
	Points string
	NameAt int
}

// WriteHTML writes r as one page that needs nothing else: no script, no other
// file. maxP99, if it is not 0, is shown as the gate that it is.
func (r DialogueReport) WriteHTML(w io.Writer, maxP99 time.Duration) error {
	page, err := template.New("dialogue").Parse(dialoguePage)
	if err != nil {
		return fmt.Errorf("load: the page: %w", err)
	}
	rate := "flat out"
	if r.Rate > 0 {
		rate = fmt.Sprintf("%g dialogues/s", r.Rate)
	}
	data := struct {
		Report    DialogueReport
		PerSecond string
		Setup     string
		Gate      string
		Slow      bool
		Latency   []string
		Charts    []chart
	}{
		Report: r, PerSecond: grouped(uint64(r.StepsPerSecond)), Slow: r.Slow(maxP99),
		Setup: fmt.Sprintf("%s handsets, %d binds, window %d, %s, thinking %v, %.1f s, %d cores",
			grouped(uint64(r.Handsets)), r.Binds, r.Window, rate, time.Duration(r.Think*float64(time.Second)), r.Duration, r.Cores),
		Charts: r.charts(),
	}
	if maxP99 > 0 {
		data.Gate = fmt.Sprintf("p99 must not be over %v: it is %s.", maxP99, micros(r.Latency.P99))
	}
	for _, us := range []float64{r.Latency.P50, r.Latency.P90, r.Latency.P99, r.Latency.P999, r.Latency.Max} {
		data.Latency = append(data.Latency, micros(us))
	}
	return page.Execute(w, data)
}

func (r DialogueReport) charts() []chart {
	var at, rate, p50, p99, top []float64
	for _, s := range r.Samples {
		at, rate = append(at, s.At), append(rate, s.StepsPerSecond)
		p50, p99, top = append(p50, s.P50), append(p99, s.P99), append(top, s.Max)
	}
	seconds := axis{high: 1}
	if n := len(at); n > 0 {
		seconds.high = at[n-1]
	}
	var steps axis
	for _, v := range rate {
		steps.high = max(steps.high, v)
	}
	steps.high = math.Max(1, steps.high*1.1)
	latency := decades(p50, p99, top)

	var nines, us []float64
	for i, q := range r.Distribution {
		nines, us = append(nines, float64(i)*0.25), append(us, q.Micros)
	}
	spread := decades(us)
	percents := axis{high: 5}
	return []chart{
		{Title: "Right screens per second", X: seconds.even(plotLeft, plotRight, " s"), Y: steps.even(plotBottom, plotTop, ""),
			Lines: []line{plot(seconds, steps, at, rate, "", "#1769aa", 0)}},
		{Title: "Latency over time", X: seconds.even(plotLeft, plotRight, " s"), Y: latency.logarithmic(),
			Lines: []line{plot(seconds, latency, at, p50, "p50", "#2e7d32", 0), plot(seconds, latency, at, p99, "p99", "#c77700", 1),
				plot(seconds, latency, at, top, "max", "#b3261e", 2)}},
		{Title: "Latency by percentile", X: []tick{{percents.place(0, plotLeft, plotRight), "0 %"}, {percents.place(1, plotLeft, plotRight), "90 %"},
			{percents.place(2, plotLeft, plotRight), "99 %"}, {percents.place(3, plotLeft, plotRight), "99.9 %"},
			{percents.place(4, plotLeft, plotRight), "99.99 %"}, {percents.place(5, plotLeft, plotRight) - 18, "99.999 %"}},
			Y: spread.logarithmic(), Lines: []line{plot(percents, spread, nines, us, "", "#1769aa", 0)}},
	}
}

// axis maps values from low to high, or the decimal logarithms of values.
type axis struct {
	low, high float64
	log       bool
}

// decades is the logarithmic axis of all values, in whole decades.
func decades(series ...[]float64) axis {
	a := axis{low: 2, high: 3, log: true}
	first := true
	for _, values := range series {
		for _, v := range values {
			if v <= 0 {
				continue
			}
			low, high := math.Floor(math.Log10(v)), math.Ceil(math.Log10(v))
			if first {
				a.low, a.high, first = low, high, false
			}
			a.low, a.high = min(a.low, low), max(a.high, high)
		}
	}
	a.high = max(a.high, a.low+1)
	return a
}

// place is where v is between from and to.
func (a axis) place(v, from, to float64) float64 {
	if a.log {
		v = math.Log10(max(v, 1e-9))
	}
	share := (v - a.low) / (a.high - a.low)
	return math.Round(10*(from+min(max(share, 0), 1)*(to-from))) / 10
}

// even has five marks.
func (a axis) even(from, to float64, unit string) []tick {
	var all []tick
	for i := range 5 {
		v := a.low + (a.high-a.low)*float64(i)/4
		label := fmt.Sprintf("%.3g%s", v, unit)
		if v >= 1000 {
			label = grouped(uint64(v)) + unit
		}
		all = append(all, tick{a.place(v, from, to), label})
	}
	return all
}

// logarithmic marks each decade of microseconds.
func (a axis) logarithmic() []tick {
	var all []tick
	for e := a.low; e <= a.high; e++ {
		us := math.Pow(10, e)
		all = append(all, tick{a.place(us, plotBottom, plotTop), time.Duration(math.Round(us * 1000)).String()})
	}
	return all
}

func plot(x, y axis, xs, ys []float64, name, colour string, place int) line {
	var points strings.Builder
	for i := range xs {
		fmt.Fprintf(&points, "%g,%g ", x.place(xs[i], plotLeft, plotRight), y.place(ys[i], plotBottom, plotTop))
	}
	return line{Name: name, Colour: colour, Points: strings.TrimSpace(points.String()), NameAt: int(plotLeft) + 50*place}
}
