package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/gateway/ops"
	"nyota/menus"
)

// noticeCommand sets, lists and clears what operators plan and want said, on all
// gateways of a store.
func noticeCommand(load func() (config.Config, error)) *cobra.Command {
	var flags adminFlags
	cmd := &cobra.Command{Use: "notice", Short: "Planned maintenance and notices to customers", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	flags.add(cmd)
	cmd.AddCommand(noticeSet(load, &flags), &cobra.Command{
		Use: "list", Short: "List the notices", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, cfg, err := flags.client(load)
			if err != nil {
				return err
			}
			var all []ops.Notice
			if err := client.do(cmd.Context(), http.MethodGet, "/notices", nil, &all); err != nil {
				return err
			}
			return printNotices(cmd.OutOrStdout(), cfg, all)
		},
	}, &cobra.Command{
		Use: "clear id", Short: "Take a notice off", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, cfg, err := flags.client(load)
			if err != nil {
				return err
			}
			var n ops.Notice
			if err := client.do(cmd.Context(), http.MethodDelete, "/notices/"+url.PathEscape(args[0]), nil, &n); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "cleared:")
			return printNotices(cmd.OutOrStdout(), cfg, []ops.Notice{n})
		},
	})
	return cmd
}

func noticeSet(load func() (config.Config, error), flags *adminFlags) *cobra.Command {
	var call, from, until string
	party := map[string]*string{"biller": new(string), "till": new(string), "agent": new(string)}
	var texts []string
	var open, info bool
	cmd := &cobra.Command{Use: "set", Short: "Close a call or the whole service, keep one open, or say something", Args: cobra.NoArgs,
		Long: "Closes a call of the menus (--call transfer), or the whole service (--call all), from a time until another; or of\n" +
			"bills, merchants and withdrawals one alone: --call billpay --biller 100100, --call merchantpay --till 500100,\n" +
			"--call withdrawal --agent 10001. Customers read it before they type a PIN: in your words, or in the catalog's with the\n" +
			"time. With --open the call is open whatever the core's heartbeat says. With --info the text is said in front of first\n" +
			"screens, and nothing is closed.\n\n" +
			"Times are 22:00 (the next one), 2026-12-08T22:00, RFC 3339, or from now +2h; in the operator's time zone. Texts need\n" +
			"every language of the menus, fit one screen, and may say {until}.",
		Example: `  gateway notice set --call transfer --until +2h
  gateway notice set --call all --from 2026-12-09T01:00 --until 2026-12-09T03:00
  gateway notice set --call billpay --biller 100100 --until 22:00 --text "en=LUKU is closed till {until}." --text "sw=LUKU imefungwa hadi {until}." ...`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, cfg, err := flags.client(load)
			if err != nil {
				return err
			}
			n := ops.Notice{Kind: ops.NoticeClosed, Call: call}
			switch {
			case open && info:
				return errors.New("--open and --info are two notices")
			case open:
				n.Kind = ops.NoticeOpen
			case info:
				n.Kind = ops.NoticeInfo
				if n.Call == "" {
					n.Call = ops.AllCalls
				}
			}
			if n.Call == "" {
				return errors.New("--call names the call that is meant, or all for the whole service")
			}
			for _, name := range []string{"biller", "till", "agent"} {
				if v := *party[name]; v != "" {
					if takes := menus.PartyOf(call); takes != name {
						return fmt.Errorf("--%s names no one of --call %s: %s", name, call, partyCalls())
					}
					n.Call = menus.Party(call, v)
				}
			}
			zone, err := time.LoadLocation(cfg.Operator.Timezone)
			if err != nil {
				return err
			}
			now := time.Now().In(zone)
			if n.From, err = when(from, now); err != nil {
				return fmt.Errorf("--from: %w", err)
			}
			begin := now
			if !n.From.IsZero() {
				begin = n.From
			}
			if n.Until, err = when(until, begin); err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			if n.Text, err = byLanguage(texts); err != nil {
				return err
			}
			var set ops.Notice
			if err := client.do(cmd.Context(), http.MethodPost, "/notices", n, &set); err != nil {
				return err
			}
			return printNotices(cmd.OutOrStdout(), cfg, []ops.Notice{set})
		}}
	f := cmd.Flags()
	f.StringVar(&call, "call", "", "call of the menus that is meant, like transfer; all: the whole service")
	f.StringVar(party["biller"], "biller", "", "close this biller alone, with --call billpay")
	f.StringVar(party["till"], "till", "", "close this till alone, with --call merchantpay")
	f.StringVar(party["agent"], "agent", "", "close this agent alone, with --call withdrawal")
	f.StringVar(&from, "from", "", "when it begins (default: now)")
	f.StringVar(&until, "until", "", "when it ends (default: when it is cleared); +2h counts from its begin")
	f.StringArrayVar(&texts, "text", nil, "what customers read, as language=text; once for each language (default: the catalog's text)")
	f.BoolVar(&open, "open", false, "the call is open, whatever the core's heartbeat says")
	f.BoolVar(&info, "info", false, "closes nothing: the text is said in front of first screens")
	return cmd
}

// partyCalls says which flag goes with which call.
func partyCalls() string {
	var all []string
	for _, c := range menus.Calls() {
		if c.Party != "" {
			all = append(all, "--call "+c.Name+" takes --"+c.Party)
		}
	}
	return strings.Join(all, ", ")
}

// when reads a time of day, a time or a time from another one. A time of day is
// the next one after that. "" is the zero time.
func when(s string, after time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, ok := strings.CutPrefix(s, "+"); ok {
		length, err := time.ParseDuration(d)
		if err != nil || length <= 0 {
			return time.Time{}, fmt.Errorf("%q is no length of time like +90m", s)
		}
		return after.Add(length), nil
	}
	if t, err := time.ParseInLocation("15:04", s, after.Location()); err == nil {
		y, m, d := after.Date()
		t = time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, after.Location())
		if !t.After(after) {
			t = time.Date(y, m, d+1, t.Hour(), t.Minute(), 0, 0, after.Location())
		}
		return t, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, after.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 22:00, 2026-12-08T22:00 or +2h", s)
}

// byLanguage reads language=text.
func byLanguage(texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	all := map[string]string{}
	for _, t := range texts {
		lang, text, ok := strings.Cut(t, "=")
		if !ok || lang == "" {
			return nil, fmt.Errorf("--text %q: write it as language=text", t)
		}
		if _, twice := all[lang]; twice {
			return nil, fmt.Errorf("--text: there are two texts in %s", lang)
		}
		all[lang] = text
	}
	return all, nil
}

func printNotices(w io.Writer, cfg config.Config, all []ops.Notice) error {
	zone, err := time.LoadLocation(cfg.Operator.Timezone)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(w, "no notices")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tKIND\tCALL\tSTATE\tFROM\tUNTIL\tBY\tTEXT")
	const layout = "2006-01-02 15:04"
	for _, n := range all {
		until, text := "until it is cleared", "the catalog's"
		if !n.Until.IsZero() {
			until = n.Until.In(zone).Format(layout)
		}
		switch {
		case n.Kind == ops.NoticeOpen:
			text = ""
		case len(n.Text) > 0:
			text = n.Text["en"]
			if text == "" {
				for _, text = range n.Text {
					break
				}
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.ID, n.Kind, n.Call, n.State, n.From.In(zone).Format(layout), until, n.By, text)
	}
	return t.Flush()
}
