package smpp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"time"

	"nyota/smpp/pdu"
)

// Handler takes the peer's requests.
type Handler interface {
	// ServeSMPP answers one request of the peer with a response body and a
	// status; a nil body with a status other than 0 is an error response. With
	// nil and 0 the answer follows later by Conn.Reply, which is owed: see
	// Config.PeerWindow. For alert_notification and outbind, which have no
	// response, what is returned is ignored.
	//
	// It runs on the reader's goroutine, in the order of arrival: while it
	// blocks, nothing else of this connection is read. The body aliases the read
	// buffer and is reused: what outlives the call must be copied (pdu.Clone).
	// ctx ends with the connection. A panic ends the connection.
	ServeSMPP(ctx context.Context, c *Conn, p pdu.PDU) (pdu.Body, pdu.Status)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, c *Conn, p pdu.PDU) (pdu.Body, pdu.Status)

// ServeSMPP calls f.
func (f HandlerFunc) ServeSMPP(ctx context.Context, c *Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	return f(ctx, c, p)
}

// Config is what either role of a connection needs. The zero value of each field
// means its default. Timers are watched in steps of a twentieth of the shortest,
// at most 250 ms: they end up to two steps late and never early.
type Config struct {
	// Window is how many of our requests may be without a response at once, 64
	// by default, at most 65536. A request whose caller gave up keeps its slot
	// until it is answered or ResponseTimeout passes, as the peer still has it.
	Window int
	// PeerWindow is how many requests of the peer may be unanswered at once, 512
	// by default, at most 65536. Beyond it nothing is read until one is answered:
	// no loss, but responses to our own requests wait as well, so a Handler must
	// not make an answer wait for a response on the same connection.
	PeerWindow int

	// ResponseTimeout is how long a request waits for its response, 10 s by
	// default (the response timer of SMPP 3.4 section 7.2). It also bounds the
	// answer to enquire_link and the draining before an unbind is answered.
	ResponseTimeout time.Duration
	// EnquireInterval is how long nothing may be received before an enquire_link
	// is sent, 30 s by default; negative: never.
	EnquireInterval time.Duration
	// InactivityTimeout is how long a session may have no traffic but
	// enquire_link before it is unbound; 0, the default: for ever.
	InactivityTimeout time.Duration
	// SessionInitTimeout bounds the time from the network connection to the end
	// of the bind, TLS handshake included, and before that a dial. 5 s by default.
	SessionInitTimeout time.Duration
	// WriteTimeout is how long one write may take, 10 s by default. A peer that
	// stops reading is cut off by it.
	WriteTimeout time.Duration

	// MaxPDU is the longest PDU that is read, in octets, 65536 by default. A
	// longer one ends the connection.
	MaxPDU uint32
	// Tolerance says which malformed bodies are accepted; none by default.
	Tolerance pdu.Tolerance
	// InterfaceVersion is what a Server announces, 0x34 by default. An ESME's is
	// in its Bind.
	InterfaceVersion uint8

	// Handler takes the peer's requests. Without one they are answered with
	// ESME_RINVCMDID.
	Handler Handler
	// Logger gets the connection's events, never the content of a message. By
	// default nothing is logged.
	Logger *slog.Logger
	// TLS makes the connection a TLS one. For an ESME an empty ServerName is
	// taken from the address.
	TLS *tls.Config
}

const maxWindow = 1 << 16

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	count := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
		*v = min(*v, maxWindow)
	}
	duration := func(v *time.Duration, def time.Duration) {
		if *v <= 0 {
			*v = def
		}
	}
	count(&c.Window, 64)
	count(&c.PeerWindow, 512)
	duration(&c.ResponseTimeout, 10*time.Second)
	duration(&c.SessionInitTimeout, 5*time.Second)
	duration(&c.WriteTimeout, 10*time.Second)
	if c.EnquireInterval == 0 {
		c.EnquireInterval = 30 * time.Second
	}
	c.EnquireInterval = max(c.EnquireInterval, 0)
	c.InactivityTimeout = max(c.InactivityTimeout, 0)
	if c.MaxPDU < pdu.HeaderLen {
		c.MaxPDU = 64 << 10
	}
	if c.InterfaceVersion == 0 {
		c.InterfaceVersion = 0x34
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.Level(127)}))
	}
	return c
}

