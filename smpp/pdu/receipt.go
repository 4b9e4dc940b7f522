package pdu

import (
	"bytes"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Receipt is what a delivery receipt says (SMPP 3.4 appendix B). Message centres
// differ in which fields they give; those that are missing are zero.
type Receipt struct {
	ID         string    // message_id as the receipt has it: see IDForm
	Submitted  int       // "sub": messages submitted
	Delivered  int       // "dlvrd": messages delivered
	SubmitDate time.Time // to the minute, or the second where the peer gives it
	DoneDate   time.Time
	State      uint8  // a State constant; StateUnknown if Stat is none that is known
	Stat       string // as it came, such as "DELIVRD"
	Err        string // network's or message centre's code, in no common form
	Text       string // start of the message, as octets of its data_coding
	// NetworkType and NetworkCode are those of network_error_code, if HasNetwork.
	HasNetwork  bool
	NetworkType uint8
	NetworkCode uint16
}

// Final reports whether nothing more is to be expected for the message.
func (r Receipt) Final() bool {
	switch r.State {
	case StateScheduled, StateEnroute, StateAccepted:
		return false
	}
	return true
}

// IsReceipt reports whether esm_class marks a delivery receipt or an intermediate
// notification.
func IsReceipt(esmClass uint8) bool {
	t := esmClass & ESMTypeMask
	return t == ESMTypeReceipt || t == ESMTypeIntermediate
}

// ParseReceipt reads the receipt in a deliver_sm: its text, which may be in
// message_payload, and its TLVs, which win where both say something. Times have
// no zone: they are of loc, or UTC if that is nil. It is false if there is no
// message id and no state; esm_class is not looked at, as some peers leave it 0:
// ask IsReceipt too before taking a person's message for a receipt.
func ParseReceipt(b *DeliverSM, loc *time.Location) (Receipt, bool) {
	text := b.ShortMessage
	if len(text) == 0 {
		text, _ = b.TLVs.Get(TagMessagePayload)
	}
	return NewReceipt(text, b.TLVs, loc)
}

// NewReceipt is ParseReceipt for text and TLVs of whatever PDU.
func NewReceipt(text []byte, tlvs TLVs, loc *time.Location) (Receipt, bool) {
	r, ok := ParseReceiptText(text, loc)
	if id, has := tlvs.CString(TagReceiptedMessageID); has && len(id) > 0 {
		r.ID = string(id)
	}
	if s, has := tlvs.Uint8(TagMessageState); has {
		r.State = s
		if r.Stat == "" {
			r.Stat = StateName(s)
		}
		ok = true
	}
	if v, _ := tlvs.Get(TagNetworkErrorCode); len(v) == 3 {
		r.HasNetwork, r.NetworkType, r.NetworkCode = true, v[0], uint16(v[1])<<8|uint16(v[2])
	}
	return r, ok && r.ID != ""
}

// receiptKey is one of the words that a receipt's text is made of.
type receiptKey uint8

const (
	keyNone receiptKey = iota
	keyID
	keySub
	keyDelivered
	keySubmitDate
	keyDoneDate
	keyStat
	keyErr
	keyText
)

// separators are what stands between the fields: a space, by the book.
const separators = " \t\r\n,;|"

// ParseReceiptText reads the text of a receipt: "id:... sub:... dlvrd:... submit
// date:... done date:... stat:... err:... text:..." in any order and case, with
// any of the fields left out, spaces around the colons, and dates of 10, 12 or 14
// digits with or without punctuation. The first of repeated fields counts. It is
// false if id or stat is missing. loc is as for ParseReceipt.
func ParseReceiptText(text []byte, loc *time.Location) (Receipt, bool) {
	if loc == nil {
		loc = time.UTC
	}
	text = bytes.TrimRight(text, "\x00") // some peers count the NUL
	r := Receipt{State: StateUnknown}
	var seen [keyText + 1]bool
	key, from := keyNone, 0
	end := func(to int) {
		if key == keyNone || seen[key] {
			return
		}
		seen[key] = true
		r.set(key, string(bytes.Trim(text[from:to], separators)), loc)
	}
	for i := 0; i < len(text); {
		k, n := keyNone, 0
		if i == 0 || strings.IndexByte(separators, text[i-1]) >= 0 {
			k, n = matchKey(text[i:])
		}
		if k == keyNone {
			i++
			continue
		}
		end(i)
		i += n
		key, from = k, i
		if k == keyText {
			r.Text = string(bytes.TrimLeft(text[i:], " "))
			key = keyNone
			break
		}
	}
	end(len(text))
	return r, r.ID != "" && r.Stat != ""
}

func (r *Receipt) set(k receiptKey, v string, loc *time.Location) {
	switch k {
	case keyID:
		r.ID = v
	case keySub:
		r.Submitted = receiptCount(v)
	case keyDelivered:
		r.Delivered = receiptCount(v)
	case keySubmitDate:
		r.SubmitDate = receiptDate(v, loc)
	case keyDoneDate:
		r.DoneDate = receiptDate(v, loc)
	case keyStat:
		r.Stat, r.State = v, ParseState(v)
	case keyErr:
		r.Err = v
	}
}

// matchKey recognises a key and its colon at the start of b and returns their
// length.
func matchKey(b []byte) (receiptKey, int) {
	words := [...]struct {
		word string
		key  receiptKey
	}{
		{"id", keyID}, {"sub", keySub}, {"dlvrd", keyDelivered}, {"dlvd", keyDelivered},
		{"submit date", keySubmitDate}, {"done date", keyDoneDate}, {"stat", keyStat}, {"status", keyStat},
		{"err", keyErr}, {"error", keyErr}, {"text", keyText},
	}
	for _, w := range words {
		n := len(w.word)
		if len(b) <= n || !equalKey(b[:n], w.word) {
			continue
		}
		for n < len(b) && b[n] == ' ' {
			n++
		}
		if n < len(b) && b[n] == ':' {
			return w.key, n + 1
		}
	}
	return keyNone, 0
}

// equalKey ignores case and takes an underscore or a hyphen for the space.
func equalKey(b []byte, word string) bool {
	for i, c := range b {
		if c == '_' || c == '-' {
			c = ' '
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

func receiptCount(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// receiptDate reads a date by its digits, and is zero if it makes no sense of it.
func receiptDate(s string, loc *time.Location) time.Time {
	if len(s) == 16 && strings.ContainsAny(s[15:], "+-") {
		if t, err := ParseTime([]byte(s), time.Time{}); err == nil {
			return t
		}
	}
	digits := make([]byte, 0, 16)
	for i := 0; i < len(s) && len(digits) < cap(digits); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			digits = append(digits, s[i])
		}
	}
	var layouts []string
	switch len(digits) {
	case 10:
		layouts = []string{"0601021504"}
	case 12: // with a year of four digits only where that of two gives no date
		layouts = []string{"060102150405", "200601021504"}
	case 14:
		layouts = []string{"20060102150405"}
	}
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, string(digits), loc); err == nil {
			if year := t.Year(); l[:2] == "06" && year < 2000 {
				t = t.AddDate(100, 0, 0)
			}
			return t
		}
	}
	return time.Time{}
}

// StateName returns the seven letters by which a receipt names a message state,
// such as "DELIVRD", and "UNKNOWN" for those that are not of the specification.
func StateName(state uint8) string {
	switch state {
	case StateScheduled:
		return "SCHEDLD"
	case StateEnroute:
		return "ENROUTE"
	case StateDelivered:
		return "DELIVRD"
	case StateExpired:
		return "EXPIRED"
	case StateDeleted:
		return "DELETED"
	case StateUndeliverable:
		return "UNDELIV"
	case StateAccepted:
		return "ACCEPTD"
	case StateRejected:
		return "REJECTD"
	case StateSkipped:
		return "SKIPPED"
	}
	return "UNKNOWN"
}

// ParseState returns the message state that a receipt names, also in words that
// peers use beside those of the specification, or StateUnknown.
func ParseState(name string) uint8 {
	switch strings.ToUpper(name) {
	case "SCHEDLD", "SCHEDULED":
		return StateScheduled
	case "ENROUTE", "EN_ROUTE", "BUFFERED", "BUFFRED":
		return StateEnroute
	case "DELIVRD", "DELIVERED":
		return StateDelivered
	case "EXPIRED":
		return StateExpired
	case "DELETED":
		return StateDeleted
	case "UNDELIV", "UNDELIVERABLE", "UNDELIVERED", "FAILED":
		return StateUndeliverable
	case "ACCEPTD", "ACCEPTED":
		return StateAccepted
	case "REJECTD", "REJECTED":
		return StateRejected
	case "SKIPPED":
		return StateSkipped
	}
	return StateUnknown
}

// AppendText appends the receipt in the form of SMPP 3.4 appendix B, with Stat or,
// if that is empty, State's name. A zero date and an empty Err are given as zeros;
// Text is cut to the 20 octets that the form has for it.
func (r Receipt) AppendText(dst []byte) []byte {
	stat, code := r.Stat, r.Err
	if stat == "" {
		stat = StateName(r.State)
	}
	if code == "" {
		code = "000"
	}
	dst = fmt.Appendf(dst, "id:%s sub:%03d dlvrd:%03d submit date:%s done date:%s stat:%s err:%s text:",
		r.ID, r.Submitted, r.Delivered, formatDate(r.SubmitDate), formatDate(r.DoneDate), stat, code)
	return append(dst, r.Text[:min(len(r.Text), 20)]...)
}

func formatDate(t time.Time) string {
	if t.IsZero() {
		return "0000000000"
	}
	return t.Format("0601021504")
}

// TLVs returns the receipt as optional parameters: receipted_message_id,
// message_state and, if there is one, network_error_code.
func (r Receipt) TLVs() TLVs {
	var t TLVs
	t.AddCString(TagReceiptedMessageID, r.ID)
	t.AddUint8(TagMessageState, r.State)
	if r.HasNetwork {
		t.Add(TagNetworkErrorCode, []byte{r.NetworkType, byte(r.NetworkCode >> 8), byte(r.NetworkCode)})
	}
	return t
}

// IDForm is how a peer writes message ids in one place compared to another: many
// give hexadecimal in submit_sm_resp and decimal in receipts, or the reverse.
type IDForm uint8

// The forms. Leading zeros count only in IDVerbatim.
const (
	IDVerbatim    IDForm = iota
	IDHexadecimal        // upper or lower case, converted to lower
	IDDecimal
)

// Canonical returns id as lower-case hexadecimal without leading zeros, so that ids
// of both forms compare, or id itself if the form is IDVerbatim or id is not a
// number of that form or has over 64 digits.
func (f IDForm) Canonical(id string) string {
	base := 0
	switch f {
	case IDHexadecimal:
		base = 16
	case IDDecimal:
		base = 10
	}
	if base == 0 || id == "" || len(id) > 64 || strings.ContainsAny(id, "+-_") {
		return id
	}
	n, ok := new(big.Int).SetString(id, base)
	if !ok {
		return id
	}
	return n.Text(16)
}
