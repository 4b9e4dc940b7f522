package menus

import "slices"

// valueType is what a variable holds.
type valueType uint8

const (
	typeNone valueType = iota
	typeText
	typeNumber // digits as typed, leading zeros kept
	typeMoney  // canonical decimal
	typeMSISDN // E.164 digits
	typeDate   // RFC 3339 full-date
	typeTime   // RFC 3339
	typeSecret
	typeReason // stable code of a refusal
	typeKind   // kind of a statement's row
	typeSign   // in or out
	typeRows
	typeChoice // the value of a choice
)

func (t valueType) String() string {
	return [...]string{"nothing", "text", "number", "money", "msisdn", "date", "time", "secret", "reason", "kind", "direction", "rows", "choice"}[t]
}

// A call that menus can make of the core: the closed set that the loader knows.
type callDef struct {
	name    string
	action  bool // moves money
	changes bool // moves no money, and changes something: see unknown
	local   bool // the gateway's own: the core has no part in it
	args    []argDef
	oneOf   []string // exactly one of these args
	results []resultDef
}

type argDef struct {
	name     string
	typ      valueType // typeText takes whatever is not a secret
	optional bool
}

type resultDef struct {
	name string
	typ  valueType
	// always: a success without it is no success, so that texts may rely on it.
	always bool
	// after: it speaks of the time after the call, so that an older value of the
	// same name must not survive it.
	after bool
}

// unknown says whether nobody may know what became of a call without an answer. One
// that only reads did nothing then.
func (c *callDef) unknown() bool { return c.action || c.changes }

// Calls that the gateway answers by itself.
const (
	// CallLastBalance sends the customer the last known balance by SMS.
	CallLastBalance = "last_balance"
	// CallTell tells the customer by SMS when the call that its argument "call"
	// names can be made again. Menus do not name it: the engine makes it.
	CallTell = "tell"
)

// target args are typed loosely because operators number them as they like.
var (
	actionResults = []resultDef{
		{name: "balance", typ: typeMoney, after: true},
		{name: "fee", typ: typeMoney},
		{name: "payee_name", typ: typeText, after: true},
		{name: "payee_msisdn", typ: typeMSISDN, after: true},
		{name: "agent_msisdn", typ: typeMSISDN, after: true},
	}
	// A prepaid meter's payment buys a token, which nobody else tells the customer.
	billResults = append([]resultDef{{name: "token", typ: typeText, after: true}, {name: "units", typ: typeText, after: true}}, actionResults...)
	targets     = []string{"to", "till", "biller", "agent"}
	targetArgs  = []argDef{
		{"to", typeMSISDN, true}, {"till", typeText, true}, {"biller", typeText, true}, {"agent", typeText, true},
	}
	callDefs = []callDef{
		{name: "transfer", action: true, results: actionResults,
			args: []argDef{{"to", typeMSISDN, false}, {"amount", typeMoney, false}, {"pin", typeSecret, false}, {"note", typeText, true}}},
		{name: "merchantpay", action: true, results: actionResults,
			args: []argDef{{"till", typeText, false}, {"amount", typeMoney, false}, {"pin", typeSecret, false}}},
		{name: "billpay", action: true, results: billResults,
			args: []argDef{{"biller", typeText, false}, {"reference", typeText, false}, {"amount", typeMoney, false}, {"pin", typeSecret, false}}},
		{name: "airtime", action: true, results: actionResults,
			args: []argDef{{"to", typeMSISDN, false}, {"amount", typeMoney, false}, {"pin", typeSecret, false}}},
		{name: "withdrawal", action: true, results: actionResults,
			args: []argDef{{"agent", typeText, false}, {"amount", typeMoney, false}, {"pin", typeSecret, false}}},
		{name: "deposit", action: true, results: actionResults,
			args: []argDef{{"to", typeMSISDN, false}, {"amount", typeMoney, false}, {"pin", typeSecret, false}}},
		{name: "commission", args: []argDef{{"pin", typeSecret, false}},
			results: []resultDef{{name: "commission", typ: typeMoney, always: true}}},
		{name: "lock", changes: true, args: []argDef{{"pin", typeSecret, false}}},
		{name: "change_pin", changes: true, args: []argDef{{"pin", typeSecret, false}, {"new_pin", typeSecret, false}}},
		{name: CallLastBalance, local: true, results: []resultDef{{name: "sent_at", typ: typeTime}}},
		{name: "status", args: []argDef{{"reference", typeText, false}},
			results: []resultDef{
				{name: "state", typ: typeText, always: true}, {name: "amount", typ: typeMoney, always: true},
				{name: "kind", typ: typeKind}, {name: "date", typ: typeTime}, {name: "direction", typ: typeSign}, {name: "party", typ: typeMSISDN}}},
		{name: "balance", args: []argDef{{"pin", typeSecret, false}},
			results: []resultDef{{name: "balance", typ: typeMoney, always: true}}},
		{name: "account_name", args: targetArgs, oneOf: targets,
			results: []resultDef{{name: "name", typ: typeText, always: true}}},
		{name: "fee", args: append([]argDef{{"call", typeText, false}, {"amount", typeMoney, false}}, targetArgs...), oneOf: targets,
			results: []resultDef{{name: "fee", typ: typeMoney, always: true}}},
		{name: "statement", args: []argDef{{"pin", typeSecret, false}, {"limit", typeNumber, true}},
			results: []resultDef{{name: "rows", typ: typeRows, always: true}}},
	}
)

// rowDefs are the fields of a statement's row, in the order of their slots.
var rowDefs = []argDef{
	{name: "date", typ: typeTime}, {name: "kind", typ: typeKind}, {name: "amount", typ: typeMoney},
	{name: "direction", typ: typeSign}, {name: "party", typ: typeMSISDN}, {name: "ref", typ: typeText},
}

// reasonCodes of refusals: each has a text in the catalog.
var reasonCodes = []string{
	"insufficient_funds", "wrong_pin", "pin_locked", "pin_weak", "unknown_payee", "limit_exceeded", "amount_invalid",
	"account_blocked", "not_allowed", "same_person", "unknown_reference", "not_sent", "other",
}

// partyArgs name whom an action pays, where that is one of many that can be closed
// by itself.
var partyArgs = []string{"till", "biller", "agent"}

// partyArg is the argument of an action that names its party; "" if none does.
func (c *callDef) partyArg() string {
	for _, a := range c.args {
		if c.action && slices.Contains(partyArgs, a.name) {
			return a.name
		}
	}
	return ""
}

func findCall(name string) *callDef {
	for i := range callDefs {
		if callDefs[i].name == name {
			return &callDefs[i]
		}
	}
	return nil
}

func (c *callDef) arg(name string) *argDef {
	for i := range c.args {
		if c.args[i].name == name {
			return &c.args[i]
		}
	}
	return nil
}

func (c *callDef) result(name string) *resultDef {
	for i := range c.results {
		if c.results[i].name == name {
			return &c.results[i]
		}
	}
	return nil
}

// Slots of the variables that every menu has; the menu's own follow.
const (
	slotCustomer = iota
	slotRef
	slotReason
	slotUntil
	firstSlot
)

var builtins = [firstSlot]argDef{
	slotCustomer: {name: "customer", typ: typeMSISDN},
	slotRef:      {name: "ref", typ: typeText},
	slotReason:   {name: "reason", typ: typeReason},
	slotUntil:    {name: "until", typ: typeTime},
}
