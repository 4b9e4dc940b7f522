//go:build unix

package storetest

import (
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
	"testing"
	"time"
)

// TLS are the files (PEM) that a server and its clients need to trust each other:
// an authority, and a certificate and key for either side. Servers are on 127.0.0.1.
type TLS struct {
	CA                    string // the authority's certificate
	ServerCert, ServerKey string
	ClientCert, ClientKey string
}

// MakeTLS makes an authority and lets it sign. Two of them do not trust each other.
func MakeTLS(t testing.TB) *TLS {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	f := &TLS{CA: file("ca.pem"), ServerCert: file("server.pem"), ServerKey: file("server.key"),
		ClientCert: file("client.pem"), ClientKey: file("client.key")}
	ca, signer := certify(t, f.CA, "", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	certify(t, f.ServerCert, f.ServerKey, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, ca, signer)
	certify(t, f.ClientCert, f.ClientKey, &x509.Certificate{}, ca, signer)
	return f
}

// certify writes a certificate, and its key if a file is named for it. Without a
// parent it signs itself.
func certify(t testing.TB, certFile, keyFile string, c, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	c.Subject = pkix.Name{CommonName: filepath.Base(certFile) + " " + c.SerialNumber.String()} // authorities have different names
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if file == "" {
			continue
		}
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, key
}

// Client is how a client that has a certificate connects.
func (f *TLS) Client(t testing.TB) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(f.CA)
	if err != nil {
		t.Fatal(err)
	}
	own, err := tls.LoadX509KeyPair(f.ClientCert, f.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{own}}
	if !c.RootCAs.AppendCertsFromPEM(ca) {
		t.Fatal("the authority's file has no certificate")
	}
	return c
}

// NewServer is as the function of that name, with a port for TLS beside the plain
// one: see Server.TLSAddr. Clients must have a certificate.
func (f *TLS) NewServer(t testing.TB, args ...string) *Server {
	t.Helper()
	return newServer(t, f, "", append([]string{"--save", ""}, args...)...)
}

// args are a server's arguments for its TLS port.
func (f *TLS) args(addr string) []string {
	_, port, _ := net.SplitHostPort(addr)
	return []string{"--tls-port", port, "--tls-cert-file", f.ServerCert, "--tls-key-file", f.ServerKey, "--tls-ca-cert-file", f.CA}
}
