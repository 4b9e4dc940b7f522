package ussd

import (
	"fmt"
	"slices"
	"strconv"

	"nyota/gateway/dialog"
	"nyota/smpp/pdu"
)

// Dialect is how one operator's USSD gateway marks a dialogue in SMPP. It is
// data: a new operator is a new value, not new code.
type Dialect struct {
	Name        string
	ServiceType string

	Start  []uint8 // ussd_service_op of a dialled code
	Answer []uint8 // of an answer
	Abort  []uint8 // of an end that the customer or the network made

	Ask uint8 // ussd_service_op of our question
	End uint8 // of our last screen

	GSM  uint8 // data_coding of a GSM 7-bit screen
	UCS2 uint8 // data_coding of a UCS-2 screen
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

// endBit of the second octet of its_session_info.
const endBit = 1

// event is a deliver_sm as the dialect reads it.
type event struct {
	kind     dialog.Kind
	id       string // the network's id of the dialogue
	sequence uint8
	info     [2]byte // its_session_info, to be echoed
	hasInfo  bool
}

// read says what a deliver_sm with a ussd_service_op means.
func (d *Dialect) read(op uint8, info []byte) (event, error) {
	var e event
	if len(info) >= 2 {
		e.info, e.hasInfo = [2]byte(info), true
		e.id = strconv.Itoa(int(info[0]))
		e.sequence = info[1] >> 1
	}
	switch {
	case slices.Contains(d.Abort, op), e.hasInfo && e.info[1]&endBit != 0:
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

// mark adds the parameters of our screen to a submit_sm.
func (d *Dialect) mark(s *pdu.SubmitSM, e event, end bool) {
	op := d.Ask
	if end {
		op = d.End
	}
	s.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
	if !e.hasInfo {
		return
	}
	info := e.info
	info[1] &^= endBit
	if end {
		info[1] |= endBit
	}
	s.TLVs.Add(pdu.TagITSSessionInfo, info[:])
}
