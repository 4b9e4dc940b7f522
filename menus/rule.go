package menus

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// rule is a condition as a tree over slots, which a step walks without a map of
// names, boxed values or a machine of its own. It covers what menus write:
// comparisons, and, or, not, has, lists of texts, sums. newRule gives nil for the
// rest, which expr's machine evaluates; both always say the same.
type rule struct {
	op      ruleOp
	a, b, c *rule
	slot    int
	number  float64
	text    string
	list    []string
	pattern *regexp.Regexp
}

type ruleOp uint8

const (
	ruleTrue ruleOp = iota + 1 // truth
	ruleFalse
	ruleHas
	ruleNot
	ruleAnd
	ruleOr
	ruleIf
	ruleSame // of two truths
	ruleNumberEqual
	ruleNumberLess
	ruleNumberAtMost
	ruleTextEqual
	ruleTextLess
	ruleTextAtMost
	ruleContains
	ruleStartsWith
	ruleEndsWith
	ruleMatches
	ruleIn
	ruleNumber // numbers
	ruleNumberOf
	ruleCountOf
	ruleMinus
	ruleAdd
	ruleSubtract
	ruleMultiply
	ruleDivide
	ruleText // texts
	ruleTextOf
)

// ruleKind is what a rule gives. Whole numbers are apart as expr calculates with
// them in another way as long as no variable is among them.
type ruleKind uint8

const (
	ruleTruth ruleKind = iota + 1
	ruleWhole
	ruleFloat
	ruleString
)

// newRule makes a rule of an expression that expr has accepted; nil if there is
// something in it that rules do not have.
func newRule(m *menu, n ast.Node) *rule {
	if r, kind := makeRule(m, n); kind == ruleTruth {
		return r
	}
	return nil
}

func makeRule(m *menu, node ast.Node) (*rule, ruleKind) {
	switch n := node.(type) {
	case *ast.BoolNode:
		if n.Value {
			return &rule{op: ruleTrue}, ruleTruth
		}
		return &rule{op: ruleFalse}, ruleTruth
	case *ast.IntegerNode:
		return &rule{op: ruleNumber, number: float64(n.Value)}, ruleWhole
	case *ast.FloatNode:
		return &rule{op: ruleNumber, number: n.Value}, ruleFloat
	case *ast.StringNode:
		return &rule{op: ruleText, text: n.Value}, ruleString
	case *ast.IdentifierNode:
		k := m.variable(n.Value)
		if k < 0 {
			return nil, 0
		}
		switch v := &m.vars[k]; {
		case v.typ == typeSecret:
			return nil, 0
		case v.typ == typeRows:
			return &rule{op: ruleCountOf, slot: v.slot}, ruleFloat
		case isNumber(v.typ):
			return &rule{op: ruleNumberOf, slot: v.slot}, ruleFloat
		default:
			return &rule{op: ruleTextOf, slot: v.slot}, ruleString
		}
	case *ast.CallNode:
		if _, arg, ok := hasCall(n); ok {
			if k := m.variable(arg.Value); k >= 0 && m.vars[k].typ != typeSecret {
				return &rule{op: ruleHas, slot: m.vars[k].slot}, ruleTruth
			}
		}
	case *ast.UnaryNode:
		a, kind := makeRule(m, n.Node)
		switch {
		case kind == ruleTruth && (n.Operator == "not" || n.Operator == "!"):
			return &rule{op: ruleNot, a: a}, ruleTruth
		case (kind == ruleWhole || kind == ruleFloat) && n.Operator == "-":
			return &rule{op: ruleMinus, a: a}, kind
		}
	case *ast.ConditionalNode:
		a, ka := makeRule(m, n.Cond)
		b, kb := makeRule(m, n.Exp1)
		c, kc := makeRule(m, n.Exp2)
		if ka == ruleTruth && kb == ruleTruth && kc == ruleTruth {
			return &rule{op: ruleIf, a: a, b: b, c: c}, ruleTruth
		}
	case *ast.BinaryNode:
		return pairRule(m, n)
	}
	return nil, 0
}

func pairRule(m *menu, n *ast.BinaryNode) (*rule, ruleKind) {
	a, ka := makeRule(m, n.Left)
	if ka == 0 {
		return nil, 0
	}
	if n.Operator == "in" {
		if list, ok := textList(n.Right); ok && ka == ruleString {
			return &rule{op: ruleIn, a: a, list: list}, ruleTruth
		}
		return nil, 0
	}
	b, kb := makeRule(m, n.Right)
	numbers := ka == ruleFloat && (kb == ruleFloat || kb == ruleWhole) || ka == ruleWhole && kb == ruleFloat
	switch {
	case numbers:
		return numberRule(n.Operator, a, b)
	case ka == ruleString && kb == ruleString:
		return textRule(n.Operator, a, b)
	case ka == ruleTruth && kb == ruleTruth:
		switch n.Operator {
		case "and", "&&":
			return &rule{op: ruleAnd, a: a, b: b}, ruleTruth
		case "or", "||":
			return &rule{op: ruleOr, a: a, b: b}, ruleTruth
		case "==":
			return &rule{op: ruleSame, a: a, b: b}, ruleTruth
		case "!=":
			return &rule{op: ruleNot, a: &rule{op: ruleSame, a: a, b: b}}, ruleTruth
		}
	}
	return nil, 0
}

