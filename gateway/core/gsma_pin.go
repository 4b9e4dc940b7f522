package core

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-jose/go-jose/v4"
)

// PINEncryption is how a PIN is encrypted for the core: the header
// X-User-Credential-1 then carries a compact JWE (RFC 7516) of the PIN's octets,
// whose protected header "cid" is the request's correlation id, so that the core
// can refuse a credential that was taken from another request.
type PINEncryption struct {
	Key       any                    // *rsa.PublicKey, *ecdsa.PublicKey or a public jose.JSONWebKey
	KeyID     string                 // "kid" of the JWE; "" leaves it out
	Algorithm jose.KeyAlgorithm      // default RSA-OAEP-256 or ECDH-ES+A256KW, by the key
	Content   jose.ContentEncryption // default A256GCM
}

// ReadPINKey reads the core's public key for PINs from a file: PEM (a public key
// or a certificate) or a JSON Web Key.
func ReadPINKey(path string) (*PINEncryption, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("core: PIN key: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("core: PIN key: %w", err)
	}
	p, err := parsePINKey(data)
	if err == nil {
		_, _, err = p.recipient()
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	return p, nil
}

func parsePINKey(data []byte) (*PINEncryption, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		var j jose.JSONWebKey
		if err := json.Unmarshal(trimmed, &j); err != nil {
			return nil, errors.New("core: the PIN key is not a JSON Web Key")
		}
		return &PINEncryption{Key: j}, nil
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("core: the PIN key is neither PEM nor a JSON Web Key")
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	default:
		return nil, fmt.Errorf("core: the PIN key must be public, and the file has a %s", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("core: the PIN key cannot be read: %w", err)
	}
	return &PINEncryption{Key: key}, nil
}

// recipient checks the key and fills in the defaults.
func (p PINEncryption) recipient() (jose.Recipient, jose.ContentEncryption, error) {
	key := p.Key
	if j, ok := key.(jose.JSONWebKey); ok {
		if !j.Valid() || !j.IsPublic() {
			return jose.Recipient{}, "", errors.New("core: the PIN key must be a valid public key")
		}
		key = j.Key
		if p.KeyID == "" {
			p.KeyID = j.KeyID
		}
	}
	var alg jose.KeyAlgorithm
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return jose.Recipient{}, "", fmt.Errorf("core: the PIN key has %d bits, at least 2048 are needed", k.N.BitLen())
		}
		alg = jose.RSA_OAEP_256
	case *ecdsa.PublicKey:
		alg = jose.ECDH_ES_A256KW
	default:
		return jose.Recipient{}, "", errors.New("core: the PIN key must be an RSA or an elliptic curve public key")
	}
	if p.Algorithm != "" {
		alg = p.Algorithm
	}
	enc := p.Content
	if enc == "" {
		enc = jose.A256GCM
	}
	return jose.Recipient{Algorithm: alg, Key: key, KeyID: p.KeyID}, enc, nil
}

// credential returns the value of X-User-Credential-1 and 2. Its errors never hold
// the PIN.
func (g *GSMA) credential(pin Secret, correlation string) (string, error) {
	octets := pin.Reveal()
	for _, b := range octets {
		if b <= ' ' || b > '~' {
			return "", errors.New("the PIN has a character that a PIN cannot have")
		}
	}
	if g.cfg.PIN == nil {
		return string(octets), nil
	}
	to, enc, err := g.cfg.PIN.recipient()
	if err != nil {
		return "", err
	}
	opts := new(jose.EncrypterOptions)
	if correlation != "" {
		opts = opts.WithHeader("cid", correlation)
	}
	e, err := jose.NewEncrypter(enc, to, opts)
	if err != nil {
		return "", fmt.Errorf("PIN encryption: %w", err)
	}
	jwe, err := e.Encrypt(octets)
	if err != nil {
		return "", fmt.Errorf("PIN encryption: %w", err)
	}
	return jwe.CompactSerialize()
}
