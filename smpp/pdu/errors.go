package pdu

import (
	"errors"
	"fmt"
)

// ErrNoBody is returned by AppendPDU for a nil body: use AppendHeader.
var ErrNoBody = errors.New("pdu: no body")

// DecodeError says what is wrong with octets that were received.
type DecodeError struct {
	Field  string // name in the specification
	Offset int    // octets from the start of what was decoded to the field
	Status Status // what the error response should carry
	Reason string
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("pdu: %s at octet %d %s", e.Field, e.Offset, e.Reason)
}

// EncodeError says which value the wire cannot carry.
type EncodeError struct {
	Field  string // name in the specification
	Limit  int    // most octets or elements allowed, 0 if the length is not the trouble
	Reason string
}

func (e *EncodeError) Error() string { return "pdu: " + e.Field + " " + e.Reason }
