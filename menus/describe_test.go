package menus

import (
	"slices"
	"testing"
)

func TestFlowNamesEveryScreenAndEveryWay(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	flow := p.Flow("en")
	if len(flow) != len(p.screens) || flow[0].ID != p.Start() || flow[0].Ways[0] != (Way{Name: "send", Label: "Send money", To: "send_to", Option: true}) {
		t.Fatalf("%d screens, the first %+v", len(flow), flow[0])
	}
	ids := map[string]bool{}
	for _, s := range flow {
		ids[s.ID] = true
	}
	for _, s := range flow {
		seen := map[string]bool{}
		for _, w := range s.Ways {
			if !ids[w.To] || seen[w.Name] {
				t.Errorf("%s %+v: unknown screen or repeated name", s.ID, w)
			}
			seen[w.Name] = true
		}
		if len(s.Ways) == 0 && s.Kind != "end" && s.Kind != "message" || len(s.Ways) > 0 && s.Kind == "end" {
			t.Errorf("%s has %d ways", s.ID, len(s.Ways))
		}
	}
	i := slices.IndexFunc(flow, func(s ScreenInfo) bool { return s.ID == "send_pin" })
	if got := flow[i]; got.Text != "Send {amount} to {to} {name}. Fee {fee}. Enter PIN to confirm" || got.Type != "secret" || got.Digits != 4 {
		t.Errorf("%+v", got)
	}
	i = slices.IndexFunc(flow, func(s ScreenInfo) bool { return s.ID == "statement_show" })
	if got := flow[i].Rows; got != "{date} {kind} {direction}{amount} {party}" {
		t.Errorf("%q", got)
	}
}

// What Trace is told must be what Flow lists: coverage is counted by it.
func TestTraceTellsTheWaysThatFlowNames(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	var got []string
	in := Input{Kind: Begin, Customer: "255700000001", Now: testNow,
		Seal:  func(string) ([]byte, error) { return []byte("x"), nil },
		Trace: func(screen, way string) { got = append(got, screen+"/"+way) },
	}
	var st State
	for _, step := range []Input{
		{Kind: Begin}, {Kind: Keys, Text: "5"}, {Kind: Keys, Text: testPIN},
		{Kind: Answer, Result: Result{Outcome: Rejected, Reason: "wrong_pin"}}, {Kind: Keys, Text: testPIN},
		{Kind: Answer, Result: Result{Outcome: Rejected, Reason: "pin_locked"}},
	} {
		in.Kind, in.Text, in.Result = step.Kind, step.Text, step.Result
		turn, err := p.Step(st, in)
		if err != nil {
			t.Fatal(err)
		}
		st = turn.State
	}
	want := []string{"home/balance", "balance_pin/next", "balance_ask/rejected wrong_pin", "balance_pin/next", "balance_ask/rejected"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestReadYAMLKeepsPlacesAndRefusesWhatMenusRefuse(t *testing.T) {
	root, problems := ReadYAML("a.yaml", []byte("a: [1, x]\nb: {c: \"0\"}\n"))
	if len(problems) > 0 || root.Kind != MapNode || !root.Get("a").Items[0].Number || root.Get("b").Get("c").Line != 2 || root.Get("b").Get("c").Col != 8 || root.Get("z") != nil {
		t.Errorf("%+v %v", root, problems)
	}
	if _, problems := ReadYAML("a.yaml", []byte("a: &x 1\nb: *x\n")); len(problems) != 2 {
		t.Errorf("%v", problems)
	}
	p := ProblemAt("a.yaml", []byte("one\ntwo\n"), 2, 2, "code", "message", "fix")
	if p.String() != "a.yaml:2:2: code message\n    two\n     ^\n    fix: fix" {
		t.Error(p.String())
	}
}
