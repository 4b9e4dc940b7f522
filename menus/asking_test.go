package menus

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// transferBefore is an action of testNow's customer, ten minutes ago.
func transferBefore(outcome Outcome) Earlier {
	return Earlier{Call: "transfer", Ref: "AB12CD34", Outcome: outcome, Reason: "insufficient_funds", Amount: "5000",
		To: "255700000002", At: testNow.Add(-10 * time.Minute)}
}

// dialled begins a dialogue after what was done before.
func dialled(t *testing.T, p *Program, lang, rest string, open ...Earlier) *talk {
	t.Helper()
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	in := k.input(Begin)
	in.Language, in.Text, in.Open = lang, Typed(rest), open
	k.step(in)
	return k
}

func TestADialShowsWhatIsOpenFirst(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	for _, tt := range []struct {
		lang    string
		outcome Outcome
		says    string
	}{
		{"en", Pending, "Transfer TZS 5,000 to 0700000002 (ref AB12CD34): still checking. Do not repeat."},
		{"en", Done, "Transfer TZS 5,000 to 0700000002 (ref AB12CD34) was done."},
		{"en", Rejected, "was not done: Your balance is not enough. No money moved."},
		{"en", Down, "was not sent. No money moved."},
		{"sw", Pending, "bado tunahakiki"},
		{"fr", Pending, "vérification en cours"},
		{"am", Pending, "እያጣራን"},
	} {
		for _, rest := range []string{"", "1*0700000002*5000", "5"} {
			k := dialled(t, p, tt.lang, rest, transferBefore(tt.outcome))
			k.want(ScreenOpen, tt.says)
			if said := k.turn.State.Said(); len(said) != 1 || said[0].Ref != "AB12CD34" || said[0].Outcome != tt.outcome {
				t.Fatalf("the state says it spoke of %+v", said)
			}
			k.do("7")
			k.want(ScreenOpen, "")
			k.do("1")
			if k.turn.State.Said() != nil {
				t.Error("it is still spoken of")
			}
			if want := map[string]string{"": "home", "5": "balance_pin"}[rest]; want != "" {
				k.want(want, "")
			} else if k.turn.Call == nil || k.turn.Call.Name != "account_name" {
				t.Errorf("the shortcut does not go on: %+v", k.turn)
			}
		}
	}
}

func TestADialShowsNoMoreThanThreeActions(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	var all []Earlier
	for _, ref := range []string{"R1", "R2", "R3", "R4"} {
		e := transferBefore(Pending)
		e.Ref = ref
		all = append(all, e)
	}
	k := dialled(t, p, "en", "", all...)
	text := k.turn.Screen.Text
	for page := 1; page < k.turn.Screen.Pages; page++ {
		k.do("98")
		text += k.turn.Screen.Text
	}
	if !strings.Contains(text, "R3") || strings.Contains(text, "R4") || !strings.HasSuffix(text, "1 Continue") {
		t.Errorf("%q", text)
	}
	k.do("00") // the home key goes on too
	k.want("home", "")
}

// brokenOff is a customer whose dialogue broke off, and what is left of it.
func brokenOff(t *testing.T) (*talk, State) {
	t.Helper()
	p, _ := club(t).Program("club")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	k.play("2|0700000002")
	k.do("@done name=ASHA")
	st, ok := p.Dropped(k.turn.State)
	if !ok {
		t.Fatal("nothing is left")
	}
	return k, st
}

func TestWhatIsOpenComesBeforeADialogueThatBrokeOff(t *testing.T) {
	k, st := brokenOff(t)
	k.resume(Turn{State: st})
	in := k.input(Redial)
	in.Open = []Earlier{transferBefore(Pending)}
	k.step(in)
	k.want(ScreenOpen, "AB12CD34")
	k.do("1")
	if id := k.turn.Screen.ID; id == ScreenOpen || id == k.p.Start() {
		t.Errorf("the dialogue that broke off is lost: %q", id)
	}
}

