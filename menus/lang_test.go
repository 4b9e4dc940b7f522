package menus

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// clubMenu uses what the wallet does not need.
const clubMenu = `menu: club
include: [ends]
codes: ["*8#"]
keywords: [CLUB, CHAMA]
languages: [en, sw, ar]
start: home
resume: {mode: ask, within: 5m}
texts:
  wrong_choice: {en: "Not that one.", sw: "Si hiyo.", ar: "ليس هذا."}
aliases:
  "1": {path: [give], fill: [to, sum]}
  "2": {path: [more, days], fill: [days]}
  "3": {path: [hidden]}
screens:
  home:
    kind: menu
    text: {en: Club, sw: Chama, ar: نادي}
    options:
      - {id: hidden, label: {en: Chair, sw: Mwenyekiti, ar: رئيس}, go: bye, when: 'customer endsWith "9"'}
      - {id: more,   label: {en: More, sw: Zaidi, ar: المزيد},       go: extra}
      - {id: give,   label: {en: Give, sw: Toa, ar: أعط},           go: to, needs: transfer}
      - {id: rows,   label: {en: History, sw: Historia, ar: سجل},   go: pin}
      - {id: twice,  label: {en: Twice, sw: Mara mbili, ar: مرتين}, go: pin1}
      - {id: when,   label: {en: When, sw: Lini, ar: متى},          go: period}
  extra:
    kind: menu
    text: {en: Extra, sw: Ziada, ar: إضافي}
    options:
      - {id: days, label: {en: Days, sw: Siku, ar: أيام}, go: days}
  days: {kind: input, text: {en: Days, sw: Siku, ar: أيام}, var: days, type: number, next: days_shown}
  days_shown:
    kind: message
    text:
      en: "{days#one={days} day|other={days} days}"
      sw: "{days#one=siku {days}|other=siku {days}}"
      ar: "{days#zero=0|one=1|two=2|few={days} f|many={days} m|other={days} o}"
  to: {kind: input, text: {en: To, sw: Kwa, ar: إلى}, var: to, type: msisdn, next: who}
  who:
    kind: fetch
    call: account_name
    with: {to: to}
    save: {name: name}
    on: {done: sum, rejected: {unknown_payee: to, else: sum}, unavailable: sum}
  sum: {kind: input, text: {en: "Sum for {to}", sw: "Kiasi {to}", ar: "{to}"}, var: sum, type: money, min: 10, next: size}
  size:
    kind: choose
    first:
      - {when: "sum > 1000000", go: large}
      - {when: 'to == customer or (has(name) and name matches "^X")', go: own}
    else: sure
  large: {kind: message, text: {en: "{sum} is a lot", sw: "{sum} ni nyingi", ar: "{sum}"}}
  own: {kind: message, text: {en: Yourself, sw: Wewe, ar: أنت}}
  sure: {kind: confirm, text: {en: "Give {sum}?", sw: "Toa {sum}?", ar: "{sum}"}, next: bye, no: home}
  pin: {kind: input, text: {en: PIN, sw: PIN, ar: PIN}, var: pin, type: secret, next: ask}
  ask:
    kind: fetch
    call: statement
    with: {pin: pin}
    save: {rows: entries}
    on: {done: entries, rejected: bye, unavailable: bye}
  entries:
    kind: list
    text: {en: "{entries#one=1 entry|other={entries|count} entries}", sw: "{entries#one=1|other={entries|count}}", ar: "{entries|count}"}
    rows: entries
    row: {en: "{amount} {ref}", sw: "{amount} {ref}", ar: "{amount}"}
    empty: {en: Nothing, sw: Hakuna, ar: لا}
    set: {receipt: ref, value: amount}
    next: entry
  entry: {kind: message, text: {en: "{receipt?{receipt}} {value}", sw: "{value}", ar: "{value}"}}
  pin1: {kind: input, text: {en: PIN, sw: PIN, ar: PIN}, var: first, type: secret, next: pin2}
  pin2: {kind: input, text: {en: Again, sw: Tena, ar: PIN}, var: second, type: secret, same_as: first, next: balance}
  balance:
    kind: fetch
    call: balance
    with: {pin: second}
    save: {balance: balance}
    on: {done: bye, rejected: pin1, unavailable: bye}
  period:
    kind: input
    text: {en: When, sw: Lini, ar: متى}
    var: period
    type: choice
    choices:
      - {value: week, label: {en: This week, sw: Wiki hii, ar: أسبوع}}
      - {value: month, label: {en: This month, sw: Mwezi huu, ar: شهر}}
    next: branch
  branch: {kind: choose, first: [{when: 'period == "week"', go: week}], else: month}
  week: {kind: message, text: {en: "{period} ({period|plain})", sw: "{period}", ar: "{period}"}}
  month: {kind: message, text: {en: "m {period}", sw: "{period}", ar: "{period}"}}
`

