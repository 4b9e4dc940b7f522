package load

import (
	"errors"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"nyota/smpp"
)

type histogram = hdrhistogram.Histogram

// Latencies are kept in nanoseconds with three digits, from a microsecond on.
const (
	shortest = int64(time.Microsecond)
	longest  = int64(10 * time.Minute)
	digits   = 3
)

func newHistogram() *histogram { return hdrhistogram.New(shortest, longest, digits) }

// quantile is the latency that percent of h are not above.
func quantile(h *histogram, percent float64) time.Duration {
	if h.TotalCount() == 0 {
		return 0
	}
	return time.Duration(h.ValueAtPercentile(percent))
}

// Kinds of errors that are not a command_status.
const (
	kindNotSent = "not_sent"
	kindUnknown = "unknown_outcome"
)

// meter counts what became of the requests of one bind.
type meter struct {
	mu      sync.Mutex
	recent  *histogram // since the last turn
	past    *histogram // before it
	answers uint64
	unknown uint64
	failed  uint64
	errors  map[string]uint64
	first   error         // the first error
	last    time.Duration // of the last answer, since the start
}

func newMeter() *meter {
	return &meter{recent: newHistogram(), past: newHistogram(), errors: map[string]uint64{}}
}

// count takes one result at now of a request that was due then. Every response
// has a latency, whatever its status; a request without one has none. The lock is
// held.
func (m *meter) count(now, due time.Duration, err error) {
	if err != nil && m.fail(err) {
		return
	}
	m.answers++
	m.last = now
	// Only a value over the longest is an error.
	_ = m.recent.RecordValue(min(int64(now-due), longest))
}

// fail counts an error and reports whether the request had no response.
func (m *meter) fail(err error) (unanswered bool) {
	m.failed++
	if m.first == nil {
		m.first = err
	}
	var status *smpp.StatusError
	switch {
	case errors.As(err, &status):
		m.errors[status.Status.String()]++
		return false
	case errors.Is(err, smpp.ErrNotSent):
		m.errors[kindNotSent]++
	default:
		m.errors[kindUnknown]++
		m.unknown++
	}
	return true
}

// turn returns the latencies since the last turn, and failed plus the errors of
// this bind since the start. spare, which is empty, takes the latencies' place;
// the caller empties what it got.
func (m *meter) turn(spare *histogram, failed uint64) (*histogram, uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	recent := m.recent
	m.recent = spare
	m.past.Merge(recent)
	return recent, failed + m.failed
}