func TestWhatIsOpenIsSaidEvenWhereNothingMayBegin(t *testing.T) {
	texts := fstest.MapFS{}
	for _, name := range []string{"wallet.yaml", "ends.yaml", "last_balance.yaml", "texts.yaml"} {
		data, err := os.ReadFile("catalog/" + name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = &fstest.MapFile{Data: data}
	}
	open, err := Load(texts, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	texts["texts.yaml"].Data = append([]byte("maintenance: true\n"), texts["texts.yaml"].Data...)
	shut, err := Load(texts, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	words, err := open.Announcement(map[string]string{"en": "Back at {until}", "sw": "Saa {until}", "fr": "À {until}", "am": "{until}"}, true)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(testNow.Year(), testNow.Month(), testNow.Day(), 22, 30, 0, 0, testNow.Location())
	for name, tt := range map[string]struct {
		catalog *Catalog
		closed  *Unavailable
		lang    string
		says    string
	}{
		"the menus say so":       {shut, nil, "en", "closed for maintenance. Please try again later."},
		"operators say so":       {open, &Unavailable{Until: until}, "en", "closed for maintenance until 22:30. Please try again then."},
		"and in Swahili":         {open, &Unavailable{Until: until}, "sw", "hadi 22:30"},
		"in words of their own":  {open, &Unavailable{Until: until, Words: words}, "en", "Back at 22:30"},
		"and nobody knows until": {open, &Unavailable{}, "en", "closed for maintenance. Please try again later."},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := tt.catalog.Program("wallet")
			for _, rest := range []string{"", "1*0700000002*5000"} {
				k := &talk{t: t, p: p, visited: map[string]bool{}, closed: tt.closed}
				in := k.input(Begin)
				in.Language, in.Text, in.Open = tt.lang, Typed(rest), []Earlier{transferBefore(Pending)}
				k.step(in)
				k.want(ScreenOpen, "AB12CD34")
				if k.turn.End {
					t.Fatal("it ends before it says that it is closed")
				}
				k.do("1")
				k.want(ScreenMaintenance, tt.says)
				if !k.turn.End {
					t.Error("it goes on")
				}
				in.Open = nil
				k.step(in)
				k.want(ScreenMaintenance, tt.says)
			}
		})
	}
}

func TestADialogueThatBrokeOffDoesNotGoOnWhereNothingMayBegin(t *testing.T) {
	k, st := brokenOff(t)
	k.closed = &Unavailable{}
	for _, open := range [][]Earlier{nil, {transferBefore(Pending)}} {
		k.resume(Turn{State: st})
		in := k.input(Redial)
		in.Open = open
		k.step(in)
		if open != nil {
			k.want(ScreenOpen, "AB12CD34")
			k.do("1")
		}
		k.want(ScreenMaintenance, "")
	}
}

// resume goes on from a turn.
func (k *talk) resume(turn Turn) {
	b, err := turn.State.MarshalBinary()
	if err != nil {
		k.t.Fatal(err)
	}
	k.turn, k.state = turn, b
}

// toTheCall brings a transfer to its call.
func toTheCall(t *testing.T, lang string) (*talk, *Call) {
	t.Helper()
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin(lang)
	for word := range strings.SplitSeq("1|0700000002|5000|@done name=ASHA|@done fee=50|8642", "|") {
		k.do(word)
	}
	if k.turn.Call == nil || !k.turn.Call.Action {
		t.Fatalf("no call: %+v", k.turn)
	}
	return k, k.turn.Call
}

func TestTheSameASecondTimeTakesAKeyThatNobodyPressesBlindly(t *testing.T) {
	for _, lang := range []string{"en", "sw", "fr", "am"} {
		t.Run(lang, func(t *testing.T) {
			k, call := toTheCall(t, lang)
			in := k.input(Doubt)
			in.Open, in.Call = []Earlier{transferBefore(Pending)}, call
			asked, err := k.p.Step(k.turn.State, in)
			if err != nil {
				t.Fatal(err)
			}
			if s := asked.Screen; s.ID != ScreenAgain || s.Secret || asked.End {
				t.Fatalf("%+v", s)
			}
			for _, tt := range []struct{ keys, screen string }{
				{"1", "home"}, {"00", "home"}, {"0", "send_amount"}, {"2", ScreenAgain}, {"8642", ScreenAgain}, {"", ScreenAgain},
			} {
				k.resume(asked)
				k.do(tt.keys)
				if k.turn.Call != nil || k.turn.Screen.ID != tt.screen {
					t.Errorf("%q leads to %q, call %+v", tt.keys, k.turn.Screen.ID, k.turn.Call)
				}
				if tt.screen != ScreenAgain && len(k.turn.State.sealed) != 0 {
					t.Errorf("%q keeps the PIN", tt.keys)
				}
			}
			k.resume(asked)
			k.do("9")
			again := k.turn.Call
			if again == nil || !again.Sure || !slices.EqualFunc(again.Args, call.Args, func(a, b Value) bool {
				return a.Name == b.Name && a.Text == b.Text && string(a.Sealed) == string(b.Sealed)
			}) {
				t.Fatalf("the call is %+v, was %+v", again, call)
			}
			if len(k.turn.State.sealed) != 0 {
				t.Error("the state keeps the PIN that its call took")
			}
		})
	}
}

func TestTheQuestionNamesTheFirstAndItsState(t *testing.T) {
	for outcome, says := range map[Outcome]string{
		Pending: "You did this at 09:50: Transfer TZS 5,000 to 0700000002 (ref AB12CD34), still checking.",
		Done:    "You did this at 09:50: Transfer TZS 5,000 to 0700000002 (ref AB12CD34), done.",
	} {
		k, call := toTheCall(t, "en")
		in := k.input(Doubt)
		in.Open, in.Call = []Earlier{transferBefore(outcome)}, call
		k.step(in)
		k.want(ScreenAgain, says)
		k.want(ScreenAgain, "1 Do not repeat\n9 Send again")
	}
}

func TestADoubtNeedsACallThatIsOutstanding(t *testing.T) {
	k, call := toTheCall(t, "en")
	waiting := k.turn.State
	in := k.input(Doubt)
	if _, err := k.p.Step(waiting, in); !errors.Is(err, ErrInput) {
		t.Errorf("without the earlier one: %v", err)
	}
	in.Open = []Earlier{transferBefore(Done)}
	if _, err := k.p.Step(waiting, in); !errors.Is(err, ErrInput) {
		t.Errorf("without the call: %v", err)
	}
	in.Call = &Call{Name: call.Name}
	if _, err := k.p.Step(waiting, in); !errors.Is(err, ErrInput) {
		t.Errorf("without its secret: %v", err)
	}
	in.Call = call
	k.begin("en")
	if _, err := k.p.Step(k.turn.State, in); !errors.Is(err, ErrNoCall) {
		t.Errorf("without a call: %v", err)
	}
}

func TestTheDialogueThatIsAskedForASecondTimeBreaksOffWithoutItsPIN(t *testing.T) {
	p, _ := club(t).Program("club")
	if p.Resume().Mode == "restart" {
		t.Fatal("the menu takes nothing up")
	}
	k, call := toTheCall(t, "en")
	in := k.input(Doubt)
	in.Open, in.Call = []Earlier{transferBefore(Done)}, call
	k.step(in)
	st := k.turn.State
	k.p.resume = Resume{Mode: "ask", Within: time.Minute}
	kept, ok := k.p.Dropped(st)
	if !ok || len(kept.sealed) != 0 || kept.ask != nil || k.p.screens[kept.screen].kind.calls() {
		t.Errorf("%v %+v", ok, kept)
	}
}

func TestAPINIsNotAskedForInVain(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	for word := range strings.SplitSeq("1|0700000002|5000|@done name=ASHA", "|") {
		k.do(word)
	}
	k.down = map[string]Unavailable{"transfer": {Until: testNow.Add(11 * time.Hour)}}
	k.do("@done fee=50")
	k.want("not_sent", "No money moved. The service is back at 21:00.")
	k.want("not_sent", "1 Tell me by SMS when it is back")
	k.do("1")
	if c := k.turn.Call; c == nil || c.Name != CallTell || c.Action || c.Args[0].Text != "transfer" {
		t.Fatalf("%+v", c)
	}
	k.do("@other")
	k.want("not_sent", "The service is not available now. Nothing was sent.")
	k.do("1")
	k.do("@done")
	k.want("not_sent", "You will get an SMS when it is back.")
	if strings.Contains(k.turn.Screen.Text, "1 Tell") {
		t.Errorf("it is offered again: %q", k.turn.Screen.Text)
	}
}

func TestWhoWaitsWaitsForTheCoreAndNotForTheGateway(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{"balance": {}}}
	k.begin("en")
	k.do("5")
	k.want("balance_away", "1 SMS my last known balance")
	k.do("1")
	k.do("@down")
	k.want("read_failed", "1 Tell me by SMS when it is back")
	k.do("1")
	if c := k.turn.Call; c == nil || c.Name != CallTell || c.Args[0].Text != "balance" {
		t.Errorf("%+v", c)
	}
}

