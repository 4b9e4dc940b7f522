// Package ussd carries dialogues over SMPP: it reads an operator's dialect into
// dialog messages and writes screens back.
//
//	channel.go   deliver_sm in, submit_sm out
//	turn.go      what a deliver_sm leaves until its screen is answered
//	dialect.go   how operators mark USSD in SMPP, as data
//	number.go    addresses to E.164 and back
//	lanes.go     order within a dialogue, bounds across all
package ussd

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/sessions"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// tagScreenHint is a vendor TLV for simulated handsets: an octet of flags (bit 0:
// what is typed next is a secret), then the screen's id in ASCII.
const tagScreenHint pdu.Tag = 0x1501

// resubmitEvery is how often a screen that could not leave is tried again within
// its turn.
const resubmitEvery = 100 * time.Millisecond

// Submitter sends what the network is to show. *smpp.Pool is one.
type Submitter interface {
	Go(ctx context.Context, r smpp.Route, b pdu.Body, done func(pdu.PDU, error)) error
}

// Bind is the link on which a message came. Its screens leave by it, or by
// another one of its network if it cannot take them.
type Bind struct {
	Link  *smpp.Link
	Hints bool // send the screen_hint TLV: to simulated handsets only
}

// Dialogs is the part of *dialog.Dialog that a channel needs.
type Dialogs interface {
	Handle(ctx context.Context, m dialog.Message) *dialog.Turn
	Unshown(k sessions.Key)
}

// Config is what a Channel needs. All are required.
type Config struct {
	Network    string // one USSD gateway; its links share the name
	Dialect    Dialect
	Dialogs    Dialogs
	Submit     Submitter
	Coding     text.Coding // how the network reads data_coding; CBS is the dialect's to say
	Country    menus.Country
	Limits     menus.Limits
	Concurrent int  // turns at work at once
	Waiting    bool // the store is across a network: each step waits for it
	Log        *slog.Logger
}

// Channel is the USSD traffic of one network, over all its links.
type Channel struct {
	Config
	ctx   context.Context // of all turns; ended by Close
	after context.Context // of screens on their way: Close does not end it
	stop  context.CancelFunc
	lanes *lanes
	taken pdu.DeliverSMResp // the same for all

	serviceType []byte
}

// New returns a Channel whose turns end with ctx at the latest.
func New(ctx context.Context, cfg Config) *Channel {
	cfg.Coding.CBS = cfg.Dialect.CBS
	atOnce := runtime.GOMAXPROCS(0)
	if cfg.Waiting {
		atOnce = cfg.Concurrent // a store that stalls may not keep the others from their honest screen
	}
	c := &Channel{Config: cfg, lanes: newLanes(cfg.Concurrent, atOnce), serviceType: []byte(cfg.Dialect.ServiceType)}
	c.ctx, c.stop = context.WithCancel(ctx)
	c.after = context.WithoutCancel(c.ctx)
	return c
}

// Close refuses what comes from now on, so that the network takes it elsewhere,
// and waits for the turns under way, each of which has its deadline.
func (c *Channel) Close() {
	c.lanes.close()
	c.stop()
}

// onlyOne is the id of a customer's one dialogue in a network that has no ids.
const onlyOne = "-"

// Carries says whether a deliver_sm belongs to a USSD dialogue.
func (c *Channel) Carries(d *pdu.DeliverSM) bool { return c.Dialect.carries(d) }

// Deliver takes one deliver_sm of a dialogue. It answers at once what it refuses;
// all else is acknowledged after its commit.
func (c *Channel) Deliver(b Bind, conn *smpp.Conn, seq uint32, d *pdu.DeliverSM) (pdu.Body, pdu.Status) {
	e, err := c.Dialect.read(d)
	if err != nil {
		c.Log.Warn("a deliver_sm was refused", "network", c.Network, "err", err)
		return &pdu.DeliverSMResp{}, pdu.StatusInvTLVVal
	}
	msisdn, err := e164(d.SourceAddr, c.Country)
	if err != nil {
		c.Log.Warn("a deliver_sm was refused", "network", c.Network, "err", err)
		return &pdu.DeliverSMResp{}, pdu.StatusInvSrcAdr
	}
	if e.id == "" {
		e.id = onlyOne
	}
	typed := d.ShortMessage
	if payload, ok := d.TLVs.Get(pdu.TagMessagePayload); ok && len(typed) == 0 {
		typed = payload
	}
	t := newTurn()
	t.channel, t.bind, t.conn, t.seq, t.event = c, b, conn, seq, e
	t.m = dialog.Message{
		Key:  sessions.Key{Network: c.Network, MSISDN: msisdn, ID: e.id},
		Kind: e.kind, Seq: e.sequence, Limits: c.Limits, At: time.Now(), Waits: t.waits,
		Text: menus.Typed(c.Coding.Decode(typed, d.DataCoding)),
	}
	if e.kind == dialog.Dial && t.m.Text == "" {
		t.m.Text = menus.Typed(dialled(d.DestinationAddr))
	}
	t.turnAround(d)
	if !c.lanes.do(t.m.Key, &t.task) {
		t.release()
		return &pdu.DeliverSMResp{}, pdu.StatusThrottled
	}
	return nil, 0
}

