package main

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// scrape asks a gateway for its metrics as Prometheus does.
func scrape(t *testing.T, g *Gateway, token string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+g.Addr("admin")+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
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
	return resp.StatusCode, string(octets)
}

func TestMetricsTellTheNightAndNoNumber(t *testing.T) {
	const token = "sesame-sesame-sesame"
	cfg := testConfig(t)
	cfg.Admin.Token = token
	g := startGateway(t, cfg)
	if status, text := scrape(t, g, ""); status != http.StatusUnauthorized || strings.Contains(text, "nyota_") {
		t.Errorf("without a token: %d %s", status, text)
	}
	h := handset(t, g, payer)
	toPIN(t, h, "0700000002", "5000")
	key(t, h, testPIN, "Enter PIN")
	shows(t, h, "confirmed")
	wants := []string{
		`nyota_step_seconds_count{kind="dial"} 1`, `nyota_core_calls_total{call="transfer",outcome="done"} 1`,
		`nyota_action_changes_total{call="transfer",state="DONE"} 1`, `nyota_link_up{link="demo",network="demo"} 1`,
		`nyota_store_up 1`, `nyota_core_breaker_open 0`, `nyota_core_health{state="available"} 1`, `nyota_queue_records{queue="notices"} 0`,
		`nyota_queue_overdue_seconds{queue="actions"}`, `nyota_core_limit `, `nyota_core_in_flight 0`, `nyota_dialogues_live 0`,
		`nyota_menus_broken 0`, `nyota_notices_now{kind="closed"} 0`,
		`nyota_dialogues_total{event="begun",revision="` + g.menus.Current().Revision() + `"} 1`,
		`nyota_dialogues_total{event="completed",revision="` + g.menus.Current().Revision() + `"} 1`,
	}
	var text, missing string
	defer func() {
		if t.Failed() {
			t.Logf("not there: %s\n%s", missing, text)
		}
	}()
	eventually(t, "the metrics", func() bool {
		_, text = scrape(t, g, token)
		i := slices.IndexFunc(wants, func(want string) bool { return !strings.Contains(text, "\n"+want) })
		if i >= 0 {
			missing = wants[i]
		}
		return i < 0
	})
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, " ")
		if strings.Contains(line, "700000001") || strings.Contains(line, "700000002") || strings.Contains(name, `"`+testPIN+`"`) {
			t.Errorf("a number or a PIN is in the metrics: %s", line)
		}
	}
	alertsNameWhatThereIs(t, text)
}

// alertsNameWhatThereIs holds the shipped alert rules against a scrape: a rule on a
// name that nobody exports would stay silent for ever.
func alertsNameWhatThereIs(t *testing.T, text string) {
	t.Helper()
	exported := map[string]bool{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" {
			exported[f[2]] = true
			if f[3] == "histogram" {
				exported[f[2]+"_bucket"], exported[f[2]+"_sum"], exported[f[2]+"_count"] = true, true, true
			}
		}
	}
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	readYAML(t, filepath.Join("deploy", "prometheus", "alerts.yaml"), func(d *yaml.Decoder) error { return d.Decode(&file) })
	metric := regexp.MustCompile(`nyota_[a-z0-9_]+`)
	alerts, named := map[string]bool{}, 0
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			if r.Alert == "" || alerts[r.Alert] || r.Annotations["summary"] == "" || r.Labels["severity"] != "page" && r.Labels["severity"] != "ticket" {
				t.Errorf("%s: the alert %q has no name of its own, no summary or no severity", group.Name, r.Alert)
			}
			alerts[r.Alert] = true
			for _, name := range metric.FindAllString(r.Expr, -1) {
				named++
				if !exported[name] {
					t.Errorf("alert %s: the gateway exports no %s", r.Alert, name)
				}
			}
		}
	}
	if named < 10 {
		t.Errorf("the rules name %d metrics", named)
	}
}
