package core

import "time"

// Pace is how a core wants to be asked what became of a request that has no
// final answer. The zero value has no wishes: the ledger's own numbers hold.
type Pace struct {
	After time.Duration // from the end of the try to the first inquiry; 0: 2 s
	// Max is the longest pause between two inquiries about one action; the pauses
	// double from After up to it. 0: 5 min.
	Max time.Duration
	// Rate is how many inquiries a second this process may make at most, a second's
	// worth at once aside; 0: the core has no limit of its own.
	Rate float64
	// Budget names what shares the Rate: calls that name the same one have one
	// Rate, and share it.
	Budget string
}

// Paced is a Switch that says how it wants to be asked.
type Paced interface {
	// Pace is how to ask about an action of a call. It may not change.
	Pace(call string) Pace
}

// Knower is a Switch to which results come by themselves, so that it may know
// what became of an action before it is asked.
type Knower interface {
	// Known says that Inquire would answer now without asking the core: such an
	// inquiry costs the core nothing, and takes nothing of its Rate.
	Known(q Inquiry) bool
}
