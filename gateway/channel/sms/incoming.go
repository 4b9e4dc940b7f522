package sms

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/sessions"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// Dialogs is the part of *dialog.Dialog that an Inbox needs.
type Dialogs interface {
	Handle(ctx context.Context, m dialog.Message) *dialog.Turn
	Unshown(k sessions.Key)
}

// Keywords finds menus by the first word of an SMS. *dialog.Menus is one.
type Keywords interface {
	Keyword(msisdn, words string) (dialled string, ok bool)
}

// InboxConfig is what an Inbox needs. All but Now and Log are required.
type InboxConfig struct {
	Network  string // its dialogues by SMS are those of Network + "/sms"
	Dialogs  Dialogs
	Keywords Keywords
	Submit   Submitter
	Source   string // address of answers to an SMS that names none
	Format   Format // how the network reads SMS
	// Number brings a source address to E.164.
	Number func(addr []byte) (string, error)
	// Response is how long an answer's part may take to be submitted.
	Response time.Duration
	Now      func() time.Time
	Log      *slog.Logger
}

// Inbox takes what phones send by SMS. One whose first word is a menu's keyword
// enters that menu as a dial does; what follows the word is a shortcut of the
// menu, if it has such a one. The screen comes back as an SMS, from the number that
// was written to, and the next SMS answers it. A screen that asks for a secret is
// never sent: the customer is told what to dial. What is no keyword and answers no
// question is acknowledged and left alone, as are senders that are no customers:
// machines would answer each other for ever.
type Inbox struct {
	InboxConfig
	seed   maphash.Seed
	shards [inboxShards]chan func(context.Context)
	parts  *text.Reassembler
	closed atomic.Bool
	ref    atomic.Uint32

	taken, ignored atomic.Uint64
}

// dialogueID is the id of a customer's one dialogue by SMS in a network.
const dialogueID = "sms"

// Bounds of an Inbox: beyond them the SMSC is asked to deliver later.
const (
	inboxShards   = 32
	inboxEach     = 64 // that wait behind one of 32 goroutines
	answerParts   = 3
	minNumber     = 7 // digits of a sender: shorter ones are machines
	answerSeptets = 306
	answerUCS2    = 134
)

// NewInbox returns an Inbox with cfg's defaults filled in. Run works on what it
// takes.
func NewInbox(cfg InboxConfig) *Inbox {
	cfg.Format = cfg.Format.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	in := &Inbox{InboxConfig: cfg, seed: maphash.MakeSeed(), parts: text.NewReassembler(text.ReassemblerConfig{})}
	for i := range in.shards {
		in.shards[i] = make(chan func(context.Context), inboxEach)
	}
	return in
}

// InboxStats counts since the start.
type InboxStats struct {
	Taken   uint64 // messages that entered a menu or answered a question
	Ignored uint64 // those that did neither
	Parts   text.ReassemblerStats
}

// Stats returns the counts.
func (in *Inbox) Stats() InboxStats {
	return InboxStats{in.taken.Load(), in.ignored.Load(), in.parts.Stats()}
}

// Run works until ctx ends, and returns when what is under way is finished. What
// still waits then was not acknowledged, and is delivered again.
func (in *Inbox) Run(ctx context.Context) {
	work := context.WithoutCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, jobs := range in.shards {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case job := <-jobs:
					job(work)
				}
			}
		})
	}
	<-ctx.Done()
	in.closed.Store(true)
}

// Deliver takes a deliver_sm or data_sm that belongs to no USSD dialogue and is no
// receipt. A part is acknowledged at once, a whole message once its step is
// stored. It does not block.
func (in *Inbox) Deliver(conn *smpp.Conn, seq uint32, body pdu.Body) (pdu.Body, pdu.Status) {
	id := body.ID()
	resp, ok := responseTo(body)
	switch {
	case !ok:
		return nil, pdu.StatusInvCmdID
	case esmClass(body)&esmTypeMask != 0:
		in.Log.Debug("a receipt or acknowledgement came that nothing here reads", "network", in.Network)
		return resp, 0
	}
	p, err := partOf(body)
	if err != nil {
		in.Log.Warn("an SMS was refused", "network", in.Network, "err", err)
		return nil, pdu.StatusInvEsmClass
	}
	msisdn, err := in.Number(p.from)
	if err != nil || len(msisdn) < minNumber || in.Format.Coding.Encoding(p.dcs) == text.Binary {
		in.ignored.Add(1)
		return resp, 0
	}
	// The bound comes first: a part that is kept and refused would be missing when
	// it is delivered again, as one that is there already.
	jobs := in.shards[maphash.String(in.seed, msisdn)%inboxShards]
	if in.closed.Load() || len(jobs) == cap(jobs) {
		return nil, pdu.StatusThrottled
	}
	words, whole := join(in.parts, in.Now(), p, in.Format.Coding)
	if !whole {
		return resp, 0
	}
	s := answerTo(body, in.Source)
	select {
	case jobs <- func(ctx context.Context) {
		in.handle(ctx, msisdn, words, s, func() { in.acknowledge(conn, seq, id, resp) })
	}:
		return nil, 0
	default:
		return nil, pdu.StatusThrottled
	}
}

