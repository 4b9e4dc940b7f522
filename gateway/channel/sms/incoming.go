package sms

import (
	"log/slog"

	"nyota/smpp/pdu"
)

// esmReceipt is the message type of an SMSC delivery receipt in esm_class (SMPP
// 3.4 section 5.2.12).
const (
	esmTypeMask = 0x3C
	esmReceipt  = 0x04
)

// Incoming takes a deliver_sm that belongs to no USSD dialogue. Everything is
// acknowledged, so that an SMSC does not repeat it for ever; menus are reached by
// USSD only, so a message itself is dropped, and its arrival logged without its
// text or its sender.
func Incoming(log *slog.Logger, d *pdu.DeliverSM) (pdu.Body, pdu.Status) {
	if d.ESMClass&esmTypeMask == esmReceipt {
		log.Debug("a delivery receipt came")
	} else {
		log.Info("an SMS came that nothing here reads", "octets", len(d.ShortMessage))
	}
	return &pdu.DeliverSMResp{}, 0
}