func TestAServiceThatIsBackMeanwhileIsNoLongerExplained(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{"transfer": {}}}
	k.begin("en")
	k.do("1")
	k.want(ScreenUnavailable, "1 Tell me")
	k.down = nil
	k.do("7")
	k.want("home", "Wrong choice.")
}

func TestAnOptionMayLeadElsewhereWhileItCannotBeChosen(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	for _, rest := range []string{"", "5"} {
		k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{"balance": {Until: testNow.Add(time.Hour)}}}
		in := k.input(Begin)
		in.Language, in.Text = "en", Typed(rest)
		k.step(in)
		if rest == "" {
			k.do("5")
		}
		k.want("balance_away", "Try again at 11:00.")
		k.do("1")
		if c := k.turn.Call; c == nil || c.Name != CallLastBalance || len(c.Args) != 0 {
			t.Fatalf("%+v", c)
		}
	}
}

func TestAScreenSendsItsSMSOnce(t *testing.T) {
	for _, lang := range []string{"en", "sw", "fr", "am"} {
		p, _ := wallet(t).Program("self")
		k := &talk{t: t, p: p, visited: map[string]bool{}}
		k.begin(lang)
		k.do("4")
		k.do("8642")
		k.do("@done rows")
		k.want("statement_sent", "SMS")
		if n := strings.Count(k.turn.SMS, "\n"); n < 2 {
			t.Errorf("%s: %q", lang, k.turn.SMS)
		}
		again, err := p.Step(k.turn.State, k.input(Show))
		if err != nil || again.SMS != "" {
			t.Errorf("shown again it sends %q, %v", again.SMS, err)
		}
	}
}

