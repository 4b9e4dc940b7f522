package smpp

import (
	"errors"
	"fmt"

	"nyota/smpp/pdu"
)

// What became of a request. Errors of Do, Go and Reply wrap one of the two, or
// are a *StatusError.
var (
	// ErrNotSent means that no octet of the request was given to the network:
	// it is safe to send it again, on any connection.
	ErrNotSent = errors.New("smpp: not sent")
	// ErrUnknownOutcome means that the request may have arrived and may have
	// taken effect: no response came, or none that can be read.
	ErrUnknownOutcome = errors.New("smpp: outcome unknown")
)

// Why a request was not sent or got no response.
var (
	// ErrNotBound: there is no session, or its bind does not carry this request
	// (SMPP 3.4 section 2.3).
	ErrNotBound = errors.New("smpp: not allowed in this bind state")
	// ErrVersion: the session's interface version does not have this request.
	ErrVersion = errors.New("smpp: not in this interface version")
	// ErrWindowFull is TryGo's: all slots of the window are taken.
	ErrWindowFull = errors.New("smpp: window full")
	// ErrNoResponse: the response timer ended (SMPP 3.4 section 7.2).
	ErrNoResponse = errors.New("smpp: no response in time")
	// ErrNoRoute is a Pool's: none of its links carries this.
	ErrNoRoute = errors.New("smpp: no link carries this")
	// ErrQueueFull is a Pool's: as many as are allowed wait in this lane already.
	ErrQueueFull = errors.New("smpp: queue full")
	// ErrNoRoom is a Pool's: the request waited for Route.Wait and was not sent.
	ErrNoRoom = errors.New("smpp: no room in time")
	// ErrNotHeld is Reply's: no such request is waiting for an answer.
	ErrNotHeld = errors.New("smpp: no such request to answer")
)

// Why a connection ended. Conn.Err returns an error that wraps one of them, one
// of the network, or a *LengthError or *PanicError.
var (
	ErrClosed       = errors.New("smpp: closed")                           // by us
	ErrUnbound      = errors.New("smpp: the peer unbound")                 // in order
	ErrBindRefused  = errors.New("smpp: bind refused")                     // by our Server
	ErrSessionInit  = errors.New("smpp: no bind in time")                  // Config.SessionInitTimeout
	ErrSilent       = errors.New("smpp: the peer answers no enquire_link") // Config.ResponseTimeout
	ErrInactive     = errors.New("smpp: no traffic")                       // Config.InactivityTimeout
	ErrWriteTimeout = errors.New("smpp: the peer takes no octets")         // Config.WriteTimeout
)

// StatusError is a response with a command_status other than 0.
type StatusError struct {
	Status   pdu.Status
	Response pdu.PDU // Body is nil if there was none or it could not be read
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("smpp: %s: %s", e.Response.ID, e.Status)
}

// Throttled reports whether the peer refused for want of room only:
// ESME_RTHROTTLED or ESME_RMSGQFUL. The request may be sent again, later.
func (e *StatusError) Throttled() bool {
	return e.Status == pdu.StatusThrottled || e.Status == pdu.StatusMsgQFul
}

// LengthError is a command_length that no PDU can have, or one over
// Config.MaxPDU. Where the next PDU begins is lost with it.
type LengthError struct {
	Length uint32 // octets
	Max    uint32 // octets
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("smpp: command_length %d is not in %d to %d", e.Length, pdu.HeaderLen, e.Max)
}

// PanicError is a panic of a Handler or callback. It ends its connection.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return fmt.Sprintf("smpp: handler panic: %v", e.Value) }

func notSent(cause error) error {
	if errors.Is(cause, ErrNotSent) {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrNotSent, cause)
}

func unknownOutcome(cause error) error { return fmt.Errorf("%w: %w", ErrUnknownOutcome, cause) }
