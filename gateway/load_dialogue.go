package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nyota/gateway/load"
)

// dialogueFlags are those of load dialogue beside its configuration.
type dialogueFlags struct {
	listen, script, page string
	asJSON, allowErrors  bool
	gates                load.Gates
}

// loadDialogueCommand plays an operator with customers.
func loadDialogueCommand() *cobra.Command {
	var cfg load.DialogueConfig
	var flags dialogueFlags
	c := &cobra.Command{
		Use: "dialogue --listen ADDR", Short: "Lead whole USSD dialogues with the gateways that bind", Args: cobra.NoArgs,
		Long: `Plays an operator: gateways bind to it, and simulated handsets walk through whole
USSD dialogues over SMPP. Every screen that comes is checked against the script: a
wrong one is an error.

A key that was not sent, or was refused for now (ESME_RTHROTTLED, ESME_RX_T_APPN,
ESME_RMSGQFUL, ESME_RINVBNDSTS), is delivered again as networks do: over another
bind, after pauses of 20 ms to 1 s, at most ten times and within --timeout. It counts
as redelivered. A key whose bind went before the response may have arrived; it is
delivered again too and counted beside. The gateway must take it once: a screen that
then comes twice, or the one before it, counts as shown again and the customer goes
on from there. None of this is an error, so that a gateway can be drained or killed
beside others under load. A dial while no gateway is bound is one.

While the store fails over and all binds stay, a gateway cannot know either whether
a customer saw the last screen, and shows it again for a key that came once. That is
an error unless --allow-shown-again is given: then it counts as shown again, too.

Without --rate each handset dials again as soon as its dialogue is over. With
--rate dialogues are due by a schedule. Latency counts from the instant at which a
key was meant to be pressed: by the schedule, or at the end of the customer's
pause, whatever was in the way of pressing it then.

A script is YAML: steps of a press (the first one is dialled) and the screen that
must follow, as text or as a pattern (RE2) that is found in it; end: true where the
gateway ends the dialogue. {peer} is the number of the next handset,
{count} a number from 100 on that is another one in each of a handset's dialogues.

	resumed: {match: 'Go on\?', press: "2"}     # may come first after a dialogue that broke off
	steps:
	  - {press: "*150*00#", match: '^Nyota Pesa'}
	  - {press: "1", text: "Enter the phone number\n0 Back"}

With sms: "15000" at its top each step is an SMS to that short code and the SMS that
answers it, so that a keyword service of any make can be measured the same way.

Two scripts are shipped: "walk" goes through the wallet's screens and calls nothing,
"pay" sends money between the handsets. A gateway takes the same text within a
second of the last step for the same key press, delivered twice: a script that
presses the same key twice in a row is refused if the shortest pause, --think less
its --spread, is below 1 s.

The exit status is 1 after any error, unless --allow-errors is given, if the 99th
percentile is over --max-p99, and if more than --max-missed of the dialogues that
were due by --rate were missed because no handset was free: then the rate was not
offered, and what was measured is another one. An interrupt ends the dialogues and
reports.`,
		Example: `  gateway load dialogue --listen 127.0.0.1:2776 --binds 4 --handsets 400 --duration 10s
  gateway load dialogue --listen 127.0.0.1:2776 --binds 4 --handsets 5000 --rate 1000 --think 500ms --spread 0.5 --abandon 0.1 --redial 0.05
  gateway load dialogue --listen 127.0.0.1:2776 --menu-script pay --handsets 9 --think 2s --max-p99 200ms --report pay.html`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return loadDialogue(cmd.Context(), cmd.OutOrStdout(), os.Stderr, cfg, flags)
		},
	}
	f := c.Flags()
	f.StringVar(&flags.listen, "listen", "", "SMPP address that gateways bind to, host:port")
	f.StringVar(&flags.script, "menu-script", "walk", "file with the script, or the name of one that is shipped: walk, pay")
	f.IntVar(&cfg.Handsets, "handsets", 100, "customers, each in one dialogue at a time")
	f.StringVar(&cfg.First, "first", "255700000001", "number of the first handset; the others follow it")
	f.Float64Var(&cfg.Rate, "rate", 0, "dialogues that are due per second; 0: as many as the gateway leads")
	f.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long to lead dialogues")
	f.DurationVar(&cfg.Think, "think", 0, "pause between a screen and the next key, on average")
	f.Float64Var(&cfg.Spread, "spread", 0.5, "share of --think by which it varies to either side")
	f.Float64Var(&cfg.Abandon, "abandon", 0, "share of dialogues in which the customer hangs up in the middle")
	f.Float64Var(&cfg.Redial, "redial", 0, "share of dialogues in which he hangs up in the middle and dials again at once")
	f.IntVar(&cfg.Binds, "binds", 1, "binds that must be there before the first dialogue")
	f.IntVar(&cfg.Window, "window", 100, "requests on each bind that may be unanswered")
	f.DurationVar(&cfg.BindWithin, "bind-within", time.Minute, "how long to wait for the binds")
	f.DurationVar(&cfg.Timeout, "timeout", 10*time.Second, "how long to wait for a screen or a response")
	f.StringVar(&cfg.Password, "password", "", "password that gateways must bind with; empty: any")
	f.DurationVar(&flags.gates.P99, "max-p99", 0, "exit status 1 if the 99th percentile of the latency is over it; 0: whatever it is")
	f.Float64Var(&flags.gates.Missed, "max-missed", 0.01, "exit status 1 if more than this share of the dialogues due by --rate was missed; 1: however many")
	f.BoolVar(&flags.asJSON, "json", false, "report as one JSON object")
	f.StringVar(&flags.page, "report", "", "write the report as an HTML page, too")
	f.BoolVar(&cfg.ShownAgain, "allow-shown-again", false, "a dialogue's last screen may come again for any key: for runs in which the store or a gateway is made to fail")
	f.BoolVar(&flags.allowErrors, "allow-errors", false, "exit status 0 although there were errors")
	if err := c.MarkFlagRequired("listen"); err != nil {
		panic(err) // the flag was declared above
	}
	return c
}

