package ledger_test

import (
	"regexp"
	"slices"
	"strings"

	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

// claim is what a text says became of an action.
type claim uint8

const (
	saysChecking claim = iota + 1
	saysMoved
	saysNothing
)

// forms are how the shipped texts speak of an action that they name; the first
// group is its reference.
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
	{saysNothing, regexp.MustCompile(`^(\S+) Your request.* was not (?:done:|sent\.)`)},
}

// saying is what a text says of one action.
type saying struct {
	ref  string
	says claim
}

func sayings(text string) []saying {
	var all []saying
	if !strings.Contains(text, "ref ") && !strings.Contains(text, " confirmed.") && !strings.Contains(text, "Your request ") {
		return nil // as most screens
	}
	for _, f := range forms {
		for _, m := range f.re.FindAllStringSubmatch(text, -1) {
			all = append(all, saying{m[1], f.says})
		}
	}
	return all
}

// speaks are the screens that name the action that they are about.
var speaks = map[string]bool{menus.ScreenOpen: true, menus.ScreenAgain: true, "sent": true, "checking": true}

// judge holds a screen's words against what happened.
func (w *world) judge(key sessions.Key, r dialog.Reply) {
	all := sayings(r.Text)
	if speaks[r.Screen] && len(all) == 0 {
		w.failf("a screen %s that speaks of nothing: %q", r.Screen, r.Text)
	}
	if r.Screen == "still_checking" && len(all) == 0 && !w.bore(key) { // where nothing can be read it has no reference
		w.failf("M3: a request is said to be received that never was: %q", r.Text)
	}
	for _, s := range all {
		a := w.hold(s, r.Text)
		if a.MSISDN != key.MSISDN {
			w.failf("M8: somebody else's action is spoken of: %q", r.Text)
		}
		if r.Screen == "sent" && a.Session != key {
			w.failf("M3: an action of another dialogue is said to be this one's: %q", r.Text)
		}
	}
	if len(all) > 0 || !strings.Contains(r.Text, "No money moved") && !strings.Contains(r.Text, "Nothing was sent") {
		return
	}
	var a sessions.Action // unnamed: the last that was born of the dialogue
	for _, b := range w.store.sorted(key.MSISDN) {
		if b.Session == key {
			a = b
		}
	}
	if a.ID != "" {
		w.nothing(a, r.Text)
	}
}

// bore says whether an action was born of a dialogue.
func (w *world) bore(key sessions.Key) bool {
	return slices.ContainsFunc(w.store.sorted(key.MSISDN), func(a sessions.Action) bool { return a.Session == key })
}

// hold holds what is said of an action against what happened, and returns the
// action.
func (w *world) hold(s saying, text string) sessions.Action {
	var a sessions.Action
	for i, ref := range strings.Split(s.ref, "/") {
		id, known := w.names[ref]
		if !known || i > 0 && id != a.ID {
			w.failf("no action is called %s: %q", s.ref, text)
		}
		a = w.store.actions[id]
	}
	switch s.says {
	case saysMoved:
		if !w.happened(a) {
			w.failf("M3: %q, and it did not happen", text)
		}
	case saysNothing:
		w.nothing(a, text)
	}
	return a
}

// nothing holds it against what happened that no money moved: now or later.
func (w *world) nothing(a sessions.Action, text string) {
	if w.may(a) {
		w.failf("M3: %q, and money moves", text)
	}
	if p := w.payments["wire-"+a.ID]; p == nil || p.posts == 0 {
		w.notSent[a.ID] = text
	}
}

// noticed holds an SMS against what happened, as it becomes owed.
func (w *world) noticed(n sessions.Notice) {
	switch kind, rest, _ := strings.Cut(n.ID, "/"); {
	case n.Action != "":
		all := sayings(n.Text)
		if len(all) != 1 || all[0].says == saysChecking {
			w.failf("M5: an SMS that says not what became of an action: %q", n.Text)
		}
		if a := w.hold(all[0], n.Text); a.ID != n.Action {
			w.failf("M5: an SMS about one action with the reference of another: %q", n.Text)
		}
	case kind == "back":
		call, _, _ := strings.Cut(rest, "/")
		if w.lastAsk[n.To] <= w.lastBack[[2]string{n.To, call}] {
			w.failf("somebody who asked once is told twice that a service is back: %q", n.Text)
		}
		if _, closed := w.Closed(call); closed || w.away {
			w.failf("a service that is closed or away is said to be back: %q", n.Text)
		}
		w.lastBack[[2]string{n.To, call}] = w.moment
	case kind == "balance":
		if !strings.Contains(n.Text, "900,000") {
			w.failf("a balance that nobody knows: %q", n.Text)
		}
	default:
		w.failf("an SMS about nothing: %+v", n)
	}
}

// born holds the birth of an action against what was done before: the same again
// takes a key of its own.
func (w *world) born(a sessions.Action) {
	w.names[ledger.Reference(sessions.Action{ID: a.ID})] = a.ID
	w.names[coreRef(a.ID)] = a.ID
	if _, closed := w.Closed(a.Call); closed || w.away {
		w.failf("an action is born that nobody can serve: %s", a.Call)
	}
	sure := w.sure[a.Session]
	delete(w.sure, a.Session)
	before := w.store.sorted(a.MSISDN)
	for _, b := range before {
		open := !b.State.Final() || b.State == sessions.Done && w.clock.Sub(b.EndedAt) < again
		if open && !sure && same(a, b) && len(before) <= sessions.MaxRecent { // of more some are forgotten
			w.failf("the same is done a second time, unasked, while the first is %s", ledger.StateName(b.State))
		}
	}
}

// same says whether two actions differ in their secrets only.
func same(a, b sessions.Action) bool {
	if a.Call != b.Call {
		return false
	}
	args := map[string]string{}
	for _, x := range a.Args {
		args[x.Name] = x.Value
	}
	for _, x := range b.Args {
		if x.Sealed == nil && args[x.Name] != x.Value {
			return false
		}
	}
	return true
}
