//go:build !linux

package main

import "os"

// echoOf is nil for what is no terminal. Where it is one, PINs of the simulator
// show as they are typed.
func echoOf(f *os.File) func(on bool) {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return func(bool) {}
}
