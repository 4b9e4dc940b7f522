// Package faults is the developer's side that simulated cores have in common:
// what is wrong with them is read and changed over HTTP, and what they did is read.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// State is what is wrong with a core now. A core embeds one for its Faults and
// SetFaults. It is safe for use by many goroutines.
type State[F interface{ Check() error }] struct {
	mu  sync.Mutex
	now F
}

// Faults returns what is wrong now.
func (s *State[F]) Faults() F {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// SetFaults changes what is wrong, unless f's Check finds that it makes no sense.
func (s *State[F]) SetFaults(f F) error {
	if err := f.Check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = f
	return nil
}

// Serve answers GET and PUT /faults, and GET /effects, on mux. A PUT takes any part
// of F; a key that F does not have, or a value that set refuses, is a 400 and changes
// nothing.
func Serve[F any](mux *http.ServeMux, get func() F, set func(F) error, effects func() []Effect) {
	mux.HandleFunc("GET /effects", func(w http.ResponseWriter, _ *http.Request) { Answer(w, http.StatusOK, effects()) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { Answer(w, http.StatusOK, get()) })
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		f := get()
		var body bytes.Buffer
		_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, 16<<10))
		if err == nil {
			d := json.NewDecoder(&body)
			d.DisallowUnknownFields()
			err = d.Decode(&f)
		}
		if err == nil {
			err = set(f)
		}
		if err != nil {
			Answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		Answer(w, http.StatusOK, f)
	})
}

// Answer writes a body as JSON.
func Answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Sleep waits for so many ms, unless ctx ends first.
func Sleep(ctx context.Context, ms float64) {
	if ms <= 0 {
		return
	}
	t := time.NewTimer(time.Duration(ms * float64(time.Millisecond)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Effect is what the movements of one request add up to.
type Effect struct {
	CorrelationID string `json:"correlation_id"` // the request's id on this core's wire
	Type          string `json:"type"`           // in this core's words
	Amount        string `json:"amount"`
	Debit         string `json:"debit"`
	Credit        string `json:"credit"`
	Times         int    `json:"times"`
	Of            string `json:"of,omitempty"` // of what takes a payment back: that payment's CorrelationID
}

// Effects returns what took effect of a core's records, and still has it, in their
// order.
func Effects[R interface{ Effect() Effect }](records []R) []Effect {
	all := []Effect{}
	for _, r := range records {
		if e := r.Effect(); e.Times != 0 {
			all = append(all, e)
		}
	}
	return all
}

// Longest bounds every pause of a simulator, in ms.
const Longest = 600_000

// callbacks are the ways in which callbacks come: once, not at all, twice, before
// the answer, or late.
var callbacks = []string{"once", "none", "twice", "early", "late"}

// Check says what is wrong with values that cores have in common: a share of
// dropped answers, pauses by their names, a status to answer everything with, and
// how callbacks come ("": this core has none).
func Check(drop float64, pauses map[string]float64, status int, callback string) error {
	if !(drop >= 0 && drop <= 1) {
		return errors.New("drop_answers must be from 0 to 1")
	}
	for name, ms := range pauses {
		if !(ms >= 0 && ms <= Longest) {
			return errors.New(name + " must be from 0 to 600000")
		}
	}
	if status != 0 && (status < 400 || status > 599) {
		return errors.New("status must be 0 or from 400 to 599")
	}
	if callback == "" {
		return nil
	}
	return CheckCallbacks(callback)
}

// CheckCallbacks says what is wrong with a way in which callbacks come.
func CheckCallbacks(way string) error {
	if !slices.Contains(callbacks, way) {
		return errors.New("callbacks must be once, none, twice, early or late")
	}
	return nil
}
