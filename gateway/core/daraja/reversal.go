package daraja

import (
	"errors"
	"strings"

	"nyota/gateway/core"
)

var _ core.Reverser = (*Connector)(nil)

// Reverses says whether a confirmed call can be taken back: a push, if there is an
// initiator. See the package's text.
func (c *Connector) Reverses(call string) bool {
	return isPush(call) && c.Serves(call) && c.cfg.Payouts != nil
}

// reversal is what an operator's reversal asks for: the amount of the payment with
// a receipt, from the organisation that has it back to the customer.
func (c *Connector) reversal(id, customer string, args core.Args) (intent, error) {
	first := args.Get(core.ReversedCall)
	if !c.Reverses(first) {
		return intent{}, errors.New("the call cannot be reversed")
	}
	in, err := c.intent(first, id, customer, args)
	if err != nil {
		return in, err
	}
	in.call, in.push, in.receipt = core.Reversal, false, args.Get(core.ReversedRef)
	switch {
	case !isReceipt(in.receipt):
		return in, errors.New("the receipt of what is to be reversed is not known")
	case args.Get(core.ReversedID) == id:
		return in, errors.New("an action does not reverse itself")
	}
	return in, nil
}

// isReceipt says whether a reference is an M-Pesa receipt: a push whose result came
// by inquiry has the CheckoutRequestID in its place, which names nothing in M-Pesa's
// books.
func isReceipt(s string) bool {
	return len(s) >= 8 && len(s) <= 16 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// reversalRequest is the body of a reversal (Reversals API, Request Parameter
// Definition). The misspelt name is the API's; 11 is an organisation's short code
// there, and nothing else is allowed.
func (c *Connector) reversalRequest(in intent, callback string) map[string]string {
	return map[string]string{
		"Initiator": c.cfg.Payouts.Name, "SecurityCredential": c.credential, "CommandID": "TransactionReversal",
		"TransactionID": in.receipt, "Amount": in.amount, "ReceiverParty": in.partyB, "RecieverIdentifierType": "11",
		"Remarks": "Reversal", "ResultURL": callback, "QueueTimeOutURL": callback + "/timeout",
	}
}
