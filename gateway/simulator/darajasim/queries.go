package darajasim

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"nyota/gateway/simulator/faults"
)

// queryPush answers at once.
func (c *Core) queryPush(w http.ResponseWriter, b map[string]string) {
	id := b["CheckoutRequestID"]
	c.mu.Lock()
	p := c.byID[id]
	code, words := "", ""
	if p != nil {
		code, words = p.code, p.words
	}
	c.mu.Unlock()
	switch {
	case p == nil:
		complain(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid CheckoutRequestID")
	case code == "":
		complain(w, http.StatusInternalServerError, "500.001.1001", "The transaction is being processed")
	default:
		faults.Answer(w, http.StatusOK, map[string]string{
			"ResponseCode": "0", "ResponseDescription": "The service request has been accepted successfully",
			"MerchantRequestID": "1-1-1", "CheckoutRequestID": id, "ResultCode": code, "ResultDesc": words,
		})
	}
}

// queryStatus takes a query and answers it by callback.
func (c *Core) queryStatus(w http.ResponseWriter, b map[string]string) {
	if b["CommandID"] != "TransactionStatusQuery" || !c.credential(b["SecurityCredential"]) {
		complain(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid CommandID or SecurityCredential")
		return
	}
	f := c.Faults()
	c.mu.Lock()
	p := c.byID[b["OriginatorConversationID"]]
	result := map[string]any{"ResultType": 0, "ResultCode": 0, "ResultDesc": "The service request is processed successfully.",
		"OriginatorConversationID": uuid.NewString(), "ConversationID": "AG_query", "TransactionID": "QUERY00000"}
	switch {
	case p == nil:
		result["ResultCode"], result["ResultDesc"] = 2032, "The transaction cannot be found"
	default:
		state := map[string]string{"0": "Completed", "": "Pending"}[p.code]
		if state == "" {
			state = "Declined"
		}
		receipt := p.receipt
		if receipt == "" {
			receipt = "QX" + strconv.Itoa(len(c.order))
		}
		result["ResultParameters"] = map[string]any{"ResultParameter": []entry{
			{Key: "ReceiptNo", Value: receipt}, {Key: "OriginatorConversationID", Value: p.id}, {Key: "TransactionStatus", Value: state}, {Key: "Amount", Value: c.shown(p)},
			{Key: "CreditPartyName", Value: p.phone + " - Baraka Mushi"}, {Key: "DebitPartyName", Value: "600000 - Nyota"},
			{Key: "DebitPartyName", Value: p.phone + " - Baraka Mushi"}, // twice, as in the documents
		}}
	}
	times := map[string]int{"once": 1, "twice": 2, "late": 1, "early": 1}[f.Callbacks]
	if !c.closed {
		c.wg.Go(func() {
			if f.Timeout {
				c.call(b["QueueTimeOutURL"], map[string]string{"ResultDesc": "The service request timed out in the queue."}, 1)
				return
			}
			if f.Callbacks == "late" {
				faults.Sleep(c.ctx, 50)
			}
			c.call(b["ResultURL"], map[string]any{"Result": result}, times)
		})
	}
	c.mu.Unlock()
	faults.Answer(w, http.StatusOK, map[string]string{
		"ConversationID": "AG_query", "OriginatorConversationID": "query", "ResponseCode": "0", "ResponseDescription": "Accept the service request successfully.",
	})
}
