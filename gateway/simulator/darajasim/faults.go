package darajasim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
)

// Faults is what is wrong with the core, as GET /faults shows it. PUT /faults
// takes any part of it; a key that is not here, or a value that makes no sense,
// is a 400 and changes nothing.
type Faults struct {
	DropAnswers float64 `json:"drop_answers"` // share of requests that take effect and get no answer, 0 to 1
	Down        bool    `json:"down"`         // connections are cut
	Status      int     `json:"status"`       // answered to everything, nothing is done; 0: off
	SlowMS      float64 `json:"slow_ms"`      // before a request is done: it is, even if nobody waits any more
	DecideMS    float64 `json:"decide_ms"`    // how long until the result is known
	Refuse      string  `json:"refuse"`       // every payment fails with this result code; "": as the books say
	WrongAmount bool    `json:"wrong_amount"` // results are about another amount
	Timeout     bool    `json:"timeout"`      // payouts and queries are given up in the queue, though they are done: QueueTimeOutURL is told first
	// Callbacks is once, none, twice, early (before the answer) or late.
	Callbacks string `json:"callbacks"`
}

// DefaultFaults is a healthy core: decisions at once, one callback each.
func DefaultFaults() Faults { return Faults{Callbacks: "once"} }

func (f Faults) check() error {
	switch {
	case !(f.DropAnswers >= 0 && f.DropAnswers <= 1):
		return errors.New("drop_answers must be from 0 to 1")
	case !(f.SlowMS >= 0 && f.SlowMS <= 600_000) || !(f.DecideMS >= 0 && f.DecideMS <= 600_000):
		return errors.New("slow_ms and decide_ms must be from 0 to 600000")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return errors.New("status must be 0 or from 400 to 599")
	case !slices.Contains([]string{"once", "none", "twice", "early", "late"}, f.Callbacks):
		return errors.New("callbacks must be once, none, twice, early or late")
	}
	return nil
}

// Faults returns what is wrong now.
func (c *Core) Faults() Faults {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults
}

// SetFaults changes what is wrong.
func (c *Core) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
	return nil
}

func (c *Core) getFaults(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, c.Faults())
}

func (c *Core) putFaults(w http.ResponseWriter, r *http.Request) {
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
}

// Effect is what the movements of one request add up to.
type Effect struct {
	CorrelationID string `json:"correlation_id"` // the OriginatorConversationID, or the TransactionDesc of a push
	Type          string `json:"type"`           // push or payout
	Amount        string `json:"amount"`
	Debit         string `json:"debit"`
	Credit        string `json:"credit"`
	Times         int    `json:"times"`
}

// Effects returns the payments that took effect, in their order.
func (c *Core) Effects() []Effect {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []Effect{}
	for _, r := range c.order {
		if r.times > 0 {
			all = append(all, Effect{r.mark, r.kind, strconv.FormatInt(r.amount, 10), r.debit, r.credit, r.times})
		}
	}
	return all
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

func (c *Core) getEffects(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, c.Effects())
}