const clubEnds = `shared: ends
screens:
  bye: {kind: end, text: {en: Bye, sw: Kwaheri, ar: وداعا}}
`

func club(t testing.TB) *Catalog {
	t.Helper()
	texts := addLanguage(textsFile(t), "ar")
	c, err := Load(fstest.MapFS{"club.yaml": {Data: []byte(clubMenu)}, "ends.yaml": {Data: []byte(clubEnds)}, "texts.yaml": {Data: texts},
		// Without Arabic, which the shared screens have.
		"other.yaml": {Data: []byte(strings.NewReplacer("start:", "include: [ends]\nstart:", okBye, "").Replace(okMenu))}}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// addLanguage gives every text one more language, with its Swahili words.
func addLanguage(texts []byte, lang string) []byte {
	var out []string
	for line := range strings.SplitSeq(string(texts), "\n") {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "sw: "):
			out = append(out, line, strings.Replace(line, "sw: ", lang+": ", 1))
			continue
		case strings.Contains(line, ", sw: ") || strings.Contains(line, "{sw: "):
			_, after, _ := strings.Cut(line, "sw: ")
			end := strings.LastIndex(after, "}")
			if strings.HasPrefix(after, `"`) {
				end = strings.Index(after[1:], `"`) + 2
			} else if i := strings.IndexAny(after, ",}"); i >= 0 {
				end = i
			}
			line = strings.Replace(line, "sw: ", lang+": "+after[:end]+", sw: ", 1)
		}
		out = append(out, line)
	}
	return []byte(strings.Join(out, "\n"))
}

func clubTalk(t testing.TB) *talk {
	t.Helper()
	p, _ := club(t).Program("club")
	k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{}}
	k.begin("en")
	return k
}

func (k *talk) play(script string) {
	k.t.Helper()
	for word := range strings.SplitSeq(script, "|") {
		k.do(word)
	}
}

func TestAnOptionIsThereOnlyWhileItsConditionHolds(t *testing.T) {
	k := clubTalk(t)
	if strings.Contains(k.turn.Screen.Text, "Chair") || !strings.Contains(k.turn.Screen.Text, "\n1 More\n2 Give") {
		t.Errorf("shown to others: %q", k.turn.Screen.Text)
	}
	k.do("1")
	k.want("extra", "Extra")
	in := k.input(Begin)
	in.Customer = "255700000009"
	turn, err := k.p.Step(State{}, in)
	if err != nil || !strings.Contains(turn.Screen.Text, "\n1 Chair\n2 More") {
		t.Fatalf("%q, %v", turn.Screen.Text, err)
	}
	in.Kind, in.Text = Keys, "1"
	if turn, err = k.p.Step(turn.State, in); err != nil || turn.Screen.ID != "bye" {
		t.Errorf("%q, %v", turn.Screen.ID, err)
	}
}

