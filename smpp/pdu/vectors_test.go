package pdu

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"nyota/smpp/text"
)

// vector is a PDU as seen in the field with an independent dissector's reading.
type vector struct {
	Hex           string         `json:"hex"`
	LengthMatches bool           `json:"command_length_matches"`
	Dissector     map[string]any `json:"dissector"`
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/smpp-pdus.json")
	if err != nil {
		t.Fatal(err)
	}
	var v []vector
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v) < 60 {
		t.Fatalf("%d vectors, want all 62", len(v))
	}
	return v
}

func (v vector) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// malformed vectors by their hex's start and end, and what we say of them.
func malformed(v vector) (field string, status Status) {
	switch {
	case strings.HasPrefix(v.Hex, "3800000f"):
		return "command_length", StatusInvCmdLen // the stream is out of step
	case v.Hex == "0000003f000000040000000000000002":
		return "command_length", StatusInvCmdLen // the PDU is cut off after its header
	case strings.HasSuffix(v.Hex, "001e00413330303500"):
		return "receipted_message_id", StatusInvTLVLen // announces 65 octets, has 5
	case strings.HasSuffix(v.Hex, "080010c1e1e9edf3faf1fc"):
		return "short_message", StatusInvMsgLen // announces 16 octets, has 8
	}
	return "", StatusOK
}

