// Command gateway is Nyota: a USSD and SMS gateway for mobile money.
//
//	gateway [serve]          serves, with all that config.yaml turns on
//	gateway check [dir]      checks menus
//	gateway test [dir]       runs the dialogue tests beside the menus
//	gateway graph [dir]      draws the flow of the menus
//	gateway ledger           what waits for operators, and the core's statement against ours
//	gateway menus            which menus serve: status, reload, promote, rollback
//	gateway notice           planned maintenance, and notices to customers
//	gateway phone            a phone in this terminal, at a running gateway
//	gateway simulate smsc    an operator, to try a gateway with
//	gateway simulate core    a core switch, to try a gateway with
//	gateway key new FILE     a key that seals secrets
//	gateway load submit      traffic, to measure a message centre with
//	gateway load dialogue    customers, to measure a gateway with
//	gateway load outage      a night with a sick core, to see beforehand what customers are told
//	gateway health           asks the running gateway how it is
//
// This package is commands and wiring only; every promise is kept below it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // containers have no time zones

	"github.com/spf13/cobra"

	"nyota/gateway/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once: what is durable stays so.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:]))
}

// exitError is an exit status that was already explained to the user.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run executes one command line and returns the process's exit status.
func run(ctx context.Context, args []string) int {
	root := command()
	root.SetArgs(goStyle(args))
	return status(root.ExecuteContext(ctx), os.Stderr)
}

// status is the exit status of a command that ended with err, which is said on w
// unless it was said already.
func status(err error, w io.Writer) int {
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	default:
		fmt.Fprintln(w, "gateway:", err)
		return 1
	}
}

// goStyle lets "gateway test -run X" mean --run X, as in "go test".
func goStyle(args []string) []string {
	args = slices.Clone(args)
	if slices.Contains(args, "test") {
		for i, a := range args {
			if a == "-run" || strings.HasPrefix(a, "-run=") {
				args[i] = "-" + a
			}
		}
	}
	return args
}

// command builds the command tree.
func command() *cobra.Command {
	var file string
	load := func() (config.Config, error) { return config.Load(file, os.Environ()) }
	serve := &cobra.Command{
		Use: "serve", Short: "Serve customers (the default command)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			return serveCommand(cmd.Context(), cfg, cmd.OutOrStdout(), os.Stderr)
		},
	}
	root := &cobra.Command{
		Use: "gateway", Short: "Nyota: a USSD and SMS gateway for mobile money",
		Args: cobra.NoArgs, RunE: serve.RunE,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&file, "config", "", "configuration file (default: config.yaml of the working directory)")
	root.AddCommand(serve, checkCommand(load), testCommand(load), graphCommand(load), simulateCommand(load), loadCommand(), ledgerCommand(load), menusCommand(load), healthCommand(load), keyCommand())
	root.AddCommand(noticeCommand(load), phoneCommand(load))
	return root
}