func TestChooseTakesTheFirstConditionThatHolds(t *testing.T) {
	for _, tt := range []struct{ script, screen string }{
		{"2|0700000002|@done name=ASHA|2000000", "large"},
		{"2|0700000001|@done name=ASHA|500", "own"},
		{"2|0700000002|@done name=XAVER|500", "own"},
		{"2|0700000002|@done name=ASHA|500", "sure"},
		{"2|0700000002|@down|500", "sure"},
	} {
		k := clubTalk(t)
		k.play(tt.script)
		k.want(tt.screen, "")
		k.do("0")
		k.want("sum", "Sum for 0700000002"[:7])
	}
}

func TestARowIsChosenByItsNumberFromAnyPage(t *testing.T) {
	k := clubTalk(t)
	k.play("3|8642|@done rows")
	k.want("entries", "5 entries\n1 TZS 5,000 A1\n2 TZS 20,000")
	k.do("6")
	k.want("entries", "Not that one.")
	k.do("1")
	k.want("entry", "A1 TZS 5,000")
	k.do("0")
	k.do("5")
	k.want("entry", "TZS 450,000")
	k = clubTalk(t)
	k.play("3|8642|@done|1")
	k.want("entries", "0 entries\nNothing")
}

func TestAChoiceReadsAsItsLabelInEveryLanguage(t *testing.T) {
	k := clubTalk(t)
	k.do("5")
	k.want("period", "When\n1 This week\n2 This month\n0 Back")
	k.do("3")
	k.want("period", "Not that one.")
	k.do("1")
	k.want("week", "This week (week)")
	k.play("0|2")
	k.want("month", "m This month")
}

func TestPluralsFollowTheRulesOfTheLanguage(t *testing.T) {
	for _, tt := range []struct{ lang, days, want string }{
		{"en", "1", "1 day\n"}, {"en", "000", "000 days"}, {"en", "21", "21 days"}, {"en", "10000001", "10000001 days"},
		{"sw", "1", "siku 1"}, {"sw", "7", "siku 7"},
		{"ar", "000", "0\n"}, {"ar", "1", "1"}, {"ar", "2", "2"}, {"ar", "7", "7 f"}, {"ar", "15", "15 m"}, {"ar", "100", "100 o"},
	} {
		k := clubTalk(t)
		k.begin(tt.lang)
		k.play("1|1|" + tt.days)
		if s := k.turn.Screen.Text; !strings.HasPrefix(s+"\n", tt.want) {
			t.Errorf("%s of %s: %q, want %q", tt.days, tt.lang, s, tt.want)
		}
	}
}

func TestTwoSecretsMustBeTheSameAndNoneIsKept(t *testing.T) {
	p, _ := club(t).Program("club")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	k.play("4|8642")
	k.want("pin2", "Again")
	k.do("9999")
	k.want("pin2", "The two entries differ.")
	k.do("8642")
	if c := k.turn.Call; c == nil || string(c.Args[0].Sealed) != testSealed {
		t.Fatalf("the call is %+v", c)
	}
	if len(k.turn.State.sealed) != 0 {
		t.Errorf("the call left %q behind", k.turn.State.sealed)
	}
	k.do("@wrong_pin")
	k.want("pin1", "Wrong PIN.")
	k.do("8642")
	in := k.input(Keys)
	in.Text, in.Same = testPIN, nil
	if _, err := p.Step(k.turn.State, in); !errors.Is(err, ErrInput) {
		t.Errorf("without Same: %v", err)
	}
}

