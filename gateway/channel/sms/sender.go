// Package sms carries notices to phones as SMS over SMPP, and takes what phones
// and SMSCs send back.
//
//	sender.go    notices out: claimed, submitted, recorded
//	message.go   a notice as submit_sm, in parts if it is long
//	receipt.go   what became of a notice behind the SMSC
//	incoming.go  messages of phones: keywords and answers
//	part.go      their parts, put together
package sms

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"nyota/sessions"
	"nyota/smpp"
	"nyota/smpp/pdu"
)

// Submitter submits and waits for the response. *smpp.Pool is one.
type Submitter interface {
	Do(ctx context.Context, r smpp.Route, b pdu.Body) (pdu.PDU, error)
}

// Link is a way to the phones: the binds of one network.
type Link struct {
	Submit   Submitter
	Source   string // address that its SMS come from
	Format   Format // how the network reads SMS
	Receipts bool   // ask for delivery receipts: see Sender.Receipt
}

// Config is what a Sender needs. Store, Links and Response are required.
type Config struct {
	Store    sessions.Store
	Links    []Link // tried in order until one takes a notice
	Worker   string // this process, as the lease of a claim names it
	Lease    time.Duration
	Response time.Duration // longest wait for a submit_sm_resp; well below Lease
	Workers  int           // submits at once; 32
	// Number brings a receipt's source address to E.164; nil: receipts of messages
	// of an earlier process are not looked for.
	Number    func(addr []byte) (string, error)
	Delivered func(Delivery) // takes final receipts; must not block; may be nil
	Now       func() time.Time
	Log       *slog.Logger
}

// Sender submits notices: those handed to it by the process that made them, and
// those that are due in the store because nobody finished them.
type Sender struct {
	Config
	fresh    chan sessions.Notice
	receipts *receipts
}

const (
	pollEvery   = 500 * time.Millisecond
	storeWithin = 3 * time.Second
	maxBackoff  = 5 * time.Minute
	// A number that stays refused is given up after so many tries, over hours.
	maxTries = 50
)

// New returns a Sender with cfg's defaults filled in.
func New(cfg Config) *Sender {
	if cfg.Workers == 0 {
		cfg.Workers = 32
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Links = slices.Clone(cfg.Links)
	for i := range cfg.Links {
		cfg.Links[i].Format = cfg.Links[i].Format.withDefaults()
	}
	return &Sender{Config: cfg, fresh: make(chan sessions.Notice, 1024), receipts: newReceipts()}
}

// Hand takes a notice that was just stored and is leased to this process. If
// there is no room it is dropped here: the store delivers it when its lease ends.
func (s *Sender) Hand(n sessions.Notice) {
	select {
	case s.fresh <- n:
	default:
	}
}

// Run submits until ctx ends, and returns when its submits are finished and what
// was leased to it and not submitted is given back.
func (s *Sender) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer func() {
		wg.Wait()
		s.giveBack(ctx)
	}()
	s.receipts.run(ctx, &wg)
	for range s.Workers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case n := <-s.fresh:
					s.send(ctx, n)
				}
			}
		})
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.claim(ctx, s.Now())
		}
	}
}

// Recover takes over the notices of an earlier process without waiting for its
// leases to end. Only for a store that no other process uses.
func (s *Sender) Recover(ctx context.Context) { s.claim(ctx, s.Now().Add(s.Lease)) }

// giveBack ends the leases of notices that nobody has submitted, so that another
// process, or this one's next start, need not wait for their end.
func (s *Sender) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	for {
		select {
		case n := <-s.fresh:
			if n.State != sessions.NoticePending {
				continue
			}
			n.Due = s.Now()
			if err := s.Store.Put(ctx, &n); err != nil && !errors.Is(err, sessions.ErrConflict) {
				s.Log.Warn("a notice waits for the end of its lease", "notice", n.ID, "err", err)
			}
		default:
			return
		}
	}
}

