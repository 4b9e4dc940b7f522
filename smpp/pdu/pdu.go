// Package pdu encodes and decodes the protocol data units of SMPP 3.4 and 5.0
// (and those of 3.3 peers), one concrete struct per PDU.
//
// Every body has its fields in the order of the specification. Append writes to
// a caller's buffer and Decode reads from one without allocating: byte slices of
// a decoded body alias the source and are valid only as long as it is. Use a
// body's Clone to keep it.
//
//	pdu.go        header, Body, PDU
//	frame.go      framing: whole PDUs to octets and back, tolerance
//	id.go         command ids and their names
//	status.go     command_status values and their meanings
//	values.go     values of the fields
//	tag.go        tags of optional parameters: names, kinds, lengths
//	tlv.go        optional parameters, kept in order
//	bind.go, session.go, submit.go, deliver.go, multi.go, data.go, manage.go,
//	broadcast.go  the bodies
//	codec.go      encoder and decoder that remember their first error
//	fields.go     names, lengths and statuses of the mandatory parameters
//	time.go       absolute and relative times
//	receipt.go    delivery receipts
package pdu

// HeaderLen is the length of the fixed header in octets (SMPP 3.4 section 3.2).
const HeaderLen = 16

// MaxSequence is the largest sequence_number, 0x7FFFFFFF (SMPP 3.4 section 5.1.4).
const MaxSequence = 0x7FFFFFFF

// Header is the 16-octet head of each PDU (SMPP 3.4 section 5.1).
type Header struct {
	Length   uint32 // command_length, header included, in octets
	ID       CommandID
	Status   Status // 0 in requests
	Sequence uint32 // 1 to MaxSequence; 0 is tolerated in what we receive
}

// Body is the part of a PDU that follows its header.
type Body interface {
	// ID returns the command_id that names this body on the wire.
	ID() CommandID
	// Append appends the encoded body to dst. A value that the wire cannot
	// carry (too long for its field, a NUL inside a C-Octet String) is an
	// error and leaves dst's first len(dst) octets as they were.
	Append(dst []byte) ([]byte, error)
	// Decode reads the body from src, which holds exactly the octets that
	// command_length announced after the header. The body's slices alias src;
	// its lists (TLVs, destinations) reuse their capacity, so that a body which
	// is decoded into again and again does not allocate. After an error the
	// fields hold what came before it.
	Decode(src []byte) error
}

// PDU is a whole protocol data unit. Body is nil where the PDU carries none,
// as an error response may (SMPP 3.4 section 4.4.2: submit_sm_resp with a
// non-zero command_status).
type PDU struct {
	Header
	Body Body
}
