package menus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/expr-lang/expr/ast"
)

// conditionMenu is a menu with a variable of each sort, and how to compile a
// condition over them.
func conditionMenu() (*menu, func(t *testing.T, text string) *condition) {
	m := &menu{program: &Program{}}
	for i, v := range []varDecl{
		{name: "customer", typ: typeMSISDN}, {name: "to", typ: typeMSISDN}, {name: "amount", typ: typeMoney}, {name: "fee", typ: typeMoney},
		{name: "count", typ: typeNumber}, {name: "note", typ: typeText}, {name: "entries", typ: typeRows},
	} {
		v.slot = i
		m.vars = append(m.vars, v)
		m.program.vars = append(m.program.vars, variable{name: v.name, typ: v.typ})
	}
	return m, func(t *testing.T, text string) *condition {
		t.Helper()
		l := &loader{}
		c := l.condition(m, 0, &node{kind: scalarNode, file: &file{name: "x.yaml"}, line: 1, col: 1, text: text})
		if len(l.problems) > 0 {
			t.Fatalf("%s: %v", text, l.problems)
		}
		return c
	}
}

// conditionValues are values of the variables, the customer's in front.
var conditionValues = [][]string{
	{"255700000001"},
	{"255700000001", "255700000002", "1500", "0", "3", "week", "in\x1f5\x1f\x1f\x1f\x1e"},
	{"255700000001", "255700000001", "1000", "12.50", "00", "Wiki ya é", ""},
	{"255700000001", "", "-3.25", "1e400", "NaN", " 1000", "a\x1eb\x1e"},
	{"", "0", "99999999999999999999", "abc", "0x10", "255", "\x1e\x1e\x1e"},
}

func evaluations(t *testing.T, m *menu, c *condition) (rules, machine []bool) {
	t.Helper()
	if err := c.compile(); err != nil {
		t.Fatalf("expr does not accept %s: %v", c.source, err)
	}
	for _, v := range conditionValues {
		r := run{p: m.program, in: Input{Customer: v[0]}}
		r.st.vars = append([]string{""}, v[1:]...)
		rules = append(rules, r.holds(c))
		machine = append(machine, r.interpret(c))
	}
	return rules, machine
}

func TestConditionsNeedNoMachine(t *testing.T) {
	m, compile := conditionMenu()
	for _, text := range []string{
		`amount > 1000`, `1000 <= amount`, `amount + fee > 5000 - 1.5`, `amount * 2 / 3 >= -fee`, `amount == 1000 or amount != fee`,
		`to == customer`, `to != customer and not (note < to)`, `note <= "week" && note >= 'month' || !(note > to)`,
		`customer endsWith "9"`, `customer startsWith "255"`, `note contains "ya"`, `note matches "^W.ki"`, `note not contains "x"`,
		`note in ["week", "month"]`, `note not in ["week"]`, `to in []`,
		`has(fee) and fee > 0`, `has(to) == has(note)`, `has(to) != true`, `has(note) ? note == "week" : false`, `entries > 1 and has(entries)`,
	} {
		c := compile(t, text)
		if c.rule == nil {
			t.Errorf("%s has no rule", text)
			continue
		}
		if rules, machine := evaluations(t, m, c); fmt.Sprint(rules) != fmt.Sprint(machine) {
			t.Errorf("%s: %v, but expr says %v", text, rules, machine)
		}
	}
}

func TestWhatRulesDoNotHaveIsLeftToTheMachine(t *testing.T) {
	m, compile := conditionMenu()
	for text, want := range map[string]string{
		`amount ** 2 == 2250000`:       "[false true false false false]",
		`amount in [1000, 1500]`:       "[false true true false false]",
		`amount > 3 / 2 * 1000`:        "[false false false false true]",
		`note + to == "week" + to`:     "[false true false false false]",
		`(has(note) ? 1 : 2) == 1`:     "[false true true true true]",
		`count == 3 and 7 % 2 == 1`:    "[false true false false false]",
		`[note, to] == ["week", note]`: "[false false false false false]",
	} {
		c := compile(t, text)
		if c.rule != nil {
			t.Errorf("%s has a rule", text)
		}
		if rules, _ := evaluations(t, m, c); fmt.Sprint(rules) != want {
			t.Errorf("%s: %v, want %s", text, rules, want)
		}
	}
}

func TestRulesSayWhatTheMachineSays(t *testing.T) {
	m, compile := conditionMenu()
	r := rand.New(rand.NewPCG(7, 11))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	number := func() string {
		x := one("amount", "fee", "count", "entries", "1000", "0", "12.5", "-amount", "-3")
		if r.IntN(3) == 0 {
			x = "(" + x + one(" + ", " - ", " * ", " / ") + one("amount", "fee", "count", "2", "0.5") + ")"
		}
		return x
	}
	text := func() string {
		return one("to", "customer", "note", `"week"`, `"255700000001"`, `""`, `" 1000"`, `"é"`)
	}
	var truth func(depth int) string
	truth = func(depth int) string {
		switch k := r.IntN(9); {
		case depth > 2 || k < 2:
			return number() + one(" == ", " != ", " < ", " > ", " <= ", " >= ") + number()
		case k == 2:
			return text() + one(" == ", " != ", " < ", " > ", " <= ", " >= ", " contains ", " startsWith ", " endsWith ", " not contains ") + text()
		case k == 3:
			return text() + one(" in ", " not in ") + "[" + text() + ", " + text() + "]"
		case k == 4:
			return "has(" + one("to", "amount", "note", "entries", "count") + ")"
		case k == 5:
			return one("not ", "!") + "(" + truth(depth+1) + ")"
		case k == 6:
			return "(" + truth(depth+1) + ") ? (" + truth(depth+1) + ") : (" + truth(depth+1) + ")"
		}
		return "(" + truth(depth+1) + ")" + one(" and ", " or ", " && ", " || ", " == ", " != ") + "(" + truth(depth+1) + ")"
	}
	compared := 0
	for range 3000 {
		expression := truth(0)
		if len(expression) > maxCondition || !strings.ContainsAny(expression, "acefhnt") {
			continue
		}
		l := &loader{}
		c := l.condition(m, 0, &node{kind: scalarNode, file: &file{name: "x.yaml"}, line: 1, col: 1, text: expression})
		if c == nil || c.rule == nil {
			continue // without a variable, of too many parts, or with whole numbers alone
		}
		compared++
		if rules, machine := evaluations(t, m, c); fmt.Sprint(rules) != fmt.Sprint(machine) {
			t.Errorf("%s: %v, but expr says %v", expression, rules, machine)
		}
	}
	if compared < 1000 {
		t.Errorf("only %d of the conditions were compared", compared)
	}
	if c := compile(t, `has(to)`); newRule(m, &ast.IdentifierNode{Value: "nobody"}) != nil || newRule(m, &ast.CallNode{Callee: &ast.IdentifierNode{Value: "len"}}) != nil || c.rule == nil {
		t.Error("a rule of what is not there")
	}
}
