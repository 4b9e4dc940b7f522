package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/menus"
	"nyota/menus/menutest"
)

// menuDir is the folder of menus that a command works on: its argument, else
// menus.dir.
func menuDir(cmd *cobra.Command, cfg config.Config, args []string) (string, error) {
	dir := cfg.Path(cfg.Menus.Dir)
	if len(args) > 0 {
		dir = args[0]
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		fmt.Fprintf(cmd.ErrOrStderr(), "gateway: %s is not a folder that can be read\n", dir)
		return dir, exitError(2)
	}
	return dir, nil
}

// placed are problems with their files named from where the command was given,
// so that editors and terminals find them.
func placed(dir string, problems menus.Problems) menus.Problems {
	all := make(menus.Problems, len(problems))
	for i, p := range problems {
		p.File = filepath.ToSlash(filepath.Join(dir, p.File))
		all[i] = p
	}
	return all
}

// unreadable explains an error of loading: problems on the standard output with
// exit status 1, anything else with 2.
func unreadable(cmd *cobra.Command, dir string, err error) error {
	var problems menus.Problems
	if !errors.As(err, &problems) {
		fmt.Fprintln(cmd.ErrOrStderr(), "gateway:", err)
		return exitError(2)
	}
	fmt.Fprintln(cmd.OutOrStdout(), placed(dir, problems).Error())
	fmt.Fprintf(cmd.OutOrStdout(), "%d problems in %s\n", len(problems), dir)
	return exitError(1)
}

// testCommand runs the dialogue tests beside the menus: exit status 0 if all
// pass, 1 if one fails or a file has problems, 2 if the folder cannot be read.
func testCommand(load func() (config.Config, error)) *cobra.Command {
	var run, junit string
	var update bool
	cmd := &cobra.Command{
		Use: "test [dir]", Short: "Run the dialogue tests beside the menus (default: menus.dir)", Args: cobra.MaximumNArgs(1),
		Long: "Runs every *.test.yaml of a folder against its menus: what is dialled, pressed, answered by the core,\n" +
			"shown and sent by SMS. The format is described by `go doc ./menus/menutest`.",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			only, err := regexp.Compile(run)
			if err != nil {
				return fmt.Errorf("--run: %w", err)
			}
			dir, err := menuDir(cmd, cfg, args)
			if err != nil {
				return err
			}
			catalog, err := menus.Load(os.DirFS(dir), env(cfg))
			if err != nil {
				return unreadable(cmd, dir, err)
			}
			suite, err := menutest.Load(os.DirFS(dir), catalog)
			if err != nil {
				return unreadable(cmd, dir, err)
			}
			report := suite.Run(only)
			if update {
				if suite, err = updateTests(cmd, dir, suite, report, catalog); err != nil {
					return err
				}
				report = suite.Run(only)
			}
			if junit != "" {
				var b bytes.Buffer
				if err := report.WriteJUnit(&b); err != nil {
					return err
				}
				if err := os.WriteFile(junit, b.Bytes(), 0o644); err != nil {
					return fmt.Errorf("--junit: %w", err)
				}
			}
			return reportTests(cmd, dir, report, run == "")
		},
	}
	f := cmd.Flags()
	f.StringVar(&run, "run", "", "only the cases whose names this regular expression matches")
	f.BoolVar(&update, "update", false, "write every exact text that differs anew")
	f.StringVar(&junit, "junit", "", "write the results to this file, as JUnit XML")
	return cmd
}

// updateTests rewrites the exact texts, and reads the files again.
func updateTests(cmd *cobra.Command, dir string, suite *menutest.Suite, report *menutest.Report, catalog *menus.Catalog) (*menutest.Suite, error) {
	files, err := suite.Updated(report)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return nil, err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: texts written anew\n", path)
	}
	suite, err = menutest.Load(os.DirFS(dir), catalog)
	if err != nil {
		return nil, unreadable(cmd, dir, err)
	}
	return suite, nil
}

// reportTests writes the failures, the coverage of a whole run, and the count.
func reportTests(cmd *cobra.Command, dir string, report *menutest.Report, whole bool) error {
	out := cmd.OutOrStdout()
	if err := report.WriteFailures(out, filepath.ToSlash(dir)+"/"); err != nil {
		return err
	}
	if whole {
		if err := menutest.WriteCoverage(out, report.Coverage); err != nil {
			return err
		}
	}
	switch failed := report.Failed(); {
	case failed > 0:
		fmt.Fprintf(out, "%s: %d of %d cases fail\n", dir, failed, len(report.Results))
		return exitError(1)
	case len(report.Results) == 0:
		fmt.Fprintf(out, "%s: no case to run\n", dir)
		return exitError(1)
	default:
		fmt.Fprintf(out, "%s: %d cases pass\n", dir, len(report.Results))
		return nil
	}
}
