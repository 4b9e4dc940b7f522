package menus

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	testPIN    = "8642"
	testSealed = "\x01sealed"
)

var testNow = time.Date(2026, 11, 24, 10, 0, 0, 0, time.FixedZone("EAT", 3*3600))

// talk is a dialogue whose state is encoded and decoded at every turn.
type talk struct {
	t       testing.TB
	p       *Program
	state   []byte
	turn    Turn
	down    map[string]Unavailable
	closed  *Unavailable
	busy    map[string]bool
	limits  Limits
	visited map[string]bool
	log     strings.Builder
}

func (k *talk) input(kind InputKind) Input {
	return Input{
		Kind: kind, Customer: "255700000001", Now: testNow, Limits: k.limits, Closed: k.closed,
		Seal: func(s string) ([]byte, error) {
			if s != testPIN {
				return nil, fmt.Errorf("sealed %d characters that are not the PIN", len(s))
			}
			return []byte(testSealed), nil
		},
		Same: func(sealed []byte, secret string) (bool, error) {
			return string(sealed) == testSealed && secret == testPIN, nil
		},
		Down: func(call string) (Unavailable, bool) { why, ok := k.down[call]; return why, ok },
		Busy: func(call string) bool { return k.busy[call] },
	}
}

func (k *talk) step(in Input) {
	k.t.Helper()
	var st State
	if in.Kind != Begin {
		if err := st.UnmarshalBinary(k.state); err != nil {
			k.t.Fatal(err)
		}
	}
	turn, err := k.p.Step(st, in)
	if err != nil {
		k.t.Fatalf("%v\nafter:\n%s", err, k.log.String())
	}
	k.turn = turn
	if k.state, err = turn.State.MarshalBinary(); err != nil {
		k.t.Fatal(err)
	}
	k.check()
}

// check holds for every turn.
func (k *talk) check() {
	k.t.Helper()
	var st State
	if err := st.UnmarshalBinary(k.state); err != nil {
		k.t.Fatal(err)
	}
	if st.Waiting() != (k.turn.Call != nil) || st.Ended() != k.turn.End || st.Language() != k.turn.State.Language() {
		k.t.Fatalf("the state does not say what the turn says: %v %v %q", st.Waiting(), st.Ended(), st.Language())
	}
	if strings.Contains(string(k.state), testPIN) {
		k.t.Fatal("the state holds the PIN")
	}
	again, err := k.p.Step(st, k.input(Show))
	if err != nil {
		k.t.Fatal(err)
	}
	if c := k.turn.Call; c != nil {
		k.visited[c.Screen] = true
		if again.Call == nil || !again.Call.Again || again.Call.Name != c.Name || again.Call.Screen != c.Screen {
			k.t.Fatalf("shown again the call is %+v, was %+v", again.Call, c)
		}
		for _, a := range again.Call.Args {
			if len(a.Sealed) > 0 {
				k.t.Fatal("the state kept a secret that its call took")
			}
		}
		for _, v := range c.Vars {
			if len(v.Sealed) > 0 || v.Text == testSealed {
				k.t.Fatal("a secret is among the variables")
			}
		}
		return
	}
	s := k.turn.Screen
	k.visited[s.ID] = true
	if again.Screen != s || again.End != k.turn.End {
		k.t.Fatalf("shown again the screen is\n%+v\nwas\n%+v", again.Screen, s)
	}
	limits := k.limits
	if limits == (Limits{}) {
		limits = DefaultEnv().Limits
	}
	limit := limits.Septets
	if s.UCS2 {
		limit = limits.UCS2
	} else if !isGSM([]byte(s.Text)) {
		k.t.Fatalf("not in the GSM alphabet: %q", s.Text)
	}
	if n := cost([]byte(s.Text), s.UCS2); n > limit || s.Text == "" || s.Page < 1 || s.Page > s.Pages {
		k.t.Fatalf("page %d of %d takes %d of %d: %q", s.Page, s.Pages, n, limit, s.Text)
	}
	if strings.Contains(s.Text, testPIN) || strings.Contains(s.Text, testSealed) {
		k.t.Fatalf("the screen shows the secret: %q", s.Text)
	}
}

func (k *talk) begin(lang string) {
	k.t.Helper()
	in := k.input(Begin)
	in.Language = lang
	k.step(in)
	fmt.Fprintf(&k.log, "=== dial\n%s", k.shown())
}

func (k *talk) shown() string {
	if c := k.turn.Call; c != nil {
		var b strings.Builder
		fmt.Fprintf(&b, "    [%s %s", c.Name, c.Screen)
		for _, a := range c.Args {
			if len(a.Sealed) > 0 {
				fmt.Fprintf(&b, " %s=(sealed)", a.Name)
				continue
			}
			fmt.Fprintf(&b, " %s=%s", a.Name, a.Text)
		}
		return b.String() + "]\n"
	}
	s := k.turn.Screen
	head := fmt.Sprintf("    --- %s %d", s.ID, cost([]byte(s.Text), s.UCS2))
	if s.Pages > 1 {
		head += fmt.Sprintf(" page %d/%d", s.Page, s.Pages)
	}
	if s.Secret {
		head += " secret"
	}
	if k.turn.End {
		head += " end"
	}
	return head + "\n    " + strings.ReplaceAll(s.Text, "\n", "\n    ") + "\n"
}

