package ussd

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"nyota/gateway/dialog"
	"nyota/smpp/pdu"
)

// Where is the place of a dialogue's id in a PDU.
type Where uint8

// The places of a dialogue's id.
const (
	// InfoOctet is the first octet of its_session_info; the second has a sequence
	// in its upper seven bits and the end bit (SMPP 3.4 section 5.3.2.43).
	InfoOctet Where = iota
	// InfoWide is the upper 15 bits of its_session_info, above the end bit.
	InfoWide
	// Reference is user_message_reference (SMPP 3.4 section 5.3.2.17). There is no
	// end bit: the operation alone says how a dialogue goes on.
	Reference
	// Nowhere: a customer's number is all there is.
	Nowhere
)

// Dialect is how one operator's USSD gateway marks a dialogue in SMPP. It is
// data: a new operator is a new value, not new code.
type Dialect struct {
	Name        string
	ServiceType string // of what we send, unless Types say otherwise
	ID          Where

	Start  []uint8 // ussd_service_op of a dialled code
	Answer []uint8 // of an answer
	Abort  []uint8 // of an end that the customer or the network made

	Ask uint8 // ussd_service_op of our question
	End uint8 // of our last screen

	// Types, with a Start, say in letters of service_type what the others say in
	// ussd_service_op, which then is neither read nor sent.
	Types Types

	GSM  uint8 // data_coding of a GSM 7-bit screen
	UCS2 uint8 // data_coding of a UCS-2 screen
	// CBS reads data_coding as 3GPP TS 23.038 section 5 has it for USSD, where
	// SMPP's own values differ.
	CBS bool
}

// Types are operations as letters of service_type, at most 5 each.
type Types struct {
	Start, Answer, Abort []string
	Ask, End             string
}

// Standard is the dialect of SMPP 3.4's own USSD parameters: ussd_service_op
// (section 5.3.2.44) with its_session_info (section 5.3.2.43), whose first octet
// names the dialogue and whose second has a sequence and the end bit.
func Standard() Dialect {
	return Dialect{
		Name: "standard", ServiceType: "USSD",
		Start: []uint8{0, 1}, Answer: []uint8{18, 19}, Abort: []uint8{0x81},
		Ask: 2, End: 17, GSM: 0x0F, UCS2: 0x48,
	}
}

// Dialects returns the dialects that are known by name, Standard first. Operators
// that differ in some values differ from one of them.
func Dialects() []Dialect {
	always, wide, reference, letters, none := Standard(), Standard(), Standard(), Standard(), Standard()
	always.Name, always.End = "always-2", always.Ask // the end bit alone closes
	wide.Name, wide.ID, wide.End = "wide-id", InfoWide, 0x17
	reference.Name, reference.ID = "reference", Reference
	letters.Name = "service-type"
	letters.Types = Types{Start: []string{"PSSDI", "PSSRI"}, Answer: []string{"USSRC", "USSNC"},
		Abort: []string{"USREL"}, Ask: "USSRR", End: "PSSRR"}
	none.Name, none.ID = "none", Nowhere
	return []Dialect{Standard(), always, wide, reference, letters, none}
}

// endBit of the last octet of its_session_info.
const endBit = 1

// event is a deliver_sm as the dialect reads it.
type event struct {
	kind     dialog.Kind
	id       string // the network's id of the dialogue
	sequence uint8
	info     [2]byte // where the id is, to be echoed
	hasInfo  bool
}

// carries says whether a deliver_sm belongs to a USSD dialogue.
func (d *Dialect) carries(m *pdu.DeliverSM) bool {
	if len(d.Types.Start) > 0 {
		t := string(m.ServiceType)
		return slices.Contains(d.Types.Start, t) || slices.Contains(d.Types.Answer, t) || slices.Contains(d.Types.Abort, t)
	}
	_, ok := m.TLVs.Get(pdu.TagUSSDServiceOp)
	// An operator without any parameter of a session may have none for the
	// operation either.
	return ok || d.ID == Nowhere && d.ServiceType != "" && string(m.ServiceType) == d.ServiceType
}

// read says what a deliver_sm of a dialogue means.
func (d *Dialect) read(m *pdu.DeliverSM) (event, error) {
	var e event
	d.readID(&e, m.TLVs)
	ends := e.hasInfo && (d.ID == InfoOctet || d.ID == InfoWide) && e.info[1]&endBit != 0
	if len(d.Types.Start) > 0 {
		return e, d.kind(&e, ends, string(m.ServiceType))
	}
	op, ok := m.TLVs.Uint8(pdu.TagUSSDServiceOp)
	switch {
	case !ok && d.ID == Nowhere && isCode(m.ShortMessage):
		e.kind = dialog.Dial
	case !ok && d.ID == Nowhere:
		e.kind = dialog.Answer
	case ends, slices.Contains(d.Abort, op):
		e.kind = dialog.Abort
	case slices.Contains(d.Start, op):
		e.kind = dialog.Dial
	case slices.Contains(d.Answer, op):
		e.kind = dialog.Answer
	default:
		return e, fmt.Errorf("ussd: ussd_service_op %d means nothing in dialect %s", op, d.Name)
	}
	return e, nil
}

// kind reads an operation that comes as letters.
func (d *Dialect) kind(e *event, ends bool, t string) error {
	switch {
	case ends, slices.Contains(d.Types.Abort, t):
		e.kind = dialog.Abort
	case slices.Contains(d.Types.Start, t):
		e.kind = dialog.Dial
	case slices.Contains(d.Types.Answer, t):
		e.kind = dialog.Answer
	default:
		return fmt.Errorf("ussd: service_type %q means nothing in dialect %s", t, d.Name)
	}
	return nil
}

// readID finds out which dialogue it is.
func (d *Dialect) readID(e *event, tlvs pdu.TLVs) {
	tag := d.tag()
	if tag == 0 {
		return
	}
	info, _ := tlvs.Get(tag)
	if len(info) < 2 {
		return
	}
	e.info, e.hasInfo = [2]byte(info), true
	n := binary.BigEndian.Uint16(info)
	switch d.ID {
	case InfoOctet:
		e.id, e.sequence = strconv.Itoa(int(info[0])), info[1]>>1
	case InfoWide:
		e.id = strconv.Itoa(int(n >> 1))
	default:
		e.id = strconv.Itoa(int(n))
	}
}

// tag is the parameter with the dialogue's id, 0 without one.
func (d *Dialect) tag() pdu.Tag {
	switch d.ID {
	case InfoOctet, InfoWide:
		return pdu.TagITSSessionInfo
	case Reference:
		return pdu.TagUserMessageReference
	}
	return 0
}

// mark adds the parameters of our screen to a submit_sm.
func (d *Dialect) mark(s *pdu.SubmitSM, e event, end bool) {
	switch {
	case len(d.Types.Start) > 0 && end:
		s.ServiceType = []byte(d.Types.End)
	case len(d.Types.Start) > 0:
		s.ServiceType = []byte(d.Types.Ask)
	case end:
		s.TLVs.AddUint8(pdu.TagUSSDServiceOp, d.End)
	default:
		s.TLVs.AddUint8(pdu.TagUSSDServiceOp, d.Ask)
	}
	if !e.hasInfo {
		return
	}
	info := e.info
	if d.ID != Reference {
		info[1] &^= endBit
		if end {
			info[1] |= endBit
		}
	}
	s.TLVs.Add(d.tag(), info[:])
}

// isCode says whether a text is dialled: it begins as only codes do.
func isCode(typed []byte) bool {
	return len(typed) > 1 && (typed[0] == '*' || typed[0] == '#') && typed[len(typed)-1] == '#'
}
