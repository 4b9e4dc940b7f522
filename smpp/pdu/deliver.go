package pdu

import "bytes"

// DeliverSM delivers a message or a receipt to an ESME (deliver_sm, SMPP 3.4 section 4.6.1).
// ScheduleDeliveryTime, ValidityPeriod, ReplaceIfPresent and SMDefaultMsgID are unused and
// normally empty. sm_length is derived from ShortMessage.
type DeliverSM struct {
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

// ID returns IDDeliverSM.
func (*DeliverSM) ID() CommandID { return IDDeliverSM }

// Append implements Body; its error is an *EncodeError.
func (b *DeliverSM) Append(dst []byte) ([]byte, error) {
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
func (b *DeliverSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *DeliverSM) decode(src []byte, t Tolerance) error {
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
func (b *DeliverSM) Clone() *DeliverSM {
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

func (b *DeliverSM) clone() Body { return b.Clone() }

// DeliverSMResp answers DeliverSM (SMPP 3.4 section 4.6.2). MessageID is unused and empty.
type DeliverSMResp struct {
	MessageID []byte // at most 64 octets
	TLVs      TLVs
}

// ID returns IDDeliverSMResp.
func (*DeliverSMResp) ID() CommandID { return IDDeliverSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *DeliverSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *DeliverSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *DeliverSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = DeliverSMResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.MessageID = d.cstring(fieldMessageID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *DeliverSMResp) Clone() *DeliverSMResp {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *DeliverSMResp) clone() Body { return b.Clone() }
