package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"nyota/gateway/ops"
)

// openAdmin lets operators in: to health everybody, to the rest who has a token or a
// certificate, with a line in the log for what they do. A web page elsewhere cannot
// use the browser of somebody on this machine for it.
func (g *Gateway) openAdmin(ctx context.Context, api http.Handler) {
	mux := http.NewServeMux()
	g.health(mux, g.checks()...)
	guarded := ops.Audit(g.log, ops.Guard(g.adminTokens(), api))
	mux.Handle("/", http.NewCrossOriginProtection().Handler(guarded))
	g.open(ctx, "admin", mux)
}

// adminTLS is the listener's own certificate, and whose certificates it takes in
// the place of a token.
func (g *Gateway) adminTLS() (*tls.Config, error) {
	a := g.cfg.Admin
	own, err := tls.LoadX509KeyPair(g.cfg.Path(a.TLSCert), g.cfg.Path(a.TLSKey))
	if err != nil {
		return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, NextProtos: []string{"http/1.1"}}
	if a.TLSClientCA != "" {
		if conf.ClientCAs, err = certificates(g.cfg.Path(a.TLSClientCA)); err != nil {
			return nil, fmt.Errorf("tls_client_ca: %w", err)
		}
		// Not required, as probes of /healthz have none: the guard wants one, or a token.
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return conf, nil
}

// certificates reads a file of certificates in PEM form.
func certificates(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file has no certificate in PEM form")
	}
	return pool, nil
}

// heartbeat says whether the core's heartbeat thinks that a call cannot be made.
// An operator's word stands above it.
func (g *Gateway) heartbeat(call string) (time.Time, bool) {
	if g.board.Open(call) {
		return time.Time{}, false
	}
	return g.watch.Down(call)
}

// linksUp says which links are bound.
func (g *Gateway) linksUp() []ops.LinkUp {
	all := make([]ops.LinkUp, len(g.links))
	for i, l := range g.links {
		all[i] = ops.LinkUp{Name: l.cfg.Name, Network: l.cfg.Network, Up: l.link.State().Bound}
	}
	return all
}

// adminTokens are the tokens of the admin API: the one of the configuration, whose
// holder is "admin", and those of people.
func (g *Gateway) adminTokens() []ops.Token {
	all := []ops.Token{{Name: ops.SharedName, Token: g.cfg.Admin.Token}}
	for _, t := range g.cfg.Admin.Tokens {
		all = append(all, ops.Token{Name: t.Name, Token: t.Token})
	}
	if g.cfg.Admin.TLSClientCA != "" {
		// One that nobody has: without any token all requests would pass.
		all = append(all, ops.Token{Name: "nobody", Token: rand.Text()})
	}
	return all
}
