package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The capacity table of OPERATING.md is computed from the measurements and the
// assumptions that stand above it: whoever measures anew edits those, and runs
//
//	NYOTA_UPDATE=1 go test ./gateway -run TestCapacityTable

// capacityInput is a line "| `name` | 12.3 | ..." of the page.
var capacityInput = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([0-9.,]+) \\|")

const (
	capacityHead = "| customers | sessions | steps/s | gateways' cores | nodes of 4 cores | memory of a gateway | Valkey commands/s | of each node | Valkey cores | sessions in Valkey | records a day |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|\n"
	capacityEnd = "<!-- end of the computed table -->\n"
)

// capacityRow is the formula that OPERATING.md describes.
func capacityRow(customers float64, in map[string]float64) string {
	dialogues := customers * in["dialogues_per_day"] * in["busiest_hour"] / 3600 * in["peak_in_hour"]
	steps := dialogues * in["steps_per_dialogue"]
	sessions := dialogues * in["session_seconds"]
	payments := dialogues * in["payments_per_dialogue"]
	cores := (steps*in["gateway_us"] + payments*in["gateway_us_payment"]) / 1e6 / in["load"]
	nodes := math.Max(2, math.Ceil(cores/4)+1) // one may be away
	commands := steps*in["valkey_commands"] + payments*in["valkey_commands_payment"]
	valkey := (steps*in["valkey_us"] + payments*in["valkey_us_payment"]) / 1e6 / in["load"]
	perDay := customers * in["dialogues_per_day"] * in["payments_per_dialogue"] * in["payment_octets"]
	memory := in["gateway_mib"]*(1<<20) + sessions/(nodes-1)*in["session_octets"]
	return fmt.Sprintf("| %s | %s | %s | %.1f | %.0f | %s | %s | %s | %.1f | %s | %s |\n", grouped(customers), grouped(sessions), grouped(steps), cores, nodes,
		octets(memory), grouped(commands), grouped(commands/nodes), valkey, octets(sessions*in["valkey_octets"]), octets(perDay))
}

func grouped(n float64) string {
	s := strconv.FormatFloat(math.Round(n), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func octets(n float64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", n/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", n/(1<<20))
}

func TestCapacityTableIsWhatTheMeasurementsGive(t *testing.T) {
	const file = "OPERATING.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	in := map[string]float64{}
	for _, m := range capacityInput.FindAllStringSubmatch(page, -1) {
		if in[m[1]], err = strconv.ParseFloat(strings.ReplaceAll(m[2], ",", ""), 64); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"dialogues_per_day", "busiest_hour", "peak_in_hour", "steps_per_dialogue", "session_seconds", "payments_per_dialogue", "load",
		"gateway_us", "gateway_us_payment", "gateway_mib", "session_octets", "valkey_us", "valkey_us_payment", "valkey_commands", "valkey_commands_payment", "valkey_octets", "payment_octets"} {
		if in[name] <= 0 {
			t.Fatalf("%s does not say %s", file, name)
		}
	}
	table := capacityHead
	for _, customers := range []float64{1e6, 5e6, 10e6, 20e6, 50e6} {
		table += capacityRow(customers, in)
	}
	before, rest, ok := strings.Cut(page, capacityHead)
	_, after, end := strings.Cut(rest, capacityEnd)
	if !ok || !end {
		t.Fatalf("%s has no capacity table", file)
	}
	if want := before + table + capacityEnd + after; want != page {
		if os.Getenv("NYOTA_UPDATE") == "" {
			t.Fatalf("the table does not follow from the figures above it; NYOTA_UPDATE=1 writes\n%s", table)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a page to read
			t.Fatal(err)
		}
	}
}
