package sessions

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// record is what all kinds can do.
type record interface {
	encoding.BinaryAppender
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

func emptyRecords() map[string]record {
	return map[string]record{
		"session": new(Session), "action": new(Action), "notice": new(Notice), "customer": new(Customer),
		"discrepancy": new(Discrepancy), "wish": new(Wish),
	}
}

func at(us int64) time.Time { return time.UnixMicro(us).UTC() }

// goldenRecords have every field set, each to another value.
func goldenRecords() map[string]record {
	key := Key{Network: "demo", MSISDN: "255700000001", ID: "17"}
	return map[string]record{
		"session": &Session{
			Key: key, Version: 5, Ended: true, Menu: "wallet", Revision: "c0ffee", State: []byte{0, 1, 0xff},
			Screen: "Salio\n1 Ndiyo", Asking: true, Action: "a-1", Node: "n1", LastHash: 0xfedcba9876543210,
			LastSeq: 200, LastAt: at(1_800_000_000_000_001), Started: at(1_800_000_000_000_002), Steps: 300,
			Expires: at(1_800_000_000_000_003),
		},
		"action": &Action{
			ID: "0192f0c1-7f00-7000-8000-000000000001", MSISDN: "255700000001", Version: 1 << 40, State: Unknown,
			Session: key, Call: "transfer",
			Args: []Arg{{Name: "to", Value: "255700000002"}, {Name: "pin", Sealed: []byte{1, 2}}},
			Vars: []Arg{{Name: "amount", Value: "5000"}},
			Menu: "wallet", Revision: "c0ffee", Screen: "pay", Language: "sw", WireKey: "w", Ref: "MP1",
			Reason: "other", Detail: "E42", Results: []Arg{{Name: "fee", Value: "12.50"}}, Inquiry: 7,
			Deadline: at(1_800_000_000_000_004), Created: at(1_800_000_000_000_005), SentAt: at(1_800_000_000_000_006),
			EndedAt: at(-1), Due: at(1_800_000_000_000_007),
			Reverses: "a-0", Reversal: "a-2",
			Proposal: Proposal{State: Done, Ref: "MP2", Reason: "r", Note: "seen", By: "amina", At: at(1_800_000_000_000_011)},
			History:  []Entry{{At: at(1_800_000_000_000_012), By: "amina", What: "proposed-done", Note: "seen"}, {By: "baraka"}},
		},
		"discrepancy": &Discrepancy{
			ID: "a-1/late", MSISDN: "255700000001", Version: 4, State: DiscrepancyClosed, Action: "a-1", Kind: "late",
			Recorded: Rejected, Claim: "done", Detail: "d", Times: 2, First: at(1_800_000_000_000_013),
			Last: at(1_800_000_000_000_014), Closed: at(1_800_000_000_000_015), ClosedBy: "baraka", Note: "n",
		},
		"notice": &Notice{
			ID: "a-1/payee/done", Action: "a-1", Owner: "255700000001", Version: 2, To: "255700000002", Role: "payee",
			Text: "Umepokea 5,000 ✓", State: NoticeSubmitted, Tries: 3, Message: "m-9", Detail: "ok",
			Created: at(1_800_000_000_000_008), Due: at(1_800_000_000_000_009),
		},
		"customer": &Customer{
			MSISDN: "255700000001", Version: 3, Language: "fr", Balance: "995000", BalanceAt: at(1_800_000_000_000_010),
			Recent: []Recent{{ID: "a-1", Hash: 1 << 63, At: at(1_800_000_000_000_016), Told: true}, {ID: "a-2"}},
		},
		"wish": &Wish{
			MSISDN: "255700000001", Call: "transfer", Version: 2, Granted: true, Code: "*150*00#", Language: "am",
			Asked: at(1_800_000_000_000_017), Expires: at(1_800_000_000_000_018), Due: at(1_800_000_000_000_019),
		},
	}
}

func marshal(t interface{ Fatal(...any) }, r record) []byte {
	b, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readGolden(t *testing.T, file string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	golden := make(map[string][]byte)
	for line := range strings.Lines(string(text)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		if golden[name], err = hex.DecodeString(digits); err != nil {
			t.Fatal(err)
		}
	}
	return golden
}

// The golden files are what format 1 was on 2026-11-23: they are never written
// again. A field that is appended later stands behind what they hold, and has
// its zero value in what is read from them.
func TestFormat1StaysAsItIs(t *testing.T) {
	written := make(map[string]json.RawMessage)
	text, err := os.ReadFile("testdata/format1.json")
	if err == nil {
		err = json.Unmarshal(text, &written)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range readGolden(t, "testdata/format1.golden") {
		want := emptyRecords()[name]
		if err := json.Unmarshal(written[name], want); err != nil {
			t.Fatal(err)
		}
		testGolden(t, name, row, want)
	}
}

// And so are the files of fields that came later.
func TestFormat1StaysAsItIsWithOperatorsFields(t *testing.T) {
	for name, row := range readGolden(t, "testdata/format1-operator.golden") {
		want := goldenRecords()[name]
		if c, ok := want.(*Customer); ok {
			c.Recent = nil // came later
		}
		testGolden(t, name, row, want)
	}
}

func TestFormat1StaysAsItIsWithWishes(t *testing.T) {
	for name, row := range readGolden(t, "testdata/format1-wish.golden") {
		testGolden(t, name, row, goldenRecords()[name])
	}
}

func testGolden(t *testing.T, name string, row []byte, want record) {
	t.Run(name, func(t *testing.T) {
		if got := marshal(t, goldenRecords()[name]); !bytes.HasPrefix(got, row) {
			t.Errorf("encoded as\n%s %x", name, got)
		}
		got := emptyRecords()[name]
		if err := got.UnmarshalBinary(row); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read as\n%+v, want\n%+v", got, want)
		}
	})
}

func TestEveryFieldIsKept(t *testing.T) {
	for name, r := range goldenRecords() {
		v := reflect.ValueOf(r).Elem()
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Field(i).IsZero() {
				t.Errorf("%s: the test's record leaves %s empty, so that nothing shows that it is kept", name, v.Type().Field(i).Name)
			}
		}
	}
}

func TestFieldsOfALaterReleaseAreCarried(t *testing.T) {
	const fields = "\x03new\xff"
	for name, want := range goldenRecords() {
		got := emptyRecords()[name]
		row := append(marshal(t, want), fields...)
		if err := got.UnmarshalBinary(row); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again := marshal(t, got); !bytes.Equal(again, row) {
			t.Errorf("%s: written again as\n%x, was\n%x", name, again, row)
		}
		// What is known is read as ever, and may change beside them.
		v := reflect.ValueOf(got).Elem()
		v.FieldByName("Version").SetUint(77)
		if err := got.UnmarshalBinary(marshal(t, got)); err != nil || v.FieldByName("Version").Uint() != 77 || !bytes.HasSuffix(marshal(t, got), []byte(fields)) {
			t.Errorf("%s: changed and read again as %+v, %v", name, got, err)
		}
		if err := got.UnmarshalBinary(marshal(t, want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read without them as %+v, %v", name, got, err)
		}
	}
}

func TestM10FieldsOfALaterReleaseAreBounded(t *testing.T) {
	for name, r := range goldenRecords() {
		row := append(marshal(t, r), make([]byte, maxLater)...)
		got := emptyRecords()[name]
		if err := got.UnmarshalBinary(append(row, 0)); err == nil || !strings.Contains(err.Error(), "4097") || !reflect.DeepEqual(got, emptyRecords()[name]) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
		if err := got.UnmarshalBinary(row); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedRecordsAreErrorsAndChangeNothing(t *testing.T) {
	first := readGolden(t, "testdata/format1.golden")
	for name, r := range goldenRecords() {
		row := marshal(t, r)
		got := emptyRecords()[name]
		for n := range len(row) {
			if n == len(first[name]) {
				continue // a record of the first release
			}
			if err := got.UnmarshalBinary(row[:n]); !errors.Is(err, errTruncated) {
				t.Fatalf("%s cut to %d octets: %v", name, n, err)
			}
		}
		other := bytes.Clone(row)
		other[0] = formatV1 + 1
		if err := got.UnmarshalBinary(other); err == nil || !strings.Contains(err.Error(), "format 2") {
			t.Errorf("%s of format 2: %v", name, err)
		}
		other = bytes.Clone(row)
		other[1] = 'x'
		if err := got.UnmarshalBinary(other); err == nil || !strings.Contains(err.Error(), "kind") {
			t.Errorf("%s as another kind: %v", name, err)
		}
		if !reflect.DeepEqual(got, emptyRecords()[name]) {
			t.Errorf("%s: an error left %+v", name, got)
		}
	}
	huge := marshal(t, &Action{})
	huge = append(huge[:headerLen+8], 0xff, 0xff, 0xff, 0xff, 0x0f) // 4 G args
	if err := new(Action).UnmarshalBinary(huge); err == nil {
		t.Error("a count beyond the record is accepted")
	}
}

func TestHeaderCanBePatched(t *testing.T) {
	a := goldenRecords()["action"].(*Action)
	row := marshal(t, a)
	h, err := headerOf(row)
	if err != nil || h != (header{kindAction, a.Version, orderedTime(a.Due)}) {
		t.Fatalf("header %+v, %v", h, err)
	}
	earlier, later := orderedTime(at(-5)), orderedTime(at(5))
	if !(0 < earlier && earlier < orderedTime(at(0)) && orderedTime(at(0)) < later) {
		t.Error("times do not sort as numbers")
	}
	if !timeOf(0).IsZero() || !timeOf(later).Equal(at(5)) {
		t.Error("times do not come back")
	}
}

func TestRoundTripOfAnyRecord(t *testing.T) {
	text := rapid.String()
	octets := rapid.Custom(func(t *rapid.T) []byte { // an empty slice comes back as nil
		if b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "octets"); len(b) > 0 {
			return b
		}
		return nil
	})
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		return at(rapid.Int64Range(-1<<55, 1<<55).Draw(t, "us"))
	})
	args := rapid.Custom(func(t *rapid.T) []Arg {
		var list []Arg
		for range rapid.IntRange(0, 4).Draw(t, "args") {
			list = append(list, Arg{text.Draw(t, "name"), text.Draw(t, "value"), octets.Draw(t, "sealed")})
		}
		return list
	})
	fill := func(t *rapid.T, v reflect.Value) { // sets every field by its type
		for i := range v.NumField() {
			f := v.Field(i)
			if !f.CanSet() {
				continue // not stored
			}
			switch f.Interface().(type) {
			case Key:
				f.Set(reflect.ValueOf(Key{text.Draw(t, "net"), text.Draw(t, "msisdn"), text.Draw(t, "id")}))
			case []byte:
				f.SetBytes(octets.Draw(t, "bytes"))
			case []Arg:
				f.Set(reflect.ValueOf(args.Draw(t, "args")))
			case Proposal:
				f.Set(reflect.ValueOf(Proposal{ActionState(rapid.Uint8().Draw(t, "state")), text.Draw(t, "ref"),
					text.Draw(t, "reason"), text.Draw(t, "note"), text.Draw(t, "by"), instant.Draw(t, "at")}))
			case []Entry:
				if rapid.Bool().Draw(t, "history") {
					f.Set(reflect.ValueOf([]Entry{{instant.Draw(t, "at"), text.Draw(t, "by"), text.Draw(t, "what"), text.Draw(t, "note")}}))
				}
			case []Recent:
				if rapid.Bool().Draw(t, "recent") {
					f.Set(reflect.ValueOf([]Recent{{text.Draw(t, "id"), rapid.Uint64().Draw(t, "hash"), instant.Draw(t, "at"), rapid.Bool().Draw(t, "told")}}))
				}
			case time.Time:
				f.Set(reflect.ValueOf(instant.Draw(t, "time")))
			default:
				switch f.Kind() {
				case reflect.String:
					f.SetString(text.Draw(t, "string"))
				case reflect.Bool:
					f.SetBool(rapid.Bool().Draw(t, "bool"))
				case reflect.Uint8:
					f.SetUint(uint64(rapid.Uint8().Draw(t, "u8")))
				case reflect.Uint32:
					f.SetUint(uint64(rapid.Uint32().Draw(t, "u32")))
				case reflect.Uint64:
					f.SetUint(rapid.Uint64().Draw(t, "u64"))
				default:
					t.Fatalf("no generator for %s", f.Type())
				}
			}
		}
	}
	for name := range emptyRecords() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			want, got := emptyRecords()[name], emptyRecords()[name]
			fill(t, reflect.ValueOf(want).Elem())
			if err := got.UnmarshalBinary(marshal(t, want)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("read as\n%+v, want\n%+v", got, want)
			}
		}))
	}
}

// FuzzDecode: whatever octets are in a store, reading them does not panic, and
// what was read is written and read again the same.
func FuzzDecode(f *testing.F) {
	for _, r := range goldenRecords() {
		f.Add(marshal(f, r))
		f.Add(append(marshal(f, r), 1, 'x'))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		for name, first := range emptyRecords() {
			if first.UnmarshalBinary(row) != nil {
				continue
			}
			second := emptyRecords()[name]
			if err := second.UnmarshalBinary(marshal(t, first)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !reflect.DeepEqual(first, second) {
				t.Fatalf("%s: %+v became %+v", name, first, second)
			}
		}
	})
}

func BenchmarkSessionEncodeDecode(b *testing.B) {
	s := goldenRecords()["session"].(*Session)
	var row []byte
	b.ReportAllocs()
	for b.Loop() {
		row, _ = s.AppendBinary(row[:0])
		var got Session
		if err := got.UnmarshalBinary(row); err != nil {
			b.Fatal(err)
		}
	}
}
