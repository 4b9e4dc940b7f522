package menus

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testdata/states has states of the shipped menus as releases wrote them, each with
// the source of the menus of its time. The files are never written again: they are
// what customers may be in the middle of when a gateway is replaced. -pin makes a
// folder of what this release writes.
var pin = flag.String("pin", "", "write the states of this release to testdata/states/NAME")

// moment is where a dialogue is: what leads there, and a step beyond.
type moment struct {
	name string
	menu string
	lang string
	way  string // a script of talk.do, after the dial
	says string // what the screen or the call has of it
	then string // one word more
	down string // the call that cannot be made
}

// moments have each kind of screen of each menu, and each question of the engine's
// own.
var moments = []moment{
	{"menu", "wallet", "en", "", "Send money", "1", ""},
	{"input", "wallet", "sw", "1|0700000002", "0700000002", "5000", ""},
	{"input-wrong", "wallet", "fr", "1|0700000002|12", "0700000002", "5000", ""},
	{"fetch", "wallet", "en", "1|0700000002|5000", "to=255700000002", "@done name=ASHA JUMA", ""},
	{"fetch-second", "wallet", "en", "1|0700000002|5000|@done name=ASHA JUMA", "amount=5000", "@done fee=50", ""},
	{"pin", "wallet", "en", "1|0700000002|5000|@done name=ASHA JUMA|@done fee=50", "TZS 5,000 to 0700000002 ASHA JUMA. Fee TZS 50", testPIN, ""},
	{"pin-wrong", "wallet", "en", "1|0700000002|5000|@done name=ASHA JUMA|@done fee=50|8642|@wrong_pin", "Wrong PIN", testPIN, ""},
	{"action", "wallet", "en", "1|0700000002|5000|@done name=ASHA JUMA|@done fee=50|8642", "amount=5000", "@unknown", ""},
	{"confirm", "wallet", "sw", "3|4|123456|@done name=SHULE YA MSINGI", "SHULE YA MSINGI", "1", ""},
	{"message", "wallet", "en", "5|8642|@done balance=994950", "994,950", "0", ""},
	{"short-of-money", "wallet", "am", "1|0700000002|5000|@done name=ASHA JUMA|@done fee=50|8642|@insufficient_funds", "5,000", "1", ""},
	{"away", "wallet", "en", "5|8642|@down", "Tell me by SMS", "2", ""},
	{"tell", "wallet", "en", "1", "Tell me by SMS", "1", "transfer"},
	{"noting", "wallet", "en", "5|8642|@down|2", "call=balance", "@done", ""},
	{"told", "wallet", "en", "5|8642|@down|2|@done", "You will get an SMS", "0", ""},
	{"page", "wallet", "am", "6|8642|@done rows|98", "LUKU", "0", ""},
	{"shortcut", "wallet", "en", "*1*0700000002*5000", "to=255700000002", "@done name=ASHA JUMA", ""},
	{"open", "wallet", "en", "?", "AB12CD34", "1", ""},
	{"open-shortcut", "wallet", "sw", "?1*0700000002*5000", "AB12CD34", "1", ""},
	{"again", "wallet", "en", "1|0700000002|5000|@done name=ASHA JUMA|@done fee=50|8642|!", "AB12CD34", "9", ""},
	{"agent-menu", "agent", "fr", "7", "langue", "1", ""},
	{"agent-input", "agent", "en", "2|10001|@done name=DUKA LA MAMA NEEMA", "DUKA LA MAMA NEEMA", "20000", ""},
	{"agent-fetch", "agent", "en", "2|10001|@done name=DUKA|20000", "amount=20000", "@done fee=1200", ""},
	{"agent-pin", "agent", "sw", "1|0700000002|20000|@done name=ASHA JUMA", "ASHA JUMA", testPIN, ""},
	{"agent-action", "agent", "en", "1|0700000002|20000|@done name=ASHA JUMA|8642", "amount=20000", "@unknown", ""},
	{"agent-message", "agent", "en", "1|0700000001|20000", "your own number 0700000001", "1", ""},
	{"agent-list", "agent", "en", "6|8642|@done rows", "5 transactions", "2", ""},
	{"agent-row", "agent", "en", "6|8642|@done rows|1", "A1", "0", ""},
	{"resume", "agent", "en", "1|0700000002|~", "", "1", ""},
	{"agent-open", "agent", "en", "1|0700000002|~?", "AB12CD34", "1", ""},
	{"self-menu", "self", "am", "", "Nyota", "5", ""},
	{"self-choice", "self", "en", "1", "Phone lost", "2", ""},
	{"self-confirm", "self", "en", "1|2", "Somebody knows my PIN", "1", ""},
	{"self-fetch", "self", "en", "1|2|1|8642", "lock", "@done", ""},
	{"self-second-secret", "self", "en", "3|8642|8642", "again", testPIN, ""},
	{"self-message", "self", "en", "2|AB12CD|@done state=done,amount=5000", "AB12CD is done", "0", ""},
	{"self-resumed", "self", "sw", "2|~", "", "AB12CD", ""},
}

