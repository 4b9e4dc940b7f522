package menutest_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"nyota/menus"
	"nyota/menus/menutest"
)

// transfer is a dialogue with the shipped wallet, in which the core refuses the
// first PIN.
func transfer() menutest.Recording {
	name := menutest.Answered{Asked: "send_name", Call: "account_name", Result: menus.Result{Outcome: menus.Done, Fields: []menus.Value{{Name: "name", Text: "NEEMA \"N\" MUSHI"}}}}
	fee := menutest.Answered{Asked: "send_fee", Call: "fee", Result: menus.Result{Outcome: menus.Done, Fields: []menus.Value{{Name: "fee", Text: "50"}}}}
	refused := menutest.Answered{Asked: "send_pay", Call: "transfer", Sent: true, Result: menus.Result{Outcome: menus.Rejected, Reason: "wrong_pin"}}
	done := menutest.Answered{Asked: "send_pay", Call: "transfer", Sent: true, Result: menus.Result{Outcome: menus.Done, Ref: "0E1234",
		Fields: []menus.Value{{Name: "balance", Text: "994950"}, {Name: "fee", Text: "50"}, {Name: "colour", Text: "red"}}}}
	return menutest.Recording{
		Language: "fr", Customer: "255700000001", Now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
		Steps: []menutest.Pressed{
			{Text: "*150*00#", Screen: "home"},
			{Text: "1", Screen: "send_to"},
			{Text: "0700000002", Screen: "send_amount"},
			{Text: "5000", Answers: []menutest.Answered{name, fee}, Screen: "send_pin"},
			{Text: "x", Screen: "send_pin"},
			{Secret: 1, Answers: []menutest.Answered{refused}, Screen: "send_pin"},
			{Secret: 2, Answers: []menutest.Answered{done}, Screen: "sent", End: true},
		},
	}
}

// passes loads a recorded file as gateway test does, and runs it.
func passes(t *testing.T, catalog *menus.Catalog, data []byte) {
	t.Helper()
	s, err := menutest.Load(fstest.MapFS{"recorded.test.yaml": {Data: data}}, catalog)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	for _, r := range s.Run(nil).Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s\n%s", r.Name, f.Message, data)
		}
	}
}

func TestARecordedDialogueIsATestThatPasses(t *testing.T) {
	c := shipped(t)
	data, err := menutest.Record(c, transfer(), transfer())
	if err != nil {
		t.Fatal(err)
	}
	passes(t, c, data)
	for _, want := range []string{
		`- name: "dial *150*00#, press 1, 0700000002, 5000, x, secret, secret2"` + "\n", `secret2 (2)"`,
		"    language: fr\n", `now: "2026-11-24T10:00:00Z"`, "- press: secret\n", "- press: secret2\n",
		"send_pay:\n        - {rejected: wrong_pin}\n        - {done: {ref: \"0E1234\"", "ends: true", "text: |-\n            ",
		`NEEMA \"N\" MUSHI`, "customer:\n        - \"QK7T2M", "payee: \"0E1234",
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %q in\n%s", want, data)
		}
	}
	if strings.Contains(string(data), "colour") {
		t.Error("it names a result that menus do not know")
	}
}

