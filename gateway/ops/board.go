package ops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/sessions"
)

// boardFact is the name under which all gateways on one store keep the notices.
const boardFact = "notices"

// Kinds of a notice.
const (
	NoticeClosed = "closed" // the call, or the whole service, is closed
	NoticeOpen   = "open"   // the call is open, whatever the core's heartbeat says
	NoticeInfo   = "info"   // is said in front of first screens
)

// AllCalls is the Call of a notice that is about the whole service.
const AllCalls = "all"

// Notice is what an operator plans, or wants said.
type Notice struct {
	ID    string            `json:"id"`
	Kind  string            `json:"kind"`
	Call  string            `json:"call"` // a call of the menus, one to a party (menus.Party), or AllCalls
	From  time.Time         `json:"from"`
	Until time.Time         `json:"until,omitzero"` // not there: until it is cleared
	Text  map[string]string `json:"text,omitempty"` // by language; none: the catalog's texts
	By    string            `json:"by"`
	Set   time.Time         `json:"set"`
	State string            `json:"state,omitempty"` // in answers: planned, now or over
}

// Bounds of the board.
const (
	maxNotices  = 64
	overForgets = 7 * 24 * time.Hour // a notice that is over stays on the board so long, if there is room
)

// Errors of a board.
var (
	// ErrNoNotice says that the board has no notice of that id.
	ErrNoNotice = errors.New("there is no notice")
	// ErrNotice says that a notice cannot be meant so.
	ErrNotice = errors.New("this notice cannot be set")
	// ErrBoardFull says that there are as many notices as the board takes.
	ErrBoardFull = fmt.Errorf("there are %d notices: clear those that are over", maxNotices)
)

// BoardConfig is what a Board needs. Store and Menus are required.
type BoardConfig struct {
	Store sessions.Shared
	Menus *dialog.Menus // whose languages texts must have, and whose calls can be closed
	Every time.Duration // how often other gateways' notices are looked for; 1 s; below 0: never
	Now   func() time.Time
	Log   *slog.Logger
}

// Board has the operators' notices, the same on all gateways of the store. They
// stand above what the gateway finds out by itself: what is closed is closed
// although the core answers, and what is open is open although its heartbeat says
// otherwise. Closed stands above open. What nobody can overrule is the breaker: a
// core that no connection reaches takes nothing.
type Board struct {
	BoardConfig
	mu    sync.Mutex // one change or look at a time
	shown atomic.Pointer[shown]
}

var _ dialog.Plans = (*Board)(nil)

// shown is the board as it is; it is never changed.
type shown struct {
	version uint64
	next    int
	notices []posted
}

type posted struct {
	Notice
	words *menus.Announcement
}

type boardState struct {
	Next    int      `json:"next"`
	Notices []Notice `json:"notices"`
}

// OpenBoard reads the notices from the store.
func OpenBoard(ctx context.Context, cfg BoardConfig) (*Board, error) {
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &Board{BoardConfig: cfg}
	b.shown.Store(&shown{})
	return b, b.look(ctx)
}

// Run follows what is set on other gateways, until ctx ends.
func (b *Board) Run(ctx context.Context) {
	if b.Every < 0 {
		return
	}
	sessions.Follow(ctx, b.Store, boardFact, b.shown.Load().version, b.Every, func(sessions.Fact) {
		lctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := b.look(lctx); err != nil && ctx.Err() == nil {
			b.Log.Error("the operators' notices cannot be read: the last ones stand", "err", err)
		}
	}, func(err error) {
		if err == nil {
			b.Log.Info("the operators' notices can be seen again")
			return
		}
		b.Log.Warn("the operators' notices cannot be seen", "err", err)
	})
}