func numberRule(operator string, a, b *rule) (*rule, ruleKind) {
	switch operator {
	case "==":
		return &rule{op: ruleNumberEqual, a: a, b: b}, ruleTruth
	case "!=":
		return &rule{op: ruleNot, a: &rule{op: ruleNumberEqual, a: a, b: b}}, ruleTruth
	case "<":
		return &rule{op: ruleNumberLess, a: a, b: b}, ruleTruth
	case ">":
		return &rule{op: ruleNumberLess, a: b, b: a}, ruleTruth
	case "<=":
		return &rule{op: ruleNumberAtMost, a: a, b: b}, ruleTruth
	case ">=":
		return &rule{op: ruleNumberAtMost, a: b, b: a}, ruleTruth
	case "+":
		return &rule{op: ruleAdd, a: a, b: b}, ruleFloat
	case "-":
		return &rule{op: ruleSubtract, a: a, b: b}, ruleFloat
	case "*":
		return &rule{op: ruleMultiply, a: a, b: b}, ruleFloat
	case "/":
		return &rule{op: ruleDivide, a: a, b: b}, ruleFloat
	}
	return nil, 0
}

func textRule(operator string, a, b *rule) (*rule, ruleKind) {
	switch operator {
	case "==":
		return &rule{op: ruleTextEqual, a: a, b: b}, ruleTruth
	case "!=":
		return &rule{op: ruleNot, a: &rule{op: ruleTextEqual, a: a, b: b}}, ruleTruth
	case "<":
		return &rule{op: ruleTextLess, a: a, b: b}, ruleTruth
	case ">":
		return &rule{op: ruleTextLess, a: b, b: a}, ruleTruth
	case "<=":
		return &rule{op: ruleTextAtMost, a: a, b: b}, ruleTruth
	case ">=":
		return &rule{op: ruleTextAtMost, a: b, b: a}, ruleTruth
	case "contains":
		return &rule{op: ruleContains, a: a, b: b}, ruleTruth
	case "startsWith":
		return &rule{op: ruleStartsWith, a: a, b: b}, ruleTruth
	case "endsWith":
		return &rule{op: ruleEndsWith, a: a, b: b}, ruleTruth
	case "matches":
		if pattern, err := regexp.Compile(b.text); err == nil && b.op == ruleText {
			return &rule{op: ruleMatches, a: a, pattern: pattern}, ruleTruth
		}
	}
	return nil, 0
}

// textList reads a list of texts in quotes.
func textList(n ast.Node) ([]string, bool) {
	array, ok := n.(*ast.ArrayNode)
	if !ok {
		return nil, false
	}
	list := make([]string, len(array.Nodes))
	for i, item := range array.Nodes {
		s, ok := item.(*ast.StringNode)
		if !ok {
			return nil, false
		}
		list[i] = s.Value
	}
	return list, true
}

// truth evaluates a rule that is true or false.
func (r *run) truth(x *rule) bool {
	switch x.op {
	case ruleTrue:
		return true
	case ruleHas:
		return r.value(x.slot) != ""
	case ruleNot:
		return !r.truth(x.a)
	case ruleAnd:
		return r.truth(x.a) && r.truth(x.b)
	case ruleOr:
		return r.truth(x.a) || r.truth(x.b)
	case ruleIf:
		if r.truth(x.a) {
			return r.truth(x.b)
		}
		return r.truth(x.c)
	case ruleSame:
		return r.truth(x.a) == r.truth(x.b)
	case ruleNumberEqual:
		return r.number(x.a) == r.number(x.b)
	case ruleNumberLess:
		return r.number(x.a) < r.number(x.b)
	case ruleNumberAtMost:
		return r.number(x.a) <= r.number(x.b)
	case ruleTextEqual:
		return r.text(x.a) == r.text(x.b)
	case ruleTextLess:
		return r.text(x.a) < r.text(x.b)
	case ruleTextAtMost:
		return r.text(x.a) <= r.text(x.b)
	case ruleContains:
		return strings.Contains(r.text(x.a), r.text(x.b))
	case ruleStartsWith:
		return strings.HasPrefix(r.text(x.a), r.text(x.b))
	case ruleEndsWith:
		return strings.HasSuffix(r.text(x.a), r.text(x.b))
	case ruleMatches:
		return x.pattern.MatchString(r.text(x.a))
	case ruleIn:
		v := r.text(x.a)
		for _, s := range x.list {
			if s == v {
				return true
			}
		}
	}
	return false
}

func (r *run) number(x *rule) float64 {
	switch x.op {
	case ruleNumberOf:
		return numberOf(r.value(x.slot))
	case ruleCountOf:
		return float64(countRows(r.value(x.slot)))
	case ruleMinus:
		return -r.number(x.a)
	case ruleAdd:
		return r.number(x.a) + r.number(x.b)
	case ruleSubtract:
		return r.number(x.a) - r.number(x.b)
	case ruleMultiply:
		return r.number(x.a) * r.number(x.b)
	case ruleDivide:
		return r.number(x.a) / r.number(x.b)
	}
	return x.number
}

// numberOf is a value as conditions calculate with it: 0 if it has none.
func numberOf(value string) float64 {
	if value == "" {
		return 0 // ParseFloat says so too, with an error that has to be made
	}
	n, _ := strconv.ParseFloat(value, 64)
	return n
}

func (r *run) text(x *rule) string {
	if x.op == ruleTextOf {
		return r.value(x.slot)
	}
	return x.text
}
