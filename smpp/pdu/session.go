package pdu

// Unbind asks to end the session (unbind, SMPP 3.4 section 4.2.1).
type Unbind struct {
	TLVs TLVs
}

// ID returns IDUnbind.
func (*Unbind) ID() CommandID { return IDUnbind }

// Append implements Body; its error is an *EncodeError.
func (b *Unbind) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *Unbind) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *Unbind) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *Unbind) Clone() *Unbind {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *Unbind) clone() Body { return b.Clone() }

// UnbindResp answers Unbind (SMPP 3.4 section 4.2.2).
type UnbindResp struct {
	TLVs TLVs
}

// ID returns IDUnbindResp.
func (*UnbindResp) ID() CommandID { return IDUnbindResp }

// Append implements Body; its error is an *EncodeError.
func (b *UnbindResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *UnbindResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *UnbindResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *UnbindResp) Clone() *UnbindResp {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *UnbindResp) clone() Body { return b.Clone() }

// EnquireLink asks whether the peer is alive (enquire_link, SMPP 3.4 section 4.11.1).
type EnquireLink struct {
	TLVs TLVs
}

// ID returns IDEnquireLink.
func (*EnquireLink) ID() CommandID { return IDEnquireLink }

// Append implements Body; its error is an *EncodeError.
func (b *EnquireLink) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *EnquireLink) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *EnquireLink) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *EnquireLink) Clone() *EnquireLink {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *EnquireLink) clone() Body { return b.Clone() }

// EnquireLinkResp answers EnquireLink (SMPP 3.4 section 4.11.2).
type EnquireLinkResp struct {
	TLVs TLVs
}

// ID returns IDEnquireLinkResp.
func (*EnquireLinkResp) ID() CommandID { return IDEnquireLinkResp }

// Append implements Body; its error is an *EncodeError.
func (b *EnquireLinkResp) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *EnquireLinkResp) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *EnquireLinkResp) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *EnquireLinkResp) Clone() *EnquireLinkResp {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *EnquireLinkResp) clone() Body { return b.Clone() }

// GenericNack refuses a PDU that could not be understood far enough to answer it in kind (generic_nack, SMPP 3.4 section 4.3.1).
type GenericNack struct {
	TLVs TLVs
}

// ID returns IDGenericNack.
func (*GenericNack) ID() CommandID { return IDGenericNack }

// Append implements Body; its error is an *EncodeError.
func (b *GenericNack) Append(dst []byte) ([]byte, error) {
	e := encoder{b: dst}
	e.tlvs(b.TLVs)
	return e.done(dst)
}

// Decode implements Body; its error is a *DecodeError.
func (b *GenericNack) Decode(src []byte) error { return b.decode(src, Tolerance{}) }

func (b *GenericNack) decode(src []byte, t Tolerance) error {
	d := decoder{src: src, tolerance: t}
	b.TLVs = d.tlvs(b.TLVs[:0])
	return d.done()
}

// Clone returns a deep copy that aliases nothing.
func (b *GenericNack) Clone() *GenericNack {
	c := *b
	c.TLVs = b.TLVs.Clone()
	return &c
}

func (b *GenericNack) clone() Body { return b.Clone() }
