package iso8583

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"nyota/gateway/core"
)

// intent is what an action asks for: the request is built from it, and every
// answer is held against it.
type intent struct {
	ids
	call   string
	id     string // the action's
	amount string // field 4, 12 digits
	payer  string
	payee  string
	note   string // field 48
}

// intent reads an action's arguments. Its errors name the argument, never its
// value.
func (c *Connector) intent(call, id, wire, customer string, args core.Args) (intent, error) {
	in := intent{call: call, id: id, payer: customer, note: id}
	var err error
	if in.ids, err = parseIDs(wire); err != nil {
		return in, err
	}
	if !core.Moves(call) || !c.Serves(call) {
		return in, errNoCall
	}
	if in.amount, err = c.amount(args.Get("amount")); err != nil {
		return in, err
	}
	name := map[string]string{core.Transfer: "to", core.Airtime: "to", core.MerchantPay: "till", core.BillPay: "biller", core.Withdrawal: "agent"}[call]
	if in.payee = args.Get(name); !identifier(in.payee, 28) {
		return in, fmt.Errorf("%s: not an identifier", name)
	}
	if call == core.BillPay {
		ref := args.Get("reference")
		if !identifier(ref, 40) {
			return in, errors.New("reference: not an identifier")
		}
		in.note += " " + ref
	}
	if len(in.payer) < 7 || len(in.payer) > 15 || !numeric(in.payer, len(in.payer)) {
		return in, errors.New("customer: not a number in E.164 digits")
	}
	return in, nil
}

func identifier(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// amount writes field 4.
func (c *Connector) amount(s string) (string, error) {
	a, ok := core.Canonical(s)
	whole, frac, _ := strings.Cut(a, ".")
	digits := strings.TrimLeft(whole+(frac + "0000")[:c.cfg.Minor], "0")
	if !ok || a == "0" || len(frac) > c.cfg.Minor || digits == "" || len(digits) > 12 {
		return "", errors.New("amount: not an amount")
	}
	return strings.Repeat("0", 12-len(digits)) + digits, nil
}

// message is what requests have in common.
func (c *Connector) message(mti, code string, i ids, payer string) Message {
	now := c.cfg.Now().UTC()
	if at, err := time.Parse("2006 0102150405", now.Format("2006 ")+i.at); err == nil {
		now = at // a repeat says the time of the first
	}
	m := Message{MTI: mti, Fields: map[int]string{
		2: payer, 3: code, 7: i.at, 11: i.stan, 12: now.Format("150405"), 13: now.Format("0102"), 25: "00",
		37: i.rrn, 41: pad(c.cfg.Terminal, 8), 49: c.cfg.Currency,
	}}
	if c.cfg.Acquirer != "" {
		m.Fields[32] = c.cfg.Acquirer
	}
	if c.cfg.Merchant != "" {
		m.Fields[42] = pad(c.cfg.Merchant, 15)
	}
	return m
}

func pad(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }

// Call makes the request: one 0200, once, or a 0100 for a balance.
func (c *Connector) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	if r.Call == core.Reversal {
		return c.takeBack(ctx, r.ID, r.MSISDN, r.WireKey, r.Args)
	}
	if !c.Serves(r.Call) {
		return core.Outcome{}, core.Unsent(r.Call, errNoCall)
	}
	if r.Call == core.Balance {
		return c.balance(ctx, r)
	}
	in, err := c.intent(r.Call, r.ID, r.WireKey, r.MSISDN, r.Args)
	if err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	m := c.financial("0200", in)
	if !r.PIN.IsZero() {
		if m.Fields[52], err = c.pinBlock(r.PIN, in.payer); err != nil {
			return core.Outcome{}, core.Unsent(r.Call, err)
		}
	}
	a, err := c.link.do(ctx, r.Call, m)
	if err != nil {
		c.log.DebugContext(ctx, "core exchange failed", "op", r.Call, "err", err)
		return core.Outcome{}, err
	}
	if err := in.match(a); err != nil {
		c.log.ErrorContext(ctx, "core answered about something else", "op", r.Call, "action", r.ID, "err", err)
		return core.Outcome{Detail: "the core's answer does not match the action"}, core.Failed(r.Call, err)
	}
	return c.judge(in, a, a.Fields[39])
}

func (c *Connector) financial(mti string, in intent) Message {
	m := c.message(mti, c.cfg.Codes[in.call], in.ids, in.payer)
	m.Fields[4], m.Fields[48], m.Fields[102], m.Fields[103] = in.amount, in.note, in.payer, in.payee
	return m
}

