package sms

import (
	"log/slog"
	"maps"
	"sync"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// receiptCounts are counts of receipts by message state.
type receiptCounts struct {
	mu sync.Mutex
	by map[string]uint64
}

// Receipt takes the delivery receipt of a notice, or of a part of a long one. It
// changes nothing of the notice, which is done once the SMSC took it: a phone
// that was off for days is no reason for a second SMS. It is counted, and logged
// if the message did not arrive.
func (s *Sender) Receipt(r smpp.Receipt) {
	state := pdu.StateName(r.State)
	s.receipts.mu.Lock()
	if s.receipts.by == nil {
		s.receipts.by = map[string]uint64{}
	}
	s.receipts.by[state]++
	s.receipts.mu.Unlock()

	attrs := []any{"notice", r.Ref, "link", r.Link, "state", state, "code", r.Err}
	if r.HasNetwork {
		attrs = append(attrs, slog.Group("network", "type", r.NetworkType, "error", r.NetworkCode))
	}
	switch {
	case !r.Final():
		s.Log.Debug("a notice is on its way", attrs...)
	case r.State == pdu.StateDelivered:
		s.Log.Debug("a notice reached its phone", attrs...)
	default:
		s.Log.Warn("a notice did not reach its phone", attrs...)
	}
}

// Receipts returns how many receipts came, by message state (DELIVRD, UNDELIV...).
func (s *Sender) Receipts() map[string]uint64 {
	s.receipts.mu.Lock()
	defer s.receipts.mu.Unlock()
	return maps.Clone(s.receipts.by)
}
