package main

import (
	"net/http"
	"strings"
	"testing"

	"nyota/sessions/storetest"
)

func TestStoreThatDiesIsSaidHonestlyAndComesBackByItself(t *testing.T) {
	valkey := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	cfg := testConfig(t)
	cfg.Store.Kind, cfg.Store.Addresses = "valkey", []string{valkey.Addr}
	g := startGateway(t, cfg)
	h := handset(t, g, payer)
	toPIN(t, h, "0700000002", "5000")

	valkey.Kill()
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "Nothing was sent")
	if all := effects(t, g.Addr("simulator.core")); len(all) != 0 {
		t.Fatalf("something was sent without a store: %+v", all)
	}
	ready := func() int {
		return httpJSON(t, http.MethodGet, "http://"+g.Addr("http")+"/readyz", nil, nil)
	}
	if code := ready(); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz %d while the store is away", code)
	}
	if _, text := scrape(t, g, ""); !strings.Contains(text, `nyota_outside_screens_total{screen="busy"} 1`) || !strings.Contains(text, "nyota_store_up 0") {
		t.Errorf("who watches does not see that a customer was turned away:\n%s", text)
	}

	valkey.Restart(t)
	eventually(t, "the gateway is ready again", func() bool { return ready() == http.StatusOK })
	// Connections that were open to the dead server cost no customer a try.
	if err := h.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	for _, press := range []string{"1", "0700000002", "5000", testPIN} {
		if s := shows(t, h); s.Ended {
			t.Fatalf("the first payment after the restart ended with %q", s.Screen)
		}
		if err := h.press(press); err != nil {
			t.Fatal(err)
		}
	}
	shows(t, h, "confirmed")
	inbox(t, h, 1)
	inbox(t, handset(t, g, payee), 1)
	if all := effects(t, g.Addr("simulator.core")); len(all) != 1 || all[0].Times != 1 {
		t.Errorf("effects %+v", all)
	}
}
