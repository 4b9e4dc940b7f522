package dialog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// Bounds of what a Desk keeps.
const (
	maxFollowed = 64  // phones at once
	maxEvents   = 200 // of one dialogue
	seedKept    = time.Minute
)

// redrawn is the node of a dialogue that the desk took over to edited menus: as
// after a restart, the next message shows its screen again and is not consumed.
const redrawn = "~redrawn"

// Errors of a Desk.
var (
	ErrDeskFull    = errors.New("dialog: too many phones are followed")
	ErrNotFollowed = errors.New("dialog: that phone is not followed")
	ErrNoMenu      = errors.New("dialog: there is no such menu")
)

// Desk is for those who write menus and try them on a simulated operator: it
// follows the dialogues of the phones in front of them, begins one on any screen,
// and takes one along when the menus are edited. Secrets are in it as they are in
// the store: sealed, in a dialogue's State. A gateway of a real operator has none.
type Desk struct {
	menus *Menus
	store sessions.Store
	now   func() time.Time
	seed  maphash.Seed

	mu     sync.Mutex
	phones map[string]*followed // by MSISDN
}

type followed struct {
	followers int
	plant     *Seed
	planted   time.Time
	trail     *Trail
	secrets   []uint64 // hashes of the dialogue's secrets, by the order of their first use
}

// Seed says where the next dialogue of a phone begins.
type Seed struct {
	Menu, Screen string
	Language     string        // "": the customer's, or the menu's first
	Vars         []menus.Value // as customers type them, see menus.Program.Enter
}

// Trail is a dialogue, the last one of a phone, as far as it came.
type Trail struct {
	Key      sessions.Key
	Program  *menus.Program // in which it is now
	Seed     *Seed          // where it began, nil: with the code
	Language string         // in which it began
	Began    time.Time      // in the operator's time zone
	Down     map[string]menus.Unavailable
	Busy     map[string]bool // calls that were said to be busy
	Events   []Event
	Cut      bool // there were more Events than are kept
	Redrawn  bool // the menus were edited on the way

	State menus.State                  // after the last event
	now   map[string]menus.Unavailable // what was down at the last event
	busy  map[string]bool              // and what was busy
}

// Event is one step of a dialogue.
type Event struct {
	Kind   menus.InputKind
	Text   string       // what was dialled or typed, without what may be a secret
	Secret int          // a secret was typed: the nth different one of the dialogue
	Call   string       // of an Answer: the call,
	Asked  string       // the screen that made it,
	Sent   bool         // whether an action was born from it,
	Result menus.Result // and what the core said
	Shown  menus.Screen // what the customer then saw; no ID where another call followed
	End    bool
}

// NewDesk returns a desk for dialogues over these menus, in this store. now is
// the operator's time; nil is time.Now.
func NewDesk(m *Menus, store sessions.Store, now func() time.Time) *Desk {
	if now == nil {
		now = time.Now
	}
	return &Desk{menus: m, store: store, now: now, seed: maphash.MakeSeed(), phones: map[string]*followed{}}
}

// Menus are those that dialogues begin on.
func (d *Desk) Menus() *Menus { return d.menus }

// Follow begins to follow a phone's dialogues, until stop is called as often as
// Follow was. ErrDeskFull is returned where there is no room.
func (d *Desk) Follow(msisdn string) (stop func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.phones[msisdn]
	if f == nil {
		if len(d.phones) >= maxFollowed {
			return nil, ErrDeskFull
		}
		f = &followed{}
		d.phones[msisdn] = f
	}
	f.followers++
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if f.followers--; f.followers == 0 {
			delete(d.phones, msisdn)
		}
	}), nil
}

// Followed are the phones that are followed, in the order of their numbers.
func (d *Desk) Followed() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]string, 0, len(d.phones))
	for msisdn := range d.phones {
		all = append(all, msisdn)
	}
	slices.Sort(all)
	return all
}

// Trail is the last dialogue of a phone that is followed. It is the caller's own.
func (d *Desk) Trail(msisdn string) (Trail, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.phones[msisdn]
	if f == nil || f.trail == nil {
		return Trail{}, false
	}
	t := *f.trail
	t.Events, t.Down, t.Busy = slices.Clone(t.Events), maps.Clone(t.Down), maps.Clone(t.Busy)
	return t, true
}

