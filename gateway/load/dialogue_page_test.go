package load

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// page is what a report's page says.
type page struct {
	verdicts []verdict
	rows     map[string]string // value by name
	plots    map[string]*plotted
}

// plotted is one plot, in the page's coordinates.
type plotted struct {
	lines           map[string][][][2]float64 // parts by name, points by part
	silences, bars  []box
	limitAt, limitX float64 // of the gate's line
	labels          map[string][2]float64
	grid            []float64 // x of vertical lines
}

// read writes r as a page and takes it apart.
func read(t *testing.T, r DialogueReport, g Gates) page {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b, g); err != nil {
		t.Fatal(err)
	}
	p := page{rows: map[string]string{}, plots: map[string]*plotted{}}
	d := xml.NewDecoder(strings.NewReader(strings.Replace(b.String(), "<!DOCTYPE html>", "", 1)))
	var plot *plotted
	var element xml.StartElement
	attr := func(name string) string {
		for _, a := range element.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
	number := func(name string) float64 {
		f, err := strconv.ParseFloat(attr(name), 64)
		if err != nil || f < 0 || f > 900 {
			t.Errorf("%s of a %s is %q", name, element.Name.Local, attr(name))
		}
		return f
	}
	name := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			t.Fatalf("not well-formed: %v in\n%s", err, b.String())
		}
		switch token := token.(type) {
		case xml.StartElement:
			element = token
			if attr("src")+attr("href") != "" || token.Name.Local == "script" {
				t.Errorf("the page needs %s %s%s", token.Name.Local, attr("src"), attr("href"))
			}
			switch class := attr("class"); {
			case token.Name.Local == "svg":
				plot = &plotted{lines: map[string][][][2]float64{}, labels: map[string][2]float64{}}
				p.plots[attr("aria-label")] = plot
			case token.Name.Local == "polyline":
				var part [][2]float64
				for _, pair := range strings.Fields(attr("points")) {
					var at [2]float64
					if _, err := fmt.Sscanf(pair, "%g,%g", &at[0], &at[1]); err != nil || at[0] != at[0] || at[1] != at[1] {
						t.Errorf("a point %q", pair)
					}
					part = append(part, at)
				}
				plot.lines[attr("data-name")] = append(plot.lines[attr("data-name")], part)
			case class == "silence":
				plot.silences = append(plot.silences, box{number("x"), number("y"), number("width"), number("height")})
			case class == "error":
				plot.bars = append(plot.bars, box{number("x"), number("y"), number("width"), number("height")})
			case class == "limit":
				plot.limitAt, plot.limitX = number("y1"), number("x2")
			case class == "grid" && attr("x1") == attr("x2"):
				plot.grid = append(plot.grid, number("x1"))
			}
		case xml.CharData:
			text := strings.TrimSpace(string(token))
			switch class := attr("class"); {
			case text == "":
			case strings.HasPrefix(class, "verdict"):
				p.verdicts = append(p.verdicts, verdict{text, strings.HasSuffix(class, " bad")})
			case element.Name.Local == "td" && class == "":
				name = text
			case class == "value":
				p.rows[name] = text
			case element.Name.Local == "text":
				plot.labels[text] = [2]float64{number("x"), number("y")}
			}
		}
	}
}

func (p page) says(words string, bad bool) bool {
	return slices.ContainsFunc(p.verdicts, func(v verdict) bool { return v.Bad == bad && strings.Contains(v.Text, words) })
}

func TestDialogueReportsAsJSONAndAsAPage(t *testing.T) {
	g := &fakeGateway{answer: func(n string, typed []string) (string, bool) {
		if n == "255700000002" {
			return `<script>alert("x")</script>`, false
		}
		return three(n, typed)
	}}
	told := 0
	r := dialogues(t, t.Context(), g, DialogueConfig{Script: script(t, threeSteps), Handsets: 4, Duration: 150 * time.Millisecond,
		Abandon: 0.25, Spread: 0.5, ProgressEvery: 20 * time.Millisecond, Progress: func(p Progress) { told++ }})
	if told == 0 || len(r.Samples) == 0 {
		t.Errorf("told %d times, %d samples", told, len(r.Samples))
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var shape map[string]any
	if err := json.Unmarshal(b, &shape); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"script", "started", "version", "handsets", "binds", "window", "think", "spread", "abandon", "redial", "timeout",
		"cores", "machine_cores", "led", "duration", "steps", "steps_per_second", "dialogues", "deliveries", "sms", "errors", "first_error",
		"latency_us", "distribution", "samples"} {
		if _, ok := shape[key]; !ok {
			t.Errorf("no %s in %s", key, b)
		}
	}
	p := read(t, r, Gates{P99: time.Nanosecond})
	if !p.says("p99 must not be over 1 ns: it is ", true) || !p.says(" errors", true) {
		t.Errorf("%+v", p.verdicts)
	}
	for name, want := range map[string]string{
		kindWrong: grouped(r.Errors[kindWrong]), "handsets": "4", "rate": "flat out", "thinking": "0 s, spread 0.5", "abandon, redial": "0.25, 0",
		"binds": "2, window 100", "timeout": "10 s", "led for": "150 ms", "version": r.Version,
		"cores": fmt.Sprintf("%d of the machine's %d", r.Cores, r.MachineCores), "finished": grouped(r.Dialogues.Finished),
		"p99": micros(r.Latency.P99),
	} {
		if p.rows[name] != want {
			t.Errorf("%s: %q, want %q", name, p.rows[name], want)
		}
	}
	if r.Started.IsZero() || p.rows["version"] == "" || len(p.plots) != 4 || len(p.plots["Errors per second"].bars) == 0 {
		t.Errorf("%v %+v", r.Started, p)
	}
	if err := (DialogueReport{}).WriteHTML(io.Discard, Gates{}); err != nil {
		t.Errorf("an empty report: %v", err)
	}
}

