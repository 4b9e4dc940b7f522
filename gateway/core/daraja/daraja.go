// Package daraja is the connector to Safaricom's Daraja API for M-Pesa.
//
//	daraja.go   Config, Connector, Prepare
//	call.go     Call: one POST, then the result that comes by itself
//	inquire.go  Inquire: TransactionStatusQuery and the query of a push
//	reversal.go what operators take back
//	results.go  what callbacks may say, and who is believed
//	book.go     the requests under way and their one-time URLs
//	reasons.go  result codes
//	http.go     requests, tokens
//
// # What it can serve
//
//	merchantpay   STK push, CustomerBuyGoodsOnline   customer -> till (PartyB)
//	billpay       STK push, CustomerPayBillOnline    customer -> biller (PartyB), AccountReference
//	transfer      B2C, BusinessPayment               the short code -> payee; only if Payouts is set
//
// With a push the customer approves on the phone's own prompt and types the
// PIN there: a PIN in the request is not used and never leaves. A B2C payment is
// made by the short code: M-Pesa does not debit the customer who asked for it.
// Set Payouts only where that is settled by other means. All other calls return
// core.ErrNotSent, and Serves says so beforehand. Amounts are whole.
//
// A payment by push is taken back, when two operators ask for it (core.Reversal), by
// the Reversals API: TransactionReversal of the M-Pesa receipt, from the organisation
// that received it (PartyB) to the customer. It needs Payouts, whose initiator must
// have the role Org Reversals Initiator, and works where that organisation is the
// initiator's: Daraja refuses the others. The API reverses customers' payments to an
// organisation and nothing else, so that a B2C payment is not reversed here; M-Pesa's
// portal does it. A push whose result came by stkpushquery has no receipt, as the query
// shows none: its reversal is not sent, and the portal does that one too.
//
// # How an outcome is learnt
//
// Daraja answers a request with no more than "accepted": the result is POSTed
// to the ResultURL (CallBackURL of a push), unsigned. Each request therefore
// names a URL of its own with a random part that nobody else is told. What comes
// there is believed once, while this process remembers the URL, and only if its
// ids, its amount and its party are the action's: one that differs is answered 409,
// and what comes elsewhere 404; both are told to Config.Refused. A notice on the
// QueueTimeOutURL decides nothing.
//
// Inquire of a B2C payment posts a TransactionStatusQuery, whose answer is again
// a callback, on a fresh URL of its own: Inquire waits for it as long as its ctx,
// and what comes later is kept for the next Inquire. Inquire of a push asks
// stkpushquery, which answers at once, by the CheckoutRequestID of the first
// answer; it shows no amount, so that the amount of a push is proven by the
// callback or by the request itself. Callbacks must reach the process that sent
// the request: give every node a callback URL of its own.
//
// # Repeats
//
// The OriginatorConversationID of a B2C payment is the action's id, and Daraja
// refuses it a second time. A push has no id of ours: sent twice it asks the
// customer twice. The connector never posts an action that it has posted before,
// as long as it remembers (Horizon); the ledger never asks for that.
//
// # Inquiries
//
// The horizon (default 1 hour) is how long a status query may fail to find a
// payment; which result codes say "not found" differs, so that none does by
// default and such an action waits for an operator. A push whose first answer
// and callback are both lost cannot be inquired about: it ends with an operator.
//
// The two kinds are asked about in their own time. A push is asked about 10 s after
// its try and then with pauses that double up to 5 min, at most 10 a second: the
// customer has about a minute for the PIN, until which stkpushquery only says that
// it is being processed, so that the third inquiry, after 70 s, finds most of them
// decided. A TransactionStatusQuery is itself queued at M-Pesa and answered by a
// callback; Safaricom means it for results that did not come (Transaction Status
// API, Overview), and asked again before its answer it only queues a second one. It
// is made 30 s after the try, then with pauses up to 15 min, at most 2 a second.
// Daraja refuses what comes too fast (500.003.02, spike arrest; 500.003.03, quota)
// by limits that each organisation agrees on and nobody publishes. What came by
// callback meanwhile is known without asking (core.Knower).
package daraja

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"nyota/gateway/core"
)

