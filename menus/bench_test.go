package menus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// BenchmarkStep measures typical steps of the shipped wallet: the budget of one
// is 1.5 us and 3 allocations.
func BenchmarkStep(b *testing.B) {
	p, _ := wallet(b).Program("wallet")
	in := Input{
		Kind: Begin, Customer: "255700000001", Now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
		Seal: func(string) ([]byte, error) { return []byte("sealed"), nil },
		Down: func(string) (Unavailable, bool) { return Unavailable{}, false },
	}
	step := func(st State, in Input) State {
		turn, err := p.Step(st, in)
		if err != nil {
			b.Fatal(err)
		}
		return turn.State
	}
	keys := func(text string) Input {
		k := in
		k.Kind, k.Text = Keys, Typed(text)
		return k
	}
	home := step(State{}, in)
	to := step(home, keys("1"))
	amount := step(to, keys("0700000002"))
	for _, c := range []struct {
		name string
		st   State
		in   Input
	}{
		{"begin", State{}, in},
		{"option", home, keys("1")},
		{"msisdn", to, keys("0700000002")},
		{"back", amount, keys("0")},
		{"wrong", home, keys("77")},
		{"money-and-call", amount, keys("5000")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Step(c.st, c.in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkState measures what a step costs a store: encoding and decoding.
func BenchmarkState(b *testing.B) {
	st := State{program: 7, screen: 12, depth: 3, lang: "sw", vars: []string{"", "", "", "", "255700000002", "5000", "ASHA JUMA"}}
	b.ReportAllocs()
	buf := make([]byte, 0, 256)
	for b.Loop() {
		buf, _ = st.AppendBinary(buf[:0])
		var back State
		if err := back.UnmarshalBinary(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConditions measures a screen with conditions and a choose.
func BenchmarkConditions(b *testing.B) {
	p, _ := club(b).Program("club")
	in := Input{Kind: Begin, Customer: "255700000001", Now: testNow}
	b.Run("hidden-option", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Step(State{}, in); err != nil {
				b.Fatal(err)
			}
		}
	})
	k := &talk{t: b, p: p, visited: map[string]bool{}}
	k.begin("en")
	k.play("2|0700000002|@done name=ASHA")
	st, keys := k.turn.State, k.input(Keys)
	keys.Text = "5000"
	b.Run("choose", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Step(st, keys); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// manyScreens is a menu with n screens, in a chain.
func manyScreens(n int) fstest.MapFS {
	var s strings.Builder
	s.WriteString("menu: big\ncodes: [\"*7#\"]\nlanguages: [en, sw]\nstart: s0\nscreens:\n")
	for i := range n {
		fmt.Fprintf(&s, "  s%d:\n    kind: menu\n    text: {en: \"Screen %d\", sw: \"Ukurasa %d\"}\n    options:\n      - {id: a, label: {en: Next, sw: Mbele}, go: s%d}\n", i, i, i, (i+1)%n)
	}
	return fstest.MapFS{"big.yaml": {Data: []byte(s.String())}}
}

// BenchmarkLoad loads 10,000 screens: the budget is 500 ms.
func BenchmarkLoad(b *testing.B) {
	fsys := manyScreens(10_000)
	fsys["texts.yaml"] = &fstest.MapFile{Data: textsFile(b)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(fsys, DefaultEnv()); err != nil {
			b.Fatal(err)
		}
	}
}

// manyNames is a menu with n screens that begin with 200 variables; every text
// and condition is of such a variable, whose name ends in suffix.
func manyNames(n int, suffix string) string {
	var s strings.Builder
	s.WriteString("menu: big\ncodes: [\"*7#\"]\nlanguages: [en, sw]\nstart: s0\nscreens:\n")
	s.WriteString("  s0: {kind: message, text: {en: A, sw: A}, options: [{id: a, label: {en: A, sw: B}, go: v0}]}\n")
	for i := range 200 {
		next := fmt.Sprintf("v%d", i+1)
		if i == 199 {
			next = "s1"
		}
		fmt.Fprintf(&s, "  v%d: {kind: input, text: {en: A, sw: A}, var: variable_%d, type: text, next: %s}\n", i, i, next)
	}
	for i := 1; i <= n; i++ {
		name := fmt.Sprintf("variable_%d%s", i%200, suffix)
		fmt.Fprintf(&s, "  s%d:\n    kind: menu\n    text: {en: \"{%s}\", sw: \"{%s}\"}\n    options:\n      - {id: a, label: {en: Next, sw: Mbele}, go: s%d}\n      - {id: b, label: {en: End, sw: Mwisho}, go: s1, when: '%s == \"x\"'}\n", i, name, name, i%n+1, name)
	}
	return s.String()
}

// BenchmarkLoadConditions loads 10,000 screens, each with a condition on one of
// 200 variables.
func BenchmarkLoadConditions(b *testing.B) {
	fsys := fstest.MapFS{"big.yaml": {Data: []byte(manyNames(10_000, ""))}, "texts.yaml": {Data: textsFile(b)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(fsys, DefaultEnv()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadProblems loads 10,000 screens with something wrong in each, or in
// one of them so that the file is no YAML: all is to be reported in a second.
func BenchmarkLoadProblems(b *testing.B) {
	for _, c := range []struct {
		code, old, changed string
		times              int // of the change; -1: everywhere
	}{
		{"unknown-screen", "go: s", "go: t", -1},
		{"missing-translation", ", sw: Mbele", "", -1},
		{"unknown-variable", `en: "Screen`, `en: "{who}`, -1},
		{"unknown-key", "{id: a", "{idd: a, id: a", -1},
		{"unknown-kind", "kind: menu", "kind: manu", -1},
		{"duplicate-key", "    kind: menu\n", "    kind: menu\n    kind: menu\n", -1},
		{"code-unquoted", "en: Next", "en: *150*00#", -1},
		{"bad-condition", "{id: a", "{when: 'customer >', id: a", -1},
		{"no-sure-option", "{id: a", "{when: 'customer == \"1\"', id: a", -1},
		{"unknown-call", "{id: a", "{needs: transfr, id: a", -1},
		{"yaml-syntax", `Screen 9000"`, `Screen 9000`, 1},
		{"unset-variable", "go: v0}]", "go: s1}, {id: b, label: {en: A, sw: A}, go: v0}]", 1},
		{"unknown-variable-of-200", "", "", 0},
	} {
		b.Run(c.code, func(b *testing.B) {
			fsys := manyScreens(10_000)
			switch code, _, many := strings.Cut(c.code, "-of-"); {
			case many:
				c.code, fsys["big.yaml"].Data = code, []byte(manyNames(10_000, "_"))
			case c.code == "unset-variable":
				fsys["big.yaml"].Data = []byte(manyNames(10_000, ""))
			}
			fsys["big.yaml"].Data = []byte(strings.Replace(string(fsys["big.yaml"].Data), c.old, c.changed, c.times))
			fsys["texts.yaml"] = &fstest.MapFile{Data: textsFile(b)}
			b.ReportAllocs()
			for b.Loop() {
				_, err := Load(fsys, DefaultEnv())
				var ps Problems
				if !errors.As(err, &ps) || !slices.ContainsFunc(ps, func(p Problem) bool { return p.Code == c.code }) {
					b.Fatalf("%d problems, none of them %s", len(ps), c.code)
				}
				b.ReportMetric(float64(len(ps)), "problems")
			}
		})
	}
}
