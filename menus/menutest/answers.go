package menutest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"nyota/menus"
)

// defaultRef is the reference of an action whose answer names none.
const defaultRef = "QK7T2M"

// core reads what the core answers, by call or screen.
func (r *reader) core(n *menus.Node) map[string]*script {
	if n == nil || !r.isMap(n, "core") {
		return nil
	}
	all := map[string]*script{}
	for _, e := range n.Entries {
		call, ok := r.calls[e.Key.Text]
		if !ok {
			known := make([]string, 0, len(r.calls))
			for name := range r.calls {
				known = append(known, name)
			}
			slices.Sort(known)
			r.at(e.Key, "unknown-call", fmt.Sprintf("%q is neither a call nor a screen that makes one", e.Key.Text), menus.Suggest(e.Key.Text, known, ""))
			continue
		}
		s := &script{line: e.Key.Line, col: e.Key.Col, repeats: e.Value.Kind != menus.ListNode}
		each(e.Value, func(v *menus.Node) {
			if a, ok := r.answer(v, call); ok {
				s.answers = append(s.answers, a)
			}
		})
		all[e.Key.Text] = s
	}
	return all
}

var answerWords = []string{"done", "rejected", "unknown", "unavailable", "expired", "slow"}

// answer reads one answer: a word, or a map of one word to what it says.
func (r *reader) answer(n *menus.Node, call menus.CallInfo) (answer, bool) {
	word, rest := n, (*menus.Node)(nil)
	if n.Kind == menus.MapNode {
		if len(n.Entries) != 1 {
			r.at(n, "bad-answer", "an answer says one thing", "{done: {...}}, {rejected: wrong_pin}, unknown, ...")
			return answer{}, false
		}
		word, rest = n.Entries[0].Key, n.Entries[0].Value
	}
	name, ok := r.text(word, "an answer")
	if !ok {
		return answer{}, false
	}
	if rest != nil && rest.Kind == menus.NullNode {
		rest = nil
	}
	a := answer{}
	switch {
	case !slices.Contains(answerWords, name):
		r.at(word, "bad-answer", fmt.Sprintf("the core does not answer %q", name), menus.Suggest(name, answerWords, "one of: "+strings.Join(answerWords, ", ")))
		return a, false
	case name == "unknown" && call.Changes:
		a.result.Outcome = menus.Pending
	case (name == "unknown" || name == "expired") && !call.Action:
		r.at(word, "bad-answer", fmt.Sprintf("%s only reads: its answer is never %s", call.Name, name), "write unavailable")
		return a, false
	case name == "rejected":
		a.result.Outcome = menus.Rejected
		reason, ok := r.text(rest, "a reason")
		if !ok {
			if rest == nil {
				r.at(word, "bad-answer", "a refusal has a reason", "{rejected: wrong_pin}")
			}
			return a, false
		}
		if !slices.Contains(menus.Reasons(), reason) {
			r.at(rest, "unknown-reason", fmt.Sprintf("the core never refuses with %q", reason), menus.Suggest(reason, menus.Reasons(), "one of: "+strings.Join(menus.Reasons(), ", ")))
			return a, false
		}
		a.result.Reason = reason
	case name == "unknown":
		a.result.Outcome = menus.Pending
	case name == "unavailable":
		a.result.Outcome, a.silent = menus.Down, true
		if rest != nil {
			a.result.Until = r.until(rest, defaultNow)
		}
		return a, true
	case name == "expired":
		a.result.Outcome, a.expired = menus.Down, true
	case name == "slow":
		return r.slow(rest, call)
	default:
		a.result.Outcome = menus.Done
		if rest != nil && !r.fields(&a.result, rest, call) {
			return a, false
		}
	}
	if call.Action && a.result.Ref == "" {
		a.result.Ref = defaultRef
	}
	return a, true
}

// slow is an answer that comes when the screen is already shown.
func (r *reader) slow(n *menus.Node, call menus.CallInfo) (answer, bool) {
	a := answer{result: menus.Result{Outcome: menus.Down}, silent: true}
	switch {
	case call.Action:
		a = answer{result: menus.Result{Outcome: menus.Pending, Ref: defaultRef}}
	case call.Changes:
		a = answer{result: menus.Result{Outcome: menus.Pending}}
	}
	if n == nil {
		return a, true
	}
	late, ok := r.answer(n, call)
	if !ok {
		return a, false
	}
	if late.late != nil || late.silent {
		r.at(n, "bad-answer", "a slow answer is done, rejected, unknown or expired", "")
		return a, false
	}
	if call.Action {
		a.late = &late
		a.result.Ref = late.result.Ref
	}
	return a, true
}

// fields reads what a success gives.
func (r *reader) fields(res *menus.Result, n *menus.Node, call menus.CallInfo) bool {
	if !r.isMap(n, "done") {
		return false
	}
	known := append([]string{"ref"}, call.Results...)
	for _, e := range n.Entries {
		name := e.Key.Text
		if !slices.Contains(known, name) {
			r.at(e.Key, "unknown-result", fmt.Sprintf("the call %s gives no %q", call.Name, name), menus.Suggest(name, known, "it gives: "+strings.Join(known, ", ")))
			continue
		}
		if name == "rows" {
			each(e.Value, func(row *menus.Node) { r.row(res, row) })
			continue
		}
		text, ok := r.text(e.Value, name)
		switch {
		case !ok:
		case name == "ref":
			res.Ref = text
		default:
			res.Fields = append(res.Fields, menus.Value{Name: name, Text: text})
		}
	}
	return true
}

func (r *reader) row(res *menus.Result, n *menus.Node) {
	if !r.keys(n, "a row", menus.RowFields()...) {
		return
	}
	var row []menus.Value
	for _, e := range n.Entries {
		if text, ok := r.text(e.Value, e.Key.Text); ok {
			if e.Key.Text == "date" {
				if _, err := time.Parse(time.RFC3339, text); err != nil {
					r.at(e.Value, "bad-value", fmt.Sprintf("%q is not a time", text), `write it like "2026-11-24T10:00:00+03:00"`)
				}
			}
			row = append(row, menus.Value{Name: e.Key.Text, Text: text})
		}
	}
	res.Rows = append(res.Rows, row)
}
