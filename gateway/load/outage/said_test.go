package outage

import (
	"strings"
	"testing"
	"time"

	"nyota/sessions"
)

func TestWhatPeopleReadIsUnderstood(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []Saying
	}{
		{"Transfer TZS 1,234 to 0600000002 (ref AB12CD34): still checking. Do not repeat. You will get an SMS.\n1 Continue",
			[]Saying{{Ref: "AB12CD34", Says: SaysChecking, Amount: "1234"}}},
		{"Bill TZS 900 to 100100 (ref TR1/AB12CD34) was done.\n1 Continue", []Saying{{Ref: "TR1/AB12CD34", Says: SaysMoved, Amount: "900"}}},
		{"Transfer TZS 1,234 to 0600000002 (ref A) was not done: Wrong PIN. No money moved.\nBalance (ref B) was not sent. No money moved. You can try again.",
			[]Saying{{Ref: "A", Says: SaysNothing, Amount: "1234"}, {Ref: "B", Says: SaysNothing}}},
		{"You did this at 20:15: Transfer TZS 1,234 to 0600000002 (ref A), still checking. A second time may pay twice.\n1 Do not repeat\n9 Send again",
			[]Saying{{Ref: "A", Says: SaysChecking, Amount: "1234"}}},
		{"You did this at 20:15: Transfer TZS 1,234 to 0600000002 (ref A), done. A second time pays again.", []Saying{{Ref: "A", Says: SaysMoved, Amount: "1234"}}},
		{"Received, ref AB12CD34. We are checking. Do not repeat. You will get an SMS.", []Saying{{Ref: "AB12CD34", Says: SaysChecking}}},
		{"Your request AB12CD34 is received. We are checking it. Do not repeat it.", []Saying{{Ref: "AB12CD34", Says: SaysChecking}}},
		{"TR1 confirmed.", []Saying{{Ref: "TR1", Says: SaysMoved}}},
		{"TR1/AB12CD34 You sent TZS 1,234 to 0600000002.", []Saying{{Ref: "TR1/AB12CD34", Says: SaysMoved}}},
		{"TR1 You paid TZS 900.", []Saying{{Ref: "TR1", Says: SaysMoved}}},
		{"TR1 You received TZS 900 from 0600000001.", []Saying{{Ref: "TR1", Says: SaysMoved}}},
		{"AB12CD34 Your request of TZS 900 was not done: Wrong PIN. No money moved.", []Saying{{Ref: "AB12CD34", Says: SaysNothing}}},
		{"AB12CD34 Your request of TZS 900 was not sent. No money moved. You can try again.", []Saying{{Ref: "AB12CD34", Says: SaysNothing}}},
		{"Something new.", []Saying{{}}},
	} {
		got := Sayings(tc.text)
		ok := len(got) == len(tc.want)
		for i := range min(len(got), len(tc.want)) {
			tc.want[i].text = tc.text
			ok = ok && got[i] == tc.want[i]
		}
		if !ok {
			t.Errorf("%q says %+v, want %+v", tc.text, got, tc.want)
		}
	}
}

// night1 is a meter with two payments of one errand, of which the first became
// known late.
func night1(insisted bool) *meter {
	m := newMeter(time.Now())
	m.begin(time.Now(), Health{})
	for i, id := range []string{"a", "b"} {
		k := sessions.Key{Network: "night", MSISDN: number(1), ID: id}
		m.changed(sessions.Action{ID: id, Session: k, State: sessions.Sent})
		m.changed(sessions.Action{ID: id, Session: k, State: sessions.Done, Ref: "T" + id})
		m.notice(sessions.Notice{ID: id + "/customer/done", Action: id, Text: "T" + id + "/" + id + " You sent TZS 1,000 to 0600000002."})
		m.ended(k, attempt{errand: 1, screen: []string{"checking", "sent"}[i]})
	}
	if insisted {
		m.insist(1)
	}
	return m
}

func TestSecondPaymentIsTheCustomersOwnOnlyIfHeAskedForIt(t *testing.T) {
	both := map[string]int{"a": 1, "b": 1}
	if got := night1(true).truth(both); got.wrong != 0 || got.again != 1 || got.unasked != 0 || got.twice != 0 || got.insisted != 1 {
		t.Errorf("after send again: %+v", got)
	}
	if got := night1(false).truth(both); got.again != 0 || got.unasked != 1 || got.twice != 0 {
		t.Errorf("unasked: %+v", got)
	}
	if got := night1(true).truth(map[string]int{"a": 2, "b": 1}); got.twice != 1 || got.unasked != 1 {
		t.Errorf("one action that took effect twice: %+v", got)
	}
}

func TestWordsOnAnyScreenAndInAnySMSAreHeldAgainstWhatHappened(t *testing.T) {
	for _, tc := range []struct{ name, screen, text, want string }{
		{"true", "open", "Transfer TZS 1,000 to 0600000002 (ref Ta/a) was done.", ""},
		{"open says done", "open", "Transfer TZS 1,000 to 0600000002 (ref b) was done.", "and none did"},
		{"open says not sent", "open", "Transfer TZS 1,000 to 0600000002 (ref a) was not sent. No money moved.", "and it did"},
		{"open says refused", "open", "Transfer TZS 1,000 (ref Ta) was not done: Wrong PIN. No money moved.", "and it did"},
		{"again says done", "again", "You did this at 20:15: Transfer TZS 1,000 (ref b), done. A second time pays again.", "and none did"},
		{"sent", "sent", "Tb confirmed.", "and none did"},
		{"another's reference", "checking", "Received, ref ZZ. We are checking.", "no action has"},
		{"two references of two", "open", "Transfer TZS 1,000 (ref Ta/b) was done.", "two actions"},
		{"words that nobody knows", "open", "Whatever.", "nothing is said"},
		{"SMS says sent", "", "Tb You sent TZS 1,000 to 0600000002.", "and none did"},
		{"SMS says not done", "", "Ta Your request of TZS 1,000 was not done: Wrong PIN. No money moved.", "and it did"},
		{"SMS to the payee", "", "Tb You received TZS 1,000 from 0600000001.", "and none did"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMeter(time.Now())
			m.begin(time.Now(), Health{})
			for _, id := range []string{"a", "b"} {
				m.called(id, id)
				m.called("T"+id, id)
			}
			if tc.screen != "" {
				m.read(tc.screen, tc.text)
			} else {
				m.told(tc.text, "")
			}
			got := m.truth(map[string]int{"a": 1})
			if tc.want == "" && got.wrong != 0 || tc.want != "" && (got.wrong != 1 || !strings.Contains(got.detail[0], tc.want)) {
				t.Errorf("%d wrong: %q, want %q", got.wrong, got.detail, tc.want)
			}
		})
	}
	m := newMeter(time.Now())
	m.called("a", "a")
	m.told("a You sent TZS 1,000 to 0600000002.", "b")
	if got := m.truth(map[string]int{"a": 1}); got.wrong != 1 {
		t.Errorf("an SMS about one action with the reference of another: %+v", got)
	}
}
