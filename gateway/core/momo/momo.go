// Package momo is the connector to MTN's MoMo API (collection and disbursement,
// v1_0; refunds are posted to v2_0).
//
//	momo.go   Config, Connector, Prepare
//	call.go   Call and Inquire: one POST, then GETs
//	refund.go what operators take back
//	judge.go  what an answer means
//	http.go   requests, tokens
//	callback.go  what a callback claims
//
// # What it can serve
//
// MoMo moves money between a subscriber's wallet and the account of the API user
// whose credentials are configured. Which of the gateway's calls that suits
// depends on the products that are configured:
//
//	merchantpay  collection    requesttopay       customer -> API user; the till is in payeeNote
//	billpay      collection    requesttopay       customer -> API user; biller and reference in payeeNote
//	withdrawal   collection    requesttowithdraw  customer -> API user, who hands out cash; the agent is in payeeNote
//	transfer     disbursement  transfer           API user -> payee
//	account_name either        basicuserinfo      of a number
//
// A transfer is paid by the API user: MoMo does not debit the customer who asked
// for it. Configure disbursement only where the operator of the gateway has
// settled that with the customer by other means. Airtime, balance, fee and
// statement have no counterpart for subscribers: such a call returns
// core.ErrNotSent, and Serves says so beforehand.
//
// A payment that MoMo confirmed is taken back, when two operators ask for it
// (core.Reversal), by a refund: POST /disbursement/v2_0/refund with the X-Reference-Id
// of the request to pay as referenceIdToRefund, under a reference of its own, looked
// up by GET /disbursement/v1_0/refund/{reference}. It pays the customer from the API
// user's account, so that it needs both products, and takes back merchantpay and
// billpay. A transfer lies in the payee's wallet, which the API user cannot debit, and
// the cash of a withdrawal has been handed out: neither is reversed.
//
// Known from use of the sandbox: 202 to the POST, and a resource whose payee may be a
// PARTY_CODE and not a number. Not known: what MoMo answers about a payment that it
// does not know or has refunded before (any 4xx with a code, and FAILED, count as a
// refusal), whether a part can be refunded (the gateway asks for the whole), how long
// after the payment, and whether a refund's repeat is answered 409 as that of every
// other resource is.
//
// The customer approves a collection on a screen of the operator's own, with the
// PIN typed there: a PIN in the request is not used and never leaves.
//
// # Repeats
//
// X-Reference-Id is made from the action's id by Prepare. A second POST with it
// is answered 409 and does nothing; the connector then looks the first one up by
// GET, and never posts again by itself.
//
// # Inquiries
//
// The reference is our own, so that every lost answer can be looked up. A GET
// may say 404 of a request that is still on its way through MoMo's front: the
// horizon (default 10 minutes) is how long that proves nothing. A request to pay
// stays PENDING until the customer approves, refuses or about five minutes pass.
//
// Call polls as long as its ctx. After that the first inquiry is 5 s later, since
// who still has the approval screen in front of them takes tens of seconds more,
// and the pauses double up to 5 min: the sixth inquiry, some 5 min on, is the first
// that finds an approval expired. This process makes at most 20 inquiries a second:
// MTN publishes no limit, but its front has quotas (it can answer 429), and those
// are shared with payments.
//
// # Callbacks
//
// MoMo sends the resource to X-Callback-Url, unsigned, once. A callback is a
// hint to Inquire and no more. The URL's host must be registered for the API
// user as providerCallbackHost.
package momo

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"nyota/gateway/core"
)

// Account is the access to one product of the API. All three are needed.
type Account struct {
	SubscriptionKey core.Secret // Ocp-Apim-Subscription-Key
	User            string      // API user, a UUID
	Key             core.Secret // API key
}

