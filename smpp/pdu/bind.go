package pdu

import "bytes"

// BindReceiver asks for a session on which the ESME receives (bind_receiver, SMPP 3.4 section 4.1.3).
type BindReceiver struct {
	SystemID         []byte // at most 15 octets
	Password         []byte // at most 8 octets
	SystemType       []byte // at most 12 octets
	InterfaceVersion uint8
	AddrTON          uint8
	AddrNPI          uint8
	AddressRange     []byte // at most 40 octets
	TLVs             TLVs
}

// ID returns IDBindReceiver.
func (*BindReceiver) ID() CommandID { return IDBindReceiver }

// Append implements Body; its error is an *EncodeError.
func (b *BindReceiver) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldSystemID, b.SystemID)
	e.cstring(fieldPassword, b.Password)
	e.cstring(fieldSystemType, b.SystemType)
	e.b = append(e.b, b.InterfaceVersion, b.AddrTON, b.AddrNPI)
	e.cstring(fieldAddressRange, b.AddressRange)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *BindReceiver) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BindReceiver) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.SystemID = d.cstring(fieldSystemID)
	b.Password = d.cstring(fieldPassword)
	b.SystemType = d.cstring(fieldSystemType)
	b.InterfaceVersion = d.uint8(fieldInterfaceVersion)
	b.AddrTON = d.uint8(fieldAddrTON)
	b.AddrNPI = d.uint8(fieldAddrNPI)
	b.AddressRange = d.cstring(fieldAddressRange)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BindReceiver) Clone() *BindReceiver {
	c := *b
	c.SystemID = bytes.Clone(b.SystemID)
	c.Password = bytes.Clone(b.Password)
	c.SystemType = bytes.Clone(b.SystemType)
	c.AddressRange = bytes.Clone(b.AddressRange)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BindReceiver) clone() Body { return b.Clone() }

// BindReceiverResp answers BindReceiver (SMPP 3.4 section 4.1.4). TLVs may hold TagSCInterfaceVersion.
type BindReceiverResp struct {
	SystemID []byte // at most 15 octets
	TLVs     TLVs
}

// ID returns IDBindReceiverResp.
func (*BindReceiverResp) ID() CommandID { return IDBindReceiverResp }

// Append implements Body; its error is an *EncodeError.
func (b *BindReceiverResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldSystemID, b.SystemID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *BindReceiverResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BindReceiverResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = BindReceiverResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.SystemID = d.cstring(fieldSystemID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BindReceiverResp) Clone() *BindReceiverResp {
	c := *b
	c.SystemID = bytes.Clone(b.SystemID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BindReceiverResp) clone() Body { return b.Clone() }

// BindTransmitter asks for a session on which the ESME submits (bind_transmitter, SMPP 3.4 section 4.1.1).
type BindTransmitter struct {
	SystemID         []byte // at most 15 octets
	Password         []byte // at most 8 octets
	SystemType       []byte // at most 12 octets
	InterfaceVersion uint8
	AddrTON          uint8
	AddrNPI          uint8
	AddressRange     []byte // at most 40 octets
	TLVs             TLVs
}

// ID returns IDBindTransmitter.
func (*BindTransmitter) ID() CommandID { return IDBindTransmitter }

// Append implements Body; its error is an *EncodeError.
func (b *BindTransmitter) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldSystemID, b.SystemID)
	e.cstring(fieldPassword, b.Password)
	e.cstring(fieldSystemType, b.SystemType)
	e.b = append(e.b, b.InterfaceVersion, b.AddrTON, b.AddrNPI)
	e.cstring(fieldAddressRange, b.AddressRange)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *BindTransmitter) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BindTransmitter) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.SystemID = d.cstring(fieldSystemID)
	b.Password = d.cstring(fieldPassword)
	b.SystemType = d.cstring(fieldSystemType)
	b.InterfaceVersion = d.uint8(fieldInterfaceVersion)
	b.AddrTON = d.uint8(fieldAddrTON)
	b.AddrNPI = d.uint8(fieldAddrNPI)
	b.AddressRange = d.cstring(fieldAddressRange)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BindTransmitter) Clone() *BindTransmitter {
	c := *b
	c.SystemID = bytes.Clone(b.SystemID)
	c.Password = bytes.Clone(b.Password)
	c.SystemType = bytes.Clone(b.SystemType)
	c.AddressRange = bytes.Clone(b.AddressRange)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BindTransmitter) clone() Body { return b.Clone() }

