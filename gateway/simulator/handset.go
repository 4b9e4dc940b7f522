package simulator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"nyota/smpp/pdu"
)

// What a real handset shows when the network cannot go on with a code.
const connectionProblem = "Connection problem or invalid MMI code."

// dots stand for a secret, always as many, so that not even its length shows.
const dots = "••••"

// Bounds of what one handset keeps.
const (
	maxTranscript = 400 // entries
	maxInbox      = 200 // messages
	maxCode       = 182 // characters of a dialled code
)

// Errors of a handset.
var (
	ErrBusy      = errors.New("simulator: the handset is in a dialogue")
	ErrNotAsked  = errors.New("simulator: no question is waiting for an answer")
	ErrNoService = errors.New("simulator: no gateway is bound")
	ErrNotCode   = errors.New("simulator: a code begins with * or # and ends with #, with digits and * between")
	ErrTooLong   = errors.New("simulator: the text is longer than one USSD message")
	ErrMSISDN    = errors.New("simulator: a number has 5 to 15 digits and no +")
	ErrFull      = errors.New("simulator: no room for another handset")
)

// RefusedError says that the network ended a dialogue because the gateway did
// not take a message. The handset shows what a real one shows then.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string {
	return "simulator: the gateway did not take it: " + e.Err.Error()
}
func (e *RefusedError) Unwrap() error { return e.Err }

// dialogue is one USSD session as the network knows it. Its pointer is its
// identity: the network's numbers are recycled.
type dialogue struct {
	number   uint8 // session number in its_session_info
	seq      uint8 // 7 bits
	pushed   bool  // begun by the gateway
	bare     bool  // begun by the gateway without its_session_info
	conn     peer  // the bind that takes the start; nil in one that was pushed
	ends     time.Time
	deadline time.Time
	allowed  time.Duration
}

// effort is what a dialogue took of its customer.
type effort struct {
	began, over   time.Time // over is zero while it runs
	answers, keys int
}

// secretKeys are counted for a secret: how many keys it had is not to be seen.
const secretKeys = 4

// Handset is a customer's phone. All methods may be called by several
// goroutines at once.
type Handset struct {
	smsc   *SMSC
	msisdn string

	mu       sync.Mutex
	rev      uint64
	state    State
	d        *dialogue // nil unless state is open
	next     uint8     // number of the next dialogue
	last     int       // number of the last dialogue, -1 if there was none
	effort   effort    // of the present or last dialogue
	code     string
	screen   string
	screenID string
	secret   bool
	lines    []Entry
	lineN    int
	inbox    []SMS
	smsN     int
	subs     map[chan Snapshot]struct{}
}

// MSISDN returns the handset's number.
func (h *Handset) MSISDN() string { return h.msisdn }

// Dial starts a dialogue as a customer does with a code such as *150*00#. It
// returns when the gateway has acknowledged the start; the first screen comes
// before or after that. On ErrNoService, a refusal (*RefusedError) or the end
// of ctx the handset shows a connection problem.
func (h *Handset) Dial(ctx context.Context, code string) error {
	code = strings.TrimSpace(code)
	if !validCode(code) {
		return ErrNotCode
	}
	conn := h.smsc.pick()
	h.mu.Lock()
	if h.state.open() {
		h.mu.Unlock()
		return ErrBusy
	}
	now := h.smsc.now()
	d := &dialogue{number: h.next, conn: conn, ends: now.Add(h.smsc.cfg.NetworkTimeout)}
	h.next++ // recycled after 255: the networks' ids are short
	h.last = int(d.number)
	h.d, h.state, h.code = d, Dialling, code
	h.screen, h.screenID, h.secret = "", "", false
	h.effort = effort{began: now, keys: utf8.RuneCountInString(code) + 1} // and the call key
	h.expectGateway(d, now)
	h.note(Entry{At: now, Direction: Out, Kind: KindDial, Text: code, Size: ussdSize(code)})
	m := h.message(d, opPSSRInd, code, false)
	h.changed()
	h.mu.Unlock()
	h.smsc.opened(h)

	if conn == nil {
		return h.failed(d, ErrNoService)
	}
	if h.smsc.Faults().DuplicateStart {
		m2 := m.Clone()
		defer h.smsc.queue(func(ctx context.Context) { _ = h.smsc.deliver(ctx, conn, m2) })
	}
	if err := h.failed(d, h.smsc.deliver(ctx, conn, m)); err != nil {
		return err
	}
	h.mu.Lock()
	if h.d == d && h.state == Dialling {
		h.state = Waiting
		h.changed()
	}
	h.mu.Unlock()
	return nil
}

