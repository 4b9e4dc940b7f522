package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
)

// healthWithin bounds a probe: /readyz takes at most 2 s itself.
const healthWithin = 3 * time.Second

// healthCommand asks the gateway of the same configuration how it is: for
// containers, which have no curl.
func healthCommand(load func() (config.Config, error)) *cobra.Command {
	var ready bool
	c := &cobra.Command{
		Use: "health", Short: "Ask the running gateway how it is", Args: cobra.NoArgs,
		Long: `Asks /healthz of the gateway that runs with the same configuration on this machine,
or with --ready /readyz, and prints the answer. The exit status is 1 unless it is
well. Containers have no curl: this is their health check.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			return askHealth(cmd.Context(), cmd.OutOrStdout(), cfg.HTTP.Listen, path)
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "ask whether it can serve, not only whether it runs")
	return c
}

// askHealth gets a path of the listener at addr on this machine.
func askHealth(ctx context.Context, out io.Writer, addr, path string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	fmt.Fprintln(out, strings.TrimSpace(string(body)))
	if resp.StatusCode != http.StatusOK {
		return errors.New("health: " + resp.Status)
	}
	return nil
}
