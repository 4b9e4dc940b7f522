package iso8583

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nyota/gateway/core"
)

func TestMessagesAreWrittenAndReadAlike(t *testing.T) {
	m := Message{MTI: "0200", Fields: map[int]string{
		2: "255700000001", 3: "400000", 4: "000000005000", 11: "000001", 37: "632714000001", 41: "NYOTA01 ", 49: "834",
		52: "\x00\x01\x02\x03\xff\xfe\xfd\xfc", 60: "00", 90: strings.Repeat("1", 42), 102: "255700000001", 128: "\x00\x00\x00\x00\x00\x00\x00\x01",
	}}
	hexBitmap := DefaultSpec()
	hexBitmap.Bitmap = ASCII
	for name, s := range map[string]*Spec{"ASCII": DefaultSpec(), "BCD": DefaultSpec().PackBCD(), "bitmap in hexadecimal": hexBitmap} {
		t.Run(name, func(t *testing.T) {
			b, err := s.Append([]byte("before"), m)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Decode(b[6:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for n := range len(b) - 6 {
				if _, err := s.Decode(b[6 : 6+n]); err == nil {
					t.Errorf("the first %d octets are a message", n)
				}
			}
			if _, err := s.Decode(append(b[6:], 0)); err == nil {
				t.Error("an octet too many was accepted")
			}
		})
	}
}

func TestOctetsOfAMessage(t *testing.T) {
	m := Message{MTI: "0800", Fields: map[int]string{7: "1123140522", 11: "000042", 70: "301"}}
	for want, s := range map[string]*Spec{
		"30383030" + "8220000000000000" + "0400000000000000" + hex.EncodeToString([]byte("1123140522000042301")): DefaultSpec(),
		"0800" + "8220000000000000" + "0400000000000000" + "1123140522" + "000042" + "0301":                      DefaultSpec().PackBCD(),
	} {
		b, err := s.Append(nil, m)
		if got := hex.EncodeToString(b); err != nil || got != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
}

func TestValuesThatDoNotFitAreErrorsWithoutTheValue(t *testing.T) {
	for name, m := range map[string]Message{
		"message type": {MTI: "02"},
		"too long":     {MTI: "0200", Fields: map[int]string{2: strings.Repeat("7", 20)}},
		"no digits":    {MTI: "0200", Fields: map[int]string{4: "77x7"}},
		"no octets":    {MTI: "0200", Fields: map[int]string{52: "777"}},
		"no field":     {MTI: "0200", Fields: map[int]string{5: "777"}},
		"not printed":  {MTI: "0200", Fields: map[int]string{48: "777\n"}},
	} {
		if _, err := DefaultSpec().Append(nil, m); err == nil || strings.Contains(err.Error(), "77") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, s := range map[string]*Spec{
		"field 1":      {Fields: map[int]Field{1: {Length: 8}}},
		"no length":    {Fields: map[int]Field{2: {}}},
		"BCD letters":  {Fields: map[int]Field{2: {Kind: Text, Encoding: BCD, Length: 2}}},
		"LLVAR of 100": {Fields: map[int]Field{2: {Length: 100, Prefix: 2}}},
		"BCD bitmap":   {Bitmap: BCD},
	} {
		if s.check() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	specs := []*Spec{DefaultSpec(), DefaultSpec().PackBCD()}
	for _, s := range specs {
		b, err := s.Append(nil, Message{MTI: "0200", Fields: map[int]string{2: "1", 4: "5000", 48: "x", 52: "12345678", 90: "1"}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range specs {
			m, err := s.Decode(b)
			if err != nil {
				continue
			}
			again, err := s.Append(nil, m)
			if err != nil {
				t.Fatalf("read and not to be written: %v", err)
			}
			back, err := s.Decode(again)
			if err != nil || !cmp.Equal(m, back) {
				t.Errorf("%v became %v: %v", m, back, err)
			}
		}
	})
}

func TestPINBlockIsFormatZero(t *testing.T) {
	var seen [8]byte
	c := &Connector{cfg: Config{Encrypt: func(b [8]byte) ([8]byte, error) { seen = b; return b, nil }}}
	// 04 12 34 FF.. over the account number's last twelve digits before its check digit.
	if _, err := c.pinBlock(core.NewSecret([]byte("1234")), "43219876543210987"); err != nil || hex.EncodeToString(seen[:]) != "0412ac89abcdef67" {
		t.Errorf("%x, %v", seen, err)
	}
	for _, pin := range []string{"123", "1234567890123", "12a4"} {
		if _, err := c.pinBlock(core.NewSecret([]byte(pin)), "255700000001"); err == nil || strings.Contains(err.Error(), pin) {
			t.Errorf("%v", err)
		}
	}
	c.cfg.Encrypt = nil
	if _, err := c.pinBlock(core.NewSecret([]byte("1234")), "255700000001"); err == nil {
		t.Error("a PIN block in clear was made")
	}
}

func TestSTANsDoNotComeAgainAfterARestart(t *testing.T) {
	now := time.Date(2026, 11, 23, 14, 0, 10, 0, time.UTC)
	clock := func() time.Time { return now }
	seen := map[string]bool{}
	for restart := range 3 {
		c := &Connector{cfg: Config{Now: clock}}
		for range 200 {
			i, err := c.mint()
			if err != nil || seen[i.rrn] {
				t.Fatalf("restart %d: %s again, %v", restart, i.rrn, err)
			}
			if seen[i.rrn] = true; i.rrn[:6] != "632714" || i.rrn[6:] != i.stan {
				t.Errorf("RRN %s of STAN %s", i.rrn, i.stan)
			}
			if p, err := parseIDs(i.key()); err != nil || p != i {
				t.Errorf("%v, %v", p, err)
			}
		}
		now = now.Add(time.Second)
	}
	c := &Connector{cfg: Config{Now: clock}, hour: now.Truncate(time.Hour), stan: 999_999}
	if _, err := c.mint(); err == nil {
		t.Error("an hour has more than 999,999")
	}
	now = now.Add(time.Hour)
	if _, err := c.mint(); err != nil {
		t.Error(err)
	}
}

func TestAmountsAreInTheSmallestUnit(t *testing.T) {
	for in, want := range map[string]string{"5000": "000000500000", "12.5": "000000001250", "0.01": "000000000001", "0.001": "", "0": "", "-1": "", "99999999999": "", "x": ""} {
		c := &Connector{cfg: Config{Minor: 2}}
		if got, err := c.amount(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}