// run takes a message through its turn.
func (c *Channel) run(t *turn) {
	work := c.Dialogs.Handle(c.ctx, t.m)
	if err := t.conn.Reply(t.seq, pdu.IDDeliverSM, &c.taken, 0); err != nil {
		// The network will deliver it again, and it will be known as a duplicate.
		c.Log.Info("a deliver_sm could not be acknowledged", "network", c.Network, "err", err)
	}
	reply, ok := work.Reply(c.ctx)
	deadline := work.Deadline()
	work.Release()
	if !ok {
		t.release()
		return
	}
	c.show(t, reply, deadline)
}

// show submits a screen; what provably did not leave is tried again while the
// network still waits. The turn is the network's from then on.
func (c *Channel) show(t *turn, r dialog.Reply, deadline time.Time) {
	s := &t.reply
	t.text = c.encode(t.text[:0], s, r)
	c.Dialect.mark(s, t.event, r.End)
	if t.bind.Hints {
		hint := append([]byte{0}, r.Screen...)
		if r.Secret {
			hint[0] = 1
		}
		s.TLVs.Add(tagScreenHint, hint)
	}
	route := smpp.Route{Lane: smpp.LaneAnswer, Service: smpp.ServiceUSSD, Prefer: t.bind.Link}
	for {
		// It may wait for room after this returns, and no longer than the network
		// waits for it.
		route.Wait = max(time.Until(deadline), time.Millisecond)
		err := c.Submit.Go(c.after, route, s, t.submitted)
		if err == nil {
			return
		}
		if !errors.Is(err, smpp.ErrNotSent) {
			c.submitted(t, err)
			return
		}
		t.waits()
		if !c.pause(deadline) {
			c.submitted(t, err)
			return
		}
	}
}

// encode writes a screen's text into dst, which it returns. What the network's own alphabet lacks goes as
// UCS-2 if the screen is short enough for that, and otherwise as question marks:
// one wrong character is less than no screen.
func (c *Channel) encode(dst []byte, s *pdu.SubmitSM, r dialog.Reply) []byte {
	dcs := c.Dialect.GSM
	if r.UCS2 {
		dcs = c.Dialect.UCS2
	}
	octets, err := c.Coding.Encode(dst, r.Text, dcs)
	if err != nil {
		if n, _ := text.UCS2.Len(r.Text); n <= c.Limits.UCS2 {
			dcs = c.Dialect.UCS2
			octets, err = c.Coding.Encode(dst, r.Text, dcs)
		}
	}
	if err != nil {
		c.Log.Warn("a screen has characters that the network's alphabet lacks", "network", c.Network, "screen", r.Screen)
		octets = c.lossy(dst, r.Text, dcs)
	}
	s.DataCoding, s.ShortMessage = dcs, octets
	return octets
}

// lossy encodes with a question mark for each character that cannot be.
func (c *Channel) lossy(dst []byte, s string, dcs uint8) []byte {
	e := c.Coding.Encoding(dcs)
	fit := strings.Map(func(r rune) rune {
		if _, ok := e.Len(string(r)); ok {
			return r
		}
		return '?'
	}, s)
	octets, _ := c.Coding.Encode(dst, fit, dcs) // every alphabet has the rest
	return octets
}

// pause waits before a screen is tried again. It is false if there is no time
// left for that.
func (c *Channel) pause(deadline time.Time) bool {
	left := time.Until(deadline)
	again := time.NewTimer(min(resubmitEvery, max(left, 0)))
	defer again.Stop()
	select {
	case <-again.C:
		return left > resubmitEvery
	case <-c.ctx.Done():
		return false
	}
}

// submitted hears what became of a screen, and ends its turn.
func (c *Channel) submitted(t *turn, err error) {
	switch {
	case err == nil:
	case errors.Is(err, smpp.ErrNotSent):
		c.Dialogs.Unshown(t.m.Key)
		c.Log.Warn("a screen did not leave", "network", c.Network, "err", err)
	default:
		c.Log.Info("a screen was not confirmed", "network", c.Network, "err", err)
	}
	t.release()
}
