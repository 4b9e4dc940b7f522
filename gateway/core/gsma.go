package core

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// GSMAConfig is how a core that speaks the GSMA Mobile Money API v1.2 is
// reached. Only URL and Currency are needed.
type GSMAConfig struct {
	URL      string      // base of the API, as https://core.example/v1.2/mm
	TLS      *tls.Config // roots and client certificate of an https URL; nil: the system's roots
	APIKey   Secret      // X-API-Key
	ClientID string      // X-Client-Id
	Channel  string      // X-Channel; default USSD
	// Bearer returns the token of "Authorization: Bearer" for each request, from
	// a cache of its own. If it fails, the request is not sent.
	Bearer func(ctx context.Context) (string, error)

	Currency string // ISO 4217 code of every amount

	// PIN encrypts the customer's PIN. Without it the PIN travels as it is, and
	// only TLS protects it; then a plain http URL must be on loopback, unless
	// AllowClearPIN accepts the risk.
	PIN           *PINEncryption
	AllowClearPIN bool

	BareMSISDN     bool        // numbers go out as 255..., not +255...
	Identifiers    Identifiers // how the core names tills, agents and billers
	ChangePIN      bool        // the core takes new PINs, which is an extension: see GSMA.Call
	AirtimeSubType string      // the API has no airtime: it is billpay of this subType; default airtime

	// Done and Failed are the transactionStatus words of this core that mean
	// success, and that no money moved. Others mean: not decided. Defaults:
	// completed; failed, rejected, declined.
	Done, Failed []string
	// Results names the keys in customData or metadata of a transaction that
	// are of use, and the field of Outcome that each becomes. Default: balance,
	// payee_name, token and units, as themselves.
	Results map[string]string
	// Reasons overrides what a refusal is called: from an errorCode, or from
	// errorCode/word where word is a key or value in errorParameters, to one of
	// the reasons of this package.
	Reasons map[string]string

	Timeout       time.Duration // of a call whose ctx has no deadline; default 10 s
	DialTimeout   time.Duration // of a connection, TLS included; default 2 s
	PollInterval  time.Duration // first wait between polls of a 202; default 400 ms
	Horizon       time.Duration // see Switch; default 10 min
	MaxConns      int           // connections at once; further calls wait for one; default 256
	MaxAnswer     int64         // octets of an answer; default 256 KiB
	StatementRows int           // rows asked for if the call has no limit; default 5
	// Dial makes a connection; default a TCP one. TLS is added to it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Now func() time.Time // default time.Now
	Log *slog.Logger     // nil: nothing is logged
}

// Identifiers are the account identifier types of the API (as accountid, msisdn,
// organisationid, serviceprovider, consumerno, storeid) by which a core knows
// what customers type.
type Identifiers struct {
	Till      string // default storeid
	Agent     string // default organisationid
	Biller    string // default serviceprovider
	Reference string // of a customer at a biller; default consumerno
	// Commission is the accountcategory of an agent's commission account;
	// default commission.
	Commission string
}

// GSMA is a Switch that speaks the GSMA Mobile Money API v1.2. It is safe for
// use by many goroutines and starts none of its own.
//
// An action is POST /transactions/type/{type}, and X-CorrelationID is the
// action's id. The same id travels as requestingOrganisationTransactionReference,
// so that an answer that repeats it can be told from one about another payment
// of the same amount to the same person. Each request tells the core how long
// anybody waits for the answer: X-Request-Deadline, RFC 3339 in UTC, an addition
// of ours that a core may ignore; its distance to X-Date does not depend on
// clocks that agree.
type GSMA struct {
	cfg  GSMAConfig
	base *url.URL
	gate *Gate
	// pulse carries heartbeats: behind payments that wait for a slow core they
	// would find no connection, and the core would seem to be gone.
	pulse   *Gate
	done    map[string]bool
	failed  map[string]bool
	results map[string]string
	reasons map[string]string
	log     *slog.Logger
}

var _ Switch = (*GSMA)(nil)

