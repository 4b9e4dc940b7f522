package pdu

import "bytes"

// SubmitMulti submits one message to several destinations (submit_multi, SMPP 3.4 section 4.5.1).
// number_of_dests is derived from DestAddresses, sm_length from ShortMessage.
type SubmitMulti struct {
	ServiceType          []byte // at most 5 octets
	SourceAddrTON        uint8
	SourceAddrNPI        uint8
	SourceAddr           []byte        // at most 20 octets
	DestAddresses        []DestAddress // 1 to 255
	ESMClass             uint8
	ProtocolID           uint8
	PriorityFlag         uint8
	ScheduleDeliveryTime []byte // empty or 16 octets
	ValidityPeriod       []byte // empty or 16 octets
	RegisteredDelivery   uint8
	ReplaceIfPresent     uint8
	DataCoding           uint8
	SMDefaultMsgID       uint8
	ShortMessage         []byte // at most 255 octets, 254 for a 3.4 peer
	TLVs                 TLVs
}

// ID returns IDSubmitMulti.
func (*SubmitMulti) ID() CommandID { return IDSubmitMulti }

// Append implements Body; its error is an *EncodeError.
func (b *SubmitMulti) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldServiceType, b.ServiceType)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.dests(b.DestAddresses)
	e.b = append(e.b, b.ESMClass, b.ProtocolID, b.PriorityFlag)
	e.time(fieldScheduleDeliveryTime, b.ScheduleDeliveryTime)
	e.time(fieldValidityPeriod, b.ValidityPeriod)
	e.b = append(e.b, b.RegisteredDelivery, b.ReplaceIfPresent, b.DataCoding, b.SMDefaultMsgID)
	e.shortMessage(b.ShortMessage)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *SubmitMulti) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *SubmitMulti) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.ServiceType = d.cstring(fieldServiceType)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.DestAddresses = d.dests(b.DestAddresses[:0])
	b.ESMClass = d.uint8(fieldESMClass)
	b.ProtocolID = d.uint8(fieldProtocolID)
	b.PriorityFlag = d.uint8(fieldPriorityFlag)
	b.ScheduleDeliveryTime = d.cstring(fieldScheduleDeliveryTime)
	b.ValidityPeriod = d.cstring(fieldValidityPeriod)
	b.RegisteredDelivery = d.uint8(fieldRegisteredDelivery)
	b.ReplaceIfPresent = d.uint8(fieldReplaceIfPresentFlag)
	b.DataCoding = d.uint8(fieldDataCoding)
	b.SMDefaultMsgID = d.uint8(fieldSMDefaultMsgID)
	b.ShortMessage = d.shortMessage()
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *SubmitMulti) Clone() *SubmitMulti {
	c := *b
	c.ServiceType = bytes.Clone(b.ServiceType)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.DestAddresses = cloneDests(b.DestAddresses)
	c.ScheduleDeliveryTime = bytes.Clone(b.ScheduleDeliveryTime)
	c.ValidityPeriod = bytes.Clone(b.ValidityPeriod)
	c.ShortMessage = bytes.Clone(b.ShortMessage)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *SubmitMulti) clone() Body { return b.Clone() }

// SubmitMultiResp answers SubmitMulti (SMPP 3.4 section 4.5.2). no_unsuccess is derived from UnsuccessSMEs.
type SubmitMultiResp struct {
	MessageID     []byte         // at most 64 octets
	UnsuccessSMEs []UnsuccessSME // at most 255
	TLVs          TLVs
}

// ID returns IDSubmitMultiResp.
func (*SubmitMultiResp) ID() CommandID { return IDSubmitMultiResp }

// Append implements Body; its error is an *EncodeError.
func (b *SubmitMultiResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.unsuccess(b.UnsuccessSMEs)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *SubmitMultiResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *SubmitMultiResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = SubmitMultiResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.MessageID = d.cstring(fieldMessageID)
	b.UnsuccessSMEs = d.unsuccess(b.UnsuccessSMEs[:0])
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *SubmitMultiResp) Clone() *SubmitMultiResp {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.UnsuccessSMEs = cloneUnsuccess(b.UnsuccessSMEs)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *SubmitMultiResp) clone() Body { return b.Clone() }
