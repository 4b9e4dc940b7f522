package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/gateway/ledger"
	"nyota/gateway/ops"
)

// ledgerCommand is for operators: what waits for them, and what they decide. All
// of it goes through the admin API of a gateway that runs.
func ledgerCommand(load func() (config.Config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Actions that wait for an operator, discrepancies, reconciliation"}
	flags := &adminFlags{}
	flags.add(cmd)
	asJSON := cmd.PersistentFlags().Bool("json", false, "print JSON")
	c := &ledgerCLI{flags: flags, load: load, json: asJSON}
	cmd.AddCommand(c.list(), c.show(), c.propose(),
		c.decide("confirm", "Confirm what another operator proposed", false),
		c.decide("withdraw", "Take a proposal back, your own or another's", true),
		c.discrepancies(), c.closeDiscrepancy(), reconcileCommand(c))
	return cmd
}

type ledgerCLI struct {
	flags *adminFlags
	load  func() (config.Config, error)
	json  *bool
}

func (c *ledgerCLI) client() (*adminClient, error) {
	client, _, err := c.flags.client(c.load)
	return client, err
}

func (c *ledgerCLI) print(w io.Writer, v any, text func(w io.Writer)) error {
	if *c.json {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	text(w)
	return nil
}

func (c *ledgerCLI) list() *cobra.Command {
	state := "manual"
	cmd := &cobra.Command{
		Use: "list", Short: "Actions that are not final, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var all ops.List[ops.CaseLine]
			if err := client.do(cmd.Context(), http.MethodGet, "/ledger/actions?state="+url.QueryEscape(state), nil, &all); err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), all, func(w io.Writer) {
				if len(all.Items) == 0 {
					fmt.Fprintf(w, "no action is %s\n", strings.ToUpper(state))
					return
				}
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "ID\tCREATED\tNUMBER\tCALL\tAMOUNT\tREFERENCE\tPROPOSED")
				for _, a := range all.Items {
					proposed := ""
					if p := a.Proposal; p != nil {
						proposed = p.Outcome + " by " + p.By
					}
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Created.Format(time.RFC3339), a.MSISDN, a.Call, a.Args["amount"], a.Reference, proposed)
				}
				_ = t.Flush()
				if all.More {
					fmt.Fprintln(w, "there are more")
				}
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", state, "manual, unknown, sent or accepted")
	return cmd
}

// find asks for the action that an argument names.
func (c *ledgerCLI) find(ctx context.Context, client *adminClient, name string) (ops.CaseLine, error) {
	var a ops.CaseLine
	err := client.do(ctx, http.MethodGet, "/ledger/actions/"+url.PathEscape(name), nil, &a)
	return a, err
}

func (c *ledgerCLI) printCase(w io.Writer, a ops.CaseLine) error {
	return c.print(w, a, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		line := func(name, value string) {
			if value != "" {
				fmt.Fprintf(t, "%s\t%s\n", name, value)
			}
		}
		at := func(at *time.Time) string {
			if at == nil {
				return ""
			}
			return at.Format(time.RFC3339)
		}
		line("id", a.ID)
		line("state", a.State)
		line("number", a.MSISDN)
		line("call", a.Call)
		for _, name := range slices.Sorted(maps.Keys(a.Args)) {
			line("  "+name, a.Args[name])
		}
		line("reference", a.Reference)
		line("core's reference", a.Ref)
		line("wire key", a.WireKey)
		line("reason", a.Reason)
		line("detail", a.Detail)
		line("created", a.Created.Format(time.RFC3339))
		line("sent", at(a.Sent))
		line("ended", at(a.Ended))
		line("inquiries", fmt.Sprint(a.Inquiries))
		line("next", at(a.Next))
		line("reverses", a.Reverses)
		line("reversal", a.Reversal)
		if p := a.Proposal; p != nil {
			line("proposed", strings.TrimSpace(p.Outcome+" "+p.Ref+p.Reason)+" by "+p.By+" at "+p.At.Format(time.RFC3339)+": "+p.Note)
		}
		for _, e := range a.History {
			line("history", strings.TrimSuffix(e.At.Format(time.RFC3339)+" "+e.By+" "+e.What+": "+e.Note, ": "))
		}
		_ = t.Flush()
	})
}

