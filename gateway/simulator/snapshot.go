package simulator

import (
	"time"
)

// State is what a handset is doing.
type State string

// What a handset can be doing.
const (
	Idle     State = "idle"     // nothing: it can dial
	Dialling State = "dialling" // the start is on its way to the gateway
	Waiting  State = "waiting"  // the network waits for the gateway's next screen
	Asking   State = "asking"   // a question is shown, the customer may answer
	Ended    State = "ended"    // the last screen of a dialogue is still shown
	Failed   State = "failed"   // the network gave up; the handset says so
)

// open says whether a dialogue runs in this state.
func (s State) open() bool { return s == Dialling || s == Waiting || s == Asking }

// Direction is which way a message went, as the customer sees it.
type Direction string

// The two ways.
const (
	Out Direction = "out" // from the handset
	In  Direction = "in"  // to the handset
)

// Kinds of transcript entries.
const (
	KindDial    = "dial"    // a code was dialled
	KindAnswer  = "answer"  // the customer answered a question
	KindAsk     = "ask"     // a question came
	KindNotice  = "notice"  // a notice came that needs no answer
	KindEnd     = "end"     // the last screen came
	KindHangUp  = "hangup"  // the customer hung up
	KindTimeout = "timeout" // the network's time was over
	KindError   = "error"   // the network could not reach the gateway, or it refused
	KindSMS     = "sms"     // a short message came
)

// Entry is one line of a handset's transcript. It is never changed after it
// was written.
type Entry struct {
	N         int       `json:"n"` // running number, from 1
	At        time.Time `json:"at"`
	Direction Direction `json:"direction"`
	Kind      string    `json:"kind"`
	Text      string    `json:"text,omitempty"`
	Secret    bool      `json:"secret,omitempty"` // Text is dots, and there is no count
	Size      Size      `json:"size"`
	Screen    string    `json:"screen,omitempty"` // the menu's screen id, if the gateway hinted it
	Detail    string    `json:"detail,omitempty"` // why, of an error
}

// Size is how much room a text took.
type Size struct {
	Encoding string `json:"encoding,omitempty"` // "gsm7" or "ucs2"; "" where nothing was counted
	Units    int    `json:"units"`              // septets, or UCS-2 code units
	Limit    int    `json:"limit"`              // of one USSD message, or of one part of an SMS
}

// SMS is a short message in a handset's inbox.
type SMS struct {
	ID    int       `json:"id"` // running number, from 1
	At    time.Time `json:"at"`
	From  string    `json:"from"`
	Text  string    `json:"text"`
	Parts int       `json:"parts"` // messages on the air that made it up
	Size  Size      `json:"size"`
	Read  bool      `json:"read"`
}

// Snapshot is everything there is to see of a handset at one moment. Its slices
// are shared with other snapshots and must not be changed.
type Snapshot struct {
	MSISDN   string `json:"msisdn"`
	Revision uint64 `json:"revision"` // grows with each change
	Service  bool   `json:"service"`  // a gateway is bound that takes dialled codes
	State    State  `json:"state"`
	Code     string `json:"code,omitempty"` // last dialled
	Screen   string `json:"screen"`         // the text shown
	Waiting  bool   `json:"waiting"`        // the screen waits for the customer's answer
	Ended    bool   `json:"ended"`          // no dialogue runs
	Secret   bool   `json:"secret"`         // what is typed next is a secret
	ScreenID string `json:"screen_id,omitempty"`

	// Deadline is when the network gives up; Allowed is how long the present
	// wait had when it began. Both are zero when no dialogue runs.
	Deadline time.Time     `json:"deadline,omitzero"`
	Allowed  time.Duration `json:"allowed_ns,omitempty"`
	// SessionEnds is when the network ends the dialogue, whoever is waiting.
	SessionEnds time.Time `json:"session_ends,omitzero"`

	// What the present or last dialogue took of the customer. Keys are those of the
	// code and of the answers, with the one that calls or sends; a secret counts as
	// four, however long it was.
	Began   time.Time `json:"began,omitzero"`
	Over    time.Time `json:"over,omitzero"` // zero while it runs
	Answers int       `json:"answers"`
	Keys    int       `json:"keys"`

	Unread     int     `json:"unread"`
	Transcript []Entry `json:"transcript,omitempty"`
	Inbox      []SMS   `json:"inbox,omitempty"` // oldest first
}

// Brief returns the snapshot without transcript and inbox, for listings.
func (s Snapshot) Brief() Snapshot {
	s.Transcript, s.Inbox = nil, nil
	return s
}
