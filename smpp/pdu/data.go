package pdu

import "bytes"

// DataSM carries a message in TagMessagePayload, in either direction (data_sm, SMPP 3.4 section 4.7.1).
type DataSM struct {
	ServiceType        []byte // at most 5 octets
	SourceAddrTON      uint8
	SourceAddrNPI      uint8
	SourceAddr         []byte // at most 64 octets
	DestAddrTON        uint8
	DestAddrNPI        uint8
	DestinationAddr    []byte // at most 64 octets
	ESMClass           uint8
	RegisteredDelivery uint8
	DataCoding         uint8
	TLVs               TLVs
}

// ID returns IDDataSM.
func (*DataSM) ID() CommandID { return IDDataSM }

// Append implements Body; its error is an *EncodeError.
func (b *DataSM) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldServiceType, b.ServiceType)
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddrLong, b.SourceAddr)
	e.b = append(e.b, b.DestAddrTON, b.DestAddrNPI)
	e.cstring(fieldDestinationAddrLong, b.DestinationAddr)
	e.b = append(e.b, b.ESMClass, b.RegisteredDelivery, b.DataCoding)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *DataSM) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *DataSM) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.ServiceType = d.cstring(fieldServiceType)
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddrLong)
	b.DestAddrTON = d.uint8(fieldDestAddrTON)
	b.DestAddrNPI = d.uint8(fieldDestAddrNPI)
	b.DestinationAddr = d.cstring(fieldDestinationAddrLong)
	b.ESMClass = d.uint8(fieldESMClass)
	b.RegisteredDelivery = d.uint8(fieldRegisteredDelivery)
	b.DataCoding = d.uint8(fieldDataCoding)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *DataSM) Clone() *DataSM {
	c := *b
	c.ServiceType = bytes.Clone(b.ServiceType)
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.DestinationAddr = bytes.Clone(b.DestinationAddr)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *DataSM) clone() Body { return b.Clone() }

// DataSMResp answers DataSM (SMPP 3.4 section 4.7.2).
type DataSMResp struct {
	MessageID []byte // at most 64 octets
	TLVs      TLVs
}

// ID returns IDDataSMResp.
func (*DataSMResp) ID() CommandID { return IDDataSMResp }

// Append implements Body; its error is an *EncodeError.
func (b *DataSMResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldMessageID, b.MessageID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *DataSMResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *DataSMResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = DataSMResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.MessageID = d.cstring(fieldMessageID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *DataSMResp) Clone() *DataSMResp {
	c := *b
	c.MessageID = bytes.Clone(b.MessageID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *DataSMResp) clone() Body { return b.Clone() }

// AlertNotification says that a subscriber became reachable (alert_notification, SMPP 3.4 section 4.12.1).
// It has no response.
type AlertNotification struct {
	SourceAddrTON uint8
	SourceAddrNPI uint8
	SourceAddr    []byte // at most 64 octets
	ESMEAddrTON   uint8
	ESMEAddrNPI   uint8
	ESMEAddr      []byte // at most 64 octets
	TLVs          TLVs
}

// ID returns IDAlertNotification.
func (*AlertNotification) ID() CommandID { return IDAlertNotification }

// Append implements Body; its error is an *EncodeError.
func (b *AlertNotification) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.b = append(e.b, b.SourceAddrTON, b.SourceAddrNPI)
	e.cstring(fieldSourceAddrLong, b.SourceAddr)
	e.b = append(e.b, b.ESMEAddrTON, b.ESMEAddrNPI)
	e.cstring(fieldESMEAddr, b.ESMEAddr)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *AlertNotification) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *AlertNotification) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.SourceAddrTON = d.uint8(fieldSourceAddrTON)
	b.SourceAddrNPI = d.uint8(fieldSourceAddrNPI)
	b.SourceAddr = d.cstring(fieldSourceAddrLong)
	b.ESMEAddrTON = d.uint8(fieldESMEAddrTON)
	b.ESMEAddrNPI = d.uint8(fieldESMEAddrNPI)
	b.ESMEAddr = d.cstring(fieldESMEAddr)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *AlertNotification) Clone() *AlertNotification {
	c := *b
	c.SourceAddr = bytes.Clone(b.SourceAddr)
	c.ESMEAddr = bytes.Clone(b.ESMEAddr)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *AlertNotification) clone() Body { return b.Clone() }