// Plant lets the next dialogue that a followed phone begins in the seed's menu
// begin on its screen, if it does so within a minute. What cannot be entered is
// refused with an error that wraps menus.ErrEnter, ErrNoMenu or ErrNotFollowed.
// It returns the code to dial.
func (d *Desk) Plant(msisdn string, s Seed) (code string, err error) {
	p, ok := d.menus.Current().Program(s.Menu)
	if !ok || len(p.Codes()) == 0 {
		return "", fmt.Errorf("%w: %.40q", ErrNoMenu, s.Menu)
	}
	if _, err := p.Enter(s.Screen, s.Vars, menus.Input{Language: s.Language, Customer: msisdn, Now: d.now()}); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.phones[msisdn]
	if f == nil {
		return "", ErrNotFollowed
	}
	f.plant, f.planted = &s, d.now()
	return p.Codes()[0], nil
}

// planted takes the seed for a dialogue that begins in a menu. A nil Desk has none.
func (d *Desk) planted(msisdn, menu string) *Seed {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.phones[msisdn]
	if f == nil || f.plant == nil {
		return nil
	}
	s := f.plant
	f.plant = nil
	if s.Menu != menu || d.now().Sub(f.planted) > seedKept {
		return nil
	}
	return s
}

// Languages renders the present screen of a trail in every language of its menu,
// in the menu's order. It is nil while the core is asked.
func (t *Trail) Languages(now time.Time) []menus.Screen {
	if t.Program == nil || t.State.Waiting() {
		return nil
	}
	down := func(call string) (menus.Unavailable, bool) {
		why, down := t.now[call]
		return why, down
	}
	var all []menus.Screen
	for _, lang := range t.Program.Languages() {
		st, ok := t.Program.In(t.State, lang)
		if !ok {
			return nil
		}
		turn, err := t.Program.Step(st, menus.Input{Kind: menus.Show, Customer: t.Key.MSISDN, Now: now, Down: down, Busy: func(call string) bool { return t.busy[call] }})
		if err != nil {
			return nil
		}
		all = append(all, turn.Screen)
	}
	return all
}