func TestAnSMSHasAsManyRowsAsFit(t *testing.T) {
	p, _ := wallet(t).Program("self")
	for _, lang := range []string{"en", "am"} {
		k := &talk{t: t, p: p, visited: map[string]bool{}}
		k.begin(lang)
		k.do("4")
		k.do("8642")
		in := k.input(Answer)
		in.Result.Outcome = Done
		for range maxRows {
			in.Result.Rows = append(in.Result.Rows, []Value{{Name: "amount", Text: "1000000"}, {Name: "kind", Text: "transfer"},
				{Name: "date", Text: "2026-11-24T09:00:00+03:00"}, {Name: "party", Text: "255700000002"}, {Name: "ref", Text: "QK7T2M1234567890"}})
		}
		k.step(in)
		limit := maxSMS.Septets
		if lang == "am" {
			limit = maxSMS.UCS2
		}
		if n := cost([]byte(k.turn.SMS), lang == "am"); n > limit || n < limit/2 {
			t.Errorf("%s: %d of %d", lang, n, limit)
		}
	}
}

func TestTheNewPINIsTypedTwiceAndLeavesWithTheCall(t *testing.T) {
	p, _ := wallet(t).Program("self")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	for _, word := range []string{"3", "8642", "8642", "9999"} {
		k.do(word)
	}
	k.want("pin_repeat", "The two entries differ.")
	k.do("8642")
	c := k.turn.Call
	if c == nil || c.Name != "change_pin" || c.Action || len(c.Args) != 2 {
		t.Fatalf("%+v", c)
	}
	for _, a := range c.Args {
		if a.Text != "" || len(a.Sealed) == 0 {
			t.Errorf("%s is not sealed", a.Name)
		}
	}
	if len(k.turn.State.sealed) != 0 {
		t.Errorf("%d secrets are left", len(k.turn.State.sealed))
	}
	k.do("@done")
	k.want("pin_changed", "")
	if !strings.Contains(k.turn.SMS, "If it was not you") {
		t.Errorf("%q", k.turn.SMS)
	}
}

