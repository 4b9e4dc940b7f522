package iso8583

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
)

// maxSpec bounds a packager's file, in octets.
const maxSpec = 64 << 10

// specFile is a packager as its file says it.
type specFile struct {
	Base   string            `yaml:"base"`
	MTI    string            `yaml:"mti"`
	Bitmap string            `yaml:"bitmap"`
	Fields map[int]fieldFile `yaml:"fields"`
}

// fieldFile is one field of it. What is not said is as in the base, or of a field
// that the base does not have: ASCII, and fixed.
type fieldFile struct {
	Off            bool   `yaml:"off"`
	Kind           string `yaml:"kind"`
	Encoding       string `yaml:"encoding"`
	Length         int    `yaml:"length"`
	Prefix         *int   `yaml:"prefix"`
	PrefixEncoding string `yaml:"prefix_encoding"`
}

var (
	encodings = map[string]Encoding{"ascii": ASCII, "bcd": BCD, "binary": Binary}
	kinds     = map[string]Kind{"n": Numeric, "ans": Text, "b": Octets}
)

// ReadSpec reads a packager from YAML: what differs from a base.
//
//	base: default           # default: ASCII and a binary bitmap; bcd: digits packed; none: only what follows
//	mti: ascii              # ascii or bcd
//	bitmap: binary          # binary or ascii (hexadecimal digits)
//	fields:
//	  2:  {prefix: 2, prefix_encoding: bcd}
//	  48: {kind: ans, length: 255, prefix: 3}
//	  52: {kind: b, length: 8}
//	  60: {off: true}
//
// kind is n (digits), ans (printable) or b (octets); length the characters of a
// fixed field, or the most; prefix the digits of the length in front: 0, 2, 3.
// Its errors name the line or the field.
func ReadSpec(r io.Reader) (*Spec, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSpec+1))
	if err != nil {
		return nil, fmt.Errorf("iso8583: spec: %w", err)
	}
	if len(text) > maxSpec {
		return nil, fmt.Errorf("iso8583: spec: more than %d octets", maxSpec)
	}
	var f specFile
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("iso8583: spec: %s", strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	var s *Spec
	switch f.Base {
	case "", "default":
		s = DefaultSpec()
	case "bcd":
		s = DefaultSpec().PackBCD()
	case "none":
		s = &Spec{Fields: map[int]Field{}}
	default:
		return nil, fmt.Errorf("iso8583: spec: base is default, bcd or none, not %q", f.Base)
	}
	for _, e := range []struct {
		name, value string
		to          *Encoding
	}{{"mti", f.MTI, &s.MTI}, {"bitmap", f.Bitmap, &s.Bitmap}} {
		if err := pick(e.to, encodings, e.name, e.value); err != nil {
			return nil, err
		}
	}
	for n, in := range f.Fields {
		if in.Off {
			delete(s.Fields, n)
			continue
		}
		out := s.Fields[n]
		name := fmt.Sprintf("field %d: ", n)
		if err := errors.Join(
			pick(&out.Kind, kinds, name+"kind", in.Kind),
			pick(&out.Encoding, encodings, name+"encoding", in.Encoding),
			pick(&out.PrefixEncoding, encodings, name+"prefix_encoding", in.PrefixEncoding),
		); err != nil {
			return nil, err
		}
		if in.Kind == "b" && in.Encoding == "" {
			out.Encoding = Binary
		}
		if in.Length != 0 {
			out.Length = in.Length
		}
		if in.Prefix != nil {
			out.Prefix = *in.Prefix
		}
		s.Fields[n] = out
	}
	return s, s.check()
}

// pick sets what a word means, unless there is none.
func pick[T any](to *T, words map[string]T, name, word string) error {
	if word == "" {
		return nil
	}
	v, ok := words[strings.ToLower(word)]
	if !ok {
		return fmt.Errorf("iso8583: spec: %s: there is no %q", name, word)
	}
	*to = v
	return nil
}
