package simulator

import (
	"context"
	"strings"
	"unicode/utf16"

	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// Values of ussd_service_op (SMPP 3.4 section 5.3.2.44).
const (
	opPSSRInd  = 1  // a customer dialled
	opUSSRReq  = 2  // the gateway asks
	opUSSNReq  = 3  // the gateway tells
	opPSSRResp = 17 // the gateway ends what a customer dialled
	opUSSRConf = 18 // the customer answers, or ends
	opUSSNConf = 19 // the handset has shown a notice
)

// What fits into one USSD message: 160 octets hold 182 packed septets or 80
// UCS-2 code units.
const (
	ussdSeptets = 182
	ussdUCS2    = 80
)

// TagScreenHint is a vendor's parameter of our own, which a gateway sends to
// simulators only: one octet of flags, then the menu's screen id in ASCII.
const TagScreenHint pdu.Tag = 0x1501

// HintSecret in TagScreenHint's flags says that what is typed next is a secret.
const HintSecret = 0x01

// screen is a submitted USSD message.
type screen struct {
	op      uint8
	session []byte // its_session_info: 2 octets, or nil
	text    string
	size    Size
	secret  bool
	id      string
}

// end says whether the message is the last of its dialogue.
func (m *screen) end() bool {
	return m.op == opPSSRResp || len(m.session) == 2 && m.session[1]&1 != 0
}

// parseScreen reads a submitted USSD message. What it returns aliases nothing.
func parseScreen(b *pdu.SubmitSM, op uint8) (screen, pdu.Status) {
	m := screen{op: op}
	if info, ok := b.TLVs.Get(pdu.TagITSSessionInfo); ok {
		if len(info) != 2 {
			return m, pdu.StatusInvTLVLen
		}
		m.session = []byte{info[0], info[1]}
	}
	if hint, ok := b.TLVs.Get(TagScreenHint); ok && len(hint) > 0 {
		m.secret = hint[0]&HintSecret != 0
		m.id = strings.ToValidUTF8(string(hint[1:min(len(hint), 65)]), "")
	}
	switch op {
	case opUSSRReq, opUSSNReq, opPSSRResp:
	default:
		return m, pdu.StatusInvTLVVal
	}
	src := payload(b)
	switch b.DataCoding {
	case text.DCSUSSDUCS2, text.DCSUCS2:
		m.text = text.DecodeUCS2(src)
		m.size = Size{Encoding: "ucs2", Units: (len(src) + 1) / 2, Limit: ussdUCS2}
	default: // 0x0F and the other languages of its group, and what some networks send as 0
		m.text = text.DecodeGSM7(src)
		m.size = Size{Encoding: "gsm7", Units: len(src), Limit: ussdSeptets}
	}
	return m, 0
}

// payload is the text of a submitted message, wherever it is.
func payload(b *pdu.SubmitSM) []byte {
	if len(b.ShortMessage) == 0 {
		if p, ok := b.TLVs.Get(pdu.TagMessagePayload); ok {
			return p
		}
	}
	return b.ShortMessage
}

// show takes a submitted USSD message to the handset. It never blocks. The job,
// if there is one, is for the courier.
func (h *Handset) show(m screen) (status pdu.Status, job func(context.Context)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.smsc.now()
	d := h.d
	switch {
	case d != nil && d.bare == (m.session == nil) && (d.bare || m.session[0] == d.number):
		// It belongs to what runs.
	case d != nil:
		// Another dialogue's, or a push while the customer is busy.
		if m.session != nil && h.last == int(m.session[0]) {
			return pdu.StatusSubmitFail, nil
		}
		return pdu.StatusXTAppn, nil
	case m.op == opPSSRResp || m.session != nil && h.last == int(m.session[0]):
		// Late: the network has ended that dialogue.
		return pdu.StatusSubmitFail, nil
	default:
		d = &dialogue{pushed: true, bare: m.session == nil, ends: now.Add(h.smsc.cfg.NetworkTimeout)}
		if m.session != nil {
			d.number = m.session[0]
			h.last = int(d.number)
		}
		h.d = d
		h.effort = effort{began: now}
	}
	if d.pushed && m.op == opPSSRResp || m.op == opPSSRResp && m.session != nil && m.session[1]&1 == 0 {
		// It answers a dialled code, and only with the end bit.
		return pdu.StatusInvTLVVal, nil
	}

	kind := KindAsk
	switch {
	case m.end():
		kind = KindEnd
	case m.op == opUSSNReq:
		kind = KindNotice
	}
	h.note(Entry{At: now, Direction: In, Kind: kind, Text: m.text, Size: m.size, Screen: m.id})
	switch kind {
	case KindEnd:
		h.close(Ended, m.text)
		h.screenID = m.id
	case KindNotice:
		h.state, h.screen, h.screenID, h.secret = Waiting, m.text, m.id, false
		h.expectGateway(d, now)
	default:
		h.state, h.screen, h.screenID, h.secret = Asking, m.text, m.id, m.secret
		h.expectCustomer(d, now)
	}
	if m.op == opUSSNReq { // the handset confirms that it showed a notice
		ack := h.message(d, opUSSNConf, "", m.end())
		job = func(ctx context.Context) { _ = h.tell(ctx, d, ack) }
	}
	h.changed()
	return 0, job
}

// message is what the network delivers to the gateway in dialogue d, whose
// sequence it advances. It is called with h.mu held.
func (h *Handset) message(d *dialogue, op uint8, s string, end bool) *pdu.DeliverSM {
	m := &pdu.DeliverSM{
		ServiceType:   []byte("USSD"),
		SourceAddrTON: 1, SourceAddrNPI: 1, SourceAddr: []byte(h.msisdn),
		DestAddrNPI: 1, DestinationAddr: []byte(serviceCode(h.code)),
	}
	if gsm, err := text.EncodeGSM7(nil, s); err == nil {
		m.DataCoding, m.ShortMessage = text.DCSUSSD, gsm
	} else {
		m.DataCoding, m.ShortMessage = text.DCSUSSDUCS2, text.EncodeUCS2(nil, s)
	}
	m.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
	if !d.bare {
		info := d.seq << 1
		if end {
			info |= 1
		}
		m.TLVs.Add(pdu.TagITSSessionInfo, []byte{d.number, info})
	}
	d.seq = (d.seq + 1) & 0x7F
	return m
}

// serviceCode is a dialled string as it fits destination_addr's 20 octets: the
// whole of it, or the service's own code without the shortcut behind it.
func serviceCode(dialled string) string {
	if len(dialled) <= 20 {
		return dialled
	}
	i := strings.IndexAny(dialled[1:], "*#")
	if i < 0 || i > 18 {
		return dialled[:20]
	}
	return dialled[:i+1] + "#"
}

// ussdSize counts a text as one USSD message.
func ussdSize(s string) Size {
	if n, ok := text.Septets(s); ok {
		return Size{Encoding: "gsm7", Units: n, Limit: ussdSeptets}
	}
	return Size{Encoding: "ucs2", Units: len(utf16.Encode([]rune(s))), Limit: ussdUCS2}
}
