package pdu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// Values of DestAddress.Flag (SMPP 3.4 section 5.2.25).
const (
	DestFlagSME  = 1 // an address
	DestFlagList = 2 // a distribution list
)

// DestAddress is one destination of a submit_multi (SMPP 3.4 section 4.5.1.1).
type DestAddress struct {
	Flag    uint8  // DestFlagSME or DestFlagList
	TON     uint8  // of an address
	NPI     uint8  // of an address
	Address []byte // of an address, at most 20 octets
	DLName  []byte // of a distribution list, at most 20 octets
}

// UnsuccessSME is a destination that a submit_multi could not be submitted to
// (SMPP 3.4 section 4.5.2.1).
type UnsuccessSME struct {
	TON     uint8
	NPI     uint8
	Address []byte // at most 20 octets
	Status  Status
}

func (e *encoder) dests(v []DestAddress) {
	if len(v) == 0 || len(v) > math.MaxUint8 {
		e.fail(fields[fieldNumberOfDests].name, math.MaxUint8, fmt.Sprintf("is %d, 1 to 255 are allowed", len(v)))
		return
	}
	e.b = append(e.b, byte(len(v)))
	for i := range v {
		switch v[i].Flag {
		case DestFlagSME:
			e.b = append(e.b, DestFlagSME, v[i].TON, v[i].NPI)
			e.cstring(fieldDestinationAddr, v[i].Address)
		case DestFlagList:
			e.b = append(e.b, DestFlagList)
			e.cstring(fieldDLName, v[i].DLName)
		default:
			e.fail(fields[fieldDestFlag].name, 0, fmt.Sprintf("is %d, not 1 or 2", v[i].Flag))
		}
	}
}

func (d *decoder) dests(v []DestAddress) []DestAddress {
	n := d.uint8(fieldNumberOfDests)
	for range n {
		if d.err != nil {
			break
		}
		at := d.off
		a := DestAddress{Flag: d.uint8(fieldDestFlag)}
		switch a.Flag {
		case DestFlagSME:
			a.TON = d.uint8(fieldDestAddrTON)
			a.NPI = d.uint8(fieldDestAddrNPI)
			a.Address = d.cstring(fieldDestinationAddr)
		case DestFlagList:
			a.DLName = d.cstring(fieldDLName)
		default:
			d.fail(fields[fieldDestFlag].name, at, StatusInvDestFlag, fmt.Sprintf("is %d, not 1 or 2", a.Flag))
		}
		v = append(v, a)
	}
	return v
}

func cloneDests(v []DestAddress) []DestAddress {
	if v == nil {
		return nil
	}
	c := make([]DestAddress, len(v))
	for i, a := range v {
		a.Address, a.DLName = bytes.Clone(a.Address), bytes.Clone(a.DLName)
		c[i] = a
	}
	return c
}

func (e *encoder) unsuccess(v []UnsuccessSME) {
	if len(v) > math.MaxUint8 {
		e.tooLong(fields[fieldNoUnsuccess].name, len(v), math.MaxUint8, "elements")
		return
	}
	e.b = append(e.b, byte(len(v)))
	for i := range v {
		e.b = append(e.b, v[i].TON, v[i].NPI)
		e.cstring(fieldUnsuccessAddr, v[i].Address)
		e.b = binary.BigEndian.AppendUint32(e.b, uint32(v[i].Status))
	}
}

func (d *decoder) unsuccess(v []UnsuccessSME) []UnsuccessSME {
	n := d.uint8(fieldNoUnsuccess)
	for range n {
		if d.err != nil {
			break
		}
		u := UnsuccessSME{TON: d.uint8(fieldDestAddrTON), NPI: d.uint8(fieldDestAddrNPI)}
		u.Address = d.cstring(fieldUnsuccessAddr)
		if len(d.src)-d.off < 4 {
			d.truncated(fieldErrorStatusCode)
			break
		}
		u.Status = Status(binary.BigEndian.Uint32(d.src[d.off:]))
		d.off += 4
		v = append(v, u)
	}
	return v
}

func cloneUnsuccess(v []UnsuccessSME) []UnsuccessSME {
	if v == nil {
		return nil
	}
	c := make([]UnsuccessSME, len(v))
	for i, u := range v {
		u.Address = bytes.Clone(u.Address)
		c[i] = u
	}
	return c
}
