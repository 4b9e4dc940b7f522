package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/gateway/ops"
)

// menusCommand says and changes which menus a running gateway, and all others on
// its store, serve.
func menusCommand(load func() (config.Config, error)) *cobra.Command {
	var flags adminFlags
	var asJSON bool
	cmd := &cobra.Command{Use: "menus", Short: "Which menus serve: status, reload, promote, roll back", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	flags.add(cmd)
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print the status as JSON")

	call := func(cmd *cobra.Command, method, path string, query url.Values) error {
		client, _, err := flags.client(load)
		if err != nil {
			return err
		}
		if len(query) > 0 {
			path += "?" + query.Encode()
		}
		var st ops.MenusStatus
		if err := client.do(cmd.Context(), method, path, nil, &st); err != nil {
			return err
		}
		if asJSON {
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(st)
		}
		return printMenus(cmd.OutOrStdout(), st)
	}
	status := &cobra.Command{Use: "status", Short: "Say what serves, and how dialogues fare on each revision", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return call(cmd, http.MethodGet, "/menus", nil) }}
	reload := &cobra.Command{Use: "reload", Short: "Publish the menu files of that gateway", Args: cobra.NoArgs,
		Long: "Publishes the menu files of the gateway that is asked: on trial for menus.canary.percent of the numbers, if that is\n" +
			"set, and otherwise for all. Files with errors change nothing; the errors are printed.",
		RunE: func(cmd *cobra.Command, _ []string) error { return call(cmd, http.MethodPost, "/menus/reload", nil) }}

	named := func(args []string) url.Values {
		q := url.Values{}
		if len(args) == 1 {
			q.Set("revision", args[0])
		}
		return q
	}
	var percent float64
	promote := &cobra.Command{Use: "promote [revision]", Short: "Give the revision on trial to all numbers, or to more of them", Args: cobra.MaximumNArgs(1),
		Long: "Gives the revision on trial to all numbers, or with --percent to that share. With a revision named, it is done only\n" +
			"if that is the one on trial.",
		RunE: func(cmd *cobra.Command, args []string) error {
			q := named(args)
			if cmd.Flags().Changed("percent") {
				q.Set("percent", strconv.FormatFloat(percent, 'f', -1, 64))
			}
			return call(cmd, http.MethodPost, "/menus/promote", q)
		}}
	promote.Flags().Float64Var(&percent, "percent", 100, "of the numbers that get it")
	rollback := &cobra.Command{Use: "rollback [revision]", Short: "End the trial, or else return to the revision before", Args: cobra.MaximumNArgs(1),
		Long: "Ends the trial, if there is one, and otherwise returns to the revision before the current one. With a revision named,\n" +
			"it is done only if that is the one on trial, or the current one.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return call(cmd, http.MethodPost, "/menus/rollback", named(args))
		}}
	cmd.AddCommand(status, reload, promote, rollback)
	return cmd
}

// printMenus prints a status for people.
func printMenus(w io.Writer, st ops.MenusStatus) error {
	line := func(what, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-10s %s\n", what, value)
		}
	}
	line("serving", st.Current)
	if st.Canary != "" {
		line("on trial", fmt.Sprintf("%s, for %g %% of the numbers", st.Canary, st.Percent))
	}
	line("before", st.Previous)
	switch st.Files {
	case st.Current, st.Canary, "":
	default:
		line("files", st.Files+" (of "+st.Node+"; not serving: `gateway menus reload` publishes them)")
	}
	line("behind", st.Behind)
	if st.Broken != "" {
		fmt.Fprintf(w, "the files of %s have errors and do not serve:\n%s\n", st.Node, st.Broken)
	}
	fmt.Fprintf(w, "\ndialogues on %s since it started:\n", st.Node)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "REVISION\tPUBLISHED\tBY\tNOW\tOPEN\tBEGUN\tCOMPLETED\tABANDONED\tFAILED\tCOMPLETION")
	for _, r := range st.Revisions {
		now, completion := "", "-"
		switch r.Revision {
		case st.Current:
			now = "serving"
		case st.Canary:
			now = "on trial"
		case st.Previous:
			now = "before"
		}
		if r.Completion != nil {
			completion = fmt.Sprintf("%.1f %%", 100**r.Completion)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", r.Revision, r.Published.Local().Format("2006-01-02 15:04"), r.By, now,
			r.Open, r.Begun, r.Completed, r.Abandoned, r.Failed, completion)
	}
	return t.Flush()
}
