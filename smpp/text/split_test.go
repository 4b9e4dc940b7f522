package text

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// lens are the lengths of a message's parts as encoded, in octets.
func lens(m Message) []int {
	n := make([]int, len(m.Parts))
	for i, p := range m.Parts {
		n[i] = len(p.Data)
	}
	return n
}

func TestLongTextsAreSplitAtTheLimits(t *testing.T) {
	tests := []struct {
		name string
		s    string
		l    Limits
		e    Encoding
		want []int // octets of each part
	}{
		{"empty", "", Limits{}, GSM7, []int{0}},
		{"160 septets", strings.Repeat("a", 160), Limits{}, GSM7, []int{160}},
		{"161 septets", strings.Repeat("a", 161), Limits{}, GSM7, []int{153, 8}},
		{"306 septets", strings.Repeat("a", 306), Limits{}, GSM7, []int{153, 153}},
		{"wide reference", strings.Repeat("a", 305), Limits{Wide: true}, GSM7, []int{152, 152, 1}},
		{"80 extension characters", strings.Repeat("€", 80), Limits{}, GSM7, []int{160}},
		{"an escape is not cut", strings.Repeat("€", 81), Limits{}, GSM7, []int{152, 10}},
		{"70 of UCS-2", strings.Repeat("✓", 70), Limits{}, UCS2, []int{140}},
		{"71 of UCS-2", strings.Repeat("✓", 71), Limits{}, UCS2, []int{134, 8}},
		{"wide reference in UCS-2", strings.Repeat("✓", 71), Limits{Wide: true}, UCS2, []int{132, 10}},
		{"a surrogate pair is not cut", "✓" + strings.Repeat("😀", 35), Limits{}, UCS2, []int{134, 8}},
		{"a surrogate pair is not cut, either", strings.Repeat("😀", 36), Limits{}, UCS2, []int{132, 12}},
		{"a base keeps its accent", strings.Repeat("✓", 66) + "e\u0301" + strings.Repeat("✓", 10), Limits{}, UCS2, []int{132, 24}},
		{"CR keeps its LF", strings.Repeat("a", 152) + "\r\n" + strings.Repeat("a", 10), Limits{}, GSM7, []int{152, 12}},
		{"national table", strings.Repeat("a", 154) + "ş", Limits{Languages: []Language{LanguageTurkish}}, GSM7, []int{155}},
		{"national table in parts", strings.Repeat("a", 155) + "ş", Limits{Languages: []Language{LanguageTurkish}}, GSM7, []int{149, 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Split(tt.s, tt.l)
			if err != nil {
				t.Fatal(err)
			}
			got := lens(m)
			if m.Encoding != tt.e || len(got) != len(tt.want) {
				t.Fatalf("%s, parts of %v; want %s, %v", m.Encoding, got, tt.e, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("parts of %v, want %v", got, tt.want)
					break
				}
			}
			checkMessage(t, tt.s, m, 140)
		})
	}
}

// checkMessage checks what holds for every split.
func checkMessage(t *testing.T, s string, m Message, octets int) {
	t.Helper()
	var whole strings.Builder
	for i, p := range m.Parts {
		whole.WriteString(p.Text)
		h := m.Header(i, 0xABCD)
		air := h.Len()
		if m.Encoding == GSM7 {
			air = (h.Len()*8+6)/7*7 + len(p.Data)*7
			air = (air + 7) / 8
		} else {
			air += len(p.Data)
		}
		if air > octets {
			t.Errorf("part %d takes %d octets on air", i, air)
		}
		msg, udh := m.ShortMessage(i, 0xABCD)
		rest := msg
		if udh {
			parsed, r, err := ParseUDH(msg)
			if err != nil || parsed.Concat != h.Concat || parsed.Alphabet != h.Alphabet {
				t.Errorf("part %d: header %+v is %+v, %v", i, h, parsed, err)
			}
			rest = r
		}
		decoded := m.Encoding.Decode(rest)
		if m.Encoding == GSM7 {
			decoded = m.Alphabet.Decode(rest)
		}
		if decoded != string([]rune(p.Text)) {
			t.Errorf("part %d is read as %q, was %q", i, decoded, p.Text)
		}
	}
	if whole.String() != s {
		t.Errorf("the parts are %q, the text was %q", whole.String(), s)
	}
}