func TestVectorsDecodeToWhatTheDissectorRead(t *testing.T) {
	for i, v := range loadVectors(t) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			src := v.bytes(t)
			p, err := Decode(src)
			if field, status := malformed(v); field != "" {
				var de *DecodeError
				if !errors.As(err, &de) || de.Field != field || de.Status != status {
					t.Fatalf("error %v, want one of %s with %s", err, field, status)
				}
				if field != "receipted_message_id" {
					return
				}
				b := New(p.ID)
				if err := DecodeBody(b, src[HeaderLen:], Tolerance{ShortTLV: true}); err != nil {
					t.Fatalf("tolerant: %v", err)
				}
				p.Body = b
				checkDissection(t, p, v.Dissector, true)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkDissection(t, p, v.Dissector, false)
			out, err := p.Append(nil)
			if o, ok := p.Body.(*Outbind); ok && len(o.Password) == 9 {
				var ee *EncodeError // read liberally, not sent
				if !errors.As(err, &ee) || ee.Field != "password" || ee.Limit != 8 {
					t.Fatalf("error %v, want one of password's limit 8", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := src[:p.Length]; !bytes.Equal(out, want) {
				t.Errorf("encodes to\n%x, was\n%x", out, want)
			}
		})
	}
}

// fieldOf names the Go field of a dissector's field where it is a plain copy.
var fieldOf = map[string]string{
	"smpp.message_id": "MessageID", "smpp.system_id": "SystemID", "smpp.password": "Password",
	"smpp.system_type": "SystemType", "smpp.interface_version": "InterfaceVersion",
	"smpp.addr_ton": "AddrTON", "smpp.addr_npi": "AddrNPI", "smpp.address_range": "AddressRange",
	"smpp.service_type": "ServiceType", "smpp.source_addr_ton": "SourceAddrTON",
	"smpp.source_addr_npi": "SourceAddrNPI", "smpp.source_addr": "SourceAddr",
	"smpp.dest_addr_ton": "DestAddrTON", "smpp.dest_addr_npi": "DestAddrNPI",
	"smpp.destination_addr": "DestinationAddr", "smpp.protocol_id": "ProtocolID",
	"smpp.priority_flag": "PriorityFlag", "smpp.replace_if_present_flag": "ReplaceIfPresent",
	"smpp.data_coding": "DataCoding", "smpp.sm_default_msg_id": "SMDefaultMsgID",
	"smpp.esme_addr_ton": "ESMEAddrTON", "smpp.esme_addr_npi": "ESMEAddrNPI",
	"smpp.esme_addr": "ESMEAddr", "smpp.message_state": "MessageState", "smpp.error_code": "ErrorCode",
}

func checkDissection(t *testing.T, p PDU, want map[string]any, short bool) {
	t.Helper()
	number := func(key string, got uint64) {
		t.Helper()
		n, err := strconv.ParseUint(fmt.Sprint(want[key]), 0, 64)
		if err != nil || n != got {
			t.Errorf("%s is %#x, the dissector read %v", key, got, want[key])
		}
	}
	str := func(key, got string) {
		t.Helper()
		if got != want[key] {
			t.Errorf("%s is %q, the dissector read %q", key, got, want[key])
		}
	}
	for key := range want {
		if name, ok := fieldOf[key]; ok {
			switch f := fieldValue(t, p, name).(type) {
			case []byte:
				if key == "smpp.service_type" && len(f) == 0 {
					f = []byte("(Default)")
				}
				str(key, string(f))
			case uint8:
				number(key, uint64(f))
			default:
				t.Errorf("%s is a %T", name, f)
			}
			continue
		}
		switch key {
		case "smpp.command_length":
			number(key, uint64(p.Length))
		case "smpp.command_id":
			number(key, uint64(p.ID))
		case "smpp.command_status":
			number(key, uint64(p.Status))
		case "smpp.sequence_number":
			number(key, uint64(p.Sequence))
		case "smpp.esm.submit.msg_mode":
			number(key, uint64(fieldValue(t, p, "ESMClass").(uint8)&ESMModeMask))
		case "smpp.esm.submit.msg_type":
			number(key, uint64(fieldValue(t, p, "ESMClass").(uint8)&ESMTypeMask>>2))
		case "smpp.esm.submit.features":
			number(key, uint64(fieldValue(t, p, "ESMClass").(uint8)&ESMFeatureMask>>6))
		case "smpp.regdel.receipt":
			number(key, uint64(fieldValue(t, p, "RegisteredDelivery").(uint8)&ReceiptMask))
		case "smpp.regdel.acks":
			number(key, uint64(fieldValue(t, p, "RegisteredDelivery").(uint8)&AckMask>>2))
		case "smpp.regdel.notif":
			number(key, uint64(fieldValue(t, p, "RegisteredDelivery").(uint8)&ReceiptIntermediate>>4))
		case "smpp.schedule_delivery_time_r":
			if f := fieldValue(t, p, "ScheduleDeliveryTime").([]byte); len(f) != 0 {
				t.Errorf("schedule_delivery_time is %q, the dissector read none", f)
			}
		case "smpp.validity_period_r":
			if f := fieldValue(t, p, "ValidityPeriod").([]byte); len(f) != 0 {
				t.Errorf("validity_period is %q, the dissector read none", f)
			}
		case "smpp.validity_period":
			at, err := ParseTime(fieldValue(t, p, "ValidityPeriod").([]byte), time.Time{})
			if err != nil {
				t.Error(err)
			}
			str(key, at.UTC().Format("Jan _2, 2006 15:04:05.000000000 UTC"))
		case "smpp.sm_length":
			number(key, uint64(len(fieldValue(t, p, "ShortMessage").([]byte))))
		case "smpp.message":
			str(key, colons(fieldValue(t, p, "ShortMessage").([]byte)))
		case "smpp.message_text":
			msg := fieldValue(t, p, "ShortMessage").([]byte)
			// The dissector reads a user data header as text in submit_multi.
			if p.ID != IDSubmitMulti && fieldValue(t, p, "ESMClass").(uint8)&ESMFeatureUDHI != 0 {
				_, rest, err := text.ParseUDH(msg)
				if err != nil {
					t.Error(err)
				}
				msg = rest
			}
			str(key, text.Decode(msg, fieldValue(t, p, "DataCoding").(uint8)))
		case "smpp.data_coding_tree":
			sameNumber(t, want[key].(map[string]any)["smpp.dcs.sms_coding_group"], uint64(fieldValue(t, p, "DataCoding").(uint8)>>4))
		case "smpp.opt_params":
			checkTLVs(t, fieldValue(t, p, "TLVs").(TLVs), list(want[key].(map[string]any)["smpp.opt_param"]), short)
		case "smpp.dlist":
			checkDests(t, p.Body.(*SubmitMulti).DestAddresses, want[key].(map[string]any))
		case "smpp.dlist_resp":
			checkUnsuccess(t, p.Body.(*SubmitMultiResp).UnsuccessSMEs, want[key].(map[string]any))
		default:
			t.Errorf("the dissector's field %s is not compared", key)
		}
	}
}

func fieldValue(t *testing.T, p PDU, name string) any {
	t.Helper()
	f := reflect.ValueOf(p.Body).Elem().FieldByName(name)
	if !f.IsValid() {
		t.Fatalf("%s has no field %s", p.ID, name)
	}
	return f.Interface()
}

func sameNumber(t *testing.T, want any, got uint64) {
	t.Helper()
	if n, err := strconv.ParseUint(fmt.Sprint(want), 0, 64); err != nil || n != got {
		t.Errorf("%#x, the dissector read %v", got, want)
	}
}

func colons(b []byte) string {
	s := make([]string, len(b))
	for i, c := range b {
		s[i] = fmt.Sprintf("%02x", c)
	}
	return strings.Join(s, ":")
}

// list is the dissector's value as a list: it gives single ones bare.
func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func checkTLVs(t *testing.T, got TLVs, want []any, short bool) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d TLVs, the dissector read %d", len(got), len(want))
	}
	for i, w := range want {
		m := w.(map[string]any)
		sameNumber(t, m["smpp.opt_param_tag"], uint64(got[i].Tag))
		if !short || i < len(got)-1 {
			sameNumber(t, m["smpp.opt_param_len"], uint64(len(got[i].Value)))
		}
		for k, v := range m {
			if k == "smpp.opt_param_tag" || k == "smpp.opt_param_len" {
				continue
			}
			name := strings.ReplaceAll(strings.ToLower(k), "network_error.", "network_error_code.")
			if tag := got[i].Tag; !strings.HasPrefix(name, "smpp."+tag.String()) && !tag.Vendor() {
				t.Errorf("tag %#04x is %s, the dissector calls it %s", uint16(tag), tag, k)
			}
			value := got[i].Value
			c := strings.TrimRight(string(value), "\x00")
			if v != colons(value) && v != c && !(len(value) == 1 && isNumber(v, uint64(value[0]))) &&
				!(len(value) == 3 && isNumber(v, uint64(value[0])) || len(value) == 3 && isNumber(v, uint64(value[1])<<8|uint64(value[2]))) {
				t.Errorf("%s is %x, the dissector read %v", k, value, v)
			}
		}
	}
}

