package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// echoOf switches what is typed into a terminal on and off; nil for what is none.
func echoOf(f *os.File) func(on bool) {
	fd := int(f.Fd())
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return nil
	}
	return func(on bool) {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return
		}
		t.Lflag &^= unix.ECHO
		if on {
			t.Lflag |= unix.ECHO
		}
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, t)
	}
}