func TestGraphemesAreKeptWhole(t *testing.T) {
	for _, g := range []string{
		"e\u0301",                         // base and accent
		"👩\u200d👩\u200d👧",                 // joined family
		"👍🏽",                              // skin tone
		"🇹🇿",                              // flag
		"🏴\U000E0067\U000E0062\U000E007F", // flag of tags
		"❤\ufe0f",                         // variation
		"क्ष",                             // conjunct
		"\u1100\u1161\u11a8",              // jamo
		"\uac00\u11a8",                    // syllable and jamo
		"1\ufe0f\u20e3",                   // key cap
		"\u0e01\u0e33",                    // Thai am
		"\r\n",
	} {
		if n := graphemeLen(g + "x"); n != len(g) {
			t.Errorf("%q: %d octets of %d", g, n, len(g))
		}
	}
	if n := graphemeLen("🇹🇿🇰🇪"); n != len("🇹🇿") {
		t.Errorf("two flags are cut after %d octets", n)
	}
	if n := graphemeLen("a\n\u0301"); n != 1 {
		t.Errorf("a control character joins: %d octets", n)
	}
	if n := graphemeLen(""); n != 0 {
		t.Errorf("nothing has %d octets", n)
	}
	if n := graphemeLen("\xff\xfe"); n != 1 {
		t.Errorf("a broken octet takes %d octets", n)
	}
}

