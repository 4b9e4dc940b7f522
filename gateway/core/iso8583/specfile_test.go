package iso8583_test

import (
	"reflect"
	"strings"
	"testing"

	"nyota/gateway/core/iso8583"
)

func TestSpecIsReadFromAFile(t *testing.T) {
	if s, err := iso8583.ReadSpec(strings.NewReader("")); err != nil || !reflect.DeepEqual(s, iso8583.DefaultSpec()) {
		t.Errorf("an empty file is not the default: %v", err)
	}
	if s, err := iso8583.ReadSpec(strings.NewReader("base: bcd")); err != nil || !reflect.DeepEqual(s, iso8583.DefaultSpec().PackBCD()) {
		t.Errorf("%v", err)
	}
	s, err := iso8583.ReadSpec(strings.NewReader(`
base: default
mti: bcd
bitmap: ascii
fields:
  2:  {prefix_encoding: bcd}
  48: {length: 255}
  52: {kind: b, length: 8}
  60: {off: true}
  100: {kind: ans, length: 11, prefix: 2}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := iso8583.DefaultSpec()
	want.MTI, want.Bitmap = iso8583.BCD, iso8583.ASCII
	f := want.Fields[2]
	f.PrefixEncoding = iso8583.BCD
	want.Fields[2] = f
	f = want.Fields[48]
	f.Length = 255
	want.Fields[48] = f
	delete(want.Fields, 60)
	want.Fields[100] = iso8583.Field{Kind: iso8583.Text, Length: 11, Prefix: 2}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v\nwant %+v", s, want)
	}
	row, err := s.Append(nil, iso8583.Message{MTI: "0200", Fields: map[int]string{2: "255700000001", 100: "NYOTA"}})
	if err != nil || !strings.HasPrefix(string(row), "\x02\x00C") {
		t.Errorf("%q, %v", row, err)
	}
}

func TestBadSpecIsSaidWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"base: odd":                         "base is default, bcd or none",
		"fields: {2: {knd: n}}":             "knd",
		"mti: binary":                       "message type is ASCII or BCD",
		"bitmap: hex":                       `bitmap: there is no "hex"`,
		"fields: {1: {kind: n, length: 3}}": "no field 1",
		"fields: {100: {kind: n}}":          "field 100: its length",
		"fields: {48: {kind: x}}":           "field 48: kind",
		"fields: {48: {encoding: bcd}}":     "field 48: its encoding",
		"fields: [":                         "1:",
		"fields: {48: {prefix: 4}}":         "field 48: its length",
		strings.Repeat("# long\n", 20_000):  "more than",
	} {
		if _, err := iso8583.ReadSpec(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v does not say %q", text, err, want)
		}
	}
}
