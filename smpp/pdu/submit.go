package pdu

import "bytes"

// SubmitSM submits a short message (submit_sm, SMPP 3.4 section 4.4.1). sm_length is derived from ShortMessage.
type SubmitSM struct {
	ServiceType          []byte // at most 5 octets
	SourceAddrTON        uint8
	SourceAddrNPI        uint8
	SourceAddr           []byte // at most 20 octets
	DestAddrTON          uint8
	DestAddrNPI          uint8
	DestinationAddr      []byte // at most 20 octets
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

// ID returns IDSubmitSM.
func (*SubmitSM) ID() CommandID { return IDSubmitSM }

// Append implements Body; its error is an *EncodeError.
func (b *SubmitSM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldServiceType, b.ServiceType)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.b = append(e.b, b.DestAddrTON, b.DestAddrNPI)
	e.cstring(fieldDestinationAddr, b.DestinationAddr)
	e.b = append(e.b, b.ESMClass, b.ProtocolID, b.PriorityFlag)
	e.time(fieldScheduleDeliveryTime, b.ScheduleDeliveryTime)
	e.time(fieldValidityPeriod, b.ValidityPeriod)
	e.b = append(e.b, b.RegisteredDelivery, b.ReplaceIfPresent, b.DataCoding, b.SMDefaultMsgID)
	e.shortMessage(b.ShortMessage)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *SubmitSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *SubmitSM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.ServiceType = d.cstring(fieldServiceType)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.DestAddrTON = d.uint8(fieldDestAddrTON)
	b.DestAddrNPI = d.uint8(fieldDestAddrNPI)
	b.DestinationAddr = d.cstring(fieldDestinationAddr)
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
func (b *SubmitSM) Clone() *SubmitSM {
	c := *b
	c.ServiceType = bytes.Clone(b.ServiceType)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.DestinationAddr = bytes.Clone(b.DestinationAddr)
	c.ScheduleDeliveryTime = bytes.Clone(b.ScheduleDeliveryTime)
	c.ValidityPeriod = bytes.Clone(b.ValidityPeriod)
	c.ShortMessage = bytes.Clone(b.ShortMessage)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *SubmitSM) clone() Body { return b.Clone() }

// SubmitSMResp answers SubmitSM (SMPP 3.4 section 4.4.2). An error response may come without a body.
type SubmitSMResp struct {
	MessageID []byte // at most 64 octets
	TLVs      TLVs
}

// ID returns IDSubmitSMResp.
func (*SubmitSMResp) ID() CommandID { return IDSubmitSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *SubmitSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *SubmitSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *SubmitSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = SubmitSMResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.MessageID = d.cstring(fieldMessageID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *SubmitSMResp) Clone() *SubmitSMResp {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *SubmitSMResp) clone() Body { return b.Clone() }
