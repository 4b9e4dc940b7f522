package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/google/uuid"

	"nyota/gateway/config"
	"nyota/sessions"
)

// openStore opens the store and the keys that seal secrets. It may have to wait for
// the store, until start ends; what it starts ends with ctx.
func (g *Gateway) openStore(start, ctx context.Context) error {
	id, err := uuid.NewRandom()
	if err != nil {
		return err
	}
	g.node = id.String()
	if g.keys, err = g.openKeys(); err != nil {
		return err
	}
	s := g.cfg.Store
	switch s.Kind {
	case "embedded":
		g.store, err = sessions.OpenEmbedded(g.cfg.Path(s.Path), sessions.EmbeddedOptions{Logger: g.log, Retention: s.Retain})
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		g.stops = append(g.stops, g.closeStore)
		return nil
	case "valkey":
		return g.openValkey(start, ctx)
	}
	return fmt.Errorf("store: unknown kind %q", s.Kind)
}

func (g *Gateway) closeStore(context.Context) {
	if err := g.store.Close(); err != nil {
		g.log.Error("the store did not close well", "err", err)
	}
}

// openKeys reads the key that seals, and the one that only opens while the key is
// being changed.
func (g *Gateway) openKeys() (*sessions.Keyring, error) {
	key, err := sessions.LoadKey(g.cfg.KeyFile())
	if errors.Is(err, os.ErrNotExist) {
		key, err = g.firstKey()
	}
	if err != nil {
		return nil, fmt.Errorf("secret.key_file: %w", err)
	}
	var others [][]byte
	if other := g.cfg.Secret.OtherKeyFile; other != "" {
		k, err := sessions.LoadKey(g.cfg.Path(other))
		if err != nil {
			return nil, fmt.Errorf("secret.other_key_file: %w", err)
		}
		others = append(others, k)
	}
	ring, err := sessions.NewKeyring(key, others...)
	if err != nil {
		return nil, fmt.Errorf("secret.key_file, secret.other_key_file: %w", err)
	}
	return ring, nil
}

// firstKey makes the key of an embedded store that is new. A key that is missing
// anywhere else is one that others seal with, or that has sealed what no other key
// opens: a new one in its place would be found out too late.
func (g *Gateway) firstKey() ([]byte, error) {
	file, dir := g.cfg.KeyFile(), g.cfg.Path(g.cfg.Store.Path)
	missing := func(why string) error {
		return fmt.Errorf("%s is missing, and %s: bring it back from where a copy is kept, or from another gateway on this store. "+
			"If there has never been one, or it is lost for good: gateway key new %s", file, why, file)
	}
	if g.cfg.Secret.KeyFile != "" {
		return nil, missing("a key that is configured is never made by itself")
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "MANIFEST-") { // the store's list of its own files
			return nil, missing("the store in " + dir + " is not new")
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return sessions.LoadOrCreateKey(file)
}

// openValkey opens the store that several gateways share, and joins them.
func (g *Gateway) openValkey(start, ctx context.Context) error {
	c := g.cfg.Store
	opts := sessions.ValkeyOptions{
		Addresses: c.Addresses, Username: c.Username, Password: c.Password, DB: c.DB,
		Sentinel: sessions.Sentinel{Master: c.Sentinel.Master, Username: c.Sentinel.Username, Password: c.Sentinel.Password},
		Replicas: c.Replicas, Timeout: c.Timeout, Retention: c.Retain, AllowNoAOF: c.Volatile,
		DurableConns: c.Durable, CacheSize: c.CacheMiB << 20, Logger: g.log,
	}
	var err error
	if opts.TLS, err = g.storeTLS(c.TLS); err == nil {
		opts.Sentinel.TLS, err = g.storeTLS(c.Sentinel.TLS)
	}
	if err != nil {
		return err
	}
	v, err := g.awaitValkey(start, opts)
	if err != nil {
		return err
	}
	g.store = v
	g.stops = append(g.stops, g.closeStore)
	nodes, err := v.Join(ctx, g.node, sessions.NodesOptions{})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	g.peers = nodes
	g.stops = append(g.stops, func(ctx context.Context) {
		if err := nodes.Leave(ctx); err != nil {
			g.log.Warn("other gateways will take this one for dead", "err", err)
		}
	})
	g.background(ctx, nodes.Run)
	return nil
}

// storeTLS returns the TLS of connections to Valkey or its sentinels; nil if it
// is off.
func (g *Gateway) storeTLS(on bool) (*tls.Config, error) {
	if !on {
		return nil, nil
	}
	c := g.cfg.Store
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLSCA != "" {
		pem, err := os.ReadFile(g.cfg.Path(c.TLSCA))
		if err != nil {
			return nil, fmt.Errorf("store.tls_ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("store.tls_ca: the file has no certificate in PEM form")
		}
	}
	if c.TLSCert != "" {
		own, err := tls.LoadX509KeyPair(g.cfg.Path(c.TLSCert), g.cfg.Path(c.TLSKey))
		if err != nil {
			return nil, fmt.Errorf("store.tls_cert, store.tls_key: %w", err)
		}
		t.Certificates = []tls.Certificate{own}
	}
	return t, nil
}

// storeError says which keys of the configuration to look at when no connection
// to Valkey came about.
func storeError(c config.Store, err error) error {
	var connect *sessions.ConnectError
	if !errors.As(err, &connect) {
		return fmt.Errorf("store: %w", err)
	}
	group, secure := "store.", c.TLS
	if connect.Sentinel {
		group, secure = "store.sentinel.", c.Sentinel.TLS
	}
	var (
		certificate *tls.CertificateVerificationError
		name        x509.HostnameError
		op          *net.OpError
	)
	isOp := errors.As(err, &op)
	hint := ""
	switch {
	case connect.Answer == "WRONGPASS" || connect.Answer == "NOAUTH":
		hint = fmt.Sprintf("%susername, %spassword", group, group)
	case connect.Answer != "":
		return fmt.Errorf("store: %w", err) // it says itself what it has against us
	case errors.As(err, &name):
		hint = "store.addresses: the server's certificate is for other names"
	case errors.As(err, &certificate):
		hint = "store.tls_ca: it must have the authority of the server's certificate"
	case isOp && op.Op == "dial":
		hint = "store.addresses"
	case isOp && op.Op == "remote error": // a TLS alert of the server
		hint = "store.tls_cert, store.tls_key: the server wants a certificate that it trusts"
	case secure && c.TLSCert == "":
		hint = fmt.Sprintf("store.tls_cert, store.tls_key, if the server wants a certificate; %stls, if it speaks no TLS there", group)
	case secure:
		hint = fmt.Sprintf("store.tls_cert, if the server does not trust it; %stls, if it speaks no TLS there", group)
	default:
		hint = fmt.Sprintf("%stls, if the server speaks TLS there", group)
	}
	return fmt.Errorf("store: %w (look at %s)", err, hint)
}
