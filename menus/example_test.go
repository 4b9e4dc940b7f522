package menus_test

import (
	"errors"
	"fmt"
	"os"
	"testing/fstest"

	"nyota/menus"
)

func Example() {
	catalog, err := menus.Load(os.DirFS("catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	wallet, _, _ := catalog.Dial("*150*00#")
	turn, _ := wallet.Step(menus.State{}, menus.Input{Kind: menus.Begin, Customer: "255700000001", Language: "sw"})
	turn, _ = wallet.Step(turn.State, menus.Input{Kind: menus.Keys, Text: "1", Customer: "255700000001"})
	fmt.Println(turn.Screen.Text)
	// Output:
	// Tuma pesa. Weka namba ya simu ya mpokeaji
	// 0 Rudi
}

func ExampleLoad_problems() {
	_, err := menus.Load(fstest.MapFS{"broken.yaml": {Data: []byte("menu: shop\ncodes: [*150*55#]\nlanguages: [en]\nstart: home\nscreens:\n  home: {kind: end, text: {en: 00}}\n")}}, menus.DefaultEnv())
	var problems menus.Problems
	if errors.As(err, &problems) {
		fmt.Println(problems[0])
	}
	// Output:
	// broken.yaml:2:9: code-unquoted YAML takes *150*55# for an alias, not for a code
	//     codes: [*150*55#]
	//             ^
	//     fix: write "*150*55#"
}

func ExampleProgram_Step_call() {
	catalog, err := menus.Load(os.DirFS("catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	wallet, _ := catalog.Program("wallet")
	seal := func(secret string) ([]byte, error) { return []byte("sealed"), nil }
	turn, _ := wallet.Step(menus.State{}, menus.Input{Kind: menus.Begin})
	for _, key := range []menus.Typed{"5", "1234"} {
		turn, _ = wallet.Step(turn.State, menus.Input{Kind: menus.Keys, Text: key, Seal: seal})
	}
	fmt.Println(turn.Call.Name, turn.Call.Deadline)
	answer := menus.Result{Outcome: menus.Done, Fields: []menus.Value{{Name: "balance", Text: "994950"}}}
	turn, _ = wallet.Step(turn.State, menus.Input{Kind: menus.Answer, Result: answer})
	fmt.Println(turn.Screen.Text)
	// Output:
	// balance 4s
	// Your balance is TZS 994,950.
	// 0 Back
}

func ExampleProgram_Notice() {
	catalog, err := menus.Load(os.DirFS("catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	wallet, _ := catalog.Program("wallet")
	vars := []menus.Value{{Name: "customer", Text: "255700000001"}, {Name: "to", Text: "255700000002"}, {Name: "amount", Text: "5000"}}
	text, _ := wallet.Notice("send_pay", menus.RolePayee, "en", menus.Done, vars, menus.Result{Ref: "QK7T2M"})
	fmt.Println(text)
	// Output:
	// QK7T2M confirmed. You received TZS 5,000 from 0700000001.
}

func ExampleCatalog_Text() {
	catalog, err := menus.Load(os.DirFS("catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(catalog.Text("session_expired", "en", menus.Value{Name: "code", Text: "*150*00#"}))
	// Output:
	// Your session has ended. Please dial *150*00# again.
}

func ExampleState_MarshalBinary() {
	catalog, err := menus.Load(os.DirFS("catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	wallet, _ := catalog.Program("wallet")
	turn, _ := wallet.Step(menus.State{}, menus.Input{Kind: menus.Begin, Language: "sw"})
	stored, _ := turn.State.MarshalBinary()
	var state menus.State
	if err := state.UnmarshalBinary(stored); err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(stored), state.Language(), state.Waiting())
	// Output:
	// 17 sw false
}

func ExampleProgram_Enter() {
	catalog, err := menus.Load(os.DirFS("catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	wallet, _ := catalog.Program("wallet")
	turn, err := wallet.Enter("send_amount", []menus.Value{{Name: "to", Text: "0700000002"}}, menus.Input{Language: "fr"})
	fmt.Println(turn.Screen.ID, turn.State.Language(), err)
	_, err = wallet.Enter("send_amount", nil, menus.Input{})
	fmt.Println(err)
	// Output:
	// send_amount fr <nil>
	// menus: nobody can enter there: the screen send_amount needs a value of to
}

// What operators want said is checked as menus are.
func ExampleCatalog_Announcement() {
	c, err := menus.Load(os.DirFS("catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Announcement(map[string]string{"am": "ዝግ ነው።", "en": "Closed till {untill}.", "fr": "Fermé.", "sw": "Imefungwa."}, true)
	fmt.Println(err)
	// Output:
	// text en:1:13: unknown-variable there is no {untill} here
	//     Closed till {untill}.
	//                 ^
	//     fix: did you mean "until"?
}