func isNumber(v any, got uint64) bool {
	n, err := strconv.ParseUint(fmt.Sprint(v), 0, 64)
	return err == nil && n == got
}

func checkDests(t *testing.T, got []DestAddress, want map[string]any) {
	t.Helper()
	var ton, npi, addr, dl []any
	for _, d := range got {
		if d.Flag == DestFlagList {
			dl = append(dl, string(d.DLName))
			continue
		}
		ton, npi = append(ton, fmt.Sprintf("0x%02x", d.TON)), append(npi, fmt.Sprintf("0x%02x", d.NPI))
		addr = append(addr, string(d.Address))
	}
	checkLists(t, want, map[string][]any{"smpp.dest_addr_ton": ton, "smpp.dest_addr_npi": npi,
		"smpp.destination_addr": addr, "smpp.dl_name": dl})
}

func checkUnsuccess(t *testing.T, got []UnsuccessSME, want map[string]any) {
	t.Helper()
	var ton, npi, addr, status []any
	for _, u := range got {
		ton, npi = append(ton, fmt.Sprintf("0x%02x", u.TON)), append(npi, fmt.Sprintf("0x%02x", u.NPI))
		addr, status = append(addr, string(u.Address)), append(status, fmt.Sprintf("0x%08x", uint32(u.Status)))
	}
	checkLists(t, want, map[string][]any{"smpp.dest_addr_ton": ton, "smpp.dest_addr_npi": npi,
		"smpp.destination_addr": addr, "smpp.error_status_code": status})
}

func checkLists(t *testing.T, want map[string]any, got map[string][]any) {
	t.Helper()
	for k, w := range want {
		if g, ok := got[k]; !ok || !reflect.DeepEqual(g, list(w)) {
			t.Errorf("%s is %v, the dissector read %v", k, g, w)
		}
	}
}