// do plays one word of a script: a key, or the core's answer after "@".
func (k *talk) do(word string) {
	k.t.Helper()
	answer, ok := strings.CutPrefix(word, "@")
	if !ok {
		in := k.input(Keys)
		in.Text = Typed(word)
		k.step(in)
		fmt.Fprintf(&k.log, "> %s\n%s", strings.ReplaceAll(word, testPIN, "****"), k.shown())
		return
	}
	in := k.input(Answer)
	action := k.turn.Call != nil && k.turn.Call.Action
	call, screen := k.turn.Call, k.turn.State
	outcome, rest, _ := strings.Cut(answer, " ")
	switch outcome {
	case "done":
		in.Result.Outcome = Done
	case "unknown":
		in.Result.Outcome = Pending
	case "down":
		in.Result.Outcome = Down
		in.Result.Until = testNow.Add(90 * time.Minute)
	default:
		in.Result.Outcome, in.Result.Reason = Rejected, outcome
	}
	if action && in.Result.Outcome != Down {
		in.Result.Ref = "QK7T2M"
	}
	for field := range strings.SplitSeq(rest, ",") {
		if name, value, ok := strings.Cut(field, "="); ok {
			in.Result.Fields = append(in.Result.Fields, Value{Name: name, Text: value})
		}
	}
	if rest == "rows" {
		in.Result.Rows = [][]Value{
			{{Name: "date", Text: "2026-11-23T18:20:00+03:00"}, {Name: "kind", Text: "transfer"}, {Name: "amount", Text: "5000"}, {Name: "direction", Text: "out"}, {Name: "party", Text: "255700000002"}, {Name: "ref", Text: "A1"}},
			{{Name: "amount", Text: "20000"}, {Name: "date", Text: "2026-11-22T09:00:00Z"}, {Name: "kind", Text: "deposit"}, {Name: "direction", Text: "in"}},
			{{Name: "date", Text: "2026-11-21T09:00:00Z"}, {Name: "kind", Text: "airtime"}, {Name: "amount", Text: "1000"}, {Name: "direction", Text: "out"}, {Name: "party", Text: "255700000001"}},
			{{Name: "date", Text: "2026-11-20T09:00:00Z"}, {Name: "kind", Text: "billpay"}, {Name: "amount", Text: "30000"}, {Name: "direction", Text: "out"}, {Name: "party", Text: "LUKU"}},
			{{Name: "date", Text: "2026-11-20T08:00:00Z"}, {Name: "kind", Text: "salary"}, {Name: "amount", Text: "450000"}, {Name: "direction", Text: "in"}, {Name: "party", Text: "255700000009"}},
		}
	}
	k.step(in)
	fmt.Fprintf(&k.log, "< %s\n", answer)
	if action {
		k.notices(call, screen.Language(), in.Result)
	}
	k.log.WriteString(k.shown())
}

func (k *talk) notices(c *Call, lang string, r Result) {
	for _, role := range []Role{RoleCustomer, RolePayee, RoleAgent} {
		if text, ok := k.p.Notice(c.Screen, role, lang, r.Outcome, c.Vars, r); ok {
			fmt.Fprintf(&k.log, "    SMS to %s, %d: %s\n", role, cost([]byte(text), false), text)
		}
	}
}

// The whole wallet: each line is a dialogue.
var walletScripts = []string{
	"1|0700000002|5,000|@done name=ASHA JUMA|@done fee=50|8642|@done balance=994950,fee=50",
	"1|0700000002|5000|@down|@down|8642|@unknown",
	"1|+255 700 000 002|50|5000|@other|@other|12|8642|@wrong_pin|8642|@insufficient_funds|1|4000|@done name=ASHA JUMA|@done fee=40|8642|@down",
	"1|712|0700000002|5000|@unknown_payee|0700000003|5000|@done name=JUMA ALLY|@done fee=50|8642|@same_person|0700000003|6000000|5000|@done name=JUMA ALLY|@done|8642|@pin_locked|0|00",
	"2|1|1000|8642|@wrong_pin|8642|@insufficient_funds|1|500|8642|@done balance=999500",
	"2|2|0700000003|1000|8642|@insufficient_funds|1|500|8642|@limit_exceeded|200|8642|@unknown_payee|0700000004|200|8642|@done",
	"3|1|123|01234567890|10000|@done fee=300|8642|@unknown_payee|1|2|DW/123|15000|@down|8642|@insufficient_funds|1|1000|@done fee=100|8642|@done balance=7",
	"3|4|12|123456|@unknown_payee|123456|@done name=SHULE YA MSINGI|2|123456|@done name=SHULE YA MSINGI|1|a b|INV-77|20000|@done fee=500|8642|@insufficient_funds|1|2000|@down|8642|@done balance=10",
	"3|4|123456|@down|1|INV-77|20000|@down|8642|@unknown",
	"3|1|01234567890|10000|@done fee=300|8642|@done balance=5000,token=12345678901234567890,units=28.0",
	"3|3|0|4|00",
	"4|77|10001|@unknown_payee|10001|@done name=DUKA LA MAMA NEEMA|500|20000|@done fee=1200|8642|@insufficient_funds|1|10000|@done fee=700|8642|@done balance=3000",
	"4|10001|@down|20000|@down|8642|@unknown",
	"5|8642|@wrong_pin|8642|@done balance=994950|0",
	"5|8642|@pin_locked|00",
	"5|8642|@down|0",
	"5|8642|@down|1|@done",
	"5|8642|@down|1|@other|1|@done|0",
	"5|8642|@down|1|@down|1|@down|1|@done|00",
	"6|8642|@done rows|98|0|00",
	"6|8642|@done|00",
	"7|12345|@done name=MAMA NTILIE|2500|@done fee=0|8642|@insufficient_funds|1|2000|@down|8642|@done balance=1",
	"7|12345|@down|2500|@down|8642|@unknown_payee|12345",
	"8|2|1|0|8|1|1",
	"8|3|8|4|8|1",
	"9||abc|98|77",
}

