package main

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"nyota/gateway/config"
	"nyota/gateway/core"
	"nyota/gateway/core/daraja"
	"nyota/gateway/core/iso8583"
	"nyota/gateway/core/momo"
	"nyota/gateway/simulator/coresim"
	"nyota/gateway/simulator/darajasim"
	"nyota/gateway/simulator/momosim"
	"nyota/menus"
)

// connector is what main needs of every kind of core.
type connector interface {
	core.Switch
	Serves(call string) bool
	Close() error
}

// newCore makes the connector of the kind that the configuration names.
func newCore(s coreSetup) (connector, error) {
	c, url, currency, log := s.Core, s.url, s.currency, s.log
	switch c.Kind {
	case "gsma":
		return newGSMA(c, url, currency, s.path(c.PINKey), log)
	case "daraja":
		return newDaraja(s)
	case "iso8583":
		return newISO8583(s)
	case "momo":
		return momo.New(momo.Config{
			URL: url, Environment: c.MoMo.Environment, Currency: currency, Horizon: c.Horizon, Log: log,
			Collection: momoAccount(c.MoMo.Collection), Disbursement: momoAccount(c.MoMo.Disbursement),
		})
	}
	return nil, fmt.Errorf("unknown kind %q", c.Kind)
}

// coreSetup is what a connector is made from.
type coreSetup struct {
	config.Core
	url       string // in place of the configured one
	currency  string
	minor     int                            // decimals of an amount
	callbacks string                         // base URL of the callback listener
	nudge     func(callback string)          // inquires about the action that a callback's URL names
	refused   func(from, action, why string) // records a callback that was refused
	path      func(string) string            // of a configured file
	log       *slog.Logger
}

func newISO8583(s coreSetup) (connector, error) {
	i := s.ISO8583
	cfg := iso8583.Config{
		Address: strings.TrimPrefix(s.url, isoScheme), Terminal: i.Terminal, Merchant: i.Merchant, Acquirer: i.Acquirer, Currency: i.Currency,
		Minor: s.minor, InquiryCode: i.InquiryCode, ReverseAfter: i.ReverseAfter, Horizon: s.Horizon, Log: s.log,
	}
	if i.TLS {
		host, _, err := net.SplitHostPort(cfg.Address)
		if err != nil {
			return nil, fmt.Errorf("core.iso8583.address: %w", err)
		}
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	}
	if i.BCD {
		cfg.Spec = iso8583.DefaultSpec().PackBCD()
	}
	if i.Spec != "" {
		f, err := os.Open(s.path(i.Spec))
		if err != nil {
			return nil, fmt.Errorf("core.iso8583.spec: %w", err)
		}
		cfg.Spec, err = iso8583.ReadSpec(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("core.iso8583.spec: %s: %w", i.Spec, err)
		}
	}
	if i.PINKey != "" {
		key, err := hex.DecodeString(i.PINKey)
		if err != nil {
			return nil, errors.New("core.iso8583.pin_key: it is not hexadecimal")
		}
		if cfg.Encrypt, err = iso8583.TripleDES(key); err != nil {
			return nil, err
		}
	}
	return iso8583.New(cfg)
}

// isoScheme marks the address of a core that is no URL, where one is shown.
const isoScheme = "tcp://"

func newDaraja(s coreSetup) (connector, error) {
	d := s.Daraja
	cfg := daraja.Config{
		URL: s.url, Currency: s.currency, ConsumerKey: d.ConsumerKey, ConsumerSecret: core.NewSecret([]byte(d.ConsumerSecret)),
		ShortCode: d.ShortCode, Passkey: core.NewSecret([]byte(d.Passkey)), Callbacks: s.callbacks, Nudge: s.nudge, Refused: s.refused, Horizon: s.Horizon, Log: s.log,
	}
	if d.Initiator != "" {
		key, err := core.ReadPINKey(s.path(d.Certificate))
		if err != nil {
			return nil, fmt.Errorf("core.daraja.certificate: %w", err)
		}
		public, ok := key.Key.(*rsa.PublicKey)
		if !ok {
			return nil, errors.New("core.daraja.certificate: an RSA key is needed")
		}
		cfg.Payouts = &daraja.Initiator{Name: d.Initiator, Password: core.NewSecret([]byte(d.InitiatorPassword)), Key: public}
	}
	return daraja.New(cfg)
}

func momoAccount(a config.MoMoAccount) *momo.Account {
	if a.User == "" {
		return nil
	}
	return &momo.Account{User: a.User, Key: core.NewSecret([]byte(a.Key)), SubscriptionKey: core.NewSecret([]byte(a.SubscriptionKey))}
}

// simulatedCore is a core to try a kind with: it serves its API and /faults.
type simulatedCore interface {
	http.Handler
	Close() error
}

// newSimulatedCore returns the simulator of a kind.
func newSimulatedCore(kind string, log *slog.Logger) simulatedCore {
	switch kind {
	case "momo":
		return momosim.New(momosim.Config{Log: log})
	case "daraja":
		return darajasim.New(darajasim.Config{Log: log})
	}
	return coresim.New(coresim.Config{Log: log})
}

// servable names the calls of menus that a core cannot serve, each with a
// screen that makes it; nil if it can serve all.
func servable(kind string, serves func(call string) bool, catalog *menus.Catalog) error {
	var problems []error
	seen := map[string]bool{}
	for _, name := range catalog.Menus() {
		p, ok := catalog.Program(name)
		if !ok {
			continue
		}
		for _, s := range p.Flow("") {
			if s.Call != "" && !menus.Local(s.Call) && !serves(s.Call) && !seen[s.Call] {
				seen[s.Call] = true
				problems = append(problems, fmt.Errorf("core.kind: %s cannot serve the call %s, which screen %s of menu %s makes: take it out of the menus, or configure what it needs", kind, s.Call, s.ID, p.Menu()))
			}
		}
	}
	return errors.Join(problems...)
}

// newGSMA makes the connector to a core that speaks the GSMA Mobile Money API.
func newGSMA(c config.Core, url, currency, pinKey string, log *slog.Logger) (*core.GSMA, error) {
	cfg := core.GSMAConfig{
		URL: url, Currency: currency, APIKey: core.NewSecret([]byte(c.APIKey)),
		AirtimeSubType: c.Airtime, ChangePIN: c.ChangePIN, Horizon: c.Horizon, Log: log,
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
