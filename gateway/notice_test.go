package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestOperatorsNoticesReachCustomersOfEveryGateway(t *testing.T) {
	a, b, _, _ := pair(t, nil)
	ha, hb := handset(t, a, payer), handset(t, b, payee)
	set := func(g *Gateway, args ...string) string {
		t.Helper()
		out, err := adminCommand(t, g, append([]string{"notice", "set"}, args...)...)
		if err != nil {
			t.Fatal(out, err)
		}
		return out
	}
	first := func(h local, code string, texts ...string) {
		t.Helper()
		_ = h.hangUp()
		if err := h.dial(code); err != nil {
			t.Fatal(err)
		}
		shows(t, h, texts...)
	}

	// One call, in the operator's words, set on the other gateway.
	set(b, "--call", "transfer", "--until", "+2h", "--text", "en=Sending rests till {until}.", "--text", "sw=b", "--text", "fr=c", "--text", "am=d")
	eventually(t, "it reaches the first gateway", func() bool { return len(a.board.List()) == 1 })
	first(ha, "*150*00#", "(unavailable till ")
	key(t, ha, "1")
	shows(t, ha, "Sending rests till ")
	key(t, ha, "0") // no SMS when it is back
	shows(t, ha, "(unavailable till ")
	key(t, ha, "5") // the balance is open
	shows(t, ha, "PIN")

	// A dialogue that was past the mark is turned away before anything is sent.
	if out, err := adminCommand(t, b, "notice", "clear", "1"); err != nil || !strings.Contains(out, "transfer") {
		t.Fatal(out, err)
	}
	eventually(t, "it is cleared", func() bool { return len(a.board.List()) == 0 })
	_ = ha.hangUp()
	toPIN(t, ha, "0700000002", "5000")

	// The whole service, in the catalog's words.
	set(a, "--call", "all", "--until", "+30m")
	eventually(t, "it reaches the second gateway", func() bool { return len(b.board.List()) == 1 })
	first(hb, "*150*00#", "closed for maintenance until ")
	if s := shows(t, hb); !s.Ended {
		t.Error("the maintenance screen does not end the dialogue")
	}
	key(t, ha, testPIN, "Enter PIN")
	shows(t, ha, "No money moved")
	if all := effects(t, a.Addr("simulator.core")); len(all) != 0 {
		t.Errorf("money moved while the service was closed: %+v", all)
	}
	out, err := adminCommand(t, b, "notice", "list")
	if err != nil || !strings.Contains(out, "closed") || !strings.Contains(out, "all") || !strings.Contains(out, "now") {
		t.Error(out, err)
	}
	if out, err := adminCommand(t, a, "notice", "clear", "2"); err != nil {
		t.Fatal(out, err)
	}
	set(a, "--info", "--text", "en=Closed tonight.", "--text", "sw=b", "--text", "fr=c", "--text", "am=d")
	eventually(t, "it reaches the second gateway", func() bool { l := b.board.List(); return len(l) == 1 && l[0].Kind == "info" })
	first(hb, "*150*00#", "Closed tonight.\n", "Send money")
}

func TestOneBillerIsClosedOnEveryGatewayAndTheOthersArePaid(t *testing.T) {
	a, b, _, _ := pair(t, nil)
	h := handset(t, a, payer)
	toBiller := func(option string) {
		t.Helper()
		if err := h.dial("*150*00#"); err != nil {
			t.Fatal(err)
		}
		key(t, h, "3", "Pay bill")
		key(t, h, option, "LUKU")
	}
	toPIN := func() {
		t.Helper()
		toBiller("1")
		key(t, h, "12345678901", "meter number")
		key(t, h, "5000", "Enter amount")
		shows(t, h, "Enter PIN")
	}
	toPIN() // before it is closed
	out, err := adminCommand(t, b, "notice", "set", "--call", "billpay", "--biller", "100100",
		"--text", "en=LUKU is closed.", "--text", "sw=b", "--text", "fr=c", "--text", "am=d")
	if err != nil || !strings.Contains(out, "billpay/100100") || !strings.Contains(out, "until it is cleared") {
		t.Fatal(out, err)
	}
	eventually(t, "it reaches the first gateway", func() bool { return len(a.board.List()) == 1 })
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "Not sent. No money moved.")
	if all := effects(t, a.Addr("simulator.core")); len(all) != 0 {
		t.Errorf("a closed biller was paid: %+v", all)
	}
	_ = h.hangUp()
	toBiller("1")
	shows(t, h, "LUKU is closed.")
	_ = h.hangUp()
	toBiller("2")
	key(t, h, "12345678", "account number")
	key(t, h, "5000", "Enter amount")
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "confirmed", "DAWASA")
	for says, args := range map[string][]string{
		"--call billpay takes --biller": {"--call", "billpay", "--till", "500100"},
		"names no one of --call all":    {"--call", "all", "--biller", "100100"},
	} {
		if out, err := adminCommand(t, a, append([]string{"notice", "set"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
}

func TestOpenStandsAboveTheHeartbeatAndSurvivesARestart(t *testing.T) {
	cfg := testConfig(t)
	g := startGateway(t, cfg)
	h := handset(t, g, payer)
	// The heartbeat says unavailable, and payments work: its monitor is broken.
	setFaults(t, g.Addr("simulator.core"), map[string]any{"heartbeat": "unavailable"})
	eventually(t, "the heartbeat says so", func() bool { _, down := g.guard.Down("transfer"); return down })
	if out, err := adminCommand(t, g, "notice", "set", "--call", "all", "--open"); err != nil {
		t.Fatal(out, err)
	}
	if _, down := g.guard.Down("transfer"); down {
		t.Error("the heartbeat stands above the operator")
	}
	toPIN(t, h, "0700000002", "5000")
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "confirmed")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := g.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	g = startGateway(t, cfg)
	if l := g.board.List(); len(l) != 1 || l[0].Kind != "open" || l[0].By != "nobody" {
		t.Errorf("after a restart: %+v", l)
	}
	if code := httpJSON(t, http.MethodDelete, "http://"+g.Addr("admin")+"/notices/1", nil, nil); code != http.StatusOK {
		t.Errorf("DELETE: %d", code)
	}
}

func TestTimesOfANoticeAreReadAsOperatorsWriteThem(t *testing.T) {
	zone := time.FixedZone("EAT", 3*3600)
	now := time.Date(2026, 12, 8, 21, 30, 0, 0, zone)
	for in, want := range map[string]string{
		"22:00": "2026-12-08T22:00:00+03:00", "21:00": "2026-12-09T21:00:00+03:00", "+90m": "2026-12-08T23:00:00+03:00",
		"2026-12-24T18:00": "2026-12-24T18:00:00+03:00", "2026-12-24 18:00": "2026-12-24T18:00:00+03:00",
		"2026-12-24T18:00:00Z": "2026-12-24T18:00:00Z",
	} {
		if got, err := when(in, now); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v %v, want %s", in, got, err, want)
		}
	}
	for _, bad := range []string{"noon", "+x", "+-2h", "25:00", "2026-13-01T00:00"} {
		if got, err := when(bad, now); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
	if _, err := gatewayCommand(t, "notice", "set", "--config", "../config.yaml", "--until", "22:00"); err == nil || !strings.Contains(err.Error(), "--call") {
		t.Errorf("the whole service by a slip: %v", err)
	}
}
