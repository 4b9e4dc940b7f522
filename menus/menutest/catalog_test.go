package menutest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"nyota/menus"
	"nyota/menus/menutest"
)

// shipped is the catalog that the gateway comes with.
func shipped(t testing.TB) *menus.Catalog {
	t.Helper()
	c, err := menus.Load(os.DirFS("../catalog"), menus.DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheShippedTestsPassAndReachEverything(t *testing.T) {
	suite, err := menutest.Load(os.DirFS("../catalog"), shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	report := suite.Run(nil)
	var b strings.Builder
	if err := report.WriteFailures(&b, ""); err != nil {
		t.Fatal(err)
	}
	if report.Failed() > 0 || len(report.Results) < 50 {
		t.Errorf("%d of %d fail:\n%s", report.Failed(), len(report.Results), b.String())
	}
	for _, c := range report.Coverage {
		if len(c.Screens.Missed)+len(c.Options.Missed)+len(c.Outcomes.Missed) > 0 {
			t.Errorf("no test reaches %v %v %v", c.Screens.Missed, c.Options.Missed, c.Outcomes.Missed)
		}
	}
}

// one is a suite of one file.
func one(t testing.TB, text string) (*menutest.Suite, error) {
	t.Helper()
	return menutest.Load(fstest.MapFS{"a.test.yaml": {Data: []byte(text)}}, shipped(t))
}

const head = "core: {fee: {done: {fee: 50}}, account_name: {done: {name: ASHA}}}\ncases:\n  - name: one\n"

func TestWhatATestFileMayNotSayIsRefusedWithItsPlace(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", "case: []\n", `a.test.yaml:1:1: unknown-key a test file has no key "case"`},
		{"no cases", "language: en\n", `a.test.yaml:1:1: missing-key a test file needs "cases", a list`},
		{"an unknown key of a step", head + "    steps:\n      - {dial: \"*150*00#\", expects: x}\n", `a.test.yaml:5:28: unknown-key a step has no key "expects"`},
		{"a code without quotes", head + "    steps:\n      - dial: *150*00#\n", `a.test.yaml:5:15: code-unquoted`},
		{"a key that YAML would change", head + "    steps:\n      - {dial: \"*150*00#\"}\n      - press: 00\n", `a.test.yaml:6:16: number-unquoted`},
		{"a number that YAML would change", head + "    steps:\n      - {dial: \"*150*00#\"}\n      - press: 0772123456\n", `a.test.yaml:6:16: number-unquoted`},
		{"a hash without quotes", head + "    steps:\n      - {dial: \"*150*00#\"}\n      - press: #\n", `a.test.yaml:6:`},
		{"a comma without quotes", head + "    steps:\n      - {dial: \"*150*00#\", expect: {contains: TZS 5,000}}\n", `a text with a comma in it must be in quotes`},
		{"an unknown screen", head + "    steps:\n      - {dial: \"*150*00#\", expect: {screen: hom}}\n", `did you mean "home"?`},
		{"an unknown code", head + "    steps:\n      - dial: \"*9#\"\n", `unknown-code no menu opens with *9#`},
		{"an unknown call", head + "    core: {transfers: done}\n    steps:\n      - dial: \"*150*00#\"\n", `did you mean "transfer"?`},
		{"an unknown reason", head + "    core: {transfer: {rejected: poor}}\n    steps:\n      - dial: \"*150*00#\"\n", `unknown-reason the core never refuses with "poor"`},
		{"a reading without an outcome", head + "    core: {fee: unknown}\n    steps:\n      - dial: \"*150*00#\"\n", `fee only reads: its answer is never unknown`},
		{"an unknown field", head + "    core: {transfer: {done: {balanse: 1}}}\n    steps:\n      - dial: \"*150*00#\"\n", `did you mean "balance"?`},
		{"no dial", head + "    steps:\n      - press: \"1\"\n", `bad-step nothing was dialled yet`},
		{"dial and press", head + "    steps:\n      - {dial: \"*150*00#\", press: \"1\"}\n", `bad-step a step has either dial or press`},
		{"an unknown language", head + "    language: xx\n    steps:\n      - dial: \"*150*00#\"\n", `unknown-language no menu has the language "xx"`},
		{"an exact text in two languages", head + "    language: [en, sw]\n    steps:\n      - {dial: \"*150*00#\", expect: x}\n", `an exact text cannot be right in several languages`},
		{"a bad pattern", head + "    steps:\n      - {dial: \"*150*00#\", expect: {matches: \"(\"}}\n", `bad-pattern`},
		{"two cases of one name", head + "    steps: [{dial: \"*150*00#\"}]\n  - name: one\n    steps: [{dial: \"*150*00#\"}]\n", `duplicate-case the case in line 3 has this name too`},
		{"at without a dial", head + "    steps:\n      - {dial: \"*150*00#\"}\n      - {press: \"1\", at: home}\n", `bad-step at and with belong to a dial`},
		{"at a screen of another menu", head + "    steps:\n      - {dial: \"*150*00#\", at: deposit_to}\n", `the menu wallet has no screen "deposit_to"`},
		{"an alias", "cases: &a []\n", `yaml-feature`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := one(t, tt.text)
			var ps menus.Problems
			if !errors.As(err, &ps) || !strings.Contains(ps.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestAFailureSaysWhereAndShowsBothPhones(t *testing.T) {
	for _, tt := range []struct{ name, steps, want string }{
		{"another text", "{dial: \"*150*00#\", expect: Wallet}", "the screen home differs"},
		{"a part that is missing", "{dial: \"*150*00#\", expect: {contains: Wallet}}", `does not contain "Wallet"`},
		{"a part that should not be there", "{dial: \"*150*00#\", expect: {lacks: Nyota}}", `contains "Nyota"`},
		{"a pattern", "{dial: \"*150*00#\", expect: {matches: ^X}}", "does not match ^X"},
		{"another screen", "{dial: \"*150*00#\", expect: {screen: sent}}", "the screen is home, not sent"},
		{"an end that did not come", "{dial: \"*150*00#\", expect: {ends: true}}", "the dialogue did not end"},
		{"a PIN in a test", "{dial: \"*150*00#\"}, {press: [\"5\", \"1234\"]}", "a test holds no PIN"},
		{"a call without an answer", "{dial: \"*150*00#\"}, {press: [\"5\", secret]}", "and has no answer: add core: {balance_ask: done}"},
		{"a key after the end", "{dial: \"*150*00#\"}, {press: [\"9\", \"9\", \"9\", \"9\", \"9\", \"1\"]}", "the dialogue is over"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			suite, err := one(t, head+"    steps: ["+tt.steps+"]\n")
			if err != nil {
				t.Fatal(err)
			}
			report := suite.Run(nil)
			var b strings.Builder
			if err := report.WriteFailures(&b, "dir/"); err != nil {
				t.Fatal(err)
			}
			if report.Failed() != 1 || !strings.Contains(b.String(), tt.want) || !strings.Contains(b.String(), "dir/a.test.yaml:4:") {
				t.Errorf("got %q, want %q", b.String(), tt.want)
			}
			if ps := report.Problems(); len(ps) == 0 || ps[0].Line != 4 || ps[0].Code != "test-failed" {
				t.Errorf("problems: %v", ps)
			}
		})
	}
}

func TestSMSAndAnswersThatNobodyExpectedAreFailures(t *testing.T) {
	const steps = "    steps: [{dial: \"*150*00#\"}, {press: [\"1\", \"0700000002\", \"5000\", secret]}]\n"
	for _, tt := range []struct{ name, text, want string }{
		{"an SMS too many", "    core: {transfer: done}\n    sms: {customer: {contains: sent}}\n", "the SMS to the payee was sent, and is not expected"},
		{"an SMS too few", "    core: {transfer: unknown}\n    sms: {customer: {contains: sent}}\n", "the SMS to the customer was not sent"},
		{"an answer too many", "    core: {transfer: [done, done]}\n", "the core was asked transfer 1 times: not all of its answers were needed"},
		{"an answer that nobody asked for", "    core: {transfer: done, balance: done}\n", "the core was asked balance 0 times"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			suite, err := one(t, head+tt.text+steps)
			if err != nil {
				t.Fatal(err)
			}
			if ps := suite.Run(nil).Problems(); len(ps) != 1 || !strings.Contains(ps[0].Message, tt.want) {
				t.Errorf("got %v, want %q", ps, tt.want)
			}
		})
	}
}

func TestUpdateWritesExactTextsAndNothingElse(t *testing.T) {
	const before = `# kept
core: {balance: {done: {balance: 7}}}
cases:
  - name: one   # kept too
    language: en
    steps:
      - dial: "*150*00#"
        expect: "?"
      - {press: ["5", secret], expect: {screen: balance_show, text: 'it''s'}}

      - press: "0"
        expect: |
          old

          text

      - press: "8"
        expect: old
`
	fsys := fstest.MapFS{"a.test.yaml": {Data: []byte(before)}}
	suite, err := menutest.Load(fsys, shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	files, err := suite.Updated(suite.Run(nil))
	if err != nil {
		t.Fatal(err)
	}
	after := files["a.test.yaml"]
	for _, want := range []string{"# kept\n", "one   # kept too\n", "        expect: |-\n          Nyota Pesa\n          1 Send money\n", `text: "Your balance is TZS 7.\n0 Back"}}` + "\n\n      - press"} {
		if !bytes.Contains(after, []byte(want)) {
			t.Errorf("no %q in:\n%s", want, after)
		}
	}
	fsys["a.test.yaml"].Data = after
	if suite, err = menutest.Load(fsys, shipped(t)); err != nil {
		t.Fatalf("%v\n%s", err, after)
	}
	report := suite.Run(nil)
	if files, err := suite.Updated(report); err != nil || len(files) > 0 || report.Failed() > 0 {
		t.Errorf("the second run: %v, %d files, %v", err, len(files), report.Problems())
	}
}

func TestOnlyCasesWhoseNamesMatchAreRun(t *testing.T) {
	suite, err := one(t, "cases:\n  - {name: aa, language: [en, sw], steps: [{dial: \"*150*00#\"}]}\n  - {name: bb, steps: [{dial: \"*150*00#\"}]}\n")
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]int{"": 3, "aa": 2, `aa \[sw\]`: 1, "^b": 1, "zz": 0} {
		if got := len(suite.Run(regexp.MustCompile(pattern)).Results); got != want {
			t.Errorf("%q runs %d cases, want %d", pattern, got, want)
		}
	}
	if suite.Cases() != 2 {
		t.Errorf("%d cases", suite.Cases())
	}
}

func TestJUnitCountsAndShowsFailures(t *testing.T) {
	suite, err := one(t, head+"    steps: [{dial: \"*150*00#\", expect: \"<Wallet>\"}]\n")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := suite.Run(nil).WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<testsuites tests="1" failures="1">`, `<testcase name="one" classname="a" file="a.test.yaml" line="3">`, `&lt;Wallet&gt;`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

func TestCoverageNamesWhatNoTestReaches(t *testing.T) {
	suite, err := one(t, head+"    steps: [{dial: \"*150*00#\"}, {press: \"5\"}]\n")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	all := suite.Run(nil).Coverage
	if err := menutest.WriteCoverage(&b, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"wallet: no test reaches the screen send_to (wallet.yaml:", "wallet: no test reaches the option home/send (wallet.yaml:", "wallet: no test reaches the outcome send_pay/rejected wrong_pin (wallet.yaml:"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "home/balance") {
		t.Error("an option that was chosen counts as missed")
	}
}

func ExampleLoad() {
	catalog, err := menus.Load(os.DirFS("../catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	suite, err := menutest.Load(fstest.MapFS{"a.test.yaml": {Data: []byte(`
cases:
  - name: the balance
    language: en
    core: {balance: {done: {balance: 994950}}}
    steps:
      - {dial: "*150*00#"}
      - {press: ["5", secret], expect: {contains: "TZS 994,950"}}
`)}}, catalog)
	if err != nil {
		fmt.Println(err)
		return
	}
	report := suite.Run(nil)
	fmt.Println(len(report.Results), "case,", report.Failed(), "failed")
	// Output: 1 case, 0 failed
}

func ExamplePhones() {
	fmt.Print(menutest.Phones("Your balance is TZS 7.", "Your balance is TZS 8."))
	// Output:
	//   expected                               actual
	// ╭────────────────────────────────╮     ╭────────────────────────────────╮
	// │ Your balance is TZS 7.         │  ≠  │ Your balance is TZS 8.         │
	// ╰────────────────────────────────╯     ╰────────────────────────────────╯
}
