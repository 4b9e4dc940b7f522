package daraja

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"nyota/gateway/core"
)

// post sends one JSON object, once, with a token that holds.
func (c *Connector) post(ctx context.Context, op, path string, body any) (core.Answer, error) {
	u, err := url.Parse(c.base + path)
	if err != nil {
		return core.Answer{}, core.Unsent(op, errors.New("its path cannot be written"))
	}
	octets, err := json.Marshal(body)
	if err != nil {
		return core.Answer{}, core.Unsent(op, errors.New("it cannot be written"))
	}
	token, err := c.tokens.Get(ctx)
	if err != nil {
		return core.Answer{}, core.Unsent(op, err)
	}
	req := &http.Request{Method: http.MethodPost, URL: u, Host: u.Host, Header: make(http.Header, 5)}
	// No GetBody: without it net/http cannot send the request a second time.
	req.Body = io.NopCloser(bytes.NewReader(octets))
	req.ContentLength = int64(len(octets))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "nyota")
	req.Header.Set("Authorization", "Bearer "+token)
	started := c.cfg.Now()
	a, err := c.gate.Do(ctx, op, req)
	took := c.cfg.Now().Sub(started)
	if err != nil {
		c.log.DebugContext(ctx, "core exchange failed", "op", op, "took", took, "err", err)
		return core.Answer{}, err
	}
	c.log.DebugContext(ctx, "core exchange", "op", op, "status", a.Status, "took", took)
	var p problem
	if a.Status == http.StatusUnauthorized || core.Decode(a.Body, &p) == nil && p.Code == "404.001.03" {
		c.tokens.Drop(token)
	}
	return a, nil
}

// fetch gets an access token.
func (c *Connector) fetch(ctx context.Context) (string, time.Duration, error) {
	u, err := url.Parse(c.base + "/oauth/v1/generate?grant_type=client_credentials")
	if err != nil {
		return "", 0, errors.New("the path cannot be written")
	}
	req := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: make(http.Header, 3)}
	pair := append([]byte(c.cfg.ConsumerKey+":"), c.cfg.ConsumerSecret.Reveal()...)
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString(pair))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "nyota")
	a, err := c.pulse.Do(ctx, "token", req)
	if err != nil {
		return "", 0, err
	}
	if a.Status != http.StatusOK {
		c.log.ErrorContext(ctx, "the core gives no token: check its keys", "status", a.Status)
		return "", 0, fmt.Errorf("the core answered with status %d", a.Status)
	}
	var t struct {
		Token core.Text `json:"access_token"`
		Life  core.Text `json:"expires_in"` // seconds, as a text or a number
	}
	if err := core.Decode(a.Body, &t); err != nil {
		return "", 0, err
	}
	token := string(t.Token)
	seconds, err := strconv.ParseFloat(string(t.Life), 64)
	if err != nil || core.Clean(token, len(token)) != token {
		return "", 0, errors.New("the answer has no token that can be used")
	}
	return token, time.Duration(min(seconds, 86400) * float64(time.Second)), nil
}

// deadline gives a ctx without a deadline the default one.
func (c *Connector) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.cfg.Timeout)
}

// Health fetches an access token, which needs Daraja's front: it offers no
// heartbeat. The token is not used.
func (c *Connector) Health(ctx context.Context) (core.Health, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	if _, _, err := c.fetch(ctx); err != nil {
		return core.Health{}, err
	}
	return core.Health{State: core.Available, At: c.cfg.Now()}, nil
}
