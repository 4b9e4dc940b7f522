package core

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestSecretCannotBeFormatted(t *testing.T) {
	s := NewSecret([]byte(secretPIN))
	hidden := struct{ pin Secret }{s}            // fmt does not ask its methods
	nested := struct{ r *Request }{new(Request)} // nor here
	nested.r.PIN = s
	var out strings.Builder
	for _, v := range []any{s, &s, hidden, &hidden, nested, *nested.r, transfer(), []Secret{s}, map[string]Secret{"a": s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	j, err := json.Marshal(transfer())
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "pin", s, "hidden", hidden, "request", transfer())
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "pin", s, "hidden", hidden, "request", transfer())
	leaks(t, out.String())
	if s.String() != masked || !strings.Contains(out.String(), masked) {
		t.Error("no dots")
	}
}

// leaks fails if the PIN is in the text, in any way that fmt could write it.
func leaks(t *testing.T, text string) {
	t.Helper()
	var octets, hexes []string
	for _, b := range []byte(secretPIN) {
		octets = append(octets, fmt.Sprint(b))
		hexes = append(hexes, fmt.Sprintf("0x%x", b))
	}
	for _, form := range []string{secretPIN, fmt.Sprintf("%x", secretPIN), strings.Join(octets, " "), strings.Join(hexes, ", ")} {
		if i := strings.Index(strings.ToLower(text), form); i >= 0 {
			t.Errorf("the PIN is in %q", text[max(0, i-40):min(len(text), i+40)])
		}
	}
}

func TestErasedSecretIsGone(t *testing.T) {
	octets := []byte(secretPIN)
	s := NewSecret(octets)
	copied := s
	s.Erase()
	if bytes.Contains(octets, []byte("7")) || string(copied.Reveal()) == secretPIN {
		t.Error("the octets are still there")
	}
	if !NewSecret(nil).IsZero() || s.IsZero() {
		t.Error("zero is no secret, and only zero")
	}
}