// Config is how MoMo is reached. URL, Environment, Currency and one product are
// needed.
type Config struct {
	URL         string      // without product and version, as https://proxy.momoapi.mtn.com
	TLS         *tls.Config // nil: the system's roots
	Environment string      // X-Target-Environment, as mtnuganda
	Currency    string      // ISO 4217 code of every amount

	Collection   *Account // nil: payments by customers are not served
	Disbursement *Account // nil: transfers are not served, and nothing is refunded

	// KeepVersion sends the action's id as it is, a UUID of version 7. MoMo's
	// documents ask for version 4, so that by default the version digit on the
	// wire is 4 and all others are the action's: still one id for one action.
	KeepVersion bool

	// Reasons overrides what a refusal is called, by MoMo's code.
	Reasons map[string]string

	Timeout      time.Duration // of a call whose ctx has no deadline; default 10 s
	DialTimeout  time.Duration // of a connection, TLS included; default 2 s
	PollInterval time.Duration // first wait between polls; default 500 ms
	Horizon      time.Duration // see core.Switch; default 10 min
	MaxConns     int           // connections at once; default 256

	Now func() time.Time // default time.Now
	Log *slog.Logger     // nil: nothing is logged
}

// Connector is a core.Switch that speaks to MoMo. It is safe for use by many
// goroutines.
type Connector struct {
	cfg      Config
	base     string
	gate     *core.Gate
	pulse    *core.Gate // heartbeats and tokens do not wait behind payments
	products map[string]*product
	reasons  map[string]string
	log      *slog.Logger
}

// product is an Account in use.
type product struct {
	name    string // as in the path
	account Account
	tokens  *core.Tokens
}

var _ core.Switch = (*Connector)(nil)

const (
	collection   = "collection"
	disbursement = "disbursement"
)

// New checks the configuration; it does not connect.
func New(cfg Config) (*Connector, error) {
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	switch {
	case err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https":
		return nil, errors.New("momo: url must be an http or https URL with a host")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("momo: url must have no user, query or fragment")
	case base.Scheme == "http" && !core.Loopback(base.Hostname()):
		return nil, errors.New("momo: keys would cross the network unprotected: use an https url")
	case cfg.Environment == "" || core.Clean(cfg.Environment, 64) != cfg.Environment:
		return nil, errors.New("momo: the target environment is needed")
	case len(cfg.Currency) != 3 || strings.ToUpper(cfg.Currency) != cfg.Currency:
		return nil, fmt.Errorf("momo: currency %q is not an ISO 4217 code", cfg.Currency)
	case cfg.Collection == nil && cfg.Disbursement == nil:
		return nil, errors.New("momo: neither collection nor disbursement is configured: no call could be served")
	}
	for code, reason := range cfg.Reasons {
		if !core.KnownReason(reason) {
			return nil, fmt.Errorf("momo: reasons: %q of %s is no reason of a refusal", reason, code)
		}
	}
	cfg.defaults()
	c := &Connector{
		cfg:      cfg,
		base:     base.String(),
		gate:     core.NewGate(core.GateConfig{TLS: cfg.TLS, DialTimeout: cfg.DialTimeout, MaxConns: cfg.MaxConns}),
		pulse:    core.NewGate(core.GateConfig{TLS: cfg.TLS, DialTimeout: cfg.DialTimeout, MaxConns: 4}),
		products: map[string]*product{},
		reasons:  map[string]string{},
		log:      cfg.Log,
	}
	for code, reason := range reasonOf {
		c.reasons[code] = reason
	}
	for code, reason := range cfg.Reasons {
		c.reasons[strings.ToUpper(code)] = reason
	}
	for name, a := range map[string]*Account{collection: cfg.Collection, disbursement: cfg.Disbursement} {
		if a == nil {
			continue
		}
		if a.User == "" || a.Key.IsZero() || a.SubscriptionKey.IsZero() {
			return nil, fmt.Errorf("momo: %s needs a user, a key and a subscription key", name)
		}
		p := &product{name: name, account: *a}
		p.tokens = core.NewTokens(core.TokensConfig{Fetch: c.fetch(p), Now: cfg.Now})
		c.products[name] = p
	}
	return c, nil
}

