package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"nyota/gateway/channel/sms"
	"nyota/gateway/channel/ussd"
	"nyota/gateway/config"
	"nyota/gateway/ledger"
	"nyota/smpp"
	"nyota/smpp/pdu"
)

// operatorLink is one configured link with the USSD traffic it carries.
type operatorLink struct {
	cfg  config.Link
	addr string
	link *smpp.Link
	ussd *ussd.Channel
}

// maxResponse bounds the wait for a notice's submit_sm_resp, so that it ends well
// before the notice's lease does.
const maxResponse = ledger.NoticeLease*2/5 - time.Second

// startLinks makes the links, the channels on them and the notices' sender.
// Nothing dials yet.
func (g *Gateway) startLinks(ctx context.Context) error {
	cfg := sms.Config{Store: g.store, Worker: g.node, Lease: ledger.NoticeLease, Response: maxResponse, Log: g.log}
	for _, c := range g.cfg.SMPP.Links {
		l := g.newLink(ctx, c)
		g.links = append(g.links, l)
		if c.Bind != "receiver" {
			cfg.Links = append(cfg.Links, sms.Link{Submit: l.link, Source: c.Sender})
		}
	}
	g.sender = sms.New(cfg)
	return nil
}

func (g *Gateway) newLink(ctx context.Context, c config.Link) *operatorLink {
	l := &operatorLink{cfg: c, addr: c.Address}
	if c.Address == g.cfg.Simulator.SMPP {
		l.addr = g.Addr("simulator.smpp")
	}
	handler := smpp.HandlerFunc(func(ctx context.Context, conn *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		d, ok := p.Body.(*pdu.DeliverSM)
		switch {
		case !ok:
			return nil, pdu.StatusInvCmdID
		case ussd.IsUSSD(d):
			return l.ussd.Deliver(conn, p.Sequence, d)
		default:
			return sms.Incoming(g.log, d)
		}
	})
	bind := map[string]pdu.CommandID{"transceiver": pdu.IDBindTransceiver,
		"transmitter": pdu.IDBindTransmitter, "receiver": pdu.IDBindReceiver}[c.Bind]
	conn := smpp.Config{Window: c.Window, ResponseTimeout: c.Response, EnquireInterval: c.EnquireLink,
		Handler: handler, Logger: g.log.With("link", c.Name)}
	if c.TLS {
		host, _, _ := net.SplitHostPort(c.Address)
		conn.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	}
	l.link = smpp.NewLink(smpp.LinkConfig{
		Name: c.Name, Addr: l.addr, Config: conn,
		Bind: smpp.Bind{Type: bind, SystemID: c.SystemID, Password: c.Password, SystemType: c.SystemType},
	})
	e := env(g.cfg)
	l.ussd = ussd.New(ctx, ussd.Config{
		Network: c.Network, Dialect: ussd.Standard(), Dialogs: g.dialog, Submit: l.link,
		Country: e.Country, Limits: e.Limits, Concurrent: g.cfg.Dialog.Concurrent,
		Hints: c.Hints == "on", Log: g.log,
	})
	return l
}

// runLink keeps a link bound until the gateway stops. Its turns under way are
// finished before it unbinds: their customers get their screens.
func (g *Gateway) runLink(ctx context.Context, l *operatorLink) {
	g.background(ctx, func(ctx context.Context) {
		if err := l.link.Run(ctx); err != nil && ctx.Err() == nil {
			g.failed <- fmt.Errorf("link %s: %w", l.cfg.Name, err)
		}
	})
	g.stops = append(g.stops, func(context.Context) { l.ussd.Close() })
}

// bound says which links are not bound, and why.
func (g *Gateway) bound() error {
	var down []string
	for _, l := range g.links {
		if s := l.link.State(); !s.Bound {
			why := "not bound yet"
			if s.LastErr != nil {
				why = s.LastErr.Error()
			}
			down = append(down, fmt.Sprintf("link %s to %s: %s", l.cfg.Name, l.addr, why))
		}
	}
	switch {
	case len(g.links) == 0:
		return errors.New("no link is configured (smpp.links)")
	case len(down) == len(g.links):
		return errors.New(strings.Join(down, "; "))
	}
	return nil
}