func TestShortcuts(t *testing.T) {
	c := club(t)
	for _, tt := range []struct{ dialled, script, screen, text string }{
		{"*8*1*0700000002*5000#", "@done name=ASHA", "sure", "Give TZS 5,000?"},
		{"*8*1*0700000002*5000#", "@down", "sure", "Give TZS 5,000?"},
		{"*8*1*0700000002*5000*8642#", "@done name=ASHA", "sure", "Give TZS 5,000?"},
		{"*8*1*0700000002#", "@done name=ASHA", "sum", "Sum for 0700000002"},
		{"*8*1*0700000002*5000#", "@unknown_payee", "to", "The number was not found."},
		{"*8*1*0700000002*5#", "@done name=ASHA", "sum", "Enter an amount"},
		{"*8*1*07*5000#", "", "to", "Wrong phone number"},
		{"*8*1**5000#", "", "to", "Wrong phone number"},
		{"*8*1#", "", "to", "To"},
		{"*8*2*3#", "", "days_shown", "3 days"},
		{"*8*3#", "", "home", "1 More"},
		{"*8*9#", "", "home", "Not that one.\n"},
		{"*8*3*9#", "", "home", "Not that one.\n"},
	} {
		t.Run(tt.dialled+tt.script, func(t *testing.T) {
			p, rest, ok := c.Dial(tt.dialled)
			if !ok && !Misdialled(rest) {
				t.Fatal("no such shortcut")
			}
			k := &talk{t: t, p: p, visited: map[string]bool{}}
			in := k.input(Begin)
			in.Text = Typed(rest)
			k.step(in)
			if tt.script != "" {
				k.do(tt.script)
			}
			k.want(tt.screen, tt.text)
			if k.turn.State.pending.left() {
				t.Error("a part of the shortcut is left behind a screen")
			}
		})
	}
	if _, rest, ok := c.Dial("*8*9#"); ok || rest != "9" {
		t.Errorf("an undeclared shortcut: %q, %v", rest, ok)
	}
	if _, _, ok := c.Dial("*8*3*1#"); ok {
		t.Error("a shortcut without inputs takes what follows it")
	}
}

func TestWhatMayBeASecretBehindACodeIsNoWrongNumber(t *testing.T) {
	for rest, wrong := range map[string]bool{
		"9": true, "12": true, "3*9": true, "123": true,
		"1234": false, "9*1234": false, "0712345678": false, "": false, "9*": false, "9*x": false,
	} {
		if Misdialled(rest) != wrong {
			t.Errorf("%q: %v", rest, !wrong)
		}
	}
}

func TestAShortcutStopsWhereItsOptionIsDown(t *testing.T) {
	p, _ := club(t).Program("club")
	k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{"transfer": {}}}
	in := k.input(Begin)
	in.Text = "1*0700000002*5000"
	k.step(in)
	k.want(ScreenUnavailable, "This service is not available now.")
	k.do("0")
	k.want("home", "(not available now)")
}

