package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

var _ Reverser = (*GSMA)(nil)

// Reverses says whether a confirmed call can be taken back: all that move money,
// by POST /transactions/{reference}/reversals.
func (*GSMA) Reverses(call string) bool { return call != Reversal && Moves(call) }

// reversal is what an operator's reversal asks for: the amount, currency and
// parties of the transaction that it takes back, whose reference it names.
func (g *GSMA) reversal(id, msisdn string, args Args) (intent, error) {
	call := args.Get(ReversedCall)
	if !g.Reverses(call) {
		return intent{}, errors.New("the call cannot be reversed")
	}
	in, err := g.intent(call, id, msisdn, args)
	if err != nil {
		return in, err
	}
	in.call, in.kind, in.subType = Reversal, "reversal", ""
	in.original = args.Get(ReversedRef)
	if _, err := segment(in.original); err != nil {
		return in, errors.New("the core's reference of what is to be reversed is not known")
	}
	return in, nil
}

// path is where an action is posted.
func (in intent) path() string {
	if in.call != Reversal {
		return "/transactions/type/" + in.kind
	}
	seg, _ := segment(in.original)
	return "/transactions/" + seg + "/reversals"
}

// reversalBody is requestReversal.
func (in intent) reversalBody(currency string, now time.Time) ([]byte, error) {
	return json.Marshal(struct {
		Type      string `json:"type"`
		Amount    string `json:"amount"`
		Currency  string `json:"currency"`
		ClientRef string `json:"requestingOrganisationTransactionReference"`
		Date      string `json:"requestDate"`
	}{in.kind, in.amount, currency, in.id, now.UTC().Format(time.RFC3339)})
}

// verifyReversal holds the parties of a reversal against the action: cores name
// them as the first transaction did, or the other way round, so that it is the
// transaction it names that counts.
func (in intent) verifyReversal(t wireTransaction) error {
	switch {
	case t.Original != "" && !t.Original.is(in.original):
		return fmt.Errorf("%w: the reversal of another transaction", ErrMismatch)
	case t.Original == "" && t.ClientRef == "":
		return errors.New("the core's reversal does not say of what")
	}
	return nil
}
