package dialog

import (
	"errors"
	"fmt"
	"testing"

	"nyota/gateway/core"
	"nyota/menus"
)

func TestWhatMayHaveBeenChangedIsSaidToBeUnknownAndNothingElseIs(t *testing.T) {
	unsent := fmt.Errorf("refused: %w", core.ErrNotSent)
	for name, tc := range map[string]struct {
		out    core.Outcome
		err    error
		change string // the screen after a change of the PIN
		lock   string
		read   string // after a statement
	}{
		"no answer in time":      {core.Outcome{}, errors.New("timeout"), "pin_unsure", "lock_unsure", "read_failed"},
		"a connection cut":       {core.Outcome{}, core.ErrCut, "pin_unsure", "lock_unsure", "read_failed"},
		"an answer that is none": {core.Outcome{Status: core.Unknown}, nil, "pin_unsure", "lock_unsure", "read_failed"},
		"nothing was sent":       {core.Outcome{}, unsent, "pin_kept", "lock_away", "read_failed"},
		"the core had no room":   {core.Outcome{}, core.ErrOverload, "pin_kept", "lock_away", "read_failed"},
		"the core said yes":      {core.Outcome{Status: core.Done}, nil, "pin_changed", "locked_care", "statement_sent"},
		"the core said no":       {core.Outcome{Status: core.Rejected, Reason: core.PINLocked}, nil, "read_refused", "read_refused", "read_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.core.read = func(core.Request) (core.Outcome, error) { return tc.out, tc.err }
			b.dialling("*150*02*3#", "pin_old")
			b.press("1234", "pin_new")
			b.press("8642", "pin_repeat")
			b.press("8642", tc.change)
			b.dialling("*150*02*1#", "lock_why")
			b.press("1", "lock_sure")
			b.press("1", "lock_pin")
			b.press("1234", tc.lock)
			b.dialling("*150*02*4#", "statement_pin")
			b.press("1234", tc.read)
		})
	}
}

func TestAChangeOfThePINOnWhichTheProcessDiedIsUnknown(t *testing.T) {
	for call, want := range map[string]string{core.ChangePIN: "pin_unsure", core.Statement: "read_failed"} {
		t.Run(call, func(t *testing.T) {
			b := newBench(t)
			last := "1234"
			if call == core.ChangePIN {
				b.dialling("*150*02*3#", "pin_old")
				b.press("1234", "pin_new")
				b.press("8642", "pin_repeat")
				last = "8642"
			} else {
				b.dialling("*150*02*4#", "statement_pin")
			}
			b.Handle(b.t.Context(), b.message(Answer, last)) // the call is about to leave, or has
			b.restart("second")
			b.press("1", want)
		})
	}
}

func TestAServiceThatIsAwayIsNotSaidToHaveChangedAnything(t *testing.T) {
	b := newBench(t)
	b.dialling("*150*02*3#", "pin_old")
	b.calls.down = true
	b.press("1234", "pin_kept") // no new PIN is asked for
	b.calls.down = false
	b.dialling("*150*02*3#", "pin_old")
	b.press("1234", "pin_new")
	b.press("8642", "pin_repeat")
	b.Plans = closures{core.ChangePIN: menus.Unavailable{}}
	b.press("8642", "pin_kept")
}
