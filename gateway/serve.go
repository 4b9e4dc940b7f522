package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"runtime"

	"nyota/gateway/config"
)

// serveCommand runs a gateway until ctx ends.
func serveCommand(ctx context.Context, cfg config.Config, out, errOut io.Writer) error {
	defer runtime.KeepAlive(tuneCollector(ctx))
	log := newLogger(cfg.Log, errOut)
	g, err := Start(ctx, cfg, log)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		log.Info("stopped before it served")
		return nil
	case err != nil:
		return err
	}
	g.Announce(out)
	select {
	case <-ctx.Done():
	case err = <-g.Failed():
		log.Error("a part of the gateway stopped", "err", err)
	}
	log.Info("stopping", "within", cfg.Stop.Within)
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Stop.Within)
	defer cancel()
	return errors.Join(err, g.Stop(sctx))
}

func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // validated with the configuration
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// Announce says in a few lines what listens where and what to dial.
func (g *Gateway) Announce(w io.Writer) {
	cfg := g.cfg
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "  %-10s "+format+"\n", append([]any{what}, args...)...)
	}
	fmt.Fprintln(w, "Nyota serves.")
	base := "http://" + g.Addr("http")
	if g.smsc != nil {
		line("phone", "%s/phone", base)
	} else {
		line("http", "%s (no phone: simulator.smpp is off)", base)
	}
	for i, l := range cfg.SMPP.Links {
		kind := "operator"
		if g.smsc != nil && g.links[i].addr == g.Addr("simulator.smpp") {
			kind = "simulated operator"
		}
		line("smpp", "link %s to %s at %s", l.Name, kind, g.links[i].addr)
	}
	switches := g.Addr("simulator.core")
	if cfg.Core.Kind == "iso8583" {
		switches = g.Addr("simulator.control")
	}
	if switches != "" {
		line("core", "%s (simulated; faults: http://%s/faults)", g.coreURL, switches)
	} else {
		u, _ := url.Parse(g.coreURL)
		line("core", "%s", u.Redacted())
	}
	if cfg.Store.Kind == "embedded" {
		line("store", "embedded, in %s", cfg.Path(cfg.Store.Path))
	} else {
		line("store", "valkey at %v", cfg.Store.Addresses)
	}
	if addr := g.Addr("admin"); addr != "" {
		scheme := "http"
		if cfg.Admin.TLSCert != "" {
			scheme = "https"
		}
		line("admin", "%s://%s/readyz", scheme, addr)
	}
	if g.smsc != nil {
		hint := ""
		if g.Addr("simulator.core") != "" {
			hint = ", PIN " + testPIN
		}
		fmt.Fprintf(w, "Open %s/phone and dial %s as %s%s.\n", base, g.code(), testMSISDN, hint)
	}
}
