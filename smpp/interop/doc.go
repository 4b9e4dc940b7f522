// Package interop holds nothing but tests: those of package smpp against peers
// that were written by others and bind or are bound to in earnest. They are npm's
// smpp in both roles, Kannel's bearerbox and smsbox, and Perl's Net::SMPP. What
// passes between them and us is recorded and read again by Wireshark's dissector,
// which must find every PDU and none that is malformed.
//
// A test skips if its program is not installed, and fails instead under CI.
package interop
