package coresim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"nyota/gateway/simulator/faults"
)

// Faults is what is wrong with the core, as GET /faults shows it. PUT /faults
// takes any part of it; a key that is not here, or a value that makes no sense,
// is a 400 and changes nothing.
type Faults struct {
	Workers     int     `json:"workers"`      // requests worked on at once, 1 to 10,000
	ServiceMS   float64 `json:"service_ms"`   // what each takes, 0 to 600,000
	DropAnswers float64 `json:"drop_answers"` // share of requests that take effect and get no answer, 0 to 1
	Down        bool    `json:"down"`         // connections are cut; what waits in the queue waits on
	Async       float64 `json:"async"`        // share of payments that get a 202 and are decided later, 0 to 1
	AsyncMS     float64 `json:"async_ms"`     // how much later, 0 to 600,000
	Sick        string  `json:"sick"`         // a biller's number or name, or a till: a payment to it keeps a worker waiting, or ""
	SickMS      float64 `json:"sick_ms"`      // for as long as this besides, 0 to 600,000
	Heartbeat   string  `json:"heartbeat"`    // what it says: available, degraded or unavailable
	WrongAmount bool    `json:"wrong_amount"` // transactions are shown with another amount, in answers and callbacks
	// Callbacks is how those of payments that are decided later come: once, none,
	// twice, early (decided and told before the 202) or late.
	Callbacks string `json:"callbacks"`
	// PlannedRestoration is when the heartbeat says that all will be well, in
	// RFC 3339, or "".
	PlannedRestoration string `json:"planned_restoration"`
}

// DefaultFaults is a healthy core: 20 workers, 5 ms, 4,000 requests a second.
func DefaultFaults() Faults {
	return Faults{Workers: 20, ServiceMS: 5, AsyncMS: 300, Heartbeat: "available", Callbacks: "once"}
}

func (f Faults) check() error {
	between := func(name string, v, least, most float64) error {
		if v >= least && v <= most {
			return nil
		}
		return fmt.Errorf("%s must be from %v to %v", name, least, most)
	}
	var heartbeat, restoration error
	switch f.Heartbeat {
	case "available", "degraded", "unavailable":
	default:
		heartbeat = errors.New("heartbeat must be available, degraded or unavailable")
	}
	if f.PlannedRestoration != "" {
		if _, err := time.Parse(time.RFC3339, f.PlannedRestoration); err != nil {
			restoration = errors.New("planned_restoration must be a date and time as 2026-01-31T21:30:00Z, or empty")
		}
	}
	return errors.Join(
		between("workers", float64(f.Workers), 1, 10_000),
		between("service_ms", f.ServiceMS, 0, 600_000),
		between("drop_answers", f.DropAnswers, 0, 1),
		between("async", f.Async, 0, 1),
		between("async_ms", f.AsyncMS, 0, 600_000),
		between("sick_ms", f.SickMS, 0, 600_000),
		faults.CheckCallbacks(f.Callbacks), heartbeat, restoration,
	)
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// Faults returns what is wrong now.
func (c *Core) Faults() Faults {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults
}

// SetFaults changes what is wrong, for requests that are not yet answered too.
func (c *Core) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	c.apply(f)
	return nil
}

func (c *Core) apply(f Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(f)
}

// set is called with mu held.
func (c *Core) set(f Faults) {
	if f.Down && !c.faults.Down {
		close(c.cut)
	} else if !f.Down && c.faults.Down {
		c.cut = make(chan struct{})
	}
	c.faults = f
	c.pool.set(f.Workers, millis(f.ServiceMS), f.Down)
}

func (c *Core) getFaults(w http.ResponseWriter, _ *http.Request) { c.develop(w, c.Faults()) }

func (c *Core) putFaults(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil {
		complain(w, errors.New("the body could not be read, or is too long"))
		return
	}
	c.mu.Lock()
	f, err := patch(c.faults, body)
	if err == nil {
		c.set(f)
	}
	c.mu.Unlock()
	if err != nil {
		complain(w, err)
		return
	}
	c.cfg.Log.Info("faults changed", "faults", f)
	c.develop(w, f)
}

// patch puts the keys of a JSON object over f. All that is wrong is said at
// once.
func patch(f Faults, body []byte) (Faults, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(body, &keys); err != nil || keys == nil {
		return f, errors.New("the body must be a JSON object, as GET /faults shows it")
	}
	fields := map[string]any{
		"workers": &f.Workers, "service_ms": &f.ServiceMS, "drop_answers": &f.DropAnswers, "down": &f.Down,
		"async": &f.Async, "async_ms": &f.AsyncMS, "sick": &f.Sick, "sick_ms": &f.SickMS, "wrong_amount": &f.WrongAmount, "callbacks": &f.Callbacks,
		"heartbeat": &f.Heartbeat, "planned_restoration": &f.PlannedRestoration,
	}
	needs := map[string]string{
		"workers": "a whole number", "service_ms": "a number", "drop_answers": "a number", "down": "true or false",
		"async": "a number", "async_ms": "a number", "sick": "a text", "sick_ms": "a number", "wrong_amount": "true or false", "callbacks": "a text",
		"heartbeat": "a text", "planned_restoration": "a text",
	}
	var problems []error
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		field, ok := fields[k]
		switch {
		case !ok:
			problems = append(problems, fmt.Errorf("unknown key %q; there are %s", k, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
		case string(keys[k]) == "null" || json.Unmarshal(keys[k], field) != nil:
			problems = append(problems, fmt.Errorf("%s must be %s", k, needs[k]))
		}
	}
	if len(problems) == 0 {
		return f, f.check()
	}
	return f, errors.Join(problems...)
}

// complain answers a developer's mistake.
func complain(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

// develop answers on the developer's side.
func (c *Core) develop(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.cfg.Log.Debug("an answer could not be written", "err", err)
	}
}
