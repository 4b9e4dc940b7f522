package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/core"
	"nyota/gateway/load/outage"
	"nyota/sessions"
)

// outageCommand plays a bad night and reports what it came to.
func outageCommand() *cobra.Command {
	var o outageOptions
	cmd := &cobra.Command{
		Use: "outage --scenario FILE", Short: "Play a bad night of the core, with people", Args: cobra.NoArgs,
		Long: `Plays a scenario against a simulated core: customers dial, pay, give up and try
again. Without --smpp all is in this process, and they meet the gateway's dialog,
ledger, store, guard and connector; with it, a whole gateway runs as a process of its
own, they dial through an SMPP operator, and their SMS are read. Reports for each
phase what the core did of use as a share of what it could have done, unknown
outcomes, refusals, and latencies; and whether anything took effect twice, or anybody
was told other than the truth. If so the exit status is 1.

The policies timeout and breaker stand in for gateways that have only deadlines, or
a circuit breaker, and are there to compare with: they do not change the exit status, and are played in this
process in any case.`,
		Example: `  gateway load outage --scenario gateway/load/outage/scenarios/december-2018.yaml
  gateway load outage --scenario ... --policy nyota,timeout,breaker --report night.html
  gateway load outage --scenario ... --smpp`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return loadOutage(cmd.Context(), cmd.OutOrStdout(), os.Stderr, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.scenario, "scenario", "", "file of the scenario")
	f.StringSliceVar(&o.policies, "policy", []string{outage.Nyota}, "what stands before the core: nyota, timeout, breaker, or several, one after the other")
	f.BoolVar(&o.smpp, "smpp", false, "play nyota with a whole gateway as a process of its own, over SMPP")
	f.Uint64Var(&o.seed, "seed", 0, "decides what people do and when; 0: another night each time")
	f.Float64Var(&o.scale, "scale", 1, "phases are so many times as long")
	f.BoolVar(&o.json, "json", false, "report as JSON, a list with one object for each policy")
	f.StringVar(&o.report, "report", "", "write an HTML page with plots")
	f.StringVar(&o.texts, "texts", "menus/catalog/texts.yaml", "the installation's texts")
	if err := cmd.MarkFlagRequired("scenario"); err != nil {
		panic(err) // the flag was declared above
	}
	return cmd
}

type outageOptions struct {
	scenario, report, texts string
	policies                []string
	scale                   float64
	seed                    uint64
	json, smpp              bool
}

func loadOutage(ctx context.Context, out, progress io.Writer, o outageOptions) error {
	text, err := os.ReadFile(o.scenario)
	if err != nil {
		return err
	}
	s, err := outage.ReadScenario(text)
	if err != nil {
		return fmt.Errorf("%s: %w", o.scenario, err)
	}
	if o.scale <= 0 || o.scale > 1000 {
		return errors.New("load outage: --scale must be above 0, and at most 1000")
	}
	for _, policy := range o.policies {
		if !slices.Contains(outage.Policies(), policy) {
			return fmt.Errorf("load outage: there is no policy %q: --policy is one or several of %s", policy, strings.Join(outage.Policies(), ","))
		}
	}
	texts, err := os.ReadFile(o.texts)
	if err != nil {
		return fmt.Errorf("--texts: %w", err)
	}
	var all []outage.Result
	failed := false
	for _, policy := range o.policies {
		r, err := playOutage(ctx, progress, s.Scaled(o.scale), policy, texts, o)
		if err != nil {
			return err
		}
		all = append(all, r)
		failed = failed || policy == outage.Nyota && r.Failed()
		if !o.json {
			if _, err := r.WriteTo(out); err != nil {
				return err
			}
		}
	}
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(all); err != nil {
			return err
		}
	}
	if o.report != "" {
		var page bytes.Buffer
		if err := outage.Page(&page, s, all); err != nil {
			return err
		}
		if err := os.WriteFile(o.report, page.Bytes(), 0o644); err != nil { //nolint:gosec // a report to be shown around
			return err
		}
	}
	if failed {
		return exitError(1)
	}
	return nil
}

// playOutage plays one night in a folder of its own.
func playOutage(ctx context.Context, progress io.Writer, s outage.Scenario, policy string, texts []byte, o outageOptions) (r outage.Result, err error) {
	dir, err := os.MkdirTemp("", "nyota-outage-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	key, err := sessions.LoadOrCreateKey(filepath.Join(dir, "secret.key"))
	if err != nil {
		return r, err
	}
	keys, err := sessions.NewKeyring(key)
	if err != nil {
		return r, err
	}
	cfg := outage.Config{
		Scenario: s, Policy: policy, Seed: o.seed, Texts: texts, Dir: dir, Vault: keys,
		Store: func(dir string) (sessions.Store, error) {
			return sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
		},
		Connect: func(url string, horizon time.Duration, conns int) (outage.Connector, error) {
			return core.NewGSMA(core.GSMAConfig{URL: url, Currency: "TZS", Horizon: horizon, MaxConns: conns})
		},
		Progress: func(text string) { fmt.Fprintf(progress, "%s: %s\n", policy, text) },
	}
	if o.smpp && policy == outage.Nyota {
		return outage.RunOver(ctx, cfg, startOver)
	}
	return outage.Run(ctx, cfg)
}
