package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// party is one identifier of an account.
type party struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// intent is what an action asks for: the request is built from it, and every
// answer is held against it.
type intent struct {
	id      string // the action's
	call    string
	kind    string // transaction type of the API
	subType string
	amount  string // canonical
	debit   []party
	credit  []party
	note    string

	original string // of a reversal: the core's reference of what it takes back
}

// intent reads an action's arguments. Its errors name the argument, never its
// value.
func (g *GSMA) intent(call, id, msisdn string, args Args) (intent, error) {
	if call == Reversal {
		return g.reversal(id, msisdn, args)
	}
	in := intent{id: id, call: call, kind: call}
	payer, err := g.msisdn(msisdn)
	if err != nil {
		return intent{}, fmt.Errorf("customer: %w", err)
	}
	in.debit = []party{payer}
	amount, ok := Canonical(args.Get("amount"))
	if !ok || amount == "0" {
		return intent{}, errors.New("amount: not an amount")
	}
	in.amount = amount
	in.note = Clean(args.Get("note"), 160)
	if call == Airtime {
		in.kind, in.subType = BillPay, g.cfg.AirtimeSubType
	}
	in.credit, err = g.payee(call, args)
	return in, err
}

// payee returns the identifiers of the one who is paid.
func (g *GSMA) payee(call string, args Args) ([]party, error) {
	one := func(key, arg string) (party, error) {
		v := args.Get(arg)
		if _, err := segment(v); err != nil {
			return party{}, fmt.Errorf("%s: not an identifier", arg)
		}
		return party{Key: key, Value: v}, nil
	}
	ids := g.cfg.Identifiers
	var p party
	var err error
	switch call {
	case Transfer, Airtime, Deposit:
		if p, err = g.msisdn(args.Get("to")); err != nil {
			err = fmt.Errorf("to: %w", err)
		}
	case MerchantPay:
		p, err = one(ids.Till, "till")
	case Withdrawal:
		p, err = one(ids.Agent, "agent")
	case BillPay:
		if p, err = one(ids.Biller, "biller"); err != nil {
			return nil, err
		}
		if args.Get("reference") == "" {
			break // who is named so, and what it costs, can be asked without
		}
		ref, err := one(ids.Reference, "reference")
		return []party{p, ref}, err
	default:
		err = errors.New("not an action of this core")
	}
	return []party{p}, err
}

// msisdn writes a number as the core wants it.
func (g *GSMA) msisdn(number string) (party, error) {
	if len(number) < 7 || len(number) > 15 || strings.Trim(number, "0123456789") != "" {
		return party{}, errors.New("not a number in E.164 digits")
	}
	if !g.cfg.BareMSISDN {
		number = "+" + number
	}
	return party{Key: "msisdn", Value: number}, nil
}

// body is requestTransactionType.
func (in intent) body(currency string, now time.Time) ([]byte, error) {
	if in.call == Reversal {
		return in.reversalBody(currency, now)
	}
	return json.Marshal(struct {
		Amount    string  `json:"amount"`
		Currency  string  `json:"currency"`
		SubType   string  `json:"subType,omitempty"`
		Debit     []party `json:"debitParty"`
		Credit    []party `json:"creditParty"`
		Note      string  `json:"descriptionText,omitempty"`
		ClientRef string  `json:"requestingOrganisationTransactionReference"`
		Date      string  `json:"requestDate"`
	}{in.amount, currency, in.subType, in.debit, in.credit, in.note, in.id, now.UTC().Format(time.RFC3339)})
}

// quotation is requestQuotation.
func (in intent) quotation(currency string, now time.Time) ([]byte, error) {
	return json.Marshal(struct {
		Amount   string  `json:"requestAmount"`
		Currency string  `json:"requestCurrency"`
		Type     string  `json:"type"`
		SubType  string  `json:"subType,omitempty"`
		Debit    []party `json:"debitParty"`
		Credit   []party `json:"creditParty"`
		Date     string  `json:"requestDate"`
	}{in.amount, currency, in.kind, in.subType, in.debit, in.credit, now.UTC().Format(time.RFC3339)})
}

// sameIdentifier compares two values of one identifier type.
func sameIdentifier(key, a, b string) bool {
	if strings.EqualFold(key, "msisdn") {
		return digits(a) == digits(b)
	}
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// digits returns a number without "+" and what people put between digits.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r == ' ' || r == '-' {
			return -1
		}
		return r
	}, number)
}

// compare holds the identifiers of an answer against those asked for. It returns
// whether any could be compared, and an error if one differs.
func compare(who string, asked []party, got []wireParty) (bool, error) {
	compared := false
	for _, a := range asked {
		for _, p := range got {
			if !p.Key.is(a.Key) {
				continue
			}
			if !sameIdentifier(a.Key, a.Value, string(p.Value)) {
				return true, fmt.Errorf("%w: another %s", ErrMismatch, who)
			}
			compared = true
		}
	}
	return compared, nil
}
