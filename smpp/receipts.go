package smpp

import (
	"sync"
	"time"

	"nyota/smpp/pdu"
)

// Receipt is a delivery receipt that belongs to a message of the Pool.
type Receipt struct {
	Ref     string // Route.Ref of the message
	Link    string // on which it came
	Message string // the message's id, in the form that compares
	From    string // the receipt's source address: whom the message was for
	pdu.Receipt
}

// ReceiptConfig says how a Pool matches receipts with messages.
type ReceiptConfig struct {
	// Take gets the receipts of messages with a Route.Ref: intermediate ones too,
	// and at most one that is final. It runs on a reader's goroutine, on several
	// at once if several binds have receipts, and must not block. Without it
	// nothing is kept.
	Take func(Receipt)
	// Accepted, if not nil, is told of each message with a Route.Ref that was
	// accepted and has no final receipt yet: what to write down to know it after
	// a restart, or on another process's binds. Unknown gets the receipts that
	// belong to no message known here, without a Ref. If the response is only
	// late, Take gets such a receipt again. Both run where Take does.
	Accepted func(ref, message string)
	Unknown  func(Receipt)
	// Messages is how many messages may wait for their receipts, 100,000 by
	// default; the oldest is forgotten for a new one. After Within, 72 h by
	// default, a message waits no longer.
	Messages int
	Within   time.Duration
	// Early is how many receipts are kept that came before the response that
	// names their message, 10,000 by default; the oldest is dropped for a new
	// one. After EarlyWithin, 1 min by default, the response is not to be
	// expected any more.
	Early       int
	EarlyWithin time.Duration
}

// ReceiptStats are the counts of a Pool's receipts.
type ReceiptStats struct {
	Matched   uint64 // receipts given to Take
	Early     uint64 // of those: came before the response
	Unmatched uint64 // belonged to no message that is known
	Forgotten uint64 // messages whose final receipt did not come in time, or not before too many others

	Awaited int // messages that wait now
	Kept    int // receipts that wait for a response now
}

// receipts matches message ids.
type receipts struct {
	cfg ReceiptConfig
	now func() time.Time

	mu      sync.Mutex
	stats   ReceiptStats
	awaited expiring[string]
	early   expiring[[]Receipt]
}

// receiptID names a message: ids are unique within a message centre.
type receiptID struct{ centre, id string }

// maxEarlyEach bounds the receipts kept for one message.
const maxEarlyEach = 4

func newReceipts(cfg ReceiptConfig, now func() time.Time) *receipts {
	if cfg.Messages <= 0 {
		cfg.Messages = 100_000
	}
	if cfg.Within <= 0 {
		cfg.Within = 72 * time.Hour
	}
	if cfg.Early <= 0 {
		cfg.Early = 10_000
	}
	if cfg.EarlyWithin <= 0 {
		cfg.EarlyWithin = time.Minute
	}
	return &receipts{cfg: cfg, now: now,
		awaited: newExpiring[string](cfg.Messages, cfg.Within),
		early:   newExpiring[[]Receipt](cfg.Early, cfg.EarlyWithin)}
}

// submitted is told of a message that was accepted under that id.
func (r *receipts) submitted(k receiptID, ref string) {
	if r.cfg.Take == nil || k.id == "" {
		return
	}
	r.mu.Lock()
	now := r.now()
	r.sweep(now)
	came, _ := r.early.take(k)
	final := false
	for i := range came {
		came[i].Ref = ref
		if final = came[i].Final(); final {
			came = came[:i+1]
			break
		}
	}
	if !final {
		if _, full := r.awaited.put(now, k, ref); full {
			r.stats.Forgotten++
		}
	}
	r.stats.Matched += uint64(len(came))
	r.stats.Early += uint64(len(came))
	r.mu.Unlock()
	if !final && r.cfg.Accepted != nil {
		r.cfg.Accepted(ref, k.id)
	}
	for _, c := range came {
		r.cfg.Take(c)
	}
}

