//go:build !linux

package load

// alarm is the ordinary timer: latencies at a low rate include its lateness.
type alarm struct{ timer }

func newAlarm(bool) *alarm { return &alarm{} }

func (*alarm) close() {}
