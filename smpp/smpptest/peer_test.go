package smpptest

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"nyota/smpp/pdu"
)

func TestAPeerLeavesNoTimerThatHoldsAPipe(t *testing.T) {
	ours, theirs := net.Pipe()
	freed := make(chan struct{})
	runtime.SetFinalizer(ours, func(net.Conn) { close(freed) })
	func() {
		p := NewPeer(ours)
		p.Timeout = time.Hour
		go func() {
			q := NewPeer(theirs)
			_, _ = q.Read()
			_ = q.Close()
		}()
		if err := p.Send(0, 1, &pdu.EnquireLink{}); err != nil {
			t.Fatal(err)
		}
		// The other end is closed in the middle of it, or just before.
		if _, err := p.Read(); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
			t.Fatalf("%v", err)
		}
		_ = p.Close()
	}()
	ours = nil
	deadline := time.After(10 * time.Second)
	for {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-deadline:
			t.Fatal("the pipe is still held")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAPeerGivesUpAndMayTryAgain(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	p := NewPeer(ours)
	p.Timeout = time.Millisecond
	for range 2 {
		if _, err := p.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading what never comes: %v", err)
		}
		if err := p.Send(0, 1, &pdu.EnquireLink{}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("writing what nobody reads: %v", err)
		}
	}
	p.Timeout = time.Minute
	go func() { _ = NewPeer(theirs).Send(0, 7, &pdu.EnquireLink{}) }()
	if got, err := p.Read(); err != nil || got.Sequence != 7 {
		t.Errorf("afterwards: %v, %v", got.Sequence, err)
	}
	_ = p.Close()
}
