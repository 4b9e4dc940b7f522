package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nyota/gateway/config"
	"nyota/smpp"
	"nyota/smpp/pdu"
)

func TestLinksOfOneNetworkCarryItsDialoguesTogether(t *testing.T) {
	cfg := testConfig(t)
	one := cfg.SMPP.Links[0]
	one.Receipts = true
	in, out := one, one
	in.Name, in.Bind = "in", "receiver"
	out.Name, out.Bind, out.Rate = "out", "transmitter", 1000
	cfg.SMPP.Links = []config.Link{in, out}
	g := startGateway(t, cfg)
	// What the customer types comes on one link, screens and SMS leave by the other.
	from, to := handset(t, g, payer), handset(t, g, payee)
	toPIN(t, from, "0700000002", "5000")
	key(t, from, testPIN, "Enter PIN")
	shows(t, from, "confirmed", "5,000")
	inbox(t, from, 1)
	inbox(t, to, 1)
	eventually(t, "both receipts are matched with their notices", func() bool {
		return g.sender.Receipts()["DELIVRD"] == 2
	})
	s := g.networks[0].pool.Stats()
	if len(g.networks) != 1 || s.Links[0].Name != "in" || s.Receipts.Awaited != 0 || s.Receipts.Kept != 0 {
		t.Errorf("%d networks, %+v", len(g.networks), s)
	}
}

func TestNetworkGoesOnWhileOneOfItsLinksIsDrained(t *testing.T) {
	cfg := testConfig(t)
	second := cfg.SMPP.Links[0]
	second.Name = "second"
	cfg.SMPP.Links = append(cfg.SMPP.Links, second)
	g := startGateway(t, cfg)
	h := handset(t, g, payer)
	toPIN(t, h, "0700000002", "5000")
	pool := g.networks[0].pool
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := pool.Drain(ctx, "demo"); err != nil {
		t.Fatal(err)
	}
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "confirmed", "5,000")
	inbox(t, h, 1)
	if err := g.bound(); err != nil {
		t.Error(err)
	}
}

// certificate writes a certificate of the authority, and its key, into dir. With
// no authority it is one.
func certificate(t *testing.T, dir, name string, ca *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: ca == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := c, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, private := filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, private: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(cert, private)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestLinkShowsItsCertificateAndChecksTheOperators(t *testing.T) {
	dir := t.TempDir()
	ca := certificate(t, dir, "ca", nil)
	trusted := x509.NewCertPool()
	trusted.AddCert(ca.Leaf)
	operator := &smpp.Server{Config: smpp.Config{TLS: &tls.Config{MinVersion: tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate(t, dir, "operator", &ca)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: trusted}}}
	certificate(t, dir, "nyota", &ca)
	certificate(t, dir, "stranger", nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = operator.Serve(ln) }()
	t.Cleanup(func() { _ = operator.Close(); <-ended })

	g := &Gateway{cfg: config.Config{Base: dir}}
	for _, tc := range []struct {
		name         string
		ca, own, key string
		bound        bool
		says         string // of a file that cannot be used
	}{
		{"both are known to each other", "ca.pem", "nyota.pem", "nyota.key", true, ""},
		{"the operator's authority is not ours", "stranger.pem", "nyota.pem", "nyota.key", false, ""},
		{"the operator does not know us", "ca.pem", "stranger.pem", "stranger.key", false, ""},
		{"we show nothing", "ca.pem", "", "", false, ""},
		{"no authority's file", "none.pem", "", "", false, "tls_ca"},
		{"an authority's file without one", "ca.key", "", "", false, "tls_ca"},
		{"a key of another", "ca.pem", "nyota.pem", "operator.key", false, "tls_cert, tls_key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := g.linkTLS(config.Link{Address: ln.Addr().String(), TLS: true, TLSCA: tc.ca, TLSCert: tc.own, TLSKey: tc.key})
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%v does not say %q", err, tc.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c, err := smpp.Dial(ctx, ln.Addr().String(), smpp.Bind{SystemID: "nyota"}, smpp.Config{TLS: cfg})
			if (err == nil) != tc.bound {
				t.Errorf("bound %v: %v", err == nil, err)
			}
			if c != nil {
				if _, err := c.Do(ctx, &pdu.EnquireLink{}); err != nil {
					t.Error(err)
				}
				_ = c.Close()
				<-c.Done()
			}
		})
	}
}
