package menus

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestAnswersBecomeCanonicalOrAreRefused(t *testing.T) {
	env := DefaultEnv()
	cents := env
	cents.Currency = Currency{Code: "USD", Minor: 2, Symbol: "$"}
	msisdn := inputSpec{typ: typeMSISDN}
	money := inputSpec{typ: typeMoney, hasMin: true, min: 100, hasMax: true, max: 5000000}
	number := inputSpec{typ: typeNumber, minLen: 5, maxLen: 6}
	ranged := inputSpec{typ: typeNumber, minLen: 1, maxLen: 20, hasMin: true, min: 2, hasMax: true, max: 12}
	text := inputSpec{typ: typeText, minLen: 3, maxLen: 5, pattern: regexp.MustCompile("^(?:[a-z/]+)$")}
	free := inputSpec{typ: typeText, minLen: 1, maxLen: 60}
	secret := inputSpec{typ: typeSecret, minLen: 4, maxLen: 6}
	date := inputSpec{typ: typeDate, minDate: dateBound{set: true, relative: true}, maxDate: dateBound{set: true, day: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}}
	for _, tt := range []struct {
		spec *inputSpec
		env  *Env
		in   string
		want string // "" is refused
	}{
		{&msisdn, &env, "0700000001", "255700000001"},
		{&msisdn, &env, "255700000001", "255700000001"},
		{&msisdn, &env, "+255700000001", "255700000001"},
		{&msisdn, &env, "00255700000001", "255700000001"},
		{&msisdn, &env, "700000001", "255700000001"},
		{&msisdn, &env, "0700 000-001", "255700000001"},
		{&msisdn, &env, "070000000", ""},
		{&msisdn, &env, "07000000011", ""},
		{&msisdn, &env, "+254700000001", ""},
		{&msisdn, &env, "254700000001", ""},
		{&msisdn, &env, "+25570000000x", ""},
		{&msisdn, &env, "hello", ""},
		{&msisdn, &env, "", ""},
		{&money, &env, "5000", "5000"},
		{&money, &env, "5,000", "5000"},
		{&money, &env, "1 000 000", "1000000"},
		{&money, &env, "0500", "500"},
		{&money, &env, "100", "100"},
		{&money, &env, "99", ""},
		{&money, &env, "5000001", ""},
		{&money, &env, "5,00", ""},
		{&money, &env, "50.00", ""},
		{&money, &env, "-500", ""},
		{&money, &env, "5e3", ""},
		{&money, &env, "99999999999999999999", ""},
		{&inputSpec{typ: typeMoney}, &env, "0", ""},
		{&inputSpec{typ: typeMoney}, &cents, "12.5", "12.50"},
		{&inputSpec{typ: typeMoney}, &cents, "12", "12.00"},
		{&inputSpec{typ: typeMoney}, &cents, "0.05", "0.05"},
		{&inputSpec{typ: typeMoney}, &cents, "1.234", ""},
		{&inputSpec{typ: typeMoney}, &cents, "1.", ""},
		{&number, &env, "01001", "01001"},
		{&number, &env, "1001", ""},
		{&number, &env, "1234567", ""},
		{&number, &env, "12a45", ""},
		{&ranged, &env, "12", "12"},
		{&ranged, &env, "1", ""},
		{&ranged, &env, "13", ""},
		{&ranged, &env, "99999999999999999999", ""},
		{&text, &env, "ab/c", "ab/c"},
		{&text, &env, "ab", ""},
		{&text, &env, "abcdef", ""},
		{&text, &env, "AB1", ""},
		{&free, &env, "  Kwa  chakula ", "Kwa  chakula"},
		{&free, &env, "a\x00b\nc", "ab c"},
		{&free, &env, strings.Repeat("a", 61), ""},
		{&secret, &env, "1234", "1234"},
		{&secret, &env, "123", ""},
		{&secret, &env, "1234567", ""},
		{&secret, &env, "12a4", ""},
		{&date, &env, "31122026", "2026-12-31"},
		{&date, &env, "311226", "2026-12-31"},
		{&date, &env, "24/11/2026", "2026-11-24"},
		{&date, &env, "1/12/26", "2026-12-01"},
		{&date, &env, "23112026", ""},
		{&date, &env, "01022027", ""},
		{&date, &env, "31022027", ""},
		{&date, &env, "1/2", ""},
		{&date, &env, "tomorrow", ""},
	} {
		t.Run(fmt.Sprintf("%s %q", tt.spec.typ, tt.in), func(t *testing.T) {
			got, ok := tt.spec.parse(typed(Typed(tt.in)), tt.env, testNow)
			if ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("got %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

func TestDigitsOfOtherScriptsAreDigits(t *testing.T) {
	if got := typed("٠٧۰۰ \xff"); got != "0700" {
		t.Errorf("got %q", got)
	}
}

func TestFormats(t *testing.T) {
	env := DefaultEnv()
	sc := &scope{env: &env, now: testNow, sys: &sysLang{kinds: []pair{{"transfer", "Muamala"}}, reasons: []pair{{"wrong_pin", "PIN si sahihi."}, {"other", "Hapana."}}}}
	for _, tt := range []struct {
		f        format
		in, want string
	}{
		{formatMoney, "5000", "TZS 5,000"},
		{formatMoney, "999", "TZS 999"},
		{formatMoney, "1234567.50", "TZS 1,234,567.50"},
		{formatMoney, "-1000", "TZS -1,000"},
		{formatMoney, "lots", "lots"},
		{formatNumber, "1000000", "1,000,000"},
		{formatMSISDN, "255700000001", "0700000001"},
		{formatMSISDN, "254700000001", "+254700000001"},
		{formatMSISDN, "LUKU", "LUKU"},
		{formatMSISDN, "10001", "10001"},
		{formatTime, "2026-11-24T18:30:00Z", "21:30"},
		{formatTime, "2026-11-24T22:30:00Z", "25/11 01:30"},
		{formatDate, "2026-11-24T22:30:00Z", "25/11/2026"},
		{formatDay, "2026-12-31", "31/12"},
		{formatTime, "soon", "soon"},
		{formatKind, "transfer", "Muamala"},
		{formatKind, "salary", "salary"},
		{formatReason, "wrong_pin", "PIN si sahihi."},
		{formatReason, "new_code", "Hapana."},
		{formatSign, "in", "+"},
		{formatSign, "out", "-"},
		{formatPlain, "255700000001", "255700000001"},
		{formatMoney, "", ""},
	} {
		if got := string(sc.format(nil, tt.f, tt.in)); got != tt.want {
			t.Errorf("format %d of %q is %q, want %q", tt.f, tt.in, got, tt.want)
		}
	}
}

func TestSeptetsOfTheGSMAlphabet(t *testing.T) {
	for s, want := range map[string]int{"abc": 3, "€": 2, "[x]": 5, "Ñandú": -1, "ñé": 2, "`": -1, "ç": -1, "Ç": 1, "a\nb": 3, "نيوتا": -1, "😀": -1} {
		if gsm := isGSM([]byte(s)); gsm != (want >= 0) {
			t.Errorf("%q in the alphabet: %v", s, gsm)
		} else if gsm && cost([]byte(s), false) != want {
			t.Errorf("%q costs %d, want %d", s, cost([]byte(s), false), want)
		}
	}
	if n := cost([]byte("a😀"), true); n != 3 {
		t.Errorf("an emoji is two UTF-16 units: %d", n)
	}
}
