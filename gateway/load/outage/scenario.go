// Package outage plays a bad night against a simulated core and people who behave
// like people, and reports what became of them and of their money.
//
//	scenario.go  a night, as data
//	bench.go     the gateway's own dialog, ledger and guard, before a simulated core
//	policy.go    what stands before the core: nyota's guard, timeouts, a breaker
//	people.go    customers
//	said.go      what they are told about their money
//	meter.go     what is counted while it plays
//	report.go    what it came to; page.go: as a page with plots
//
// Dialogues are handed to the dialog package, not sent over SMPP; the store and
// the connector, over HTTP, are those of the gateway.
package outage

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/goccy/go-yaml"

	"nyota/gateway/simulator/coresim"
)

// Scenario is a night.
type Scenario struct {
	Name      string        `yaml:"name"`
	Story     string        `yaml:"story"`
	Customers int           `yaml:"customers"` // who there is; each does one thing at a time
	Think     time.Duration `yaml:"think"`     // between two keys, on average
	Patience  time.Duration `yaml:"patience"`  // without a screen for so long, a customer dials again
	Again     time.Duration `yaml:"again"`     // after a "not sent", on average, until the next try
	Tries     int           `yaml:"tries"`     // dials for one errand
	Stubborn  float64       `yaml:"stubborn"`  // share who pay again although they read "do not repeat"
	Horizon   time.Duration `yaml:"horizon"`   // how long the core may not know what it will still do
	Mix       Mix           `yaml:"mix"`
	Core      Health        `yaml:"core"` // to begin with
	Phases    []Phase       `yaml:"phases"`
}

// Mix is what people dial for, in shares that add up to 1.
type Mix struct {
	Transfer float64 `yaml:"transfer"`
	Bill     float64 `yaml:"bill"`
	Balance  float64 `yaml:"balance"`
}

// Phase is a stretch of the night.
type Phase struct {
	Name     string        `yaml:"name"`
	For      time.Duration `yaml:"for"`
	Dials    float64       `yaml:"dials"`    // new errands a second
	Brownout bool          `yaml:"brownout"` // the core is up and slow
	Core     Health        `yaml:"core"`     // what changes as it begins
}

// Health is how the core is, as its simulator takes it. What is not said stays.
type Health struct {
	Workers     *int     `yaml:"workers" json:"workers,omitempty"`
	ServiceMS   *float64 `yaml:"service_ms" json:"service_ms,omitempty"`
	DropAnswers *float64 `yaml:"drop_answers" json:"drop_answers,omitempty"`
	Down        *bool    `yaml:"down" json:"down,omitempty"`
	Sick        *string  `yaml:"sick" json:"sick,omitempty"`
	SickMS      *float64 `yaml:"sick_ms" json:"sick_ms,omitempty"`
}

// ReadScenario reads a scenario strictly and fills in what it leaves out.
func ReadScenario(text []byte) (Scenario, error) {
	s := Scenario{Customers: 2000, Think: 200 * time.Millisecond, Patience: 20 * time.Second, Again: 3 * time.Second,
		Tries: 3, Horizon: 45 * time.Second, Mix: Mix{Transfer: 0.8, Balance: 0.2}}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&s); err != nil {
		return s, fmt.Errorf("scenario: %w", err)
	}
	return s, s.check()
}

func (s *Scenario) check() error {
	var all []error
	bad := func(wrong bool, text string, args ...any) {
		if wrong {
			all = append(all, fmt.Errorf("scenario: "+text, args...))
		}
	}
	bad(s.Name == "", "name is missing")
	bad(len(s.Phases) == 0, "there are no phases")
	bad(s.Customers < 2 || s.Customers > 100_000, "customers must be 2 to 100,000")
	bad(s.Think < 0 || s.Patience <= 0 || s.Again < 0 || s.Horizon <= 0, "think, patience, again and horizon must not be negative")
	bad(s.Tries < 1 || s.Tries > 100, "tries must be 1 to 100")
	sum := s.Mix.Transfer + s.Mix.Bill + s.Mix.Balance
	bad(sum < 0.999 || sum > 1.001, "the mix adds up to %v, not 1", sum)
	bad(s.Core.Workers == nil || s.Core.ServiceMS == nil, "core needs workers and service_ms")
	for i, p := range s.Phases {
		bad(p.Name == "" || p.For <= 0 || p.Dials < 0 || p.Dials > 10_000, "phase %d needs a name, a length, and dials of 0 to 10,000", i+1)
	}
	return errors.Join(all...)
}

// Scaled returns the scenario with phases so many times as long.
func (s Scenario) Scaled(by float64) Scenario {
	phases := make([]Phase, len(s.Phases))
	for i, p := range s.Phases {
		p.For = time.Duration(float64(p.For) * by)
		phases[i] = p
	}
	s.Phases = phases
	return s
}

// over returns h with what more says put over it.
func (h Health) over(more Health) Health {
	set(&h.Workers, more.Workers)
	set(&h.ServiceMS, more.ServiceMS)
	set(&h.DropAnswers, more.DropAnswers)
	set(&h.Down, more.Down)
	set(&h.Sick, more.Sick)
	set(&h.SickMS, more.SickMS)
	return h
}

func set[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// workers is how many workers the core has that answer.
func (h Health) workers() int {
	if h.Down != nil && *h.Down {
		return 0
	}
	return *h.Workers
}

// capacity is how many requests a second the core can answer.
func (h Health) capacity() float64 {
	if *h.ServiceMS <= 0 {
		return 0
	}
	return float64(h.workers()) * 1000 / *h.ServiceMS
}

// faults puts h over what is wrong with a simulated core.
func (h Health) faults(f coresim.Faults) coresim.Faults {
	put(&f.Workers, h.Workers)
	put(&f.ServiceMS, h.ServiceMS)
	put(&f.DropAnswers, h.DropAnswers)
	put(&f.Down, h.Down)
	put(&f.Sick, h.Sick)
	put(&f.SickMS, h.SickMS)
	return f
}

func put[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