// Config is how Daraja is reached.
type Config struct {
	URL            string      // as https://api.safaricom.co.ke
	TLS            *tls.Config // nil: the system's roots
	ConsumerKey    string
	ConsumerSecret core.Secret
	ShortCode      string // digits; the organisation's
	Currency       string // default KES; Daraja's answers name none

	// Passkey makes the password of pushes; without it they are not served.
	Passkey core.Secret
	// Payouts lets transfers be paid by the short code, and pushes be reversed; nil:
	// neither is done.
	Payouts *Initiator

	// Callbacks is where Daraja reaches this process's handler, without a last
	// slash: /daraja/{token} is added.
	Callbacks string
	// Nudge, if set, is told the Request's Callback URL when a result came that
	// nobody waited for. It is called from the handler, and may inquire.
	Nudge func(callback string)
	// Refused, if set, is told of each callback that was refused: the address that it
	// came from, the action's id ("" if its URL names none), and why in a word: token,
	// for a URL that was not given out, or mismatch, for a result about another amount,
	// party or id. It must not block.
	Refused func(from, action, why string)

	Reasons  map[string]string // overrides what a refusal is called, by result code
	NotFound []string          // result codes of a status query that mean that there is no such payment

	Timeout     time.Duration // of a call whose ctx has no deadline; default 10 s
	DialTimeout time.Duration // of a connection, TLS included; default 2 s
	Horizon     time.Duration // see core.Switch; default 1 h
	MaxConns    int           // connections at once; default 256
	MaxOpen     int           // requests remembered at once; default 100,000

	Now func() time.Time // default time.Now
	Log *slog.Logger     // nil: nothing is logged
}

// Initiator is the API operator who makes payments from the short code.
type Initiator struct {
	Name     string
	Password core.Secret
	// Key is M-Pesa's public key: the password travels encrypted with it, as
	// SecurityCredential (RSA, PKCS #1 v1.5, base64).
	Key *rsa.PublicKey
}

// Connector is a core.Switch that speaks to Daraja, and the http.Handler of its
// callbacks. It is safe for use by many goroutines.
type Connector struct {
	cfg        Config
	base       string
	credential string // SecurityCredential
	gate       *core.Gate
	pulse      *core.Gate
	tokens     *core.Tokens
	book       *book
	notFound   map[string]bool
	log        *slog.Logger
}

var _ core.Switch = (*Connector)(nil)

// New checks the configuration; it does not connect.
func New(cfg Config) (*Connector, error) {
	for _, u := range []struct{ key, value string }{{"url", cfg.URL}, {"callbacks", cfg.Callbacks}} {
		p, err := url.Parse(u.value)
		if err != nil || p.Host == "" || p.Scheme != "http" && p.Scheme != "https" || p.User != nil || p.RawQuery != "" || p.Fragment != "" {
			return nil, fmt.Errorf("daraja: %s must be an http or https URL with a host, without user, query or fragment", u.key)
		}
		if p.Scheme == "http" && !core.Loopback(p.Hostname()) {
			return nil, fmt.Errorf("daraja: %s must be an https url: secrets would cross the network unprotected", u.key)
		}
	}
	switch {
	case cfg.ConsumerKey == "" || cfg.ConsumerSecret.IsZero():
		return nil, errors.New("daraja: consumer key and secret are needed")
	case len(cfg.ShortCode) < 5 || len(cfg.ShortCode) > 9 || !isDigits(cfg.ShortCode):
		return nil, errors.New("daraja: the short code must be 5 to 9 digits")
	case cfg.Passkey.IsZero() && cfg.Payouts == nil:
		return nil, errors.New("daraja: neither a passkey nor payouts are configured: no call could be served")
	}
	for code, reason := range cfg.Reasons {
		if !core.KnownReason(reason) {
			return nil, fmt.Errorf("daraja: reasons: %q of %s is no reason of a refusal", reason, code)
		}
	}
	cfg.defaults()
	c := &Connector{
		cfg: cfg, base: strings.TrimRight(cfg.URL, "/"), log: cfg.Log, notFound: map[string]bool{},
		gate:  core.NewGate(core.GateConfig{TLS: cfg.TLS, DialTimeout: cfg.DialTimeout, MaxConns: cfg.MaxConns}),
		pulse: core.NewGate(core.GateConfig{TLS: cfg.TLS, DialTimeout: cfg.DialTimeout, MaxConns: 4}),
		book:  newBook(cfg.MaxOpen, cfg.Horizon, cfg.Now),
	}
	for _, code := range cfg.NotFound {
		c.notFound[code] = true
	}
	if p := cfg.Payouts; p != nil {
		if p.Name == "" || p.Password.IsZero() || p.Key == nil {
			return nil, errors.New("daraja: payouts need an initiator's name, password and M-Pesa's public key")
		}
		//lint:ignore SA1019 the API wants this padding and no other
		sealed, err := rsa.EncryptPKCS1v15(rand.Reader, p.Key, p.Password.Reveal())
		if err != nil {
			return nil, fmt.Errorf("daraja: the initiator's password cannot be encrypted: %w", err)
		}
		c.credential = base64.StdEncoding.EncodeToString(sealed)
	}
	c.tokens = core.NewTokens(core.TokensConfig{Fetch: c.fetch, Now: cfg.Now})
	return c, nil
}

