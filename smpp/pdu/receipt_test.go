package pdu

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func date(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		panic(err)
	}
	return t
}

// receiptForms are the ways in which message centres write receipts.
var receiptForms = []struct {
	name, text string
	want       Receipt
}{
	{"by the book",
		"id:0123456789 sub:001 dlvrd:001 submit date:1002101730 done date:1002101731 stat:DELIVRD err:000 text:Hello you",
		Receipt{ID: "0123456789", Submitted: 1, Delivered: 1, SubmitDate: date("2010-02-10 17:30:00"),
			DoneDate: date("2010-02-10 17:31:00"), State: StateDelivered, Stat: "DELIVRD", Err: "000", Text: "Hello you"}},
	{"upper case Text, seconds",
		"id:1a sub:1 dlvrd:0 submit date:240229173001 done date:240229173102 stat:UNDELIV err:044 Text:x",
		Receipt{ID: "1a", Submitted: 1, SubmitDate: date("2024-02-29 17:30:01"), DoneDate: date("2024-02-29 17:31:02"),
			State: StateUndeliverable, Stat: "UNDELIV", Err: "044", Text: "x"}},
	{"four digits of year",
		"id:1 submit date:20240229173001 done date:202402291731 stat:EXPIRED err:1 text:",
		Receipt{ID: "1", SubmitDate: date("2024-02-29 17:30:01"), DoneDate: date("2024-02-29 17:31:00"),
			State: StateExpired, Stat: "EXPIRED", Err: "1"}},
	{"punctuated dates and underscores",
		"ID:1 SUB:001 DLVRD:001 SUBMIT_DATE:2024-02-29 17:30:01 DONE_DATE:2024-02-29T17:31:02 STAT:delivered ERR:0",
		Receipt{ID: "1", Submitted: 1, Delivered: 1, SubmitDate: date("2024-02-29 17:30:01"),
			DoneDate: date("2024-02-29 17:31:02"), State: StateDelivered, Stat: "delivered", Err: "0"}},
	{"spaces around the colons",
		"id: 42 sub : 001 dlvrd: 001 stat: REJECTD err: 0A1",
		Receipt{ID: "42", Submitted: 1, Delivered: 1, State: StateRejected, Stat: "REJECTD", Err: "0A1"}},
	{"no sub and dlvrd, NUL at the end",
		"id:00436949 submit date:1504211508 done date:1504211508 stat:DELIVRD err:000\x00",
		Receipt{ID: "00436949", SubmitDate: date("2015-04-21 15:08:00"), DoneDate: date("2015-04-21 15:08:00"),
			State: StateDelivered, Stat: "DELIVRD", Err: "000"}},
	{"commas, other order",
		"stat:ACCEPTD,id:7,err:0,dlvrd:000,sub:001",
		Receipt{ID: "7", Submitted: 1, State: StateAccepted, Stat: "ACCEPTD", Err: "0"}},
	{"text that looks like fields",
		"id:7 stat:ENROUTE text:id:8 stat:DELIVRD err:5",
		Receipt{ID: "7", State: StateEnroute, Stat: "ENROUTE", Text: "id:8 stat:DELIVRD err:5"}},
	{"repeated field, unknown state and dates that are none",
		"id:7 id:8 submit date:0000000000 done date:soon stat:WHOKNOWS err:",
		Receipt{ID: "7", State: StateUnknown, Stat: "WHOKNOWS"}},
	{"an id with a dash and a grid of letters",
		"id:2f0c7f0e-8b60-4b07-b4a5-9f5b2e9d6a01 sub:001 dlvrd:001 stat:DELETED err:000",
		Receipt{ID: "2f0c7f0e-8b60-4b07-b4a5-9f5b2e9d6a01", Submitted: 1, Delivered: 1, State: StateDeleted,
			Stat: "DELETED", Err: "000"}},
}

