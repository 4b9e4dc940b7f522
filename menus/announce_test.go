package menus

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func announcing(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load(os.DirFS("catalog"), DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func inAll(c *Catalog, text string) map[string]string {
	all := map[string]string{}
	for _, lang := range c.Languages() {
		all[lang] = text
	}
	return all
}

func TestAnnouncementIsCheckedAsMenusAre(t *testing.T) {
	c := announcing(t)
	with := func(lang, text string) map[string]string {
		all := inAll(c, "Closed")
		all[lang] = text
		return all
	}
	without := inAll(c, "Closed")
	delete(without, "sw")
	for _, tc := range []struct {
		name  string
		texts map[string]string
		timed bool
		want  string // "": it is good
	}{
		{"a plain one", inAll(c, "Closed"), false, ""},
		{"with its time", inAll(c, "Closed till {until}"), true, ""},
		{"with its time if there is one", inAll(c, "Closed{until? till {until}}"), false, ""},
		{"a time that nobody gave", with("en", "Closed till {until}"), false, "text en:1:13: unset-variable"},
		{"an unknown variable", with("en", "Closed till {untill}"), true, "text en:1:13: unknown-variable there is no {untill} here"},
		{"a broken placeholder", with("en", "Closed till {until"), true, "text en:1:13: bad-template"},
		{"a language less", without, false, "text sw: missing-translation"},
		{"a language more", with("xx", "Closed"), false, "text xx:1:1: unknown-language"},
		{"nothing in it", with("fr", " "), false, "text fr:1:1: empty-text"},
		{"a control character", with("fr", "a\x07"), false, "text fr:1:1: bad-character"},
		{"too long", with("en", strings.Repeat("a", 183)), false, "text en:1:1: text-too-long it takes 183 of 182 septets"},
		{"too long with its time", with("en", strings.Repeat("a", 175)+"{until}"), true, "text en:1:1: text-too-long it takes 186 of 182 septets"},
		{"too long in UCS-2", with("am", strings.Repeat("አ", 81)), false, "text am:1:1: text-too-long it takes 81 of 80 UTF-16 units"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.Announcement(tc.texts, tc.timed)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var problems Problems
			if !errors.As(err, &problems) || !strings.HasPrefix(problems[0].String(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestAnnouncementSaysItsTimeInTheOperatorsZone(t *testing.T) {
	c := announcing(t)
	texts := inAll(c, "Closed till {until}")
	texts["sw"] = "Imefungwa hadi {until}"
	a, err := c.Announcement(texts, true)
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("EAT", 3*3600)
	now := time.Date(2026, 12, 8, 21, 0, 0, 0, zone)
	until := time.Date(2026, 12, 8, 19, 30, 0, 0, time.UTC)
	if s := a.Text("sw", until, now); s != "Imefungwa hadi 22:30" {
		t.Errorf("%q", s)
	}
	if s := a.Text("de", until.AddDate(0, 0, 1), now); !strings.HasSuffix(s, " 09/12 22:30") {
		t.Errorf("another day, a language that the menus lack: %q", s)
	}
	why := Unavailable{Until: until}
	if s := c.Closed("en", why, now); !strings.Contains(s, "maintenance until 22:30") {
		t.Errorf("in the catalog's words: %q", s)
	}
	if s := c.Closed("en", Unavailable{}, now); !strings.Contains(s, "maintenance. Please try again later") {
		t.Errorf("without a time: %q", s)
	}
	why.Words = a
	if s := c.Closed("en", why, now); s != "Closed till 22:30" {
		t.Errorf("in the operator's words: %q", s)
	}
}

func TestOperatorsWordsStandBeforeThePINAndInFrontOfTheFirstScreen(t *testing.T) {
	c := announcing(t)
	p, _ := c.Program("wallet")
	words, err := c.Announcement(inAll(c, "Sending rests till {until}."), true)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 12, 8, 21, 0, 0, 0, time.UTC)
	in := Input{Kind: Begin, Customer: "255700000001", Language: "en", Now: now,
		Notice: func(lang string) string { return "Happy holidays (" + lang + ")" },
		Down: func(call string) (Unavailable, bool) {
			return Unavailable{Until: now.Add(time.Hour), Words: words}, call == "transfer"
		}}
	turn, err := p.Step(State{}, in)
	if err != nil {
		t.Fatal(err)
	}
	if s := turn.Screen.Text; !strings.HasPrefix(s, "Happy holidays (en)\n") || !strings.Contains(s, "(unavailable till 22:00)") {
		t.Errorf("first screen %q", s)
	}
	in.Kind, in.Text = Keys, "1"
	if turn, err = p.Step(turn.State, in); err != nil {
		t.Fatal(err)
	}
	if s := turn.Screen.Text; !strings.HasPrefix(s, "Sending rests till 22:00.\n") || strings.Contains(s, "holidays") {
		t.Errorf("the option that is closed: %q", s)
	}
}
