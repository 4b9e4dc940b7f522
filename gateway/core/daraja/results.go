package daraja

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"nyota/gateway/core"
)

// maxCallback bounds a callback's body, in octets.
const maxCallback = 64 << 10

// named is a list of names and values; a list of one may come without brackets. A
// name that comes twice with two values has none: the answer to a status query does
// that with a party, in the documents too.
type named map[string]string

func (n *named) UnmarshalJSON(b []byte) error {
	type pair struct {
		Key   core.Text       `json:"Key"`
		Name  core.Text       `json:"Name"`
		Value json.RawMessage `json:"Value"`
	}
	var list []pair
	if len(b) > 0 && b[0] == '{' {
		list = make([]pair, 1)
		if err := json.Unmarshal(b, &list[0]); err != nil {
			return err
		}
	} else if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*n = named{}
	for _, p := range list {
		key := string(p.Key + p.Name)
		var v core.Text
		if len(p.Value) > 0 && json.Unmarshal(p.Value, &v) != nil {
			continue // no value of ours is an object
		}
		if before, twice := (*n)[key]; twice && before != string(v) {
			v = ""
		}
		(*n)[key] = string(v)
	}
	return nil
}

// wireResult is what comes to a ResultURL.
type wireResult struct {
	Result *struct {
		Code         core.Text `json:"ResultCode"`
		Words        core.Text `json:"ResultDesc"`
		Originator   core.Text `json:"OriginatorConversationID"`
		Conversation core.Text `json:"ConversationID"`
		Transaction  core.Text `json:"TransactionID"`
		Parameters   struct {
			List named `json:"ResultParameter"`
		} `json:"ResultParameters"`
	} `json:"Result"`
	Body *struct {
		Push *struct {
			Checkout core.Text `json:"CheckoutRequestID"`
			Code     core.Text `json:"ResultCode"`
			Words    core.Text `json:"ResultDesc"`
			Metadata struct {
				List named `json:"Item"`
			} `json:"CallbackMetadata"`
		} `json:"stkCallback"`
	} `json:"Body"`
}

