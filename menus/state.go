package menus

import (
	"encoding/binary"
	"errors"
)

// maxHistory bounds the way back: older screens fall off.
const maxHistory = 12

// State is where a dialogue is: opaque, a value, never changed by Step. Its
// encoding is compact and versioned; it belongs to one revision of one menu.
// The zero State is that of a dialogue which has not begun.
type State struct {
	program uint32 // fingerprint of the menu and its revision
	screen  uint16
	page    uint8 // 0-based
	tries   uint8 // wrong inputs in a row
	flags   stateFlags
	note    note
	depth   uint8
	history [maxHistory]uint16
	lang    string
	vars    []string // by slot; nil if none is set
	sealed  [][]byte // by secret slot; nil if there is none
	pending pending  // what is left of a shortcut, while a call of it is made
	away    string   // the call that was last unavailable
	ask     *asking  // what is asked in the place of the screen; never changed, only replaced
	hints   hints    // of a later release
	later   string   // fields of a later release, as they were written
}

// stateFlags must all be understood: a state with another one is refused.
type stateFlags uint8

const (
	flagWaiting stateFlags = 1 << iota // a Call is outstanding
	flagEnded
	flagResume  // asked whether to go on where the last dialogue broke off
	flagPending // the rest of a shortcut follows
	flagAway    // the name of a call follows
	flagAsking  // what is asked in the place of the screen follows
	flagsEnd
)

// note is the line in front of a screen that says why it is shown again. One of a
// later release is none here: nothing but that line may depend on it.
type note uint8

const (
	noteNone    note = iota
	noteWrong        // wrong choice
	noteInvalid      // the input's own error text
	_                // once: an option that cannot be chosen
	noteReason       // the core refused: {reason}
	noteTooMany      // the dialogue ended after too many wrong inputs
	noteClosed       // the menu is under maintenance
	noteResumed      // the dialogue goes on where it broke off
	noteDiffers      // a secret is not the one it must be the same as
	noteNotice       // what the operator wants said
	noteTold         // an SMS will say when it is back
	noteBusy         // what was asked for could not be noted
	noteCount
)

// Language is the dialogue's language, "" before it begins.
func (s State) Language() string { return s.lang }

// Waiting says whether a Call is outstanding: the next input must be its Answer
// (or Show, which returns the Call again).
func (s State) Waiting() bool { return s.flags&flagWaiting != 0 && !s.Unclear() }

// Ended says whether the dialogue is over.
func (s State) Ended() bool { return s.flags&flagEnded != 0 }

// stateVersion is raised by a change that later.go has no place for: the releases
// before it then end such dialogues.
const stateVersion = 1

// Bounds of what UnmarshalBinary believes.
const (
	maxVars      = 250
	maxStateSize = 16 << 10
)

var errState = errors.New("menus: the state is damaged, or must be understood by who reads it and is of another release")

// MarshalBinary is AppendBinary onto nothing.
func (s State) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// AppendBinary appends the encoding. Unset variables cost one octet each up to
// the last one that is set.
func (s State) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, stateVersion)
	b = binary.BigEndian.AppendUint32(b, s.program)
	b = binary.AppendUvarint(b, uint64(s.screen))
	flags := s.flags &^ (flagPending | flagAway | flagAsking)
	if s.pending.left() {
		flags |= flagPending
	}
	if s.away != "" {
		flags |= flagAway
	}
	if s.ask != nil {
		flags |= flagAsking
	}
	b = append(b, s.page, s.tries, byte(flags), byte(s.note), byte(s.hints), s.depth)
	for _, h := range s.history[:s.depth] {
		b = binary.AppendUvarint(b, uint64(h))
	}
	b = appendString(b, s.lang)
	n := len(s.vars)
	for n > 0 && s.vars[n-1] == "" {
		n--
	}
	b = binary.AppendUvarint(b, uint64(n))
	for _, v := range s.vars[:n] {
		b = appendString(b, v)
	}
	n = len(s.sealed)
	for n > 0 && len(s.sealed[n-1]) == 0 {
		n--
	}
	b = binary.AppendUvarint(b, uint64(n))
	for _, v := range s.sealed[:n] {
		b = appendString(b, v)
	}
	if s.pending.left() {
		b = s.pending.append(b)
	}
	if s.away != "" {
		b = appendString(b, s.away)
	}
	if s.ask != nil {
		b = s.ask.append(b)
	}
	return append(b, s.later...), nil
}

func appendString[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// UnmarshalBinary reads what AppendBinary wrote, of this release or another one as
// far as that is safe: what it skips is kept and written again. It keeps nothing of
// data.
func (s *State) UnmarshalBinary(data []byte) error {
	if len(data) > maxStateSize {
		return errState
	}
	if len(data) < 5 || data[0] != stateVersion {
		return errState
	}
	// One string for all variables: they are cut out of it.
	d := stateReader{rest: string(data[5:])}
	n := State{program: binary.BigEndian.Uint32(data[1:])}
	n.screen = uint16(d.uvarint(1<<16 - 1))
	n.page, n.tries = d.octet(), d.octet()
	n.flags, n.note, n.hints = stateFlags(d.octet()), note(d.octet()), hints(d.octet())
	n.depth = d.octet()
	if n.depth > maxHistory || n.flags >= flagsEnd {
		return errState
	}
	for i := range n.depth {
		n.history[i] = uint16(d.uvarint(1<<16 - 1))
	}
	n.lang = d.str()
	if k := d.uvarint(maxVars); k > 0 && !d.bad {
		n.vars = make([]string, k)
		for i := range n.vars {
			n.vars[i] = d.str()
		}
	}
	if k := d.uvarint(maxVars); k > 0 && !d.bad {
		n.sealed = make([][]byte, k)
		for i := range n.sealed {
			if v := d.str(); v != "" {
				n.sealed[i] = []byte(v)
			}
		}
	}
	if n.flags&flagPending != 0 {
		n.pending = d.pending()
	}
	if n.flags&flagAway != 0 {
		n.away = d.str()
	}
	if n.flags&flagAsking != 0 {
		n.ask = d.asking()
	}
	n.later = d.later()
	n.flags &^= flagPending | flagAway | flagAsking
	if d.bad {
		return errState
	}
	*s = n
	return nil
}

// stateReader remembers that something was wrong; one check at the end.
type stateReader struct {
	rest string
	bad  bool
}

func (d *stateReader) octet() byte {
	if d.rest == "" {
		d.bad = true
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

func (d *stateReader) uvarint(limit uint64) uint64 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := d.octet()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > limit {
				d.bad = true
				return 0
			}
			return v
		}
	}
	d.bad = true
	return 0
}

func (d *stateReader) str() string {
	n := d.uvarint(maxStateSize)
	if uint64(len(d.rest)) < n {
		d.bad = true
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}