// Press answers the question that is shown. It returns when the gateway has
// acknowledged the answer. A secret is not kept: the transcript shows dots.
func (h *Handset) Press(ctx context.Context, text string) error {
	size := ussdSize(text)
	if size.Units > size.Limit {
		return ErrTooLong
	}
	h.mu.Lock()
	d := h.d
	if d == nil || h.state != Asking {
		h.mu.Unlock()
		return ErrNotAsked
	}
	now := h.smsc.now()
	e := Entry{At: now, Direction: Out, Kind: KindAnswer, Text: text, Size: size}
	keys := utf8.RuneCountInString(text)
	if h.secret {
		e.Text, e.Secret, e.Size = dots, true, Size{}
		keys = secretKeys
	}
	h.effort.answers++
	h.effort.keys += keys + 1 // and the send key
	h.note(e)
	h.state, h.screen, h.screenID, h.secret = Waiting, "", "", false
	h.expectGateway(d, now)
	m := h.message(d, opUSSRConf, text, false)
	conn := d.conn
	h.changed()
	h.mu.Unlock()

	return h.failed(d, h.smsc.deliver(ctx, conn, m))
}

// Again asks the gateway for the present screen once more, by an answer without
// text: for a gateway that knows that its next answer is to show the screen anew,
// and is not to be taken. The question stays on the screen meanwhile.
func (h *Handset) Again(ctx context.Context) error {
	h.mu.Lock()
	d := h.d
	if d == nil || h.state != Asking {
		h.mu.Unlock()
		return ErrNotAsked
	}
	m := h.message(d, opUSSRConf, "", false)
	h.mu.Unlock()
	return refusal(h.smsc.deliver(ctx, d.conn, m))
}

// HangUp ends the dialogue, telling the gateway with the end bit, or clears the
// last screen of one that has ended. The screen is clear at once, whatever the
// gateway says; the error tells what it said.
func (h *Handset) HangUp(ctx context.Context) error {
	h.mu.Lock()
	d := h.d
	if d == nil {
		if h.state != Idle {
			h.state, h.screen, h.screenID, h.secret = Idle, "", "", false
			h.changed()
		}
		h.mu.Unlock()
		return nil
	}
	h.note(Entry{At: h.smsc.now(), Direction: Out, Kind: KindHangUp})
	m := h.message(d, opUSSRConf, "", true)
	h.close(Idle, "")
	h.changed()
	h.mu.Unlock()
	return h.tell(ctx, d, m)
}

// tell delivers the end of a dialogue.
func (h *Handset) tell(ctx context.Context, d *dialogue, m *pdu.DeliverSM) error {
	return refusal(h.smsc.deliver(ctx, d.conn, m))
}

// refusal is err as callers learn it.
func refusal(err error) error {
	if err == nil || errors.Is(err, ErrNoService) {
		return err
	}
	return &RefusedError{err}
}

// MarkRead marks the message with this id as read, or all with id 0.
func (h *Handset) MarkRead(id int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := make([]SMS, len(h.inbox)) // snapshots share the old one
	copy(fresh, h.inbox)
	hit := false
	for i := range fresh {
		if (id == 0 || fresh[i].ID == id) && !fresh[i].Read {
			fresh[i].Read, hit = true, true
		}
	}
	if hit {
		h.inbox = fresh
		h.changed()
	}
}

// Snapshot returns what there is to see now.
func (h *Handset) Snapshot() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.snapshot()
}

// Subscribe returns a channel that has the present snapshot at once and then
// the latest after each change: a slow reader misses the ones between, never
// the last, and holds nobody up. The function ends the subscription; the
// channel is not closed.
func (h *Handset) Subscribe() (<-chan Snapshot, func()) {
	ch := make(chan Snapshot, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	ch <- h.snapshot()
	h.subs[ch] = struct{}{}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, ch)
	}
}

// Await returns the first snapshot that satisfies ok, the present one included.
// It ends with ctx, returning the latest and ctx's error.
func (h *Handset) Await(ctx context.Context, ok func(Snapshot) bool) (Snapshot, error) {
	ch, stop := h.Subscribe()
	defer stop()
	var last Snapshot
	for {
		select {
		case last = <-ch:
			if ok(last) {
				return last, nil
			}
		case <-ctx.Done():
			return last, fmt.Errorf("simulator: waiting for %s: %w", mask(h.msisdn), ctx.Err())
		}
	}
}

// After returns the first snapshot with a revision above rev.
func (h *Handset) After(ctx context.Context, rev uint64) (Snapshot, error) {
	return h.Await(ctx, func(s Snapshot) bool { return s.Revision > rev })
}

