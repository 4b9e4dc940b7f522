package pdu

import "bytes"

// BroadcastSM submits a cell broadcast (broadcast_sm, SMPP 5.0 section 4.4.1). The message, its areas,
// content type, repetitions and interval are TLVs.
type BroadcastSM struct {
	ServiceType          []byte // at most 5 octets
	SourceAddrTON        uint8
	SourceAddrNPI        uint8
	SourceAddr           []byte // at most 20 octets
	MessageID            []byte // at most 64 octets
	PriorityFlag         uint8
	ScheduleDeliveryTime []byte // empty or 16 octets
	ValidityPeriod       []byte // empty or 16 octets
	ReplaceIfPresent     uint8
	DataCoding           uint8
	SMDefaultMsgID       uint8
	TLVs                 TLVs
}

// ID returns IDBroadcastSM.
func (*BroadcastSM) ID() CommandID { return IDBroadcastSM }

// Append implements Body; its error is an *EncodeError.
func (b *BroadcastSM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldServiceType, b.ServiceType)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.cstring(fieldMessageID, b.MessageID)
	e.b = append(e.b, b.PriorityFlag)
	e.time(fieldScheduleDeliveryTime, b.ScheduleDeliveryTime)
	e.time(fieldValidityPeriod, b.ValidityPeriod)
	e.b = append(e.b, b.ReplaceIfPresent, b.DataCoding, b.SMDefaultMsgID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *BroadcastSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BroadcastSM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.ServiceType = d.cstring(fieldServiceType)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.MessageID = d.cstring(fieldMessageID)
	b.PriorityFlag = d.uint8(fieldPriorityFlag)
	b.ScheduleDeliveryTime = d.cstring(fieldScheduleDeliveryTime)
	b.ValidityPeriod = d.cstring(fieldValidityPeriod)
	b.ReplaceIfPresent = d.uint8(fieldReplaceIfPresentFlag)
	b.DataCoding = d.uint8(fieldDataCoding)
	b.SMDefaultMsgID = d.uint8(fieldSMDefaultMsgID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BroadcastSM) Clone() *BroadcastSM {
	c := *b
	c.ServiceType = bytes.Clone(b.ServiceType)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.MessageID = bytes.Clone(b.MessageID)
	c.ScheduleDeliveryTime = bytes.Clone(b.ScheduleDeliveryTime)
	c.ValidityPeriod = bytes.Clone(b.ValidityPeriod)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BroadcastSM) clone() Body { return b.Clone() }

// BroadcastSMResp answers BroadcastSM (SMPP 5.0 section 4.4.1.2).
type BroadcastSMResp struct {
	MessageID []byte // at most 64 octets
	TLVs      TLVs
}

// ID returns IDBroadcastSMResp.
func (*BroadcastSMResp) ID() CommandID { return IDBroadcastSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *BroadcastSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *BroadcastSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BroadcastSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = BroadcastSMResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.MessageID = d.cstring(fieldMessageID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BroadcastSMResp) Clone() *BroadcastSMResp {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BroadcastSMResp) clone() Body { return b.Clone() }

// QueryBroadcastSM asks for the state of a cell broadcast (query_broadcast_sm, SMPP 5.0 section 4.6.1.1).
type QueryBroadcastSM struct {
	MessageID     []byte // at most 64 octets
	SourceAddrTON uint8
	SourceAddrNPI uint8
	SourceAddr    []byte // at most 20 octets
	TLVs          TLVs
}

// ID returns IDQueryBroadcastSM.
func (*QueryBroadcastSM) ID() CommandID { return IDQueryBroadcastSM }

// Append implements Body; its error is an *EncodeError.
func (b *QueryBroadcastSM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *QueryBroadcastSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *QueryBroadcastSM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.MessageID = d.cstring(fieldMessageID)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *QueryBroadcastSM) Clone() *QueryBroadcastSM {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *QueryBroadcastSM) clone() Body { return b.Clone() }

// QueryBroadcastSMResp answers QueryBroadcastSM (SMPP 5.0 section 4.6.1.3). State, areas and success
// rates are TLVs.
type QueryBroadcastSMResp struct {
	MessageID []byte // at most 64 octets
	TLVs      TLVs
}

// ID returns IDQueryBroadcastSMResp.
func (*QueryBroadcastSMResp) ID() CommandID { return IDQueryBroadcastSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *QueryBroadcastSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *QueryBroadcastSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *QueryBroadcastSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = QueryBroadcastSMResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.MessageID = d.cstring(fieldMessageID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *QueryBroadcastSMResp) Clone() *QueryBroadcastSMResp {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *QueryBroadcastSMResp) clone() Body { return b.Clone() }

// CancelBroadcastSM cancels a cell broadcast (cancel_broadcast_sm, SMPP 5.0 section 4.6.2.1).
type CancelBroadcastSM struct {
	ServiceType   []byte // at most 5 octets
	MessageID     []byte // at most 64 octets
	SourceAddrTON uint8
	SourceAddrNPI uint8
	SourceAddr    []byte // at most 20 octets
	TLVs          TLVs
}

// ID returns IDCancelBroadcastSM.
func (*CancelBroadcastSM) ID() CommandID { return IDCancelBroadcastSM }

// Append implements Body; its error is an *EncodeError.
func (b *CancelBroadcastSM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldServiceType, b.ServiceType)
	e.cstring(fieldMessageID, b.MessageID)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddr, b.SourceAddr)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *CancelBroadcastSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *CancelBroadcastSM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.ServiceType = d.cstring(fieldServiceType)
	b.MessageID = d.cstring(fieldMessageID)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddr)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *CancelBroadcastSM) Clone() *CancelBroadcastSM {
	c := *b
	c.ServiceType = bytes.Clone(b.ServiceType)
	c.MessageID = bytes.Clone(b.MessageID)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *CancelBroadcastSM) clone() Body { return b.Clone() }

// CancelBroadcastSMResp answers CancelBroadcastSM (SMPP 5.0 section 4.6.2.3).
type CancelBroadcastSMResp struct {
	TLVs TLVs
}

// ID returns IDCancelBroadcastSMResp.
func (*CancelBroadcastSMResp) ID() CommandID { return IDCancelBroadcastSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *CancelBroadcastSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *CancelBroadcastSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *CancelBroadcastSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *CancelBroadcastSMResp) Clone() *CancelBroadcastSMResp {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *CancelBroadcastSMResp) clone() Body { return b.Clone() }
