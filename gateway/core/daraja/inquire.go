package daraja

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"nyota/gateway/core"
)

// Inquire asks what became of an action; see the package's text. It never posts
// a payment.
func (c *Connector) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	in, err := c.intent(q.Call, q.ID, q.MSISDN, q.Args)
	if err != nil {
		return core.Outcome{}, core.Failed(q.Call, err)
	}
	a, err := c.book.open(in)
	if err != nil {
		return core.Outcome{}, core.Failed(q.Call, err)
	}
	known, err, settled := c.book.known(a)
	if settled {
		return known, err
	}
	if in.minted() {
		id := known.WireKey
		if q.WireKey != "" && q.WireKey != q.ID {
			id = q.WireKey
		}
		switch {
		case id == "":
			return core.Outcome{}, core.Failed(q.Call, errors.New("the core's id of the request never came: it cannot be asked about"))
		case in.push:
			return c.askPush(ctx, in, id)
		}
		in.server = id
		c.book.mintedBy(a, id)
	}
	return c.askStatus(ctx, in, a)
}

// askPush asks stkpushquery, which answers at once.
func (c *Connector) askPush(ctx context.Context, in intent, checkout string) (core.Outcome, error) {
	password, stamp := c.password()
	a, err := c.post(ctx, in.call, "/mpesa/stkpushquery/v1/query", map[string]string{
		"BusinessShortCode": c.cfg.ShortCode, "Password": password, "Timestamp": stamp, "CheckoutRequestID": checkout,
	})
	if err != nil {
		return core.Outcome{}, core.Asked(in.call, err)
	}
	pending := core.Outcome{Status: core.Pending, WireKey: checkout, Again: again}
	if a.Status != http.StatusOK {
		var p problem
		if core.Decode(a.Body, &p) == nil && p.Code == "500.001.1001" && strings.Contains(strings.ToLower(string(p.Message)), "being processed") {
			return pending, nil
		}
		return core.Outcome{}, core.Failed(in.call, fmt.Errorf("the core answered an inquiry with status %d", a.Status))
	}
	var s struct {
		Response core.Text `json:"ResponseCode"`
		Checkout core.Text `json:"CheckoutRequestID"`
		Code     core.Text `json:"ResultCode"`
		Words    core.Text `json:"ResultDesc"`
	}
	if err := core.Decode(a.Body, &s); err != nil {
		return core.Outcome{}, core.Failed(in.call, err)
	}
	switch {
	case string(s.Checkout) != checkout:
		return core.Outcome{}, core.Failed(in.call, fmt.Errorf("%w: another CheckoutRequestID", core.ErrMismatch))
	case s.Response != "0" || s.Code == "":
		return core.Outcome{}, core.Failed(in.call, errors.New("the core's answer has no result"))
	case s.Code == "4999":
		return pending, nil
	}
	out, err := c.judge(in, string(s.Code), string(s.Words))
	out.WireKey = checkout
	if out.Status == core.Done {
		out.Ref = checkout // the receipt comes in the callback alone
	}
	return out, err
}

// askStatus posts a TransactionStatusQuery about what is no push, and waits for its
// answer.
func (c *Connector) askStatus(ctx context.Context, in intent, a *action) (core.Outcome, error) {
	token, err := c.book.mint(a, true)
	if err != nil {
		return core.Outcome{}, core.Failed(in.call, err)
	}
	url := c.cfg.Callbacks + "/daraja/" + token
	u, _, ok := c.book.find(token)
	if !ok {
		return core.Outcome{}, core.Failed(in.call, errFull)
	}
	answer, err := c.post(ctx, in.call, "/mpesa/transactionstatus/v1/query", map[string]string{
		"Initiator": c.cfg.Payouts.Name, "SecurityCredential": c.credential, "CommandID": "TransactionStatusQuery",
		// The documents disagree about the name; what is not known is ignored.
		"OriginatorConversationID": in.conversation(), "OriginalConversationID": in.conversation(),
		"TransactionID": "", "PartyA": c.cfg.ShortCode, "IdentifierType": "4", "Remarks": "Status", "Occasion": "",
		"ResultURL": url, "QueueTimeOutURL": url + "/timeout",
	})
	if err != nil {
		return core.Outcome{}, core.Asked(in.call, err)
	}
	var s acceptance
	if answer.Status != http.StatusOK || core.Decode(answer.Body, &s) != nil || s.Code != "0" {
		return core.Outcome{}, core.Failed(in.call, fmt.Errorf("the core answered an inquiry with status %d", answer.Status))
	}
	c.book.wait(ctx, a, func() bool { return u.used })
	out, err, settled := c.book.known(a)
	switch {
	case settled:
		return out, err
	case !c.book.isUsed(u):
		return core.Outcome{}, core.Failed(in.call, errors.New("the answer to the inquiry has not come yet"))
	}
	// It came and decided nothing: that is an outcome too, or an error.
	if out.Status == core.Unknown {
		return out, core.Failed(in.call, errors.New("the core's answer decides nothing: "+out.Detail))
	}
	return out, nil
}

func (b *book) isUsed(u *oneTime) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return u.used
}
