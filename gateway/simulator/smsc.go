// Package simulator plays a mobile operator: an SMSC and USSD gateway that
// speaks SMPP, with handsets that keep a screen, a transcript and an inbox.
//
//	smsc.go      the operator: configuration, binds, handsets, faults
//	serve.go     its SMPP side: what the gateway submits
//	handset.go   a customer's phone
//	ussd.go      USSD over SMPP, as operators that keep to the standard do it
//	sms.go       short messages into inboxes, delivery receipts
//	backlog.go   short messages to handsets that nobody has opened yet
//	control.go   the HTTP API that tests and commands drive it with
//
// It takes the network's side of the dialect called standard: the start of a
// dialogue is a deliver_sm with ussd_service_op 1, a question a submit_sm with
// 2, its answer a deliver_sm with 18, the last screen a submit_sm with 17 and
// the end bit; its_session_info has a number of the handset's that is recycled
// after 255. When the customer hangs up, or the network's time is over, the
// gateway gets a deliver_sm with the end bit and no text.
//
// The other half of an operator, the core switch, is package coresim.
package simulator

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// SMSCConfig says how the operator behaves. The zero value is a good operator.
type SMSCConfig struct {
	SystemID string // what it calls itself in bind responses; "SIMULATOR" if empty
	Password string // what a gateway must bind with; empty accepts every password

	NetworkTimeout time.Duration // of a whole dialogue; 180 s if 0
	AnswerTimeout  time.Duration // for the gateway's next screen; 30 s if 0
	// Redeliver is how long an answer waits for another bind when its own is gone
	// or goes before it has acknowledged: it is then delivered again as it was. If
	// 0, the dialogue fails at once. A start never waits.
	Redeliver time.Duration

	Handsets      []string // numbers that exist from the start
	RejectUnknown bool     // others than Handsets do not exist: ESME_RINVDSTADR
	MaxHandsets   int      // 10,000 if 0
	MaxConns      int      // SMPP connections at once; 64 if 0

	Faults Faults

	Log *slog.Logger     // discards if nil
	Now func() time.Time // time.Now if nil
}

// Faults are what a worse operator does. The zero value is none.
type Faults struct {
	DuplicateStart bool `json:"duplicate_start"` // each start is delivered twice
	// LoseResponse lets every Nth submit_sm take effect and get no response. A
	// connection with 8192 of them reads no further.
	LoseResponse int `json:"lose_response"`
	Throttle     int `json:"throttle"` // every Nth submit_sm is refused with ESME_RTHROTTLED
}

// SMSC is the operator. NewSMSC makes one; Serve runs it.
type SMSC struct {
	cfg  SMSCConfig
	log  *slog.Logger
	now  func() time.Time
	srv  *smpp.Server
	jobs chan func(context.Context)

	messages  atomic.Uint64 // ids that were handed to binds
	submits   atomic.Uint64 // counted for the faults while there are any
	receivers atomic.Int32  // binds that take what handsets send
	faults    atomic.Pointer[Faults]
	answers   sync.Map                  // *smpp.Conn to *answers
	ticked    atomic.Pointer[time.Time] // the last look at the clock

	mu       sync.Mutex
	handsets map[string]*Handset
	backlog  *backlog              // for numbers that are not in handsets
	running  map[*Handset]struct{} // those that may have a dialogue
	binds    []peer                // of those that receive
	turn     int
	comers   chan struct{} // closed when the next gateway binds

	parts   *text.Reassembler
	written uint16 // reference of the last SMS that a handset wrote
}

// peer is a bound gateway: what the operator needs of an *smpp.Conn.
type peer interface {
	Do(ctx context.Context, b pdu.Body) (pdu.PDU, error)
	Err() error // why it ended, nil while it lives
}

