package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nyota/gateway/config"
	"nyota/gateway/ops"
)

// The tokens of two persons, and the one that many share.
const (
	aminasToken  = "amina-0123456789abcdef"
	barakasToken = "baraka-0123456789abcdef"
	sharedToken  = "shared-0123456789abcdef"
)

// desk is an operator at a terminal, beside a gateway that runs.
type desk struct {
	t *testing.T
	g *Gateway
}

// as runs gateway ledger with a person's token; it returns the exit status and
// what was printed.
func (d desk) as(token string, args ...string) (code int, out string) {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	var buf bytes.Buffer
	root := command()
	root.SetOut(&buf)
	root.SetErr(&buf)
	root.SetArgs(append([]string{"--config", "../config.yaml", "ledger", "--admin", "http://" + d.g.Addr("admin"), "--token-file", file}, args...))
	code = status(root.ExecuteContext(context.Background()), &buf)
	return code, buf.String()
}

func (d desk) must(token string, args ...string) string {
	d.t.Helper()
	code, out := d.as(token, args...)
	if code != 0 {
		d.t.Fatalf("gateway ledger %s: %d %s", strings.Join(args, " "), code, out)
	}
	return out
}

// hasLine says whether a printed action has a line of this name.
func hasLine(out, name string) bool { return strings.Contains("\n"+out, "\n"+name+"  ") }

func deskConfig(t *testing.T) config.Config {
	cfg := testConfig(t)
	cfg.Admin.Token = sharedToken
	cfg.Admin.Tokens = []config.AdminToken{{Name: "amina", Token: aminasToken}, {Name: "baraka", Token: barakasToken}}
	cfg.Ledger.ManualAfter = time.Second
	return cfg
}

// strand makes a payment whose answer is lost and that inquiries never find, so
// that an operator must decide; it returns the action.
func strand(t *testing.T, d desk, amount string) ops.CaseLine {
	t.Helper()
	core := d.g.Addr("simulator.core")
	h := handset(t, d.g, payer)
	toPIN(t, h, "0700000002", amount)
	setFaults(t, core, map[string]any{"drop_answers": 1})
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "Do not repeat")
	setFaults(t, core, map[string]any{"down": true})
	var found ops.CaseLine
	eventually(t, "an operator's case", func() bool {
		var all ops.List[ops.CaseLine]
		if err := json.Unmarshal([]byte(d.must(sharedToken, "list", "--json")), &all); err != nil {
			t.Fatal(err)
		}
		for _, a := range all.Items {
			if a.Args["amount"] == amount {
				found = a
			}
		}
		return found.ID != ""
	})
	return found
}

func TestM5TwoOperatorsDecideWhatTheCoreNeverAnswered(t *testing.T) {
	g := startGateway(t, deskConfig(t))
	d := desk{t, g}
	if out := d.must(aminasToken, "list"); !strings.Contains(out, "no action is MANUAL") {
		t.Errorf("%s", out)
	}
	a := strand(t, d, "5000")
	propose := []string{"propose", a.Reference, "--done", "--ref", "QK1", "--reason", "found in the core's books"}
	for token, says := range map[string]string{sharedToken: "a person's own token is needed", "wrong-0123456789abcdef": "an admin token is needed"} {
		if code, out := d.as(token, propose...); code != 1 || !strings.Contains(out, says) {
			t.Errorf("%d %s", code, out)
		}
	}
	if out := d.must(aminasToken, propose...); !strings.Contains(out, "done QK1 by amina") {
		t.Errorf("%s", out)
	}
	if code, out := d.as(aminasToken, "confirm", a.ID); code != 1 || !strings.Contains(out, "another must confirm it") {
		t.Errorf("%d %s", code, out)
	}
	out := d.must(barakasToken, "withdraw", a.ID, "--reason", "look again")
	if !strings.Contains(out, "baraka withdrawn: look again") || hasLine(out, "proposed") {
		t.Errorf("%s", out)
	}
	if shown := d.must(barakasToken, "show", a.ID); shown != out {
		t.Errorf("withdraw printed\n%s\nand show\n%s", out, shown)
	}
	d.must(barakasToken, propose...)
	out = d.must(aminasToken, "confirm", a.ID)
	if !strings.Contains(out, "DONE") || !strings.Contains(out, "amina confirmed-done") || hasLine(out, "proposed") || hasLine(out, "next") {
		t.Errorf("%s", out)
	}
	if shown := d.must(aminasToken, "show", a.ID); shown != out {
		t.Errorf("confirm printed\n%s\nand show\n%s", out, shown)
	}
	if sms := inbox(t, handset(t, g, payer), 1)[0]; !strings.HasPrefix(sms.Text, "QK1/"+a.Reference+" ") || !strings.Contains(sms.Text, "You sent TZS 5,000") {
		t.Errorf("SMS %q", sms.Text)
	}
	inbox(t, handset(t, g, payee), 1)
	if out := d.must(sharedToken, "show", "QK1"); !strings.Contains(out, "amina confirmed-done") || !strings.Contains(out, "baraka withdrawn") {
		t.Errorf("%s", out)
	}
	if code, out := d.as(aminasToken, "show", "NOBODY"); code != 1 || !strings.Contains(out, "gateway ledger list and gateway ledger discrepancies have those that wait") {
		t.Errorf("%d %s", code, out)
	}
}