// M6: whatever goes wrong, the PIN is in no error, log, outcome or %v.
func TestPINIsInNoErrorLogOrOutcome(t *testing.T) {
	var logged bytes.Buffer
	echo := func(status int, body string) http.HandlerFunc {
		return always(status, strings.ReplaceAll(body, "words of the core", "PIN "+secretPIN+" is wrong"))
	}
	cut := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Close()
	withLog := func(c *GSMAConfig) {
		c.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	var said strings.Builder
	for name, h := range map[string]http.HandlerFunc{
		"echoed in a refusal": echo(401, problem("authorisation", "requestingPartyAuthorisationError", "pin", secretPIN)),
		"echoed in an error":  echo(500, problem("internal", "genericError")),
		"echoed as text":      echo(400, "words of the core"),
		"echoed as JSON":      echo(201, `{"amount":"words of the core"}`),
		"echoed in a 202":     echo(202, state("failed", `,"error":`+problem("businessRule", "requestDeclined"))),
		"cut":                 cut,
		"done":                echo(201, transaction()),
		"nobody":              nil,
	} {
		g := dialTo(t, "http://"+refused.Addr().String(), withLog)
		if h != nil {
			g = connect(t, h, withLog)
		}
		for _, r := range []Request{transfer(), read(Balance), read(Statement)} {
			out, err := g.Call(t.Context(), r)
			fmt.Fprintf(&said, "%s: %v %+v %#v %v %+v %#v %v\n", name, r, r, r, err, err, out, g)
		}
	}
	leaks(t, said.String())
	leaks(t, logged.String())
	for _, number := range []string{customer, payee} {
		if strings.Contains(logged.String(), number) {
			t.Error("a whole number is in the log")
		}
	}
}

func TestErrorsHoldNoNumbers(t *testing.T) {
	g := connect(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, r := range []Request{read(Balance), read(AccountName, Arg{"to", payee}), transfer()} {
		_, err := g.Call(t.Context(), r)
		if err == nil || strings.Contains(err.Error(), customer) || strings.Contains(err.Error(), payee) {
			t.Errorf("%s: %v", r.Call, err)
		}
	}
}

func TestPINIsEncryptedForTheCore(t *testing.T) {
	rk, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ek, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ public, private any }{
		"RSA": {&rk.PublicKey, rk}, "elliptic curve": {&ek.PublicKey, ek},
		"JSON Web Key": {jose.JSONWebKey{Key: &rk.PublicKey, KeyID: "k1"}, rk},
	} {
		t.Run(name, func(t *testing.T) {
			var sent http.Header
			g := connect(t, func(w http.ResponseWriter, r *http.Request) {
				sent = r.Header
				always(201, transaction())(w, r)
			}, func(c *GSMAConfig) { c.PIN = &PINEncryption{Key: tc.public} })
			if _, err := g.Call(t.Context(), transfer()); err != nil {
				t.Fatal(err)
			}
			leaks(t, fmt.Sprint(sent))
			jwe, err := jose.ParseEncryptedCompact(sent.Get("X-User-Credential-1"),
				[]jose.KeyAlgorithm{jose.RSA_OAEP_256, jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
			if err != nil {
				t.Fatal(err)
			}
			plain, err := jwe.Decrypt(tc.private)
			if err != nil || string(plain) != secretPIN || jwe.Header.ExtraHeaders["cid"] != actionID {
				t.Errorf("decrypted %q for %v: %v", plain, jwe.Header.ExtraHeaders["cid"], err)
			}
		})
	}
}

func TestPINKeyFromAFile(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: &key.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	for name, tc := range map[string]struct {
		data []byte
		ok   bool
	}{
		"public key":     {block("PUBLIC KEY", pkix), true},
		"RSA public key": {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)), true},
		"web key":        {jwk, true},
		"private":        {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), false},
		"private web":    {private, false},
		"too small":      {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&small.PublicKey)), false},
		"garbage":        {[]byte("hello"), false},
		"garbage in PEM": {block("PUBLIC KEY", []byte("hello")), false},
		"empty":          {nil, false},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, tc.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := ReadPINKey(path); (err == nil) != tc.ok || tc.ok && p == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadPINKey(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for name, change := range map[string]func(*GSMAConfig){
		"no url":             func(c *GSMAConfig) { c.URL = "" },
		"another scheme":     func(c *GSMAConfig) { c.URL = "ftp://core/" },
		"a user in the url":  func(c *GSMAConfig) { c.URL = "https://me:you@core/" },
		"a query":            func(c *GSMAConfig) { c.URL = "https://core/?a=b" },
		"no currency":        func(c *GSMAConfig) { c.Currency = "" },
		"currency in words":  func(c *GSMAConfig) { c.Currency = "shillings" },
		"PINs in the clear":  func(c *GSMAConfig) { c.URL = "http://10.0.0.1/mm" },
		"no reason":          func(c *GSMAConfig) { c.Reasons = map[string]string{"a": "because"} },
		"a key that is none": func(c *GSMAConfig) { c.PIN = &PINEncryption{Key: "key"} },
	} {
		cfg := GSMAConfig{URL: "https://core.example/mm", Currency: "TZS"}
		change(&cfg)
		if _, err := NewGSMA(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, url := range []string{"http://127.0.0.1:8090/v1.2/mm", "http://localhost/mm/", "http://[::1]/", "https://core.example"} {
		if _, err := NewGSMA(GSMAConfig{URL: url, Currency: "TZS"}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := NewGSMA(GSMAConfig{URL: "http://10.0.0.1/mm", Currency: "TZS", AllowClearPIN: true}); err != nil {
		t.Error(err)
	}
}

func TestCallWithoutADeadlineGetsOne(t *testing.T) {
	g := connect(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, func(c *GSMAConfig) { c.Timeout = 20 * time.Millisecond })
	if _, err := g.Call(context.WithoutCancel(t.Context()), transfer()); err == nil {
		t.Error("it waited for ever, and then had no error")
	}
}