func (c *Config) defaults() {
	wait := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	wait(&c.Timeout, 10*time.Second)
	wait(&c.PollInterval, 500*time.Millisecond)
	wait(&c.Horizon, 10*time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Close ends fetches of tokens and closes idle connections. Calls under way go on.
func (c *Connector) Close() error {
	for _, p := range c.products {
		p.tokens.Close()
	}
	c.gate.Close()
	c.pulse.Close()
	return nil
}

// Horizon returns the configured horizon.
func (c *Connector) Horizon() time.Duration { return c.cfg.Horizon }

var _ core.Paced = (*Connector)(nil)

// Pace is the same for all calls; see the package's text.
func (*Connector) Pace(string) core.Pace {
	return core.Pace{After: 5 * time.Second, Max: 5 * time.Minute, Rate: 20}
}

// route is where a call goes.
type route struct {
	product  *product
	version  string // of the API that the resource is posted to; it is read from v1_0
	resource string
	payee    bool // the other party is the payee, not the payer
}

func (c *Connector) route(call string) (route, bool) {
	var r route
	switch call {
	case core.MerchantPay, core.BillPay:
		r = route{product: c.products[collection], version: "v1_0", resource: "requesttopay"}
	case core.Withdrawal:
		r = route{product: c.products[collection], version: "v1_0", resource: "requesttowithdraw"}
	case core.Transfer:
		r = route{product: c.products[disbursement], version: "v1_0", resource: "transfer", payee: true}
	case core.Reversal:
		r = route{product: c.products[disbursement], version: "v2_0", resource: "refund", payee: true}
	}
	return r, r.product != nil
}

// Serves says whether menus can make a call with this configuration.
func (c *Connector) Serves(call string) bool {
	_, ok := c.route(call)
	return ok && call != core.Reversal || call == core.AccountName
}

// Prepare returns the action's X-Reference-Id. A read has no wire key.
func (c *Connector) Prepare(r core.Request) (string, error) {
	if !core.Moves(r.Call) {
		return "", nil
	}
	if _, ok := c.route(r.Call); !ok {
		return "", fmt.Errorf("momo: %s: %w", r.Call, errNoCall)
	}
	if _, err := uuid.Parse(r.ID); err != nil || len(r.ID) != 36 {
		return "", fmt.Errorf("momo: %s: the id is not a UUID", r.Call)
	}
	if c.cfg.KeepVersion {
		return r.ID, nil
	}
	return r.ID[:14] + "4" + r.ID[15:], nil
}

var errNoCall = errors.New("this core does not serve the call, or its product is not configured")

// intent is what an action asks for: the request is built from it, and every
// answer is held against it.
type intent struct {
	route
	call   string
	id     string // the action's: externalId
	wire   string // X-Reference-Id
	amount string // canonical
	party  string // the MSISDN of the subscriber
	note   string

	refunded string // of a reversal: X-Reference-Id of what it takes back
}

// intent reads an action's arguments. Its errors name the argument, never its
// value.
func (c *Connector) intent(call, id, wire, customer string, args core.Args) (intent, error) {
	if call == core.Reversal {
		return c.refund(id, wire, customer, args)
	}
	r, ok := c.route(call)
	if !ok {
		return intent{}, errNoCall
	}
	in := intent{route: r, call: call, id: id, wire: wire, party: customer}
	if _, err := uuid.Parse(wire); err != nil || len(wire) != 36 {
		return in, errors.New("its wire key was not prepared")
	}
	if amount, ok := core.Canonical(args.Get("amount")); ok && amount != "0" {
		in.amount = amount
	} else {
		return in, errors.New("amount: not an amount")
	}
	var names []string
	switch call {
	case core.Transfer:
		in.party, in.note = args.Get("to"), args.Get("note")
	case core.MerchantPay:
		names = []string{"till"}
	case core.BillPay:
		names = []string{"biller", "reference"}
	case core.Withdrawal:
		names = []string{"agent"}
	}
	for _, name := range names {
		v := args.Get(name)
		if v == "" || len(v) > 60 || plain(v) != v {
			return in, fmt.Errorf("%s: not an identifier", name)
		}
		in.note = strings.TrimSpace(in.note + " " + v)
	}
	in.note = core.Clean(plain(in.note), 160)
	if !isMSISDN(in.party) {
		return in, errors.New("a party is not a number in E.164 digits")
	}
	return in, nil
}

func isMSISDN(s string) bool {
	return len(s) >= 7 && len(s) <= 15 && strings.Trim(s, "0123456789") == ""
}

// plain leaves what MoMo takes in notes: it refuses requests with other signs.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == ' ', r == '-', r == '.', r == '/':
			return r
		}
		return -1
	}, s)
}
