package main

import (
	"context"
	"crypto/tls"
	"log/slog"

	"nyota/gateway/config"
	"nyota/gateway/core"
	"nyota/sessions"
)

// openValkey opens the store that several gateways share.
func openValkey(ctx context.Context, c config.Store, log *slog.Logger) (sessions.Store, error) {
	opts := sessions.ValkeyOptions{
		Addresses: c.Addresses, Username: c.Username, Password: c.Password, DB: c.DB,
		Replicas: c.Replicas, Timeout: c.Timeout, Retention: c.Retain, AllowNoAOF: c.Volatile, Logger: log,
	}
	if c.TLS {
		opts.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return sessions.OpenValkey(ctx, opts)
}

// newGSMA makes the connector to a core that speaks the GSMA Mobile Money API.
func newGSMA(c config.Core, url, currency, pinKey string, log *slog.Logger) (*core.GSMA, error) {
	cfg := core.GSMAConfig{
		URL: url, Currency: currency, APIKey: core.NewSecret([]byte(c.APIKey)),
		AirtimeSubType: c.Airtime, Horizon: c.Horizon, Log: log,
	}
	if c.Token != "" {
		cfg.Bearer = func(context.Context) (string, error) { return c.Token, nil }
	}
	if pinKey != "" {
		pin, err := core.ReadPINKey(pinKey)
		if err != nil {
			return nil, err
		}
		cfg.PIN = pin
	}
	return core.NewGSMA(cfg)
}
