package pdu

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// allIDs are those of New, in the order of the specification's table.
func allIDs(t testing.TB) []CommandID {
	t.Helper()
	var ids []CommandID
	for _, base := range []CommandID{0, responseBit} {
		for i := range CommandID(0x200) {
			if New(base|i) != nil {
				ids = append(ids, base|i)
			}
		}
	}
	if len(ids) != 33 {
		t.Fatalf("%d kinds of PDU, want 33", len(ids))
	}
	return ids
}

// fill gives each field of a body a value of its own, valid and of the greatest
// length, by reflection so that no PDU is left out.
func fill(b Body) {
	v := reflect.ValueOf(b).Elem()
	longest := map[string]int{
		"SystemID": 15, "Password": 8, "SystemType": 12, "AddressRange": 40, "ServiceType": 5,
		"SourceAddr": 20, "DestinationAddr": 20, "ESMEAddr": 64, "MessageID": 64,
		"ScheduleDeliveryTime": 16, "ValidityPeriod": 16, "FinalDate": 16, "ShortMessage": 255,
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch f := v.Field(i).Addr().Interface().(type) {
		case *uint8:
			*f = uint8(i + 1)
		case *[]byte:
			n := longest[name]
			if long := b.ID() == IDDataSM || b.ID() == IDAlertNotification; long && strings.HasSuffix(name, "Addr") {
				n = 64
			}
			*f = bytes.Repeat([]byte{byte('A' + i)}, n)
		case *[]DestAddress:
			*f = []DestAddress{
				{Flag: DestFlagSME, TON: 1, NPI: 2, Address: []byte("12345678901234567890")},
				{Flag: DestFlagList, DLName: []byte("abcdefghijklmnopqrst")},
				{Flag: DestFlagSME},
			}
		case *[]UnsuccessSME:
			*f = []UnsuccessSME{
				{TON: 1, NPI: 2, Address: []byte("12345678901234567890"), Status: StatusInvDstAdr},
				{Status: 0x4FF},
			}
		case *TLVs:
			*f = TLVs{{TagUserMessageReference, []byte{1, 2}}, {0x1501, nil}, {TagUserMessageReference, []byte{3}},
				{TagMessagePayload, bytes.Repeat([]byte{0}, 300)}}
		}
	}
}

