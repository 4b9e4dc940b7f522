package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
)

// adminFlags are the flags of every command that talks to a running gateway.
type adminFlags struct {
	url       string
	tokenFile string
	cert, key string
	ca        string
}

func (f *adminFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.url, "admin", "", "admin API of the running gateway (default: http:// and admin.listen of the configuration)")
	cmd.PersistentFlags().StringVar(&f.tokenFile, "token-file", "", "file with your admin token (default: $NYOTA_TOKEN, then admin.token of the configuration)")
	cmd.PersistentFlags().StringVar(&f.cert, "cert", "", "file with your certificate (PEM), in the place of a token")
	cmd.PersistentFlags().StringVar(&f.key, "key", "", "file with its key (PEM)")
	cmd.PersistentFlags().StringVar(&f.ca, "ca", "", "file with the authorities (PEM) that vouch for the gateway (default: the system's, and admin.tls_cert itself)")
}

// client returns a client of the gateway that the flags, the environment and the
// configuration name.
func (f *adminFlags) client(load func() (config.Config, error)) (*adminClient, config.Config, error) {
	cfg, err := load()
	if err != nil {
		return nil, cfg, err
	}
	c := &adminClient{base: strings.TrimRight(f.url, "/"), token: os.Getenv("NYOTA_TOKEN")}
	if c.base == "" {
		if cfg.Admin.Listen == "" {
			return nil, cfg, errors.New("admin.listen is off in the configuration: name the gateway with --admin")
		}
		c.base = "http://" + cfg.Admin.Listen
		if cfg.Admin.TLSCert != "" {
			c.base = "https://" + cfg.Admin.Listen
		}
	}
	if c.http.Transport, err = f.transport(cfg); err != nil {
		return nil, cfg, err
	}
	switch {
	case f.tokenFile != "":
		octets, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, cfg, fmt.Errorf("--token-file: %w", err)
		}
		c.token = strings.TrimSpace(string(octets))
	case c.token == "":
		c.token = cfg.Admin.Token
	}
	return c, cfg, nil
}

// transport is TLS as the flags and the configuration say.
func (f *adminFlags) transport(cfg config.Config) (http.RoundTripper, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	switch own := cfg.Path(cfg.Admin.TLSCert); {
	case f.ca != "":
		if conf.RootCAs, err = certificates(f.ca); err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
	case own != "":
		if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
			conf.RootCAs = x509.NewCertPool()
		}
		if pem, err := os.ReadFile(own); err == nil { //nolint:gosec // the operator names the file
			conf.RootCAs.AppendCertsFromPEM(pem)
		}
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("--cert, --key: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = conf
	return t, nil
}

// adminClient calls the admin API of a running gateway.
type adminClient struct {
	base, token string
	http        http.Client
}

// adminWithin bounds a call to the admin API that is not a stream.
const adminWithin = 60 * time.Second

// open makes a request and returns its answer's body, if it is 200. A refusal is
// an error with the words of the gateway.
func (c *adminClient) open(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body io.Reader
	if in != nil {
		octets, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(octets)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no gateway answers at %s: %w", c.base, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	words := strings.TrimSpace(string(text))
	if resp.StatusCode == http.StatusUnauthorized {
		words += ": set NYOTA_TOKEN, or name a file with --token-file"
	}
	return nil, errors.New(words)
}

// do makes a request and decodes its answer.
func (c *adminClient) do(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, adminWithin)
	defer cancel()
	body, err := c.open(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if out == nil {
		return nil
	}
	return json.NewDecoder(body).Decode(out)
}