// Redraw takes the dialogue of a followed phone over to the menus as they are now.
// If it says yes, the next message of that dialogue shows its screen again and is
// not taken as an answer. It says no where there is nothing to show anew: the
// dialogue waits for no answer, has no place in the new menus, or is theirs already.
func (d *Desk) Redraw(ctx context.Context, msisdn string) (bool, error) {
	trail, ok := d.Trail(msisdn)
	if !ok {
		return false, nil
	}
	s, err := d.store.Load(ctx, trail.Key)
	now := d.menus.Current()
	switch {
	case errors.Is(err, sessions.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("dialog: %w", err)
	case s.Ended || !s.Asking || s.Revision == now.Revision():
		return false, nil
	}
	old, err := d.menus.Revision(ctx, s.Revision)
	if err != nil {
		return false, err
	}
	from, ok1 := old.Program(s.Menu)
	to, ok2 := now.Program(s.Menu)
	var st menus.State
	if !ok1 || !ok2 || st.UnmarshalBinary(s.State) != nil {
		return false, nil
	}
	if st, ok = to.Carry(from, st); !ok {
		return false, nil
	}
	if s.State, err = st.MarshalBinary(); err != nil {
		return false, err
	}
	s.Revision, s.Node = now.Revision(), redrawn
	if _, err := d.store.Commit(ctx, s); err != nil {
		return false, fmt.Errorf("dialog: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.phones[msisdn]; f != nil && f.trail != nil {
		f.trail.Program, f.trail.State, f.trail.Redrawn = to, st, true
	}
	return true, nil
}

// step makes one step of a dialogue in a menu. Whoever follows its phone sees it.
func (t *Turn) step(p *menus.Program, st menus.State, in menus.Input) (menus.Turn, error) {
	if t.d.Desk == nil || !t.d.Desk.follows(t.m.Key.MSISDN) {
		return p.Step(st, in)
	}
	return t.d.Desk.step(t, p, st, in)
}

// first makes the first step of a dialogue: into the menu, or to where a seed says.
func (t *Turn) first(p *menus.Program, in menus.Input, s *Seed) (menus.Turn, error) {
	if s == nil {
		return t.step(p, menus.State{}, in)
	}
	if s.Language != "" {
		in.Language = s.Language
	}
	turn, err := p.Enter(s.Screen, s.Vars, in)
	if err == nil {
		t.d.Desk.record(t, p, in, turn, Event{Kind: menus.Begin, Text: t.code()}, s, nil)
	}
	return turn, err
}

// step is Turn.step with a desk: secrets are told from the rest by whether the
// menu seals or compares them.
func (d *Desk) step(t *Turn, p *menus.Program, st menus.State, in menus.Input) (menus.Turn, error) {
	var typed *uint64
	secret := func(s string) {
		h := maphash.String(d.seed, s)
		typed = &h
	}
	watched := in
	if in.Seal != nil {
		watched.Seal = func(s string) ([]byte, error) {
			secret(s)
			return in.Seal(s)
		}
	}
	if in.Same != nil {
		watched.Same = func(sealed []byte, s string) (bool, error) {
			secret(s)
			return in.Same(sealed, s)
		}
	}
	turn, err := p.Step(st, watched)
	if err != nil {
		return turn, err
	}
	e := Event{Kind: in.Kind}
	switch in.Kind {
	case menus.Begin:
		e.Text = dialledPart(p, string(t.m.Text), in, turn)
	case menus.Redial:
		e.Text = string(t.m.Text) // a code alone
	case menus.Keys:
		e.Text = typedPart(p, st, string(in.Text), typed != nil)
	case menus.Answer:
		e.Result, e.Sent = in.Result, t.told
		if call := t.turn.Call; call != nil {
			e.Call, e.Asked = call.Name, call.Screen
		}
	}
	d.record(t, p, in, turn, e, nil, typed)
	return turn, nil
}

func (d *Desk) follows(msisdn string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.phones[msisdn] != nil
}

// record keeps an event; a Begin or a Redial begins a new trail.
func (d *Desk) record(t *Turn, p *menus.Program, in menus.Input, turn menus.Turn, e Event, s *Seed, typed *uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.phones[t.m.Key.MSISDN]
	if f == nil {
		return
	}
	if e.Kind == menus.Begin || e.Kind == menus.Redial || f.trail == nil || f.trail.Key != t.m.Key {
		f.trail = &Trail{Key: t.m.Key, Seed: s, Language: turn.State.Language(), Began: in.Now, Down: map[string]menus.Unavailable{}, Busy: map[string]bool{}}
		if in.Language != "" && slices.Contains(p.Languages(), in.Language) {
			f.trail.Language = in.Language
		}
		f.secrets = nil
	}
	trail := f.trail
	if typed != nil {
		n := slices.Index(f.secrets, *typed)
		if n < 0 {
			n = len(f.secrets)
			f.secrets = append(f.secrets, *typed)
		}
		e.Text, e.Secret = "", n+1
	}
	now, busy := map[string]menus.Unavailable{}, map[string]bool{} // the input is not to be asked once the turn is over
	for _, c := range menus.Calls() {
		if why, down := in.Down(c.Name); down {
			now[c.Name], trail.Down[c.Name] = why, why
		}
		if in.Busy(c.Name) {
			busy[c.Name], trail.Busy[c.Name] = true, true
		}
	}
	e.Shown, e.End = turn.Screen, turn.End
	if len(trail.Events) < maxEvents {
		trail.Events = append(trail.Events, e)
	} else {
		trail.Cut = true
	}
	trail.Program, trail.State, trail.now, trail.busy = p, turn.State, now, busy
}

// typedPart is what may be kept of an answer that was not taken as a secret: on a
// screen that asks for one, a key of the menu, or a stand-in for what no secret
// looks like. It may be a secret that was mistyped.
func typedPart(p *menus.Program, before menus.State, text string, secret bool) string {
	if secret {
		return ""
	}
	asked, err := p.Step(before, menus.Input{Kind: menus.Show})
	if err == nil && asked.Screen.Secret && len(strings.TrimSpace(text)) > 2 {
		return "x"
	}
	return text
}

// dialledPart is a dialled string without what the menu forgot of it at once: a
// secret may stand there.
func dialledPart(p *menus.Program, dialled string, in menus.Input, turn menus.Turn) string {
	code := strings.TrimSuffix(dialled, "*"+string(in.Text)+"#") + "#"
	if in.Text == "" {
		return dialled
	}
	want, err := turn.State.MarshalBinary()
	if err != nil {
		return code
	}
	fields := strings.Split(string(in.Text), "*")
	for n := range len(fields) + 1 {
		short := strings.Join(fields[:n], "*")
		in.Text = menus.Typed(short)
		again, err := p.Step(menus.State{}, in)
		if err != nil {
			continue
		}
		if got, err := again.State.MarshalBinary(); err == nil && bytes.Equal(got, want) {
			if short == "" {
				return code
			}
			return strings.TrimSuffix(code, "#") + "*" + short + "#"
		}
	}
	return code
}
