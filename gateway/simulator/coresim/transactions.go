package coresim

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"nyota/gateway/simulator/faults"
)

// request is what the core remembers of a POST: what /responses and
// /requeststates show.
type request struct {
	id       string // the server's correlation id
	callback string
	status   string // pending, completed, failed
	ref      string
	problem  *problem
	expiry   time.Time
	polls    int
}

// pollLimit is how often a request state may be asked for, and expiry how long a
// request may stay undecided.
const (
	pollLimit = 20
	expiry    = time.Minute
)

// pin is what came in X-User-Credential-1, opened.
type pin struct {
	octets []byte
	err    error
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// credential opens the customer's PIN. With a key it must be a JWE, and if that
// names a request ("cid") it must be this one.
func (c *Core) credential(r *http.Request, header string) pin {
	value := r.Header.Get(header)
	if value == "" || c.cfg.PINKey == nil {
		return pin{octets: []byte(value)}
	}
	jwe, err := jose.ParseEncryptedCompact(value,
		[]jose.KeyAlgorithm{jose.RSA_OAEP_256, jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return pin{err: errors.New("the credential is not encrypted as agreed")}
	}
	octets, err := jwe.Decrypt(c.cfg.PINKey)
	if err != nil {
		return pin{err: errors.New("the credential cannot be decrypted")}
	}
	if cid, ok := jwe.Header.ExtraHeaders["cid"]; ok && cid != r.Header.Get("X-CorrelationID") {
		return pin{err: errors.New("the credential belongs to another request")}
	}
	return pin{octets: octets}
}

// read takes the body of a POST.
func (c *Core) read(r *http.Request) (requestObject, *problem) {
	o, p := c.decode(r)
	if p != nil {
		return o, p
	}
	for _, list := range [...]struct {
		name    string
		parties []pair
	}{{"creditParty", o.Credit}, {"debitParty", o.Debit}} {
		if len(list.parties) == 0 {
			return o, refuse(http.StatusBadRequest, "validation", "mandatoryValueNotSupplied", "both parties are needed", "party", list.name)
		}
		if len(list.parties) > 10 || slices.ContainsFunc(list.parties, func(p pair) bool {
			return p.Key == "" || p.Value == "" || len(p.Key) > 256 || len(p.Value) > 256
		}) {
			return o, refuse(http.StatusBadRequest, "validation", "formatError", "the identifiers of a party are malformed", "party", list.name)
		}
	}
	return o, nil
}

// money reads an amount and its currency.
func (c *Core) money(amount, currency string) (int64, *problem) {
	switch {
	case amount == "" || currency == "":
		return 0, refuse(http.StatusBadRequest, "validation", "mandatoryValueNotSupplied", "amount and currency are needed", "field", "amount")
	case strings.HasPrefix(amount, "-"):
		return 0, refuse(http.StatusBadRequest, "validation", "negativeValue", "the amount is negative", "field", "amount")
	case currency != c.cfg.Currency:
		return 0, refuse(http.StatusBadRequest, "validation", "currencyNotSupported", "the currency is not supported", "field", "currency")
	}
	n, err := whole(amount)
	if err != nil {
		return 0, refuse(http.StatusBadRequest, "validation", "formatError", err.Error(), "field", "amount")
	}
	return n, nil
}

// decode reads the object of a POST.
func (c *Core) decode(r *http.Request) (requestObject, *problem) {
	var o requestObject
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return o, refuse(http.StatusBadRequest, "validation", "lengthError", "the body could not be read, or is too long")
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return o, refuse(http.StatusBadRequest, "validation", "formatError", "the body is not the JSON object that is needed")
	}
	if len(o.Note) > 160 || len(o.SubType) > 256 || len(o.ClientRef) > 256 {
		return o, refuse(http.StatusBadRequest, "validation", "lengthError", "a text is too long")
	}
	return o, nil
}

// postTransaction reads the request at once, and does it when a worker comes.
func (c *Core) postTransaction(w http.ResponseWriter, r *http.Request) {
	body, p := c.read(r)
	o := order{
		correlation: r.Header.Get("X-CorrelationID"), clientRef: body.ClientRef,
		kind: strings.ToLower(r.PathValue("type")), subType: body.SubType, note: body.Note,
		payer: body.Debit, payee: body.Credit, pin: c.credential(r, "X-User-Credential-1"),
	}
	callback := r.Header.Get("X-Callback-URL")
	if p == nil && o.correlation != "" && !isUUID(o.correlation) {
		o.correlation = ""
		p = refuse(http.StatusBadRequest, "validation", "formatError", "X-CorrelationID is not a UUID", "header", "X-CorrelationID")
	}
	if p == nil {
		switch o.kind {
		case "transfer", "merchantpay", "billpay", "withdrawal", "deposit":
			o.amount, p = c.money(body.Amount, body.Currency)
		default:
			p = refuse(http.StatusBadRequest, "businessRule", "transactionTypeError", "this core does no such transactions")
		}
	}
	c.work(w, r, func() reply {
		c.ail(o.payee)
		return c.transact(o, p, callback)
	})
}

// ail keeps a worker waiting for a payee that is sick.
func (c *Core) ail(payee []pair) {
	f := c.Faults()
	if f.Sick == "" || !slices.ContainsFunc(payee, func(p pair) bool { return strings.EqualFold(p.Value, f.Sick) }) {
		return
	}
	faults.Sleep(c.ctx, f.SickMS)
}

// transact is a worker's part of a POST: it decides now, or later.
func (c *Core) transact(o order, p *problem, callback string) reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.correlation != "" && c.requests[o.correlation] != nil {
		return refuse(http.StatusBadRequest, "businessRule", "duplicateRequest", "the correlation id was used before").reply()
	}
	if len(c.states) >= c.cfg.MaxRecords {
		return refuse(http.StatusServiceUnavailable, "serviceUnavailable", "genericError", "the core's books are full").reply()
	}
	now := c.cfg.Now()
	q := &request{id: uuid.NewString(), callback: callback, status: "pending", expiry: now.Add(expiry)}
	c.states[q.id] = q
	if o.correlation != "" {
		c.requests[o.correlation] = q
	}
	lost := func() bool { return c.cfg.Rand() < c.faults.DropAnswers }
	if p == nil && c.cfg.Rand() < c.faults.Async {
		out := reply{status: http.StatusAccepted, body: c.state(q), lost: lost()}
		if c.faults.Callbacks == "early" {
			body := c.result(c.decide(o, q, nil), q)
			out.before = func() { c.tell(o, q, body, 1) }
			return out
		}
		c.later(o, q)
		return out
	}
	t := c.decide(o, q, p)
	if t == nil {
		return q.problem.reply()
	}
	return reply{status: http.StatusCreated, body: c.transaction(t), lost: lost()}
}

