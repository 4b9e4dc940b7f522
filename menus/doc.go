// Package menus is the menu language: it loads YAML strictly, runs dialogues as
// pure steps, and renders every screen within the channel's limits.
//
// It has no goroutines, no clock and no I/O beside reading the YAML files.
package menus
