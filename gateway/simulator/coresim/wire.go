package coresim

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The API's objects, named as the OpenAPI file names them.

type pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type feeObject struct {
	Type     string `json:"feeType"`
	Amount   string `json:"feeAmount"`
	Currency string `json:"feeCurrency"`
}

type nameObject struct {
	First  string `json:"firstName,omitempty"`
	Middle string `json:"middleName,omitempty"`
	Last   string `json:"lastName,omitempty"`
	Full   string `json:"fullName"`
}

type kycObject struct {
	Name nameObject `json:"subjectName"`
}

type transactionObject struct {
	Reference string      `json:"transactionReference"`
	ClientRef string      `json:"requestingOrganisationTransactionReference,omitempty"`
	Credit    []pair      `json:"creditParty"`
	Debit     []pair      `json:"debitParty"`
	Type      string      `json:"type"`
	Original  string      `json:"originalTransactionReference,omitempty"`
	SubType   string      `json:"subType,omitempty"`
	Status    string      `json:"transactionStatus"`
	Amount    string      `json:"amount"`
	Currency  string      `json:"currency"`
	Note      string      `json:"descriptionText,omitempty"`
	Fees      []feeObject `json:"fees"`
	Recipient *kycObject  `json:"recipientKyc,omitempty"`
	Receipt   string      `json:"transactionReceipt"`
	Created   string      `json:"creationDate"`
	Modified  string      `json:"modificationDate"`
	Custom    []pair      `json:"customData,omitempty"`
}

type entryObject struct {
	Reference string `json:"transactionReference"`
	Credit    []pair `json:"creditParty"`
	Debit     []pair `json:"debitParty"`
	Status    string `json:"transactionStatus"`
	Amount    string `json:"amount"`
	Currency  string `json:"currency"`
	Note      string `json:"descriptionText,omitempty"`
	Display   string `json:"displayType"`
	Receipt   string `json:"transactionReceipt"`
	Created   string `json:"creationDate"`
}

type errorObject struct {
	Category    string `json:"errorCategory"`
	Code        string `json:"errorCode"`
	Description string `json:"errordescription,omitempty"`
	At          string `json:"errorDateTime"`
	Parameters  []pair `json:"errorParameters,omitempty"`
}

type stateObject struct {
	ID     string       `json:"serverCorrelationId"`
	Object string       `json:"objectReference,omitempty"`
	Status string       `json:"status"`
	Method string       `json:"notificationMethod"`
	Reason string       `json:"pendingReason,omitempty"`
	Expiry string       `json:"expiryTime"`
	Polls  int          `json:"pollLimit"`
	Error  *errorObject `json:"error,omitempty"`
}

type quoteObject struct {
	ID                string      `json:"quoteId"`
	ReceivingAmount   string      `json:"receivingAmount"`
	ReceivingCurrency string      `json:"receivingCurrency"`
	SendingAmount     string      `json:"sendingAmount"`
	SendingCurrency   string      `json:"sendingCurrency"`
	Fees              []feeObject `json:"fees"`
}

type quotationObject struct {
	Reference string        `json:"quotationReference"`
	Credit    []pair        `json:"creditParty"`
	Debit     []pair        `json:"debitParty"`
	Type      string        `json:"type,omitempty"`
	SubType   string        `json:"subType,omitempty"`
	Status    string        `json:"quotationStatus"`
	Amount    string        `json:"requestAmount"`
	Currency  string        `json:"requestCurrency"`
	Quotes    []quoteObject `json:"quotes"`
	Created   string        `json:"creationDate"`
}

// requestObject is requestTransactionType and requestQuotation in one.
type requestObject struct {
	Amount          string `json:"amount"`
	Currency        string `json:"currency"`
	RequestAmount   string `json:"requestAmount"`
	RequestCurrency string `json:"requestCurrency"`
	Type            string `json:"type"`
	SubType         string `json:"subType"`
	Credit          []pair `json:"creditParty"`
	Debit           []pair `json:"debitParty"`
	Note            string `json:"descriptionText"`
	ClientRef       string `json:"requestingOrganisationTransactionReference"`
}

// problem is a refusal: a status and an error object.
type problem struct {
	status int
	error  errorObject
}

// refuse makes a problem; params are keys and values in turn.
func refuse(status int, category, code, words string, params ...string) *problem {
	p := &problem{status: status, error: errorObject{Category: category, Code: code, Description: words}}
	for i := 0; i+1 < len(params); i += 2 {
		p.param(params[i], params[i+1])
	}
	return p
}

// param adds to what the error says, if there is anything to say.
func (p *problem) param(key, value string) {
	if key != "" && value != "" && len(key) <= 256 && len(value) <= 256 && len(p.error.Parameters) < 20 {
		p.error.Parameters = append(p.error.Parameters, pair{key, value})
	}
}

func (p *problem) reply() reply { return reply{status: p.status, body: p.error} }

// stamp writes a time as the API does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// write sends a reply, or cuts the connection if it is to be lost.
func (c *Core) write(w http.ResponseWriter, out reply) {
	if out.lost {
		panic(http.ErrAbortHandler)
	}
	now := stamp(c.cfg.Now())
	if e, ok := out.body.(errorObject); ok {
		e.At = now
		out.body = e
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Date", now)
	if out.list {
		h.Set("X-Records-Returned-Count", strconv.Itoa(out.rows))
	}
	w.WriteHeader(out.status)
	if out.body == nil {
		return
	}
	if err := json.NewEncoder(w).Encode(out.body); err != nil {
		c.cfg.Log.Debug("an answer could not be written", "err", err)
	}
}

// whole reads an amount: the API's decimal, but without a fraction that is not
// zero, since the currency has no smaller unit.
func whole(s string) (int64, error) {
	bad := errors.New("not an amount in whole units")
	units, frac, point := strings.Cut(s, ".")
	if units == "" || len(units) > 18 || strings.Trim(units, "0123456789") != "" || len(units) > 1 && units[0] == '0' {
		return 0, bad
	}
	if point && (frac == "" || len(frac) > 4 || strings.Trim(frac, "0") != "") {
		return 0, bad
	}
	n, err := strconv.ParseInt(units, 10, 64)
	if err != nil {
		return 0, bad
	}
	return n, nil
}

// isUUID says whether s has the form that the API wants of a correlation id.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if r != '-' {
				return false
			}
		} else if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}