func TestAGraphemeLongerThanAPartIsCutBetweenRunes(t *testing.T) {
	s := "a" + strings.Repeat("\u0301", 200)
	m, err := Split(s, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	checkMessage(t, s, m, 140)
	if len(m.Parts) != 3 {
		t.Errorf("%d parts of %v octets, want 67, 67 and 67 units", len(m.Parts), lens(m))
	}
}

func TestSplitRefusesTooManyPartsAndNoRoom(t *testing.T) {
	for name, f := range map[string]func() error{
		"more than 255 parts": func() error { _, err := Split(strings.Repeat("a", 255*153+1), Limits{}); return err },
		"more than 3 parts":   func() error { _, err := Split(strings.Repeat("a", 3*153+1), Limits{Parts: 3}); return err },
		"more by escapes":     func() error { _, err := Split(strings.Repeat("€", 3*76+1), Limits{Parts: 3}); return err },
		"no room":             func() error { _, err := Split("hello you", Limits{Octets: 7}); return err },
	} {
		if err := f(); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Split(strings.Repeat("a", 255*153), Limits{}); err != nil {
		t.Error(err)
	}
	_, err := SplitAs("abc✓", Latin1, Alphabet{}, Limits{})
	var ce *CharError
	if !errors.As(err, &ce) || ce.Offset != 3 {
		t.Errorf("%v", err)
	}
}

func TestHeadersAreReadAndWritten(t *testing.T) {
	tests := []struct {
		name string
		h    Header
		wire string
	}{
		{"none", Header{}, ""},
		{"8-bit", Header{Concat: Concat{Ref: 0xFE, Total: 2, Seq: 1}}, "\x05\x00\x03\xfe\x02\x01"},
		{"16-bit", Header{Concat: Concat{Ref: 0xABCD, Wide: true, Total: 255, Seq: 255}}, "\x06\x08\x04\xab\xcd\xff\xff"},
		{"languages", Header{Alphabet: Alphabet{LanguageHindi, LanguageTurkish}}, "\x06\x24\x01\x01\x25\x01\x06"},
		{"ports", Header{Other: []Element{{5, []byte{0, 1, 0, 2}}}}, "\x06\x05\x04\x00\x01\x00\x02"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.h.Append(nil)
			if err != nil || string(got) != tt.wire || len(got) != tt.h.Len() {
				t.Errorf("%x, %v, %d octets", got, err, tt.h.Len())
			}
			if tt.wire == "" {
				return
			}
			h, rest, err := ParseUDH(append(got, "text"...))
			if err != nil || string(rest) != "text" || h.Concat != tt.h.Concat || h.Alphabet != tt.h.Alphabet || len(h.Other) != len(tt.h.Other) {
				t.Errorf("read as %+v, %q, %v", h, rest, err)
			}
		})
	}
	if _, err := (Header{Other: []Element{{1, make([]byte, 254)}}}).Append(nil); !errors.Is(err, ErrUDH) {
		t.Errorf("256 octets: %v", err)
	}
}

func TestBrokenHeadersAreErrorsAndContradictionsAreIgnored(t *testing.T) {
	for _, s := range []string{"", "\x05\x00\x03", "\x02\x00\x03", "\x01\x00"} {
		if h, _, err := ParseUDH([]byte(s)); !errors.Is(err, ErrUDH) {
			t.Errorf("%x is read as %+v, %v", s, h, err)
		}
	}
	if _, rest, err := ParseUDH([]byte("\x02\x00\x03text")); !errors.Is(err, ErrUDH) || string(rest) != "text" {
		t.Errorf("the text after a broken header is %q, %v", rest, err)
	}
	for _, s := range []string{"\x05\x00\x03\x01\x02\x03", "\x05\x00\x03\x01\x00\x00", "\x05\x00\x03\x01\x02\x00"} {
		if h, _, err := ParseUDH([]byte(s)); err != nil || h.Concat != (Concat{}) {
			t.Errorf("%x is read as %+v, %v", s, h, err)
		}
	}
	h, _, err := ParseUDH([]byte("\x0a\x00\x03\x01\x02\x01\x00\x03\x09\x02\x02"))
	if err != nil || h.Concat != (Concat{Ref: 9, Total: 2, Seq: 2}) {
		t.Errorf("of two elements %+v counts, %v", h.Concat, err)
	}
}

func FuzzUDH(f *testing.F) {
	f.Add([]byte("\x05\x00\x03\xfe\x02\x01text"))
	f.Add([]byte("\x0b\x05\x04\x00\x01\x00\x02\x00\x03\x01\x02\x01"))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, src []byte) {
		h, rest, err := ParseUDH(src)
		if err != nil {
			return
		}
		if len(rest) != len(src)-1-int(src[0]) {
			t.Fatalf("%d octets remain of %d", len(rest), len(src))
		}
		wire, err := h.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(wire) == 0 {
			return
		}
		again, _, err := ParseUDH(wire)
		if err != nil || again.Concat != h.Concat || again.Alphabet != h.Alphabet || len(again.Other) != len(h.Other) {
			t.Fatalf("%+v is %+v, %v", h, again, err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add(strings.Repeat("€uro ", 50), false, uint8(0), uint8(140))
	f.Add(strings.Repeat("👩\u200d👧क्षe\u0301", 30), true, uint8(LanguageHindi), uint8(30))
	f.Fuzz(func(t *testing.T, s string, wide bool, language, octets uint8) {
		l := Limits{Octets: int(octets), Wide: wide, Languages: []Language{Language(language % 15)}}
		m, err := Split(s, l)
		if err != nil {
			if !errors.Is(err, ErrTooLong) {
				t.Fatal(err)
			}
			return
		}
		if l.Octets == 0 {
			l.Octets = 140
		}
		checkMessage(t, s, m, l.Octets)
		if len(m.Parts) > 1 && utf8.ValidString(s) {
			for i, p := range m.Parts {
				if p.Text == "" || !utf8.ValidString(p.Text) {
					t.Fatalf("part %d is %q", i, p.Text)
				}
			}
		}
	})
}
