package menus

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	exprfile "github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Bounds of a condition. Without functions, loops and ranges its cost is that of
// its nodes.
const (
	maxCondition      = 200 // octets
	maxConditionNodes = 60
)

// condition is a compiled when: an expression of expr-lang over the menu's
// variables. Money and numbers are numbers, rows their number, all else texts.
type condition struct {
	rule    *rule       // nil if expr's machine has to evaluate it
	program *vm.Program // nil if there is a rule
	vars    []conditionVar
	source  string
}

// conditionVar is what an expression needs of a variable: its value, or whether
// it has one.
type conditionVar struct {
	name string
	slot int
	typ  valueType
	has  bool
}

// hasName is the name in the expression's scope of has(x). No variable can be
// called so.
func hasName(name string) string { return name + "?" }

// isNumber says whether conditions compare a type as a number.
func isNumber(t valueType) bool { return t == typeMoney || t == typeNumber || t == typeRows }

// scope types what a condition uses, for expr: nothing else of the menu, so that
// thousands of conditions over hundreds of variables stay cheap to compile.
func (c *condition) scope() map[string]any {
	scope := make(map[string]any, len(c.vars))
	for _, v := range c.vars {
		switch {
		case v.has:
			scope[v.name] = false
		case isNumber(v.typ):
			scope[v.name] = float64(0)
		default:
			scope[v.name] = ""
		}
	}
	return scope
}

// condition compiles the when: of screen i; nil if there is none or it is wrong.
func (l *loader) condition(m *menu, i int, n *node) *condition {
	if n == nil {
		return nil
	}
	text, ok := l.str(n, "a condition")
	if !ok {
		return nil
	}
	if len(text) > maxCondition {
		l.at(n, "costly-condition", fmt.Sprintf("the condition has %d characters, at most %d", len(text), maxCondition), "split it over branches of a choose")
		return nil
	}
	tree, err := parser.Parse(text)
	if err != nil {
		l.badCondition(n, text, err)
		return nil
	}
	look := conditionVisitor{free: map[*ast.IdentifierNode]bool{}, has: map[string]bool{}}
	ast.Walk(&tree.Node, &look)
	if look.costly != nil || look.nodes > maxConditionNodes {
		off, what := 0, fmt.Sprintf("the condition has %d parts, at most %d", look.nodes, maxConditionNodes)
		if look.costly != nil {
			off, what = (*look.costly).Location().From, "this could run long: ranges, loops, functions and patterns that are made up at run time are not part of conditions"
		}
		l.inText(n, text, octetOffset(text, off), "costly-condition", what, `compare variables: 'amount > 1000 and to != customer'`)
		return nil
	}
	c := &condition{source: text}
	sound := true
	for node := range look.free {
		k := m.variable(node.Value)
		off := octetOffset(text, node.Location().From)
		switch {
		case k < 0:
			known := m.variableNames(false)
			l.inText(n, text, off, "unknown-variable", fmt.Sprintf("there is no variable %q", node.Value), l.suggest(node.Value, known, "known here: "+orNone(known)))
			sound = false
		case m.vars[k].typ == typeSecret:
			l.inText(n, text, off, "secret-misused", fmt.Sprintf("%q is a secret: no condition can depend on it", node.Value), "remove it")
			sound = false
		default:
			c.add(conditionVar{name: node.Value, slot: m.vars[k].slot, typ: m.vars[k].typ})
			if !look.has[node.Value] {
				m.uses = append(m.uses, use{screen: i, index: k, report: func() {
					l.inText(n, text, off, "unset-variable", fmt.Sprintf("%q may have no value here", node.Value), fmt.Sprintf("write has(%s) and ...", node.Value))
				}})
			}
		}
	}
	for name := range look.has {
		k := m.variable(name)
		if k < 0 || m.vars[k].typ == typeSecret {
			l.at(n, "unknown-variable", fmt.Sprintf("has(%s): there is no such variable that a condition may ask for", name), "")
			sound = false
			continue
		}
		c.add(conditionVar{name: hasName(name), slot: m.vars[k].slot, typ: m.vars[k].typ, has: true})
	}
	if !sound {
		return nil
	}
	if len(c.vars) == 0 {
		l.at(n, "constant-condition", "the condition is always the same: it has no variable", "compare a variable, or remove it")
		return nil
	}
	if c.rule = newRule(m, tree.Node); c.rule == nil { // rules are only what expr accepts too
		if err := c.compile(); err != nil {
			l.badCondition(n, text, err)
			return nil
		}
	}
	slices.SortFunc(c.vars, func(a, b conditionVar) int { return a.slot - b.slot })
	return c
}

