package outage

import (
	"regexp"
	"strings"
)

// Claim is what a text says became of one action.
type Claim uint8

// Claims. 0 is none that anybody understands.
const (
	SaysChecking Claim = iota + 1 // nobody knows yet
	SaysMoved                     // it was done
	SaysNothing                   // no money moved
)

// Saying is what somebody was told of one action.
type Saying struct {
	Ref    string // that the text names it by: one, or two with a slash between
	Says   Claim
	Amount string // in digits; "" unless the text names one before the reference
	text   string
	action string // that the text is known to be about; "" if its reference alone says so
}

// forms are how the installation's texts and the night's menu speak of an action:
// on the screens open and again, on last screens, by SMS. The first group is its
// reference.
var forms = []struct {
	says Claim
	re   *regexp.Regexp
}{
	{SaysChecking, regexp.MustCompile(`\(ref ([^)]+)\)[:,] still checking`)},
	{SaysMoved, regexp.MustCompile(`\(ref ([^)]+)\)(?: was done\.|, done\.)`)},
	{SaysNothing, regexp.MustCompile(`\(ref ([^)]+)\) was not (?:done:|sent\.)`)},
	{SaysChecking, regexp.MustCompile(`^Received, ref (\S+)\. We are checking`)},
	{SaysChecking, regexp.MustCompile(`^Your request (\S+) is received\. We are checking`)},
	{SaysMoved, regexp.MustCompile(`^(\S+) confirmed\.`)},
	{SaysMoved, regexp.MustCompile(`^(\S+) You (?:sent|paid|received) `)},
	{SaysNothing, regexp.MustCompile(`^(\S+) Your request.* was not (?:done:|sent\.)`)},
}

// named is the amount of an action that a text names before its reference.
var named = regexp.MustCompile(`([\d,]+) (?:to \S+ )?\(ref ([^)]+)\)`)

// Sayings are all that a text in English says of actions, at least one: one that
// says nothing that anybody understands.
func Sayings(text string) []Saying {
	amounts := map[string]string{}
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		amounts[m[2]] = strings.ReplaceAll(m[1], ",", "")
	}
	var all []Saying
	for _, f := range forms {
		for _, m := range f.re.FindAllStringSubmatch(text, -1) {
			all = append(all, Saying{Ref: m[1], Says: f.says, Amount: amounts[m[1]], text: text})
		}
	}
	if len(all) == 0 {
		all = []Saying{{text: text}}
	}
	return all
}

// speaks says whether a screen names an action that it is about.
func speaks(screen string) bool {
	switch screen {
	case "open", "again", "sent", "checking", "still_checking":
		return true
	}
	return false
}

// read takes what a customer reads on a screen.
func (m *meter) read(screen, text string) {
	if speaks(screen) {
		m.told(text, "")
	}
}

// told takes a text that speaks of an action.
func (m *meter) told(text, action string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range Sayings(text) {
		s.action = action
		m.sayings = append(m.sayings, s)
	}
}

// called notes a reference that an action has; it is called with mu held.
func (m *meter) called(ref, id string) { m.names[ref] = id }

// judge holds a saying against what happened; it is called with mu held, and
// returns what is wrong with it.
func (m *meter) judge(s Saying, effects map[string]int) string {
	if s.Says == 0 {
		return "nothing is said of an action where it should be"
	}
	id := ""
	for i, ref := range strings.Split(s.Ref, "/") {
		of, known := m.names[ref]
		switch {
		case !known:
			return "no action has the reference that is named"
		case i > 0 && of != id:
			return "two references of two actions are named as one's"
		}
		id = of
	}
	switch {
	case s.action != "" && s.action != id:
		return "it is about another action than the one whose reference it names"
	case s.Says == SaysMoved && effects[id] == 0:
		return "money moved, it says, and none did"
	case s.Says == SaysNothing && effects[id] > 0:
		return "no money moved, it says, and it did"
	}
	return ""
}
