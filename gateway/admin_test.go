package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority signs certificates for a test and writes them to files.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.make(name, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })
	return a
}

// make writes a certificate to name.pem and its key to name.key.
func (a *authority) make(name string, set func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	if set != nil {
		set(c)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	octets, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: octets}} {
		if err := os.WriteFile(a.file(name+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return c, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// lockedLog keeps what a gateway logs.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestCertificateIsAsGoodAsATokenAndNamesItsHolder(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	ours.make("gateway", nil)
	ours.make("amina", nil)
	theirs.make("mallory", nil)
	cfg := testConfig(t)
	cfg.Admin.TLSCert, cfg.Admin.TLSKey, cfg.Admin.TLSClientCA = ours.file("gateway.pem"), ours.file("gateway.key"), ours.file("ours.pem")
	logged := &lockedLog{}
	g, err := Start(context.Background(), cfg, slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = g.Stop(ctx)
	})
	run := func(flags ...string) (string, error) {
		return gatewayCommand(t, append([]string{"menus", "reload", "--config", "../config.yaml",
			"--admin", "https://" + g.Addr("admin"), "--ca", ours.file("ours.pem")}, flags...)...)
	}
	if out, err := run("--cert", ours.file("amina.pem"), "--key", ours.file("amina.key")); err != nil || !strings.Contains(out, "serving") {
		t.Errorf("with a certificate: %v %s", err, out)
	}
	if !strings.Contains(logged.String(), "who=amina") {
		t.Errorf("the log does not say who came: %s", logged)
	}
	if _, err := run(); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("without one: %v", err)
	}
	if _, err := run("--cert", theirs.file("mallory.pem"), "--key", theirs.file("mallory.key")); err == nil {
		t.Error("with one of somebody else's authority: let through")
	}
}