func TestReceiptsOfEveryCommonFormAreRead(t *testing.T) {
	for _, tt := range receiptForms {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseReceiptText([]byte(tt.text), nil)
			if !ok {
				t.Fatal("not taken for a receipt")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNoReceiptIsNotTakenForOne(t *testing.T) {
	for _, s := range []string{"", "hello", "id:5", "stat:DELIVRD", "my id:5 and estat:no", "valid:5 stat:DELIVRD", "id:", "text:id:5 stat:DELIVRD"} {
		if r, ok := ParseReceiptText([]byte(s), nil); ok {
			t.Errorf("%q is read as %+v", s, r)
		}
	}
}

func TestReceiptsOfTheVectorsAreRead(t *testing.T) {
	n := 0
	for i, v := range loadVectors(t) {
		p, err := Decode(v.bytes(t))
		d, ok := p.Body.(*DeliverSM)
		if err != nil || !ok || !IsReceipt(d.ESMClass) || d.ESMClass&ESMFeatureUDHI != 0 {
			continue
		}
		r, ok := ParseReceipt(d, nil)
		if d.DataCoding == 8 {
			continue // a person's text with a receipt's esm_class
		}
		n++
		if !ok || r.State != StateDelivered || r.Stat != "DELIVRD" || r.SubmitDate.IsZero() || r.DoneDate.IsZero() {
			t.Errorf("%d: %+v, %v", i, r, ok)
		}
		if id, has := d.TLVs.CString(TagReceiptedMessageID); has && r.ID != string(id) {
			t.Errorf("%d: id %q, the TLV says %q", i, r.ID, id)
		}
	}
	if n < 4 {
		t.Errorf("%d receipts in the vectors, want 4 and more", n)
	}
}

func TestTLVsOfAReceiptWinOverItsText(t *testing.T) {
	want := Receipt{ID: "ab12", State: StateDelivered, Stat: "EXPIRED", Err: "000",
		HasNetwork: true, NetworkType: 3, NetworkCode: 0x0114}
	d := &DeliverSM{ESMClass: ESMTypeReceipt, ShortMessage: []byte("id:17 stat:EXPIRED err:000"), TLVs: want.TLVs()}
	got, ok := ParseReceipt(d, nil)
	if !ok {
		t.Fatal("not taken for a receipt")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReceiptsOfTLVsAloneAndOfPayloadsAreRead(t *testing.T) {
	r, ok := NewReceipt(nil, Receipt{ID: "17", State: StateRejected}.TLVs(), nil)
	if !ok || r.ID != "17" || r.State != StateRejected || r.Stat != "REJECTD" {
		t.Errorf("%+v, %v", r, ok)
	}
	d := &DeliverSM{TLVs: TLVs{{TagMessagePayload, []byte("id:9 stat:DELIVRD")}}}
	if r, ok := ParseReceipt(d, nil); !ok || r.ID != "9" {
		t.Errorf("%+v, %v", r, ok)
	}
	if _, ok := NewReceipt([]byte("hello"), nil, nil); ok {
		t.Error("a greeting is a receipt")
	}
}

func TestReceiptTimesAreOfThePlaceGiven(t *testing.T) {
	eat := time.FixedZone("EAT", 3*3600)
	r, _ := ParseReceiptText([]byte("id:1 stat:DELIVRD done date:2402291731"), eat)
	if want := date("2024-02-29 14:31:00"); !r.DoneDate.Equal(want) {
		t.Errorf("%s, want %s", r.DoneDate, want)
	}
}

func TestReceiptsAreBuiltByTheBook(t *testing.T) {
	r := Receipt{ID: "42", Submitted: 1, Delivered: 1, SubmitDate: date("2024-02-29 17:30:00"),
		DoneDate: date("2024-02-29 17:31:00"), State: StateDelivered, Text: "You sent 5,000 to 0712 345 678"}
	want := "id:42 sub:001 dlvrd:001 submit date:2402291730 done date:2402291731 stat:DELIVRD err:000 text:You sent 5,000 to 07"
	if got := string(r.AppendText(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(Receipt{ID: "1", State: StateUnknown}.AppendText(nil)); got !=
		"id:1 sub:000 dlvrd:000 submit date:0000000000 done date:0000000000 stat:UNKNOWN err:000 text:" {
		t.Errorf("an empty one is %s", got)
	}
}

func TestStateNamesAreReadBack(t *testing.T) {
	for s := range uint8(10) {
		if got := ParseState(StateName(s)); got != s {
			t.Errorf("state %d is %q, and that is %d", s, StateName(s), got)
		}
	}
	for s, final := range map[uint8]bool{StateEnroute: false, StateAccepted: false, StateScheduled: false,
		StateDelivered: true, StateRejected: true, StateUnknown: true} {
		if (Receipt{State: s}).Final() != final {
			t.Errorf("%s: final is %v", StateName(s), !final)
		}
	}
}

func TestIDsCompareAcrossHexadecimalAndDecimal(t *testing.T) {
	tests := []struct {
		form     IDForm
		id, want string
	}{
		{IDVerbatim, "00FF", "00FF"},
		{IDHexadecimal, "00FF", "ff"},
		{IDDecimal, "0255", "ff"},
		{IDDecimal, "94258431594", "15f23d866a"},
		{IDHexadecimal, "not hex", "not hex"},
		{IDDecimal, "-5", "-5"},
		{IDHexadecimal, "1_0", "1_0"},
		{IDDecimal, "", ""},
	}
	for _, tt := range tests {
		if got := tt.form.Canonical(tt.id); got != tt.want {
			t.Errorf("form %d of %q is %q, want %q", tt.form, tt.id, got, tt.want)
		}
	}
}

func TestTimesOfTheSpecificationAreReadAndWritten(t *testing.T) {
	now := time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
	eat := time.FixedZone("", 3*3600)
	tests := []struct {
		s    string
		want time.Time
	}{
		{"", time.Time{}},
		{"151110145607000+", date("2015-11-10 14:56:07")},
		{"240229173000712+", time.Date(2024, 2, 29, 17, 30, 0, 700_000_000, eat)},
		{"240229173000020-", time.Date(2024, 2, 29, 17, 30, 0, 0, time.FixedZone("", -5*3600))},
		{"000002010000000R", date("2024-02-02 13:00:00")},
		{"010100000005000R", date("2025-03-03 12:00:05")},
	}
	for _, tt := range tests {
		got, err := ParseTime([]byte(tt.s), now)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%q is %s, %v; want %s", tt.s, got, err, tt.want)
		}
		if n := len(tt.s); n > 0 && tt.s[n-1] != 'R' {
			if s := string(AbsoluteTime(tt.want)); s != tt.s {
				t.Errorf("%s is written %q, want %q", tt.want, s, tt.s)
			}
		}
	}
	for _, s := range []string{"1", "151110145607000?", "15111014560700x+", "1511101456070x0+", "240230173000000+", "240229253000000+", "abcdefghijklmnoR"} {
		if got, err := ParseTime([]byte(s), now); err == nil {
			t.Errorf("%q is %s", s, got)
		}
	}
}

func TestRelativeTimesCountWhatTheyShould(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                          "000000000000000R",
		-time.Hour:                 "000000000000000R",
		time.Millisecond:           "000000000001000R",
		5 * time.Minute:            "000000000500000R",
		26 * time.Hour:             "000001020000000R",
		400 * 24 * time.Hour:       "010110000000000R",
		200 * 365 * 24 * time.Hour: "990000000000000R",
	} {
		if got := string(RelativeTime(d)); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
