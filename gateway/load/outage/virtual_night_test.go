package outage

import (
	"os"
	"testing"
)

// soak says whether tests run with their full counts.
func soak() bool { return os.Getenv("NYOTA_SOAK") != "" }

// unlessRaced skips a night that shows nothing more to the race detector.
func unlessRaced(t *testing.T) {
	t.Helper()
	if raced && !soak() {
		t.Skip("other nights run under the race detector; NYOTA_SOAK=1 runs them all")
	}
}

// promised fails the test where a night broke what is promised of any.
func promised(t *testing.T, r Result) {
	t.Helper()
	if r.Double != 0 || r.Unasked != 0 || r.WrongWords != 0 || r.Unsettled != 0 || r.Unnoticed != 0 {
		t.Errorf("%d double effects, %d paid unasked, %d wrong words, %d unsettled, %d without their SMS: %v", r.Double, r.Unasked, r.WrongWords, r.Unsettled, r.Unnoticed, r.Wrong)
	}
	for _, p := range r.Phases {
		if p.P99 >= 5000 {
			t.Errorf("%s: p99 of the answer is %.0f ms", p.Name, p.P99)
		}
	}
}

// used fails the test where the core was not used.
func used(t *testing.T, p PhaseResult, least float64) {
	t.Helper()
	if p.Goodput != nil && *p.Goodput < least {
		t.Errorf("%s: goodput %s", p.Name, p.Percent())
	}
	if p.Recovery != nil && (*p.Recovery < 0 || *p.Recovery > 2) {
		t.Errorf("%s: recovery %s", p.Name, p.RecoveredIn())
	}
	if p.Brownout && p.Unknown*100 > p.Accepted {
		t.Errorf("%s: %d of %d actions became unknown", p.Name, p.Unknown, p.Accepted)
	}
}

func TestDecember2018UsesTheCoreInEveryPhase(t *testing.T) {
	s := shipped(t, "december-2018.yaml")
	seeds := uint64(3)
	switch {
	case soak():
		seeds = 20
	case raced:
		seeds = 1
	}
	for seed := range seeds {
		r := virtual(t, s, Nyota, seed+1)
		promised(t, r)
		for _, p := range r.Phases {
			used(t, p, enough)
		}
	}
}

func TestTimeoutsAloneDoNotUseTheCoreInABrownout(t *testing.T) {
	unlessRaced(t)
	r := virtual(t, shipped(t, "december-2018.yaml"), Timeout, 1)
	promised(t, r)
	for _, p := range r.Phases {
		if p.Brownout && *p.Goodput > 0.5 {
			t.Errorf("%s: goodput %s: what is the guard for?", p.Name, p.Percent())
		}
	}
}

func TestSickBillerDoesNotStopTransfers(t *testing.T) {
	r := virtual(t, shipped(t, "sick-biller.yaml"), Nyota, 1)
	promised(t, r)
	for _, p := range r.Phases[:2] { // after the repair the biller is found to be well within seconds
		used(t, p, enough)
	}
	if sick := r.Phases[1]; sick.Unknown*20 > sick.Accepted {
		t.Errorf("%d of %d actions became unknown while one biller was sick", sick.Unknown, sick.Accepted)
	}
}

func TestFlappingCoreIsUsedWheneverItIsThere(t *testing.T) {
	unlessRaced(t)
	r := virtual(t, shipped(t, "flapping.yaml"), Nyota, 2)
	promised(t, r)
	for _, p := range r.Phases {
		used(t, p, 0.9) // the phases are short, and each begins with finding out
	}
}

func TestLostAnswersAreNoReasonToStop(t *testing.T) {
	unlessRaced(t)
	r := virtual(t, shipped(t, "lost-answers.yaml"), Nyota, 1)
	promised(t, r)
	if r.Insisted == 0 || r.PaidAgain == 0 {
		t.Errorf("people pressed send again %d times, and paid %d errands so: nobody was stubborn", r.Insisted, r.PaidAgain)
	}
	for _, p := range r.Phases {
		used(t, p, enough)
	}
}
