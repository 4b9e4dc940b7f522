package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nyota/gateway/config"
	"nyota/gateway/simulator"
	"nyota/sessions/storetest"
)

const (
	payer = "255700000001"
	payee = "255700000002"
	agent = "255710000001"
)

// toPIN dials the wallet and goes to the PIN of a transfer.
func toPIN(t *testing.T, h dialler, to, amount string) simulator.Snapshot {
	t.Helper()
	if err := h.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	key(t, h, "1", "Send money")
	key(t, h, to, "phone number")
	key(t, h, amount, "Enter amount")
	return shows(t, h, "Enter PIN")
}

// stores are the configurations of every store that a gateway can have.
func stores(t *testing.T, test func(t *testing.T, cfg config.Config)) {
	t.Run("embedded", func(t *testing.T) { test(t, testConfig(t)) })
	t.Run("valkey", func(t *testing.T) {
		cfg := testConfig(t)
		cfg.Store.Kind, cfg.Store.Addresses = "valkey", []string{storetest.StartValkey(t)}
		test(t, cfg)
	})
}

func TestPaymentIsConfirmedOnScreenAndByTwoSMS(t *testing.T) {
	stores(t, func(t *testing.T, cfg config.Config) {
		g := startGateway(t, cfg)
		from, to := handset(t, g, payer), handset(t, g, payee)
		s := toPIN(t, from, "0700000002", "5000")
		if !s.Secret || !strings.Contains(s.Screen, "Fee TZS") || strings.Contains(s.Screen, "not available") {
			t.Errorf("before the PIN: %q", s.Screen)
		}
		key(t, from, testPIN, "Enter PIN")
		last := shows(t, from, "confirmed", "5,000")
		if !last.Ended {
			t.Error("the dialogue goes on")
		}
		sent, received := inbox(t, from, 1)[0], inbox(t, to, 1)[0]
		ref, _, _ := strings.Cut(last.Screen, " ")
		for _, m := range []simulator.SMS{sent, received} {
			if !strings.HasPrefix(m.Text, ref+" ") || !strings.Contains(m.Text, "5,000") || m.From != "NYOTA" {
				t.Errorf("SMS from %s: %q, want reference %s", m.From, m.Text, ref)
			}
		}
		all := effects(t, g.Addr("simulator.core"))
		if len(all) != 1 || all[0].Times != 1 || all[0].Amount != "5000" {
			t.Errorf("effects %+v", all)
		}
		for _, e := range last.Transcript {
			if e.Kind == simulator.KindAnswer && strings.Contains(e.Text, testPIN) {
				t.Error("the PIN is in the transcript")
			}
		}
	})
}

func TestEveryErrandOfTheWallet(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	till := handset(t, g, agent)
	before := len(effects(t, g.Addr("simulator.core")))
	for _, tc := range []struct {
		name string
		keys []string
		says []string
		ends bool
	}{
		{"airtime for myself", []string{"2", "1", "1000", testPIN}, []string{"confirmed", "1,000"}, true},
		// Not 2 and 2: the same key twice within a second is one (M9).
		{"airtime for another", []string{"2", "1", "0", "2", "0700000003", "1000", testPIN}, []string{"confirmed", "1,000"}, true},
		{"electricity", []string{"3", "1", "01234567890", "2000", testPIN}, []string{"confirmed", "LUKU"}, true},
		{"cash at an agent", []string{"4", "10001", "20000", testPIN}, []string{"confirmed", "10001"}, true},
		{"balance", []string{"5", testPIN}, []string{"balance is TZS"}, false},
		{"statement", []string{"6", testPIN}, []string{"Last transactions"}, false},
		{"language", []string{"8", "2"}, []string{"Tuma pesa"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := h.dial("*150*00#"); err != nil {
				t.Fatal(err)
			}
			for _, k := range tc.keys {
				key(t, h, k)
			}
			if s := shows(t, h, tc.says...); s.Ended != tc.ends {
				t.Errorf("ended %v, want %v: %q", s.Ended, tc.ends, s.Screen)
			}
			_ = h.hangUp()
		})
	}
	if n := len(effects(t, g.Addr("simulator.core"))) - before; n < 4 {
		t.Errorf("%d effects at the core", n)
	}
	paid := inbox(t, till, 1)
	if !strings.Contains(paid[0].Text, "20,000") || !strings.Contains(paid[0].Text, "Pay out") {
		t.Errorf("the agent reads %q", paid[0].Text)
	}
}

func TestRefusalsAreSaidInTheCustomersWordsWithAWayOn(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	t.Run("wrong PIN", func(t *testing.T) {
		toPIN(t, h, "0700000002", "5000")
		key(t, h, "9999", "Enter PIN")
		key(t, h, testPIN, "Wrong PIN", "Enter PIN")
		shows(t, h, "confirmed")
	})
	t.Run("too little money", func(t *testing.T) {
		toPIN(t, h, "0700000002", "4000000")
		key(t, h, testPIN, "Enter PIN")
		key(t, h, "1", "not enough", "No money moved")
		shows(t, h, "Enter amount")
		_ = h.hangUp()
	})
	t.Run("unknown payee", func(t *testing.T) {
		if err := h.dial("*150*00#"); err != nil {
			t.Fatal(err)
		}
		key(t, h, "1", "Send money")
		key(t, h, "0799999999", "phone number")
		key(t, h, "5000", "Enter amount")
		shows(t, h, "not found", "phone number")
		_ = h.hangUp()
	})
}

