package simulator

import (
	"context"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// Room for text in one short message, alone and as a part of several behind a
// 6-octet user data header (3GPP TS 23.040 section 9.2.3.24.1).
const (
	smsSeptets     = 160
	smsSeptetsPart = 153
	smsUCS2        = 70
	smsUCS2Part    = 67
)

// newAssembler bounds the parts of messages that wait for the others.
func newAssembler() *text.Reassembler {
	return text.NewReassembler(text.ReassemblerConfig{Messages: 1000, Octets: 1 << 20, TTL: 5 * time.Minute})
}

// message is what an inbox needs of a submitted short message, or of a part of
// one. It aliases what it was read from.
type message struct {
	at       time.Time
	ton      uint8 // of from
	from     []byte
	coding   uint8
	alphabet text.Alphabet
	concat   text.Concat
	text     []byte // behind the user data header
}

// parseShort reads a submitted short message.
func parseShort(b *pdu.SubmitSM, now time.Time) (message, pdu.Status) {
	m := message{at: now, ton: b.SourceAddrTON, from: b.SourceAddr, coding: b.DataCoding, text: payload(b)}
	if b.ESMClass&pdu.ESMFeatureUDHI != 0 {
		head, rest, err := text.ParseUDH(m.text)
		if err != nil {
			return m, pdu.StatusInvEsmClass
		}
		m.text, m.alphabet, m.concat = rest, head.Alphabet, head.Concat
	} else if c, ok := sarConcat(b.TLVs); ok {
		m.concat = c
	}
	return m, 0
}

// short takes a submitted short message to the inbox, or to the backlog if
// nobody has opened the handset. The courier's job, if there is one, is its
// delivery receipt.
func (s *SMSC) short(b *pdu.SubmitSM, id uint64) (func(context.Context), pdu.Status) {
	m, malformed := parseShort(b, s.lately())
	s.mu.Lock()
	h, key, status := s.recipientLocked(b.DestinationAddr)
	if status == 0 {
		status = malformed
	}
	if status == 0 && h == nil {
		s.backlog.put(key, &m)
	}
	s.mu.Unlock()
	if status != 0 {
		return nil, status
	}
	if h != nil {
		m.at = s.now()
		s.arrive(h, &m)
	}
	if r := b.RegisteredDelivery & pdu.ReceiptMask; r != pdu.ReceiptAlways && r != pdu.ReceiptSuccess {
		return nil, 0 // none asked for, or only of a failure
	}
	d := receipt(b, string(appendID(nil, id)), m.at)
	return func(ctx context.Context) {
		if p := s.pick(); p != nil {
			if err := s.deliver(ctx, p, d); err != nil {
				s.log.Warn("a delivery receipt was not taken", "err", err)
			}
		}
	}, 0
}

// lately is the time at most clockEvery ago while the SMSC serves: a look at the
// clock for each message costs as much as keeping it.
func (s *SMSC) lately() time.Time {
	if at := s.ticked.Load(); at != nil {
		return *at
	}
	return s.now()
}

// arrive takes a message to a handset's inbox, once all its parts are there.
func (s *SMSC) arrive(h *Handset, m *message) {
	from := string(m.from)
	if parts, done := s.parts.Add(m.at, from, h.msisdn, m.concat, m.text); done {
		h.receive(m.at, sender(m.ton, from), parts, m.coding, m.alphabet)
	}
}

// sarConcat reads the sar_* parameters (SMPP 3.4 section 5.3.2.22).
func sarConcat(t pdu.TLVs) (text.Concat, bool) {
	ref, ok1 := t.Uint16(pdu.TagSARMsgRefNum)
	total, ok2 := t.Uint8(pdu.TagSARTotalSegments)
	seq, ok3 := t.Uint8(pdu.TagSARSegmentSeqnum)
	return text.Concat{Ref: ref, Wide: true, Total: total, Seq: seq}, ok1 && ok2 && ok3
}

// sender is a source address as a phone shows it.
func sender(ton uint8, addr string) string {
	if ton == 1 && ValidMSISDN(addr) {
		return "+" + addr
	}
	return addr
}

// receive puts a whole message into the inbox.
func (h *Handset) receive(now time.Time, from string, parts [][]byte, dcs uint8, a text.Alphabet) {
	var src []byte
	for _, p := range parts {
		src = append(src, p...)
	}
	m := SMS{At: now, From: from, Parts: len(parts)}
	switch e := (text.Coding{}).Encoding(dcs); e {
	case text.UCS2:
		m.Text = text.DecodeUCS2(src)
		m.Size = Size{Encoding: "ucs2", Units: (len(src) + 1) / 2, Limit: smsUCS2}
		if len(parts) > 1 {
			m.Size.Limit = smsUCS2Part * len(parts)
		}
	case text.GSM7:
		m.Text = a.Decode(src)
		m.Size = Size{Encoding: "gsm7", Units: len(src), Limit: smsSeptets}
		if len(parts) > 1 {
			m.Size.Limit = smsSeptetsPart * len(parts)
		}
	default:
		m.Text = e.Decode(src)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.smsN++
	m.ID = h.smsN
	if len(h.inbox) >= maxInbox {
		// Snapshots share the array: move to a new one, with room for a while.
		keep := h.inbox[len(h.inbox)-maxInbox/2:]
		h.inbox = append(make([]SMS, 0, maxInbox), keep...)
	}
	h.inbox = append(h.inbox, m)
	h.note(Entry{At: now, Direction: In, Kind: KindSMS, Text: m.From + ": " + m.Text, Size: m.Size})
	h.changed()
}

// receipt says of message b that it was delivered.
func receipt(b *pdu.SubmitSM, id string, now time.Time) *pdu.DeliverSM {
	r := pdu.Receipt{
		ID: id, Submitted: 1, Delivered: 1, SubmitDate: now.UTC(), DoneDate: now.UTC(), State: pdu.StateDelivered,
	}
	return &pdu.DeliverSM{
		SourceAddrTON: b.DestAddrTON, SourceAddrNPI: b.DestAddrNPI, SourceAddr: []byte(string(b.DestinationAddr)),
		DestAddrTON: b.SourceAddrTON, DestAddrNPI: b.SourceAddrNPI, DestinationAddr: []byte(string(b.SourceAddr)),
		ESMClass:     pdu.ESMTypeReceipt,
		ShortMessage: r.AppendText(nil),
		TLVs:         r.TLVs(),
	}
}
