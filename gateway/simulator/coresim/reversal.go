package coresim

import (
	"net/http"
	"strings"
	"time"
)

// reverse takes a payment back, its fee too, once.
func (b *bank) reverse(now time.Time, o order) (*transaction, *problem) {
	t := b.byRef[o.of]
	rule := func(code, words string) *problem { return refuse(http.StatusBadRequest, "businessRule", code, words) }
	switch {
	case t == nil:
		return nil, refuse(http.StatusNotFound, "identification", "identifierError", "there is no such transaction", "identifier", "transactionReference")
	case t.kind == "reversal":
		return nil, rule("transactionTypeError", "a reversal is not reversed")
	case t.reversed:
		return nil, rule("requestDeclined", "it is reversed already")
	case o.amount != 0 && o.amount != t.amount:
		return nil, rule("requestDeclined", "only the whole amount is reversed")
	case t.credit.balance < t.amount:
		return nil, rule("insufficientFunds", "the payee has spent it")
	case len(b.byRef) >= b.most:
		return nil, refuse(http.StatusServiceUnavailable, "serviceUnavailable", "genericError", "the core's books are full")
	}
	fee := min(t.fee, b.accounts[feeAccount].balance)
	b.move(leg{t.credit, -t.amount}, leg{b.accounts[feeAccount], -fee}, leg{t.debit, t.amount + fee})
	t.reversed = true
	b.sequence++
	r := &transaction{
		ref: reference(now.In(b.day), b.sequence), correlation: o.correlation, clientRef: o.clientRef, kind: "reversal", purpose: "reversal",
		amount: t.amount, debit: t.credit, credit: t.debit, payer: t.payee, payee: t.payer, balance: t.credit.balance, original: t.ref, at: now,
	}
	b.book(r)
	return r, nil
}

// postReversal reads a requestReversal, and does it when a worker comes.
func (c *Core) postReversal(w http.ResponseWriter, r *http.Request) {
	body, p := c.decode(r)
	o := order{correlation: r.Header.Get("X-CorrelationID"), clientRef: body.ClientRef, kind: "reversal", of: r.PathValue("reference")}
	switch {
	case p != nil:
	case o.correlation != "" && !isUUID(o.correlation):
		o.correlation = ""
		p = refuse(http.StatusBadRequest, "validation", "formatError", "X-CorrelationID is not a UUID", "header", "X-CorrelationID")
	case !strings.EqualFold(body.Type, "reversal"):
		p = refuse(http.StatusBadRequest, "validation", "mandatoryValueNotSupplied", "type must be reversal", "field", "type")
	case body.Amount != "":
		o.amount, p = c.money(body.Amount, body.Currency)
	}
	callback := r.Header.Get("X-Callback-URL")
	c.work(w, r, func() reply { return c.transact(o, p, callback) })
}

// postTransactions tells /transactions/type/{type} from
// /transactions/{transactionReference}/reversals, which no mux can.
func (c *Core) postTransactions(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.posts++
	c.mu.Unlock()
	switch reference, what := r.PathValue("reference"), r.PathValue("what"); {
	case reference == "type":
		r.SetPathValue("type", what)
		c.postTransaction(w, r)
	case what == "reversals":
		c.postReversal(w, r)
	default:
		http.NotFound(w, r)
	}
}