// NewSMSC returns an operator that does not serve yet. Handsets that are no
// valid numbers are left out, which the log says.
func NewSMSC(cfg SMSCConfig) *SMSC {
	if cfg.SystemID == "" {
		cfg.SystemID = "SIMULATOR"
	}
	if cfg.NetworkTimeout <= 0 {
		cfg.NetworkTimeout = 180 * time.Second
	}
	if cfg.AnswerTimeout <= 0 {
		cfg.AnswerTimeout = 30 * time.Second
	}
	if cfg.MaxHandsets <= 0 {
		cfg.MaxHandsets = 10_000
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = 64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &SMSC{
		cfg: cfg, log: cfg.Log, now: cfg.Now,
		jobs:     make(chan func(context.Context), 1024),
		handsets: make(map[string]*Handset),
		backlog:  newBacklog(backlogBlocks, backlogBlock),
		running:  make(map[*Handset]struct{}),
		parts:    newAssembler(),
		comers:   make(chan struct{}),
	}
	s.faults.Store(&cfg.Faults)
	// Ids start elsewhere after each restart, as an operator's do, and further on
	// than those before it came at any rate.
	s.messages.Store(uint64(cfg.Now().Unix()) << 24)
	for _, n := range cfg.Handsets {
		if !ValidMSISDN(n) || len(s.handsets) >= cfg.MaxHandsets {
			s.log.Warn("a simulated handset was left out", "number", mask(n))
			continue
		}
		s.handsets[n] = s.newHandset(n)
	}
	s.srv = s.server()
	return s
}

func (s *SMSC) newHandset(msisdn string) *Handset {
	return &Handset{
		smsc: s, msisdn: msisdn, state: Idle, rev: 1, last: -1,
		// A restart of the operator does not begin with the same number again.
		next: uint8(s.now().Unix()),
		subs: make(map[chan Snapshot]struct{}),
	}
}

// Handset returns the handset with this number (E.164 digits, no +), made on
// first use. The newest of the short messages that came for it before are in its
// inbox then: those of the last 64 MiB for all such numbers, at most 1,000 of its
// own. ErrMSISDN and ErrFull say why there is none.
func (s *SMSC) Handset(msisdn string) (*Handset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.handsets[msisdn]; h != nil {
		return h, nil
	}
	key, ok := numberKey(msisdn)
	if !ok {
		return nil, ErrMSISDN
	}
	if len(s.handsets) >= s.cfg.MaxHandsets {
		return nil, ErrFull
	}
	h := s.newHandset(msisdn)
	s.handsets[msisdn] = h
	// With the lock held: what comes now waits until what came before is there.
	for m := range s.backlog.of(key) {
		s.arrive(h, &m)
	}
	return h, nil
}

// Handsets returns all that were opened, in the order of their numbers.
func (s *SMSC) Handsets() []*Handset {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Handset, 0, len(s.handsets))
	for _, h := range s.handsets {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *Handset) int {
		if d := len(a.msisdn) - len(b.msisdn); d != 0 {
			return d
		}
		if a.msisdn < b.msisdn {
			return -1
		}
		return 1
	})
	return all
}

// recipient finds the handset that a submitted screen is for, and opens it.
func (s *SMSC) recipient(msisdn []byte) (*Handset, pdu.Status) {
	s.mu.Lock()
	h, _, status := s.recipientLocked(msisdn)
	s.mu.Unlock()
	if h != nil || status != 0 {
		return h, status
	}
	h, err := s.Handset(string(msisdn))
	if err != nil { // others took the room meanwhile
		return nil, statusQueueFull
	}
	return h, 0
}

// recipientLocked finds the handset that a submitted message is for. It is nil,
// and key its number's, if nobody has opened it.
func (s *SMSC) recipientLocked(msisdn []byte) (h *Handset, key uint64, status pdu.Status) {
	h = s.handsets[string(msisdn)]
	if s.cfg.RejectUnknown && (h == nil || !slices.Contains(s.cfg.Handsets, h.msisdn)) {
		return nil, 0, statusInvalidDestination
	}
	if h != nil {
		return h, 0, 0
	}
	key, ok := numberKey(msisdn)
	switch {
	case !ok:
		return nil, 0, statusInvalidDestination
	case len(s.handsets) >= s.cfg.MaxHandsets:
		return nil, 0, statusQueueFull
	}
	return nil, key, 0
}

