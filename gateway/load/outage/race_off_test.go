//go:build !race

package outage

// raced says that the race detector is on: everything takes ten times as long.
const raced = false
