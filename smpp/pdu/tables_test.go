package pdu

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// The tables of SMPP 3.4 and 5.0: values and names.
const (
	specCommands = `
00000001 bind_receiver
80000001 bind_receiver_resp
00000002 bind_transmitter
80000002 bind_transmitter_resp
00000003 query_sm
80000003 query_sm_resp
00000004 submit_sm
80000004 submit_sm_resp
00000005 deliver_sm
80000005 deliver_sm_resp
00000006 unbind
80000006 unbind_resp
00000007 replace_sm
80000007 replace_sm_resp
00000008 cancel_sm
80000008 cancel_sm_resp
00000009 bind_transceiver
80000009 bind_transceiver_resp
0000000B outbind
00000015 enquire_link
80000015 enquire_link_resp
00000021 submit_multi
80000021 submit_multi_resp
00000102 alert_notification
00000103 data_sm
80000103 data_sm_resp
00000111 broadcast_sm
80000111 broadcast_sm_resp
00000112 query_broadcast_sm
80000112 query_broadcast_sm_resp
00000113 cancel_broadcast_sm
80000113 cancel_broadcast_sm_resp
80000000 generic_nack
`
	specStatuses = `
00000000 ESME_ROK
00000001 ESME_RINVMSGLEN
00000002 ESME_RINVCMDLEN
00000003 ESME_RINVCMDID
00000004 ESME_RINVBNDSTS
00000005 ESME_RALYBND
00000006 ESME_RINVPRTFLG
00000007 ESME_RINVREGDLVFLG
00000008 ESME_RSYSERR
0000000A ESME_RINVSRCADR
0000000B ESME_RINVDSTADR
0000000C ESME_RINVMSGID
0000000D ESME_RBINDFAIL
0000000E ESME_RINVPASWD
0000000F ESME_RINVSYSID
00000011 ESME_RCANCELFAIL
00000013 ESME_RREPLACEFAIL
00000014 ESME_RMSGQFUL
00000015 ESME_RINVSERTYP
00000033 ESME_RINVNUMDESTS
00000034 ESME_RINVDLNAME
00000040 ESME_RINVDESTFLAG
00000042 ESME_RINVSUBREP
00000043 ESME_RINVESMCLASS
00000044 ESME_RCNTSUBDL
00000045 ESME_RSUBMITFAIL
00000048 ESME_RINVSRCTON
00000049 ESME_RINVSRCNPI
00000050 ESME_RINVDSTTON
00000051 ESME_RINVDSTNPI
00000053 ESME_RINVSYSTYP
00000054 ESME_RINVREPFLAG
00000055 ESME_RINVNUMMSGS
00000058 ESME_RTHROTTLED
00000061 ESME_RINVSCHED
00000062 ESME_RINVEXPIRY
00000063 ESME_RINVDFTMSGID
00000064 ESME_RX_T_APPN
00000065 ESME_RX_P_APPN
00000066 ESME_RX_R_APPN
00000067 ESME_RQUERYFAIL
000000C0 ESME_RINVTLVSTREAM
000000C1 ESME_RTLVNOTALLWD
000000C2 ESME_RINVTLVLEN
000000C3 ESME_RMISSINGTLV
000000C4 ESME_RINVTLVVAL
000000FE ESME_RDELIVERYFAILURE
000000FF ESME_RUNKNOWNERR
00000100 ESME_RSERTYPUNAUTH
00000101 ESME_RPROHIBITED
00000102 ESME_RSERTYPUNAVAIL
00000103 ESME_RSERTYPDENIED
00000104 ESME_RINVDCS
00000105 ESME_RINVSRCADDRSUBUNIT
00000106 ESME_RINVDSTADDRSUBUNIT
00000107 ESME_RINVBCASTFREQINT
00000108 ESME_RINVBCASTALIAS_NAME
00000109 ESME_RINVBCASTAREAFMT
0000010A ESME_RINVNUMBCAST_AREAS
0000010B ESME_RINVBCASTCNTTYPE
0000010C ESME_RINVBCASTMSGCLASS
0000010D ESME_RBCASTFAIL
0000010E ESME_RBCASTQUERYFAIL
0000010F ESME_RBCASTCANCELFAIL
00000110 ESME_RINVBCAST_REP
00000111 ESME_RINVBCASTSRVGRP
00000112 ESME_RINVBCASTCHANIND
`
	// Tag, name, kind, least and most octets.
	specTags = `
0005 dest_addr_subunit Uint 1 1
0006 dest_network_type Uint 1 1
0007 dest_bearer_type Uint 1 1
0008 dest_telematics_id Uint 2 2
000D source_addr_subunit Uint 1 1
000E source_network_type Uint 1 1
000F source_bearer_type Uint 1 1
0010 source_telematics_id Uint 1 1
0017 qos_time_to_live Uint 4 4
0019 payload_type Uint 1 1
001D additional_status_info_text CString 1 256
001E receipted_message_id CString 1 65
0030 ms_msg_wait_facilities Bits 1 1
0201 privacy_indicator Uint 1 1
0202 source_subaddress Octets 2 23
0203 dest_subaddress Octets 2 23
0204 user_message_reference Uint 2 2
0205 user_response_code Uint 1 1
020A source_port Uint 2 2
020B dest_port Uint 2 2
020C sar_msg_ref_num Uint 2 2
020D language_indicator Uint 1 1
020E sar_total_segments Uint 1 1
020F sar_segment_seqnum Uint 1 1
0210 sc_interface_version Uint 1 1
0302 callback_num_pres_ind Bits 1 1
0303 callback_num_atag Octets 0 65
0304 number_of_messages Uint 1 1
0381 callback_num Octets 4 19
0420 dpf_result Uint 1 1
0421 set_dpf Uint 1 1
0422 ms_availability_status Uint 1 1
0423 network_error_code Octets 3 3
0424 message_payload Octets 0 65535
0425 delivery_failure_reason Uint 1 1
0426 more_messages_to_send Uint 1 1
0427 message_state Uint 1 1
0428 congestion_state Uint 1 1
0501 ussd_service_op Octets 1 1
0600 broadcast_channel_indicator Uint 1 1
0601 broadcast_content_type Octets 3 3
0602 broadcast_content_type_info Octets 1 255
0603 broadcast_message_class Uint 1 1
0604 broadcast_rep_num Uint 2 2
0605 broadcast_frequency_interval Octets 3 3
0606 broadcast_area_identifier Octets 1 65535
0607 broadcast_error_status Uint 4 4
0608 broadcast_area_success Uint 1 1
0609 broadcast_end_time CString 1 17
060A broadcast_service_group Octets 1 255
060B billing_identification Octets 1 1024
060D source_network_id CString 7 65
060E dest_network_id CString 7 65
060F source_node_id Octets 6 6
0610 dest_node_id Octets 6 6
0611 dest_addr_np_resolution Uint 1 1
0612 dest_addr_np_information Octets 10 10
0613 dest_addr_np_country Octets 1 5
1201 display_time Uint 1 1
1203 sms_signal Uint 2 2
1204 ms_validity Octets 1 4
130C alert_on_message_delivery Octets 0 1
1380 its_reply_type Uint 1 1
1383 its_session_info Octets 2 2
`
)