// compile makes the program for expr's machine, or says what expr does not accept.
func (c *condition) compile() (err error) {
	c.program, err = expr.Compile(c.source, expr.Env(c.scope()), expr.AsBool(), expr.DisableAllBuiltins(), expr.MaxNodes(2*maxConditionNodes), expr.Patch(hasPatch{}))
	return err
}

func (c *condition) add(v conditionVar) {
	if !slices.Contains(c.vars, v) {
		c.vars = append(c.vars, v)
	}
}

func (l *loader) badCondition(n *node, text string, err error) {
	off, msg := 0, err.Error()
	var e *exprfile.Error
	if errors.As(err, &e) {
		off, msg = e.From, e.Message
	}
	l.inText(n, text, octetOffset(text, off), "bad-condition", "the condition is not understood: "+msg, `like 'amount > 1000', 'to == customer', 'has(fee) and fee > 0', 'reason in ["wrong_pin", "pin_locked"]'`)
}

// octetOffset turns an offset in characters into one in octets.
func octetOffset(text string, chars int) int {
	for i := range text {
		if chars == 0 {
			return i
		}
		chars--
	}
	return len(text)
}

// conditionVisitor gathers what an expression uses. It is called for the parts
// of a node before the node itself.
type conditionVisitor struct {
	nodes  int
	free   map[*ast.IdentifierNode]bool
	has    map[string]bool
	costly *ast.Node
}

func (v *conditionVisitor) Visit(node *ast.Node) {
	v.nodes++
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		v.free[n] = true
	case *ast.CallNode:
		callee, arg, ok := hasCall(n)
		if !ok {
			v.costly = node
			return
		}
		delete(v.free, callee)
		delete(v.free, arg)
		v.has[arg.Value] = true
	case *ast.BinaryNode:
		_, fixed := n.Right.(*ast.StringNode)
		if n.Operator == ".." || n.Operator == "matches" && !fixed || n.Operator == "|" {
			v.costly = node
		}
	case *ast.BuiltinNode, *ast.PredicateNode, *ast.PointerNode, *ast.VariableDeclaratorNode, *ast.SequenceNode, *ast.MapNode, *ast.SliceNode, *ast.MemberNode:
		v.costly = node
	}
}

// hasCall recognises has(name).
func hasCall(n *ast.CallNode) (callee, arg *ast.IdentifierNode, ok bool) {
	callee, ok = n.Callee.(*ast.IdentifierNode)
	if !ok || callee.Value != "has" || len(n.Arguments) != 1 {
		return nil, nil, false
	}
	arg, ok = n.Arguments[0].(*ast.IdentifierNode)
	return callee, arg, ok
}

// hasPatch turns has(name) into a variable of the scope.
type hasPatch struct{}

func (hasPatch) Visit(node *ast.Node) {
	if call, ok := (*node).(*ast.CallNode); ok {
		if _, arg, ok := hasCall(call); ok {
			ast.Patch(node, &ast.IdentifierNode{Value: hasName(arg.Value)})
		}
	}
}

// holds evaluates a condition: nil always holds; one that cannot be evaluated
// does not.
func (r *run) holds(c *condition) bool {
	if c == nil {
		return true
	}
	if c.rule != nil {
		return r.truth(c.rule)
	}
	return r.interpret(c)
}

// interpret has expr's machine evaluate a condition.
func (r *run) interpret(c *condition) bool {
	if r.scope == nil {
		r.scope = make(map[string]any, 8)
		r.vm = &vm.VM{}
	}
	for i := range c.vars {
		v := &c.vars[i]
		if _, there := r.scope[v.name]; there {
			continue
		}
		value := r.value(v.slot)
		switch {
		case v.has:
			r.scope[v.name] = value != ""
		case v.typ == typeRows:
			r.scope[v.name] = float64(countRows(value))
		case isNumber(v.typ):
			r.scope[v.name] = numberOf(value)
		default:
			r.scope[v.name] = value
		}
	}
	out, err := r.vm.Run(c.program, r.scope)
	ok, is := out.(bool)
	return err == nil && is && ok
}
