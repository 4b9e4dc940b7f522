package menutest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"nyota/menus"
)

// fates are the words of open: and again: for what became of an action.
var fates = map[string]menus.Outcome{
	"checking": menus.Pending, "done": menus.Done, "rejected": menus.Rejected, "expired": menus.Down,
}

// before reads open: and again:, the actions that a case comes after.
func (r *reader) before(c *testCase, n *menus.Node) {
	each(n.Get("open"), func(v *menus.Node) {
		if e, ok := r.earlier(c, v); ok {
			c.open = append(c.open, e)
		}
	})
	each(n.Get("again"), func(v *menus.Node) {
		if e, ok := r.earlier(c, v); ok {
			if c.again == nil {
				c.again = map[string]menus.Earlier{}
			}
			c.again[e.Call] = e
		}
	})
}

// earlier reads one action: {call, state, amount, to, ref, reason, at}.
func (r *reader) earlier(c *testCase, n *menus.Node) (menus.Earlier, bool) {
	e := menus.Earlier{Outcome: menus.Pending, Ref: defaultRef, At: c.now.Add(-5 * time.Minute)}
	if !r.keys(n, "an action", "call", "state", "amount", "to", "ref", "reason", "at") {
		return e, false
	}
	for name, to := range map[string]*string{"call": &e.Call, "amount": &e.Amount, "to": &e.To, "ref": &e.Ref, "reason": &e.Reason} {
		if v := n.Get(name); v != nil {
			*to, _ = r.text(v, name)
		}
	}
	if v := n.Get("state"); v != nil {
		word, _ := r.text(v, "state")
		fate, ok := fates[word]
		if !ok {
			r.at(v, "bad-value", fmt.Sprintf("an action is never %q", word), "one of: checking, done, rejected, expired")
		}
		e.Outcome = fate
	}
	if v := n.Get("at"); v != nil {
		e.At = r.until(v, c.now)
	}
	if !slices.ContainsFunc(menus.Calls(), func(i menus.CallInfo) bool { return i.Name == e.Call && i.Action }) {
		r.at(n, "unknown-call", fmt.Sprintf("%q is not an action", e.Call), "{call: transfer, amount: 5000, to: \"255700000002\", state: checking}")
		return e, false
	}
	if e.Reason != "" && !slices.Contains(menus.Reasons(), e.Reason) {
		r.at(n.Get("reason"), "unknown-reason", fmt.Sprintf("the core never refuses with %q", e.Reason), "one of: "+strings.Join(menus.Reasons(), ", "))
	}
	return e, true
}
