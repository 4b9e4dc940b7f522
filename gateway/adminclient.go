package main

import (
	"bytes"
	"context"
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
}

func (f *adminFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.url, "admin", "", "admin API of the running gateway (default: http:// and admin.listen of the configuration)")
	cmd.PersistentFlags().StringVar(&f.tokenFile, "token-file", "", "file with your admin token (default: $NYOTA_TOKEN, then admin.token of the configuration)")
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
