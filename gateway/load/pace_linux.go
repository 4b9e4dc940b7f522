package load

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm sleeps exactly: the runtime's timers are late by up to some milliseconds
// on a machine that is not busy, which would be measured as the peer's latency. A
// timerfd ends a read within some tens of microseconds and holds no thread.
type alarm struct {
	fd   int
	file *os.File // nil: the ordinary timer alone
	timer
}

// newAlarm returns an alarm, with plain the ordinary timer.
func newAlarm(plain bool) *alarm {
	a := &alarm{fd: -1}
	if plain {
		return a
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err == nil {
		a.fd, a.file = fd, os.NewFile(uintptr(fd), "timerfd")
	}
	return a
}

func (a *alarm) close() {
	if a.file != nil {
		_ = a.file.Close()
	}
}

// wait returns true after d, and false earlier when ctx ends or gone is closed.
func (a *alarm) wait(ctx context.Context, gone <-chan struct{}, d time.Duration) bool {
	if a.file == nil {
		return a.timer.wait(ctx, gone, d)
	}
	end := time.Now().Add(d)
	if d > coarse && !a.timer.wait(ctx, gone, d-coarse) {
		return false
	}
	left := time.Until(end)
	if left <= 0 {
		return true
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
	if err := unix.TimerfdSettime(a.fd, 0, &spec, nil); err != nil {
		return a.timer.wait(ctx, gone, left)
	}
	var expired [8]byte
	if _, err := a.file.Read(expired[:]); err != nil {
		return a.timer.wait(ctx, gone, time.Until(end))
	}
	return true
}
