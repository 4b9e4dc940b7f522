// Package ussd carries dialogues over SMPP: it reads an operator's dialect into
// dialog messages and writes screens back.
//
//	channel.go   deliver_sm in, submit_sm out
//	dialect.go   how operators mark USSD in SMPP, as data
//	number.go    addresses to E.164 and back
//	lanes.go     order within a dialogue, bounds across all
package ussd

import (
	"context"
	"errors"
	"log/slog"
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
	Country    menus.Country
	Limits     menus.Limits
	Concurrent int // turns at work at once
	Log        *slog.Logger
}

// Channel is the USSD traffic of one network, over all its links.
type Channel struct {
	Config
	ctx   context.Context // of all turns; ended by Close
	stop  context.CancelFunc
	lanes *lanes
}

// New returns a Channel whose turns end with ctx at the latest.
func New(ctx context.Context, cfg Config) *Channel {
	c := &Channel{Config: cfg, lanes: newLanes(cfg.Concurrent)}
	c.ctx, c.stop = context.WithCancel(ctx)
	return c
}

// Close refuses what comes from now on, so that the network takes it elsewhere,
// and waits for the turns under way, each of which has its deadline.
func (c *Channel) Close() {
	c.lanes.close()
	c.stop()
}

// IsUSSD says whether a deliver_sm belongs to a USSD dialogue.
func IsUSSD(d *pdu.DeliverSM) bool {
	_, ok := d.TLVs.Get(pdu.TagUSSDServiceOp)
	return ok
}

// turn is what outlives the read buffer of a deliver_sm.
type turn struct {
	bind  Bind
	conn  *smpp.Conn
	seq   uint32
	event event
	m     dialog.Message
	reply pdu.SubmitSM // addresses already turned around
}

// Deliver takes one deliver_sm of a dialogue. It answers at once what it refuses;
// all else is acknowledged after its commit.
func (c *Channel) Deliver(b Bind, conn *smpp.Conn, seq uint32, d *pdu.DeliverSM) (pdu.Body, pdu.Status) {
	op, _ := d.TLVs.Uint8(pdu.TagUSSDServiceOp)
	info, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
	e, err := c.Dialect.read(op, info)
	if err != nil {
		c.Log.Warn("a deliver_sm was refused", "network", c.Network, "err", err)
		return &pdu.DeliverSMResp{}, pdu.StatusInvTLVVal
	}
	msisdn, err := e164(d.SourceAddr, c.Country)
	if err != nil {
		c.Log.Warn("a deliver_sm was refused", "network", c.Network, "err", err)
		return &pdu.DeliverSMResp{}, pdu.StatusInvSrcAdr
	}
	typed := d.ShortMessage
	if payload, ok := d.TLVs.Get(pdu.TagMessagePayload); ok && len(typed) == 0 {
		typed = payload
	}
	t := &turn{bind: b, conn: conn, seq: seq, event: e, m: dialog.Message{
		Key:  sessions.Key{Network: c.Network, MSISDN: msisdn, ID: e.id},
		Kind: e.kind, Seq: e.sequence, Limits: c.Limits, At: time.Now(),
		Text: menus.Typed(text.Decode(typed, d.DataCoding)),
	}}
	if e.kind == dialog.Dial && t.m.Text == "" {
		t.m.Text = menus.Typed(dialled(d.DestinationAddr))
	}
	t.reply = pdu.SubmitSM{
		ServiceType:   []byte(c.Dialect.ServiceType),
		SourceAddrTON: d.DestAddrTON, SourceAddrNPI: d.DestAddrNPI, SourceAddr: append([]byte(nil), d.DestinationAddr...),
		DestAddrTON: d.SourceAddrTON, DestAddrNPI: d.SourceAddrNPI, DestinationAddr: append([]byte(nil), d.SourceAddr...),
	}
	if !c.lanes.do(t.m.Key, func() { c.run(t) }) {
		return &pdu.DeliverSMResp{}, pdu.StatusThrottled
	}
	return nil, 0
}

// run takes a message through its turn.
func (c *Channel) run(t *turn) {
	work := c.Dialogs.Handle(c.ctx, t.m)
	if err := t.conn.Reply(t.seq, pdu.IDDeliverSM, &pdu.DeliverSMResp{}, 0); err != nil {
		// The network will deliver it again, and it will be known as a duplicate.
		c.Log.Info("a deliver_sm could not be acknowledged", "network", c.Network, "err", err)
	}
	reply, ok := work.Reply(c.ctx)
	if ok {
		c.show(t, reply, work.Deadline())
	}
}

// show submits a screen; what provably did not leave is tried again while the
// network still waits.
func (c *Channel) show(t *turn, r dialog.Reply, deadline time.Time) {
	s := &t.reply
	dcs := c.Dialect.GSM
	if r.UCS2 {
		dcs = c.Dialect.UCS2
	}
	s.DataCoding = dcs
	octets, err := text.Encode(nil, r.Text, dcs)
	if err != nil {
		c.Log.Error("a screen cannot be encoded", "screen", r.Screen, "err", err)
		return
	}
	s.ShortMessage = octets
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
		err := c.Submit.Go(context.WithoutCancel(c.ctx), route, s, func(_ pdu.PDU, err error) { c.submitted(t.m.Key, err) })
		if err == nil {
			return
		}
		if !errors.Is(err, smpp.ErrNotSent) {
			c.submitted(t.m.Key, err)
			return
		}
		if !c.pause(deadline) {
			c.submitted(t.m.Key, err)
			return
		}
	}
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

// submitted hears what became of a screen.
func (c *Channel) submitted(k sessions.Key, err error) {
	switch {
	case err == nil:
	case errors.Is(err, smpp.ErrNotSent):
		c.Dialogs.Unshown(k)
		c.Log.Warn("a screen did not leave", "network", c.Network, "err", err)
	default:
		c.Log.Info("a screen was not confirmed", "network", c.Network, "err", err)
	}
}