// BindTransmitterResp answers BindTransmitter (SMPP 3.4 section 4.1.2). TLVs may hold TagSCInterfaceVersion.
type BindTransmitterResp struct {
	SystemID []byte // at most 15 octets
	TLVs     TLVs
}

// ID returns IDBindTransmitterResp.
func (*BindTransmitterResp) ID() CommandID { return IDBindTransmitterResp }

// Append implements Body; its error is an *EncodeError.
func (b *BindTransmitterResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldSystemID, b.SystemID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *BindTransmitterResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BindTransmitterResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = BindTransmitterResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.SystemID = d.cstring(fieldSystemID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BindTransmitterResp) Clone() *BindTransmitterResp {
	c := *b
	c.SystemID = bytes.Clone(b.SystemID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BindTransmitterResp) clone() Body { return b.Clone() }

// BindTransceiver asks for a session of both directions (bind_transceiver, SMPP 3.4 section 4.1.5).
type BindTransceiver struct {
	SystemID         []byte // at most 15 octets
	Password         []byte // at most 8 octets
	SystemType       []byte // at most 12 octets
	InterfaceVersion uint8
	AddrTON          uint8
	AddrNPI          uint8
	AddressRange     []byte // at most 40 octets
	TLVs             TLVs
}

// ID returns IDBindTransceiver.
func (*BindTransceiver) ID() CommandID { return IDBindTransceiver }

// Append implements Body; its error is an *EncodeError.
func (b *BindTransceiver) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldSystemID, b.SystemID)
	e.cstring(fieldPassword, b.Password)
	e.cstring(fieldSystemType, b.SystemType)
	e.b = append(e.b, b.InterfaceVersion, b.AddrTON, b.AddrNPI)
	e.cstring(fieldAddressRange, b.AddressRange)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *BindTransceiver) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BindTransceiver) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.SystemID = d.cstring(fieldSystemID)
	b.Password = d.cstring(fieldPassword)
	b.SystemType = d.cstring(fieldSystemType)
	b.InterfaceVersion = d.uint8(fieldInterfaceVersion)
	b.AddrTON = d.uint8(fieldAddrTON)
	b.AddrNPI = d.uint8(fieldAddrNPI)
	b.AddressRange = d.cstring(fieldAddressRange)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BindTransceiver) Clone() *BindTransceiver {
	c := *b
	c.SystemID = bytes.Clone(b.SystemID)
	c.Password = bytes.Clone(b.Password)
	c.SystemType = bytes.Clone(b.SystemType)
	c.AddressRange = bytes.Clone(b.AddressRange)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BindTransceiver) clone() Body { return b.Clone() }

// BindTransceiverResp answers BindTransceiver (SMPP 3.4 section 4.1.6). TLVs may hold TagSCInterfaceVersion.
type BindTransceiverResp struct {
	SystemID []byte // at most 15 octets
	TLVs     TLVs
}

// ID returns IDBindTransceiverResp.
func (*BindTransceiverResp) ID() CommandID { return IDBindTransceiverResp }

// Append implements Body; its error is an *EncodeError.
func (b *BindTransceiverResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldSystemID, b.SystemID)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError. An empty src is allowed.
func (b *BindTransceiverResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *BindTransceiverResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	if len(src) == 0 {
		*b = BindTransceiverResp{TLVs: b.TLVs[:0]}
		return nil
	}
	b.SystemID = d.cstring(fieldSystemID)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *BindTransceiverResp) Clone() *BindTransceiverResp {
	c := *b
	c.SystemID = bytes.Clone(b.SystemID)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *BindTransceiverResp) clone() Body { return b.Clone() }

// Outbind is the message centre asking an ESME to bind (outbind, SMPP 3.4 section 4.1.7). It has no response.
type Outbind struct {
	SystemID []byte // at most 15 octets
	Password []byte // at most 8 octets
	TLVs     TLVs
}

// ID returns IDOutbind.
func (*Outbind) ID() CommandID { return IDOutbind }

// Append implements Body; its error is an *EncodeError.
func (b *Outbind) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.cstring(fieldSystemID, b.SystemID)
	e.cstring(fieldPassword, b.Password)
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *Outbind) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *Outbind) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.SystemID = d.cstring(fieldSystemID)
	b.Password = d.cstring(fieldPassword)
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *Outbind) Clone() *Outbind {
	c := *b
	c.SystemID = bytes.Clone(b.SystemID)
	c.Password = bytes.Clone(b.Password)
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *Outbind) clone() Body { return b.Clone() }
