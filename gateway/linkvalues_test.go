package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nyota/gateway/channel/sms"
	"nyota/gateway/channel/ussd"
	"nyota/gateway/config"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// configured reads the smpp section of a file.
func configured(t *testing.T, smpp string) config.SMPP {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("smpp:\n"+smpp), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.SMPP
}

func TestEveryKnownDialectCanBeNamed(t *testing.T) {
	var names []string
	for _, d := range ussd.Dialects() {
		names = append(names, d.Name)
		got, err := dialectOf(nil, d.Name)
		if diff := cmp.Diff(d, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", d.Name, err, diff)
		}
	}
	if diff := cmp.Diff(config.BuiltInDialects[:], names); diff != "" {
		t.Errorf("the configuration and the channel know others:\n%s", diff)
	}
}

func TestOwnDialectDiffersInWhatItSays(t *testing.T) {
	own := configured(t, `
  dialects:
    - {name: acme, like: always-2, service_type: MENU, session: wide, start: [1], answer: [0x12], abort: [19, 0x82],
       ask: 32, end: 33, dcs: 0, ucs2_dcs: 8, coding: ussd}
    - {name: words, like: service-type, start: [BEGIN], end: LAST}
    - {name: plain}
  links:
    - {name: a, address: 'h:1', system_id: s, ussd: acme}
`).Dialects
	for name, want := range map[string]func(*ussd.Dialect){
		"acme": func(d *ussd.Dialect) {
			*d = ussd.Dialect{ServiceType: "MENU", ID: ussd.InfoWide, Start: []uint8{1}, Answer: []uint8{18}, Abort: []uint8{19, 0x82},
				Ask: 32, End: 33, GSM: 0, UCS2: 8, CBS: true}
		},
		"words": func(d *ussd.Dialect) {
			*d, _ = dialectOf(nil, "service-type")
			d.Types.Start, d.Types.End = []string{"BEGIN"}, "LAST"
		},
		"plain": func(*ussd.Dialect) {},
	} {
		expected := ussd.Standard()
		want(&expected)
		expected.Name = name
		got, err := dialectOf(own, name)
		if diff := cmp.Diff(expected, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestLinksTextsAreAsConfigured(t *testing.T) {
	c := configured(t, `
  links:
    - {name: a, address: 'h:1', system_id: s, alphabet: latin1, ascii_is_gsm: true, packed: true, sms_dcs: 0xF1, sms_ucs2_dcs: 24,
       long_messages: sar, tolerate: [unterminated]}
    - {name: b, address: 'h:1', system_id: s, network: other, shift_tables: [turkish, urdu], long_messages: udh16}
`)
	a, b := c.Links[0], c.Links[1]
	latin := text.Coding{Default: text.Latin1, ASCIIIsGSM7: true}
	want := sms.Format{Coding: latin, DCS: 0xF1, UCS2: 24, Long: sms.SAR}
	if diff := cmp.Diff(want, format(a)); diff != "" {
		t.Errorf("SMS:\n%s", diff)
	}
	latin.Packed = true
	if coding(a) != latin {
		t.Errorf("USSD: %+v", coding(a))
	}
	if tolerance(a.Tolerate) != (pdu.Tolerance{Unterminated: true}) || tolerance(b.Tolerate) != (pdu.Tolerance{}) {
		t.Error("the tolerance is another")
	}
	want = sms.Format{UCS2: 8, Long: sms.UDH16, Languages: []text.Language{text.LanguageTurkish, text.LanguageUrdu}}
	if diff := cmp.Diff(want, format(b)); diff != "" {
		t.Errorf("SMS:\n%s", diff)
	}
	for i, name := range config.ShiftTables {
		if l := text.Language(i + 1); !strings.EqualFold(l.String(), name) {
			t.Errorf("%s is %s", name, l)
		}
	}
}

func TestRetriesAreTheBuiltInOnesAndThoseConfigured(t *testing.T) {
	c := configured(t, `
  retries:
    - {status: ESME_RTHROTTLED, after: 3s, pause: true}
    - {status: 0x08, after: 5s, tries: 3}
    - {status: ESME_RX_T_APPN, tries: 1}
`)
	got, err := retries(c.Retries)
	want := smpp.DefaultRetries()
	want[pdu.StatusThrottled] = smpp.Retry{After: 3 * time.Second, Pause: true}
	want[pdu.StatusSysErr] = smpp.Retry{After: 5 * time.Second, Tries: 3}
	want[pdu.StatusXTAppn] = smpp.Retry{Tries: 1}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := retries([]config.Retry{{Status: "ESME_RNONSENSE"}}); err == nil || !strings.Contains(err.Error(), "ESME_RNONSENSE") {
		t.Error(err)
	}
	if l := lanes(config.Lanes{Answers: 3, Notices: 2, Bulk: 1}); !slices.Equal(l[:], []int{3, 2, 1}) {
		t.Errorf("%v", l)
	}
}
