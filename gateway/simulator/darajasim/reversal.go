package darajasim

import (
	"net/http"

	"github.com/google/uuid"
)

// reverse takes a request to reverse a payment, under an id of its own.
func (c *Core) reverse(w http.ResponseWriter, b map[string]string) {
	switch {
	case b["CommandID"] != "TransactionReversal" || b["RecieverIdentifierType"] != "11" || !c.credential(b["SecurityCredential"]):
		complain(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid CommandID, RecieverIdentifierType or SecurityCredential")
		return
	case b["TransactionID"] == "" || b["ReceiverParty"] == "":
		complain(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid TransactionID")
		return
	}
	id := uuid.NewString()
	p := &payment{
		id: id, mark: id, kind: "reversal", receiptOf: b["TransactionID"], debit: b["ReceiverParty"], callback: b["ResultURL"], timeout: b["QueueTimeOutURL"],
	}
	c.take(w, p, b["Amount"], map[string]string{
		"OriginatorConversationID": id, "ConversationID": "AG_" + id, "ResponseCode": "0", "ResponseDescription": "Accept the service request successfully.",
	})
}

// takeBack decides a reversal: the whole of what a customer paid to the
// organisation that is named, once. It is called with mu held.
func (c *Core) takeBack(p *payment) {
	var first *payment
	for _, q := range c.order {
		if q.receipt == p.receiptOf && q.receipt != "" {
			first = q
		}
	}
	switch {
	case first == nil:
		p.code, p.words = "R000002", "The OriginalTransactionID is invalid."
	case first.takenBack:
		p.code, p.words = "R000001", "The transaction has already been reversed."
	case first.kind != "push" || first.credit != p.debit || first.amount != p.amount:
		p.code, p.words = "2028", "The request is not permitted according to product assignment."
	case c.balances[shortCode] < p.amount:
		p.code, p.words = "1", "The balance is insufficient for the transaction."
	}
	if p.code != "" {
		return
	}
	p.phone, p.credit, p.of = first.phone, first.phone, first.mark
	first.takenBack = true
	c.carry(p, p.amount)
}

// reversed is what a reversal's result says. It is called with mu held.
func (c *Core) reversed(p *payment) []entry {
	return []entry{
		{Key: "DebitAccountBalance", Value: "Utility Account|KES|1.00|1.00|0.00|0.00"}, {Key: "Amount", Value: float64(c.shown(p))},
		{Key: "TransCompletedTime", Value: 20261122211400}, {Key: "OriginalTransactionID", Value: p.receiptOf}, {Key: "Charge", Value: 0.0},
		{Key: "CreditPartyPublicName", Value: p.phone + " - Asha Mwinyi"}, {Key: "DebitPartyPublicName", Value: p.debit + " - Nyota"},
	}
}
