package sms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"nyota/sessions"
	"nyota/smpp"
	"nyota/smpp/pdu"
)

// Delivery is what a final receipt says of a notice, or of one part of a long one.
type Delivery struct {
	At      time.Time
	Network string
	Link    string
	Notice  string // its id: action/role/outcome
	To      string // MSISDN of the recipient
	State   string // DELIVRD, UNDELIV, EXPIRED...
	Code    string // the SMSC's, as it came
}

// Bounds of what is kept for receipts.
const (
	// maxUndelivered is how many failed deliveries Undelivered remembers.
	maxUndelivered = 500
	// receiptWithin is how long the store keeps what a message was, for a receipt
	// after a restart or on another process's link. With a final one it is removed.
	receiptWithin = 24 * time.Hour
	receiptShards = 4
	receiptEach   = 4096 // that wait behind one of the goroutines
)

// receipts are counts and recent failures, and the work on the store.
type receipts struct {
	mu   sync.Mutex
	by   map[string]uint64
	lost []Delivery // the newest last

	seed   maphash.Seed
	shards [receiptShards]chan func(context.Context)
}

func newReceipts() *receipts {
	r := &receipts{by: map[string]uint64{}, seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i] = make(chan func(context.Context), receiptEach)
	}
	return r
}

// run works on the store until ctx ends.
func (r *receipts) run(ctx context.Context, wg *sync.WaitGroup) {
	for _, jobs := range r.shards {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case job := <-jobs:
					jctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
					job(jctx)
					cancel()
				}
			}
		})
	}
}

// later runs a job off the reader's goroutine, in the order of a message's jobs. If
// too many wait it is left out: a receipt is worth no memory without bound.
func (s *Sender) later(message string, job func(context.Context)) {
	select {
	case s.receipts.shards[maphash.String(s.receipts.seed, message)%receiptShards] <- job:
	default:
		s.Log.Warn("the store is behind with receipts: one is not kept")
	}
}

// refOf names a notice to the pool: its recipient and its id.
func refOf(n sessions.Notice) string { return n.To + " " + n.ID }

// receiptKey is where the store has what a message was. The recipient is in it, so
// that it lies with the rest of that customer's.
func receiptKey(network, msisdn, message string) sessions.Key {
	sum := sha256.Sum256([]byte(message))
	return sessions.Key{Network: network + "/receipts", MSISDN: msisdn, ID: hex.EncodeToString(sum[:16])}
}

// Accepted is told of a message that waits for its receipt, and has the store keep
// what it was. It does not block.
func (s *Sender) Accepted(network, ref, message string) {
	to, _, _ := strings.Cut(ref, " ")
	s.later(message, func(ctx context.Context) {
		now := s.Now()
		_, err := s.Store.Commit(ctx, sessions.Session{Key: receiptKey(network, to, message), Menu: "receipt", Revision: "-",
			State: []byte(ref), Node: s.Worker, Started: now, LastAt: now, Expires: now.Add(receiptWithin)})
		if err != nil && !errors.Is(err, sessions.ErrConflict) {
			s.Log.Info("a message will not be known after a restart", "err", err)
		}
	})
}

// Unknown takes a receipt of a message that this process did not submit, or not
// since its start, and looks in the store for what it was. It does not block.
func (s *Sender) Unknown(network string, r smpp.Receipt) {
	if s.Number == nil {
		return
	}
	to, err := s.Number([]byte(r.From))
	if err != nil {
		return
	}
	s.later(r.Message, func(ctx context.Context) {
		found, err := s.Store.Load(ctx, receiptKey(network, to, r.Message))
		if err != nil {
			return // nobody's, or its response is still to come
		}
		r.Ref = string(found.State)
		if r.Final() {
			found.Ended = true
			if _, err := s.Store.Commit(ctx, found); errors.Is(err, sessions.ErrConflict) {
				return // another process has it
			}
		}
		s.receipt(network, r)
	})
}

// Receipt takes the delivery receipt of a notice, or of a part of a long one. It
// changes nothing of the notice, which is done once the SMSC took it: a phone
// that was off for days is no reason for a second SMS. It is counted and recorded,
// and logged if the message did not arrive. It does not block.
func (s *Sender) Receipt(network string, r smpp.Receipt) {
	s.receipt(network, r)
	if !r.Final() {
		return
	}
	to, _, _ := strings.Cut(r.Ref, " ")
	s.later(r.Message, func(ctx context.Context) {
		if kept, err := s.Store.Load(ctx, receiptKey(network, to, r.Message)); err == nil {
			kept.Ended = true
			_, _ = s.Store.Commit(ctx, kept) // or it expires
		}
	})
}

func (s *Sender) receipt(network string, r smpp.Receipt) {
	to, notice, _ := strings.Cut(r.Ref, " ")
	d := Delivery{At: s.Now(), Network: network, Link: r.Link, Notice: notice, To: to, State: pdu.StateName(r.State), Code: r.Err}
	s.receipts.mu.Lock()
	s.receipts.by[d.State]++
	if r.Final() && r.State != pdu.StateDelivered {
		if len(s.receipts.lost) == maxUndelivered {
			s.receipts.lost = slices.Delete(s.receipts.lost, 0, 1)
		}
		s.receipts.lost = append(s.receipts.lost, d)
	}
	s.receipts.mu.Unlock()
	if r.Final() && s.Delivered != nil {
		s.Delivered(d)
	}
	attrs := []any{"notice", notice, "link", r.Link, "state", d.State, "code", r.Err}
	if r.HasNetwork {
		attrs = append(attrs, slog.Group("network", "type", r.NetworkType, "error", r.NetworkCode))
	}
	switch {
	case !r.Final():
		s.Log.Debug("a notice is on its way", attrs...)
	case r.State == pdu.StateDelivered:
		s.Log.Debug("a notice reached its phone", attrs...)
	default:
		s.Log.Warn("a notice did not reach its phone", attrs...)
	}
}

// Receipts returns how many receipts came, by message state (DELIVRD, UNDELIV...).
func (s *Sender) Receipts() map[string]uint64 {
	s.receipts.mu.Lock()
	defer s.receipts.mu.Unlock()
	return maps.Clone(s.receipts.by)
}

// Undelivered returns the latest failed deliveries since the start, the newest
// first, at most 500.
func (s *Sender) Undelivered() []Delivery {
	s.receipts.mu.Lock()
	defer s.receipts.mu.Unlock()
	all := slices.Clone(s.receipts.lost)
	slices.Reverse(all)
	return all
}
