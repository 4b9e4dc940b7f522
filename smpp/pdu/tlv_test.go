package pdu

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTLVsKeepOrderDuplicatesAndVendorTags(t *testing.T) {
	src := []byte("\x15\x01\x00\x02\x01s\x05\x01\x00\x01\x02\x15\x01\x00\x00\x05\x01\x00\x01\x11")
	got, err := DecodeTLVs(nil, src)
	if err != nil {
		t.Fatal(err)
	}
	want := TLVs{{0x1501, []byte("\x01s")}, {TagUSSDServiceOp, []byte{2}}, {0x1501, []byte{}}, {TagUSSDServiceOp, []byte{17}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	out, err := got.Append(nil)
	if err != nil || string(out) != string(src) {
		t.Errorf("encodes to %x, %v", out, err)
	}
	if op, ok := got.Uint8(TagUSSDServiceOp); !ok || op != 2 {
		t.Errorf("the first of two ussd_service_op is %d, %v", op, ok)
	}
}

func TestTLVValuesAreReadByTheirLength(t *testing.T) {
	var tlvs TLVs
	tlvs.AddUint8(TagMessageState, StateDelivered)
	tlvs.AddUint16(TagUserMessageReference, 0xABCD)
	tlvs.AddUint32(TagQOSTimeToLive, 0x01020304)
	tlvs.AddCString(TagReceiptedMessageID, "17")
	if v, ok := tlvs.Uint8(TagMessageState); !ok || v != StateDelivered {
		t.Errorf("message_state %d, %v", v, ok)
	}
	if v, ok := tlvs.Uint16(TagUserMessageReference); !ok || v != 0xABCD {
		t.Errorf("user_message_reference %#x, %v", v, ok)
	}
	if v, ok := tlvs.Uint32(TagQOSTimeToLive); !ok || v != 0x01020304 {
		t.Errorf("qos_time_to_live %#x, %v", v, ok)
	}
	if v, ok := tlvs.CString(TagReceiptedMessageID); !ok || string(v) != "17" {
		t.Errorf("receipted_message_id %q, %v", v, ok)
	}
	if _, ok := tlvs.Uint8(TagUserMessageReference); ok {
		t.Error("two octets are read as one")
	}
	if _, ok := tlvs.Uint32(TagUserMessageReference); ok {
		t.Error("two octets are read as four")
	}
	if _, ok := tlvs.Uint16(TagITSSessionInfo); ok {
		t.Error("what is not there is read")
	}
}

func TestSetReplacesTheFirstAndRemovesTheOthers(t *testing.T) {
	tlvs := TLVs{{1, []byte("a")}, {2, []byte("b")}, {1, []byte("c")}, {3, []byte("d")}}
	tlvs.Set(1, []byte("z"))
	tlvs.Set(4, []byte("e"))
	want := TLVs{{1, []byte("z")}, {2, []byte("b")}, {3, []byte("d")}, {4, []byte("e")}}
	if diff := cmp.Diff(want, tlvs); diff != "" {
		t.Error(diff)
	}
}

func TestCheckFindsLengthsThatTheSpecificationForbids(t *testing.T) {
	good := TLVs{{TagITSSessionInfo, []byte{1, 2}}, {0x1501, nil}, {0x9999, []byte("x")}, {TagAlertOnMessageDelivery, nil}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	err := append(good, TLV{TagNetworkErrorCode, []byte{1, 2}}).Check()
	var de *DecodeError
	if !errors.As(err, &de) || de.Field != "network_error_code" || de.Offset != 19 || de.Status != StatusInvTLVLen {
		t.Errorf("error %v", err)
	}
}

func TestGreatestTLVSurvivesTheWire(t *testing.T) {
	in := TLVs{{TagMessagePayload, bytes.Repeat([]byte{'x'}, 65535)}}
	wire, err := in.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := DecodeTLVs(nil, wire)
	if err != nil || len(out) != 1 || !bytes.Equal(out[0].Value, in[0].Value) {
		t.Errorf("%d TLVs, %v", len(out), err)
	}
}

func TestSegmentsOfLongMessagesAreToldByThreeTLVs(t *testing.T) {
	var tlvs TLVs
	tlvs.AddSAR(0xABCD, 3, 2)
	if ref, total, seq, ok := tlvs.SAR(); !ok || ref != 0xABCD || total != 3 || seq != 2 {
		t.Errorf("%#x, %d, %d, %v", ref, total, seq, ok)
	}
	for i := range tlvs {
		part := append(tlvs.Clone()[:i:i], tlvs[i+1:]...)
		if _, _, _, ok := part.SAR(); ok {
			t.Errorf("without %s they are taken", tlvs[i].Tag)
		}
	}
	for _, bad := range [][2]uint8{{0, 0}, {3, 0}, {3, 4}} {
		var tlvs TLVs
		tlvs.AddSAR(1, bad[0], bad[1])
		if _, _, _, ok := tlvs.SAR(); ok {
			t.Errorf("part %d of %d is taken", bad[1], bad[0])
		}
	}
}
