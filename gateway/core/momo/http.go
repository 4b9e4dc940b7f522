package momo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"nyota/gateway/core"
)

// exchange is one request to the API.
type exchange struct {
	op        string
	product   *product
	method    string
	path      string // below the product, escaped
	body      []byte
	reference string // X-Reference-Id
	callback  string
	pulse     bool
}

// send makes one request, once, with a token that holds.
func (c *Connector) send(ctx context.Context, x exchange) (core.Answer, error) {
	u, err := url.Parse(c.base + "/" + x.product.name + x.path)
	if err != nil {
		return core.Answer{}, core.Unsent(x.op, errors.New("its path cannot be written"))
	}
	token, err := x.product.tokens.Get(ctx)
	if err != nil {
		return core.Answer{}, core.Unsent(x.op, err)
	}
	req := c.request(x.method, u, x.product, x.body)
	h := req.Header
	h.Set("Authorization", "Bearer "+token)
	h.Set("X-Target-Environment", c.cfg.Environment)
	if x.reference != "" {
		h.Set("X-Reference-Id", x.reference)
	}
	if x.callback != "" {
		h.Set("X-Callback-Url", x.callback)
	}
	gate := c.gate
	if x.pulse {
		gate = c.pulse
	}
	started := c.cfg.Now()
	a, err := gate.Do(ctx, x.op, req)
	took := c.cfg.Now().Sub(started)
	if err != nil {
		c.log.DebugContext(ctx, "core exchange failed", "op", x.op, "took", took, "err", err)
		return core.Answer{}, err
	}
	c.log.DebugContext(ctx, "core exchange", "op", x.op, "status", a.Status, "took", took)
	if a.Status == http.StatusUnauthorized {
		x.product.tokens.Drop(token)
	}
	return a, nil
}

func (c *Connector) request(method string, u *url.URL, p *product, body []byte) *http.Request {
	req := &http.Request{Method: method, URL: u, Host: u.Host, Header: make(http.Header, 8)}
	if body != nil {
		// No GetBody: without it net/http cannot send the request a second time.
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "nyota")
	req.Header.Set("Ocp-Apim-Subscription-Key", string(p.account.SubscriptionKey.Reveal()))
	return req
}

// fetch returns what gets a token of p.
func (c *Connector) fetch(p *product) func(context.Context) (string, time.Duration, error) {
	return func(ctx context.Context) (string, time.Duration, error) {
		u, err := url.Parse(c.base + "/" + p.name + "/token/")
		if err != nil {
			return "", 0, errors.New("the path cannot be written")
		}
		req := c.request(http.MethodPost, u, p, nil)
		pair := append([]byte(p.account.User+":"), p.account.Key.Reveal()...)
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString(pair))
		a, err := c.pulse.Do(ctx, "token", req)
		if err != nil {
			return "", 0, err
		}
		if a.Status != http.StatusOK {
			c.log.ErrorContext(ctx, "the core gives no token: check its keys", "product", p.name, "status", a.Status)
			return "", 0, fmt.Errorf("the core answered with status %d", a.Status)
		}
		var t struct {
			Token string  `json:"access_token"`
			Life  float64 `json:"expires_in"` // seconds
		}
		if err := core.Decode(a.Body, &t); err != nil {
			return "", 0, err
		}
		if core.Clean(t.Token, len(t.Token)) != t.Token {
			return "", 0, errors.New("the token cannot be part of a header")
		}
		return t.Token, time.Duration(min(t.Life, 86400) * float64(time.Second)), nil
	}
}

// wait sleeps, or returns false when ctx ends first or would.
func wait(ctx context.Context, d time.Duration) bool {
	if at, ok := ctx.Deadline(); ok && time.Until(at) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
