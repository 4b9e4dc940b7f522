package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// The objects of the API as they travel. encoding/json matches their names
// whatever the case, which is needed: the API's documents and its OpenAPI file
// disagree (errorDescription, errordescription).

type wireParty struct {
	Key   text `json:"key"`
	Value text `json:"value"`
}

type wireFee struct {
	Type     text    `json:"feeType,omitempty"`
	Amount   decimal `json:"feeAmount"`
	Currency text    `json:"feeCurrency"`
}

type wireName struct {
	Full   text `json:"fullName"`
	First  text `json:"firstName"`
	Middle text `json:"middleName"`
	Last   text `json:"lastName"`
	Native text `json:"nativeName"`
}

// String returns the name as a person reads it, or "".
func (n wireName) String() string {
	if s := Clean(string(n.Full), 100); s != "" {
		return s
	}
	if s := Clean(strings.Join([]string{string(n.First), string(n.Middle), string(n.Last)}, " "), 100); s != "" {
		return s
	}
	return Clean(string(n.Native), 100)
}

type wireKYC struct {
	Name wireName `json:"subjectName"`
}

// wireTransaction is responseTransaction, responseTransactionType and
// responseStatementEntries in one.
type wireTransaction struct {
	Reference   text        `json:"transactionReference"`
	Receipt     text        `json:"transactionReceipt"`
	ClientRef   text        `json:"requestingOrganisationTransactionReference"`
	Status      text        `json:"transactionStatus"`
	Type        text        `json:"type"`
	Original    text        `json:"originalTransactionReference"`
	SubType     text        `json:"subType"`
	DisplayType text        `json:"displayType"`
	Amount      decimal     `json:"amount"`
	Currency    text        `json:"currency"`
	Credit      []wireParty `json:"creditParty"`
	Debit       []wireParty `json:"debitParty"`
	Fees        []wireFee   `json:"fees"`
	Recipient   wireKYC     `json:"recipientKyc"`
	Custom      []wireParty `json:"customData"`
	Metadata    []wireParty `json:"metadata"`
	Description text        `json:"descriptionText"`
	Created     instant     `json:"creationDate"`
	CreatedOld  instant     `json:"dateCreated"`
	Modified    instant     `json:"modificationDate"`
	Requested   instant     `json:"requestDate"`
}

// wireState is requestStateObject.
type wireState struct {
	ID        text       `json:"serverCorrelationId"`
	Object    text       `json:"objectReference"`
	Status    text       `json:"status"`
	Method    text       `json:"notificationMethod"`
	Reason    text       `json:"pendingReason"`
	Expiry    instant    `json:"expiryTime"`
	PollLimit *float64   `json:"pollLimit"`
	Error     *wireError `json:"error"`
}

// wireError is errorObject.
type wireError struct {
	Category    text        `json:"errorCategory"`
	Code        text        `json:"errorCode"`
	Description text        `json:"errorDescription"`
	Parameters  []wireParty `json:"errorParameters"`
}

type wireLink struct {
	Link text `json:"link"`
}

type wireHeartbeat struct {
	Status  text    `json:"serviceStatus"`
	Restore instant `json:"plannedRestorationTime"`
}

type wireBalance struct {
	Current   decimal `json:"currentBalance"`
	Available decimal `json:"availableBalance"`
	Currency  text    `json:"currency"`
}

type wireAccountName struct {
	Name wireName `json:"name"`
}

type wireQuotation struct {
	Status   text        `json:"quotationStatus"`
	Amount   decimal     `json:"requestAmount"`
	Currency text        `json:"requestCurrency"`
	Quotes   []wireQuote `json:"quotes"`
}

type wireQuote struct {
	Currency text      `json:"sendingCurrency"`
	Fees     []wireFee `json:"fees"`
}

// text is a string; a core that sends a bare number or null is understood.
type text string

// Text is a JSON string, trimmed; a bare number or null is understood too.
type Text = text