// NewGSMA checks the configuration; it does not connect.
func NewGSMA(cfg GSMAConfig) (*GSMA, error) {
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("core: url must be an http or https URL with a host")
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("core: url must have no user, query or fragment")
	}
	if len(cfg.Currency) != 3 || strings.ToUpper(cfg.Currency) != cfg.Currency {
		return nil, fmt.Errorf("core: currency %q is not an ISO 4217 code", cfg.Currency)
	}
	if cfg.PIN != nil {
		if _, _, err := cfg.PIN.recipient(); err != nil {
			return nil, err
		}
	} else if base.Scheme == "http" && !cfg.AllowClearPIN && !Loopback(base.Hostname()) {
		return nil, errors.New("core: PINs would cross the network unprotected: use an https url, or a key for PINs, or allow it")
	}
	cfg.defaults()
	g := &GSMA{
		cfg:     cfg,
		base:    base,
		done:    words(cfg.Done),
		failed:  words(cfg.Failed),
		results: make(map[string]string, len(cfg.Results)),
		reasons: make(map[string]string, len(cfg.Reasons)),
		log:     cfg.Log,
	}
	for k, v := range cfg.Results {
		g.results[strings.ToLower(k)] = v
	}
	for k, v := range cfg.Reasons {
		if !knownReasons[v] {
			return nil, fmt.Errorf("core: reasons: %q is no reason of a refusal", v)
		}
		g.reasons[strings.ToLower(k)] = v
	}
	g.gate = NewGate(GateConfig{TLS: cfg.TLS, DialTimeout: cfg.DialTimeout, MaxConns: cfg.MaxConns, MaxAnswer: cfg.MaxAnswer, Dial: cfg.Dial})
	g.pulse = NewGate(GateConfig{TLS: cfg.TLS, DialTimeout: cfg.DialTimeout, MaxConns: 2, MaxAnswer: cfg.MaxAnswer, Dial: cfg.Dial})
	return g, nil
}

// Loopback says whether a host name or address is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func words(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, w := range list {
		m[strings.ToLower(w)] = true
	}
	return m
}

