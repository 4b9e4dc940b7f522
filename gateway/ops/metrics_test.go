package ops

import (
	"testing"
	"time"

	"nyota/gateway/dialog"
)

func TestCountingAStepAllocatesNothing(t *testing.T) {
	m := NewMetrics()
	if n := testing.AllocsPerRun(1000, func() { m.Stepped(dialog.Answer, 3*time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCallsThatNobodyKnowsShareALabel(t *testing.T) {
	for call, want := range map[string]string{"transfer": "transfer", "255700000001": "other", "": "other"} {
		if got := callLabel(call); got != want {
			t.Errorf("%q is counted as %q", call, got)
		}
	}
}

func BenchmarkStepped(b *testing.B) {
	m := NewMetrics()
	b.ReportAllocs()
	for b.Loop() {
		m.Stepped(dialog.Answer, 3*time.Millisecond)
	}
}