// rows splits a table into its columns and checks that no first column and no
// second one is there twice.
func rows(t *testing.T, table string) [][]string {
	t.Helper()
	var all [][]string
	seen := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		cols := strings.Fields(line)
		if seen[cols[0]] || seen[cols[1]] {
			t.Errorf("%v is in the table twice", cols)
		}
		seen[cols[0]], seen[cols[1]] = true, true
		all = append(all, cols)
	}
	return all
}

func hexValue(t *testing.T, s string) uint64 {
	t.Helper()
	v, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCommandIDsAreThoseOfTheSpecification(t *testing.T) {
	known := map[CommandID]bool{}
	for _, r := range rows(t, specCommands) {
		id := CommandID(hexValue(t, r[0]))
		known[id] = true
		if id.String() != r[1] {
			t.Errorf("%#x is %q, want %q", uint32(id), id, r[1])
		}
		b := New(id)
		if b == nil || b.ID() != id {
			t.Errorf("New(%s) is %T", id, b)
			continue
		}
		goName := strings.ToLower(reflect.TypeOf(b).Elem().Name())
		if goName != strings.ReplaceAll(r[1], "_", "") {
			t.Errorf("New(%s) is %T", id, b)
		}
		if id.IsResponse() != (strings.HasSuffix(r[1], "_resp") || id == IDGenericNack) {
			t.Errorf("%s.IsResponse() is %v", id, id.IsResponse())
		}
	}
	for _, base := range []CommandID{0, responseBit} {
		for i := range CommandID(0x1000) {
			id := base | i
			if (New(id) != nil) != known[id] {
				t.Errorf("New(%#x) is %T", uint32(id), New(id))
			}
			resp, ok := id.Response()
			want := base == 0 && known[id] && id != IDOutbind && id != IDAlertNotification
			if ok != want || ok && resp != id|responseBit || !ok && resp != 0 {
				t.Errorf("%s.Response() is %s, %v", id, resp, ok)
			}
		}
	}
	if s := CommandID(0xABC).String(); s != "0xabc" {
		t.Errorf("an unknown id is %q", s)
	}
}

func TestStatusesAreThoseOfTheSpecification(t *testing.T) {
	known := map[Status]bool{}
	meanings := map[string]Status{}
	for _, r := range rows(t, specStatuses) {
		s := Status(hexValue(t, r[0]))
		known[s] = true
		if s.String() != r[1] {
			t.Errorf("%#x is %q, want %q", uint32(s), s, r[1])
		}
		m := s.Meaning()
		if other, twice := meanings[m]; twice || m == "" {
			t.Errorf("%s and %s both mean %q", s, other, m)
		}
		meanings[m] = s
	}
	for s := range Status(0x1000) {
		if s.Known() != known[s] {
			t.Errorf("%#x: Known is %v", uint32(s), s.Known())
		}
		if vendor := s >= 0x400 && s < 0x500; s.Vendor() != vendor || vendor && s.Meaning() != "vendor-specific error" {
			t.Errorf("%#x: Vendor is %v, Meaning %q", uint32(s), s.Vendor(), s.Meaning())
		}
	}
	if s := Status(0x2F0); s.String() != "0x2f0" || s.Meaning() != "reserved" {
		t.Errorf("an unknown status is %q, %q", s.String(), s.Meaning())
	}
}

func TestTagsAreThoseOfTheSpecification(t *testing.T) {
	kinds := map[string]Kind{"Octets": KindOctets, "Uint": KindUint, "Bits": KindBits, "CString": KindCString}
	known := map[Tag]bool{}
	for _, r := range rows(t, specTags) {
		tag := Tag(hexValue(t, r[0]))
		known[tag] = true
		least, _ := strconv.Atoi(r[3])
		most, _ := strconv.Atoi(r[4])
		if s, ok := tag.Spec(); !ok || s != (TagSpec{r[1], kinds[r[2]], least, most}) {
			t.Errorf("%#04x is %+v, want %v", uint16(tag), s, r)
		}
		if tag.String() != r[1] {
			t.Errorf("%#04x is %q, want %q", uint16(tag), tag, r[1])
		}
	}
	for i := range 0x10000 {
		tag := Tag(i)
		if _, ok := tag.Spec(); ok != known[tag] {
			t.Errorf("%#04x: known is %v", i, ok)
		}
		if tag.Vendor() != (i >= 0x1400 && i <= 0x3FFF) || tag.Vendor() && known[tag] {
			t.Errorf("%#04x: Vendor is %v", i, tag.Vendor())
		}
	}
	if s := Tag(0x1501).String(); s != "0x1501" {
		t.Errorf("a vendor's tag is %q", s)
	}
}

func TestStatusesAreReadBackByNameAndNumber(t *testing.T) {
	for s := range Status(0x200) {
		if got, ok := ParseStatus(s.String()); !ok || got != s {
			t.Errorf("%s is read as %s", s, got)
		}
	}
	if s, ok := ParseStatus("1025"); !ok || s != 0x401 {
		t.Errorf("1025 is %s, %v", s, ok)
	}
	for _, bad := range []string{"", "ESME_RNONSENSE", "-1", "0x100000000"} {
		if s, ok := ParseStatus(bad); ok {
			t.Errorf("%q is read as %s", bad, s)
		}
	}
}