func TestReconcileComparesTheDayWithTheCoresStatement(t *testing.T) {
	stores(t, func(t *testing.T, cfg config.Config) {
		admin := deskConfig(t)
		cfg.Admin, cfg.Ledger.ManualAfter, cfg.Operator.Timezone = admin.Admin, admin.Ledger.ManualAfter, "UTC"
		g := startGateway(t, cfg)
		d := desk{t, g}
		core := g.Addr("simulator.core")
		h := handset(t, g, payer)
		toPIN(t, h, "0700000002", "7000")
		key(t, h, testPIN, "Enter PIN")
		shows(t, h, "confirmed")
		a := strand(t, d, "5000")
		t.Setenv("NYOTA_OPERATOR_TIMEZONE", "UTC") // of the command, whose days are its operator's
		today := a.Created.UTC().Format(time.DateOnly)

		resp, err := http.Get("http://" + core + "/statement.csv")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || strings.Count(string(text), "\n") != 3 {
			t.Fatalf("%s %v", text, err)
		}
		file := filepath.Join(t.TempDir(), "statement.csv")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(string(text) + "another,R9,transfer,900,0,completed," + a.Created.Format(time.RFC3339) + "\n")
		code, out := d.as(sharedToken, "reconcile", "--file", file, "--day", today)
		for _, want := range []string{"ours 2", "theirs 3", "agreed 1", "resolved 1", "foreign 1", a.ID} {
			if code != exitDifferences || !strings.Contains(out, want) {
				t.Errorf("%d: no %q in\n%s", code, want, out)
			}
		}
		write(string(text))
		if code, out = d.as(aminasToken, "reconcile", "--file", file, "--day", today, "--propose"); code != exitDifferences || !strings.Contains(out, "proposed: "+a.ID+" is done") {
			t.Errorf("%d %s", code, out)
		}
		d.must(barakasToken, "confirm", a.ID)
		inbox(t, h, 2)
		if code, out = d.as(sharedToken, "reconcile", "--file", file, "--day", today); code != 0 || !strings.Contains(out, "no difference") {
			t.Errorf("%d %s", code, out)
		}
		code, out = d.as(sharedToken, "reconcile", "--json", "--file", file, "--day", today)
		var sum struct{ Ours, Theirs, Agreed int }
		if err := json.Unmarshal([]byte(out), &sum); code != 0 || err != nil || sum.Ours != 2 || sum.Theirs != 2 || sum.Agreed != 2 {
			t.Errorf("%d %s", code, out)
		}
		for _, other := range []string{"2020-02-03", a.Created.UTC().AddDate(0, 0, 1).Format(time.DateOnly)} {
			if code, out = d.as(sharedToken, "reconcile", "--file", file, "--day", other); code != exitNoVerdict || !strings.Contains(out, "nothing was compared") || !strings.Contains(out, "2 lines of "+today) || strings.Contains(out, "no difference") {
				t.Errorf("the statement of another day: %d %s", code, out)
			}
		}
		write(strings.ReplaceAll(string(text), "completed,", "reversed,"))
		code, out = d.as(aminasToken, "reconcile", "--file", file, "--day", today, "--propose")
		for _, want := range []string{"state 2", "agreed 0", "do not have: reversed\n", a.ID} {
			if code != exitDifferences || !strings.Contains(out, want) || strings.Contains(out, "recorded:") {
				t.Errorf("%d: no %q in\n%s", code, want, out)
			}
		}
		write(strings.ReplaceAll(string(text), "completed,", "failed,"))
		if code, out = d.as(sharedToken, "reconcile", "--file", file, "--day", today, "--propose"); code != exitNoVerdict || !strings.Contains(out, "a person's own token is needed") {
			t.Errorf("%d %s", code, out)
		}
		for range 2 {
			code, out = d.as(aminasToken, "reconcile", "--file", file, "--day", today, "--propose")
			if code != exitDifferences || !strings.Contains(out, "state 2") || !strings.Contains(out, "recorded: discrepancy "+a.ID+"/late (open)") {
				t.Errorf("%d %s", code, out)
			}
		}
		if out = d.must(sharedToken, "discrepancies"); strings.Count(out, "/late") != 2 || !strings.Contains(out, "statement "+file+", line ") {
			t.Errorf("%s", out)
		}
		for _, args := range [][]string{
			{"--file", file + ".none"}, {"--file", file, "--day", "soon"}, {"--file", "../config.yaml"},
		} {
			if code, out := d.as(sharedToken, append([]string{"reconcile"}, args...)...); code != exitNoVerdict {
				t.Errorf("%v: %d %s", args, code, out)
			}
		}
		if code, _ := d.as("wrong", "reconcile", "--file", file); code != exitNoVerdict {
			t.Errorf("without a token: %d", code)
		}
	})
}

