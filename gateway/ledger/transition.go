package ledger

import (
	"slices"
	"time"

	"nyota/gateway/core"
	"nyota/sessions"
)

// verdict is what a piece of evidence does to an action.
type verdict uint8

const (
	unchanged verdict = iota
	changed
	contradiction // evidence against a final state: it stays, and is reported
)

// next returns a after the evidence of out. A request that left is over only
// when the core says so, or when the core denies knowing it after its horizon.
func (l *Ledger) next(a sessions.Action, out core.Outcome, inquired bool) (sessions.Action, verdict) {
	now := l.Now()
	if inquired && out.Status == core.NotFound && now.Sub(a.SentAt) > l.Switch.Horizon() {
		out.Status, out.Reason = core.Rejected, core.NotSent
	}
	final := out.Status == core.Done || out.Status == core.Rejected
	if a.State.Final() {
		if final && (out.Status == core.Done) != (a.State == sessions.Done) {
			return a, contradiction
		}
		return a, unchanged
	}
	if a.State == sessions.Accepted {
		return a, unchanged // nothing was sent: evidence about it is not about this try
	}
	if out.WireKey != "" {
		a.WireKey = out.WireKey
	}
	if out.Ref != "" {
		a.Ref = out.Ref
	}
	a.Detail = out.Detail
	if inquired {
		a.Inquiry++
	}
	switch {
	case out.Status == core.Done:
		a = lapse(a, now)
		a.State, a.EndedAt, a.Due = sessions.Done, now, time.Time{}
		a.Results = fields(out.Fields)
	case out.Status == core.Rejected:
		a = lapse(a, now)
		a.State, a.EndedAt, a.Due = sessions.Rejected, now, time.Time{}
		a.Reason = out.Reason
		a.Results = fields(out.Fields)
	case a.State == sessions.Manual && !inquired:
		return a, unchanged
	case a.State == sessions.Manual, now.Sub(a.Created) > l.ManualAfter:
		// An operator decides, unless the core comes to it first after all.
		a.State, a.Due = sessions.Manual, now.Add(manualPause+l.Jitter(manualPause/10))
	default:
		a.State = sessions.Unknown
		a.Due = now.Add(max(l.pause(a.Call, a.Inquiry), out.Again))
	}
	return a, changed
}

// manualPause is between two inquiries about an action that waits for an operator:
// after an outage longer than ManualAfter the core may know them all.
const manualPause = time.Hour

// lapse ends an operator's proposal that the core's own word overtakes.
func lapse(a sessions.Action, now time.Time) sessions.Action {
	if a.Proposal.State == 0 {
		return a
	}
	a.Proposal = sessions.Proposal{}
	a.History = append(slices.Clone(a.History), sessions.Entry{At: now, By: "core", What: "lapsed", Note: "the core itself said what became of it"})
	return a
}

func fields(args core.Args) []sessions.Arg {
	kept := make([]sessions.Arg, len(args))
	for i, f := range args {
		kept[i] = sessions.Arg{Name: f.Name, Value: f.Value}
	}
	return kept
}