// outage is ten seconds of which the fifth to the seventh had no screen.
func outage() DialogueReport {
	r := DialogueReport{Script: "walk", Led: 10, Duration: 10, Steps: 70_000, StepsPerSecond: 7000,
		Latency: Latency{P50: 200, P99: 4000, Max: 3_116_367.8}, Errors: map[string]uint64{kindNoBind: 600}, FirstError: kindNoBind,
		Distribution: []Quantile{{0, 100}, {90, 1000}, {99, 3_000_000}}}
	for i := range 10 {
		s := Sample{At: float64(i + 1), StepsPerSecond: 10_000, P50: 200, P99: 4000, Max: 3_000_000}
		if i >= 4 && i < 7 {
			s = Sample{At: s.At, Errors: 200}
		}
		r.Samples = append(r.Samples, s)
	}
	return r
}

func TestAnOutageIsAGapInTheLatencyAndABarOfErrors(t *testing.T) {
	p := read(t, outage(), Gates{P99: 100 * time.Millisecond})
	second := (plotRight - plotLeft) / 10
	from, to := plotLeft+4*second, plotLeft+7*second
	latency := p.plots["Latency over time"]
	for name, y := range map[string]string{"p50": "100 µs", "p99": "1 ms", "max": "1 s"} {
		parts := latency.lines[name]
		if len(parts) != 2 {
			t.Errorf("%s is in %d parts", name, len(parts))
		}
		for _, part := range parts {
			for _, at := range part {
				if at[0] > from && at[0] < to || at[1] >= latency.labels[y][1] {
					t.Errorf("%s has a point at %v: nothing came from %g to %g, and nothing was below %s", name, at, from, to, y)
				}
			}
		}
	}
	if want := []box{{from, plotTop, 3 * second, plotBottom - plotTop}}; !slices.Equal(latency.silences, want) {
		t.Errorf("the shade is %v, not %v", latency.silences, want)
	}
	if latency.limitAt != latency.labels["100 ms"][1] || latency.limitX != plotRight || latency.labels["--max-p99 100 ms"] == [2]float64{} {
		t.Errorf("the gate's line is at %g, and 100 ms are at %v", latency.limitAt, latency.labels["100 ms"])
	}
	bars := p.plots["Errors per second"]
	for i, b := range bars.bars {
		if b.X != tenth(from+float64(i)*second) || b.Y != bars.labels["200"][1] || b.Height != plotBottom-b.Y {
			t.Errorf("the bar of second %d is %+v", 5+i, b)
		}
	}
	if len(bars.bars) != 3 || !p.says("600 errors", true) || p.rows[kindNoBind] != "600" || p.says("No errors", false) {
		t.Errorf("%v %v", bars.bars, p.verdicts)
	}
	byPercentile := p.plots["Latency by percentile"]
	if at := byPercentile.labels["99 %"][0]; byPercentile.limitX != at || at == 0 {
		t.Errorf("the gate is one for 99 %%, at %g: its line ends at %g", at, byPercentile.limitX)
	}
	if p.rows["max"] != "3.12 s" {
		t.Errorf("3.1163678 s are written as %s", p.rows["max"])
	}
}

func TestWithoutErrorsOrGatesThereIsNothingToSeeOfThem(t *testing.T) {
	r := outage()
	r.Errors, r.Samples = nil, r.Samples[:4]
	p := read(t, r, Gates{})
	if len(p.plots) != 3 || p.plots["Latency over time"].limitX != 0 || len(p.plots["Latency over time"].silences) != 0 {
		t.Errorf("%+v", p.plots)
	}
	if !p.says("No errors: every screen was the right one.", false) || len(p.verdicts) != 1 {
		t.Errorf("%v", p.verdicts)
	}
}