func TestM4LostAnswerIsWaitedForAndSettledByOneSMS(t *testing.T) {
	stores(t, func(t *testing.T, cfg config.Config) {
		g := startGateway(t, cfg)
		core := g.Addr("simulator.core")
		from, to := handset(t, g, payer), handset(t, g, payee)
		toPIN(t, from, "0700000002", "5000")
		setFaults(t, core, map[string]any{"drop_answers": 1.0})
		key(t, from, testPIN, "Enter PIN")
		s := shows(t, from, "Do not repeat")
		if len(s.Inbox) != 0 || !s.Ended {
			t.Errorf("told %d SMS before anything is known", len(s.Inbox))
		}
		if all := effects(t, core); len(all) != 1 || all[0].Times != 1 {
			t.Fatalf("effects %+v", all)
		}
		setFaults(t, core, map[string]any{"drop_answers": 0.0})
		told := regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{8}\b`).FindString(s.Screen)
		if sms := inbox(t, from, 1); !strings.Contains(sms[0].Text, "You sent TZS 5,000") || told == "" || !strings.Contains(sms[0].Text, "/"+told+" ") {
			t.Errorf("%q, where the screen told %q", sms[0].Text, told)
		}
		if sms := inbox(t, to, 1); strings.Contains(sms[0].Text, told) {
			t.Errorf("the payee, who was told no reference before: %q", sms[0].Text)
		}
		eventually(t, "nothing is open", func() bool {
			var open []any
			httpJSON(t, http.MethodGet, "http://"+g.Addr("admin")+"/actions/"+payer, nil, &open)
			return len(open) == 0
		})
		if all := effects(t, core); len(all) != 1 || all[0].Times != 1 {
			t.Errorf("effects %+v", all)
		}
		if s, _ := from.snapshot(); len(s.Inbox) != 1 {
			t.Errorf("%d SMS for one outcome", len(s.Inbox))
		}
	})
}

func TestDeadCoreIsSaidBeforeThePIN(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	setFaults(t, g.Addr("simulator.core"), map[string]any{"down": true})
	eventually(t, "the heartbeat notices", func() bool { _, down := g.watch.Down("transfer"); return down })
	if err := h.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	key(t, h, "1", "not available now")
	shows(t, h, "not available")
	setFaults(t, g.Addr("simulator.core"), map[string]any{"down": false})
	eventually(t, "the heartbeat recovers", func() bool { _, down := g.watch.Down("transfer"); return !down })
	_ = h.hangUp()
	toPIN(t, h, "0700000002", "5000")
}

func TestGatewayWithoutAnOperatorRunsAndSaysWhy(t *testing.T) {
	cfg := testConfig(t)
	cfg.Simulator.SMPP = ""
	cfg.SMPP.Links[0].Address = freePort(t)
	g := startGateway(t, cfg)
	var body struct {
		Ready  bool
		Checks []struct {
			Name  string
			OK    bool
			Error string
		}
	}
	eventually(t, "a failed bind is reported", func() bool {
		code := httpJSON(t, http.MethodGet, "http://"+g.Addr("http")+"/readyz", nil, &body)
		return code == http.StatusServiceUnavailable && strings.Contains(body.Checks[2].Error, "refused")
	})
	if body.Ready || body.Checks[2].Name != "smpp" || !body.Checks[0].OK {
		t.Errorf("%+v", body)
	}
	if code := httpJSON(t, http.MethodGet, "http://"+g.Addr("http")+"/healthz", nil, nil); code != http.StatusOK {
		t.Errorf("/healthz %d", code)
	}
}

func TestEditedMenuServesTheNextDialAndABrokenOneNobody(t *testing.T) {
	cfg := testConfig(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../menus/catalog")); err != nil {
		t.Fatal(err)
	}
	edit := func(from, to string) {
		t.Helper()
		path := filepath.Join(dir, "wallet.yaml")
		octets, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(octets), from) {
			t.Fatal("cannot edit", err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(octets), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Menus.Dir = dir
	g := startGateway(t, cfg)
	old, fresh := handset(t, g, payer), handset(t, g, payee)
	if err := old.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	shows(t, old, "Send money")
	before := g.menus.Current().Revision()
	edit("en: Send money", "en: Send shillings")
	eventually(t, "the new revision", func() bool { return g.menus.Current().Revision() != before })
	if err := fresh.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	shows(t, fresh, "Send shillings")
	_ = fresh.hangUp()
	key(t, old, "1")
	key(t, old, "0", "phone number")
	shows(t, old, "Send money") // on the menu it began on

	edit("go: send_to", "go: nowhere")
	eventually(t, "the broken edit is noticed", func() bool { return g.menus.Broken() != nil })
	if !strings.Contains(g.menus.Broken().Error(), "wallet.yaml:") {
		t.Errorf("%v", g.menus.Broken())
	}
	if err := fresh.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	shows(t, fresh, "Send shillings")
}

func TestCallDetailRecordsTellTheStoryWithoutSecrets(t *testing.T) {
	cfg := testConfig(t)
	g := startGateway(t, cfg)
	h := handset(t, g, payer)
	toPIN(t, h, "0700000002", "5000")
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "confirmed")
	var text string
	eventually(t, "the records", func() bool {
		octets, _ := os.ReadFile(filepath.Join(cfg.CDR.Dir, "cdr-"+time.Now().UTC().Format(time.DateOnly)+".jsonl"))
		text = string(octets)
		return strings.Contains(text, `"type":"dialogue"`)
	})
	for _, want := range []string{`"state":"ACCEPTED"`, `"state":"SENT"`, `"state":"DONE"`, `"amount":"5000"`, `"end":"end"`, `"answers":4`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, `"`+testPIN+`"`) || strings.Contains(text, "pin") {
		t.Errorf("a secret in\n%s", text)
	}
}