// What follows is called with h.mu held, unless it says otherwise.

func (h *Handset) snapshot() Snapshot {
	s := Snapshot{
		MSISDN: h.msisdn, Revision: h.rev, Service: h.smsc.Bound(), State: h.state, Code: h.code,
		Screen: h.screen, Waiting: h.state == Asking, Ended: !h.state.open(),
		Secret: h.secret && h.state == Asking, ScreenID: h.screenID,
		Transcript: h.lines[:len(h.lines):len(h.lines)],
		Inbox:      h.inbox[:len(h.inbox):len(h.inbox)],
		Began:      h.effort.began, Over: h.effort.over, Answers: h.effort.answers, Keys: h.effort.keys,
	}
	if h.d != nil {
		s.Deadline, s.Allowed, s.SessionEnds = h.d.deadline, h.d.allowed, h.d.ends
	}
	for i := range h.inbox {
		if !h.inbox[i].Read {
			s.Unread++
		}
	}
	return s
}

// changed counts a change and hands the latest snapshot to every subscriber.
func (h *Handset) changed() {
	h.rev++
	if len(h.subs) == 0 {
		return
	}
	s := h.snapshot()
	for ch := range h.subs {
		select { // only this method sends, and it holds the lock: the second send never blocks
		case <-ch:
		default:
		}
		ch <- s
	}
}

// refresh is changed, for others than the handset itself. It takes h.mu.
func (h *Handset) refresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed()
}

func (h *Handset) note(e Entry) {
	h.lineN++
	e.N = h.lineN
	if len(h.lines) >= maxTranscript {
		// Snapshots share the array: move to a new one, with room for a while.
		keep := h.lines[len(h.lines)-maxTranscript/2:]
		h.lines = append(make([]Entry, 0, maxTranscript), keep...)
	}
	h.lines = append(h.lines, e)
}

func (h *Handset) expectGateway(d *dialogue, now time.Time) {
	d.allowed = h.smsc.cfg.AnswerTimeout
	if left := d.ends.Sub(now); left < d.allowed {
		d.allowed = left
	}
	d.deadline = now.Add(d.allowed)
}

func (h *Handset) expectCustomer(d *dialogue, now time.Time) {
	d.allowed = d.ends.Sub(now)
	d.deadline = d.ends
}

// close ends the dialogue on the handset's side.
func (h *Handset) close(s State, screen string) {
	h.d, h.state, h.screen, h.screenID, h.secret = nil, s, screen, "", false
	h.effort.over = h.smsc.now()
}

// failed shows a connection problem if d is still running and err says that the
// gateway did not take its message. It returns err as callers learn it, and takes
// h.mu.
func (h *Handset) failed(d *dialogue, err error) error {
	if err == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.d == d {
		why := strings.TrimPrefix(err.Error(), "simulator: ")
		h.note(Entry{At: h.smsc.now(), Direction: In, Kind: KindError, Text: connectionProblem, Detail: why})
		h.close(Failed, connectionProblem)
		h.changed()
	}
	return refusal(err)
}

// expire ends the dialogue if the network's time is over at now. It returns
// what the network tells the gateway then, nil if nothing, and whether the
// handset still has a dialogue. It takes h.mu.
func (h *Handset) expire(now time.Time) (abort func(context.Context), open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.d
	if d == nil {
		return nil, false
	}
	if now.Before(d.deadline) {
		return nil, true
	}
	detail := "the customer did not answer in time"
	if h.state != Asking {
		detail = "the gateway did not answer in time"
	}
	if !now.Before(d.ends) {
		detail = "the network's time for a dialogue was over"
	}
	h.note(Entry{At: now, Direction: In, Kind: KindTimeout, Text: connectionProblem, Detail: detail})
	m := h.message(d, opUSSRConf, "", true)
	h.close(Failed, connectionProblem)
	h.changed()
	return func(ctx context.Context) { _ = h.tell(ctx, d, m) }, false
}

// validCode says whether text is something that a phone sends as USSD.
func validCode(code string) bool {
	if len(code) < 2 || len(code) > maxCode || !strings.HasSuffix(code, "#") {
		return false
	}
	if code[0] != '*' && code[0] != '#' {
		return false
	}
	return strings.Trim(code, "0123456789*#+") == ""
}

// ValidMSISDN says whether s can be a handset's number.
func ValidMSISDN(s string) bool {
	_, ok := numberKey(s)
	return ok
}

// mask shortens a number for logs and errors.
func mask(msisdn string) string {
	if len(msisdn) <= 4 {
		return "…"
	}
	return "…" + msisdn[len(msisdn)-4:]
}
