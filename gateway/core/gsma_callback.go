package core

import (
	"errors"
	"io"
	"strings"
)

// Callback is what a core said by itself, to the URL that a request named. It
// is a hint and no more: anybody may have sent it. Its reader looks the action
// up by the URL, and then asks the core with Inquire.
type Callback struct {
	// Status is what the callback claims: Done, Rejected, or Unknown if it
	// claims neither.
	Status   Status
	WireKey  string // the server's correlation id, if it names one
	Ref      string // the transaction's reference, if it names one
	Amount   string // canonical, if it names one
	Currency string
	Detail   string // the core's words about a failure, for the record
}

// maxCallback bounds a callback's body, in octets.
const maxCallback = 64 << 10

var _ CallbackReader = (*GSMA)(nil)

// ParseCallback reads the body of a callback, which can be a transaction, an
// error object, a request state or a bare success.
func (g *GSMA) ParseCallback(r io.Reader) (Callback, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxCallback+1))
	if err != nil {
		return Callback{}, failed("callback", err)
	}
	if len(body) > maxCallback {
		return Callback{}, failed("callback", errors.New("it is too long"))
	}
	// Each shape has names of its own, so that the same octets can be read as
	// all of them.
	var t wireTransaction
	var state wireState
	var problem wireError
	for _, shape := range []any{&t, &state, &problem} {
		if err := Decode(body, shape); err != nil {
			return Callback{}, failed("callback", err)
		}
	}
	c := Callback{Ref: reference(t), Amount: string(t.Amount), Currency: Clean(string(t.Currency), 3)}
	if id := string(state.ID); id != "" {
		if _, err := segment(id); err != nil {
			return Callback{}, failed("callback", err)
		}
		c.WireKey = id
	}
	if state.Error != nil {
		problem = *state.Error
	}
	status := strings.ToLower(string(t.Status))
	switch {
	case problem.Category != "" || problem.Code != "":
		// What kind of error it is does not matter to a hint.
		out, _ := g.refusal("callback", problem, Secret{})
		c.Status, c.Detail = out.Status, out.Detail
	case g.done[status], state.Status.is("completed"):
		c.Status = Done
	case g.failed[status]:
		c.Status = Rejected
	}
	return c, nil
}
