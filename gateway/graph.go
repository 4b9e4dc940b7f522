package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/menus"
	"nyota/menus/graph"
)

// graphCommand draws the flow of the menus of a folder: exit status 0 if it was
// drawn, 1 if the menus have problems, 2 if they cannot be read.
func graphCommand(load func() (config.Config, error)) *cobra.Command {
	formats := map[string]func(io.Writer, string, ...*menus.Program) error{
		"svg": graph.SVG, "mermaid": graph.Mermaid, "dot": graph.DOT,
	}
	var format, file, lang, menu string
	cmd := &cobra.Command{
		Use: "graph [dir]", Short: "Draw the flow of the menus (default: menus.dir)", Args: cobra.MaximumNArgs(1),
		Example: "  gateway graph -o flow.svg\n  gateway graph --menu wallet --lang sw --format mermaid",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			draw := formats[format]
			if draw == nil {
				return fmt.Errorf("--format is svg, mermaid or dot, not %q", format)
			}
			dir, err := menuDir(cmd, cfg, args)
			if err != nil {
				return err
			}
			catalog, err := menus.Load(os.DirFS(dir), env(cfg))
			if err != nil {
				return unreadable(cmd, dir, err)
			}
			if lang != "" && !slices.Contains(catalog.Languages(), lang) {
				return fmt.Errorf("--lang: no menu has the language %q; there are %s", lang, strings.Join(catalog.Languages(), ", "))
			}
			var programs []*menus.Program
			for _, name := range catalog.Menus() {
				if p, ok := catalog.Program(name); ok && (menu == "" || menu == name) {
					programs = append(programs, p)
				}
			}
			if len(programs) == 0 {
				return fmt.Errorf("--menu: there is no menu %q; there are %s", menu, strings.Join(catalog.Menus(), ", "))
			}
			var b bytes.Buffer
			if err := draw(&b, lang, programs...); err != nil {
				return err
			}
			if file == "" {
				_, err = cmd.OutOrStdout().Write(b.Bytes())
				return err
			}
			return os.WriteFile(file, b.Bytes(), 0o644)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "svg", "svg, mermaid or dot")
	f.StringVarP(&file, "output", "o", "", "file to write (default: the standard output)")
	f.StringVar(&lang, "lang", "", "language of the texts (default: each menu's first)")
	f.StringVar(&menu, "menu", "", "only this menu")
	return cmd
}
