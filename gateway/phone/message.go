package phone

import (
	"encoding/json"

	"nyota/gateway/simulator"
)

// Kinds of commands from the page.
const (
	cmdWatch   = "watch"   // show this handset
	cmdUnwatch = "unwatch" // no longer
	cmdDial    = "dial"
	cmdPress   = "press"
	cmdHangUp  = "hangup"
	cmdRead    = "read" // an SMS was read; id 0 means all
	cmdCore    = "core" // switch the core to a mode
)

// command is what the page sends.
type command struct {
	T      string `json:"t"`
	MSISDN string `json:"msisdn"`
	Code   string `json:"code"`
	Text   string `json:"text"`
	ID     int    `json:"id"`
	Mode   string `json:"mode"`
}

// hello is the first message to the page.
type hello struct {
	T         string `json:"t"` // "hello"
	Now       int64  `json:"now"`
	MSISDN    string `json:"msisdn"`
	Code      string `json:"code"`
	PIN       string `json:"pin,omitempty"`
	NetworkMS int64  `json:"network_ms"`
	AnswerMS  int64  `json:"answer_ms"`
	MaxPhones int    `json:"max_phones"`
	Core      bool   `json:"core"`  // there are switches
	Desk      bool   `json:"desk"`  // there are menus to look into
	Local     bool   `json:"local"` // this page may start dialogues anywhere, and save tests
}

// update is a handset's present state. Lines are those that the page does not
// have yet; Inbox is there only when it changed.
type update struct {
	T     string             `json:"t"`   // "phone"
	Now   int64              `json:"now"` // the operator's time, ms since 1970: deadlines are in it
	Phone simulator.Snapshot `json:"phone"`
	Reset bool               `json:"reset,omitempty"` // Lines are all there are
	Lines []simulator.Entry  `json:"lines,omitempty"`
	Inbox *[]simulator.SMS   `json:"inbox,omitempty"`
	Desk  json.RawMessage    `json:"desk,omitempty"` // a deskView, if it changed; null for none
}

// trouble tells the page that something it asked for did not work.
type trouble struct {
	T      string `json:"t"` // "error"
	MSISDN string `json:"msisdn,omitempty"`
	Text   string `json:"text"`
}

// seen is what a page has of a handset already.
type seen struct {
	began  bool
	line   int // last transcript line
	sms    int // last message
	unread int
	desk   json.RawMessage
}

// next makes the update that brings a page from what it has to s.
func (v *seen) next(s simulator.Snapshot, now int64) update {
	u := update{T: "phone", Now: now, Phone: s.Brief(), Reset: !v.began}
	for i, e := range s.Transcript {
		if e.N > v.line {
			u.Lines = s.Transcript[i:]
			break
		}
	}
	if n := len(s.Transcript); n > 0 {
		v.line = s.Transcript[n-1].N
	}
	last := 0
	if n := len(s.Inbox); n > 0 {
		last = s.Inbox[n-1].ID
	}
	if !v.began || last != v.sms || s.Unread != v.unread {
		inbox := s.Inbox
		if inbox == nil {
			inbox = []simulator.SMS{}
		}
		u.Inbox = &inbox
	}
	v.began, v.sms, v.unread = true, last, s.Unread
	return u
}