func TestConversationsOverTheWholeWallet(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	for _, lang := range p.Languages() {
		t.Run(lang, func(t *testing.T) {
			k := &talk{t: t, p: p, visited: map[string]bool{}}
			for _, script := range walletScripts {
				k.begin(lang)
				for word := range strings.SplitSeq(script, "|") {
					k.do(word)
				}
			}
			k.down = map[string]Unavailable{"transfer": {Until: testNow.Add(11 * time.Hour)}, "billpay": {}}
			k.begin(lang)
			for _, word := range []string{"1", "98", "0", "98", "3", "1", "@done", "3", "00", "2"} {
				k.do(word)
			}
			for i := range p.screens {
				if !k.visited[p.screens[i].id] {
					t.Errorf("no conversation comes to %q", p.screens[i].id)
				}
			}
			golden(t, "testdata/wallet."+lang+".txt", k.log.String())
		})
	}
}

func TestStepLeavesTheStateItWasGivenAlone(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	for word := range strings.SplitSeq("1|0700000002|5000|@done name=ASHA JUMA|@done fee=50|8642|@wrong_pin|8642|@insufficient_funds|0", "|") {
		before := k.turn.State
		copied, _ := before.MarshalBinary()
		k.do(word)
		if after, _ := before.MarshalBinary(); !reflect.DeepEqual(copied, after) {
			t.Fatalf("%q changed the state it began from", word)
		}
	}
}

func TestABrokenCallerGetsAnError(t *testing.T) {
	c := wallet(t)
	p, _ := c.Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	home := k.turn.State
	for word := range strings.SplitSeq("1|0700000002|5000", "|") {
		k.do(word)
	}
	waiting := k.turn.State
	for word := range strings.SplitSeq("@down|@down|8642|@unknown", "|") {
		k.do(word)
	}
	ended := k.turn.State
	keys, answer := k.input(Keys), k.input(Answer)
	keys.Text = "1"
	answer.Result.Outcome = Done
	odd := k.input(Answer)
	narrow := k.input(Show)
	narrow.Limits = Limits{Septets: 20, UCS2: 10}
	other := home
	other.program++
	for _, tt := range []struct {
		name string
		st   State
		in   Input
		want error
	}{
		{"the zero state with keys", State{}, keys, ErrState},
		{"another revision's state", other, keys, ErrState},
		{"keys while a call is outstanding", waiting, keys, ErrWaiting},
		{"an answer without a call", home, answer, ErrNoCall},
		{"an answer without an outcome", waiting, odd, ErrInput},
		{"keys after the end", ended, keys, ErrEnded},
		{"no kind of input", home, Input{}, ErrInput},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := p.Step(tt.st, tt.in); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if _, err := p.Step(home, narrow); err == nil {
		t.Error("limits of 20 septets were accepted")
	}
}

func TestASealThatFailsChangesNothing(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	k.do("5")
	in := k.input(Keys)
	in.Text = testPIN
	broken := errors.New("no key")
	in.Seal = func(string) ([]byte, error) { return nil, broken }
	if _, err := p.Step(k.turn.State, in); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAReadWithoutItsFieldCountsAsUnavailable(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	for word := range strings.SplitSeq("5|8642|@done balance=lots", "|") {
		k.do(word)
	}
	if k.turn.Screen.ID != "balance_away" {
		t.Errorf("the screen is %q", k.turn.Screen.ID)
	}
}

// A name or fee of one errand must never stand in the next one's question.
func TestAnOlderAnswerNeverShowsForANewQuestion(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	for word := range strings.SplitSeq("1|0700000002|5000|@done name=ASHA JUMA|@done fee=50|0|0|0700000003|5000|@down|@down", "|") {
		k.do(word)
	}
	if s := k.turn.Screen; s.ID != "send_pin" || strings.Contains(s.Text, "ASHA") || strings.Contains(s.Text, "TZS 50.") {
		t.Errorf("%s: %q", s.ID, s.Text)
	}
}