func (c *ledgerCLI) show() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "All that is recorded of an action: by its id, its reference or the core's", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			a, err := c.find(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			return c.printCase(cmd.OutOrStdout(), a)
		},
	}
}

// decision makes one of the requests that a person's token is needed for.
func (c *ledgerCLI) decision(cmd *cobra.Command, name, what string, body any) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	a, err := c.find(cmd.Context(), client, name)
	if err != nil {
		return err
	}
	path := "/ledger/actions/" + url.PathEscape(a.MSISDN) + "/" + url.PathEscape(a.ID) + "/" + what
	var after ops.CaseLine // a fresh one: what the answer leaves out is not there any more
	if err := client.do(cmd.Context(), http.MethodPost, path, body, &after); err != nil {
		return err
	}
	return c.printCase(cmd.OutOrStdout(), after)
}

func (c *ledgerCLI) propose() *cobra.Command {
	var v ledger.Verdict
	var done, rejected, reverse bool
	cmd := &cobra.Command{
		Use: "propose ID", Short: "Say what became of a MANUAL action, or that a DONE one is to be reversed; another operator confirms it",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case done:
				v.Outcome = ledger.SayDone
			case rejected:
				v.Outcome = ledger.SayRejected
			case reverse:
				v.Outcome = ledger.SayReverse
			}
			return c.decision(cmd, args[0], "propose", map[string]string{"outcome": v.Outcome, "ref": v.Ref, "reason": v.Reason, "note": v.Note})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&done, "done", false, "the core's books have it (needs --ref)")
	f.BoolVar(&rejected, "rejected", false, "the core's books do not have it: no money moved")
	f.BoolVar(&reverse, "reverse", false, "take a confirmed payment back")
	f.StringVar(&v.Ref, "ref", "", "the core's reference of the transaction")
	f.StringVar(&v.Reason, "code", "", "with --rejected: why, as customers are told: insufficient_funds, ... (default other)")
	f.StringVar(&v.Note, "reason", "", "why, in your words, for the record")
	cmd.MarkFlagsMutuallyExclusive("done", "rejected", "reverse")
	cmd.MarkFlagsOneRequired("done", "rejected", "reverse")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

func (c *ledgerCLI) decide(what, short string, note bool) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: what + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decision(cmd, args[0], what, map[string]string{"note": reason})
		},
	}
	if note {
		cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	}
	return cmd
}

func (c *ledgerCLI) discrepancies() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "discrepancies", Short: "Evidence that does not fit what is recorded, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			path := "/ledger/discrepancies"
			if all {
				path += "?all=1"
			}
			var list ops.List[ops.DiscrepancyLine]
			if err := client.do(cmd.Context(), http.MethodGet, path, nil, &list); err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), list, func(w io.Writer) {
				if len(list.Items) == 0 {
					fmt.Fprintln(w, "no discrepancy is open")
					return
				}
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "ID\tSTATE\tNUMBER\tRECORDED\tCLAIM\tTIMES\tLAST\tDETAIL")
				for _, d := range list.Items {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", d.ID, d.State, d.MSISDN, d.Recorded, d.Claim, d.Times, d.Last.Format(time.RFC3339), d.Detail)
				}
				_ = t.Flush()
				if list.More {
					fmt.Fprintln(w, "there are more")
				}
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "closed ones too")
	return cmd
}

func (c *ledgerCLI) closeDiscrepancy() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "close ID", Short: "Close a discrepancy, and say what it was", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			action, kind, ok := strings.Cut(args[0], "/")
			if !ok {
				return errors.New("a discrepancy's id is an action's id, a slash and a kind, as gateway ledger discrepancies prints it")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			a, err := c.find(cmd.Context(), client, action)
			if err != nil {
				return err
			}
			path := "/ledger/discrepancies/" + url.PathEscape(a.MSISDN) + "/" + url.PathEscape(a.ID) + "/" + url.PathEscape(kind) + "/close"
			var d ops.DiscrepancyLine
			if err := client.do(cmd.Context(), http.MethodPost, path, map[string]string{"note": reason}, &d); err != nil {
				return err
			}
			return c.print(cmd.OutOrStdout(), d, func(w io.Writer) { fmt.Fprintf(w, "%s is closed by %s\n", d.ID, d.ClosedBy) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "what it was, for the record")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}