// Bind is what an ESME says of itself when it binds (SMPP 3.4 section 4.1). It
// formats and logs without its password.
type Bind struct {
	// Type is pdu.IDBindTransceiver (the default), IDBindTransmitter or
	// IDBindReceiver.
	Type             pdu.CommandID
	SystemID         string // at most 15 octets
	Password         string // at most 8 octets
	SystemType       string // at most 12 octets
	InterfaceVersion uint8  // 0x34 by default
	AddrTON          uint8
	AddrNPI          uint8
	AddressRange     string // at most 40 octets
}

// String describes the bind without its password.
func (b Bind) String() string { return fmt.Sprintf("%s of %q", b.Type, b.SystemID) }

// GoString is String, so that no verb prints the password.
func (b Bind) GoString() string { return b.String() }

// LogValue logs the bind without its password.
func (b Bind) LogValue() slog.Value { return slog.StringValue(b.String()) }

func (b Bind) withDefaults() Bind {
	if b.Type == 0 {
		b.Type = pdu.IDBindTransceiver
	}
	if b.InterfaceVersion == 0 {
		b.InterfaceVersion = 0x34
	}
	return b
}

// body returns the bind as a PDU, or nil if Type is no bind.
func (b Bind) body() pdu.Body {
	id, pw, st, ar := []byte(b.SystemID), []byte(b.Password), []byte(b.SystemType), []byte(b.AddressRange)
	switch b.Type {
	case pdu.IDBindTransmitter:
		return &pdu.BindTransmitter{SystemID: id, Password: pw, SystemType: st,
			InterfaceVersion: b.InterfaceVersion, AddrTON: b.AddrTON, AddrNPI: b.AddrNPI, AddressRange: ar}
	case pdu.IDBindReceiver:
		return &pdu.BindReceiver{SystemID: id, Password: pw, SystemType: st,
			InterfaceVersion: b.InterfaceVersion, AddrTON: b.AddrTON, AddrNPI: b.AddrNPI, AddressRange: ar}
	case pdu.IDBindTransceiver:
		return &pdu.BindTransceiver{SystemID: id, Password: pw, SystemType: st,
			InterfaceVersion: b.InterfaceVersion, AddrTON: b.AddrTON, AddrNPI: b.AddrNPI, AddressRange: ar}
	}
	return nil
}

// bindOf copies a decoded bind.
func bindOf(body pdu.Body) (Bind, bool) {
	switch b := body.(type) {
	case *pdu.BindTransmitter:
		return Bind{b.ID(), string(b.SystemID), string(b.Password), string(b.SystemType),
			b.InterfaceVersion, b.AddrTON, b.AddrNPI, string(b.AddressRange)}, true
	case *pdu.BindReceiver:
		return Bind{b.ID(), string(b.SystemID), string(b.Password), string(b.SystemType),
			b.InterfaceVersion, b.AddrTON, b.AddrNPI, string(b.AddressRange)}, true
	case *pdu.BindTransceiver:
		return Bind{b.ID(), string(b.SystemID), string(b.Password), string(b.SystemType),
			b.InterfaceVersion, b.AddrTON, b.AddrNPI, string(b.AddressRange)}, true
	}
	return Bind{}, false
}

// bindResp builds the answer to a successful bind. Peers before 3.4 do not know
// optional parameters.
func bindResp(b Bind, systemID string, version uint8) pdu.Body {
	var tlvs pdu.TLVs
	if b.InterfaceVersion >= 0x34 {
		tlvs.AddUint8(pdu.TagSCInterfaceVersion, version)
	}
	switch b.Type {
	case pdu.IDBindTransmitter:
		return &pdu.BindTransmitterResp{SystemID: []byte(systemID), TLVs: tlvs}
	case pdu.IDBindReceiver:
		return &pdu.BindReceiverResp{SystemID: []byte(systemID), TLVs: tlvs}
	}
	return &pdu.BindTransceiverResp{SystemID: []byte(systemID), TLVs: tlvs}
}

// ofBindResp returns what a bind's response says of the message centre. The
// version is 0 if it says none.
func ofBindResp(body pdu.Body) (systemID string, version uint8) {
	var tlvs pdu.TLVs
	switch b := body.(type) {
	case *pdu.BindTransmitterResp:
		systemID, tlvs = string(b.SystemID), b.TLVs
	case *pdu.BindReceiverResp:
		systemID, tlvs = string(b.SystemID), b.TLVs
	case *pdu.BindTransceiverResp:
		systemID, tlvs = string(b.SystemID), b.TLVs
	}
	version, _ = tlvs.Uint8(pdu.TagSCInterfaceVersion)
	return systemID, version
}
