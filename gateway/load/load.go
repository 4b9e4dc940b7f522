// Package load makes traffic and measures what comes back, from outside: it is
// an ESME like any other.
//
//	load.go     what is asked for: Config
//	submit.go   Submit: binds that send submit_sm
//	sender.go   one bind: callers that wait, or one that does not
//	pace.go     the schedule of an open loop, and exact sleep
//	meter.go    counts and latencies
//	report.go   what came out: Report
//
// There are two loops. Flat out, with Config.Rate 0, each slot of the window sends
// again as soon as it is free: that finds what the peer can take. With a rate,
// requests are due by a schedule that does not wait for the peer, and latency
// counts from the instant at which a request was due, not from the one at which
// it could be sent at last. A peer that stalls for a second is then seen to have
// stalled for all that fell into that second: nothing is left out of the
// percentiles by the stall itself (coordinated omission).
package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// Config says what traffic is made. The zero value of each field but To, which
// is needed without Dial, means its default.
type Config struct {
	To    string    // address of the message centre, host:port
	Bind  smpp.Bind // how to bind; a transceiver called LOAD by default
	Binds int       // connections, each with its own bind; 1 by default, at most 1024

	// Window is how many requests each bind may have unanswered, 10 by default, at
	// most 65536.
	Window int
	// Duration is how long requests are sent, 10 s by default. Answers to the last
	// ones are waited for beyond it, at most ResponseTimeout.
	Duration time.Duration
	// Rate is how many requests are due per second, over all binds; 0: as many as
	// the windows let through.
	Rate float64
	// Pipeline sends with Conn.Go, one goroutine per bind that never waits for an
	// answer. Otherwise as many goroutines as the window has slots wait each for
	// its own with Conn.Do.
	Pipeline bool
	// Message is what is sent, Message("255700000001") by default. It must not
	// change while Submit runs.
	Message *pdu.SubmitSM
	// ResponseTimeout is how long a response is waited for, 10 s by default.
	ResponseTimeout time.Duration

	// Progress, if set, is told every ProgressEvery (1 s by default) how it goes.
	Progress      func(Progress)
	ProgressEvery time.Duration

	// Dial, if set, opens the connections instead of a TCP dial to To.
	Dial func(context.Context) (net.Conn, error)
	// Logger gets the events of the connections; by default nothing is logged.
	Logger *slog.Logger

	plainTimers bool // for tests: only timers that a fake clock moves
}

const (
	maxBinds  = 1024
	maxWindow = 1 << 16
	maxRate   = 1e9
)

// withDefaults returns c with its zero values replaced, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if c.To == "" && c.Dial == nil {
		return c, errors.New("load: no address")
	}
	orElse(&c.Binds, 1)
	orElse(&c.Window, 10)
	orElse(&c.Duration, 10*time.Second)
	orElse(&c.ResponseTimeout, 10*time.Second)
	orElse(&c.ProgressEvery, time.Second)
	if c.Message == nil {
		c.Message = Message("255700000001")
	}
	if c.Bind.SystemID == "" {
		c.Bind.SystemID = "LOAD"
	}
	switch {
	case c.Binds < 1 || c.Binds > maxBinds:
		return c, fmt.Errorf("load: %d binds: it takes 1 to %d", c.Binds, maxBinds)
	case c.Window < 1 || c.Window > maxWindow:
		return c, fmt.Errorf("load: a window of %d: it takes 1 to %d", c.Window, maxWindow)
	case c.Duration < 0 || c.ResponseTimeout < 0 || c.ProgressEvery < 0:
		return c, errors.New("load: a duration is below 0")
	case c.Rate < 0 || c.Rate > maxRate || math.IsNaN(c.Rate):
		return c, fmt.Errorf("load: a rate of %g: it takes 0 to %g", c.Rate, maxRate)
	}
	if _, err := c.Message.Append(nil); err != nil {
		return c, fmt.Errorf("load: the message: %w", err)
	}
	return c, nil
}

func orElse[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Message returns a submit_sm of 129 octets, header included, when the number has
// 12 digits: a text of 64 characters and two optional parameters, about what a
// screen or a confirmation has.
func Message(msisdn string) *pdu.SubmitSM {
	return &pdu.SubmitSM{
		ServiceType:   []byte("LOAD"),
		SourceAddrTON: pdu.TONAlphanumeric, SourceAddr: []byte("NYOTA"),
		DestAddrTON: pdu.TONInternational, DestAddrNPI: pdu.NPIISDN, DestinationAddr: []byte(msisdn),
		ShortMessage: []byte("7KD You sent TZS 5,000 to 255700000002. Fee TZS 100. Bal 994,900"),
		TLVs: pdu.TLVs{
			{Tag: pdu.TagLanguageIndicator, Value: []byte{1}},
			{Tag: pdu.TagUserMessageReference, Value: []byte{0, 1}},
		},
	}
}
