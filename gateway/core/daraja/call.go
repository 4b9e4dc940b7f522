package daraja

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"nyota/gateway/core"
)

// problem is Daraja's error object.
type problem struct {
	Code    core.Text `json:"errorCode"`
	Message core.Text `json:"errorMessage"`
}

// acceptance is Daraja's answer to a request that it will carry out later.
type acceptance struct {
	Code         core.Text `json:"ResponseCode"`
	Description  core.Text `json:"ResponseDescription"`
	Conversation core.Text `json:"ConversationID"`
	Originator   core.Text `json:"OriginatorConversationID"`
	Checkout     core.Text `json:"CheckoutRequestID"`
}

// again is how soon to ask about what Daraja took: it calls back by itself.
const again = 2 * time.Second

// Call makes the request: one POST, and then it waits for the result within ctx.
// Without one by then the Outcome is Pending.
func (c *Connector) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	if !c.makes(r.Call) {
		return core.Outcome{}, core.Unsent(r.Call, errNoCall)
	}
	if r.WireKey == "" || r.WireKey != r.ID {
		return core.Outcome{}, core.Unsent(r.Call, errors.New("its wire key was not prepared"))
	}
	in, err := c.intent(r.Call, r.ID, r.MSISDN, r.Args)
	if err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	if err := ctx.Err(); err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	a, err := c.book.open(in)
	if err != nil {
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	if !c.book.post(a, r.Callback) {
		out, err, settled := c.book.known(a)
		if !settled {
			return out, core.Failed(r.Call, core.ErrDuplicate)
		}
		return out, err
	}
	token, err := c.book.mint(a, false)
	if err != nil {
		c.book.unpost(a)
		return core.Outcome{}, core.Unsent(r.Call, err)
	}
	path, body := c.request(in, c.cfg.Callbacks+"/daraja/"+token)
	answer, err := c.post(ctx, r.Call, path, body)
	if errors.Is(err, core.ErrNotSent) {
		c.book.unpost(a)
		return core.Outcome{}, err
	}
	out := core.Outcome{}
	if err == nil {
		out, err = c.accepted(in, answer)
	}
	if out.WireKey != "" {
		c.book.mintedBy(a, out.WireKey)
	}
	if err == nil && out.Status == core.Rejected {
		return out, nil
	}
	if err == nil {
		c.book.wait(ctx, a, nil)
	}
	// A result may have come before the answer, or instead of it.
	if known, kerr, settled := c.book.known(a); settled {
		return known, kerr
	}
	return out, err
}

// request writes what is posted.
func (c *Connector) request(in intent, callback string) (path string, body any) {
	if in.call == core.Reversal {
		return "/mpesa/reversal/v1/request", c.reversalRequest(in, callback)
	}
	if !in.push {
		return "/mpesa/b2c/v3/paymentrequest", map[string]string{
			"OriginatorConversationID": in.id, "InitiatorName": c.cfg.Payouts.Name, "SecurityCredential": c.credential,
			"CommandID": "BusinessPayment", "Amount": in.amount, "PartyA": c.cfg.ShortCode, "PartyB": in.phone,
			"Remarks": "Payment", "Occassion": "", "ResultURL": callback, "QueueTimeOutURL": callback + "/timeout",
		}
	}
	kind := "CustomerPayBillOnline"
	if in.call == core.MerchantPay {
		kind = "CustomerBuyGoodsOnline"
	}
	password, stamp := c.password()
	return "/mpesa/stkpush/v1/processrequest", map[string]string{
		"BusinessShortCode": c.cfg.ShortCode, "Password": password, "Timestamp": stamp, "TransactionType": kind,
		"Amount": in.amount, "PartyA": in.phone, "PartyB": in.partyB, "PhoneNumber": in.phone,
		"CallBackURL": callback, "AccountReference": in.reference, "TransactionDesc": Mark(in.id),
	}
}

// Mark is what the TransactionDesc of a push says, for people who compare books:
// the last digits of the action's id.
func Mark(id string) string {
	id = strings.ReplaceAll(id, "-", "")
	return id[max(0, len(id)-13):]
}

// password is that of pushes, and the time that it was made of.
func (c *Connector) password() (password, stamp string) {
	stamp = c.cfg.Now().In(time.FixedZone("EAT", 3*3600)).Format("20060102150405")
	return base64.StdEncoding.EncodeToString([]byte(c.cfg.ShortCode + string(c.cfg.Passkey.Reveal()) + stamp)), stamp
}

// accepted reads the answer to a request: accepted is Pending. Only a 4xx that
// says why, and a response code that is not 0, are refusals.
func (c *Connector) accepted(in intent, a core.Answer) (core.Outcome, error) {
	out := core.Outcome{Detail: fmt.Sprintf("status %d", a.Status)}
	if a.Status == http.StatusOK {
		var s acceptance
		if err := core.Decode(a.Body, &s); err != nil {
			return out, core.Failed(in.call, err)
		}
		minted := string(s.Checkout)
		if in.call == core.Reversal {
			minted = string(s.Originator)
		}
		switch {
		case s.Code == "":
			return out, core.Failed(in.call, errors.New("the core's answer has no response code"))
		case s.Code != "0":
			out.Detail = "response code " + core.Clean(string(s.Code), 20) + ": " + core.Clean(string(s.Description), 200)
			out.Status, out.Reason = core.Rejected, core.Other
			return out, nil
		case in.minted() && (minted == "" || core.Clean(minted, 128) != minted):
			return out, core.Failed(in.call, errors.New("the core took the request and gave it no id"))
		case !in.minted() && s.Originator != "" && !strings.EqualFold(string(s.Originator), in.id):
			return out, core.Failed(in.call, fmt.Errorf("%w: another request's id", core.ErrMismatch))
		case !in.minted():
			minted = ""
		}
		return core.Outcome{Status: core.Pending, WireKey: minted, Again: again}, nil
	}
	var p problem
	if core.Decode(a.Body, &p) != nil || p.Code == "" {
		return out, core.Failed(in.call, fmt.Errorf("the core answered with status %d", a.Status))
	}
	code, words := core.Clean(string(p.Code), 40), core.Clean(string(p.Message), 200)
	out.Detail = code + ": " + words
	lower := strings.ToLower(words)
	switch {
	case strings.Contains(lower, "duplicate"):
		return out, core.Failed(in.call, core.ErrDuplicate)
	case a.Status >= 400 && a.Status < 500 && a.Status != 408 && a.Status != 429:
		out.Status, out.Reason = core.Rejected, core.Other
		switch {
		case a.Status == 401 || a.Status == 403 || code == "404.001.03":
			c.log.Error("the core refuses the gateway itself: check its keys", "op", in.call, "code", code)
		case strings.Contains(lower, "amount"):
			out.Reason = core.AmountInvalid
		case strings.Contains(lower, "partyb") || strings.Contains(lower, "phonenumber"):
			out.Reason = core.UnknownPayee
		}
		return out, nil
	}
	return out, core.Failed(in.call, fmt.Errorf("the core answered with status %d", a.Status))
}