func TestWhereNoRightScreenCameThereIsNoLatency(t *testing.T) {
	r := DialogueReport{Led: 2, Errors: map[string]uint64{kindWrong: 100}, Samples: []Sample{{At: 1, Errors: 50}, {At: 2, Errors: 50}}}
	p := read(t, r, Gates{P99: time.Second})
	if p.plots["Latency over time"] != nil || p.plots["Latency by percentile"] != nil || p.rows["p50"] != "" {
		t.Errorf("%+v %v", p.plots, p.rows)
	}
	if !p.says("No right screen came", true) || len(p.plots["Errors per second"].bars) != 2 {
		t.Errorf("%+v", p)
	}
	var text strings.Builder
	if _, err := r.WriteTo(&text); err != nil || strings.Contains(text.String(), "p50") {
		t.Errorf("%v in\n%s", err, text.String())
	}
}

func TestWhatWasMissedIsSaidInWords(t *testing.T) {
	for _, tt := range []struct {
		name          string
		begun, missed uint64
		gate          float64
		words         string // "": none
		short         bool
	}{
		{"all were begun", 1000, 0, 0, "", false},
		{"hardly one was", 15, 485, 0.01, "485 of the 500 dialogues that were due (97 %) were not begun, as no handset was free: 3 dialogues/s were offered, not 100.", true},
		{"few were not", 995, 5, 0.01, "5 of the 1,000 dialogues that were due (0.5 %) were not begun", false},
		{"few, and none may be", 995, 5, 0, "(0.5 %)", true},
		{"any may be", 0, 10, 1, "(100 %)", false},
		{"almost all", 1, 1999, 0.01, "(99.9 %)", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := DialogueReport{Rate: 100, Steps: 1, Dialogues: Dialogues{Begun: tt.begun, Missed: tt.missed}}
			if r.Short(tt.gate) != tt.short {
				t.Errorf("short: %v", !tt.short)
			}
			p := read(t, r, Gates{Missed: tt.gate})
			if said := p.says("not begun", tt.short); said != (tt.words != "") || said && !p.says(tt.words, tt.short) {
				t.Errorf("the page says %+v", p.verdicts)
			}
			if tt.short && !p.verdicts[0].Bad {
				t.Error("what is bad comes first")
			}
			var text strings.Builder
			if _, err := r.WriteTo(&text); err != nil || strings.Contains(text.String(), "not begun") != (tt.words != "") || !strings.Contains(text.String(), tt.words) {
				t.Errorf("%v in\n%s", err, text.String())
			}
		})
	}
}

func TestMarksAreRoundAndHaveTheirLabels(t *testing.T) {
	labels := func(ticks []tick) (all []string) {
		for _, t := range ticks {
			all = append(all, t.Label)
		}
		return all
	}
	for _, tt := range []struct {
		got  []tick
		want string
	}{
		{upTo(690).ticks(5, plotBottom, plotTop, ""), "0 200 400 600 800"},
		{upTo(161_700).ticks(5, plotBottom, plotTop, ""), "0 50,000 100,000 150,000 200,000"},
		{upTo(0).ticks(5, plotBottom, plotTop, ""), "0 0.2 0.4 0.6 0.8 1"},
		{axis{high: 10}.ticks(8, plotLeft, plotRight, ""), "0 2 4 6 8 10"},
		{axis{high: 4.3}.ticks(8, plotLeft, plotRight, ""), "0 1 2 3 4"},
		{axis{high: 0.15}.ticks(8, plotLeft, plotRight, ""), "0 0.02 0.04 0.06 0.08 0.1 0.12 0.14"},
		{logarithmic([]float64{1300, 7000}).decades(), "1 ms 2 ms 5 ms 10 ms"},
		{logarithmic([]float64{2000, 2000}).decades(), "2 ms 5 ms 10 ms"},
		{logarithmic([]float64{0, 90, 3e6}).decades(), "10 µs 100 µs 1 ms 10 ms 100 ms 1 s 10 s"},
	} {
		if got := strings.Join(labels(tt.got), " "); got != tt.want {
			t.Errorf("marks %s, want %s", got, tt.want)
		}
	}
	for title, p := range read(t, outage(), Gates{}).plots {
		for label, at := range p.labels {
			if strings.HasSuffix(label, " s") && at[1] == 250 || strings.HasSuffix(label, "%") {
				if !slices.Contains(p.grid, at[0]) {
					t.Errorf("%s: %s has no line at %g", title, label, at[0])
				}
				if half := 5 * float64(len(label)); at[0]+half > 900 { // 10 units a letter on narrow screens
					t.Errorf("%s: %s at %g is cut off", title, label, at[0])
				}
			}
		}
	}
}

func TestDurationsHaveThreeDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 1: "1 ns", 76500: "76.5 µs", 999_600: "1 ms", 1_253_200: "1.25 ms", 345 * time.Millisecond: "345 ms",
		3_116_367_800: "3.12 s", 90 * time.Second: "90 s", 2 * time.Hour: "7,200 s",
	} {
		if got := human(d); got != want {
			t.Errorf("%d ns are %q, want %q", d, got, want)
		}
	}
}