func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(strings.TrimSpace(s))
	case string(b) == "null":
		*t = ""
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		*t = text(b)
	default:
		return errors.New("a text is needed")
	}
	return nil
}

func (t text) is(word string) bool { return strings.EqualFold(string(t), word) }

// decimal is an amount as the API writes it: at most 18 digits, at most 4 after
// the point, no sign. It is kept canonical: no needless zeros.
type decimal string

func (d *decimal) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	if t == "" {
		*d = ""
		return nil
	}
	s, ok := Canonical(string(t))
	if !ok {
		return errors.New("not an amount")
	}
	*d = decimal(s)
	return nil
}

// Canonical returns an amount without needless zeros ("5000.00" is "5000"), and
// whether it is one.
func Canonical(s string) (string, bool) {
	whole, frac, point := strings.Cut(s, ".")
	if whole == "" || len(whole) > 18 || len(whole) > 1 && whole[0] == '0' {
		return "", false
	}
	if point && (frac == "" || len(frac) > 4) {
		return "", false
	}
	if strings.Trim(whole+frac, "0123456789") != "" {
		return "", false
	}
	if frac = strings.TrimRight(frac, "0"); frac == "" {
		return whole, true
	}
	return whole + "." + frac, true
}

// sum adds canonical amounts.
func sum(amounts ...decimal) string {
	total := new(big.Int)
	for _, a := range amounts {
		whole, frac, _ := strings.Cut(string(a), ".")
		n, ok := new(big.Int).SetString(whole+(frac + "0000")[:4], 10)
		if ok {
			total.Add(total, n)
		}
	}
	s := total.String()
	if len(s) < 5 {
		s = strings.Repeat("0", 5-len(s)) + s
	}
	whole, frac := s[:len(s)-4], strings.TrimRight(s[len(s)-4:], "0")
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}

// instant is a date and time; one that cannot be read is zero, because none of
// them decides about money.
type instant struct{ time.Time }

func (i *instant) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700"} {
		if at, err := time.Parse(layout, string(t)); err == nil {
			i.Time = at
			return nil
		}
	}
	i.Time = time.Time{}
	return nil
}

// Decode reads exactly one JSON value. One that names a thing twice says nothing
// certain about it, and is refused: encoding/json would take the last.
func Decode(body []byte, v any) error {
	if !utf8.Valid(body) {
		return errors.New("the answer is not UTF-8")
	}
	if err := json.Unmarshal(body, v); err != nil {
		// The decoder's own words may quote the answer.
		if _, ok := errors.AsType[*json.SyntaxError](err); ok {
			return errors.New("the answer is not JSON")
		}
		if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("the answer's %q has a wrong type", t.Field)
		}
		return errors.New("the answer is not what it should be")
	}
	return unambiguous(json.NewDecoder(bytes.NewReader(body)))
}

func unambiguous(d *json.Decoder) error {
	type level struct {
		names map[string]bool // nil in an array
		value bool            // in an object: a value comes next
	}
	var stack []level
	d.UseNumber()
	for {
		tok, err := d.Token()
		if err != nil {
			return nil // the end: json.Unmarshal has read it all before
		}
		top := len(stack) - 1
		if name, ok := tok.(string); ok && top >= 0 && stack[top].names != nil && !stack[top].value {
			name = strings.ToLower(strings.ToUpper(name))
			if stack[top].names[name] {
				return errors.New("the answer names a thing twice")
			}
			stack[top].names[name] = true
			stack[top].value = true
			continue
		}
		if top >= 0 {
			stack[top].value = false
		}
		switch tok {
		case json.Delim('{'):
			stack = append(stack, level{names: make(map[string]bool)})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
}

// Clean makes a text from outside safe to keep and to show: one line, printable,
// at most limit octets.
func Clean(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool {
		return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa1 || r == 0x2028 || r == 0x2029
	}), " ")
	if len(s) <= limit {
		return s
	}
	s = s[:limit]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return strings.TrimSpace(s)
}
