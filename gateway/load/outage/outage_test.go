package outage

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/core"
	"nyota/sessions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// night runs a scenario as the command does.
func night(t *testing.T, s Scenario, policy string) Result {
	t.Helper()
	texts, err := os.ReadFile("../../../menus/catalog/texts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sessions.NewKeyring([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Config{
		Scenario: s, Policy: policy, Texts: texts, Dir: t.TempDir(), Vault: keys,
		Store: func(dir string) (sessions.Store, error) {
			return sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
		},
		Connect: func(url string, horizon time.Duration, conns int) (Connector, error) {
			return core.NewGSMA(core.GSMAConfig{URL: url, Currency: "TZS", Horizon: horizon, MaxConns: conns})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := r.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	return r
}

func shipped(t *testing.T, name string) Scenario {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("scenarios", name))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadScenario(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A night in small: slow, losing answers, down and back.
const short = `
name: short
customers: 300
think: 50ms
again: 300ms
stubborn: 0.2
horizon: 2s
mix: {transfer: 0.7, bill: 0.1, balance: 0.2}
core: {workers: 5, service_ms: 10}
phases:
  - {name: quiet,    for: 500ms,  dials: 30}
  - {name: brownout, for: 1500ms, dials: 40, brownout: true, core: {service_ms: 200}}
  - {name: lossy,    for: 500ms,  dials: 30, core: {service_ms: 10, drop_answers: 0.3}}
  - {name: down,     for: 1s,     dials: 30, core: {down: true, drop_answers: 0}}
  - {name: repaired, for: 1s,     dials: 30, core: {down: false}}
`

func TestBadNightCostsNobodyMoneyOrTheTruth(t *testing.T) {
	s, err := ReadScenario([]byte(short))
	if err != nil {
		t.Fatal(err)
	}
	r := night(t, s, Nyota)
	if r.Accepted == 0 || r.Phases[0].Errands == 0 {
		t.Fatalf("nobody did anything: %+v", r)
	}
	if r.Double != 0 || r.Unasked != 0 || r.WrongWords != 0 || r.Said == 0 {
		t.Errorf("%d double effects, %d paid unasked, %d wrong words of %d: %v", r.Double, r.Unasked, r.WrongWords, r.Said, r.Wrong)
	}
	if r.Unsettled != 0 || r.Unnoticed != 0 {
		t.Errorf("%d actions are not settled, %d without their SMS", r.Unsettled, r.Unnoticed)
	}
	var page bytes.Buffer
	if err := Page(&page, s, []Result{r}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"repaired", "nyota</h2>", `"scenario":"short"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, outside := range []string{"src=", "href=", "@import", "fetch("} {
		if strings.Contains(page.String(), outside) {
			t.Errorf("the page is not self-contained: %s", outside)
		}
	}
}

func TestShippedScenariosAreSound(t *testing.T) {
	files, err := filepath.Glob("scenarios/*.yaml")
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		s := shipped(t, filepath.Base(f))
		if s.Name+".yaml" != filepath.Base(f) || s.Story == "" {
			t.Errorf("%s: name %q, story %q", f, s.Name, s.Story)
		}
		var total time.Duration
		for _, p := range s.Scaled(2).Phases {
			total += p.For
		}
		if total < time.Minute || total > 3*time.Minute {
			t.Errorf("%s: twice its length is %v", f, total)
		}
	}
}

func TestBadScenarioSaysWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ name, from, to, want string }{
		{"unknown key", "customers:", "custmers:", "custmers"},
		{"mix", "transfer: 0.7", "transfer: 0.9", "adds up to"},
		{"no capacity", "core: {workers: 5, service_ms: 10}", "core: {workers: 5}", "service_ms"},
		{"no length", "for: 500ms,  dials: 30}\n  - {name: brown", "dials: 30}\n  - {name: brown", "phase 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(short, tc.from, tc.to, 1)
			if text == short {
				t.Fatal("nothing was changed")
			}
			if _, err := ReadScenario([]byte(text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not say %q", err, tc.want)
			}
		})
	}
}