// ServeHTTP takes Daraja's callbacks, whose paths end in /daraja/{token} or
// /daraja/{token}/timeout. A URL that this process did not give out is answered
// 404 and its body is not looked at.
func (c *Connector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, rest, _ := strings.Cut(r.URL.Path, "/daraja/")
	token, tail, _ := strings.Cut(rest, "/")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
	u, want, ok := c.book.find(token)
	switch {
	case !ok || tail != "" && tail != "timeout" || r.Method != http.MethodPost:
		c.log.Warn("a callback came to a URL that was not given out")
		c.cfg.Refused(r.RemoteAddr, "", "token")
		http.Error(w, "no such callback", http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	case tail == "timeout":
		// It waited too long in a queue: nobody says that it was not done.
		c.log.Info("the core gave a request up in its queue", "op", want.call, "action", want.id)
	default:
		var res wireResult
		if err := core.Decode(body, &res); err != nil {
			c.log.Warn("a callback cannot be read", "op", want.call, "action", want.id, "err", err)
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		out, err := c.read(want, u.query, res)
		if errors.Is(err, errShape) {
			http.Error(w, "the body is no result", http.StatusBadRequest)
			return
		}
		if err != nil {
			c.log.Error("core answered about something else", "op", want.call, "action", want.id, "err", err)
		}
		if nudge := c.book.settle(u, out, err); nudge != "" && c.cfg.Nudge != nil {
			c.cfg.Nudge(nudge)
		}
		if err != nil {
			c.cfg.Refused(r.RemoteAddr, want.id, "mismatch")
			http.Error(w, "this is not what was asked for", http.StatusConflict)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ResultCode":0,"ResultDesc":"Accepted"}`)
}

var errShape = errors.New("it is no result of the kind that was asked for")

// read says what a result means for the action. Its error is ErrMismatch or
// errShape.
func (c *Connector) read(in intent, query bool, res wireResult) (core.Outcome, error) {
	switch {
	case in.push && res.Body != nil && res.Body.Push != nil:
		p := res.Body.Push
		out, err := c.judge(in, string(p.Code), string(p.Words))
		if out.WireKey = core.Clean(string(p.Checkout), 128); out.WireKey == "" {
			return core.Outcome{}, errShape
		}
		if out.Status == core.Done {
			out.Ref = core.Clean(p.Metadata.List["MpesaReceiptNumber"], 64)
			err = in.match(out.Ref, p.Metadata.List["Amount"], p.Metadata.List["PhoneNumber"])
		}
		return undecided(out, err)
	case !in.push && res.Result != nil && !query:
		r := res.Result
		if id := in.conversation(); id != "" && !strings.EqualFold(string(r.Originator), id) {
			return core.Outcome{}, core.Failed(in.call, fmt.Errorf("%w: another request's id", core.ErrMismatch))
		}
		out, err := c.judge(in, string(r.Code), string(r.Words))
		list := r.Parameters.List
		switch {
		case in.call == core.Reversal: // its id may be known from here alone
			if out.WireKey = core.Clean(string(r.Originator), 128); out.WireKey == "" {
				return core.Outcome{}, errShape
			}
			if out.Status == core.Done {
				out.Ref = core.Clean(string(r.Transaction), 64)
				if err = in.match(out.Ref, list["Amount"], list["CreditPartyPublicName"]); err == nil {
					err = in.matchOriginal(list["OriginalTransactionID"])
				}
			}
		case out.Status == core.Done:
			out.Ref = core.Clean(string(r.Transaction), 64)
			err = in.match(out.Ref, list["TransactionAmount"], list["ReceiverPartyPublicName"])
			out.Fields = payee(in, list["ReceiverPartyPublicName"])
		}
		return undecided(out, err)
	case !in.push && res.Result != nil:
		return c.readStatus(in, string(res.Result.Code), string(res.Result.Words), res.Result.Parameters.List)
	}
	return core.Outcome{}, errShape
}

// undecided keeps a mismatch and makes an outcome of a code that is not known.
func undecided(out core.Outcome, err error) (core.Outcome, error) {
	if err != nil && !errors.Is(err, core.ErrMismatch) {
		return core.Outcome{Detail: out.Detail, WireKey: out.WireKey}, nil
	}
	return out, err
}

// judge says what a result code means: 0 is done, a known code is refused, any
// other leaves the outcome unknown.
func (c *Connector) judge(in intent, code, words string) (core.Outcome, error) {
	out := core.Outcome{Detail: "result code " + core.Clean(code, 20) + ": " + core.Clean(words, 200)}
	if code == "0" {
		return core.Outcome{Status: core.Done}, nil
	}
	if reason, ok := c.reason(in, code); ok {
		out.Status, out.Reason = core.Rejected, reason
		return out, nil
	}
	return out, core.Failed(in.call, errors.New("the core's "+out.Detail+", which decides nothing"))
}

// readStatus reads the answer to a TransactionStatusQuery. Its result code is
// about the query; the payment's own state is among the parameters.
func (c *Connector) readStatus(in intent, code, words string, list named) (core.Outcome, error) {
	if code != "0" {
		out := core.Outcome{Detail: "status query: result code " + core.Clean(code, 20) + ": " + core.Clean(words, 200)}
		if c.notFound[code] {
			out.Status = core.NotFound
		}
		return out, nil
	}
	if id := list["OriginatorConversationID"]; id != "" && !strings.EqualFold(id, in.conversation()) {
		return core.Outcome{}, core.Failed(in.call, fmt.Errorf("%w: another request's id", core.ErrMismatch))
	}
	state := list["TransactionStatus"]
	out := core.Outcome{Ref: core.Clean(list["ReceiptNo"], 64), Detail: "transaction " + core.Clean(state, 40)}
	if err := in.match(out.Ref, list["Amount"], list["CreditPartyName"]); err != nil {
		return undecided(core.Outcome{Detail: out.Detail}, err)
	}
	switch strings.ToLower(state) {
	case "completed":
		out.Status, out.Detail, out.Fields = core.Done, "", payee(in, list["CreditPartyName"])
	case "declined", "cancelled", "expired", "failed":
		out.Status, out.Reason = core.Rejected, core.Other
	default:
		out.Status, out.Again = core.Pending, again
	}
	return out, nil
}

// match holds a result against the action. A party may be partly hidden by stars,
// or left out.
func (in intent) match(ref, amount, party string) error {
	got, ok := core.Canonical(amount)
	switch {
	case ref == "" || amount == "":
		return errors.New("the core's result has no receipt or amount")
	case !ok || got != in.amount:
		return core.Failed(in.call, fmt.Errorf("%w: another amount", core.ErrMismatch))
	}
	number, _, _ := strings.Cut(strings.TrimSpace(party), " ")
	number = strings.TrimPrefix(number, "+")
	if number == "" || strings.Trim(number, "0123456789*") != "" {
		return nil
	}
	same := len(number) == len(in.phone)
	for i := 0; same && i < len(number); i++ {
		same = number[i] == '*' || number[i] == in.phone[i]
	}
	if !same {
		return core.Failed(in.call, fmt.Errorf("%w: another party", core.ErrMismatch))
	}
	return nil
}

// matchOriginal holds a reversal's result against what it takes back; it may leave
// that out.
func (in intent) matchOriginal(receipt string) error {
	if receipt != "" && receipt != in.receipt {
		return core.Failed(in.call, fmt.Errorf("%w: the reversal of another transaction", core.ErrMismatch))
	}
	return nil
}

// payee is whom a payment went to, as the core names them. A reversal has none.
func payee(in intent, party string) core.Args {
	if in.call == core.Reversal {
		return nil
	}
	fields := core.Args{{Name: "payee_msisdn", Value: in.phone}}
	if _, name, ok := strings.Cut(party, " - "); ok {
		if name = core.Clean(name, 100); name != "" {
			fields = append(fields, core.Arg{Name: "payee_name", Value: name})
		}
	}
	return fields
}
