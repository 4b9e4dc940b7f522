package momosim

import (
	"strconv"

	"nyota/gateway/simulator/faults"
)

// Faults is what is wrong with the core, as GET /faults shows it. PUT /faults
// takes any part of it; a key that is not here, or a value that makes no sense,
// is a 400 and changes nothing.
type Faults struct {
	DropAnswers float64 `json:"drop_answers"` // share of POSTs that take effect and get no answer, 0 to 1
	Down        bool    `json:"down"`         // connections are cut
	Status      int     `json:"status"`       // answered to everything, nothing is done; 0: off
	SlowMS      float64 `json:"slow_ms"`      // before a POST is done: it is, even if nobody waits any more
	DecideMS    float64 `json:"decide_ms"`    // how long a resource is PENDING
	Refuse      string  `json:"refuse"`       // every request fails with this code; "": as the books say
	WrongAmount bool    `json:"wrong_amount"` // resources are shown with another amount
	// Callbacks is once, none, twice, early (before the 202) or late.
	Callbacks string `json:"callbacks"`
}

// state is what is wrong with a core now.
type state = faults.State[Faults]

// DefaultFaults is a healthy core: decisions at once, one callback each.
func DefaultFaults() Faults { return Faults{Callbacks: "once"} }

// Check says what of it makes no sense.
func (f Faults) Check() error {
	if f.Callbacks == "" {
		f.Callbacks = "none said"
	}
	return faults.Check(f.DropAnswers, map[string]float64{"slow_ms": f.SlowMS, "decide_ms": f.DecideMS}, f.Status, f.Callbacks)
}

// Effect is what the movements of one request add up to: its CorrelationID is
// X-Reference-Id, its Type as in the path.
type Effect = faults.Effect

// Effects returns the payments that took effect, in their order.
func (c *Core) Effects() []Effect {
	c.mu.Lock()
	defer c.mu.Unlock()
	return faults.Effects(c.order)
}

// Effect is what the resource did.
func (r *resource) Effect() Effect {
	return Effect{CorrelationID: r.reference, Type: r.kind, Amount: strconv.FormatInt(r.amount, 10), Debit: r.debit, Credit: r.credit, Times: r.times, Of: r.refunded}
}

// Posts returns how many requests to move money arrived.
func (c *Core) Posts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts
}

// Balance returns what a subscriber has.
func (c *Core) Balance(msisdn string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.balances[msisdn]
}
