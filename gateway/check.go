package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/menus"
)

// env is what the operator's facts add to the menus.
func env(cfg config.Config) menus.Env {
	o := cfg.Operator
	return menus.Env{
		Country:  menus.Country{Prefix: o.CountryPrefix, National: o.NationalDigits, Trunk: o.TrunkPrefix},
		Currency: menus.Currency{Code: o.Currency, Minor: o.MinorUnits},
		Limits:   menus.Limits{Septets: cfg.Dialog.Septets, UCS2: cfg.Dialog.UCS2},
	}
}

// checkCommand reports every problem of the menus in a folder: exit status 0 if
// there is none, 1 if there are, 2 if the folder cannot be read.
func checkCommand(load func() (config.Config, error)) *cobra.Command {
	return &cobra.Command{
		Use: "check [dir]", Short: "Check the menus of a folder (default: menus.dir)", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			dir := cfg.Path(cfg.Menus.Dir)
			if len(args) > 0 {
				dir = args[0]
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				fmt.Fprintf(cmd.ErrOrStderr(), "gateway: %s is not a folder that can be read\n", dir)
				return exitError(2)
			}
			catalog, err := menus.Load(os.DirFS(dir), env(cfg))
			var problems menus.Problems
			switch {
			case errors.As(err, &problems):
				fmt.Fprintln(cmd.OutOrStdout(), problems.Error())
				fmt.Fprintf(cmd.OutOrStdout(), "%d problems in %s\n", len(problems), dir)
				return exitError(1)
			case err != nil:
				fmt.Fprintln(cmd.ErrOrStderr(), "gateway:", err)
				return exitError(2)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: no problems; menus %v, revision %s\n", dir, catalog.Menus(), catalog.Revision())
			return nil
		},
	}
}