func TestWhatTheCoreSaysIsRecorded(t *testing.T) {
	c := shipped(t)
	begin := []menutest.Pressed{{Text: "*150*00#", Screen: "home"}}
	statement := menus.Result{Outcome: menus.Done, Rows: [][]menus.Value{
		{{Name: "date", Text: "2026-11-20T08:00:00Z"}, {Name: "kind", Text: "transfer"}, {Name: "amount", Text: "5000"}, {Name: "direction", Text: "out"}, {Name: "ref", Text: "QK1"}},
		{{Name: "date", Text: "2026-11-19T08:00:00Z"}, {Name: "amount", Text: "100"}, {Name: "direction", Text: "in"}},
	}}
	for _, tc := range []struct {
		name string
		rec  menutest.Recording
		want string
	}{
		{"a statement's rows", menutest.Recording{Steps: append(begin[:1:1], menutest.Pressed{Text: "6", Screen: "statement_pin"},
			menutest.Pressed{Secret: 1, Answers: []menutest.Answered{{Asked: "statement_ask", Call: "statement", Result: statement}}, Screen: "statement_show"})},
			`rows: [{date: "2026-11-20T08:00:00Z", kind: "transfer"`},
		{"a read that nobody answered", menutest.Recording{Steps: append(begin[:1:1], menutest.Pressed{Text: "5", Screen: "balance_pin"},
			menutest.Pressed{Secret: 1, Answers: []menutest.Answered{{Asked: "balance_ask", Call: "balance", Result: menus.Result{Outcome: menus.Down}}}, Screen: "balance_away"})},
			"balance_ask: unavailable"},
		{"what cannot be chosen", menutest.Recording{Steps: begin, Down: map[string]menus.Unavailable{"transfer": {Until: time.Date(2026, 11, 24, 21, 30, 0, 0, time.UTC)}, "billpay": {}}},
			"down:\n      billpay: null\n      transfer: \"2026-11-24T21:30:00Z\"\n"},
		{"what was very busy", menutest.Recording{Steps: begin, Busy: map[string]bool{"transfer": true, "billpay": true}}, "busy: [billpay, transfer]\n"},
		{"a dialogue from the middle", menutest.Recording{At: "send_amount", With: []menus.Value{{Name: "to", Text: "0700000002"}}, Steps: []menutest.Pressed{{Text: "*150*00#", Screen: "send_amount"}, {Text: "0", Screen: "home"}}},
			"at: send_amount\n        with:\n          to: \"0700000002\"\n"},
		{"a shortcut", menutest.Recording{Steps: []menutest.Pressed{{Text: "*150*00*1#", Screen: "send_to"}}}, `dial: "*150*00*1#"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.rec.Customer, tc.rec.Now = "255700000001", time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
			data, err := menutest.Record(c, tc.rec)
			if err != nil {
				t.Fatal(err)
			}
			passes(t, c, data)
			if !strings.Contains(string(data), tc.want) {
				t.Errorf("no %q in\n%s", tc.want, data)
			}
		})
	}
}

func TestADialogueThatMakesNoTestIsRefused(t *testing.T) {
	c := shipped(t)
	for _, tc := range []struct {
		name string
		with func(*menutest.Recording)
		want string
	}{
		{"nothing", func(r *menutest.Recording) { r.Steps = nil }, "nothing was dialled"},
		{"three secrets", func(r *menutest.Recording) { r.Steps[6].Secret = 3 }, "two different secrets"},
		{"another way than it went", func(r *menutest.Recording) { r.Steps[2].Screen = "airtime_for" }, "step 3 came to the screen airtime_for and leads to send_amount"},
		{"a code of no menu", func(r *menutest.Recording) { r.Steps[0].Text = "*9#" }, "no menu opens with *9#"},
		{"an answer of nobody", func(r *menutest.Recording) { r.Steps[3].Answers[0].Call = "" }, "before the gateway's restart"},
		{"a PIN", func(r *menutest.Recording) { r.Steps[5] = menutest.Pressed{Text: "1234", Screen: "send_pin"} }, "press secret instead"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := transfer()
			tc.with(&r)
			if title := r.Title(); strings.Contains(title, "1234") != (tc.name == "a PIN") { // the phone shows it all the same
				t.Errorf("title %q", title)
			}
			if _, err := menutest.Record(c, r); !errors.Is(err, menutest.ErrRecording) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func ExampleRecord() {
	c, err := menus.Load(os.DirFS("../catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := menutest.Record(c, menutest.Recording{
		Name: "the balance is one dial away", Customer: "255700000001", Language: "en", Now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
		Steps: []menutest.Pressed{{Text: "*150*00*5#", Screen: "balance_pin"}},
	})
	fmt.Printf("%s%v\n", data, err)
	// Output:
	// # Recorded with the phone.
	// cases:
	//   - name: "the balance is one dial away"
	//     language: en
	//     customer: "255700000001"
	//     now: "2026-11-24T10:00:00Z"
	//     steps:
	//       - dial: "*150*00*5#"
	//         expect:
	//           screen: balance_pin
	//           text: |-
	//             Balance. Enter PIN
	//             0 Back
	// <nil>
}
