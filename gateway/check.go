package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/menus"
	"nyota/menus/menutest"
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

// checkCommand reports every problem of the menus and their tests in a folder:
// exit status 0 if there is none, 1 if there are, 2 if the folder cannot be read.
func checkCommand(load func() (config.Config, error)) *cobra.Command {
	var format string
	var coverage, schema bool
	cmd := &cobra.Command{
		Use: "check [dir]", Short: "Check the menus of a folder (default: menus.dir)", Args: cobra.MaximumNArgs(1),
		Long: "Reports every problem of the menus and their dialogue tests at once, as file:line:col: code message, with a\n" +
			"caret and what to write instead. Exit status: 0 no problem, 1 problems, 2 the folder cannot be read.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema {
				_, err := cmd.OutOrStdout().Write(menus.Schema())
				return err
			}
			write := problemFormats[format]
			if write == nil {
				return fmt.Errorf("--format is text, json, github or sarif, not %q", format)
			}
			cfg, err := load()
			if err != nil {
				return err
			}
			dir, err := menuDir(cmd, cfg, args)
			if err != nil {
				return err
			}
			found := findings{Dir: dir, Problems: menus.Problems{}}
			suite, err := found.read(dir, env(cfg))
			if err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "gateway:", err)
				return exitError(2)
			}
			if suite != nil && coverage {
				report := suite.Run(nil)
				found.Problems = placed(dir, report.Problems())
				found.Coverage = report.Coverage
			}
			if err := write(cmd.OutOrStdout(), &found); err != nil {
				return err
			}
			if len(found.Problems) > 0 {
				return exitError(1)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "text, json, github (annotations of a workflow) or sarif")
	f.BoolVar(&coverage, "coverage", false, "run the tests too, and say which languages, screens, options and outcomes they reach")
	f.BoolVar(&schema, "schema", false, "write the JSON schema of the menus instead, for editors")
	return cmd
}

// findings are what a check found.
type findings struct {
	Dir      string
	Menus    []string
	Revision string
	Problems menus.Problems
	Coverage []menutest.Coverage
}

// read loads the menus and, if they are whole, their tests; suite is nil if one
// of them has problems. The error is of a folder that cannot be read.
func (f *findings) read(dir string, env menus.Env) (*menutest.Suite, error) {
	catalog, err := menus.Load(os.DirFS(dir), env)
	var suite *menutest.Suite
	if err == nil {
		f.Menus, f.Revision = catalog.Menus(), catalog.Revision()
		suite, err = menutest.Load(os.DirFS(dir), catalog)
	}
	var problems menus.Problems
	if errors.As(err, &problems) {
		f.Problems = placed(dir, problems)
		return nil, nil
	}
	return suite, err
}