// Timeouts returns what a dialogue has in all, and what the gateway has for
// each screen.
func (s *SMSC) Timeouts() (network, answer time.Duration) {
	return s.cfg.NetworkTimeout, s.cfg.AnswerTimeout
}

// Now returns the operator's time.
func (s *SMSC) Now() time.Time { return s.now() }

// Faults returns the faults that are switched on.
func (s *SMSC) Faults() Faults { return *s.faults.Load() }

// SetFaults switches faults on and off.
func (s *SMSC) SetFaults(f Faults) error {
	if f.LoseResponse < 0 || f.Throttle < 0 {
		return fmt.Errorf("simulator: a fault's N cannot be below 0")
	}
	s.faults.Store(&f)
	return nil
}

// Bound says whether a gateway is bound that takes what handsets send.
func (s *SMSC) Bound() bool { return s.receivers.Load() > 0 }

// bound takes a gateway's bind into the round.
func (s *SMSC) bound(p peer) {
	s.mu.Lock()
	s.binds = append(s.binds, p)
	s.receivers.Store(int32(len(s.binds)))
	close(s.comers)
	s.comers = make(chan struct{})
	s.mu.Unlock()
	s.log.Info("a gateway has bound", "receivers", s.receivers.Load())
	s.refreshAll()
}

// gone takes it out.
func (s *SMSC) gone(p peer) {
	s.mu.Lock()
	i := slices.Index(s.binds, p)
	if i >= 0 {
		s.binds = slices.Delete(s.binds, i, i+1)
	}
	s.receivers.Store(int32(len(s.binds)))
	s.mu.Unlock()
	if i >= 0 {
		s.log.Info("a gateway has gone", "receivers", s.receivers.Load())
		s.refreshAll()
	}
}

// refreshAll lets every handset show whether there is service.
func (s *SMSC) refreshAll() {
	for _, h := range s.Handsets() {
		h.refresh()
	}
}

// pick returns the next bind in turn, nil if there is none.
func (s *SMSC) pick() peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.binds) == 0 {
		return nil
	}
	s.turn++
	return s.binds[s.turn%len(s.binds)]
}

// same returns p while it is bound, and the next in turn when it is gone: a
// dialogue stays on its bind, as with an operator.
func (s *SMSC) same(p peer) peer {
	if s.isBound(p) {
		return p
	}
	return s.pick()
}

func (s *SMSC) isBound(p peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p != nil && slices.Contains(s.binds, p)
}

// comes waits for a gateway to bind, as long as ctx.
func (s *SMSC) comes(ctx context.Context) peer {
	for ctx.Err() == nil {
		s.mu.Lock()
		comers := s.comers
		s.mu.Unlock()
		if p := s.pick(); p != nil {
			return p
		}
		select {
		case <-comers:
		case <-ctx.Done():
		}
	}
	return nil
}

// opened remembers that h may have a dialogue, for the clock.
func (s *SMSC) opened(h *Handset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[h] = struct{}{}
}

// tick ends the dialogues whose time is over at now.
func (s *SMSC) tick(now time.Time) {
	s.mu.Lock()
	check := make([]*Handset, 0, len(s.running))
	for h := range s.running {
		check = append(check, h)
	}
	s.mu.Unlock()
	for _, h := range check {
		abort, open := h.expire(now)
		if abort != nil {
			s.queue(abort)
		}
		if !open {
			s.settled(h)
		}
	}
}

// settled forgets h unless it has begun another dialogue meanwhile.
func (s *SMSC) settled(h *Handset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.d == nil {
		delete(s.running, h)
	}
}

// queue lets the courier do a job: a delivery that nobody waits for. When too
// many wait, it is dropped, as an operator in trouble does.
func (s *SMSC) queue(job func(context.Context)) {
	select {
	case s.jobs <- job:
	default:
		s.log.Warn("a delivery was dropped: too many are waiting")
	}
}
