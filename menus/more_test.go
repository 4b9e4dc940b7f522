package menus

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const surveyMenu = `menu: survey
codes: ["*6#", "*66#"]
languages: [en, sw]
start: home
resume: {mode: continue, within: 2m}
tries: 2
screens:
  home:
    kind: message
    text: {en: "Hello {customer}", sw: "Habari {customer}"}
    options:
      - {id: a, label: {en: Begin, sw: Anza}, go: born, set: {limit: =500, who: customer, same: who, note: "=Shamba & co"}}
  born:
    kind: input
    text: {en: Birthday, sw: Siku ya kuzaliwa}
    var: born
    type: date
    min: "1920-01-01"
    max: today-6570d
    error: {en: "From {min}.", sw: "Kuanzia {min}."}
    next: goats
  goats:
    kind: input
    text: {en: "Born {born}. Goats of {who}, {same|plain}", sw: "{born|day} {who} {same}"}
    var: goats
    type: number
    min: 1
    max: 40
    next: sum
  sum: {kind: input, text: {en: Sum, sw: Jumla}, var: sum, type: money, next: sure}
  sure: {kind: confirm, text: {en: "{goats} goats, {note}, limit {limit}?", sw: "Mbuzi {goats}, {note}, {limit}?"}, next: pin, no: goats}
  pin: {kind: input, text: {en: PIN, sw: PIN}, var: pin, type: secret, length: 4, next: really}
  really: {kind: confirm, text: {en: Really, sw: Kweli}, next: pay, no: home}
  pay:
    kind: action
    call: transfer
    with: {to: customer, amount: sum, pin: pin, note: note}
    on: {done: thanks, rejected: home, unknown: thanks, unavailable: home}
    notify:
      customer:
        done: {en: "{ref} done", sw: "{ref} tayari"}
        rejected: {en: "Refused: {reason}", sw: "Imekataliwa: {reason}"}
        unknown: {en: "Wait{ref? for {ref}}", sw: "Subiri{ref? {ref}}"}
        expired: {en: "Expired", sw: "Imeisha"}
  thanks:
    kind: message
    text: {en: Thanks, sw: Asante}
    options:
      - {id: again, label: {en: Again, sw: Tena}, go: home}
`

