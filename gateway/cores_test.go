package main

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nyota/gateway/config"
	"nyota/gateway/core"
)

// tillMenu is a menu that every kind of core serves.
const tillMenu = `
menu: till
codes: ["*150*77#"]
languages: [en]
start: till
keys: {back: "0", home: "00", more: "98"}
screens:
  till:   {kind: input, text: {en: "Till number"}, var: till, type: number, min: 1, max: 999999999, next: amount}
  amount: {kind: input, text: {en: "Amount"}, var: amount, type: money, min: 100, max: 5000000, next: pin}
  pin:
    kind: confirm
    text: {en: "Pay {amount} to {till}. Enter PIN"}
    var: pin
    type: secret
    next: pay
  pay:
    kind: action
    call: merchantpay
    with: {till: till, amount: amount, pin: pin}
    deadline: 4s
    on: {done: sent, rejected: why, unknown: checking, unavailable: sorry}
    notify:
      customer: {en: "{ref} You paid {amount} to {till}"}
  sent: {kind: end, text: {en: "Paid {amount}"}}
  why: {kind: end, text: {en: "Not paid"}}
  checking: {kind: end, text: {en: "We are checking. Do not repeat"}}
  sorry: {kind: end, text: {en: "Not available now"}}
`

// kinds are the cores beside GSMA, in front of their simulators.
var kinds = map[string]func(c *config.Config){
	"momo": func(c *config.Config) {
		c.Core.URL = "http://" + c.Simulator.Core
		c.Core.MoMo.Environment = "sandbox"
		c.Core.MoMo.Collection = config.MoMoAccount{User: "u", Key: "k", SubscriptionKey: "s"}
	},
	"daraja": func(c *config.Config) {
		c.Core.URL = "http://" + c.Simulator.Core
		c.Core.Daraja = config.Daraja{ConsumerKey: "k", ConsumerSecret: "s", ShortCode: "600000", Passkey: "p"}
	},
	"iso8583": func(c *config.Config) {
		c.Core.ISO8583 = config.ISO8583{Address: c.Simulator.Core, Terminal: "NYOTA01", Currency: "834",
			PINKey: "00112233445566778899aabbccddeeff", InquiryCode: "380000"}
	},
}

// writeTill makes tillMenu the menus of a gateway.
func writeTill(t *testing.T, cfg *config.Config) {
	t.Helper()
	cfg.Menus.Dir = t.TempDir()
	texts, err := os.ReadFile("../menus/catalog/texts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"till.yaml": []byte(tillMenu), "texts.yaml": texts} {
		if err := os.WriteFile(filepath.Join(cfg.Menus.Dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryKindOfCoreIsPaidThrough(t *testing.T) {
	for kind, set := range kinds {
		t.Run(kind, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Core.Kind = kind
			set(&cfg)
			writeTill(t, &cfg)
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			g := startGateway(t, cfg)
			h := handset(t, g, payer)
			if err := h.dial("*150*77#"); err != nil {
				t.Fatal(err)
			}
			key(t, h, "500100", "Till number")
			key(t, h, "5000", "Amount")
			key(t, h, testPIN, "Enter PIN")
			shows(t, h, "Paid", "5,000")
			if sms := inbox(t, h, 1)[0]; !strings.Contains(sms.Text, "500100") {
				t.Errorf("SMS %q", sms.Text)
			}
			control := g.Addr("simulator.core")
			if kind == "iso8583" {
				control = g.Addr("simulator.control") // the core's own port speaks no HTTP
			} else if addr := g.Addr("simulator.control"); addr != "" {
				t.Errorf("a second control listens on %s", addr)
			}
			all := effects(t, control)
			if len(all) != 1 || all[0].Times != 1 || all[0].Amount != "5000" {
				t.Errorf("effects %+v", all)
			}
			var said strings.Builder
			g.Announce(&said)
			if !strings.Contains(said.String(), "faults: http://"+control+"/faults") {
				t.Errorf("no word of the switches:\n%s", said.String())
			}
			setFaults(t, control, map[string]any{"drop_answers": 1})
			if kind != "iso8583" {
				return // what was lost comes by callback
			}
			if err := h.dial("*150*77#"); err != nil {
				t.Fatal(err)
			}
			key(t, h, "500200", "Till number")
			key(t, h, "6000", "Amount")
			key(t, h, testPIN, "Enter PIN")
			shows(t, h, "We are checking")
		})
	}
}

func TestForgedCallbackOfDarajaIsRefusedAndInTheRecords(t *testing.T) {
	cfg := testConfig(t)
	cfg.Core.Kind = "daraja"
	kinds["daraja"](&cfg)
	writeTill(t, &cfg)
	g := startGateway(t, cfg)
	body := strings.NewReader(`{"Result":{"ResultCode":0,"TransactionID":"FORGED0001"}}`)
	resp, err := http.Post("http://"+g.Addr("callbacks")+"/daraja/FORGED", "application/json", body) //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("answered %d", resp.StatusCode)
	}
	eventually(t, "the record of it", func() bool {
		octets, _ := os.ReadFile(filepath.Join(cfg.CDR.Dir, "cdr-"+time.Now().UTC().Format(time.DateOnly)+".jsonl"))
		return strings.Contains(string(octets), `"type":"callback"`) && strings.Contains(string(octets), `"from":"127.0.0.1:`) &&
			strings.Contains(string(octets), `"why":"token"`)
	})
}

func TestTheLedgerAsksAtTheConnectorsPace(t *testing.T) {
	for kind, want := range map[string]time.Duration{"gsma": 2 * time.Second, "momo": 5 * time.Second, "daraja": 10 * time.Second, "iso8583": 10 * time.Second} {
		t.Run(kind, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Core.Kind = kind
			if set := kinds[kind]; set != nil {
				set(&cfg)
				writeTill(t, &cfg)
			}
			g := startGateway(t, cfg)
			if got := g.ledger.Pace(core.MerchantPay).After; got != want {
				t.Errorf("first inquiry after %v, want %v", got, want)
			}
			if l := g.ledger; l.InquireAfter != cfg.Ledger.InquireAfter || l.InquireMax != cfg.Ledger.InquireMax || l.InquireRate != 50 {
				t.Errorf("the configuration's %v, %v and %v do not override it", l.InquireAfter, l.InquireMax, l.InquireRate)
			}
		})
	}
}

func TestSimulatedCoreOfISO8583MisbehavesOnCommand(t *testing.T) {
	core := start(t, []string{"NYOTA_CORE_KIND=iso8583", "NYOTA_CORE_ISO8583_ADDRESS=127.0.0.1:1", "NYOTA_CORE_ISO8583_TERMINAL=T", "NYOTA_CORE_ISO8583_CURRENCY=834"},
		binary(t), "simulate", "core", "--config", "../config.yaml", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	addr := core.after("core listens on ")
	control := core.after("control listens on ")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	setFaults(t, control, map[string]any{"down": true})
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a core that is down keeps its connections")
	}
	if all := effects(t, control); len(all) != 0 {
		t.Errorf("effects %+v", all)
	}
}

func TestCallThatTheCoreCannotServeIsAnErrorAtTheStart(t *testing.T) {
	for kind, set := range kinds {
		t.Run(kind, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Core.Kind = kind
			set(&cfg)
			g, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
			if err == nil {
				_ = g.Stop(t.Context())
				t.Fatal("the wallet was served")
			}
			for _, want := range []string{"core.kind: " + kind + " cannot serve the call statement", "of menu "} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}
