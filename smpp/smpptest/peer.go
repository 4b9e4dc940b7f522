// Package smpptest is the other side of an SMPP connection, for tests: a peer that
// does exactly what it is told, right or wrong. It knows the codec and nothing of
// sessions, so that it cannot share their mistakes.
//
//	peer.go     a peer and what it can be told
//	scripts.go  behaviours of message centres, the hostile ones included
//	server.go   scripts over a pipe or a listener
package smpptest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"nyota/smpp/pdu"
)

// maxPDU bounds what a Peer reads, in octets.
const maxPDU = 1 << 20

// Peer is one end of a connection. It is for one goroutine.
type Peer struct {
	// Timeout bounds each read and write, 10 s by default.
	Timeout time.Duration

	nc  net.Conn
	seq uint32
}

// NewPeer returns a peer on nc.
func NewPeer(nc net.Conn) *Peer { return &Peer{Timeout: 10 * time.Second, nc: nc} }

// Conn returns the connection.
func (p *Peer) Conn() net.Conn { return p.nc }

// Close closes the connection.
func (p *Peer) Close() error { return p.nc.Close() }

// within bounds a read or a write, whichever set is the deadline of, until stop is
// called. A net.Pipe keeps a deadline's timer, and with it the pipe's memory, until
// it fires, and cannot be relieved of it once either end is closed: hence a timer
// of our own that sets a deadline only when it is over.
func (p *Peer) within(set func(time.Time) error) (stop func() bool, err error) {
	if err := set(time.Time{}); err != nil {
		return nil, err
	}
	return time.AfterFunc(p.Timeout, func() { _ = set(time.Now()) }).Stop, nil
}

// Read reads one PDU; its body is its own. The end of the stream between two PDUs
// is io.EOF.
func (p *Peer) Read() (pdu.PDU, error) {
	stop, err := p.within(p.nc.SetReadDeadline)
	if err != nil {
		return pdu.PDU{}, err
	}
	defer stop()
	buf := make([]byte, pdu.HeaderLen)
	if _, err := io.ReadFull(p.nc, buf); err != nil {
		return pdu.PDU{}, err
	}
	h, err := pdu.DecodeHeader(buf)
	if err != nil {
		return pdu.PDU{}, err
	}
	if h.Length > maxPDU {
		return pdu.PDU{}, fmt.Errorf("smpptest: command_length %d", h.Length)
	}
	buf = append(buf, make([]byte, h.Length-pdu.HeaderLen)...)
	if _, err := io.ReadFull(p.nc, buf[pdu.HeaderLen:]); err != nil {
		return pdu.PDU{}, fmt.Errorf("smpptest: half a PDU: %w", err)
	}
	return pdu.Decode(buf)
}

// Expect reads until a PDU of that id comes. enquire_link is answered on the way;
// another PDU is an error.
func (p *Peer) Expect(id pdu.CommandID) (pdu.PDU, error) {
	for {
		got, err := p.Read()
		switch {
		case err != nil:
			return got, fmt.Errorf("smpptest: waiting for %s: %w", id, err)
		case got.ID == id:
			return got, nil
		case got.ID == pdu.IDEnquireLink:
			if err := p.Send(0, got.Sequence, &pdu.EnquireLinkResp{}); err != nil {
				return got, err
			}
		default:
			return got, fmt.Errorf("smpptest: %s came instead of %s", got.ID, id)
		}
	}
}

// ExpectEnd reads until the stream ends, and fails if it does not.
func (p *Peer) ExpectEnd() error {
	for {
		if _, err := p.Read(); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return fmt.Errorf("smpptest: the connection stays open: %w", err)
			}
			return nil
		}
	}
}

// Octets writes b as it is.
func (p *Peer) Octets(b []byte) error {
	stop, err := p.within(p.nc.SetWriteDeadline)
	if err != nil {
		return err
	}
	defer stop()
	_, err = p.nc.Write(b)
	return err
}

// OneByOne writes b in as many writes as it has octets.
func (p *Peer) OneByOne(b []byte) error {
	for i := range b {
		if err := p.Octets(b[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// Encode returns the octets of a PDU. With a nil body it is the header, with id.
func Encode(id pdu.CommandID, status pdu.Status, seq uint32, b pdu.Body) ([]byte, error) {
	return pdu.PDU{Header: pdu.Header{ID: id, Status: status, Sequence: seq}, Body: b}.Append(nil)
}

// Send writes one PDU.
func (p *Peer) Send(status pdu.Status, seq uint32, b pdu.Body) error {
	wire, err := pdu.AppendPDU(nil, status, seq, b)
	if err != nil {
		return err
	}
	return p.Octets(wire)
}

// Header writes a header alone, with the length it is given; 0 is 16.
func (p *Peer) Header(h pdu.Header) error {
	if h.Length == 0 {
		h.Length = pdu.HeaderLen
	}
	return p.Octets(pdu.AppendHeader(nil, h))
}

// Request sends b with the next sequence number, which it returns.
func (p *Peer) Request(b pdu.Body) (uint32, error) {
	p.seq++
	return p.seq, p.Send(0, p.seq, b)
}

// Ask sends b and reads the response to it.
func (p *Peer) Ask(b pdu.Body) (pdu.PDU, error) {
	seq, err := p.Request(b)
	if err != nil {
		return pdu.PDU{}, err
	}
	resp, ok := b.ID().Response()
	if !ok {
		return pdu.PDU{}, fmt.Errorf("smpptest: %s has no response", b.ID())
	}
	got, err := p.Expect(resp)
	if err == nil && got.Sequence != seq {
		err = fmt.Errorf("smpptest: %s has sequence %d, not %d", got.ID, got.Sequence, seq)
	}
	return got, err
}

// Bind binds as an ESME. A refusal is no error: see the status.
func (p *Peer) Bind(systemID, password string) (pdu.PDU, error) {
	return p.Ask(&pdu.BindTransceiver{SystemID: []byte(systemID), Password: []byte(password), InterfaceVersion: 0x34})
}

// AcceptBind waits for a bind of any kind and accepts it.
func (p *Peer) AcceptBind() (pdu.PDU, error) {
	bind, wire, err := p.acceptBind()
	if err != nil {
		return bind, err
	}
	return bind, p.Octets(wire)
}

// acceptBind waits for a bind and returns the octets of its response.
func (p *Peer) acceptBind() (pdu.PDU, []byte, error) {
	bind, err := p.Read()
	if err != nil {
		return bind, nil, err
	}
	var resp pdu.Body
	version := pdu.TLVs{{Tag: pdu.TagSCInterfaceVersion, Value: []byte{0x34}}}
	switch bind.ID {
	case pdu.IDBindTransmitter:
		resp = &pdu.BindTransmitterResp{SystemID: []byte("TEST"), TLVs: version}
	case pdu.IDBindReceiver:
		resp = &pdu.BindReceiverResp{SystemID: []byte("TEST"), TLVs: version}
	case pdu.IDBindTransceiver:
		resp = &pdu.BindTransceiverResp{SystemID: []byte("TEST"), TLVs: version}
	default:
		return bind, nil, fmt.Errorf("smpptest: %s came instead of a bind", bind.ID)
	}
	wire, err := pdu.AppendPDU(nil, 0, bind.Sequence, resp)
	return bind, wire, err
}
