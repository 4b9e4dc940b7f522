package sms

import (
	"errors"
	"strings"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

func owed(words string) sessions.Notice {
	return sessions.Notice{ID: "a/customer/done", To: owner, Text: words}
}

// assembled joins parts as a phone does, and says how many there were.
func assembled(t *testing.T, f Format, parts []pdu.SubmitSM) (words string, n int) {
	t.Helper()
	in := text.NewReassembler(text.ReassemblerConfig{})
	for _, i := range []int{1, 0} { // in the wrong order, where there are two
		if i >= len(parts) {
			continue
		}
		p, err := partOf(&parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if whole, done := join(in, time.Now(), p, f.Coding); done {
			return whole, len(parts)
		}
	}
	t.Fatalf("%d parts make no message", len(parts))
	return "", 0
}

func TestLongMessagesAreWrittenAsTheNetworkWantsThem(t *testing.T) {
	long := strings.Repeat("x", 150) + "{}€" + strings.Repeat("y", 100)
	wide := strings.Repeat("ሰ", 66) + "👍🏽" + strings.Repeat("ላ", 30)
	latin := strings.Repeat("é", 200)
	for _, tc := range []struct {
		name   string
		format Format
		words  string
		dcs    uint8
		parts  int
		udhi   bool
		first  string // octets that the first short_message begins with
		tag    pdu.Tag
	}{
		{"8-bit references", Format{}, long, 0, 2, true, "\x05\x00\x03", 0},
		{"16-bit references", Format{Long: UDH16}, long, 0, 2, true, "\x06\x08\x04", 0},
		{"sar_*", Format{Long: SAR}, long, 0, 2, false, "xxx", pdu.TagSARMsgRefNum},
		{"message_payload", Format{Long: Payload}, long, 0, 1, false, "", pdu.TagMessagePayload},
		{"UCS-2 in parts", Format{}, wide, 8, 2, true, "\x05\x00\x03", 0},
		{"UCS-2 in message_payload", Format{Long: Payload}, wide, 8, 1, false, "", pdu.TagMessagePayload},
		{"UCS-2 by sar_*", Format{Long: SAR}, wide, 8, 2, false, "\x12\x30", pdu.TagSARTotalSegments},
		{"another data_coding", Format{DCS: 0xF1, UCS2: 0x18}, "short", 0xF1, 1, false, "short", 0},
		{"another data_coding of UCS-2", Format{DCS: 0xF1, UCS2: 0x18}, "ሰ", 0x18, 1, false, "\x12\x30", 0},
		{"Latin-1", Format{Coding: text.Coding{Default: text.Latin1}}, "é@", 0, 1, false, "\xE9@", 0},
		{"Latin-1 in parts", Format{Coding: text.Coding{Default: text.Latin1}}, latin, 0, 2, true, "\x05\x00\x03", 0},
		{"what Latin-1 lacks goes as UCS-2", Format{Coding: text.Coding{Default: text.Latin1}}, "Δ", 8, 1, false, "\x03\x94", 0},
		{"a single message_payload is none", Format{Long: Payload}, "short", 0, 1, false, "short", 0},
		{"a table of the phone's", Format{Languages: []text.Language{text.LanguageTurkish}}, "şğıİ", 0, 1, true, "\x03", 0},
		{"without it", Format{}, "şğıİ", 8, 1, false, "\x01\x5f", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := tc.format.withDefaults()
			parts, err := notice(f, "NYOTA", owed(tc.words))
			if err != nil {
				t.Fatal(err)
			}
			again, _ := notice(f, "NYOTA", owed(tc.words))
			for i, p := range parts {
				a, err1 := pdu.AppendPDU(nil, 0, 1, &p)
				b, err2 := pdu.AppendPDU(nil, 0, 1, &again[i])
				if err1 != nil || err2 != nil || string(a) != string(b) {
					t.Errorf("part %d is another the second time: %v %v", i, err1, err2)
				}
				if p.DataCoding != tc.dcs || p.ESMClass&esmUDHI != 0 != tc.udhi {
					t.Errorf("data_coding %#x, esm_class %#x", p.DataCoding, p.ESMClass)
				}
			}
			if _, has := parts[0].TLVs.Get(tc.tag); has != (tc.tag != 0) {
				t.Errorf("TLVs %v", parts[0].TLVs)
			}
			if !strings.HasPrefix(string(parts[0].ShortMessage), tc.first) {
				t.Errorf("% x", parts[0].ShortMessage)
			}
			if tc.format.DCS != 0 {
				return // how it is read is not the reader's default
			}
			words, n := assembled(t, f, parts)
			if words != tc.words || n != tc.parts {
				t.Errorf("%d parts: %q", n, words)
			}
		})
	}
}

func TestPartsBreakNoCharacter(t *testing.T) {
	for _, f := range []Format{{}, {Long: UDH16}, {Long: SAR}} {
		for pad := range 4 {
			words := strings.Repeat("x", 150+pad) + "€€€" + strings.Repeat("y", 100)
			emoji := strings.Repeat("ሰ", 62+pad) + "👍🏽👍🏽" + strings.Repeat("ሰ", 20)
			for _, words := range []string{words, emoji} {
				parts, err := notice(f.withDefaults(), "NYOTA", owed(words))
				if err != nil {
					t.Fatal(err)
				}
				for i := range parts {
					p, err := partOf(&parts[i])
					if err != nil {
						t.Fatal(err)
					}
					got := p.decode(f.Coding, p.data)
					if strings.ContainsRune(got, '\uFFFD') || strings.HasPrefix(got, "🏽") || strings.HasPrefix(got, "e") {
						t.Errorf("%+v: part %d is %q", f, i, got)
					}
				}
			}
		}
	}
}

func TestTooLongANoticeIsAnErrorThatNamesIt(t *testing.T) {
	_, err := notice(Format{}.withDefaults(), "NYOTA", owed(strings.Repeat("x", 6*153+1)))
	if !errors.Is(err, text.ErrTooLong) || !strings.Contains(err.Error(), "a/customer/done") {
		t.Error(err)
	}
}
