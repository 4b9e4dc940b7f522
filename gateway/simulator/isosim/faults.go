package isosim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
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

// Faults returns what is wrong now.
func (c *Core) Faults() Faults {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults
}

// SetFaults changes what is wrong. Going down cuts all connections.
func (c *Core) SetFaults(f Faults) error {
	switch {
	case !(f.DropAnswers >= 0 && f.DropAnswers <= 1):
		return errors.New("drop_answers must be from 0 to 1")
	case !(f.SlowMS >= 0 && f.SlowMS <= 600_000):
		return errors.New("slow_ms must be from 0 to 600000")
	case f.Refuse != "" && len(f.Refuse) != 2:
		return errors.New("refuse must be a response code of 2 characters, or empty")
	case f.DropAdvices < 0:
		return errors.New("drop_advices must not be negative")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
	if f.Down {
		c.cut()
	}
	return nil
}

// Control is the developer's side, over HTTP: GET and PUT /faults, GET /effects.
func (c *Core) Control() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.Faults()) })
	mux.HandleFunc("GET /effects", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.Effects()) })
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		f := c.Faults()
		var body bytes.Buffer
		_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, 16<<10))
		if err == nil {
			d := json.NewDecoder(&body)
			d.DisallowUnknownFields()
			err = d.Decode(&f)
		}
		if err == nil {
			err = c.SetFaults(f)
		}
		if err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, f)
	})
	return mux
}