func (in *Inbox) acknowledge(conn *smpp.Conn, seq uint32, id pdu.CommandID, resp pdu.Body) {
	if err := conn.Reply(seq, id, resp, 0); err != nil {
		in.Log.Info("an SMS could not be acknowledged", "network", in.Network, "err", err)
	}
}

// handle takes a message through its turn, and answers it.
func (in *Inbox) handle(ctx context.Context, msisdn, words string, s pdu.SubmitSM, stored func()) {
	m := dialog.Message{
		Key:  sessions.Key{Network: in.Network + "/sms", MSISDN: msisdn, ID: dialogueID},
		Kind: dialog.Answer, Text: menus.Typed(strings.TrimSpace(words)), At: time.Now(),
		Limits: menus.Limits{Septets: answerSeptets, UCS2: answerUCS2},
	}
	dialled, entered := in.Keywords.Keyword(msisdn, words)
	if entered {
		m.Kind, m.Text = dialog.Dial, menus.Typed(dialled)
	}
	turn := in.Dialogs.Handle(ctx, m)
	stored()
	reply, ok := turn.Reply(ctx)
	if !entered && ok && reply.Screen == dialog.ScreenExpired {
		in.ignored.Add(1)
		in.Log.Debug("an SMS is no keyword and answers nothing", "network", in.Network)
		return
	}
	in.taken.Add(1)
	if !ok {
		return
	}
	answer := reply.Text
	if reply.Secret {
		answer = turn.Elsewhere(dialled)
		m.Kind, m.Text, m.At = dialog.Abort, "", time.Now()
		in.Dialogs.Handle(ctx, m)
	}
	if err := in.submit(ctx, s, answer); err != nil {
		if errors.Is(err, smpp.ErrNotSent) {
			in.Dialogs.Unshown(m.Key)
		}
		in.Log.Warn("an SMS was not answered", "network", in.Network, "screen", reply.Screen, "err", err)
	}
}

// submit sends an answer, once: whoever does not get it writes again.
func (in *Inbox) submit(ctx context.Context, s pdu.SubmitSM, words string) error {
	parts, err := in.Format.write(s, words, uint16(in.ref.Add(1)), answerParts) //nolint:gosec // it wraps
	if err != nil {
		return err
	}
	for i := range parts {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, in.Response)
			defer cancel()
			_, err := in.Submit.Do(ctx, smpp.Route{Lane: smpp.LaneConfirmation}, &parts[i])
			return err
		}()
		if err != nil {
			if i > 0 {
				err = errPartly
			}
			return err
		}
	}
	return nil
}

// answerTo is the submit_sm that goes back to a message's sender.
func answerTo(body pdu.Body, source string) pdu.SubmitSM {
	var s pdu.SubmitSM
	switch b := body.(type) {
	case *pdu.DeliverSM:
		s = pdu.SubmitSM{
			SourceAddrTON: b.DestAddrTON, SourceAddrNPI: b.DestAddrNPI, SourceAddr: []byte(string(b.DestinationAddr)),
			DestAddrTON: b.SourceAddrTON, DestAddrNPI: b.SourceAddrNPI, DestinationAddr: []byte(string(b.SourceAddr)),
		}
	case *pdu.DataSM:
		s = pdu.SubmitSM{
			SourceAddrTON: b.DestAddrTON, SourceAddrNPI: b.DestAddrNPI, SourceAddr: []byte(string(b.DestinationAddr)),
			DestAddrTON: b.SourceAddrTON, DestAddrNPI: b.SourceAddrNPI, DestinationAddr: []byte(string(b.SourceAddr)),
		}
	}
	if len(s.SourceAddr) == 0 {
		from(&s, source)
	}
	return s
}

// responseTo acknowledges a message in whatever PDU it came.
func responseTo(body pdu.Body) (pdu.Body, bool) {
	switch body.(type) {
	case *pdu.DeliverSM:
		return &pdu.DeliverSMResp{}, true
	case *pdu.DataSM:
		return &pdu.DataSMResp{}, true
	}
	return nil, false
}

func esmClass(body pdu.Body) uint8 {
	switch b := body.(type) {
	case *pdu.DeliverSM:
		return b.ESMClass
	case *pdu.DataSM:
		return b.ESMClass
	}
	return 0
}
