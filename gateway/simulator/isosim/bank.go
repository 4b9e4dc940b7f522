package isosim

import (
	"fmt"
	"strconv"
	"strings"

	"nyota/gateway/simulator/faults"
)

// record is a financial request that was carried out, or refused.
type record struct {
	rrn      string
	code     string // processing code
	result   string // response code
	amount   int64
	payer    string
	payee    string
	note     string
	times    int
	reversed bool
}

// answer works on a request and returns its answers: none if they are lost, two
// if the answer comes twice.
func (c *Core) answer(m message) []message {
	f := c.Faults()
	var a message
	switch m.mti {
	case "0800":
		return []message{m.answer("00")}
	case "0200":
		c.mu.Lock()
		c.posts++
		c.mu.Unlock()
		faults.Sleep(c.ctx, f.SlowMS)
		a = c.pay(m, f)
		if c.cfg.Rand() < f.DropAnswers {
			return nil
		}
	case "0100":
		a = c.read(m)
	case "0420", "0421":
		c.mu.Lock()
		c.advices++
		lost := c.advices <= f.DropAdvices
		c.mu.Unlock()
		a = c.reverse(m)
		if lost {
			return nil
		}
	default:
		return []message{m.answer("12")}
	}
	if f.WrongAmount && a.fields[4] != "" {
		n, _ := strconv.ParseInt(a.fields[4], 10, 64)
		a.fields[4] = fmt.Sprintf("%012d", n+1)
	}
	switch {
	case f.WrongSTAN:
		a.fields[11] = "999998"
	case f.Twice:
		return []message{a, a}
	}
	return []message{a}
}

func (c *Core) pay(m message, f Faults) message {
	c.mu.Lock()
	defer c.mu.Unlock()
	rrn := m.fields[37]
	if c.records[rrn] != nil || c.advised[rrn] {
		return m.answer("94")
	}
	r := &record{rrn: rrn, code: m.fields[3], payer: m.fields[102], payee: m.fields[103], note: m.fields[48]}
	amount, err := strconv.ParseInt(m.fields[4], 10, 64)
	r.amount = amount
	balance, known := c.balances[r.payer]
	pin := m.fields[52]
	switch {
	case f.Refuse != "":
		r.result = f.Refuse
	case len(c.order) >= c.cfg.MaxRecords || rrn == "":
		return m.answer("96")
	case err != nil || amount <= 0:
		r.result = "13"
	case !known:
		r.result = "57"
	case c.cfg.PIN != nil && !c.cfg.PIN(r.payer, []byte(pin)):
		r.result = "55"
	case strings.HasSuffix(r.payee, "99999999"):
		r.result = "56"
	case amount > c.cfg.Limit:
		r.result = "61"
	case balance < amount:
		r.result = "51"
	default:
		r.result = "00"
		c.balances[r.payer] -= amount
		c.balances[r.payee] += amount
		r.times++
	}
	c.records[rrn] = r
	c.order = append(c.order, r)
	a := m.answer(r.result)
	if r.result == "00" {
		a.fields[38] = fmt.Sprintf("%06d", len(c.order))
		a.fields[54] = c.balance(m, r.payer)
	}
	return a
}

// balance is field 54. It is called with mu held.
func (c *Core) balance(m message, number string) string {
	return fmt.Sprintf("0002%3sC%012d", m.fields[49], c.balances[number])
}

// read answers balances (31) and status inquiries (all other codes).
func (c *Core) read(m message) message {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.HasPrefix(m.fields[3], "31") {
		number := m.fields[102]
		switch _, known := c.balances[number]; {
		case !known:
			return m.answer("57")
		case c.cfg.PIN != nil && !c.cfg.PIN(number, []byte(m.fields[52])):
			return m.answer("55")
		}
		a := m.answer("00")
		a.fields[54] = c.balance(m, number)
		return a
	}
	r := c.records[m.fields[37]]
	if r == nil {
		return m.answer("25")
	}
	a := m.answer("00")
	a.fields[4] = fmt.Sprintf("%012d", r.amount)
	a.fields[38] = "000000"
	a.fields[60] = r.result
	if r.reversed {
		a.fields[60] = "12"
	}
	return a
}

// reverse undoes a request, once, however often it is asked to. One that has not
// come yet is remembered and refused when it does.
func (c *Core) reverse(m message) message {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.records[m.fields[37]]
	if r == nil {
		if len(c.advised) < c.cfg.MaxRecords {
			c.advised[m.fields[37]] = true
		}
		return m.answer("25")
	}
	if r.times > 0 {
		r.times--
		c.balances[r.payer] += r.amount
		c.balances[r.payee] -= r.amount
	}
	r.reversed = true
	return m.answer("00")
}

// Effect is what the movements of one request add up to: its CorrelationID is the
// RRN, its Type the processing code.
type Effect = faults.Effect

// Effects returns the payments that took effect and still have it, in their order.
func (c *Core) Effects() []Effect {
	c.mu.Lock()
	defer c.mu.Unlock()
	return faults.Effects(c.order)
}

// Effect is what the request did, and what of it was not reversed.
func (r *record) Effect() Effect {
	return Effect{CorrelationID: r.rrn, Type: r.code, Amount: strconv.FormatInt(r.amount, 10), Debit: r.payer, Credit: r.payee, Times: r.times}
}

// Posts returns how many financial requests arrived.
func (c *Core) Posts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts
}

// Advices returns how many reversal advices arrived.
func (c *Core) Advices() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.advices
}

// Balance returns what a number has.
func (c *Core) Balance(number string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.balances[number]
}
