package simulator

import (
	"context"
	"errors"

	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// ErrNoText is returned for an SMS without a receiver or a text.
var ErrNoText = errors.New("simulator: an SMS needs a number of at most 20 characters to go to, and a text")

// maxWritten is the most parts of an SMS that a handset writes.
const maxWritten = 10

// SendSMS writes an SMS to a number of the gateway's, in parts with a user data
// header if it is long. It returns when the gateway has acknowledged them all, or
// with ErrNoService, ErrTooLong, ErrNoText or a *RefusedError. The handset's
// transcript is of its dialogues: what it writes is not in it.
func (h *Handset) SendSMS(ctx context.Context, to, words string) error {
	if to == "" || len(to) > 20 || words == "" {
		return ErrNoText
	}
	m, err := text.Split(words, text.Limits{Parts: maxWritten})
	if err != nil {
		return ErrTooLong
	}
	h.smsc.mu.Lock()
	h.smsc.written++
	ref := h.smsc.written
	h.smsc.mu.Unlock()
	conn := h.smsc.pick()
	for i := range m.Parts {
		short, udh := m.ShortMessage(i, ref)
		d := &pdu.DeliverSM{
			SourceAddrTON: pdu.TONInternational, SourceAddrNPI: pdu.NPIISDN, SourceAddr: []byte(h.msisdn),
			DestAddrNPI: pdu.NPIISDN, DestinationAddr: []byte(to), ShortMessage: short,
		}
		if m.Encoding == text.UCS2 {
			d.DataCoding = text.DCSUCS2
		}
		if udh {
			d.ESMClass = pdu.ESMFeatureUDHI
		}
		if err := h.smsc.deliver(ctx, conn, d); err != nil {
			return refusal(err)
		}
	}
	return nil
}