// arrived is told of a receipt.
func (r *receipts) arrived(k receiptID, c Receipt) {
	if r.cfg.Take == nil {
		return
	}
	r.mu.Lock()
	now := r.now()
	r.sweep(now)
	ref, known := r.awaited.get(k)
	if !known {
		kept, _ := r.early.get(k)
		if len(kept) < maxEarlyEach {
			if old, full := r.early.put(now, k, append(kept, c)); full {
				r.stats.Unmatched += uint64(len(old))
			}
		} else {
			r.stats.Unmatched++
		}
		r.mu.Unlock()
		if r.cfg.Unknown != nil {
			r.cfg.Unknown(c)
		}
		return
	}
	if c.Final() {
		r.awaited.take(k)
	}
	r.stats.Matched++
	r.mu.Unlock()
	c.Ref = ref
	r.cfg.Take(c)
}

// sweep drops what has waited too long.
func (r *receipts) sweep(now time.Time) {
	for range r.awaited.expire(now) {
		r.stats.Forgotten++
	}
	for old := range r.early.expire(now) {
		r.stats.Unmatched += uint64(len(old))
	}
}

func (r *receipts) count() ReceiptStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(r.now())
	s := r.stats
	s.Awaited, s.Kept = len(r.awaited.m), len(r.early.m)
	return s
}

// expiring is a bounded map that forgets its oldest values.
type expiring[V any] struct {
	m           map[receiptID]*aged[V]
	first, last *aged[V] // oldest first
	limit       int
	within      time.Duration
}

type aged[V any] struct {
	k          receiptID
	v          V
	until      time.Time
	prev, next *aged[V]
}

func newExpiring[V any](limit int, within time.Duration) expiring[V] {
	return expiring[V]{m: make(map[receiptID]*aged[V]), limit: limit, within: within}
}

func (e *expiring[V]) get(k receiptID) (v V, ok bool) {
	if a := e.m[k]; a != nil {
		return a.v, true
	}
	return v, false
}

// put keeps v. If that makes too many, the oldest other value is returned. What
// was kept under k is replaced and keeps its age.
func (e *expiring[V]) put(now time.Time, k receiptID, v V) (old V, full bool) {
	if a := e.m[k]; a != nil {
		a.v = v
		return old, false
	}
	if len(e.m) >= e.limit {
		old, full = e.take(e.first.k)
	}
	a := &aged[V]{k: k, v: v, until: now.Add(e.within), prev: e.last}
	if e.last == nil {
		e.first = a
	} else {
		e.last.next = a
	}
	e.last = a
	e.m[k] = a
	return old, full
}

// take removes what is kept under k.
func (e *expiring[V]) take(k receiptID) (v V, ok bool) {
	a := e.m[k]
	if a == nil {
		return v, false
	}
	delete(e.m, k)
	if a.prev == nil {
		e.first = a.next
	} else {
		a.prev.next = a.next
	}
	if a.next == nil {
		e.last = a.prev
	} else {
		a.next.prev = a.prev
	}
	return a.v, true
}

// expire removes and yields the values whose time is over.
func (e *expiring[V]) expire(now time.Time) func(func(V) bool) {
	return func(yield func(V) bool) {
		for e.first != nil && !now.Before(e.first.until) {
			if v, _ := e.take(e.first.k); !yield(v) {
				return
			}
		}
	}
}

// sourceOf returns who a receipt comes from.
func sourceOf(body pdu.Body) string {
	switch b := body.(type) {
	case *pdu.DeliverSM:
		return string(b.SourceAddr)
	case *pdu.DataSM:
		return string(b.SourceAddr)
	}
	return ""
}

// messageID returns the id that a response gives to a message, or "".
func messageID(body pdu.Body) string {
	switch b := body.(type) {
	case *pdu.SubmitSMResp:
		return string(b.MessageID)
	case *pdu.DataSMResp:
		return string(b.MessageID)
	case *pdu.SubmitMultiResp:
		return string(b.MessageID)
	}
	return ""
}

// receiptOf reads the receipt in a deliver_sm or data_sm whose esm_class says
// that it is one.
func receiptOf(body pdu.Body, loc *time.Location) (pdu.Receipt, bool) {
	switch b := body.(type) {
	case *pdu.DeliverSM:
		if pdu.IsReceipt(b.ESMClass) {
			return pdu.ParseReceipt(b, loc)
		}
	case *pdu.DataSM:
		if pdu.IsReceipt(b.ESMClass) {
			text, _ := b.TLVs.Get(pdu.TagMessagePayload)
			return pdu.NewReceipt(text, b.TLVs, loc)
		}
	}
	return pdu.Receipt{}, false
}
