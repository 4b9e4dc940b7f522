package dialog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/menus"
	"nyota/sessions"
)

// sms claims what waits to be sent.
func (b *bench) sms() []sessions.Notice {
	b.t.Helper()
	records, err := b.store.Claim(b.t.Context(), sessions.QueueNotices, "sender", b.now(), 100*time.Hour, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	var all []sessions.Notice
	for _, r := range records {
		if n, ok := r.(*sessions.Notice); ok {
			all = append(all, *n)
		}
	}
	return all
}

// wishes is what a process knows that has just begun.
func (b *bench) wishes() *wishes { return &wishes{d: b.Dialog, calls: map[string]presence{}} }

// wish has the customer ask to be told when transfers are back, while they are
// away.
func (b *bench) wish() {
	b.t.Helper()
	b.dial("home")
	b.press("1", menus.ScreenUnavailable)
	if r := b.press("1", "home"); !strings.Contains(r.Text, "You will get an SMS when it is back.") {
		b.t.Fatalf("%q", r.Text)
	}
}

// told runs the wishes for some time, and returns the SMS that they led to.
func (b *bench) told(w *wishes, d time.Duration) []sessions.Notice {
	b.t.Helper()
	for end := b.now().Add(d); b.now().Before(end); {
		b.advance(time.Second)
		w.grant(b.t.Context(), b.now())
	}
	return b.sms()
}

func TestWhoAskedIsToldOnceWhenTheServiceIsBack(t *testing.T) {
	b := newBench(t)
	b.calls.down = true
	for range 2 { // asked twice is asked once
		b.wish()
	}
	w := b.wishes()
	if n := b.told(w, 10*time.Minute); len(n) != 0 {
		t.Fatalf("told while it is away: %+v", n)
	}
	b.calls.down = false
	if n := b.told(w, 20*time.Second); len(n) != 0 {
		t.Fatalf("told at its first breath: %+v", n)
	}
	b.restart("node-2") // the gateway that was asked is gone
	w = b.wishes()
	all := b.told(w, 3*time.Minute)
	if len(all) != 1 || all[0].To != customer || all[0].Text != "Transfer: the service is back. Dial *150*00#." || all[0].Action != "" {
		t.Fatalf("%+v", all)
	}
	if n := b.told(w, 2*time.Minute); len(n) != 0 {
		t.Errorf("told again: %+v", n)
	}
	// And may ask the next time.
	b.calls.down = true
	b.wish()
	b.calls.down = false
	if n := b.told(w, 4*time.Minute); len(n) != 1 {
		t.Errorf("the next time: %+v", n)
	}
}

func TestNobodyIsToldThatAServiceIsBackWhichOperatorsClosed(t *testing.T) {
	b := newBench(t)
	plans := closures{"transfer": {}}
	b.Plans = plans
	b.wish()
	w := b.wishes()
	if n := b.told(w, 10*time.Minute); len(n) != 0 {
		t.Fatalf("told while the notice stands: %+v", n)
	}
	delete(plans, "transfer")
	if n := b.told(w, 3*time.Minute); len(n) != 1 {
		t.Errorf("when it is cleared: %+v", n)
	}
}

func TestNobodyIsToldThatAServiceIsBackWhileOthersFindNoRoom(t *testing.T) {
	b := newBench(t)
	b.calls.down = true
	b.wish()
	b.calls.down = false
	w := b.wishes()
	for range 60 { // a brownout: the heartbeat is well, and one in ten seconds is turned away
		b.calls.full = b.now()
		if n := b.told(w, 10*time.Second); len(n) != 0 {
			t.Fatalf("told while others are turned away: %+v", n)
		}
	}
	if n := b.told(w, 3*time.Minute); len(n) != 1 {
		t.Errorf("when there is room again: %+v", n)
	}
}

func TestAfterARestartNobodyIsToldBeforeTheCoreHasProvedForSomeTimeThatItWorks(t *testing.T) {
	b := newBench(t)
	b.calls.down = true
	b.wish()
	b.restart("node-2")
	b.calls.down, b.calls.silent = false, true // what nobody has asked yet is not known to be down
	w := b.wishes()
	if n := b.told(w, 10*time.Minute); len(n) != 0 {
		t.Fatalf("told without any proof: %+v", n)
	}
	b.calls.works = b.now()
	if n := b.told(w, 10*time.Minute); len(n) != 0 {
		t.Fatalf("told after one proof: %+v", n)
	}
	b.calls.silent = false
	if n := b.told(w, 3*time.Minute); len(n) != 1 {
		t.Errorf("with a heartbeat: %+v", n)
	}
}

func TestWhoWaitsIsToldInTurn(t *testing.T) {
	b := newBench(t)
	b.TellRate = 2
	for _, call := range []string{"transfer", "balance", "billpay", "airtime", "withdrawal"} {
		w := sessions.Wish{MSISDN: customer, Call: call, Code: "*150*00#", Language: "sw", Asked: b.now(), Expires: b.now().Add(time.Hour), Due: b.now()}
		if err := b.store.Put(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
	}
	w := b.wishes()
	if n := b.told(w, 30*time.Second); len(n) != 0 {
		t.Fatalf("told too soon: %+v", n)
	}
	for _, want := range []int{2, 2, 1, 0} {
		if n := b.told(w, time.Second); len(n) != want {
			t.Errorf("%d SMS in a second, want %d", len(n), want)
		}
	}
}

func TestNobodyIsToldWhoWaitedTooLong(t *testing.T) {
	b := newBench(t)
	b.calls.down = true
	b.wish()
	b.advance(25 * time.Hour)
	b.calls.down = false
	if n := b.told(b.wishes(), time.Minute); len(n) != 0 {
		t.Errorf("%+v", n)
	}
	if wish, err := b.store.Wish(t.Context(), customer, "transfer"); err == nil && !wish.Granted {
		t.Errorf("%+v", wish)
	}
}

func TestWhoWasPromisedAnSMSGetsItHoweverLateTheKnownEndIs(t *testing.T) {
	b := newBench(t)
	w := b.wishes()
	b.calls.down = true
	b.wish() // nobody knows yet for how long
	b.calls.until = b.now().Add(72 * time.Hour)
	b.wish()
	b.advance(73 * time.Hour)
	if n := b.told(w, time.Minute); len(n) != 0 {
		t.Fatalf("told while it is away: %+v", n)
	}
	b.calls.down = false
	if n := b.told(w, 3*time.Minute); len(n) != 1 {
		t.Errorf("when it is back, three days later: %+v", n)
	}
	// But nobody is waited for without end.
	b.calls.down, b.calls.until = true, b.now().AddDate(30, 0, 0)
	b.wish()
	wish, err := b.store.Wish(t.Context(), customer, "transfer")
	if err != nil || wish.Expires.Sub(b.now()) > longestAway+b.TellWithin {
		t.Errorf("%+v, %v", wish, err)
	}
}

func TestAWishThatCannotBeNotedIsNotPromised(t *testing.T) {
	b := newBench(t)
	b.calls.down = true
	b.dial("home")
	b.press("1", menus.ScreenUnavailable)
	b.store.putAway = errAway
	if r := b.press("1", "home"); strings.Contains(r.Text, "You will get an SMS") || !strings.Contains(r.Text, "not available") {
		t.Errorf("%q", r.Text)
	}
}

func TestTheLastBalanceComesBySMSAndNotOnTheScreen(t *testing.T) {
	b := newBench(t)
	b.toPIN()
	b.press("1234", "sent")
	paid := b.now()
	b.dial("home")
	b.advance(b.now().Truncate(sameWithin).Add(time.Hour).Sub(b.now())) // the ten minutes begin
	b.calls.down = true
	b.dial("home")
	r := b.press("5", "balance_away")
	if r.Secret || strings.Contains(r.Text, "994,950") {
		t.Fatalf("%+v", r)
	}
	again := func(says, lacks string) {
		t.Helper()
		b.dialling("*150*00*5#", "balance_away")
		r := b.press("1", "balance_texted")
		if strings.Contains(r.Text, "994,950") || !strings.Contains(r.Text, says) || strings.Contains(r.Text, lacks) {
			t.Errorf("%q", r.Text)
		}
	}
	again("comes by SMS", "was sent")
	asked := b.now()
	again("comes by SMS", "was sent") // it has not left yet
	all := b.sms()
	if len(all) != 1 || all[0].To != customer || !strings.Contains(all[0].Text, "TZS 994,950") || !strings.Contains(all[0].Text, paid.UTC().Format("02/01/2006 at 15:04")) {
		t.Fatalf("%+v, paid %v", all, paid)
	}
	all[0].State, all[0].Due = sessions.NoticeSubmitted, time.Time{}
	if err := b.store.Put(t.Context(), &all[0]); err != nil {
		t.Fatal(err)
	}
	again("was sent to you by SMS at "+asked.UTC().Format("15:04")+".", "comes by SMS")
	if n := b.sms(); len(n) != 0 {
		t.Errorf("a second one at once: %+v", n)
	}
	b.advance(time.Hour)
	again("comes by SMS", "was sent")
	all = b.sms()
	if len(all) != 1 {
		t.Fatalf("an hour later: %+v", all)
	}
	all[0].State, all[0].Due = sessions.NoticeFailed, time.Time{}
	if err := b.store.Put(t.Context(), &all[0]); err != nil {
		t.Fatal(err)
	}
	b.dialling("*150*00*5#", "balance_away")
	b.press("1", "read_failed") // one that cannot be sent is not promised
}

func TestABalanceThatOnlyAScreenToldIsNotSentBySMS(t *testing.T) {
	b := newBench(t)
	b.core.read = func(r core.Request) (core.Outcome, error) {
		return core.Outcome{Status: core.Done, Fields: core.Args{{Name: "balance", Value: "777"}}}, nil
	}
	b.dialling("*150*00*5#", "balance_pin")
	b.press("1234", "balance_show")
	b.calls.down = true
	b.dialling("*150*00*5#", "balance_away")
	b.press("1", "balance_unknown")
	if n := b.sms(); len(n) != 0 {
		t.Errorf("%+v", n)
	}
}

func TestAStatementIsSentWithTheScreenThatPromisesIt(t *testing.T) {
	b := newBench(t)
	b.core.read = func(core.Request) (core.Outcome, error) {
		return core.Outcome{Status: core.Done, Rows: []core.Args{{{Name: "amount", Value: "5000"}, {Name: "kind", Value: "transfer"},
			{Name: "date", Value: "2026-11-23T18:20:00+03:00"}, {Name: "direction", Value: "out"}}}}, nil
	}
	b.dialling("*150*02*4#", "statement_pin")
	b.press("1234", "statement_sent")
	all := b.sms()
	if len(all) != 1 || all[0].To != customer || all[0].Text != "Your last transactions:\n23/11 Transfer -5,000" {
		t.Fatalf("%+v", all)
	}
	b.dialling("*150*02*4#", "statement_pin")
	b.store.take(errAway)
	if r := b.press("1234", "unsure"); !r.End {
		t.Errorf("%+v", r)
	}
	b.store.take(nil)
	if n := b.sms(); len(n) != 0 {
		t.Errorf("an SMS without its screen: %+v", n)
	}
}

func TestM6BothPINsReachTheCoreAndNothingElse(t *testing.T) {
	b := newBench(t)
	var pins []string
	b.core.read = func(r core.Request) (core.Outcome, error) {
		pins = append(pins, r.Call, string(r.PIN.Reveal()), string(r.NewPIN.Reveal()))
		if r.Args.Get("pin") != "" || r.Args.Get("new_pin") != "" {
			t.Errorf("a PIN among %+v", r.Args)
		}
		return core.Outcome{}, errors.New("timeout")
	}
	b.dialling("*150*02*3#", "pin_old")
	b.press("1234", "pin_new")
	b.press("8642", "pin_repeat")
	s, err := b.store.Load(t.Context(), key())
	if err != nil || strings.Contains(string(s.State), "1234") || strings.Contains(string(s.State), "8642") {
		t.Fatalf("stored %q, %v", s.State, err)
	}
	b.press("8642", "pin_unsure")
	if len(pins) != 3 || pins[0] != core.ChangePIN || pins[1] != "1234" || pins[2] != "8642" {
		t.Errorf("%q", pins)
	}
}

// plans are what operators closed, by name.
type plans map[string]bool

func (p plans) Closed(name string) (menus.Unavailable, bool) {
	call, _ := menus.CutParty(name)
	return menus.Unavailable{}, p[name] || p[call]
}

func (plans) Notice() *menus.Unavailable { return nil }

func TestWhatOperatorsClosedIsNotBackBecauseTheCoreAnswers(t *testing.T) {
	for name, press := range map[string][]string{
		"transfer":       {"1"},
		"billpay/100100": {"98", "3", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			closed := plans{name: true}
			b.Plans = closed
			r := b.dial("home")
			for _, key := range press {
				r, _ = b.say(b.message(Answer, key))
			}
			if r.Screen != menus.ScreenUnavailable {
				t.Fatalf("%+v", r)
			}
			if r, _ := b.say(b.message(Answer, "1")); !strings.Contains(r.Text, "You will get an SMS when it is back.") {
				t.Fatalf("%q", r.Text)
			}
			w := b.wishes()
			if n := b.told(w, 10*time.Minute); len(n) != 0 {
				t.Fatalf("told while it is closed: %+v", n)
			}
			delete(closed, name)
			if n := b.told(w, 6*time.Minute); len(n) != 1 || !strings.Contains(n[0].Text, "the service is back. Dial *150*00#.") || strings.Contains(n[0].Text, "/") {
				t.Fatalf("%+v", n)
			}
		})
	}
}
