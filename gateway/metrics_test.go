package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestMetricsTellTheNightAndNoNumber(t *testing.T) {
	g := startGateway(t, testConfig(t))
	h := handset(t, g, payer)
	toPIN(t, h, "0700000002", "5000")
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "confirmed")
	var text string
	wants := []string{
		`nyota_step_seconds_count{kind="dial"} 1`, `nyota_core_calls_total{call="transfer",outcome="done"} 1`,
		`nyota_action_changes_total{call="transfer",state="DONE"} 1`, `nyota_link_up{link="demo",network="demo"} 1`,
		`nyota_store_up 1`, `nyota_core_breaker_open 0`, `nyota_core_health{state="available"} 1`, `nyota_queue_records{queue="notices"}`,
		`nyota_queue_overdue_seconds{queue="actions"}`, `nyota_core_limit `, `nyota_menus_broken 0`, `nyota_notices_now{kind="closed"} 0`,
		`nyota_dialogues_total{event="completed",revision="` + g.menus.Current().Revision() + `"} 1`,
	}
	eventually(t, "the metrics", func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.Addr("admin")+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		octets, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(octets)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Logf("not there yet: %s", want)
				return false
			}
		}
		return true
	})
	if strings.Contains(text, "700000001") || strings.Contains(text, "700000002") || strings.Contains(text, `"`+testPIN+`"`) {
		t.Error("a number or a PIN is in the metrics")
	}
}