func TestReorderedOptionsLeaveShortcutsTheirMeaning(t *testing.T) {
	lines := strings.SplitAfter(clubMenu, "\n")
	for i, line := range lines {
		if strings.Contains(line, "{id: more,") {
			lines[i], lines[i+1] = lines[i+1], lines[i]
			break
		}
	}
	c, err := Load(fstest.MapFS{"club.yaml": {Data: []byte(strings.Join(lines, ""))}, "ends.yaml": {Data: []byte(clubEnds)},
		"texts.yaml": {Data: addLanguage(textsFile(t), "ar")}}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, rest, _ := c.Dial("*8*1*0700000002*5000#")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	if !strings.Contains(k.turn.Screen.Text, "\n1 Give\n2 More") {
		t.Fatalf("not reordered: %q", k.turn.Screen.Text)
	}
	in := k.input(Begin)
	in.Text = Typed(rest)
	k.step(in)
	k.do("@done name=ASHA")
	k.want("sure", "Give TZS 5,000?")
}

func TestAPINBehindAShortcutIsNotKept(t *testing.T) {
	p, rest, _ := club(t).Dial("*8*1*0700000002*5000*" + testPIN + "#")
	turn, err := p.Step(State{}, Input{Kind: Begin, Text: Typed(rest), Customer: "255700000001"})
	if err != nil || turn.Call == nil {
		t.Fatalf("%+v, %v", turn, err)
	}
	stored, err := turn.State.MarshalBinary()
	if err != nil || bytes.Contains(stored, []byte(testPIN)) || !bytes.Contains(stored, []byte("5000")) {
		t.Errorf("the state is %q, %v", stored, err)
	}
}

func TestAKeywordEntersItsMenu(t *testing.T) {
	c := club(t)
	for text, want := range map[string]string{"CLUB": "", " chama 1 2": "1 2", "Club hello": "hello"} {
		if p, rest, ok := c.Keyword(text); !ok || p.Menu() != "club" || rest != want {
			t.Errorf("%q: %q, %v", text, rest, ok)
		}
	}
	for _, text := range []string{"", "CLUBS", strings.Repeat("C", 1000)} {
		if _, _, ok := c.Keyword(text); ok {
			t.Errorf("%q enters a menu", text)
		}
	}
}

func TestADroppedDialogueIsTakenUpWhereItWas(t *testing.T) {
	for _, tt := range []struct{ script, kept string }{
		{"2|0700000002|@done name=ASHA", "sum"},
		{"2|0700000002|@done name=ASHA|500", "sure"},
		{"4", "pin1"},
		{"4|8642", "pin1"}, // never past a secret
		{"1", "extra"},
	} {
		k := clubTalk(t)
		k.play(tt.script)
		before := k.turn.Screen
		kept, ok := k.p.Dropped(k.turn.State)
		if !ok || len(kept.sealed) > 0 {
			t.Fatalf("%s: not kept, or with its secrets", tt.script)
		}
		k.state, _ = kept.MarshalBinary()
		k.step(k.input(Redial))
		k.want(ScreenResume, "You did not finish last time. Go on?\n1 Continue\n2 Start again")
		if k.turn.Screen.Secret {
			t.Error("the question is shown as a secret")
		}
		asked := k.turn.State
		k.do("7")
		k.want(ScreenResume, "Not that one.\nYou did not finish")
		k.do("1")
		k.want(tt.kept, "Welcome back.")
		if tt.kept == before.ID && !strings.HasSuffix(k.turn.Screen.Text, before.Text) {
			t.Errorf("%q does not go on with %q", k.turn.Screen.Text, before.Text)
		}
		k.state, _ = asked.MarshalBinary()
		k.do("2")
		k.want("home", "Club")
	}
}

func TestADialogueThatCannotBeTakenUpBeginsAnew(t *testing.T) {
	for _, script := range []string{"1|1|3", "77", "2|0700000002", "2|0700000002|@down|500|1"} {
		k := clubTalk(t)
		k.play(script)
		if _, ok := k.p.Dropped(k.turn.State); ok {
			t.Errorf("%s is kept", script)
		}
		if script != "2|0700000002" {
			k.step(k.input(Redial))
			k.want("home", "Club")
		}
	}
	if _, ok := clubTalk(t).p.Dropped(State{program: 5}); ok {
		t.Error("another menu's state is kept")
	}
}

func TestAMenuThatContinuesDoesNotAsk(t *testing.T) {
	k := survey(t)
	k.play("1|01011990")
	kept, ok := k.p.Dropped(k.turn.State)
	if !ok {
		t.Fatal("not kept")
	}
	k.state, _ = kept.MarshalBinary()
	k.step(k.input(Redial))
	k.want("goats", "Welcome back. You can go on here.\nBorn 01/01/1990.")
}

func TestMaintenanceLetsNobodyIn(t *testing.T) {
	closed := strings.Replace(okMenu, "start: home\n", "start: home\nmaintenance: true\n", 1)
	own := closed + "texts: {maintenance: {en: Back on Monday, sw: Rudi Jumatatu}}\n"
	all := append([]byte("maintenance: true\n"), textsFile(t)...)
	for name, tt := range map[string]struct {
		menu, want string
		texts      []byte
	}{
		"a menu":            {closed, "This service is closed for maintenance.", textsFile(t)},
		"with its own text": {own, "Back on Monday", textsFile(t)},
		"the whole catalog": {okMenu, "This service is closed for maintenance.", all},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(fstest.MapFS{"m.yaml": {Data: []byte(tt.menu)}, "texts.yaml": {Data: tt.texts}}, DefaultEnv())
			if err != nil {
				t.Fatal(err)
			}
			p, _, _ := c.Dial("*9#")
			k := &talk{t: t, p: p, visited: map[string]bool{}}
			k.begin("en")
			if !k.turn.End || !strings.HasPrefix(k.turn.Screen.Text, tt.want) {
				t.Errorf("%q, end %v", k.turn.Screen.Text, k.turn.End)
			}
		})
	}
}