// decide pays or refuses, and keeps which. It is called with mu held.
func (c *Core) decide(o order, q *request, p *problem) *transaction {
	var t *transaction
	if p == nil {
		t, p = c.bank.pay(c.cfg.Now(), o)
	}
	if p != nil {
		p.error.At = stamp(c.cfg.Now())
		q.status, q.problem = "failed", p
		return nil
	}
	q.status, q.ref = "completed", t.ref
	return t
}

// later decides after a while, by a worker. It is called with mu held.
func (c *Core) later(o order, q *request) {
	delay := millis(c.faults.AsyncMS)
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-c.ctx.Done():
			return
		case <-timer.C:
		}
		err := c.pool.submit(func(time.Time) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.call(o, q, c.result(c.decide(o, q, nil), q))
		})
		if err != nil {
			c.mu.Lock()
			q.status = "failed"
			q.problem = refuse(http.StatusServiceUnavailable, "serviceUnavailable", "genericError", "the core's queue is full")
			q.problem.error.At = stamp(c.cfg.Now())
			c.mu.Unlock()
		}
	}()
}

// result is what a callback says of a request that was decided: its transaction,
// or why there is none. It is called with mu held.
func (c *Core) result(t *transaction, q *request) []byte {
	var result any
	if t != nil {
		result = c.transaction(t)
	} else {
		result = q.problem.error
	}
	body, err := json.Marshal(result)
	if err != nil {
		c.cfg.Log.Error("a callback could not be written", "err", err)
	}
	return body
}

// lateMS is how long after its decision a late callback comes.
const lateMS = 50

