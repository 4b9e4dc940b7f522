package menus

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// FuzzShipped plays random dialogues over every shipped menu: whatever is typed and answered, talk.check
// holds at every turn.
func FuzzShipped(f *testing.F) {
	f.Add([]byte("1\x000700000002\x005000\x00"), byte(0))
	f.Add([]byte("\x8112\x83\x84"), byte(3))
	f.Add([]byte("3\x004\x00123456\x00\x811\x00INV\x002000\x00\x818642\x00\x82"), byte(6))
	f.Add([]byte("9\x009\x009\x009\x009\x009\x00"), byte(1))
	f.Add([]byte("6\x008642\x00\x8198\x0000\x00"), byte(2))
	f.Add([]byte("1\x00०७१\xff\xfe\x00😀\x00"), byte(7))
	f.Add([]byte("1\x000700000002\x0020000\x00\x818642\x00\x81"), byte(0x40))
	f.Add([]byte("6\x008642\x00\x811\x00"), byte(0x40))
	f.Add([]byte("1\x002\x001\x008642\x00\x81"), byte(0x80))
	c := wallet(f)
	names := c.Menus()
	f.Fuzz(func(t *testing.T, data []byte, mode byte) {
		p, _ := c.Program(names[int(mode>>6)%len(names)])

		k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{}}
		k.limits = []Limits{{}, {Septets: 160, UCS2: 70}, {Septets: MinSeptets, UCS2: MinUCS2}, {Septets: 100, UCS2: 40}}[mode&3]
		if mode&4 != 0 {
			for i := range callDefs {
				k.down[callDefs[i].name] = Unavailable{}
				if i%2 == 0 {
					k.down[callDefs[i].name] = Unavailable{Until: testNow.Add(time.Hour)}
				}
			}
		}
		in := k.input(Begin)
		if mode&8 != 0 {
			in.Language = []string{"sw", "fr", "am", "en"}[mode>>4&3]
		}
		k.step(in)
		k.random(data)
	})
}

// random plays data: keys ended by NUL, and one octet for each answer of the
// core.
func (k *talk) random(data []byte) {
	k.t.Helper()
	calls := 0
	for len(data) > 0 && !k.turn.End {
		if k.turn.Call != nil {
			if calls++; calls > 4 {
				k.t.Fatal("more than four calls without a screen between them")
			}
			b := data[0]
			data = data[1:]
			in := k.input(Answer)
			in.Result = randomResult(b)
			k.step(in)
			continue
		}
		calls = 0
		var word []byte
		word, data, _ = bytes.Cut(data, []byte{0})
		if k.turn.Screen.Secret && len(word) > 2 {
			word = []byte(testPIN)
		} else if strings.Contains(string(word), testPIN) {
			continue // typed as an amount it would be shown
		}
		in := k.input(Keys)
		in.Text = Typed(word)
		k.step(in)
	}
}

// randomResult is an answer as the core may give it, or may not.
func randomResult(b byte) Result {
	r := Result{Outcome: Outcome(b%4 + 1), Ref: "R" + strings.Repeat("x", int(b>>5)*9), Reason: reasonCodes[int(b>>2)%len(reasonCodes)]}
	name := []string{"ASHA", "", "a\nb\x1f\x1e\x00", strings.Repeat("Ǆ long ", 40), "😀😀", "\xff"}[int(b>>3)%6]
	r.Fields = []Value{{Name: "name", Text: name}, {Name: "fee", Text: []string{"50", "x", "-1.5"}[int(b>>4)%3]}, {Name: "balance", Text: "123456789"}}
	if b&1 != 0 {
		for range int(b >> 3) {
			r.Rows = append(r.Rows, []Value{{Name: "kind", Text: name}, {Name: "amount", Text: "1"}, {Name: "date", Text: "2026-11-23T18:20:00+03:00"}})
		}
		r.Until = testNow.Add(time.Duration(b) * time.Hour)
	}
	return r
}

// FuzzState feeds damaged states: an error or a state that steps.
func FuzzState(f *testing.F) {
	p, _ := wallet(f).Program("wallet")
	k := &talk{t: f, p: p, visited: map[string]bool{}}
	k.begin("en")
	f.Add(k.state)
	for word := range strings.SplitSeq("1|0700000002|5000|@done name=ASHA JUMA|@done fee=50|8642|@wrong_pin", "|") {
		k.do(word)
		f.Add(k.state)
	}
	f.Add(append(k.state, 1, 3, 's', 'm', 's', fieldScreen|1, 0)) // of a later release
	f.Fuzz(func(t *testing.T, data []byte) {
		var st State
		if err := st.UnmarshalBinary(data); err != nil {
			return
		}
		b, err := st.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var again State
		if err := again.UnmarshalBinary(b); err != nil {
			t.Fatalf("its own encoding does not decode: %v", err)
		}
		for _, kind := range []InputKind{Show, Keys, Answer} {
			in := Input{Kind: kind, Text: "1", Result: Result{Outcome: Done}, Seal: func(string) ([]byte, error) { return []byte("s"), nil }}
			turn, err := p.Step(st, in)
			if err == nil && turn.Call == nil && cost([]byte(turn.Screen.Text), turn.Screen.UCS2) > 182 {
				t.Fatalf("too long: %q", turn.Screen.Text)
			}
		}
	})
}

// FuzzLoad feeds any text to the loader: problems, never a panic.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(okMenu))
	f.Add([]byte("menu: [\n"))
	f.Add([]byte("menu: a\nscreens: {a: {kind: fetch, call: fee, with: [], on: 3, save: x}}\n"))
	texts := textsFile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []*file{{name: "m.yaml", data: data}, {name: "texts.yaml", data: texts}}
		c, err := load(files, DefaultEnv())
		if err != nil {
			return
		}
		for _, name := range c.Menus() {
			p, _ := c.Program(name)
			if _, err := p.Step(State{}, Input{Kind: Begin}); err != nil {
				t.Fatalf("a menu that loaded does not begin: %v", err)
			}
		}
	})
}