// loadDialogue leads dialogues and reports to out. How it goes is told on errOut.
func loadDialogue(ctx context.Context, out io.Writer, errOut *os.File, cfg load.DialogueConfig, flags dialogueFlags) (err error) {
	// What the defaults of a library would silently replace is a mistake here.
	switch {
	case cfg.Binds < 1 || cfg.Handsets < 1 || cfg.Window < 1 || cfg.Duration <= 0 || cfg.Timeout <= 0 || cfg.BindWithin <= 0 || cfg.First == "":
		return errors.New("load dialogue: --binds, --handsets, --first, --window, --duration, --timeout and --bind-within must not be empty or 0")
	case flags.gates.P99 < 0:
		return fmt.Errorf("load dialogue: --max-p99 %v: it takes 0 or more", flags.gates.P99)
	case !(flags.gates.Missed >= 0 && flags.gates.Missed <= 1):
		return fmt.Errorf("load dialogue: --max-missed %g: it takes 0 to 1", flags.gates.Missed)
	}
	if cfg.Script, err = menuScript(flags.script); err != nil {
		return err
	}
	var page *os.File
	if flags.page != "" {
		// Before the run, which may be long. What is there is kept until there is a report.
		if page, err = os.OpenFile(flags.page, os.O_WRONLY|os.O_CREATE, 0o644); err != nil {
			return fmt.Errorf("load dialogue: --report: %w", err)
		}
		defer func() { _ = page.Close() }()
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", flags.listen)
	if err != nil {
		return fmt.Errorf("load dialogue: %w", err)
	}
	live := isTerminal(errOut)
	if live {
		fmt.Fprintf(errOut, "waiting for %d binds on %s", cfg.Binds, l.Addr())
	}
	cfg.Progress = tell(errOut, live)
	r, err := load.Dialogue(ctx, l, cfg)
	if live {
		fmt.Fprint(errOut, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if flags.asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		_, err = r.WriteTo(out)
	}
	if page != nil {
		err = errors.Join(err, writePage(page, r, flags.gates))
	}
	if err != nil {
		return fmt.Errorf("load dialogue: %w", err)
	}
	bad := r.Failed() && !flags.allowErrors
	if r.Slow(flags.gates.P99) {
		why := fmt.Sprintf("p99 is over %v", flags.gates.P99)
		if r.Steps == 0 {
			why = "no right screen came, and so there is no p99"
		}
		fmt.Fprintln(errOut, "load dialogue:", why)
		bad = true
	}
	if r.Short(flags.gates.Missed) {
		fmt.Fprintln(errOut, "load dialogue: the rate was not offered: more handsets are needed, or a lower --rate; --max-missed says what may be missed")
		bad = true
	}
	if bad {
		return exitError(1)
	}
	return nil
}

// tellEvery is how often it is told how it goes where that is no terminal.
const tellEvery = 5 * time.Second

// tell writes how it goes: over the line before on a terminal, and otherwise a line
// now and then.
func tell(w io.Writer, terminal bool) func(load.Progress) {
	if terminal {
		return func(p load.Progress) { fmt.Fprintf(w, "\r\x1b[K%s", p) }
	}
	told := time.Duration(0)
	return func(p load.Progress) {
		// Half a second: the ticks are not exact.
		if p.Elapsed-told >= tellEvery-500*time.Millisecond {
			told = p.Elapsed
			fmt.Fprintln(w, p)
		}
	}
}

// menuScript is a shipped script, or one in a file.
func menuScript(name string) (*load.Script, error) {
	if name == "walk" || name == "pay" {
		return load.BuiltIn(name)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("load dialogue: --menu-script: %w", err)
	}
	return load.ParseScript(name, src)
}

// writePage writes the page in the place of what file has.
func writePage(file *os.File, r load.DialogueReport, g load.Gates) error {
	if info, err := file.Stat(); err != nil {
		return err
	} else if info.Mode().IsRegular() {
		if err := file.Truncate(0); err != nil {
			return err
		}
	}
	if err := r.WriteHTML(file, g); err != nil {
		return err
	}
	return file.Close()
}