// call tells the client how it ended, as the faults say; a dead core tells nothing.
// It is called with mu held, on a worker that Close waits for.
func (c *Core) call(o order, q *request, body []byte) {
	const most = 64 // at once; beyond it a callback is lost, as callbacks are
	way := c.faults.Callbacks
	times := map[string]int{"once": 1, "twice": 2, "late": 1}[way]
	if times == 0 || c.faults.Down || c.calling >= most || c.ctx.Err() != nil {
		return
	}
	c.calling++
	c.wg.Go(func() {
		if way == "late" {
			faults.Sleep(c.ctx, lateMS)
		}
		c.tell(o, q, body, times)
		c.mu.Lock()
		c.calling--
		c.mu.Unlock()
	})
}

// tell sends a callback so often.
func (c *Core) tell(o order, q *request, body []byte, times int) {
	if q.callback == "" || body == nil {
		return
	}
	for range times {
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		err := c.put(ctx, q.callback, o.correlation, body)
		cancel()
		if err != nil {
			c.cfg.Log.Info("a callback failed", "correlation_id", o.correlation)
		}
	}
}

func (c *Core) put(ctx context.Context, url, correlation string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Date", stamp(c.cfg.Now()))
	if correlation != "" {
		r.Header.Set("X-CorrelationID", correlation)
	}
	resp, err := c.callbacks.Do(r)
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4096)
	return resp.Body.Close()
}

// state is a request as /requeststates shows it.
func (c *Core) state(q *request) stateObject {
	s := stateObject{ID: q.id, Object: q.ref, Status: q.status, Method: "polling", Expiry: stamp(q.expiry), Polls: pollLimit}
	if q.callback != "" {
		s.Method = "callback"
	}
	if q.status == "pending" {
		s.Reason = "The request is being processed"
	}
	if q.problem != nil {
		s.Error = &q.problem.error
	}
	return s
}

// transaction is a payment as the API shows it. It is called with mu held.
func (c *Core) transaction(t *transaction) transactionObject {
	amount := t.amount
	if c.faults.WrongAmount {
		amount++
	}
	o := transactionObject{
		Reference: t.ref, Receipt: t.ref, ClientRef: t.clientRef, Credit: t.payee, Debit: t.payer, Type: t.kind, SubType: t.subType,
		Status: "completed", Amount: strconv.FormatInt(amount, 10), Currency: c.cfg.Currency, Note: t.note,
		Fees: c.fees(t.purpose, t.fee), Original: t.original,
		Created: stamp(t.at), Modified: stamp(t.at), Recipient: &kycObject{Name: nameOf(t.payeeName)},
		Custom: []pair{{"balance", strconv.FormatInt(t.balance, 10)}},
	}
	if t.token != "" {
		o.Custom = append(o.Custom, pair{"token", t.token}, pair{"units", t.units})
	}
	return o
}

// fees is how the API shows a fee; none is one of zero, so that it is said.
func (c *Core) fees(purpose string, fee int64) []feeObject {
	return []feeObject{{Type: purpose, Amount: strconv.FormatInt(fee, 10), Currency: c.cfg.Currency}}
}

func (c *Core) getTransaction(w http.ResponseWriter, r *http.Request) {
	c.work(w, r, func() reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t := c.bank.byRef[r.PathValue("reference")]; t != nil {
			return reply{status: http.StatusOK, body: c.transaction(t)}
		}
		return refuse(http.StatusNotFound, "identification", "identifierError", "there is no such transaction", "identifier", "transactionReference").reply()
	})
}

func (c *Core) getState(w http.ResponseWriter, r *http.Request) {
	c.work(w, r, func() reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		q := c.states[r.PathValue("id")]
		if q == nil {
			return refuse(http.StatusNotFound, "identification", "identifierError", "there is no such request", "identifier", "serverCorrelationId").reply()
		}
		if q.polls++; q.polls > pollLimit {
			return refuse(http.StatusBadRequest, "businessRule", "rateLimitError", "the request was asked for too often").reply()
		}
		return reply{status: http.StatusOK, body: c.state(q)}
	})
}

// getResponse links to what became of a request. One that waits in the queue is
// not known yet: here as in real cores, not found does not mean not done.
func (c *Core) getResponse(w http.ResponseWriter, r *http.Request) {
	c.work(w, r, func() reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		q := c.requests[r.PathValue("id")]
		if q == nil {
			return refuse(http.StatusNotFound, "identification", "identifierError", "there is no such request", "identifier", "clientCorrelationId").reply()
		}
		link := "/requeststates/" + q.id
		if q.ref != "" {
			link = "/transactions/" + q.ref
		}
		return reply{status: http.StatusOK, body: map[string]string{"link": link}}
	})
}