func TestADamagedQuestionIsNoState(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := dialled(t, p, "en", "", transferBefore(Pending))
	good, err := k.turn.State.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for _, by := range []byte{1, 0x80, 0xff} {
			bad := slices.Clone(good)
			bad[i] ^= by
			var st State
			if st.UnmarshalBinary(bad) != nil {
				continue
			}
			for _, kind := range []InputKind{Show, Keys} { // whatever it says, it is a screen or an error
				in := k.input(kind)
				in.Text = "1"
				_, _ = p.Step(st, in)
			}
		}
	}
	var st State
	for _, a := range []asking{{kind: askAgain, said: []Earlier{transferBefore(Done)}}, {kind: askTell, option: 90}} {
		st = k.turn.State
		st.ask = &a
		if _, err := p.Step(st, k.input(Show)); !errors.Is(err, ErrState) {
			t.Errorf("%+v on %s: %v", a, p.Start(), err)
		}
	}
}

func TestABusyOptionIsMarkedInEveryLanguageAndUnavailableStandsAboveBusy(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	for lang, mark := range map[string]string{"en": "(very busy)", "sw": "(msongamano mkubwa)", "fr": "(très sollicité)", "am": "(በጣም ተጨናንቋል)"} {
		k := &talk{t: t, p: p, visited: map[string]bool{}, busy: map[string]bool{"transfer": true}}
		k.begin(lang)
		first, _, _ := strings.Cut(k.turn.Screen.Text, "\n2 ")
		if !strings.HasSuffix(first, " "+mark) || strings.Count(k.turn.Screen.Text, mark) != 1 {
			t.Errorf("%s: %q", lang, k.turn.Screen.Text)
		}
		k.do("1")
		k.want("send_to", "")
		k.do("0")
		k.down = map[string]Unavailable{"transfer": {}}
		k.step(k.input(Show))
		if strings.Contains(k.turn.Screen.Text, mark) {
			t.Errorf("%s: busy, and away: %q", lang, k.turn.Screen.Text)
		}
		k.do("1")
		k.want(ScreenUnavailable, "")
	}
}

func TestAnOptionOfOnePartyIsBusyWithItsCall(t *testing.T) {
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}, busy: map[string]bool{"billpay": true}}
	k.begin("en")
	for k.turn.Screen.ID == "home" && !strings.Contains(k.turn.Screen.Text, "Pay bill") {
		k.do("98")
	}
	if !strings.Contains(k.turn.Screen.Text, "3 Pay bill (very busy)") {
		t.Fatalf("%q", k.turn.Screen.Text)
	}
	k.do("3")
	if !strings.Contains(k.turn.Screen.Text, "1 Electricity (LUKU) (very busy)") {
		t.Errorf("%q", k.turn.Screen.Text)
	}
}
