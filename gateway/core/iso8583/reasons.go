package iso8583

import "nyota/gateway/core"

// reasonOf are response codes (field 39) that say that no money moved, and what
// they mean to a customer. Any other leaves the outcome unknown: among them 06,
// 22, 68, 91 and 96, after which a request may still be carried out.
var reasonOf = map[string]string{
	"05": core.NotAllowed,
	"12": core.NotAllowed,
	"13": core.AmountInvalid,
	"14": core.UnknownPayee,
	"41": core.AccountBlocked,
	"43": core.AccountBlocked,
	"51": core.InsufficientFunds,
	"55": core.WrongPIN,
	"56": core.UnknownPayee,
	"57": core.NotAllowed,
	"58": core.NotAllowed,
	"61": core.LimitExceeded,
	"62": core.AccountBlocked,
	"65": core.LimitExceeded,
	"75": core.PINLocked,
	"76": core.UnknownPayee,
	"78": core.AccountBlocked,
}

const (
	approved   = "00"
	inProgress = "09"
	noOriginal = "25"
	duplicate  = "94"
)

func (c *Connector) reason(code string) (string, bool) {
	if r, ok := c.cfg.Reasons[code]; ok {
		return r, true
	}
	r, ok := reasonOf[code]
	return r, ok
}