// look takes the store's notices.
func (b *Board) look(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, err := b.Store.Fact(ctx, boardFact)
	if errors.Is(err, sessions.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return b.show(f)
}

func (b *Board) show(f sessions.Fact) error {
	st, err := readBoard(f.Value)
	if err != nil {
		return err
	}
	next := &shown{version: f.Version, next: st.Next}
	for _, n := range st.Notices {
		p := posted{Notice: n}
		if len(n.Text) > 0 {
			// It was checked when it was set. Menus that have changed since may have
			// other languages: their customers read it in the first one.
			p.words, _ = b.Menus.Current().Announcement(n.Text, !n.Until.IsZero())
		}
		next.notices = append(next.notices, p)
	}
	b.shown.Store(next)
	return nil
}

func readBoard(value []byte) (boardState, error) {
	var st boardState
	if len(value) == 0 {
		return st, nil
	}
	if err := json.Unmarshal(value, &st); err != nil {
		return st, fmt.Errorf("ops: the notices cannot be read: %w", err)
	}
	return st, nil
}

// List returns all notices, those that are over too, with their states.
func (b *Board) List() []Notice {
	now := b.Now()
	all := []Notice{}
	for _, p := range b.shown.Load().notices {
		p.State = p.state(now)
		all = append(all, p.Notice)
	}
	return all
}

func (n *Notice) state(now time.Time) string {
	switch {
	case now.Before(n.From):
		return "planned"
	case !n.Until.IsZero() && !now.Before(n.Until):
		return "over"
	}
	return "now"
}

// Set puts a notice on the board and returns it with its id. From zero is now.
// ErrNotice and menus.Problems say what is wrong with it.
func (b *Board) Set(ctx context.Context, n Notice, by string) (Notice, error) {
	now := b.Now().Truncate(time.Second)
	n.By, n.Set, n.State = by, now.UTC(), ""
	if n.From.IsZero() {
		n.From = now
	}
	n.From = n.From.UTC()
	if !n.Until.IsZero() {
		n.Until = n.Until.UTC()
	}
	if err := b.check(n, now); err != nil {
		return Notice{}, err
	}
	err := b.change(ctx, func(st *boardState) error {
		st.Notices = slices.DeleteFunc(st.Notices, func(old Notice) bool {
			return !old.Until.IsZero() && now.Sub(old.Until) > overForgets
		})
		if len(st.Notices) >= maxNotices {
			return ErrBoardFull
		}
		st.Next++
		n.ID = strconv.Itoa(st.Next)
		st.Notices = append(st.Notices, n)
		return nil
	})
	n.State = n.state(b.Now())
	return n, err
}

// Clear takes a notice off the board.
func (b *Board) Clear(ctx context.Context, id string) (Notice, error) {
	var gone Notice
	err := b.change(ctx, func(st *boardState) error {
		i := slices.IndexFunc(st.Notices, func(n Notice) bool { return n.ID == id })
		if i < 0 {
			var ids []string
			for _, n := range st.Notices {
				ids = append(ids, n.ID)
			}
			return fmt.Errorf("%w %q: the board has %s; gateway notice list shows what each is", ErrNoNotice, id, cmp.Or(strings.Join(ids, ", "), "none"))
		}
		gone = st.Notices[i]
		st.Notices = slices.Delete(st.Notices, i, i+1)
		return nil
	})
	return gone, err
}

func (b *Board) change(ctx context.Context, next func(*boardState) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, err := sessions.Change(ctx, b.Store, boardFact, func(old []byte) ([]byte, error) {
		st, err := readBoard(old)
		if err != nil {
			return nil, err
		}
		if err := next(&st); err != nil {
			return nil, err
		}
		return json.Marshal(st)
	})
	if err != nil {
		return err
	}
	return b.show(f)
}

// check says what is wrong with a notice.
func (b *Board) check(n Notice, now time.Time) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrNotice, fmt.Sprintf(format, args...))
	}
	calls := b.calls()
	call, party := menus.CutParty(n.Call)
	whole := call == n.Call
	switch {
	case n.Kind != NoticeClosed && n.Kind != NoticeOpen && n.Kind != NoticeInfo:
		return wrong("kind is closed, open or info, not %q", n.Kind)
	case n.Call != AllCalls && !slices.Contains(calls, call):
		return wrong("the menus make no call %q that can be closed: it is one of %s, or all", call, strings.Join(calls, ", "))
	case !whole && menus.PartyOf(call) == "":
		return wrong("the call %s has no biller, till or agent that can be closed by itself: close the whole call", call)
	case !whole && !partyRule.MatchString(party):
		return wrong("%q is no %s: a number or a name of 1 to 20 letters and digits, as customers or the menus give it", party, menus.PartyOf(call))
	case !whole && n.Kind == NoticeOpen:
		return wrong("open is about a whole call: the heartbeat knows nothing of one %s", menus.PartyOf(call))
	case n.Kind == NoticeInfo && n.Call != AllCalls:
		return wrong("info is about the whole service: call is all")
	case n.Kind == NoticeInfo && len(n.Text) == 0:
		return wrong("info needs a text")
	case n.Kind == NoticeOpen && len(n.Text) > 0:
		return wrong("nobody would read the text of what is open")
	case !n.Until.IsZero() && !n.Until.After(n.From):
		return wrong("it would be over before it begins: from %s until %s", n.From.Format(time.RFC3339), n.Until.Format(time.RFC3339))
	case !n.Until.IsZero() && !n.Until.After(now):
		return wrong("it is over already: until %s", n.Until.Format(time.RFC3339))
	}
	if len(n.Text) == 0 {
		return nil
	}
	_, err := b.Menus.Current().Announcement(n.Text, !n.Until.IsZero())
	return err
}

// partyRule is what a party may be called.
var partyRule = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,20}$`)

// calls are those of the core that the menus make, sorted. What the gateway answers
// by itself is nobody's to close.
func (b *Board) calls() []string {
	c := b.Menus.Current()
	var all []string
	for _, name := range c.Menus() {
		p, _ := c.Program(name)
		for _, s := range p.Flow("") {
			if s.Call != "" && !menus.Local(s.Call) {
				all = append(all, s.Call)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Closed is as dialog.Plans'. Of several notices the one that lasts longest counts.
func (b *Board) Closed(name string) (why menus.Unavailable, closed bool) {
	s := b.shown.Load()
	if len(s.notices) == 0 {
		return why, false
	}
	now := b.Now()
	call, _ := menus.CutParty(name)
	for i := range s.notices {
		p := &s.notices[i]
		if p.Kind != NoticeClosed || p.Call != AllCalls && p.Call != call && p.Call != name || p.state(now) != "now" {
			continue
		}
		if !closed || !why.Until.IsZero() && (p.Until.IsZero() || p.Until.After(why.Until)) {
			why, closed = menus.Unavailable{Until: p.Until, Words: p.words}, true
		}
	}
	return why, closed
}

// Open says whether operators have said that a call is open, whatever the core's
// heartbeat says.
func (b *Board) Open(call string) bool {
	s := b.shown.Load()
	if len(s.notices) == 0 {
		return false
	}
	now := b.Now()
	return slices.ContainsFunc(s.notices, func(p posted) bool {
		return p.Kind == NoticeOpen && (p.Call == AllCalls || p.Call == call) && p.state(now) == "now"
	})
}

// Notice is as dialog.Plans'. Of several the one that was set last is said.
func (b *Board) Notice() *menus.Unavailable {
	s := b.shown.Load()
	if len(s.notices) == 0 {
		return nil
	}
	now := b.Now()
	for _, p := range slices.Backward(s.notices) {
		if p.Kind == NoticeInfo && p.state(now) == "now" {
			return &menus.Unavailable{Until: p.Until, Words: p.words}
		}
	}
	return nil
}