func TestOneSharedFileServesSeveralMenus(t *testing.T) {
	first := strings.NewReplacer("menu: ok", "menu: one\ninclude: [more]", "*9#", "*6#", okBye, "").Replace(okMenu)
	second := strings.NewReplacer("menu: ok", "menu: two\ninclude: [ends]", "*9#", "*7#", okBye, "").Replace(okMenu)
	c, err := Load(fstest.MapFS{
		"one.yaml": {Data: []byte(strings.Replace(first, "go: bye", "go: well", 1))}, "two.yaml": {Data: []byte(second)}, "texts.yaml": {Data: textsFile(t)},
		"ends.yaml": {Data: []byte("shared: ends\nscreens:\n  bye: {kind: end, text: {en: Shared, sw: Pamoja}}\n")},
		"more.yaml": {Data: []byte("shared: more\ninclude: [ends]\nscreens:\n  well: {kind: confirm, text: {en: Well, sw: Haya}, next: bye, no: bye}\n")},
	}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"*6#", "*7#"} {
		p, _, _ := c.Dial(code)
		k := &talk{t: t, p: p, visited: map[string]bool{}}
		k.begin("en")
		for !k.turn.End {
			k.do("1")
		}
		k.want("bye", "Shared")
	}
}

func TestTenThousandWrongNamesAreReportedWithinASecond(t *testing.T) {
	fsys := manyScreens(10000)
	fsys["big.yaml"].Data = bytes.ReplaceAll(fsys["big.yaml"].Data, []byte("go: s"), []byte("go: t"))
	fsys["texts.yaml"] = &fstest.MapFile{Data: textsFile(t)}
	began := time.Now()
	_, err := Load(fsys, DefaultEnv())
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 10000 {
		t.Fatalf("%d problems", len(ps))
	}
	t.Logf("%d problems in %s", len(ps), time.Since(began))
}

// FuzzClub plays random dialogues over the whole language, shortcuts and
// dropped dialogues among them.
func FuzzClub(f *testing.F) {
	f.Add("1*0700000002*5000", []byte("\x81500\x00"), byte(0))
	f.Add("2*3", []byte("0\x000\x00\xff"), byte(1))
	f.Add("", []byte("3\x008642\x00\x811\x00"), byte(2))
	f.Add("", []byte("4\x008642\x008642\x00\x81"), byte(3))
	p, _ := club(f).Program("club")
	f.Fuzz(func(t *testing.T, rest string, data []byte, mode byte) {
		if strings.Contains(rest, testPIN) {
			return // typed where it is shown
		}
		k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{}}
		k.limits = []Limits{{}, {Septets: MinSeptets, UCS2: MinUCS2}}[mode&1]
		in := k.input(Begin)
		in.Text, in.Language = Typed(rest), []string{"en", "ar"}[mode>>1&1]
		k.step(in)
		k.random(data)
		if kept, ok := p.Dropped(k.turn.State); ok {
			k.state, _ = kept.MarshalBinary()
			k.step(k.input(Redial))
			k.random(data)
		}
	})
}
