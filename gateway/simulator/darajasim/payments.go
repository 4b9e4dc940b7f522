package darajasim

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"nyota/gateway/simulator/faults"
)

// payment is a push, a payout or a reversal.
type payment struct {
	id       string // CheckoutRequestID, or OriginatorConversationID
	mark     string // by which the developer's side names it
	kind     string // push, payout or reversal
	amount   int64
	phone    string
	debit    string
	credit   string
	callback string
	timeout  string
	code     string // result code; "" while it is not decided
	words    string
	receipt  string
	times    int

	receiptOf string // of a reversal: the receipt of what it takes back
	of        string // and that payment's mark
	takenBack bool   // a reversal took it back
}

func (c *Core) push(w http.ResponseWriter, b map[string]string) {
	password, err := base64.StdEncoding.DecodeString(b["Password"])
	if err != nil || string(password) != b["BusinessShortCode"]+c.cfg.Passkey+b["Timestamp"] && c.cfg.Passkey != "" {
		complain(w, http.StatusInternalServerError, "500.001.1001", "Wrong credentials")
		return
	}
	if b["TransactionType"] != "CustomerPayBillOnline" && b["TransactionType"] != "CustomerBuyGoodsOnline" {
		complain(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid TransactionType")
		return
	}
	id := "ws_CO_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	p := &payment{
		id: id, mark: b["TransactionDesc"], kind: "push", phone: b["PhoneNumber"], debit: b["PhoneNumber"], credit: b["PartyB"], callback: b["CallBackURL"],
	}
	c.take(w, p, b["Amount"], map[string]string{
		"MerchantRequestID": "1-1-1", "CheckoutRequestID": id, "ResponseCode": "0",
		"ResponseDescription": "Success. Request accepted for processing", "CustomerMessage": "Success. Request accepted for processing",
	})
}

