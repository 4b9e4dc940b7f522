package momo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"nyota/gateway/core"
)

// deadline gives a ctx without a deadline the default one.
func (c *Connector) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.cfg.Timeout)
}

// Call makes the request: one POST, and then GETs within ctx until it is decided.
// If it is not by then, the Outcome is Pending.
func (c *Connector) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	if r.Call == core.AccountName {
		return c.name(ctx, r)
	}
	if _, ok := c.route(r.Call); !ok {
		return core.Outcome{}, core.Unsent(r.Call, errNoCall)
	}
	key, err := c.Prepare(r)
	if err == nil && key != r.WireKey {
		err = errors.New("its wire key was not prepared")
	}
	if err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	in, err := c.intent(r.Call, r.ID, r.WireKey, r.MSISDN, r.Args)
	if err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	body, err := in.body(c.cfg.Currency)
	if err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	a, err := c.send(ctx, exchange{
		op: r.Call, product: in.product, method: http.MethodPost, path: "/" + in.version + "/" + in.resource,
		body: body, reference: in.wire, callback: r.Callback,
	})
	if err != nil {
		return core.Outcome{}, err
	}
	switch a.Status {
	case http.StatusAccepted:
		return c.await(ctx, in)
	case http.StatusConflict:
		// It was posted before, by whomever: what became of that is all that
		// matters. Its reference was minted for this action alone.
		out, err := c.lookUp(ctx, in)
		if err != nil && !errors.Is(err, core.ErrMismatch) || err == nil && out.Status == core.NotFound {
			return core.Outcome{Detail: "status 409"}, core.Failed(r.Call, core.ErrDuplicate)
		}
		return out, err
	}
	return c.refusal(r.Call, a)
}

func (in intent) body(currency string) ([]byte, error) {
	type party struct {
		Type string `json:"partyIdType"`
		ID   string `json:"partyId"`
	}
	who := &party{"MSISDN", in.party}
	b := struct {
		Amount     string `json:"amount"`
		Currency   string `json:"currency"`
		ExternalID string `json:"externalId"`
		Payer      *party `json:"payer,omitempty"`
		Payee      *party `json:"payee,omitempty"`
		Message    string `json:"payerMessage"`
		Note       string `json:"payeeNote"`
		Refunded   string `json:"referenceIdToRefund,omitempty"`
	}{Amount: in.amount, Currency: currency, ExternalID: in.id, Message: in.note, Note: in.note, Refunded: in.refunded}
	switch {
	case in.refunded != "": // whoever paid what it names
	case in.payee:
		b.Payee = who
	default:
		b.Payer = who
	}
	return json.Marshal(b)
}

// await polls a request that was taken. Whatever the polls say but a decision:
// it is pending.
func (c *Connector) await(ctx context.Context, in intent) (core.Outcome, error) {
	pause := c.cfg.PollInterval
	pending := core.Outcome{Status: core.Pending, Again: pause}
	for wait(ctx, pause) {
		out, err := c.lookUp(ctx, in)
		switch {
		case errors.Is(err, core.ErrMismatch):
			return out, err
		case err == nil && (out.Status == core.Done || out.Status == core.Rejected):
			return out, nil
		}
		pause = min(pause*3/2, 5*time.Second)
		pending.Again = pause
	}
	return pending, nil
}

// lookUp asks for the resource once.
func (c *Connector) lookUp(ctx context.Context, in intent) (core.Outcome, error) {
	a, err := c.send(ctx, exchange{op: in.call, product: in.product, method: http.MethodGet, path: "/v1_0/" + in.resource + "/" + in.wire})
	if err != nil {
		return core.Outcome{}, core.Asked(in.call, err)
	}
	switch a.Status {
	case http.StatusOK:
		var r resource
		if err := core.Decode(a.Body, &r); err != nil {
			return core.Outcome{}, core.Failed(in.call, err)
		}
		return c.conclude(in, r)
	case http.StatusNotFound:
		// A bare 404 may come from anything on the way.
		var p problem
		if core.Decode(a.Body, &p) == nil && strings.EqualFold(string(p.Code), "RESOURCE_NOT_FOUND") {
			return core.Outcome{Status: core.NotFound}, nil
		}
	}
	return core.Outcome{}, core.Failed(in.call, fmt.Errorf("the core answered an inquiry with status %d", a.Status))
}

// Inquire asks for the action's resource by its reference. It never posts.
func (c *Connector) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	in, err := c.intent(q.Call, q.ID, q.WireKey, q.MSISDN, q.Args)
	if err != nil {
		return core.Outcome{}, core.Failed(q.Call, err)
	}
	return c.lookUp(ctx, in)
}

// name asks who has a number.
func (c *Connector) name(ctx context.Context, r core.Request) (core.Outcome, error) {
	p := c.products[disbursement]
	if p == nil {
		p = c.products[collection]
	}
	number := r.Args.Get("to")
	if !isMSISDN(number) {
		return core.Outcome{}, core.Unsent(r.Call, errors.New("only the name of a number can be asked for"))
	}
	a, err := c.send(ctx, exchange{op: r.Call, product: p, method: http.MethodGet, path: "/v1_0/accountholder/msisdn/" + number + "/basicuserinfo"})
	if err != nil {
		return core.Outcome{}, err
	}
	switch a.Status {
	case http.StatusOK:
		var who struct {
			Name   text `json:"name"`
			Given  text `json:"given_name"`
			Family text `json:"family_name"`
		}
		if err := core.Decode(a.Body, &who); err != nil {
			return core.Outcome{}, core.Failed(r.Call, err)
		}
		name := core.Clean(string(who.Name), 100)
		if name == "" {
			name = core.Clean(string(who.Given)+" "+string(who.Family), 100)
		}
		if name == "" {
			return core.Outcome{}, core.Failed(r.Call, errors.New("the core gave no name"))
		}
		return core.Outcome{Status: core.Done, Fields: core.Args{{Name: "name", Value: name}}}, nil
	case http.StatusNotFound:
		return core.Outcome{Status: core.Rejected, Reason: core.UnknownPayee, Detail: "status 404"}, nil
	}
	return core.Outcome{}, core.Failed(r.Call, fmt.Errorf("the core answered with status %d", a.Status))
}

// Health asks for the balance of the API user's account: MoMo has no heartbeat,
// and this needs a token, the front and the ledger behind it.
func (c *Connector) Health(ctx context.Context) (core.Health, error) {
	const op = "heartbeat"
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	p := c.products[collection]
	if p == nil {
		p = c.products[disbursement]
	}
	a, err := c.send(ctx, exchange{op: op, product: p, method: http.MethodGet, path: "/v1_0/account/balance", pulse: true})
	if err != nil {
		return core.Health{}, err
	}
	h := core.Health{At: c.cfg.Now()}
	switch a.Status {
	case http.StatusOK:
		h.State = core.Available
	case http.StatusServiceUnavailable:
		h.State = core.Unavailable
	default:
		return core.Health{}, core.Failed(op, fmt.Errorf("the core answered with status %d", a.Status))
	}
	return h, nil
}
