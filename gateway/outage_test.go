package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nyota/gateway/load/outage"
)

// shortNight is slow, loses answers, is down and comes back.
const shortNight = `
name: short
customers: 300
think: 50ms
again: 300ms
stubborn: 0.2
horizon: 2s
mix: {transfer: 0.7, bill: 0.1, balance: 0.2}
core: {workers: 5, service_ms: 10}
phases:
  - {name: quiet,    for: 500ms, dials: 30}
  - {name: brownout, for: 1s,    dials: 40, brownout: true, core: {service_ms: 200}}
  - {name: lossy,    for: 500ms, dials: 40, core: {service_ms: 10, drop_answers: 0.3}}
  - {name: down,     for: 500ms, dials: 30, core: {down: true, drop_answers: 0}}
  - {name: repaired, for: 1s,    dials: 30, core: {down: false}}
`

func TestNightOverSMPPCostsNobodyMoneyOrTheTruth(t *testing.T) {
	dir := t.TempDir()
	scenario, page := filepath.Join(dir, "short.yaml"), filepath.Join(dir, "night.html")
	if err := os.WriteFile(scenario, []byte(shortNight), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary(t), "load", "outage", "--scenario", scenario, "--smpp", "--json", "--report", page,
		"--texts", "../menus/catalog/texts.yaml")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, said.String(), out)
	}
	var all []outage.Result
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	r := all[0]
	errands := 0
	for _, p := range r.Phases {
		errands += p.Errands
	}
	if r.Accepted == 0 || errands == 0 || r.Unknown == 0 {
		t.Errorf("%d actions, %d errands, %d unknown: nothing was tried", r.Accepted, errands, r.Unknown)
	}
	if r.Failed() || r.Said == 0 {
		t.Errorf("%d double effects, %d paid unasked, %d wrong words of %d, %d unsettled, %d without exactly one SMS: %v", r.Double, r.Unasked, r.WrongWords, r.Said, r.Unsettled, r.Unnoticed, r.Wrong)
	}
	html, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(html), "nyota</h2>") {
		t.Errorf("the page: %v, %d octets", err, len(html))
	}
}

func TestPolicyThatThereIsNotIsSaidBeforeANightIsPlayed(t *testing.T) {
	scenario := filepath.Join(t.TempDir(), "short.yaml")
	if err := os.WriteFile(scenario, []byte(shortNight), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := gatewayCommand(t, "load", "outage", "--scenario", scenario, "--policy", "nyota,foo", "--texts", "../menus/catalog/texts.yaml")
	if err == nil || !strings.Contains(err.Error(), `no policy "foo": --policy is one or several of nyota,timeout,breaker`) {
		t.Errorf("%v", err)
	}
}