func (c *Core) payout(w http.ResponseWriter, b map[string]string) {
	id := b["OriginatorConversationID"]
	if id == "" || !c.credential(b["SecurityCredential"]) {
		complain(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid OriginatorConversationID or SecurityCredential")
		return
	}
	p := &payment{
		id: id, mark: id, kind: "payout", phone: b["PartyB"], debit: shortCode, credit: b["PartyB"], callback: b["ResultURL"], timeout: b["QueueTimeOutURL"],
	}
	c.take(w, p, b["Amount"], map[string]string{
		"ConversationID": "AG_" + id, "OriginatorConversationID": id, "ResponseCode": "0", "ResponseDescription": "Accept the service request successfully.",
	})
}

// take answers that a payment will be carried out, and has it carried out.
func (c *Core) take(w http.ResponseWriter, p *payment, amount string, accepted any) {
	n, err := strconv.ParseInt(amount, 10, 64)
	if err != nil || n <= 0 {
		complain(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid Amount")
		return
	}
	p.amount = n
	f := c.Faults()
	faults.Sleep(c.ctx, f.SlowMS)
	c.mu.Lock()
	switch {
	case c.byID[p.id] != nil:
		c.mu.Unlock()
		complain(w, http.StatusInternalServerError, "500.002.1001", "Duplicate OriginatorConversationID.")
		return
	case c.closed || len(c.order) >= c.cfg.MaxRecords:
		c.mu.Unlock()
		complain(w, http.StatusServiceUnavailable, "500.003.1001", "Internal Server Error")
		return
	}
	c.byID[p.id] = p
	c.order = append(c.order, p)
	if f.Callbacks == "early" || f.DecideMS == 0 {
		c.decide(p, f)
	}
	lost := c.cfg.Rand() < f.DropAnswers
	if f.Callbacks != "early" {
		c.wg.Go(func() { c.carryOut(p, f) })
	}
	c.mu.Unlock()
	if f.Callbacks == "early" {
		c.tell(p, 1)
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	faults.Answer(w, http.StatusOK, accepted)
}

// carryOut decides and calls back after the answer.
func (c *Core) carryOut(p *payment, f Faults) {
	if f.Timeout && p.timeout != "" {
		c.call(p.timeout, map[string]string{"ResultDesc": "The service request timed out in the queue."}, 1)
	}
	faults.Sleep(c.ctx, f.DecideMS)
	if c.ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	if p.code == "" {
		c.decide(p, f)
	}
	c.mu.Unlock()
	if f.Callbacks == "late" {
		faults.Sleep(c.ctx, 50)
	}
	c.tell(p, map[string]int{"once": 1, "twice": 2, "late": 1}[f.Callbacks])
}

// decide moves the money, or says why not. It is called with mu held.
func (c *Core) decide(p *payment, f Faults) {
	balance, known := c.balances[p.phone]
	switch {
	case f.Refuse != "":
		p.code, p.words = f.Refuse, "words of the core"
	case p.kind == "reversal":
		c.takeBack(p)
		return
	case !known && p.kind == "payout":
		p.code, p.words = "2040", "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service ."
	case !known:
		p.code, p.words = "1037", "DS timeout user cannot be reached"
	case p.amount > c.cfg.Limit:
		p.code, p.words = "3", "Greater than the maximum transaction value."
	case p.kind == "push" && balance < p.amount, p.kind == "payout" && c.balances[shortCode] < p.amount:
		p.code, p.words = "1", "The balance is insufficient for the transaction"
	}
	if p.code != "" {
		return
	}
	change := p.amount
	if p.kind == "push" {
		change = -change
	}
	c.carry(p, change)
}

// carry moves money from the organisation to the phone. It is called with mu held.
func (c *Core) carry(p *payment, change int64) {
	c.balances[p.phone] += change
	c.balances[shortCode] -= change
	c.sequence++
	p.code, p.words, p.receipt = "0", "The service request is processed successfully.", "QK"+strconv.Itoa(10_000_000+c.sequence)
	p.times++
}

// shown is the amount as results have it. It is called with mu held.
func (c *Core) shown(p *payment) int64 {
	if c.Faults().WrongAmount {
		return p.amount + 1
	}
	return p.amount
}

type entry struct {
	Key   string `json:"Key,omitempty"`
	Name  string `json:"Name,omitempty"`
	Value any    `json:"Value"`
}

// tell sends a payment's result.
func (c *Core) tell(p *payment, times int) {
	c.call(p.callback, c.result(p), times)
}

// result is what a payment's callback says.
func (c *Core) result(p *payment) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	var code any = p.code // some are words, the others numbers
	if n, err := strconv.Atoi(p.code); err == nil {
		code = n
	}
	done := p.code == "0"
	if p.kind == "push" {
		number, _ := strconv.ParseInt(p.phone, 10, 64)
		result := map[string]any{"MerchantRequestID": "1-1-1", "CheckoutRequestID": p.id, "ResultCode": code, "ResultDesc": p.words}
		if done {
			result["CallbackMetadata"] = map[string]any{"Item": []entry{
				{Name: "Amount", Value: float64(c.shown(p))}, {Name: "MpesaReceiptNumber", Value: p.receipt}, {Name: "PhoneNumber", Value: number},
			}}
		}
		return map[string]any{"Body": map[string]any{"stkCallback": result}}
	}
	result := map[string]any{
		"ResultType": 0, "ResultCode": code, "ResultDesc": p.words, "OriginatorConversationID": p.id, "ConversationID": "AG_" + p.id, "TransactionID": p.receipt,
	}
	switch {
	case done && p.kind == "reversal":
		result["ResultParameters"] = map[string]any{"ResultParameter": c.reversed(p)}
	case done:
		result["ResultParameters"] = map[string]any{"ResultParameter": []entry{
			{Key: "TransactionAmount", Value: c.shown(p)}, {Key: "TransactionReceipt", Value: p.receipt},
			{Key: "ReceiverPartyPublicName", Value: p.phone + " - Baraka Mushi"},
		}}
	}
	return map[string]any{"Result": result}
}
