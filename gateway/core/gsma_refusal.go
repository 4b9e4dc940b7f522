package core

import (
	"errors"
	"fmt"
	"strings"
)

var knownReasons = map[string]bool{
	InsufficientFunds: true, WrongPIN: true, PINLocked: true, PINWeak: true, UnknownPayee: true, LimitExceeded: true,
	AmountInvalid: true, AccountBlocked: true, NotAllowed: true, SamePerson: true, UnknownReference: true, Other: true,
}

// KnownReason says whether a refusal may have this reason.
func KnownReason(reason string) bool { return knownReasons[reason] }

// reasonOf is what the API's error codes mean to a customer. Those that need
// their parameters to be understood are in reason.
var reasonOf = map[string]string{
	"insufficientfunds":                InsufficientFunds,
	"samepartieserror":                 SamePerson,
	"identifiererror":                  UnknownPayee,
	"dailyvolumelimitexceeded":         LimitExceeded,
	"dailyvaluelimitexceeded":          LimitExceeded,
	"weeklyvolumelimitexceeded":        LimitExceeded,
	"weeklyvaluelimitexceeded":         LimitExceeded,
	"monthlyvolumelimitexceeded":       LimitExceeded,
	"monthlyvaluelimitexceeded":        LimitExceeded,
	"accountmaxtotalvolumeexceeded":    LimitExceeded,
	"accountmaxtotalvalueexceeded":     LimitExceeded,
	"maxbalanceexceeded":               LimitExceeded,
	"greaterthantransactionmaxvalue":   LimitExceeded,
	"lessthantransactionminvalue":      AmountInvalid,
	"negativevalue":                    AmountInvalid,
	"underpaymentnotallowed":           AmountInvalid,
	"overpaymentnotallowed":            AmountInvalid,
	"incorrectstate":                   AccountBlocked,
	"requestdeclined":                  NotAllowed,
	"transactiontypeerror":             NotAllowed,
	"currencynotsupported":             NotAllowed,
	"nomandateauthority":               NotAllowed,
	"linkviolation":                    NotAllowed,
	"countryoforiginnotpermitted":      NotAllowed,
	"nationalitynotpermitted":          NotAllowed,
	"iddocumentnotsupported":           NotAllowed,
	"issuingcountrynotsupported":       NotAllowed,
	"servicingpartyauthorisationerror": NotAllowed,
}

// detail is the error in the core's own words, for the record.
func (e wireError) detail() string {
	var b strings.Builder
	b.WriteString(Clean(string(e.Category), 40))
	b.WriteByte('/')
	b.WriteString(Clean(string(e.Code), 60))
	if d := Clean(string(e.Description), 256); d != "" {
		b.WriteString(": ")
		b.WriteString(d)
	}
	for i, p := range e.Parameters {
		if i == 8 {
			break
		}
		fmt.Fprintf(&b, " [%s=%s]", Clean(string(p.Key), 40), Clean(string(p.Value), 60))
	}
	return b.String()
}

// Scrub takes the PIN out of words that the core sent back.
func Scrub(words string, pin Secret) string {
	if pin.IsZero() {
		return words
	}
	return strings.ReplaceAll(words, string(pin.Reveal()), masked)
}

// refusal says what an error object means for the action. Its category decides
// whether the core refused; without a code nobody can exclude that it was a
// duplicate of a request that took effect.
func (g *GSMA) refusal(op string, e wireError, pin Secret) (Outcome, error) {
	out := Outcome{Detail: Scrub(e.detail(), pin)}
	if e.Code.is("duplicateRequest") {
		return out, failed(op, ErrDuplicate)
	}
	switch strings.ToLower(string(e.Category)) {
	case "businessrule", "validation", "authorisation", "identification":
	case "":
		return out, failed(op, errors.New("the core's error has no category"))
	default:
		return out, failed(op, fmt.Errorf("the core is in trouble: %s", out.Detail))
	}
	if e.Code == "" {
		return out, failed(op, errors.New("the core's error has no code"))
	}
	if e.Code.is("clientAuthorisationError") {
		g.log.Error("the core refuses the gateway itself: check its keys", "op", op)
	}
	out.Status = Rejected
	out.Reason = g.reason(e, !pin.IsZero())
	return out, nil
}

// reason names a refusal.
func (g *GSMA) reason(e wireError, pin bool) string {
	code := strings.ToLower(string(e.Code))
	var hints []string
	for _, p := range e.Parameters {
		hints = append(hints, strings.ToLower(string(p.Key)), strings.ToLower(string(p.Value)))
	}
	for _, h := range hints {
		if r, ok := g.reasons[code+"/"+h]; ok {
			return r
		}
	}
	if r, ok := g.reasons[code]; ok {
		return r
	}
	says := func(words ...string) bool {
		for _, h := range hints {
			for _, w := range words {
				if strings.Contains(h, w) {
					return true
				}
			}
		}
		return false
	}
	switch code {
	case "requestingpartyauthorisationerror", "requestdeclined":
		switch {
		case says("pinlocked", "pinblocked"):
			return PINLocked
		case says("pinweak"):
			return PINWeak
		case says("blocked", "suspended", "barred", "frozen"):
			return AccountBlocked
		case code == "requestdeclined":
		case says("locked"):
			return PINLocked
		case pin:
			return WrongPIN
		}
		return NotAllowed
	case "identifiererror":
		if says("debitparty") && !says("creditparty") {
			return NotAllowed // the payer has no account that can pay
		}
	case "formaterror", "lengtherror", "mandatoryvaluenotsupplied":
		switch {
		case says("amount"):
			return AmountInvalid
		case says("creditparty", "consumerno", "reference", "identifier"):
			return UnknownPayee
		}
	}
	if r, ok := reasonOf[code]; ok {
		return r
	}
	return Other
}
