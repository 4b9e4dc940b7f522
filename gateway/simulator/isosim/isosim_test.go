package isosim_test

import (
	"testing"

	"go.uber.org/goleak"

	"nyota/gateway/simulator/faults/faultstest"
	"nyota/gateway/simulator/isosim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFaultsAreSwitchedOverHTTP(t *testing.T) {
	sim := isosim.New(isosim.Config{})
	defer func() { _ = sim.Close() }()
	faultstest.Switched(t, sim.Control(), `"refuse":"51"`, map[string]string{"2 characters": `{"refuse": "5"}`, "drop_advices": `{"drop_advices": -1}`})
	if f := sim.Faults(); !f.Down || f.DropAnswers != 0.5 || f.Refuse != "51" {
		t.Errorf("%+v", f)
	}
}
