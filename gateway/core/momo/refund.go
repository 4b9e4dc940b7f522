package momo

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"nyota/gateway/core"
)

var _ core.Reverser = (*Connector)(nil)

// Reverses says whether a confirmed call can be taken back: a request to pay, by
// a refund. It needs both products. See the package's text.
func (c *Connector) Reverses(call string) bool {
	return (call == core.MerchantPay || call == core.BillPay) && c.products[collection] != nil && c.products[disbursement] != nil
}

// refund is what an operator's reversal asks for: the amount of the request to
// pay that it names by its X-Reference-Id, back to the customer who paid.
func (c *Connector) refund(id, wire, customer string, args core.Args) (intent, error) {
	first := args.Get(core.ReversedCall)
	if !c.Reverses(first) {
		return intent{}, errors.New("the call cannot be reversed")
	}
	in, err := c.intent(first, id, wire, customer, args)
	if err != nil {
		return in, err
	}
	in.route, _ = c.route(core.Reversal)
	in.call, in.note, in.refunded = core.Reversal, "Refund", args.Get(core.ReversedKey)
	if _, err := uuid.Parse(in.refunded); err != nil || len(in.refunded) != 36 {
		return in, errors.New("the reference of what is to be reversed is not known")
	}
	if in.refunded == wire {
		return in, errors.New("an action does not reverse itself")
	}
	return in, nil
}

// verifyRefund holds the party of a refund against the action. MoMo names it by
// its number, or by a code of its own that says nothing to us; then it is the
// externalId, which is ours, that ties the resource to the action.
func (in intent) verifyRefund(r resource) error {
	switch {
	case r.Payee != nil && r.Payee.numbered():
		return r.Payee.is(in.party)
	case r.ExternalID == "":
		return errors.New("the core's refund says neither whose nor for what it is")
	}
	return nil
}

// numbered says whether a party is named by a number.
func (p wireParty) numbered() bool { return p.Type == "" || p.Type == "MSISDN" }

// is fails unless a party is the subscriber with a number.
func (p wireParty) is(number string) error {
	if digits := string(p.ID); digits != number && digits != "+"+number {
		return fmt.Errorf("%w: another party", core.ErrMismatch)
	}
	return nil
}
