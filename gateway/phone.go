package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"nyota/gateway/config"
	"nyota/gateway/phone"
)

// phoneCommand is the phone in a terminal: it ends with status 0, or 1 if no
// gateway answers or, in a script, if something did not work.
func phoneCommand(load func() (config.Config, error)) *cobra.Command {
	var t phone.Terminal
	var with []string
	cmd := &cobra.Command{
		Use: "phone", Short: "A phone in this terminal, at a gateway with the simulated operator", Args: cobra.NoArgs,
		Long: "Plays a phone of the simulated operator of a running gateway, as its page /phone does: what it dials goes over\n" +
			"SMPP. A line is a code, or an answer; /hangup ends a dialogue, Ctrl-D or Ctrl-C leaves. In a pipe it prompts for\n" +
			"nothing, prints screens and SMS, and fails if something did not work.",
		Example: "  gateway phone\n" +
			"  printf '*150*00*5#\\n1234\\n' | gateway phone --record balance.test.yaml\n" +
			"  gateway phone --at wallet.send_amount --with to=0700000002",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.URL == "" {
				cfg, err := load()
				if err != nil {
					return err
				}
				t.URL = "http://" + reachable(cfg.HTTP.Listen)
			}
			t.With = map[string]string{}
			for _, v := range with {
				name, value, ok := strings.Cut(v, "=")
				if !ok {
					return fmt.Errorf("--with is name=value, not %q", v)
				}
				t.With[name] = value
			}
			t.In, t.Out = cmd.InOrStdin(), cmd.OutOrStdout()
			if f, ok := t.In.(*os.File); ok {
				t.Echo = echoOf(f)
			}
			return t.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.URL, "url", "", "the gateway (default: http.listen of the configuration)")
	f.StringVar(&t.MSISDN, "msisdn", "", "number of the phone (default: the one that the gateway proposes)")
	f.StringVar(&t.Record, "record", "", "file for a dialogue test of the last dialogue, without its PINs")
	f.StringVar(&t.At, "at", "", "screen on which the first dialogue begins, like wallet.send_amount")
	f.StringArrayVar(&with, "with", nil, "a variable that --at needs, like to=0700000002; may be given several times")
	f.StringVar(&t.Lang, "lang", "", "language in which --at begins")
	return cmd
}

// reachable is the address at which this machine reaches a listener: one that
// listens everywhere is reached at loopback.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}
