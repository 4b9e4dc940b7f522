package outage

import (
	"regexp"
	"strings"
)

// claim is what a text says became of one action.
type claim uint8

const (
	saysChecking claim = iota + 1 // nobody knows yet
	saysMoved                     // it was done
	saysNothing                   // no money moved
)

// saying is what somebody was told of one action.
type saying struct {
	ref    string // that the text names it by: one, or two with a slash between
	says   claim
	amount string // in digits, of the texts that name one
	text   string
	action string // that the text is known to be about; "" if its reference alone says so
}

// forms are how the installation's texts and the night's menu speak of an action:
// on the screens open and again, on last screens, by SMS. The first group is its
// reference.
var forms = []struct {
	says claim
	re   *regexp.Regexp
}{
	{saysChecking, regexp.MustCompile(`\(ref ([^)]+)\)[:,] still checking`)},
	{saysMoved, regexp.MustCompile(`\(ref ([^)]+)\)(?: was done\.|, done\.)`)},
	{saysNothing, regexp.MustCompile(`\(ref ([^)]+)\) was not (?:done:|sent\.)`)},
	{saysChecking, regexp.MustCompile(`^Received, ref (\S+)\. We are checking`)},
	{saysChecking, regexp.MustCompile(`^Your request (\S+) is received\. We are checking`)},
	{saysMoved, regexp.MustCompile(`^(\S+) confirmed\.`)},
	{saysMoved, regexp.MustCompile(`^(\S+) You (?:sent|paid|received) `)},
	{saysNothing, regexp.MustCompile(`^(\S+) Your request.* was not (?:done:|sent\.)`)},
}

// named is the amount of an action that a text names before its reference.
var named = regexp.MustCompile(`([\d,]+) (?:to \S+ )?\(ref ([^)]+)\)`)

// sayings are all that a text says of actions, at least one: one that says nothing
// that anybody understands.
func sayings(text string) []saying {
	amounts := map[string]string{}
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		amounts[m[2]] = strings.ReplaceAll(m[1], ",", "")
	}
	var all []saying
	for _, f := range forms {
		for _, m := range f.re.FindAllStringSubmatch(text, -1) {
			all = append(all, saying{ref: m[1], says: f.says, amount: amounts[m[1]], text: text})
		}
	}
	if len(all) == 0 {
		all = []saying{{text: text}}
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
	for _, s := range sayings(text) {
		s.action = action
		m.sayings = append(m.sayings, s)
	}
}

// called notes a reference that an action has; it is called with mu held.
func (m *meter) called(ref, id string) { m.names[ref] = id }

// judge holds a saying against what happened; it is called with mu held, and
// returns what is wrong with it.
func (m *meter) judge(s saying, effects map[string]int) string {
	if s.says == 0 {
		return "nothing is said of an action where it should be"
	}
	id := ""
	for i, ref := range strings.Split(s.ref, "/") {
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
	case s.says == saysMoved && effects[id] == 0:
		return "money moved, it says, and none did"
	case s.says == saysNothing && effects[id] > 0:
		return "no money moved, it says, and it did"
	}
	return ""
}