func (c *Config) defaults() {
	wait := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	wait(&c.Timeout, 10*time.Second)
	wait(&c.Horizon, time.Hour)
	if c.Currency == "" {
		c.Currency = "KES"
	}
	if c.MaxOpen <= 0 {
		c.MaxOpen = 100_000
	}
	c.Callbacks = strings.TrimRight(c.Callbacks, "/")
	if c.Refused == nil {
		c.Refused = func(string, string, string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Close ends a fetch of a token and closes idle connections. Calls under way go on.
func (c *Connector) Close() error {
	c.tokens.Close()
	c.gate.Close()
	c.pulse.Close()
	return nil
}

// Horizon returns the configured horizon.
func (c *Connector) Horizon() time.Duration { return c.cfg.Horizon }

var (
	_ core.Paced  = (*Connector)(nil)
	_ core.Knower = (*Connector)(nil)
)

// Pace is that of stkpushquery for pushes, and that of TransactionStatusQuery for
// all else; see the package's text.
func (*Connector) Pace(call string) core.Pace {
	if isPush(call) {
		return core.Pace{After: 10 * time.Second, Max: 5 * time.Minute, Rate: 10, Budget: "push"}
	}
	return core.Pace{After: 30 * time.Second, Max: 15 * time.Minute, Rate: 2, Budget: "status"}
}

// isPush says whether a call asks the customer at the phone.
func isPush(call string) bool { return call == core.MerchantPay || call == core.BillPay }

// Known says whether a result of the action came.
func (c *Connector) Known(q core.Inquiry) bool { return c.book.settled(q.ID) }

// Serves says whether a call can be made with this configuration.
func (c *Connector) Serves(call string) bool {
	switch call {
	case core.MerchantPay, core.BillPay:
		return !c.cfg.Passkey.IsZero()
	case core.Transfer:
		return c.cfg.Payouts != nil
	}
	return false
}

// makes says whether an action can be made with this configuration.
func (c *Connector) makes(call string) bool {
	return c.Serves(call) || call == core.Reversal && c.cfg.Payouts != nil
}

var errNoCall = errors.New("this core does not serve the call, or what it needs is not configured")

// Prepare returns the action's id: the OriginatorConversationID of a B2C
// payment. A push and a reversal travel under an id of the server's, which the
// Outcome of Call has as its WireKey.
func (c *Connector) Prepare(r core.Request) (string, error) {
	if !core.Moves(r.Call) {
		return "", nil
	}
	if !c.makes(r.Call) {
		return "", fmt.Errorf("daraja: %s: %w", r.Call, errNoCall)
	}
	if _, err := uuid.Parse(r.ID); err != nil || len(r.ID) != 36 {
		return "", fmt.Errorf("daraja: %s: the id is not a UUID", r.Call)
	}
	return r.ID, nil
}

// intent is what an action asks for: the request is built from it, and every
// result is held against it.
type intent struct {
	call      string
	id        string
	push      bool
	amount    string // canonical, whole
	phone     string // who approves a push, or is paid
	partyB    string // who is paid by a push
	reference string // AccountReference
	receipt   string // of a reversal: M-Pesa's receipt of what it takes back
	server    string // of a reversal: the id that Daraja minted for it, once known
}

// minted says whether the request travels under an id of Daraja's.
func (in intent) minted() bool { return in.push || in.call == core.Reversal }

// conversation is the OriginatorConversationID under which M-Pesa knows what is no
// push; "" if that is not known.
func (in intent) conversation() string {
	if in.call == core.Reversal {
		return in.server
	}
	return in.id
}

// intent reads an action's arguments. Its errors name the argument, never its
// value.
func (c *Connector) intent(call, id, customer string, args core.Args) (intent, error) {
	if call == core.Reversal {
		return c.reversal(id, customer, args)
	}
	in := intent{call: call, id: id, push: true, phone: customer}
	if !c.Serves(call) {
		return in, errNoCall
	}
	if _, err := uuid.Parse(id); err != nil || len(id) != 36 {
		return in, errors.New("the id is not a UUID")
	}
	amount, ok := core.Canonical(args.Get("amount"))
	if !ok || amount == "0" || !isDigits(amount) {
		return in, errors.New("amount: not an amount in whole units")
	}
	in.amount = amount
	name := ""
	switch call {
	case core.Transfer:
		in.push, in.phone = false, args.Get("to")
	case core.MerchantPay:
		name, in.reference = "till", "till"
	case core.BillPay:
		name, in.reference = "biller", args.Get("reference")
		if in.reference == "" || len(in.reference) > 20 || strings.Trim(strings.ToUpper(in.reference), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			return in, errors.New("reference: not an identifier")
		}
	}
	if name != "" {
		in.partyB = args.Get(name)
		if len(in.partyB) < 4 || len(in.partyB) > 9 || !isDigits(in.partyB) {
			return in, fmt.Errorf("%s: not a short code", name)
		}
	}
	if len(in.phone) < 7 || len(in.phone) > 15 || !isDigits(in.phone) {
		return in, errors.New("a party is not a number in E.164 digits")
	}
	return in, nil
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
