package core

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a customer's PIN on its way to the core (M6). Whatever formats,
// logs or marshals it gets dots. The octets sit behind two pointers, because fmt
// does not ask the methods of a value that it finds in an unexported field, and
// follows one pointer for a verb that does not suit: of two it prints an address.
type Secret struct{ octets **[]byte }

// NewSecret takes ownership of octets.
func NewSecret(octets []byte) Secret {
	if len(octets) == 0 {
		return Secret{}
	}
	inner := &octets
	return Secret{octets: &inner}
}

const masked = "••••"

// Reveal returns the octets themselves: only for the core request's own field.
func (s Secret) Reveal() []byte {
	if s.octets == nil {
		return nil
	}
	return **s.octets
}

// IsZero says whether there is no secret.
func (s Secret) IsZero() bool { return s.octets == nil }

// Erase overwrites the octets, of every copy of the Secret.
func (s Secret) Erase() { clear(s.Reveal()) }

// String returns dots.
func (s Secret) String() string { return masked }

// Format writes dots, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// MarshalText returns dots.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue returns dots.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }
