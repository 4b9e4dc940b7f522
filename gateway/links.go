package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"nyota/gateway/channel/sms"
	"nyota/gateway/channel/ussd"
	"nyota/gateway/config"
	"nyota/gateway/ledger"
	"nyota/gateway/ops"
	"nyota/smpp"
	"nyota/smpp/pdu"
)

// network is one operator's links, which stand in for each other, and the
// traffic that they carry.
type network struct {
	name  string
	links []*operatorLink
	pool  *smpp.Pool
	ussd  *ussd.Channel
	inbox *sms.Inbox
}

// operatorLink is one configured link.
type operatorLink struct {
	cfg  config.Link
	addr string
	link *smpp.Link
}

// maxResponse bounds the wait for a notice's submit_sm_resp, so that it ends well
// before the notice's lease does.
const maxResponse = ledger.NoticeLease*2/5 - time.Second

// startLinks makes the links, a pool and a USSD channel for each network, and the
// notices' sender. Nothing dials yet.
func (g *Gateway) startLinks(ctx context.Context) error {
	cfg := sms.Config{Store: g.store, Worker: g.node, Lease: ledger.NoticeLease, Response: maxResponse, Log: g.log}
	country := env(g.cfg).Country
	cfg.Number = func(addr []byte) (string, error) { return ussd.E164(addr, country) }
	if g.cdr != nil {
		cfg.Delivered = func(d sms.Delivery) { g.cdr.Delivery(ops.Delivery(d)) }
	}
	byName := map[string]*network{}
	for _, c := range g.cfg.SMPP.Links {
		n := byName[c.Network]
		if n == nil {
			n = &network{name: c.Network}
			byName[c.Network] = n
			g.networks = append(g.networks, n)
		}
		l, err := g.newLink(n, c)
		if err != nil {
			return err
		}
		n.links = append(n.links, l)
		g.links = append(g.links, l)
	}
	for _, n := range g.networks {
		if err := g.startNetwork(ctx, n); err != nil {
			return fmt.Errorf("smpp.links of network %s: %w", n.name, err)
		}
		c := n.links[0].cfg // the same on all of them
		cfg.Links = append(cfg.Links, sms.Link{Submit: n.pool, Source: c.Sender, Format: format(c), Receipts: c.Receipts})
	}
	g.sender = sms.New(cfg)
	return nil
}

// startNetwork makes the pool over a network's links, and its USSD channel.
func (g *Gateway) startNetwork(ctx context.Context, n *network) error {
	cfg := smpp.PoolConfig{
		Logger:  g.log.With("network", n.name),
		Queue:   lanes(g.cfg.SMPP.Queues),
		Weights: lanes(g.cfg.SMPP.Weights),
		Receipts: smpp.ReceiptConfig{
			Take:     func(r smpp.Receipt) { g.sender.Receipt(n.name, r) },
			Accepted: func(ref, message string) { g.sender.Accepted(n.name, ref, message) },
			Unknown:  func(r smpp.Receipt) { g.sender.Unknown(n.name, r) },
		},
	}
	for _, l := range n.links {
		cfg.Links = append(cfg.Links, smpp.PoolLink{Link: l.link, Prefixes: l.cfg.Prefixes, Rate: l.cfg.Rate,
			ResponseIDs: idForms[l.cfg.ResponseIDs], ReceiptIDs: idForms[l.cfg.ReceiptIDs]})
	}
	var err error
	if cfg.Retries, err = retries(g.cfg.SMPP.Retries); err != nil {
		return err
	}
	dialect, err := dialectOf(g.cfg.SMPP.Dialects, n.links[0].cfg.USSD)
	if err != nil {
		return err
	}
	if n.pool, err = smpp.NewPool(cfg); err != nil {
		return err
	}
	e := env(g.cfg)
	n.ussd = ussd.New(ctx, ussd.Config{
		Network: n.name, Dialect: dialect, Coding: coding(n.links[0].cfg), Dialogs: g.dialog, Submit: n.pool,
		Country: e.Country, Limits: e.Limits, Concurrent: g.cfg.Dialog.Concurrent,
		Waiting: g.cfg.Store.Kind != "embedded", Log: g.log,
	})
	c := n.links[0].cfg
	n.inbox = sms.NewInbox(sms.InboxConfig{
		Network: n.name, Dialogs: g.dialog, Keywords: g.menus, Submit: n.pool, Source: c.Sender, Format: format(c),
		Number:   func(addr []byte) (string, error) { return ussd.E164(addr, e.Country) },
		Response: maxResponse, Log: g.log,
	})
	return nil
}

func (g *Gateway) newLink(n *network, c config.Link) (*operatorLink, error) {
	l := &operatorLink{cfg: c, addr: c.Address}
	if c.Address == g.cfg.Simulator.SMPP {
		l.addr = g.Addr("simulator.smpp")
	}
	handler := smpp.HandlerFunc(func(_ context.Context, conn *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		if _, ok := n.pool.Receipt(l.link, p.Body); ok {
			return responseTo(p.Body), 0
		}
		if d, ok := p.Body.(*pdu.DeliverSM); ok && n.ussd.Carries(d) {
			return n.ussd.Deliver(ussd.Bind{Link: l.link, Hints: c.Hints == "on"}, conn, p.Sequence, d)
		}
		return n.inbox.Deliver(conn, p.Sequence, p.Body)
	})
	bind := map[string]pdu.CommandID{"transceiver": pdu.IDBindTransceiver,
		"transmitter": pdu.IDBindTransmitter, "receiver": pdu.IDBindReceiver}[c.Bind]
	conn := smpp.Config{Window: c.Window, ResponseTimeout: c.Response, EnquireInterval: c.EnquireLink,
		Tolerance: tolerance(c.Tolerate), Handler: handler, Logger: g.log}
	if c.TLS {
		var err error
		if conn.TLS, err = g.linkTLS(c); err != nil {
			return nil, fmt.Errorf("link %s: %w", c.Name, err)
		}
	}
	l.link = smpp.NewLink(smpp.LinkConfig{
		Name: c.Name, Addr: l.addr, Config: conn,
		Bind: smpp.Bind{Type: bind, SystemID: c.SystemID, Password: c.Password, SystemType: c.SystemType,
			InterfaceVersion: versions[c.Version]},
	})
	return l, nil
}

// responseTo acknowledges a receipt in whatever PDU it came.
func responseTo(b pdu.Body) pdu.Body {
	if b.ID() == pdu.IDDataSM {
		return &pdu.DataSMResp{}
	}
	return &pdu.DeliverSMResp{}
}

// linkTLS reads a link's certificates.
func (g *Gateway) linkTLS(c config.Link) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, err
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if c.TLSCA != "" {
		pem, err := os.ReadFile(g.cfg.Path(c.TLSCA))
		if err != nil {
			return nil, fmt.Errorf("tls_ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls_ca: %s has no certificate in PEM form", c.TLSCA)
		}
	}
	if c.TLSCert != "" {
		own, err := tls.LoadX509KeyPair(g.cfg.Path(c.TLSCert), g.cfg.Path(c.TLSKey))
		if err != nil {
			return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
		}
		t.Certificates = []tls.Certificate{own}
	}
	return t, nil
}

// runNetwork keeps a network's links bound until the gateway stops. Turns under
// way are finished before they unbind: their customers get their screens.
func (g *Gateway) runNetwork(ctx context.Context, n *network) {
	g.background(ctx, func(ctx context.Context) {
		if err := n.pool.Run(ctx); err != nil && ctx.Err() == nil {
			g.failed <- fmt.Errorf("network %s: %w", n.name, err)
		}
	})
	g.stops = append(g.stops, func(context.Context) { n.ussd.Close() })
	g.background(ctx, n.inbox.Run)
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

// undelivered are the latest SMS about actions that did not reach their phones.
func (g *Gateway) undelivered() []ops.Delivery {
	all := g.sender.Undelivered()
	lines := make([]ops.Delivery, len(all))
	for i, d := range all {
		lines[i] = ops.Delivery(d)
	}
	return lines
}