func survey(t *testing.T) *talk {
	t.Helper()
	c, err := Load(fstest.MapFS{"survey.yaml": {Data: []byte(surveyMenu)}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Program("survey")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	return k
}

func (k *talk) want(screen, text string) {
	k.t.Helper()
	if s := k.turn.Screen; s.ID != screen || !strings.Contains(s.Text, text) {
		k.t.Fatalf("%s: %q, want %s with %q", s.ID, s.Text, screen, text)
	}
}

func TestSettingsOfAMenu(t *testing.T) {
	p := survey(t).p
	if !slices.Equal(p.Codes(), []string{"*6#", "*66#"}) || !slices.Equal(p.Languages(), []string{"en", "sw"}) {
		t.Errorf("%v %v", p.Codes(), p.Languages())
	}
	if r := p.Resume(); r.Mode != "continue" || r.Within != 2*time.Minute {
		t.Errorf("%+v", r)
	}
	if langs := wallet(t).Languages(); !slices.Equal(langs, []string{"am", "en", "fr", "sw"}) {
		t.Error(langs)
	}
}

func TestLiteralsDatesAndNumbersReachTheTexts(t *testing.T) {
	k := survey(t)
	k.want("home", "Hello 0700000001")
	k.do("1")
	k.do("31121919")
	k.want("born", "From 01/01/1920.")
	k.do("01051980")
	k.want("goats", "Born 01/05/1980. Goats of 0700000001, 255700000001")
}

func TestADateIsBoundedByToday(t *testing.T) {
	k := survey(t)
	k.do("1")
	k.do("01052020") // not of age
	k.want("born", "From 01/01/1920.")
}

func TestGoodAnswersCountWrongOnesFromZeroAgain(t *testing.T) {
	k := survey(t)
	for range 3 {
		k.do("7")
		k.want("home", "Wrong choice")
		k.do("1")
		k.do("0")
		k.want("home", "Hello")
	}
	k.do("7")
	k.do("7")
	if !k.turn.End {
		t.Error("two wrong answers in a row did not end the dialogue")
	}
}

func toReally(t *testing.T) *talk {
	k := survey(t)
	for word := range strings.SplitSeq("1|31121980|41|4|500", "|") {
		k.do(word)
	}
	k.want("sure", "4 goats, Shamba & co, limit 500?")
	k.do("1")
	k.do(testPIN)
	k.want("really", "1 Yes\n2 No")
	return k
}

func TestBackForgetsTheSecretAndAsksAgain(t *testing.T) {
	k := toReally(t)
	k.do("0")
	k.want("sure", "4 goats") // over the PIN's own screen
	if strings.Contains(string(k.state), testSealed) {
		t.Error("the sealed PIN is still in the state")
	}
}

func TestNoWayLeadsBackIntoAPayment(t *testing.T) {
	for _, outcome := range []string{"@done", "@unknown"} {
		k := toReally(t)
		k.do("1")
		k.do(outcome)
		k.want("thanks", "Thanks")
		if strings.Contains(k.turn.Screen.Text, "0 Back") {
			t.Error("back is offered")
		}
		k.do("0")
		k.want("thanks", "Wrong choice")
		k.do("00")
		k.want("home", "Hello")
	}
}

func TestRefusalsLeadingHomeSayWhy(t *testing.T) {
	k := toReally(t)
	k.do("1")
	k.do("@limit_exceeded")
	k.want("home", "Hello") // a message: its text would say the reason
	if strings.Contains(string(k.state), "500") {
		t.Error("home did not forget the errand")
	}
}

func TestNoticesByOutcome(t *testing.T) {
	k := survey(t)
	for _, tt := range []struct {
		role    Role
		outcome Outcome
		r       Result
		want    string
	}{
		{RoleCustomer, Done, Result{Ref: "A1"}, "A1 done"},
		{RoleCustomer, Rejected, Result{Reason: "wrong_pin"}, "Refused: Wrong PIN."},
		{RoleCustomer, Pending, Result{}, "Wait"},
		{RoleCustomer, Pending, Result{Ref: "A1"}, "Wait for A1"},
		{RoleCustomer, Down, Result{}, "Expired"},
		{RolePayee, Done, Result{Ref: "A1"}, ""},
		{RoleAgent, Rejected, Result{}, ""},
	} {
		if got, ok := k.p.Notice("pay", tt.role, "en", tt.outcome, nil, tt.r); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s, outcome %d: %q, %v", tt.role, tt.outcome, got, ok)
		}
	}
	if _, ok := k.p.Notice("thanks", RoleCustomer, "en", Done, nil, Result{}); ok {
		t.Error("a screen that is no action has a notice")
	}
}

func TestTheWayBackIsBounded(t *testing.T) {
	var s strings.Builder
	s.WriteString("menu: deep\ncodes: [\"*7#\"]\nlanguages: [en, sw]\nstart: s0\nscreens:\n")
	for i := range 40 {
		fmt.Fprintf(&s, "  s%d: {kind: menu, text: {en: Screen %d, sw: Ukurasa %d}, options: [{id: a, label: {en: Next, sw: Mbele}, go: s%d}]}\n", i, i, i, i+1)
	}
	s.WriteString("  s40: {kind: end, text: {en: Bye, sw: Kwaheri}}\n")
	c, err := Load(fstest.MapFS{"d.yaml": {Data: []byte(s.String())}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Program("deep")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	for range 30 {
		k.do("1")
	}
	k.want("s30", "0 Back")
	for range maxHistory {
		k.do("0")
	}
	k.want("s18", "00 Main menu")
	k.do("0")
	k.want("s18", "Wrong choice")
}

func TestTypedTextNeverShows(t *testing.T) {
	for _, got := range []string{fmt.Sprint(Typed(testPIN)), fmt.Sprintf("%q %x %#v", Typed(testPIN), Typed(testPIN), Typed(testPIN)), slog.AnyValue(Typed(testPIN)).Resolve().String()} {
		if strings.Contains(got, testPIN) || strings.Contains(got, "38363432") {
			t.Errorf("shown as %q", got)
		}
	}
	if b, err := Typed(testPIN).MarshalText(); err != nil || strings.Contains(string(b), testPIN) {
		t.Errorf("%q %v", b, err)
	}
}

func TestNeedsUCS2(t *testing.T) {
	if NeedsUCS2("Habari {€}") || !NeedsUCS2("ሰላም") {
		t.Error("the alphabet of a text")
	}
}
