package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// exchange is one HTTP request.
type exchange struct {
	op          string // for errors and the log: the call, never a number or a path
	method      string
	path        string // below the base URL, escaped
	body        []byte
	correlation string // X-CorrelationID
	pin         Secret
	newPIN      Secret
	callback    string
	pulse       bool // over the heartbeat's own connections
}

func unsent(op string, cause error) error { return Unsent(op, cause) }
func failed(op string, cause error) error { return Failed(op, cause) }

// exchange sends one request, once, and reads its answer. Redirects are not
// followed: a 3xx is an answer like any other.
func (g *GSMA) exchange(ctx context.Context, x exchange) (Answer, error) {
	req, err := g.request(ctx, x)
	if err != nil {
		return Answer{}, unsent(x.op, err)
	}
	started := g.cfg.Now()
	gate := g.gate
	if x.pulse {
		gate = g.pulse
	}
	a, err := gate.Do(ctx, x.op, req)
	took := g.cfg.Now().Sub(started)
	if err != nil {
		g.log.DebugContext(ctx, "core exchange failed", "op", x.op, "took", took, "err", err)
		return Answer{}, err
	}
	g.log.DebugContext(ctx, "core exchange", "op", x.op, "status", a.Status, "took", took)
	return a, nil
}

// ended says whether the peer ended the connection, or it broke.
func ended(err error) bool {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return false
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "server closed idle connection") // net/http has no name for it
}

func (g *GSMA) request(ctx context.Context, x exchange) (*http.Request, error) {
	u, err := url.Parse(g.base.String() + x.path)
	if err != nil {
		return nil, errors.New("its path cannot be written") // the parser's words quote it
	}
	req := (&http.Request{Method: x.method, URL: u, Host: u.Host, Header: make(http.Header, 12)}).WithContext(ctx)
	h := req.Header
	if x.body != nil {
		// No GetBody: without it net/http cannot send the request a second time.
		req.Body = io.NopCloser(bytes.NewReader(x.body))
		req.ContentLength = int64(len(x.body))
		h.Set("Content-Type", "application/json")
		digest := sha256.Sum256(x.body)
		h.Set("X-Content-Hash", hex.EncodeToString(digest[:]))
	}
	if x.body == nil && !x.pin.IsZero() {
		// Empty, and not known to be: net/http repeats what has none by itself. A PIN
		// that was mistyped would cost its customer two tries.
		req.Body = io.NopCloser(strings.NewReader(""))
	}
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "nyota")
	h.Set("X-Date", g.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	if at, ok := ctx.Deadline(); ok {
		h.Set("X-Request-Deadline", at.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	}
	h.Set("X-Channel", g.cfg.Channel)
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("X-Client-Id", g.cfg.ClientID)
	set("X-API-Key", string(g.cfg.APIKey.Reveal()))
	set("X-CorrelationID", x.correlation)
	set("X-Callback-URL", x.callback)
	if g.cfg.Bearer != nil {
		token, err := g.cfg.Bearer(ctx)
		if err != nil {
			return nil, fmt.Errorf("no access token: %w", err)
		}
		h.Set("Authorization", "Bearer "+token)
	}
	for _, c := range [...]struct {
		header string
		pin    Secret
	}{{"X-User-Credential-1", x.pin}, {"X-User-Credential-2", x.newPIN}} {
		if c.pin.IsZero() {
			continue
		}
		credential, err := g.credential(c.pin, x.correlation)
		if err != nil {
			return nil, err
		}
		h.Set(c.header, credential)
	}
	return req, nil
}

// segment escapes an identifier as one segment of a path.
func segment(s string) (string, error) {
	if s == "" || s == "." || s == ".." || len(s) > 256 || Clean(s, 256) != s {
		return "", errors.New("an identifier cannot be part of a path")
	}
	return url.PathEscape(s), nil
}

// follow turns a link of the core into a path below the base URL. Links come
// absolute, from the root or from the base; one that leads to another origin or
// out of the API is refused: the next request carries our credentials.
func (g *GSMA) follow(link string) (string, error) {
	refused := errors.New("the core's link leads out of its API")
	if link == "" || len(link) > 1024 || strings.ContainsAny(link, "\\ \t\r\n") {
		return "", refused
	}
	u, err := url.Parse(link)
	if err != nil || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", refused
	}
	path := u.EscapedPath()
	base := g.base.EscapedPath()
	if u.IsAbs() || u.Host != "" {
		if u.Scheme != g.base.Scheme || !sameHost(u, g.base) || !strings.HasPrefix(path, base+"/") {
			return "", refused
		}
	}
	if base != "" && strings.HasPrefix(path, base+"/") {
		path = path[len(base):]
	}
	path = "/" + strings.TrimPrefix(path, "/")
	for seg := range strings.SplitSeq(path[1:], "/") {
		plain, err := url.PathUnescape(seg)
		if err != nil || plain == "" || plain == "." || plain == ".." || strings.ContainsAny(plain, "/\\") || Clean(plain, 256) != plain {
			return "", refused
		}
	}
	return path, nil
}

func sameHost(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		if u.Scheme == "https" {
			return "443"
		}
		return "80"
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
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