// claim hands due notices to the workers, as many as there is room for.
func (s *Sender) claim(ctx context.Context, now time.Time) {
	room := cap(s.fresh) - len(s.fresh)
	if room == 0 {
		return
	}
	cctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	records, err := s.Store.Claim(cctx, sessions.QueueNotices, s.Worker, now, s.Lease, min(room, 4*s.Workers))
	if err != nil {
		if ctx.Err() == nil {
			s.Log.Warn("due notices cannot be read", "err", err)
		}
		return
	}
	for _, r := range records {
		if n, ok := r.(*sessions.Notice); ok {
			s.Hand(*n)
		}
	}
}

// send submits one notice and records what became of it.
func (s *Sender) send(ctx context.Context, n sessions.Notice) {
	if n.State != sessions.NoticePending {
		return
	}
	// Too near the end of the lease another process could claim it while our
	// submit is under way, and the customer would read it twice.
	if s.Now().Add(2 * s.Response).After(n.Due) {
		return
	}
	id, err := s.submit(ctx, n)
	var refused *smpp.StatusError
	switch {
	case err == nil:
		n.State, n.Message, n.Detail, n.Due = sessions.NoticeSubmitted, id, "", time.Time{}
	case errors.Is(err, smpp.ErrNotSent):
		n.Detail, n.Due = err.Error(), s.Now().Add(time.Second)
	case errors.As(err, &refused) && permanent(refused.Status):
		n.Tries++
		n.State, n.Detail, n.Due = sessions.NoticeFailed, err.Error(), time.Time{}
	default:
		n.Tries++
		n.Detail, n.Due = err.Error(), s.Now().Add(backoff(n.Tries))
		if n.Tries >= maxTries {
			n.State, n.Due = sessions.NoticeFailed, time.Time{}
		}
	}
	if n.State == sessions.NoticeFailed {
		s.Log.Error("a notice cannot be delivered", "notice", n.ID, "tries", n.Tries, "err", err)
	}
	pctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	if err := s.Store.Put(pctx, &n); err != nil {
		// Its lease ends and it is submitted again: what became of this submit is
		// then unknown to whoever does.
		s.Log.Warn("a notice's state could not be stored", "notice", n.ID, "err", err)
	}
}

// submit sends all parts of a notice over the first link that takes them.
func (s *Sender) submit(ctx context.Context, n sessions.Notice) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Response)
	defer cancel()
	err := error(smpp.ErrNotSent)
	for _, link := range s.Links {
		var parts []pdu.SubmitSM
		if parts, err = notice(link.Format, link.Source, n); err != nil {
			return "", err
		}
		// Half of the time is left for the response: what is sent and not waited
		// for is a second SMS later.
		route := smpp.Route{Lane: smpp.LaneConfirmation, Wait: s.Response / 2}
		if link.Receipts {
			route.Ref = refOf(n)
		}
		var id string
		for i := range parts {
			var resp pdu.PDU
			if link.Receipts {
				parts[i].RegisteredDelivery = pdu.ReceiptAlways
			}
			resp, err = link.Submit.Do(ctx, route, &parts[i])
			if err != nil {
				if i > 0 && errors.Is(err, smpp.ErrNotSent) {
					err = errPartly
				}
				break
			}
			if r, ok := resp.Body.(*pdu.SubmitSMResp); ok && i == 0 {
				id = string(r.MessageID)
			}
		}
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, smpp.ErrNotSent) {
			return "", err
		}
	}
	return "", err
}

// errPartly is a long notice of which some parts left and some did not.
var errPartly = errors.New("sms: only some parts were submitted")

// permanent says whether trying again cannot help.
func permanent(s pdu.Status) bool {
	switch s {
	case pdu.StatusInvDstAdr, pdu.StatusInvDstTON, pdu.StatusInvDstNPI, pdu.StatusInvMsgLen:
		return true
	}
	return false
}

// backoff is the pause before the next try: 1 s doubling to five minutes.
func backoff(tries uint32) time.Duration {
	if tries > 9 {
		return maxBackoff
	}
	return min(time.Second<<(tries-1), maxBackoff)
}
