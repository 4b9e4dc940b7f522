package dialog

import (
	"strings"

	"nyota/menus"
)

// ScreenExpired is the id of the screen for an answer to no question.
const ScreenExpired = "session_expired"

// Keyword finds the menu that an SMS of this customer enters by its first word, as
// the string to dial instead. What follows the word becomes a shortcut, word by
// word, if the menu has such a one: "PESA 1 0712345678 5000" is
// *150*00*1*0712345678*5000#. Otherwise it does not count.
func (m *Menus) Keyword(msisdn, words string) (dialled string, ok bool) {
	catalog := m.For(msisdn)
	p, rest, ok := catalog.Keyword(words)
	if !ok {
		return "", false
	}
	code := p.Codes()[0]
	if rest == "" {
		return code, true
	}
	short := strings.TrimSuffix(code, "#") + "*" + strings.Join(strings.Fields(rest), "*") + "#"
	if q, _, ok := catalog.Dial(short); ok && q == p {
		return short, true
	}
	return code, true
}

// Elsewhere is what a channel that carries no secrets says in the place of a
// screen that asks for one: that the customer is to dial, dialled or, if that is
// empty, the menu's code.
func (t *Turn) Elsewhere(dialled string) string {
	if dialled == "" {
		dialled = t.code()
	}
	return t.catalog.Text("dial_secret", t.turn.State.Language(), menus.Value{Name: "code", Text: dialled})
}
