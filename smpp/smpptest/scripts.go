package smpptest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"nyota/smpp/pdu"
)

// Script is what a peer does with one connection. The connection is closed when
// it returns.
type Script func(p *Peer) error

// Behave accepts the bind, answers enquire_link and unbind, and every submit_sm
// and deliver_sm with success.
func Behave(p *Peer) error { return behave(p, accept) }

// accept answers one request with success.
func accept(p *Peer, q pdu.PDU) error {
	switch q.Body.(type) {
	case *pdu.SubmitSM:
		return p.Send(0, q.Sequence, &pdu.SubmitSMResp{MessageID: strconv.AppendUint(nil, uint64(q.Sequence), 10)})
	case *pdu.DeliverSM:
		return p.Send(0, q.Sequence, &pdu.DeliverSMResp{})
	}
	return nil
}

// behave accepts the bind and gives all requests but the session's own to each.
func behave(p *Peer, each func(*Peer, pdu.PDU) error) error {
	if _, err := p.AcceptBind(); err != nil {
		return err
	}
	return converse(p, each)
}

func converse(p *Peer, each func(*Peer, pdu.PDU) error) error {
	for {
		q, err := p.Read()
		if err != nil {
			return ended(err)
		}
		switch {
		case q.ID.IsResponse():
		case q.ID == pdu.IDEnquireLink:
			err = p.Send(0, q.Sequence, &pdu.EnquireLinkResp{})
		case q.ID == pdu.IDUnbind:
			return p.Send(0, q.Sequence, &pdu.UnbindResp{})
		default:
			err = each(p, q)
		}
		if err != nil {
			return err
		}
	}
}

// ended forgives the other side's going away.
func ended(err error) error {
	for _, end := range []error{io.EOF, io.ErrClosedPipe, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return nil
		}
	}
	return err
}

// NeverBind takes the connection and answers nothing, the bind included.
func NeverBind(p *Peer) error { return swallow(p) }

// BlackHole accepts the bind, reads on and answers nothing, enquire_link included.
func BlackHole(p *Peer) error {
	if _, err := p.AcceptBind(); err != nil {
		return err
	}
	return swallow(p)
}

// swallow reads for as long as something comes.
func swallow(p *Peer) error {
	if err := p.Conn().SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, p.Conn())
	return ended(err)
}

// StopReading accepts the bind and reads nothing more until hold is closed.
func StopReading(hold <-chan struct{}) Script {
	return func(p *Peer) error {
		_, err := p.AcceptBind()
		<-hold
		return err
	}
}

// RefuseBind answers the bind with that status and no body.
func RefuseBind(status pdu.Status) Script {
	return func(p *Peer) error {
		bind, err := p.Read()
		if err != nil {
			return err
		}
		return p.Header(pdu.Header{ID: bind.ID | 0x80000000, Status: status, Sequence: bind.Sequence})
	}
}

// Nack answers every request with generic_nack, with the request's sequence
// number or with 0.
func Nack(status pdu.Status, sequence bool) Script {
	return func(p *Peer) error {
		return behave(p, func(p *Peer, q pdu.PDU) error {
			h := pdu.Header{ID: pdu.IDGenericNack, Status: status}
			if sequence {
				h.Sequence = q.Sequence
			}
			return p.Header(h)
		})
	}
}

// Length answers the first request after the bind with a PDU that announces that
// command_length and has 16 octets.
func Length(n uint32) Script {
	return func(p *Peer) error {
		if _, err := p.AcceptBind(); err != nil {
			return err
		}
		q, err := p.Read()
		if err != nil {
			return err
		}
		err = p.Octets(pdu.AppendHeader(nil, pdu.Header{Length: n, ID: q.ID | 0x80000000, Sequence: q.Sequence}))
		if err != nil {
			return err
		}
		return swallow(p)
	}
}

// BeforeBind sends a request before it answers the bind, and expects that status
// as its answer. Then it behaves.
func BeforeBind(b pdu.Body, status pdu.Status) Script {
	return func(p *Peer) error {
		bind, wire, err := p.acceptBind()
		if err != nil {
			return err
		}
		got, err := p.Ask(b)
		if err != nil {
			return err
		}
		if got.Status != status {
			return fmt.Errorf("smpptest: %s before %s was answered with %s", b.ID(), bind.ID, got.Status)
		}
		if err := p.Octets(wire); err != nil {
			return err
		}
		return converse(p, accept)
	}
}

// HalfPDU accepts the bind, waits for a request, sends the first n octets of a
// deliver_sm one by one and closes.
func HalfPDU(n int) Script {
	return func(p *Peer) error {
		if _, err := p.AcceptBind(); err != nil {
			return err
		}
		if _, err := p.Read(); err != nil {
			return err
		}
		wire, err := pdu.AppendPDU(nil, 0, 1, &pdu.DeliverSM{ShortMessage: []byte("half")})
		if err != nil {
			return err
		}
		return p.OneByOne(wire[:min(n, len(wire))])
	}
}