func TestDiscrepanciesAreListedAndClosed(t *testing.T) {
	g := startGateway(t, deskConfig(t))
	d := desk{t, g}
	a := strand(t, d, "5000")
	token, err := g.keys.SealToken(a.MSISDN, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	callback := func(token, body string) int {
		return httpJSON(t, http.MethodPut, "http://"+g.Addr("callbacks")+"/callbacks/"+token, json.RawMessage(body), nil)
	}
	wrong := `{"transactionReference":"F1","transactionStatus":"completed","amount":"9000","currency":"TZS"}`
	if code := callback(token, wrong); code != http.StatusConflict {
		t.Errorf("a callback of another amount: %d", code)
	}
	if code := callback("forged", wrong); code != http.StatusNotFound {
		t.Errorf("a callback of no URL of ours: %d", code)
	}
	out := d.must(sharedToken, "discrepancies")
	if !strings.Contains(out, a.ID+"/callback") || !strings.Contains(out, "names the amount 9000") {
		t.Errorf("%s", out)
	}
	if code, out := d.as(sharedToken, "close", a.ID+"/callback", "--reason", "a test"); code != 1 || !strings.Contains(out, "own token") {
		t.Errorf("%d %s", code, out)
	}
	d.must(aminasToken, "close", a.ID+"/callback", "--reason", "a test of ours")
	if out := d.must(sharedToken, "discrepancies"); !strings.Contains(out, "no discrepancy is open") {
		t.Errorf("%s", out)
	}
	if out := d.must(sharedToken, "discrepancies", "--all", "--json"); !strings.Contains(out, `"closed_by": "amina"`) {
		t.Errorf("%s", out)
	}
}

func TestTwoOperatorsTakeAConfirmedPaymentBackOnce(t *testing.T) {
	g := startGateway(t, deskConfig(t))
	d := desk{t, g}
	core := g.Addr("simulator.core")
	from, to := handset(t, g, payer), handset(t, g, payee)
	toPIN(t, from, "0700000002", "5000")
	key(t, from, testPIN, "Enter PIN")
	ref, _, _ := strings.Cut(shows(t, from, "confirmed").Screen, " ")
	inbox(t, from, 1)
	inbox(t, to, 1)

	d.must(aminasToken, "propose", ref, "--reverse", "--reason", "paid to a wrong number")
	if code, out := d.as(aminasToken, "confirm", ref); code != 1 || !strings.Contains(out, "another must confirm it") {
		t.Errorf("%d %s", code, out)
	}
	if all := effects(t, core); len(all) != 1 {
		t.Fatalf("one person moved money: %+v", all)
	}
	out := d.must(barakasToken, "confirm", ref)
	for _, want := range []string{"reversal", "DONE", "amina proposed-reverse: paid to a wrong number", "baraka confirmed-reverse"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// It is the reversal alone, without a field of what it takes back.
	_, id, _ := strings.Cut(out, "id ")
	id, _, _ = strings.Cut(strings.TrimSpace(id), "\n")
	if shown := d.must(barakasToken, "show", id); shown != out || hasLine(out, "reversal") || hasLine(out, "proposed") {
		t.Errorf("confirm printed\n%s\nand show\n%s", out, shown)
	}
	all := effects(t, core)
	if len(all) != 2 || all[1].Type != "reversal" || all[1].Times != 1 || all[1].Debit != payee || all[1].Credit != payer {
		t.Errorf("effects %+v", all)
	}
	for _, h := range []local{from, to} {
		if sms := inbox(t, h, 2)[1]; !strings.Contains(sms.Text, "Reversal: TZS 5,000 ("+ref+")") {
			t.Errorf("SMS %q", sms.Text)
		}
	}
	if code, out := d.as(aminasToken, "propose", ref, "--reverse", "--reason", "again"); code != 1 || !strings.Contains(out, "is DONE") {
		t.Errorf("%d %s", code, out)
	}
}
