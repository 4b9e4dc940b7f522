package momo

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"nyota/gateway/core"
)

// reasonOf is what MoMo's codes mean to a customer.
var reasonOf = map[string]string{
	"NOT_ENOUGH_FUNDS":                core.InsufficientFunds,
	"LOW_BALANCE_OR_PAYEE_LIMIT":      core.InsufficientFunds,
	"PAYER_LIMIT_REACHED":             core.LimitExceeded,
	"PAYEE_LIMIT_REACHED":             core.LimitExceeded,
	"PAYEE_NOT_FOUND":                 core.UnknownPayee,
	"PAYER_NOT_FOUND":                 core.NotAllowed,
	"PAYEE_NOT_ALLOWED_TO_RECEIVE":    core.NotAllowed,
	"PAYMENT_NOT_APPROVED":            core.NotAllowed,
	"APPROVAL_REJECTED":               core.NotAllowed,
	"NOT_ALLOWED":                     core.NotAllowed,
	"NOT_ALLOWED_TARGET_ENVIRONMENT":  core.NotAllowed,
	"SENDER_ACCOUNT_NOT_ACTIVE":       core.AccountBlocked,
	"INVALID_CURRENCY":                core.NotAllowed,
	"INVALID_AMOUNT":                  core.AmountInvalid,
	"TARGET_AUTHORIZATION_ERROR":      core.WrongPIN,
	"AUTHORIZATION_SENDING_NOT_FOUND": core.NotAllowed,
}

// text is a string; a bare number is understood, so is null.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
	case len(b) > 0 && b[0] == '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		s = string(b)
	default:
		return errors.New("a text is needed")
	}
	*t = text(strings.TrimSpace(s))
	return nil
}

// wireParty is a subscriber.
type wireParty struct {
	Type text `json:"partyIdType"`
	ID   text `json:"partyId"`
}

// problem is an error, or the reason of a failure: an object, or in older
// answers just its code.
type problem struct {
	Code    text `json:"code"`
	Message text `json:"message"`
}

func (p *problem) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &p.Code)
	}
	type bare problem
	return json.Unmarshal(b, (*bare)(p))
}

func (p problem) detail() string {
	s := core.Clean(string(p.Code), 60)
	if m := core.Clean(string(p.Message), 200); m != "" {
		s += ": " + m
	}
	return s
}

// resource is a request to pay, a withdrawal, a transfer or a refund as GET shows it.
type resource struct {
	Amount      text       `json:"amount"`
	Currency    text       `json:"currency"`
	Transaction text       `json:"financialTransactionId"`
	ExternalID  text       `json:"externalId"`
	Payer       *wireParty `json:"payer"`
	Payee       *wireParty `json:"payee"`
	Status      text       `json:"status"`
	Reason      problem    `json:"reason"`
}

// verify holds a resource against the action.
func (c *Connector) verify(in intent, r resource) error {
	amount, ok := core.Canonical(string(r.Amount))
	party := r.Payer
	if in.payee {
		party = r.Payee
	}
	switch {
	case r.Amount == "" || r.Currency == "" || party == nil && in.refunded == "":
		return errors.New("the core's resource has no amount, currency or party")
	case !ok || amount != in.amount:
		return fmt.Errorf("%w: another amount", core.ErrMismatch)
	case !strings.EqualFold(string(r.Currency), c.cfg.Currency):
		return fmt.Errorf("%w: another currency", core.ErrMismatch)
	case r.ExternalID != "" && !strings.EqualFold(string(r.ExternalID), in.id):
		return fmt.Errorf("%w: another request's id", core.ErrMismatch)
	case in.refunded != "":
		return in.verifyRefund(r)
	}
	return party.is(in.party)
}

// conclude says what a resource means, after it was found to be the one that was
// asked for.
func (c *Connector) conclude(in intent, r resource) (core.Outcome, error) {
	if err := c.verify(in, r); err != nil {
		c.log.Error("core answered about something else", "op", in.call, "action", in.id, "err", err)
		return core.Outcome{Detail: "the core's resource does not match the action"}, core.Failed(in.call, err)
	}
	out := core.Outcome{Ref: core.Clean(string(r.Transaction), 64)}
	switch strings.ToUpper(string(r.Status)) {
	case "SUCCESSFUL":
		out.Status = core.Done
		if out.Ref == "" {
			out.Ref = in.wire
		}
		if in.payee && in.refunded == "" {
			out.Fields = core.Args{{Name: "payee_msisdn", Value: in.party}}
		}
	case "FAILED":
		out.Status, out.Reason, out.Detail = core.Rejected, c.reason(r.Reason.Code), r.Reason.detail()
	case "PENDING", "CREATED", "ONGOING":
		out.Status, out.Again = core.Pending, c.cfg.PollInterval
	default:
		return out, core.Failed(in.call, errors.New("the core named no status that is known"))
	}
	return out, nil
}

func (c *Connector) reason(code text) string {
	if r, ok := c.reasons[strings.ToUpper(string(code))]; ok {
		return r
	}
	return core.Other
}

// refusal judges an answer to a POST that is neither 202 nor 409. Only a 4xx that
// says why is a refusal: the resource was not made then. 408 and 429 come from
// whatever stands in front, and any 5xx may come after the resource was made.
func (c *Connector) refusal(op string, a core.Answer) (core.Outcome, error) {
	var p problem
	out := core.Outcome{Detail: fmt.Sprintf("status %d", a.Status)}
	readable := core.Decode(a.Body, &p) == nil
	if readable && p.Code != "" {
		out.Detail += " " + p.detail()
	}
	switch {
	case a.Status == 401 || a.Status == 403:
		c.log.Error("the core refuses the gateway itself: check its keys", "op", op, "status", a.Status)
		out.Status, out.Reason = core.Rejected, core.Other
		return out, nil
	case a.Status >= 400 && a.Status < 500 && a.Status != 408 && a.Status != 429 && readable && p.Code != "":
		out.Status, out.Reason = core.Rejected, c.reason(p.Code)
		return out, nil
	}
	return out, core.Failed(op, fmt.Errorf("the core answered with status %d", a.Status))
}
