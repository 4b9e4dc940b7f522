package daraja

import "nyota/gateway/core"

// Result codes that say that no money moved, and what they mean to a customer.
// A code that is not here, nor in Config.Reasons, leaves the outcome unknown: some
// codes are sent of requests that were still carried out.
var (
	pushReasons = map[string]string{
		"1":    core.InsufficientFunds,
		"2":    core.AmountInvalid,
		"3":    core.LimitExceeded,
		"4":    core.LimitExceeded,
		"8":    core.LimitExceeded,
		"1019": core.Other,      // the request expired
		"1032": core.NotAllowed, // the customer refused
		"1037": core.Other,      // the phone could not be reached
		"2001": core.WrongPIN,
		"2002": core.PINLocked,
	}
	payoutReasons = map[string]string{
		"1":          core.Other, // the short code has too little: not the customer's fault
		"2":          core.AmountInvalid,
		"3":          core.LimitExceeded,
		"4":          core.LimitExceeded,
		"8":          core.LimitExceeded,
		"21":         core.NotAllowed,
		"2001":       core.Other, // our initiator is refused
		"2040":       core.UnknownPayee,
		"SFC_IC0003": core.UnknownPayee,
	}
	// Reversals API, Result Codes. R000001, reversed already, is not among them: see
	// the package's text.
	reversalReasons = map[string]string{
		"1":       core.InsufficientFunds, // the organisation has spent it
		"11":      core.AccountBlocked,    // the organisation's account
		"21":      core.NotAllowed,        // our initiator lacks the role
		"2001":    core.Other,             // our initiator is refused
		"2006":    core.AccountBlocked,
		"2028":    core.NotAllowed,
		"8006":    core.Other, // our initiator's password is locked
		"R000002": core.UnknownReference,
	}
)

// reason names a refusal by its result code, if it is one.
func (c *Connector) reason(in intent, code string) (string, bool) {
	if r, ok := c.cfg.Reasons[code]; ok {
		return r, true
	}
	table := payoutReasons
	switch {
	case in.push:
		table = pushReasons
	case in.call == core.Reversal:
		table = reversalReasons
	}
	r, ok := table[code]
	return r, ok
}