// ByteByByte behaves, and sends each response one octet at a time.
func ByteByByte(p *Peer) error {
	_, wire, err := p.acceptBind()
	if err != nil {
		return err
	}
	if err := p.OneByOne(wire); err != nil {
		return err
	}
	return converse(p, func(p *Peer, q pdu.PDU) error {
		wire, err := Encode(q.ID|0x80000000, 0, q.Sequence, &pdu.SubmitSMResp{MessageID: []byte("1")})
		if err != nil {
			return err
		}
		return p.OneByOne(wire)
	})
}

// UnbindAfter answers n requests and meets the next with an unbind. It expects
// the unbind's response.
func UnbindAfter(n int) Script {
	return func(p *Peer) error {
		if _, err := p.AcceptBind(); err != nil {
			return err
		}
		for range n {
			q, err := p.Expect(pdu.IDSubmitSM)
			if err == nil {
				err = accept(p, q)
			}
			if err != nil {
				return err
			}
		}
		if _, err := p.Expect(pdu.IDSubmitSM); err != nil {
			return err
		}
		seq, err := p.Request(&pdu.Unbind{})
		if err != nil {
			return err
		}
		for { // requests that crossed the unbind may come first
			q, err := p.Read()
			if err != nil {
				return fmt.Errorf("smpptest: waiting for unbind_resp: %w", err)
			}
			if q.ID == pdu.IDUnbindResp && q.Sequence == seq {
				return nil
			}
		}
	}
}

// AnswerAfter behaves, and lets each response wait.
func AnswerAfter(d time.Duration) Script {
	return func(p *Peer) error {
		return behave(p, func(p *Peer, q pdu.PDU) error {
			time.Sleep(d)
			return accept(p, q)
		})
	}
}

// DeliverWithBind sends the bind's response and a deliver_sm in one segment, and
// expects the deliver_sm's answer. Then it behaves.
func DeliverWithBind(b *pdu.DeliverSM) Script {
	return func(p *Peer) error {
		_, wire, err := p.acceptBind()
		if err != nil {
			return err
		}
		if wire, err = pdu.AppendPDU(wire, 0, 1, b); err != nil {
			return err
		}
		if err := p.Octets(wire); err != nil {
			return err
		}
		if _, err := p.Expect(pdu.IDDeliverSMResp); err != nil {
			return err
		}
		return converse(p, accept)
	}
}

// RefuseSubmit answers each submit_sm with that status, with or without a body.
func RefuseSubmit(status pdu.Status, body bool) Script {
	return func(p *Peer) error {
		return behave(p, func(p *Peer, q pdu.PDU) error {
			if body {
				return p.Send(status, q.Sequence, &pdu.SubmitSMResp{})
			}
			return p.Header(pdu.Header{ID: pdu.IDSubmitSMResp, Status: status, Sequence: q.Sequence})
		})
	}
}

// Answer answers each request with that body, whatever its kind, and status 0.
func Answer(b pdu.Body) Script {
	return func(p *Peer) error {
		return behave(p, func(p *Peer, q pdu.PDU) error { return p.Send(0, q.Sequence, b) })
	}
}

// AnswerTwice sends each response twice.
func AnswerTwice(p *Peer) error {
	return behave(p, func(p *Peer, q pdu.PDU) error {
		if err := accept(p, q); err != nil {
			return err
		}
		return accept(p, q)
	})
}

// AnswerBackwards lets n requests come and answers them last first.
func AnswerBackwards(n int) Script {
	return func(p *Peer) error {
		var came []pdu.PDU
		return behave(p, func(p *Peer, q pdu.PDU) error {
			if came = append(came, q); len(came) < n {
				return nil
			}
			for i := len(came) - 1; i >= 0; i-- {
				if err := accept(p, came[i]); err != nil {
					return err
				}
			}
			came = nil
			return nil
		})
	}
}

// UnknownParameters answers each submit_sm with parameters of nobody's, twice and
// out of order, around the message id.
func UnknownParameters(p *Peer) error {
	return behave(p, func(p *Peer, q pdu.PDU) error {
		return p.Send(0, q.Sequence, &pdu.SubmitSMResp{MessageID: []byte("1"), TLVs: pdu.TLVs{
			{Tag: 0x3FFF, Value: []byte("vendor")}, {Tag: 0x0001, Value: nil}, {Tag: 0x3FFF, Value: []byte("again")},
		}})
	})
}

// MalformedBody answers each request with status 0 and a body that ends in the
// middle of a parameter.
func MalformedBody(p *Peer) error {
	return behave(p, func(p *Peer, q pdu.PDU) error {
		body := []byte("1\x00\x00\x1e\x00\x41")
		wire := pdu.AppendHeader(nil, pdu.Header{Length: uint32(pdu.HeaderLen + len(body)), ID: q.ID | 0x80000000, Sequence: q.Sequence})
		return p.Octets(append(wire, body...))
	})
}