func TestEveryPDUSurvivesTheWireWithAllFields(t *testing.T) {
	for _, id := range allIDs(t) {
		t.Run(id.String(), func(t *testing.T) {
			b := New(id)
			fill(b)
			wire, err := AppendPDU([]byte("before"), StatusThrottled, MaxSequence, b)
			if err != nil {
				t.Fatal(err)
			}
			if string(wire[:6]) != "before" {
				t.Fatalf("starts with %q", wire[:6])
			}
			wire = wire[6:]
			p, err := Decode(append(wire, "the next PDU"...))
			if err != nil {
				t.Fatal(err)
			}
			want := Header{Length: uint32(len(wire)), ID: id, Status: StatusThrottled, Sequence: MaxSequence}
			if p.Header != want {
				t.Errorf("header %+v, want %+v", p.Header, want)
			}
			if diff := cmp.Diff(b, p.Body, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCloneAliasesNothing(t *testing.T) {
	for _, id := range allIDs(t) {
		t.Run(id.String(), func(t *testing.T) {
			b := New(id)
			fill(b)
			wire, err := b.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			d := New(id)
			if err := d.Decode(wire); err != nil {
				t.Fatal(err)
			}
			c := Clone(d)
			clear(wire)
			other := New(id)
			if other, ok := other.(*SubmitMulti); ok {
				other.DestAddresses = []DestAddress{{Flag: DestFlagSME}, {Flag: DestFlagSME}}
			}
			wire, err = other.Append(wire[:0])
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Decode(wire); err != nil { // writes over d's lists
				t.Fatal(err)
			}
			if diff := cmp.Diff(b, c, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
	if Clone(nil) != nil {
		t.Error("a clone of nil is something")
	}
}

func TestEveryTruncationIsAnErrorWithAStatus(t *testing.T) {
	for _, id := range allIDs(t) {
		t.Run(id.String(), func(t *testing.T) {
			b := New(id)
			fill(b)
			v := reflect.ValueOf(b).Elem().FieldByName("TLVs")
			v.Set(reflect.ValueOf(TLVs{}))
			wire, err := b.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			first := 0
			if id.omittable() {
				first = 1 // nothing at all is allowed
			}
			for n := first; n < len(wire); n++ {
				err := New(id).Decode(wire[:n:n])
				var de *DecodeError
				if !errors.As(err, &de) {
					t.Fatalf("%d of %d octets: error %v", n, len(wire), err)
				}
				if de.Status == StatusOK || !de.Status.Known() || de.Field == "" || de.Offset < 0 || de.Offset > n {
					t.Fatalf("%d of %d octets: %+v", n, len(wire), de)
				}
			}
		})
	}
}

func TestDecodeErrorsCarryTheStatusOfTheField(t *testing.T) {
	head := "\x00\x01\x01123\x00\x01\x01456\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // to sm_default_msg_id
	tests := []struct {
		name   string
		body   Body
		src    string
		field  string
		offset int
		status Status
	}{
		{"service_type without NUL", new(SubmitSM), "abcdef", "service_type", 0, StatusInvSerTyp},
		{"source_addr without NUL", new(SubmitSM), "\x00\x01\x01123", "source_addr", 3, StatusInvSrcAdr},
		{"destination_addr without NUL", new(SubmitSM), "\x00\x01\x01123\x00\x01\x01456", "destination_addr", 9, StatusInvDstAdr},
		{"schedule without NUL", new(SubmitSM), "\x00\x01\x01\x00\x01\x01\x00\x00\x00\x001", "schedule_delivery_time", 10, StatusInvSched},
		{"validity without NUL", new(SubmitSM), "\x00\x01\x01\x00\x01\x01\x00\x00\x00\x00\x001", "validity_period", 11, StatusInvExpiry},
		{"nothing", new(SubmitSM), "", "service_type", 0, StatusInvCmdLen},
		{"ends before an integer", new(SubmitSM), "\x00\x01", "source_addr_npi", 2, StatusInvCmdLen},
		{"ends before sm_length", new(SubmitSM), head, "sm_length", 22, StatusInvCmdLen},
		{"sm_length too great", new(SubmitSM), head + "\x05abcd", "short_message", 23, StatusInvMsgLen},
		{"garbage after the message", new(SubmitSM), head + "\x01a\x00", "TLV", 24, StatusInvTLVStream},
		{"TLV runs over the end", new(DeliverSM), head + "\x00\x02\x04\x00\x03\x01\x02", "user_message_reference", 23, StatusInvTLVLen},
		{"second TLV runs over the end", new(DeliverSM), head + "\x00\x15\x01\x00\x00\x15\x02\x00\x01", "0x1502", 27, StatusInvTLVLen},
		{"system_id without NUL", new(BindTransceiver), "nyota", "system_id", 0, StatusInvSysID},
		{"password without NUL", new(BindReceiver), "nyota\x00secret", "password", 6, StatusInvPaswd},
		{"system_type without NUL", new(BindTransmitter), "\x00\x00USSD", "system_type", 2, StatusInvSysTyp},
		{"message_id without NUL", new(QuerySM), "17", "message_id", 0, StatusInvMsgID},
		{"message_id of a response without NUL", new(SubmitSMResp), "17", "message_id", 0, StatusInvMsgID},
		{"dest_flag", new(SubmitMulti), "\x00\x00\x00\x00\x01\x03", "dest_flag", 5, StatusInvDestFlag},
		{"distribution list without NUL", new(SubmitMulti), "\x00\x00\x00\x00\x01\x02abc", "dl_name", 6, StatusInvDLName},
		{"error_status_code cut", new(SubmitMultiResp), "1\x00\x01\x00\x00\x00\x01\x02\x03", "error_status_code", 6, StatusInvCmdLen},
		{"garbage in an empty body", new(EnquireLink), "\x00", "TLV", 0, StatusInvTLVStream},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.body.Decode([]byte(tt.src))
			var de *DecodeError
			if !errors.As(err, &de) {
				t.Fatalf("error %v", err)
			}
			if de.Field != tt.field || de.Offset != tt.offset || de.Status != tt.status {
				t.Errorf("%+v, want field %s, offset %d, %s", de, tt.field, tt.offset, tt.status)
			}
			if !strings.Contains(err.Error(), tt.field) {
				t.Errorf("%q does not name the field", err)
			}
		})
	}
}

func TestEncodeErrorsNameTheFieldAndItsLimitAndLeaveDstAlone(t *testing.T) {
	long := func(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }
	tests := []struct {
		name  string
		body  Body
		field string
		limit int
	}{
		{"password", &BindTransceiver{Password: long(9)}, "password", 8},
		{"system_id", &BindReceiverResp{SystemID: long(16)}, "system_id", 15},
		{"service_type", &SubmitSM{ServiceType: long(6)}, "service_type", 5},
		{"source_addr", &DeliverSM{SourceAddr: long(21)}, "source_addr", 20},
		{"destination_addr", &SubmitSM{DestinationAddr: long(21)}, "destination_addr", 20},
		{"destination_addr of data_sm", &DataSM{DestinationAddr: long(65)}, "destination_addr", 64},
		{"message_id", &SubmitSMResp{MessageID: long(65)}, "message_id", 64},
		{"short_message", &SubmitSM{ShortMessage: long(256)}, "short_message", 255},
		{"time", &SubmitSM{ValidityPeriod: long(15)}, "validity_period", 16},
		{"NUL inside", &SubmitSM{SourceAddr: []byte("a\x00b")}, "source_addr", 0},
		{"TLV", &SubmitSM{TLVs: TLVs{{TagMessagePayload, long(65536)}}}, "message_payload", 65535},
		{"no destination", &SubmitMulti{}, "number_of_dests", 255},
		{"256 destinations", &SubmitMulti{DestAddresses: make([]DestAddress, 256)}, "number_of_dests", 255},
		{"destination of no kind", &SubmitMulti{DestAddresses: make([]DestAddress, 1)}, "dest_flag", 0},
		{"256 failures", &SubmitMultiResp{UnsuccessSMEs: make([]UnsuccessSME, 256)}, "no_unsuccess", 255},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := []byte("kept")
			out, err := AppendPDU(dst, 0, 1, tt.body)
			var ee *EncodeError
			if !errors.As(err, &ee) {
				t.Fatalf("error %v", err)
			}
			if ee.Field != tt.field || ee.Limit != tt.limit {
				t.Errorf("%+v, want field %s, limit %d", ee, tt.field, tt.limit)
			}
			if string(out) != "kept" {
				t.Errorf("returned %q", out)
			}
		})
	}
	if _, err := AppendPDU(nil, 0, 1, nil); !errors.Is(err, ErrNoBody) {
		t.Errorf("nil body: %v", err)
	}
}

func TestResponsesMayComeWithoutTheirBody(t *testing.T) {
	for _, id := range allIDs(t) {
		if !id.IsResponse() {
			continue
		}
		t.Run(id.String(), func(t *testing.T) {
			wire := AppendHeader(nil, Header{Length: HeaderLen, ID: id, Status: StatusSysErr, Sequence: 9})
			p, err := Decode(wire)
			if err != nil {
				t.Fatal(err)
			}
			if (p.Body == nil) != id.omittable() {
				t.Errorf("body is %T", p.Body)
			}
			out, err := p.Append(nil)
			if err != nil || !bytes.Equal(out, wire) {
				t.Errorf("encodes to %x, %v; was %x", out, err, wire)
			}
			b := New(id)
			fill(b)
			if err := b.Decode(nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(New(id), b, cmpopts.EquateEmpty()); diff != "" {
				t.Error("a used body keeps something:", diff)
			}
		})
	}
}

func TestOverlongStringsAreReadAndToleranceIsAsked(t *testing.T) {
	var b BindTransceiver
	src := []byte("a system id of more than sixteen\x00a password of more than nine\x00\x00\x34\x00\x00\x00")
	if err := b.Decode(src); err != nil {
		t.Fatal(err)
	}
	if string(b.Password) != "a password of more than nine" {
		t.Errorf("password %q", b.Password)
	}
	var r SubmitSMResp
	if err := DecodeBody(&r, []byte("17"), Tolerance{}); err == nil {
		t.Error("a message_id without NUL is taken unasked")
	}
	if err := DecodeBody(&r, []byte("17"), Tolerance{Unterminated: true}); err != nil || string(r.MessageID) != "17" {
		t.Errorf("message_id %q, %v", r.MessageID, err)
	}
	var s SubmitSM
	if err := DecodeBody(&s, []byte("abc"), Tolerance{Unterminated: true}); err == nil {
		t.Error("a body that ends in its first field is taken")
	}
	tlv := []byte("\x00\x00\x1e\x00\x4117\x00")
	if err := DecodeBody(&r, tlv, Tolerance{Unterminated: true}); err == nil {
		t.Error("a TLV over the end is taken unasked")
	}
	if err := DecodeBody(&r, tlv, Tolerance{ShortTLV: true}); err != nil {
		t.Fatal(err)
	}
	if id, _ := r.TLVs.CString(TagReceiptedMessageID); string(id) != "17" {
		t.Errorf("receipted_message_id %q", id)
	}
}

func TestShortMessageAndPayloadAreBothKept(t *testing.T) {
	in := &SubmitSM{ShortMessage: []byte("short"), TLVs: TLVs{{TagMessagePayload, []byte("payload")}}}
	wire, err := in.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out SubmitSM
	if err := out.Decode(wire); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, &out, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestHeaderRefusesLengthsBelowItsOwn(t *testing.T) {
	for _, n := range []uint32{0, 1, 15} {
		if _, err := DecodeHeader(AppendHeader(nil, Header{Length: n, ID: IDUnbind})); err == nil {
			t.Errorf("command_length %d is taken", n)
		}
	}
	h, err := DecodeHeader(AppendHeader(nil, Header{Length: 0xFFFFFFFF, ID: IDUnbind, Status: 1, Sequence: 2}))
	if err != nil || h != (Header{0xFFFFFFFF, IDUnbind, 1, 2}) {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := DecodeHeader(make([]byte, 15)); err == nil {
		t.Error("15 octets are taken")
	}
}

func TestUnknownCommandIsAnErrorWithItsHeader(t *testing.T) {
	p, err := Decode(AppendHeader(nil, Header{Length: HeaderLen, ID: 0x999, Sequence: 5}))
	var de *DecodeError
	if !errors.As(err, &de) || de.Status != StatusInvCmdID || p.Sequence != 5 || p.Body != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestDecodingReusesTheBodyWithoutAllocating(t *testing.T) {
	s := benchSubmit()
	wire, err := AppendPDU(nil, 0, 1, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(wire) != 129 {
		t.Errorf("the benchmarks' PDU has %d octets, not 129", len(wire))
	}
	var reused SubmitSM
	n := testing.AllocsPerRun(100, func() {
		if err := reused.Decode(wire[HeaderLen:]); err != nil {
			t.Error(err)
		}
		if err := DecodeBody(&reused, wire[HeaderLen:], Tolerance{Unterminated: true}); err != nil {
			t.Error(err)
		}
		if wire, err = AppendPDU(wire[:0], 0, 1, &reused); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