func (c *GSMAConfig) defaults() {
	fill := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	wait := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	fill(&c.Channel, "USSD")
	fill(&c.AirtimeSubType, "airtime")
	fill(&c.Identifiers.Till, "storeid")
	fill(&c.Identifiers.Agent, "organisationid")
	fill(&c.Identifiers.Biller, "serviceprovider")
	fill(&c.Identifiers.Reference, "consumerno")
	fill(&c.Identifiers.Commission, "commission")
	wait(&c.Timeout, 10*time.Second)
	wait(&c.DialTimeout, 2*time.Second)
	wait(&c.PollInterval, 400*time.Millisecond)
	wait(&c.Horizon, 10*time.Minute)
	if len(c.Done) == 0 {
		c.Done = []string{"completed"}
	}
	if len(c.Failed) == 0 {
		c.Failed = []string{"failed", "rejected", "declined"}
	}
	if c.Results == nil {
		c.Results = map[string]string{"balance": "balance", "payee_name": "payee_name", "token": "token", "units": "units"}
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 256
	}
	if c.MaxAnswer <= 0 {
		c.MaxAnswer = 256 << 10
	}
	if c.StatementRows <= 0 {
		c.StatementRows = 5
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Close closes idle connections. Calls under way go on.
func (g *GSMA) Close() error {
	g.gate.Close()
	g.pulse.Close()
	return nil
}

// Horizon returns the configured horizon.
func (g *GSMA) Horizon() time.Duration { return g.cfg.Horizon }

// Prepare returns the action's id, which must be a UUID: it is the request's
// X-CorrelationID. A read has no wire key.
func (g *GSMA) Prepare(r Request) (string, error) {
	if !Moves(r.Call) {
		return "", nil
	}
	if _, err := uuid.Parse(r.ID); err != nil || len(r.ID) != 36 {
		return "", fmt.Errorf("core: %s: the id is not a UUID", r.Call)
	}
	return r.ID, nil
}

// Serves says whether a call can be made: all of this package can, but for what
// is an extension of the core's.
func (g *GSMA) Serves(call string) bool {
	switch call {
	case ChangePIN:
		return g.cfg.ChangePIN
	case Balance, AccountName, Fee, Statement, Commission, Lookup, Lock:
		return true
	}
	return Moves(call)
}

// Moves says whether a call moves money.
func Moves(call string) bool {
	switch call {
	case Transfer, MerchantPay, BillPay, Airtime, Withdrawal, Deposit, Reversal:
		return true
	}
	return false
}

// Changes says whether a call changes something without moving money. It is not
// made a second time unless the first was not sent, and without an answer nobody
// knows whether it is done.
func Changes(call string) bool { return call == Lock || call == ChangePIN }

// Call makes the request. A change of the PIN, for which the API has no resource,
// is the customer's PATCH of the own account, with
//
//	[{"op": "replace", "path": "/credentials/pin", "value": "X-User-Credential-2"}]
//
// the present PIN in X-User-Credential-1 and the new one in X-User-Credential-2,
// each encrypted like any PIN; the body names the header, and has no PIN. 204 says
// that it is changed. For a request that moves money it posts exactly once; if the
// core answers that it will decide later (202), it polls within ctx as often as
// the core allows, and then returns Pending.
func (g *GSMA) Call(ctx context.Context, r Request) (Outcome, error) {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	switch r.Call {
	case AccountName:
		return g.accountName(ctx, r)
	case Fee:
		return g.fee(ctx, r)
	case Balance:
		return g.balance(ctx, r)
	case Statement:
		return g.statement(ctx, r)
	case Commission:
		return g.commission(ctx, r)
	case Lookup:
		return g.lookup(ctx, r)
	case Lock:
		return g.lock(ctx, r)
	case ChangePIN:
		return g.changePIN(ctx, r)
	}
	if !Moves(r.Call) {
		return Outcome{}, unsent(r.Call, errors.New("this core does not know the call"))
	}
	if key, err := g.Prepare(r); err != nil {
		return Outcome{}, unsent(r.Call, err)
	} else if r.WireKey != key {
		return Outcome{}, unsent(r.Call, errors.New("its wire key was not prepared"))
	}
	want, err := g.intent(r.Call, r.ID, r.MSISDN, r.Args)
	if err == nil && r.Call == BillPay && r.Args.Get("reference") == "" {
		err = errors.New("reference: a bill cannot be paid without")
	}
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	body, err := want.body(g.cfg.Currency, g.cfg.Now())
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	a, err := g.exchange(ctx, exchange{
		op:          r.Call,
		method:      http.MethodPost,
		path:        want.path(),
		body:        body,
		correlation: r.WireKey,
		pin:         r.PIN,
		callback:    r.Callback,
	})
	if err != nil {
		return Outcome{}, err
	}
	return g.judge(ctx, want, a, r.PIN)
}

// deadline gives a ctx without a deadline the default one.
func (g *GSMA) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, g.cfg.Timeout)
}

// Health asks GET /heartbeat once. An error that wraps ErrNotSent or ErrCut
// means that nobody is there; any other, that somebody is, but in trouble.
func (g *GSMA) Health(ctx context.Context) (Health, error) {
	const op = "heartbeat"
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	a, err := g.exchange(ctx, exchange{op: op, method: http.MethodGet, path: "/heartbeat", pulse: true})
	if err != nil {
		return Health{}, err
	}
	h := Health{At: g.cfg.Now()}
	if a.Status == http.StatusServiceUnavailable {
		var e wireError
		if Decode(a.Body, &e) == nil && e.Category.is("serviceUnavailable") {
			h.State = Unavailable
			return h, nil
		}
	}
	if a.Status != http.StatusOK {
		return Health{}, failed(op, fmt.Errorf("the core answered with status %d", a.Status))
	}
	var hb wireHeartbeat
	if err := Decode(a.Body, &hb); err != nil {
		return Health{}, failed(op, err)
	}
	switch {
	case hb.Status.is("available"):
		h.State = Available
	case hb.Status.is("degraded"):
		h.State = Degraded
	case hb.Status.is("unavailable"):
		h.State = Unavailable
	default:
		return Health{}, failed(op, errors.New("the core named no service status that is known"))
	}
	h.Restore = hb.Restore.Time
	return h, nil
}
