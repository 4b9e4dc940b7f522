package menus

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// samples are the values that a screen's form would be filled with.
func samples(info ScreenInfo) []Value {
	var all []Value
	for _, v := range info.Vars {
		all = append(all, Value{Name: v.Name, Text: v.Sample})
	}
	return all
}

func TestAScreenIsEnteredWithItsSampleValues(t *testing.T) {
	c := wallet(t)
	entered := 0
	for _, menu := range c.Menus() {
		p, _ := c.Program(menu)
		for _, s := range p.Flow("") {
			turn, err := p.Enter(s.ID, samples(s), Input{Customer: "255700000001", Now: testNow})
			if s.Closed != "" {
				if !errors.Is(err, ErrEnter) || !strings.Contains(err.Error(), s.Closed) {
					t.Errorf("%s.%s: %v, although %s", menu, s.ID, err, s.Closed)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s.%s: %v", menu, s.ID, err)
				continue
			}
			entered++
			switch {
			case s.Kind == "fetch":
				if turn.Call == nil || turn.Call.Name != s.Call {
					t.Errorf("%s.%s asks the core %+v", menu, s.ID, turn.Call)
				}
			case s.Kind != "choose" && turn.Screen.ID != s.ID:
				t.Errorf("%s.%s leads to %s", menu, s.ID, turn.Screen.ID)
			}
			if s.File == "" || s.Line < 1 || s.Col < 1 {
				t.Errorf("%s.%s is nowhere: %s:%d:%d", menu, s.ID, s.File, s.Line, s.Col)
			}
		}
	}
	if entered < 80 {
		t.Errorf("only %d screens were entered", entered)
	}
}

func TestADialogueGoesOnFromWhereItWasEntered(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	in := Input{Customer: "255700000001", Now: testNow, Language: "sw",
		Seal: func(string) ([]byte, error) { return []byte("sealed"), nil }}
	turn, err := p.Enter("send_amount", []Value{{Name: "to", Text: "0700 000 002"}}, in)
	if err != nil || turn.Screen.ID != "send_amount" || turn.State.Language() != "sw" {
		t.Fatalf("%+v %v", turn, err)
	}
	in.Kind, in.Text = Keys, "5000"
	turn, err = p.Step(turn.State, in)
	for err == nil && turn.Call != nil && !turn.Call.Action {
		in.Kind, in.Result = Answer, Result{Outcome: Done, Fields: []Value{{Name: "name", Text: "NEEMA"}, {Name: "fee", Text: "50"}}}
		turn, err = p.Step(turn.State, in)
	}
	if err != nil || turn.Screen.ID != "send_pin" || !strings.Contains(turn.Screen.Text, "0700000002 NEEMA") {
		t.Fatalf("%q %v", turn.Screen.Text, err)
	}
	in.Kind, in.Text = Keys, "0"
	if turn, err = p.Step(turn.State, in); err != nil || turn.Screen.ID != "send_amount" {
		t.Fatalf("back leads to %s, %v", turn.Screen.ID, err)
	}
	if turn, err = p.Step(turn.State, in); err != nil || turn.Screen.ID != "home" {
		t.Errorf("and then to %s, %v", turn.Screen.ID, err)
	}
}

func TestEnterRefusesWhatDoesNotFit(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	for _, tc := range []struct {
		name, screen string
		vars         []Value
		want         string
	}{
		{"no such screen", "nowhere", nil, "no screen"},
		{"no such variable", "send_amount", []Value{{Name: "colour", Text: "red"}}, `no variable "colour"`},
		{"a value that is missing", "send_amount", nil, "needs a value of to"},
		{"a number that is none", "send_amount", []Value{{Name: "to", Text: "x"}}, "write it like 0700000002"},
		{"the customer's own number", "send_amount", []Value{{Name: "customer", Text: "255700000009"}}, "no variable"},
		{"where money moves", "send_pay", nil, "money moves here"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := p.Enter(tc.screen, tc.vars, Input{Customer: "255700000001", Now: testNow})
			if !errors.Is(err, ErrEnter) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// edited is the wallet of the shipped catalog with something replaced in it.
func edited(t *testing.T, old, with string) *Program {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"wallet.yaml", "agent.yaml", "self.yaml", "ends.yaml", "status.yaml", "last_balance.yaml", "texts.yaml"} {
		data, err := os.ReadFile("catalog/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "wallet.yaml" {
			if !bytes.Contains(data, []byte(old)) {
				t.Fatalf("the wallet has no %q", old)
			}
			data = bytes.ReplaceAll(data, []byte(old), []byte(with))
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	c, err := Load(files, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Program("wallet")
	return p
}

func TestADialogueIsCarriedIntoAnEditedMenu(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	in := Input{Customer: "255700000001", Now: testNow}
	turn, err := p.Enter("send_amount", []Value{{Name: "to", Text: "0700000002"}}, in)
	if err != nil {
		t.Fatal(err)
	}
	now := edited(t, "Enter amount", "How much")
	st, ok := now.Carry(p, turn.State)
	if !ok {
		t.Fatal("it has no place in the edited menu")
	}
	in.Kind = Show
	shown, err := now.Step(st, in)
	if err != nil || shown.Screen.ID != "send_amount" || !strings.Contains(shown.Screen.Text, "Send to 0700000002. How much") {
		t.Errorf("%q %v", shown.Screen.Text, err)
	}
	if _, ok := edited(t, "send_amount", "send_how_much").Carry(p, turn.State); ok {
		t.Error("it is carried to a screen that is gone")
	}
	if _, ok := p.Carry(now, turn.State); ok {
		t.Error("a state of another revision is carried")
	}
}

func TestADialogueIsShownInEveryLanguage(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	turn, err := p.Enter("send_amount", []Value{{Name: "to", Text: "0700000002"}}, Input{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, lang := range p.Languages() {
		st, ok := p.In(turn.State, lang)
		if !ok {
			t.Fatalf("no %s", lang)
		}
		shown, err := p.Step(st, Input{Kind: Show, Now: testNow})
		if err != nil || shown.Screen.ID != "send_amount" || seen[shown.Screen.Text] {
			t.Errorf("%s: %q %v", lang, shown.Screen.Text, err)
		}
		seen[shown.Screen.Text] = true
	}
	if _, ok := p.In(turn.State, "xx"); ok {
		t.Error("a language that no menu has")
	}
}

// What is measured at its worst is never shorter than what was shown.
func TestTheLongestIsAtLeastWhatTheSamplesMake(t *testing.T) {
	c := wallet(t)
	for _, menu := range c.Menus() {
		p, _ := c.Program(menu)
		for _, s := range p.Flow("") {
			worst := p.Longest(s.ID)
			if (worst == nil) != (s.Call != "" || s.Kind == "choose") {
				t.Errorf("%s.%s: %d lengths of a %s", menu, s.ID, len(worst), s.Kind)
			}
			for i, lang := range p.Languages() {
				if worst == nil || s.Closed != "" {
					continue
				}
				w := worst[i]
				if w.Language != lang || w.UCS2 != (w.Because != "") || w.Pages == 1 && w.Units > w.Limit {
					t.Errorf("%s.%s: %+v", menu, s.ID, w)
				}
				turn, err := p.Enter(s.ID, samples(s), Input{Language: lang, Customer: "255700000001", Now: testNow})
				if err != nil {
					t.Fatal(err)
				}
				if n := cost([]byte(turn.Screen.Text), w.UCS2); w.Pages == 1 && n > w.Units {
					t.Errorf("%s.%s in %s takes %d, at its worst %d:\n%s", menu, s.ID, lang, n, w.Units, turn.Screen.Text)
				}
			}
		}
	}
	if p, _ := c.Program("wallet"); p.Longest("nowhere") != nil {
		t.Error("a screen that is not there has a length")
	}
}
