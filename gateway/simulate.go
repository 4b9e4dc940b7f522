package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/gateway/phone"
	"nyota/gateway/simulator"
	"nyota/gateway/simulator/isosim"
)

// simulateCommand runs one half of the simulator as a process of its own, beside
// a gateway whose configuration has that half off.
func simulateCommand(load func() (config.Config, error)) *cobra.Command {
	parent := &cobra.Command{Use: "simulate", Short: "Run a simulated operator or core by itself"}

	var listen, control, coreURL string
	var redeliver time.Duration
	var sink bool
	smsc := &cobra.Command{
		Use: "smsc", Short: "An operator: SMPP server with handsets, and the browser phone", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			if listen == "" {
				listen = cfg.Simulator.SMPP
			}
			if sink {
				return simulateSink(cmd.Context(), cmd.OutOrStdout(), newLogger(cfg.Log, os.Stderr), listen)
			}
			return simulateSMSC(cmd.Context(), cmd.OutOrStdout(), newLogger(cfg.Log, os.Stderr), listen, control, coreURL, redeliver)
		},
	}
	smsc.Flags().StringVar(&listen, "listen", "", "SMPP address (default: simulator.smpp)")
	smsc.Flags().StringVar(&control, "control", "127.0.0.1:8070", "HTTP address of the phone and of the handsets' control; empty: off")
	smsc.Flags().StringVar(&coreURL, "core", "", "base URL of a simulated core whose faults the phone can switch")
	smsc.Flags().DurationVar(&redeliver, "redeliver", 0, "how long an answer that was not acknowledged is delivered again to the next bind; 0: the dialogue fails")

	smsc.Flags().BoolVar(&sink, "sink", false, "for measuring: answer every submit_sm at once and keep nothing; no handsets, no phone")
	for _, other := range []string{"control", "core", "redeliver"} {
		smsc.MarkFlagsMutuallyExclusive("sink", other)
	}

	var coreListen, coreControl string
	core := &cobra.Command{
		Use: "core", Short: "A core switch of the kind core.kind, with faults to switch on", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			if coreListen == "" {
				coreListen = cfg.Simulator.Core
			}
			if !cmd.Flags().Changed("control") {
				coreControl = cfg.Simulator.Control
			}
			return simulateCore(cmd.Context(), cmd.OutOrStdout(), newLogger(cfg.Log, os.Stderr), cfg.Core.Kind, coreListen, coreControl)
		},
	}
	core.Flags().StringVar(&coreListen, "listen", "", "address (default: simulator.core); /faults and /effects too, where the core speaks HTTP")
	core.Flags().StringVar(&coreControl, "control", "", "HTTP address of /faults and /effects of core.kind iso8583; empty: off (default: simulator.control)")
	parent.AddCommand(smsc, core)
	return parent
}

func simulateSMSC(ctx context.Context, out io.Writer, log *slog.Logger, listen, control, coreURL string, redeliver time.Duration) error {
	if listen == "" {
		return errors.New("simulate smsc: no address: use --listen or simulator.smpp")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("simulate smsc: %w", err)
	}
	smsc := simulator.NewSMSC(simulator.SMSCConfig{Log: log, Redeliver: redeliver})
	fmt.Fprintf(out, "smsc listens on %s\n", ln.Addr())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if control != "" {
		web, err := lc.Listen(ctx, "tcp", control)
		if err != nil {
			return fmt.Errorf("simulate smsc: --control: %w", err)
		}
		opt := phone.Options{SMSC: smsc, Log: log}
		if coreURL != "" {
			opt.Core, opt.PIN = phone.HTTPCore(coreURL), testPIN
		}
		p, err := phone.New(opt)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.Handle("/phone", p)
		mux.Handle("/phone/", p)
		mux.Handle("/", smsc.Control())
		fmt.Fprintf(out, "control listens on %s\n", web.Addr())
		go func() { cancel(listenUntil(ctx, web, mux)) }()
	}
	return errors.Join(smsc.Serve(ctx, ln), unlessCanceled(context.Cause(ctx)))
}

// simulateSink runs an operator that only answers.
func simulateSink(ctx context.Context, out io.Writer, log *slog.Logger, listen string) error {
	if listen == "" {
		return errors.New("simulate smsc: no address: use --listen or simulator.smpp")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("simulate smsc: %w", err)
	}
	fmt.Fprintf(out, "smsc listens on %s\n", ln.Addr())
	return simulator.NewSink(simulator.SinkConfig{Log: log}).Serve(ctx, ln)
}

func simulateCore(ctx context.Context, out io.Writer, log *slog.Logger, kind, listen, control string) error {
	if listen == "" {
		return errors.New("simulate core: no address: use --listen or simulator.core")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("simulate core: %w", err)
	}
	fmt.Fprintf(out, "core listens on %s\n", ln.Addr())
	if kind == "iso8583" {
		return simulateISO8583(ctx, out, log, ln, control)
	}
	c := newSimulatedCore(kind, log)
	defer func() { _ = c.Close() }()
	return listenUntil(ctx, ln, c)
}

// simulateISO8583 runs a core whose own port speaks no HTTP, so that what is wrong
// with it is switched on another.
func simulateISO8583(ctx context.Context, out io.Writer, log *slog.Logger, ln net.Listener, control string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := isosim.New(isosim.Config{Log: log})
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if control != "" {
		var lc net.ListenConfig
		web, err := lc.Listen(ctx, "tcp", control)
		if err != nil {
			return errors.Join(fmt.Errorf("simulate core: --control: %w", err), ln.Close())
		}
		fmt.Fprintf(out, "control listens on %s\n", web.Addr())
		go func() { cancel(listenUntil(ctx, web, c.Control())) }()
	}
	return errors.Join(c.Serve(ln), unlessCanceled(context.Cause(ctx)))
}

// listenUntil serves h until ctx ends.
func listenUntil(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func unlessCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
