package pdu

import "bytes"

// QuerySM asks for the state of a submitted message (query_sm, SMPP 3.4 section 4.8.1).
type QuerySM struct {
	MessageID     []byte // at most 64 octets
	SourceAddrTON uint8
	SourceAddrNPI uint8
	SourceAddr    []byte // at most 20 octets
	TLVs          TLVs
}

// ID returns IDQuerySM.
func (*QuerySM) ID() CommandID { return IDQuerySM }

// Append implements Body; its error is an *EncodeError.
func (b *QuerySM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *QuerySM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *QuerySM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.MessageID = d.cstring(fieldMessageID)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *QuerySM) Clone() *QuerySM {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *QuerySM) clone() Body { return b.Clone() }

// QuerySMResp answers QuerySM (SMPP 3.4 section 4.8.2). MessageState is one of the State constants.
type QuerySMResp struct {
	MessageID    []byte // at most 64 octets
	FinalDate    []byte // empty or 16 octets
	MessageState uint8
	ErrorCode    uint8
	TLVs         TLVs
}

// ID returns IDQuerySMResp.
func (*QuerySMResp) ID() CommandID { return IDQuerySMResp }

// Append implements Body; its error is an *EncodeError.
func (b *QuerySMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.time(fieldFinalDate, b.FinalDate)
	e.b = append(e.b, b.MessageState, b.ErrorCode)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *QuerySMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *QuerySMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = QuerySMResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.MessageID = d.cstring(fieldMessageID)
	b.FinalDate = d.cstring(fieldFinalDate)
	b.MessageState = d.uint8(fieldMessageState)
	b.ErrorCode = d.uint8(fieldErrorCode)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *QuerySMResp) Clone() *QuerySMResp {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.FinalDate = bytes.Clone(b.FinalDate)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *QuerySMResp) clone() Body { return b.Clone() }

// CancelSM cancels one message, or with an empty MessageID all that match (cancel_sm, SMPP 3.4 section 4.9.1).
type CancelSM struct {
	ServiceType     []byte // at most 5 octets
	MessageID       []byte // at most 64 octets
	SourceAddrTON   uint8
	SourceAddrNPI   uint8
	SourceAddr      []byte // at most 20 octets
	DestAddrTON     uint8
	DestAddrNPI     uint8
	DestinationAddr []byte // at most 20 octets
	TLVs            TLVs
}

// ID returns IDCancelSM.
func (*CancelSM) ID() CommandID { return IDCancelSM }

// Append implements Body; its error is an *EncodeError.
func (b *CancelSM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldServiceType, b.ServiceType)
	e.cstring(fieldMessageID, b.MessageID)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.b = append(e.b, b.DestAddrTON, b.DestAddrNPI)
	e.cstring(fieldDestinationAddr, b.DestinationAddr)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *CancelSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *CancelSM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.ServiceType = d.cstring(fieldServiceType)
	b.MessageID = d.cstring(fieldMessageID)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.DestAddrTON = d.uint8(fieldDestAddrTON)
	b.DestAddrNPI = d.uint8(fieldDestAddrNPI)
	b.DestinationAddr = d.cstring(fieldDestinationAddr)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *CancelSM) Clone() *CancelSM {
	c := *b
	c.ServiceType = bytes.Clone(b.ServiceType)
	c.MessageID = bytes.Clone(b.MessageID)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.DestinationAddr = bytes.Clone(b.DestinationAddr)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *CancelSM) clone() Body { return b.Clone() }

// CancelSMResp answers CancelSM (SMPP 3.4 section 4.9.2).
type CancelSMResp struct {
	TLVs TLVs
}

// ID returns IDCancelSMResp.
func (*CancelSMResp) ID() CommandID { return IDCancelSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *CancelSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *CancelSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *CancelSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *CancelSMResp) Clone() *CancelSMResp {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *CancelSMResp) clone() Body { return b.Clone() }

// ReplaceSM replaces a message that was not delivered yet (replace_sm, SMPP 3.4 section 4.10.1).
// sm_length is derived from ShortMessage.
type ReplaceSM struct {
	MessageID            []byte // at most 64 octets
	SourceAddrTON        uint8
	SourceAddrNPI        uint8
	SourceAddr           []byte // at most 20 octets
	ScheduleDeliveryTime []byte // empty or 16 octets
	ValidityPeriod       []byte // empty or 16 octets
	RegisteredDelivery   uint8
	SMDefaultMsgID       uint8
	ShortMessage         []byte // at most 255 octets, 254 for a 3.4 peer
	TLVs                 TLVs
}

// ID returns IDReplaceSM.
func (*ReplaceSM) ID() CommandID { return IDReplaceSM }

// Append implements Body; its error is an *EncodeError.
func (b *ReplaceSM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.time(fieldScheduleDeliveryTime, b.ScheduleDeliveryTime)
	e.time(fieldValidityPeriod, b.ValidityPeriod)
	e.b = append(e.b, b.RegisteredDelivery, b.SMDefaultMsgID)
	e.shortMessage(b.ShortMessage)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *ReplaceSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *ReplaceSM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.MessageID = d.cstring(fieldMessageID)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.ScheduleDeliveryTime = d.cstring(fieldScheduleDeliveryTime)
	b.ValidityPeriod = d.cstring(fieldValidityPeriod)
	b.RegisteredDelivery = d.uint8(fieldRegisteredDelivery)
	b.SMDefaultMsgID = d.uint8(fieldSMDefaultMsgID)
	b.ShortMessage = d.shortMessage()
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *ReplaceSM) Clone() *ReplaceSM {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.ScheduleDeliveryTime = bytes.Clone(b.ScheduleDeliveryTime)
	c.ValidityPeriod = bytes.Clone(b.ValidityPeriod)
	c.ShortMessage = bytes.Clone(b.ShortMessage)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *ReplaceSM) clone() Body { return b.Clone() }

// ReplaceSMResp answers ReplaceSM (SMPP 3.4 section 4.10.2).
type ReplaceSMResp struct {
	TLVs TLVs
}

// ID returns IDReplaceSMResp.
func (*ReplaceSMResp) ID() CommandID { return IDReplaceSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *ReplaceSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *ReplaceSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *ReplaceSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *ReplaceSMResp) Clone() *ReplaceSMResp {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *ReplaceSMResp) clone() Body { return b.Clone() }
