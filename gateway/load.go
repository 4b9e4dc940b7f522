package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/load"
)

// loadCommand makes traffic and measures. It needs no configuration file: what it
// measures may be anything that speaks SMPP.
func loadCommand() *cobra.Command {
	parent := &cobra.Command{Use: "load", Short: "Make traffic and measure what comes back"}

	var cfg load.Config
	var destination string
	var asJSON, allowErrors bool
	submit := &cobra.Command{
		Use: "submit --to ADDR", Short: "Send submit_sm over some binds", Args: cobra.NoArgs,
		Long: `Binds to a message centre, sends submit_sm and reports rates, errors and
percentiles of the latency.

Without --rate each slot of the windows sends again as soon as it is free. With
--rate requests are due by a schedule, and latency counts from the instant at
which each was due, also when the windows were full then.

The exit status is 1 after any error or unknown outcome, unless --allow-errors is
given. An interrupt ends the sending; what is under way is waited for and
reported. Something to measure against:

	gateway simulate smsc --sink --listen 127.0.0.1:2775`,
		Example: `  gateway load submit --to 127.0.0.1:2775 --binds 4 --window 100 --duration 10s
  gateway load submit --to 127.0.0.1:2775 --binds 4 --window 100 --pipeline --json
  gateway load submit --to 127.0.0.1:2775 --binds 2 --rate 5000 --duration 1m`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Message = load.Message(destination)
			return loadSubmit(cmd.Context(), cmd.OutOrStdout(), os.Stderr, cfg, asJSON, allowErrors)
		},
	}
	f := submit.Flags()
	f.StringVar(&cfg.To, "to", "", "SMPP address of the message centre, host:port")
	f.IntVar(&cfg.Binds, "binds", 1, "connections, each with its own bind")
	f.IntVar(&cfg.Window, "window", 10, "requests of each bind that may be unanswered")
	f.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long to send")
	f.Float64Var(&cfg.Rate, "rate", 0, "requests per second over all binds; 0: as many as the windows let through")
	f.BoolVar(&cfg.Pipeline, "pipeline", false, "send without waiting for answers, one goroutine per bind, instead of one per slot that waits")
	f.DurationVar(&cfg.ResponseTimeout, "timeout", 10*time.Second, "how long to wait for a response")
	f.StringVar(&cfg.Bind.SystemID, "system-id", "LOAD", "system_id to bind with")
	f.StringVar(&cfg.Bind.Password, "password", "", "password to bind with, at most 8 octets")
	f.StringVar(&destination, "destination", "255700000001", "number that the messages go to")
	f.BoolVar(&asJSON, "json", false, "report as one JSON object")
	f.BoolVar(&allowErrors, "allow-errors", false, "exit status 0 although there were errors")
	if err := submit.MarkFlagRequired("to"); err != nil {
		panic(err) // the flag was declared above
	}
	parent.AddCommand(submit, loadDialogueCommand(), outageCommand())
	return parent
}

// loadSubmit runs one measurement and reports to out. How it goes is shown on
// errOut if that is a terminal.
func loadSubmit(ctx context.Context, out io.Writer, errOut *os.File, cfg load.Config, asJSON, allowErrors bool) error {
	// What the defaults of a library would silently replace is a mistake here.
	if cfg.Binds < 1 || cfg.Window < 1 || cfg.Duration <= 0 || cfg.ResponseTimeout <= 0 {
		return errors.New("load submit: --binds, --window, --duration and --timeout must be above 0")
	}
	live := isTerminal(errOut)
	if live {
		cfg.Progress = func(p load.Progress) { fmt.Fprintf(errOut, "\r\x1b[K%s", p) }
	}
	r, err := load.Submit(ctx, cfg)
	if live {
		fmt.Fprint(errOut, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		_, err = r.WriteTo(out)
	}
	if err == nil && r.Failed() && !allowErrors {
		return exitError(1)
	}
	return err
}

// isTerminal reports whether f is a terminal: a character device that is not the
// null device, which is where output that nobody wants is sent.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