// kinds are what moments must have of each menu, if it has such screens. A choose
// is never waited on, nor is the last page of an end.
var kinds = []kind{kindMenu, kindInput, kindConfirm, kindList, kindMessage, kindFetch, kindAction}

// reach leads a dialogue to the moment.
func (m *moment) reach(k *talk) {
	k.t.Helper()
	words := strings.Split(m.way, "|")
	in := k.input(Begin)
	in.Language = m.lang
	switch first := words[0]; {
	case strings.HasPrefix(first, "?"):
		in.Open, in.Text = []Earlier{transferBefore(Pending)}, Typed(first[1:])
		words = words[1:]
	case strings.HasPrefix(first, "*"):
		in.Text = Typed(first[1:])
		words = words[1:]
	case first == "":
		words = words[1:]
	}
	k.step(in)
	for _, word := range words {
		switch {
		case word == "!":
			in := k.input(Doubt)
			in.Open, in.Call = []Earlier{transferBefore(Done)}, k.turn.Call
			k.step(in)
		case strings.HasPrefix(word, "~"):
			in := k.input(Redial)
			if word == "~?" {
				in.Open = []Earlier{transferBefore(Rejected)}
			}
			k.step(in)
		default:
			k.do(word)
		}
	}
}

// place is where a turn has led.
func (k *talk) place() string {
	if c := k.turn.Call; c != nil {
		return "call " + c.Name + " of " + c.Screen
	}
	return k.turn.Screen.ID
}

func (m *moment) talk(t *testing.T, c *Catalog) *talk {
	t.Helper()
	p, ok := c.Program(m.menu)
	if !ok {
		t.Fatalf("no menu %s", m.menu)
	}
	k := &talk{t: t, p: p, visited: map[string]bool{}, down: map[string]Unavailable{}}
	if m.down != "" {
		k.down[m.down] = Unavailable{}
	}
	return k
}

func TestWriteTheStatesOfThisRelease(t *testing.T) {
	if *pin == "" {
		t.Skip("-pin is not given")
	}
	c := wallet(t)
	dir := filepath.Join("testdata/states", *pin)
	if _, err := os.Stat(dir); err == nil {
		t.Fatalf("%s is there, and is never written again", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, m := range moments {
		k := m.talk(t, c)
		m.reach(k)
		at, state := k.place(), hex.EncodeToString(k.state)
		if !strings.Contains(k.shown(), m.says) {
			t.Fatalf("%s does not say %q:\n%s", m.name, m.says, k.shown())
		}
		k.do(m.then)
		fmt.Fprintln(&out, strings.Join([]string{m.name, m.menu, m.down, at, m.says, m.then, k.place(), state}, "\t"))
	}
	for name, data := range map[string][]byte{"source": c.Source(), "states": []byte(out.String())} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A dialogue that is under way when its gateway is replaced by one of this release
// goes on where it was.
func TestM7StatesOfEarlierReleasesAreGoneOnWith(t *testing.T) {
	dirs, err := filepath.Glob("testdata/states/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%v, %v", dirs, err)
	}
	for _, dir := range dirs {
		source, err := os.ReadFile(filepath.Join(dir, "source"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := LoadSource(source, DefaultEnv(), wallet(t))
		if err != nil {
			t.Fatalf("the menus of %s do not load any more: %v", dir, err)
		}
		states, err := os.ReadFile(filepath.Join(dir, "states"))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(string(states)) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			m := moment{name: f[0], menu: f[1], down: f[2], says: f[4], then: f[5]}
			at, next := f[3], f[6]
			t.Run(filepath.Base(dir)+"/"+m.name, func(t *testing.T) {
				k := m.talk(t, c)
				if k.state, err = hex.DecodeString(f[7]); err != nil {
					t.Fatal(err)
				}
				written := k.state
				k.step(k.input(Show))
				if shown := k.shown(); k.place() != at || !strings.Contains(shown, m.says) {
					t.Fatalf("is at %s, was at %s with %q:\n%s", k.place(), at, m.says, shown)
				}
				if at != ScreenUnavailable && hex.EncodeToString(k.state) != f[7] { // that asks anew whether it is back
					t.Errorf("shown again the state is\n%x, was\n%x", k.state, written)
				}
				for _, name := range []string{at, k.p.menu + " " + kindNames[k.p.screens[k.turn.State.screen].kind]} {
					seen[name] = true
				}
				k.do(m.then)
				if k.place() != next {
					t.Errorf("%q leads to %s, led to %s:\n%s", m.then, k.place(), next, k.shown())
				}
			})
		}
		for _, ask := range []string{ScreenOpen, ScreenAgain, ScreenResume, ScreenUnavailable, "call " + CallTell + " of balance_away"} {
			if !seen[ask] {
				t.Errorf("%s has no state of %s", dir, ask)
			}
		}
		for _, p := range c.programs {
			for i := range p.screens {
				if s := p.screens[i].kind; slices.Contains(kinds, s) && !seen[p.menu+" "+kindNames[s]] {
					t.Errorf("%s has no state of %s on a %s", dir, p.menu, kindNames[s])
					break
				}
			}
		}
	}
}
