package momosim

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"nyota/gateway/simulator/faults"
)

// resource is a request to pay, a withdrawal, a transfer or a refund.
type resource struct {
	reference  string
	kind       string
	externalID string
	amount     int64
	subscriber string
	pays       bool // the subscriber pays; else is paid
	debit      string
	credit     string
	status     string
	reason     string
	ref        string // financialTransactionId
	callback   string
	times      int
	refunded   string // of a refund: the reference of what it takes back
	takenBack  bool   // a refund took it back
}

type party struct {
	Type string `json:"partyIdType"`
	ID   string `json:"partyId"`
}

type order struct {
	Amount     string `json:"amount"`
	Currency   string `json:"currency"`
	ExternalID string `json:"externalId"`
	Payer      *party `json:"payer"`
	Payee      *party `json:"payee"`
	Refunded   string `json:"referenceIdToRefund"`
}

// kinds says which product a resource belongs to, and to which version it is posted.
var kinds = map[string]string{
	"requesttopay": "collection/v1_0", "requesttowithdraw": "collection/v1_0", "transfer": "disbursement/v1_0", "refund": "disbursement/v2_0",
}

// post takes a resource of those that are posted to a version of the API.
func (c *Core) post(version string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) { c.take(w, req, version) }
}

func (c *Core) take(w http.ResponseWriter, req *http.Request, version string) {
	c.mu.Lock()
	c.posts++
	c.mu.Unlock()
	f := c.Faults()
	if !c.authorised(w, req) {
		return
	}
	kind := req.PathValue("kind")
	reference := req.Header.Get("X-Reference-Id")
	id, err := uuid.Parse(reference)
	var o order
	if kinds[kind] == "" || kinds[kind] != req.PathValue("product")+"/"+version {
		complain(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", "there is no such operation")
		return
	}
	if err != nil || id.Version() != 4 || json.NewDecoder(req.Body).Decode(&o) != nil {
		complain(w, http.StatusBadRequest, "BAD_REQUEST", "the request does not follow the specification")
		return
	}
	amount, err := strconv.ParseInt(o.Amount, 10, 64)
	who := o.Payer
	switch kind {
	case "transfer":
		who = o.Payee
	case "refund":
		who = c.payerOf(o.Refunded)
	}
	if err != nil || amount <= 0 || who == nil || who.Type != "MSISDN" {
		complain(w, http.StatusBadRequest, "BAD_REQUEST", "the request does not follow the specification")
		return
	}
	if o.Currency != c.cfg.Currency {
		complain(w, http.StatusInternalServerError, "INVALID_CURRENCY", "Currency not supported.")
		return
	}
	faults.Sleep(c.ctx, f.SlowMS)

	c.mu.Lock()
	if c.resources[reference] != nil {
		c.mu.Unlock()
		complain(w, http.StatusConflict, "RESOURCE_ALREADY_EXIST", "Duplicated reference id. Creation of resource failed.")
		return
	}
	if len(c.order) >= c.cfg.MaxRecords || c.closed {
		c.mu.Unlock()
		complain(w, http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", "the books are full")
		return
	}
	r := &resource{
		reference: reference, kind: kind, externalID: o.ExternalID, amount: amount, subscriber: who.ID,
		pays: kind != "transfer" && kind != "refund", status: "PENDING", callback: req.Header.Get("X-Callback-Url"), refunded: o.Refunded,
	}
	r.debit, r.credit = r.subscriber, "api-user"
	if !r.pays {
		r.debit, r.credit = r.credit, r.debit
	}
	c.resources[reference] = r
	c.order = append(c.order, r)
	if f.Callbacks == "early" || f.DecideMS == 0 {
		c.decide(r, f)
	}
	lost := c.cfg.Rand() < f.DropAnswers
	c.mu.Unlock()

	switch {
	case f.Callbacks == "early":
		c.call(r, 1)
	default:
		c.later(r, f)
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusAccepted)
}

// later decides and calls back after the answer.
func (c *Core) later(r *resource, f Faults) {
	calls := map[string]int{"once": 1, "twice": 2, "late": 1}[f.Callbacks]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.wg.Go(func() {
		faults.Sleep(c.ctx, f.DecideMS)
		if c.ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		if r.status == "PENDING" {
			c.decide(r, f)
		}
		c.mu.Unlock()
		if f.Callbacks == "late" {
			faults.Sleep(c.ctx, 50)
		}
		c.call(r, calls)
	})
}

// decide moves the money, or says why not. It is called with mu held.
func (c *Core) decide(r *resource, f Faults) {
	balance, known := c.balances[r.subscriber]
	side := "PAYER"
	if !r.pays {
		side = "PAYEE"
	}
	first := c.resources[r.refunded]
	switch {
	case f.Refuse != "":
		r.reason = f.Refuse
	case r.kind == "refund":
		r.reason = refusal(r, first)
	case !known:
		r.reason = side + "_NOT_FOUND"
	case r.amount > c.cfg.Limit:
		r.reason = "PAYER_LIMIT_REACHED"
	case r.pays && balance < r.amount:
		r.reason = "NOT_ENOUGH_FUNDS"
	}
	if r.reason != "" {
		r.status = "FAILED"
		return
	}
	if r.pays {
		c.balances[r.subscriber] -= r.amount
	} else {
		c.balances[r.subscriber] += r.amount
	}
	if first != nil {
		first.takenBack = true
	}
	c.sequence++
	r.status, r.ref = "SUCCESSFUL", strconv.Itoa(360_000_000+c.sequence)
	r.times++
}

// payerOf is who paid what a refund takes back, or a subscriber without name: what
// MoMo does with a reference that it does not know is not documented. Here the
// refund is taken, and fails.
func (c *Core) payerOf(reference string) *party {
	if _, err := uuid.Parse(reference); err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &party{Type: "MSISDN"}
	if r := c.resources[reference]; r != nil {
		p.ID = r.subscriber
	}
	return p
}

// refusal says why a refund of a payment fails; "" if it does not. Only the whole
// of what a customer paid is refunded, once.
func refusal(r, first *resource) string {
	switch {
	case first == nil || first.kind != "requesttopay":
		return "RESOURCE_NOT_FOUND"
	case first.status != "SUCCESSFUL" || first.takenBack:
		return "NOT_ALLOWED"
	case first.amount != r.amount:
		return "INVALID_AMOUNT"
	}
	return ""
}

// shown is a resource as the API shows it. It is called with mu held.
func (c *Core) shown(r *resource) map[string]any {
	amount := r.amount
	if c.Faults().WrongAmount {
		amount++
	}
	m := map[string]any{
		"amount": strconv.FormatInt(amount, 10), "currency": c.cfg.Currency, "externalId": r.externalID,
		"status": r.status, "payerMessage": "", "payeeNote": "",
	}
	p := party{"MSISDN", r.subscriber}
	if r.kind == "refund" { // as the sandbox shows it
		p = party{"PARTY_CODE", "81bfd732-0000-4000-8000-000000000001"}
	}
	if r.pays {
		m["payer"] = p
	} else {
		m["payee"] = p
	}
	if r.ref != "" {
		m["financialTransactionId"] = r.ref
	}
	if r.reason != "" {
		m["reason"] = map[string]string{"code": r.reason, "message": "words of the core"}
	}
	return m
}

// call tells the client, as often as said. What fails is not tried again.
func (c *Core) call(r *resource, times int) {
	if r.callback == "" {
		return
	}
	for range times {
		c.mu.Lock()
		body, err := json.Marshal(c.shown(r))
		c.mu.Unlock()
		if err != nil {
			c.cfg.Log.Error("a callback could not be written", "err", err)
			return
		}
		if err := c.put(c.ctx, r.callback, body); err != nil {
			c.cfg.Log.Info("a callback failed", "reference", r.reference)
		}
	}
}

func (c *Core) put(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (c *Core) get(w http.ResponseWriter, req *http.Request) {
	if !c.authorised(w, req) {
		return
	}
	c.mu.Lock()
	r := c.resources[req.PathValue("reference")]
	var body map[string]any
	if r != nil && r.kind == req.PathValue("kind") && strings.HasPrefix(kinds[r.kind], req.PathValue("product")+"/") {
		body = c.shown(r)
	}
	c.mu.Unlock()
	if body == nil {
		complain(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
		return
	}
	faults.Answer(w, http.StatusOK, body)
}