// match holds an answer against the action. Fields that the switch does not
// repeat are not compared, but for the amount.
func (in intent) match(a Message) error {
	for _, f := range []struct {
		field      int
		want, name string
	}{{4, in.amount, "amount"}, {2, in.payer, "payer"}, {102, in.payer, "payer"}, {103, in.payee, "payee"}} {
		got, ok := a.Fields[f.field]
		if ok && strings.TrimSpace(got) != f.want {
			return fmt.Errorf("%w: another %s", core.ErrMismatch, f.name)
		}
		if !ok && f.field == 4 {
			return errors.New("the core's answer has no amount")
		}
	}
	return nil
}

// judge says what a response code means for the action. Only 00 is done, only
// the codes of reasons.go are refusals.
func (c *Connector) judge(in intent, a Message, code string) (core.Outcome, error) {
	out := core.Outcome{Detail: "response code " + core.Clean(code, 2)}
	switch {
	case code == approved:
		out.Status, out.Detail, out.Ref = core.Done, "", in.rrn
		if auth := core.Clean(a.Fields[38], 6); auth != "" {
			out.Ref += "-" + auth
		}
		if b := c.available(a.Fields[54]); b != "" {
			out.Fields = core.Args{{Name: "balance", Value: b}}
		}
		return out, nil
	case code == inProgress:
		out.Status, out.Again = core.Pending, 2*time.Second
		return out, nil
	case code == duplicate:
		return out, core.Failed(in.call, core.ErrDuplicate)
	}
	if reason, ok := c.reason(code); ok {
		out.Status, out.Reason = core.Rejected, reason
		return out, nil
	}
	return out, core.Failed(in.call, fmt.Errorf("the core's %s decides nothing", out.Detail))
}

// balance asks by 0100; the answer is field 54.
func (c *Connector) balance(ctx context.Context, r core.Request) (core.Outcome, error) {
	i, err := c.mint()
	if err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	m := c.message("0100", c.cfg.Codes[core.Balance], i, r.MSISDN)
	if !r.PIN.IsZero() {
		if m.Fields[52], err = c.pinBlock(r.PIN, r.MSISDN); err != nil {
			return core.Outcome{}, core.Unsent(r.Call, err)
		}
	}
	m.Fields[102] = r.MSISDN
	a, err := c.link.do(ctx, r.Call, m)
	if err != nil {
		return core.Outcome{}, err
	}
	switch code := a.Fields[39]; code {
	case approved:
		if b := c.available(a.Fields[54]); b != "" {
			return core.Outcome{Status: core.Done, Fields: core.Args{{Name: "balance", Value: b}}}, nil
		}
		return core.Outcome{}, core.Failed(r.Call, errors.New("the core gave no balance"))
	default:
		return c.judge(intent{call: r.Call}, a, code)
	}
}

// available finds the available balance (amount type 02) in field 54: parts of 20
// characters, account type, amount type, currency, sign, 12 digits. "" if there is
// none in our currency, or it is negative.
func (c *Connector) available(field string) string {
	for ; len(field) >= 20; field = field[20:] {
		p := field[:20]
		if p[2:4] != "02" || p[4:7] != c.cfg.Currency || p[7] != 'C' || !numeric(p[8:], 12) {
			continue
		}
		whole, frac := p[8:20-c.cfg.Minor], p[20-c.cfg.Minor:]
		if whole = strings.TrimLeft(whole, "0"); whole == "" {
			whole = "0"
		}
		if frac = strings.TrimRight(frac, "0"); frac != "" {
			return whole + "." + frac
		}
		return whole
	}
	return ""
}

// Health sends one echo test.
func (c *Connector) Health(ctx context.Context) (core.Health, error) {
	const op = "heartbeat"
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	s, err := c.link.session(ctx)
	if err != nil {
		return core.Health{}, core.Unsent(op, err)
	}
	if _, err := s.network(ctx, "301"); err != nil {
		return core.Health{}, err
	}
	return core.Health{State: core.Available, At: c.cfg.Now()}, nil
}

// signOn signs a new connection on.
func (c *Connector) signOn(ctx context.Context, s *session) error {
	_, err := s.network(ctx, "001")
	return err
}

// network sends a 0800: 001 is sign-on, 301 an echo test (field 70). Its STAN is
// matched on this connection alone.
func (s *session) network(ctx context.Context, code string) (Message, error) {
	const op = "network"
	now := s.link.cfg.Now().UTC()
	m := Message{MTI: "0800", Fields: map[int]string{
		7: now.Format("0102150405"), 11: fmt.Sprintf("%06d", s.next()), 41: pad(s.link.cfg.Terminal, 8), 70: code,
	}}
	frame, err := s.link.frame(m)
	if err != nil {
		return Message{}, core.Unsent(op, err)
	}
	a, err := s.do(ctx, op, m, frame)
	if err == nil && a.Fields[39] != approved {
		err = core.Failed(op, fmt.Errorf("the core answered %q", core.Clean(a.Fields[39], 2)))
	}
	return a, err
}
