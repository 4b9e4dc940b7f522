package momo

import (
	"errors"
	"io"
	"strings"

	"nyota/gateway/core"
)

// maxCallback bounds a callback's body, in octets.
const maxCallback = 64 << 10

var _ core.CallbackReader = (*Connector)(nil)

// ParseCallback reads the body of a callback, which is the resource as GET shows
// it.
func (c *Connector) ParseCallback(r io.Reader) (core.Callback, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxCallback+1))
	if err == nil && len(body) > maxCallback {
		err = errors.New("it is too long")
	}
	var res resource
	if err == nil {
		err = core.Decode(body, &res)
	}
	if err != nil {
		return core.Callback{}, core.Failed("callback", err)
	}
	cb := core.Callback{Ref: core.Clean(string(res.Transaction), 64), Currency: core.Clean(string(res.Currency), 3)}
	if res.Amount != "" {
		var ok bool
		if cb.Amount, ok = core.Canonical(string(res.Amount)); !ok {
			return core.Callback{}, core.Failed("callback", errors.New("its amount is none"))
		}
	}
	switch strings.ToUpper(string(res.Status)) {
	case "SUCCESSFUL":
		cb.Status = core.Done
	case "FAILED":
		cb.Status, cb.Detail = core.Rejected, res.Reason.detail()
	}
	return cb, nil
}
