package menus

import (
	"fmt"
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
