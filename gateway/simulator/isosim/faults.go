package isosim

import (
	"errors"
	"net/http"

	"nyota/gateway/simulator/faults"
)

// Faults is what is wrong with the switch, as GET /faults of Control shows it.
// PUT /faults takes any part of it; a key that is not here, or a value that makes
// no sense, is a 400 and changes nothing.
type Faults struct {
	DropAnswers float64 `json:"drop_answers"` // share of requests that take effect and get no answer, 0 to 1
	Down        bool    `json:"down"`         // connections are cut
	SlowMS      float64 `json:"slow_ms"`      // before a request is carried out: it is, even if nobody waits any more
	Refuse      string  `json:"refuse"`       // every payment gets this response code; "": as the books say
	WrongAmount bool    `json:"wrong_amount"` // answers are about another amount
	WrongSTAN   bool    `json:"wrong_stan"`   // answers have a STAN that nobody used
	Twice       bool    `json:"twice"`        // each answer comes twice
	DropAdvices int     `json:"drop_advices"` // so many reversal advices take effect and get no answer
}

// DefaultFaults is a healthy switch.
func DefaultFaults() Faults { return Faults{} }

// state is what is wrong with a switch now.
type state = faults.State[Faults]

// Check says what of it makes no sense.
func (f Faults) Check() error {
	switch err := faults.Check(f.DropAnswers, map[string]float64{"slow_ms": f.SlowMS}, 0, ""); {
	case err != nil:
		return err
	case f.Refuse != "" && len(f.Refuse) != 2:
		return errors.New("refuse must be a response code of 2 characters, or empty")
	case f.DropAdvices < 0:
		return errors.New("drop_advices must not be negative")
	}
	return nil
}

// SetFaults changes what is wrong. Going down cuts all connections.
func (c *Core) SetFaults(f Faults) error {
	err := c.state.SetFaults(f)
	if err == nil && f.Down {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cut()
	}
	return err
}

// Control is the developer's side, over HTTP: GET and PUT /faults, GET /effects.
// It wants a listener of its own, as the switch's speaks ISO 8583.
func (c *Core) Control() http.Handler {
	mux := http.NewServeMux()
	faults.Serve(mux, c.Faults, c.SetFaults, c.Effects)
	return mux
}
