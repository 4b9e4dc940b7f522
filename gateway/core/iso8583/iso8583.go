// Package iso8583 is the connector to a switch that speaks ISO 8583 (1987) over
// TCP, and a codec for its messages.
//
//	iso8583.go  Config, Connector, Prepare: STAN and RRN
//	call.go     0200 and what 0210 means; balance
//	reversal.go what operators take back
//	inquire.go  status inquiries by 0100, reversal advices by 0420
//	link.go     one connection, multiplexed, that keeps itself up and signed on
//	codec.go    messages, bitmaps, the packager
//	spec.go     the packager that is used by default
//	specfile.go a packager from a file
//	pin.go      PIN blocks, field 52
//	reasons.go  response codes
//
// # What it can serve
//
// transfer, merchantpay, billpay, airtime, withdrawal (0200, by processing code)
// and balance (0100), as far as Config.Codes has a processing code. Names, fees and statements
// have no common message: such a call returns core.ErrNotSent, and Serves says so
// beforehand. The payer is field 2 and 102, the payee 103, the action's id and a
// bill's reference travel in 48.
//
// # Ids
//
// Prepare mints the STAN (field 11), the RRN (37: year's last digit, day, hour,
// STAN) and the time (7) of a request; together they are the wire key, stored
// before the request leaves. A STAN is taken from the second of the hour, 277 of
// them in each, so that a restart does not take one twice; an hour has 1,000,000.
// Nodes that share a switch need a terminal (41) each. An answer is matched by
// type, STAN and RRN; one that nobody waits for is dropped.
//
// # Repeats
//
// A 0200 is sent once. One that comes again with its RRN is answered 94 by the
// switch, and the connector reports core.ErrDuplicate: look it up.
//
// # What it has not
//
// ISO 8583 has no callbacks: a switch answers on the connection, or not at all, so
// that none can come late, twice, early, forged or about another amount; an answer
// that comes twice finds nobody the second time. Nor has it a request that is taken
// now and decided later: 09, in progress, only ever answers an inquiry.
//
// # Inquiries and reversals
//
// Inquire sends a 0100 with the original's RRN and data elements (90); the answer
// names the original's response code in a field that is configurable (60). Where
// the switch has no such message, or has not decided, and Config.ReverseAfter is
// set, Inquire sends a reversal advice, 0420, as 0421 when it is repeated, until
// the switch answers it: then no money moved, and the action is refused. The
// ledger's inquiries are what repeats it, so that a restart loses none. With
// neither, an action without an answer waits for an operator.
//
// A payment that the switch confirmed is taken back by the same advice, when two
// operators ask for it (core.Reversal): it names the original by its RRN and data
// elements, and may be sent again. Nothing else is reversed by itself.
//
// An action is first asked about, or its reversal repeated, after 10 s: a switch
// that waits for a bank or a biller commonly does so for 10 to 30 s, and until then
// only says that it is at work (09). The pauses double up to 5 min. Without status
// inquiries nothing can be learnt before Config.ReverseAfter, which is then the
// first pause; without both there is nothing to ask, and the ledger asks rarely.
// At most 20 messages of this kind a second go out, since they share the one
// connection, and its window, with payments. These numbers are ours: parties agree
// on such times, and the configuration can override them.
//
// The horizon (default 10 minutes) is how long an inquiry may be answered "no such
// original" (25) about a request that is still queued in front of the switch.
//
// # The PIN
//
// Field 52 carries an ISO 9564 format 0 block over the last 12 digits of the
// payer's number without its check digit, encrypted by Config.Encrypt, which may
// ask an HSM. Without it no call with a PIN is made.
package iso8583

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"nyota/gateway/core"
)

// Config is how a switch is reached. Address, Terminal and Currency are needed.
type Config struct {
	Address  string      // host:port
	TLS      *tls.Config // nil: plain TCP
	Spec     *Spec       // nil: DefaultSpec
	Terminal string      // field 41, up to 8 characters; one for each node
	Merchant string      // field 42, up to 15 characters
	Acquirer string      // field 32, up to 11 digits
	Currency string      // field 49, ISO 4217 number: 834 is TZS
	Minor    int         // digits of field 4 after the point; 0 to 4

	// Codes are the processing codes (field 3) by call; nil: DefaultCodes. A
	// call without one is not served.
	Codes map[string]string
	// InquiryCode is the processing code of a status inquiry; "": the switch has
	// none. StatusField is where its answer has the original's response code;
	// default 60.
	InquiryCode string
	StatusField int
	// ReverseAfter is how long after it was sent a request without an outcome is
	// reversed; 0: never.
	ReverseAfter time.Duration

	// Encrypt encrypts a PIN block; nil: a call with a PIN is not sent.
	Encrypt func(block [8]byte) ([8]byte, error)

	Reasons map[string]string // overrides what a refusal is called, by response code

	Timeout     time.Duration // of a call whose ctx has no deadline; default 10 s
	ConnectWait time.Duration // longest wait of a call for a connection; default 1 s
	DialTimeout time.Duration // default 2 s
	Backoff     time.Duration // between two dials, growing to 16 times; default 500 ms
	Echo        time.Duration // between echo tests; default 30 s
	Horizon     time.Duration // see core.Switch; default 10 min
	Window      int           // requests without an answer at once; default 256

	Now func() time.Time // default time.Now
	Log *slog.Logger     // nil: nothing is logged
}

// DefaultCodes are common processing codes; switches differ.
func DefaultCodes() map[string]string {
	return map[string]string{
		core.Transfer: "400000", core.MerchantPay: "000000", core.BillPay: "500000", core.Airtime: "560000",
		core.Withdrawal: "010000", core.Balance: "310000",
	}
}

// Connector is a core.Switch that speaks ISO 8583. It is safe for use by many
// goroutines. Close ends the connection and what keeps it up.
type Connector struct {
	cfg  Config
	log  *slog.Logger
	link *link

	mu   sync.Mutex
	hour time.Time // of the STAN
	stan int       // the last one taken

	reversed reversals
}

var _ core.Switch = (*Connector)(nil)

// New checks the configuration and begins to connect. A switch that is not there
// is no error: calls are not sent until it is.
func New(cfg Config) (*Connector, error) {
	if _, _, err := net.SplitHostPort(cfg.Address); err != nil {
		return nil, errors.New("iso8583: address must be host:port")
	}
	if cfg.Codes == nil {
		cfg.Codes = DefaultCodes()
	}
	for call, code := range cfg.Codes {
		if !numeric(code, 6) || !core.Moves(call) && call != core.Balance {
			return nil, fmt.Errorf("iso8583: codes: %s: a call of this connector and 6 digits are needed", call)
		}
	}
	for code, reason := range cfg.Reasons {
		if !core.KnownReason(reason) {
			return nil, fmt.Errorf("iso8583: reasons: %q of %s is no reason of a refusal", reason, code)
		}
	}
	switch {
	case cfg.Terminal == "" || len(cfg.Terminal) > 8 || len(cfg.Merchant) > 15:
		return nil, errors.New("iso8583: the terminal must have 1 to 8 characters, the merchant at most 15")
	case cfg.Acquirer != "" && (len(cfg.Acquirer) > 11 || !numeric(cfg.Acquirer, len(cfg.Acquirer))):
		return nil, errors.New("iso8583: the acquirer must be at most 11 digits")
	case !numeric(cfg.Currency, 3):
		return nil, fmt.Errorf("iso8583: currency %q is not an ISO 4217 number", cfg.Currency)
	case cfg.Minor < 0 || cfg.Minor > 4:
		return nil, errors.New("iso8583: minor must be 0 to 4")
	case cfg.InquiryCode != "" && !numeric(cfg.InquiryCode, 6):
		return nil, errors.New("iso8583: the inquiry's processing code must be 6 digits")
	}
	if cfg.Spec == nil {
		cfg.Spec = DefaultSpec()
	}
	if err := cfg.Spec.check(); err != nil {
		return nil, err
	}
	cfg.defaults()
	c := &Connector{cfg: cfg, log: cfg.Log}
	c.link = newLink(cfg, c.signOn)
	return c, nil
}

func (c *Config) defaults() {
	wait := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	wait(&c.Timeout, 10*time.Second)
	wait(&c.ConnectWait, time.Second)
	wait(&c.DialTimeout, 2*time.Second)
	wait(&c.Backoff, 500*time.Millisecond)
	wait(&c.Echo, 30*time.Second)
	wait(&c.Horizon, 10*time.Minute)
	if c.Window <= 0 {
		c.Window = 256
	}
	if c.StatusField <= 0 {
		c.StatusField = 60
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Close ends the connection. Calls under way end with an unknown outcome.
func (c *Connector) Close() error {
	c.link.close()
	return nil
}

// Horizon returns the configured horizon.
func (c *Connector) Horizon() time.Duration { return c.cfg.Horizon }

var _ core.Paced = (*Connector)(nil)

// Pace depends on what the switch can be asked; see the package's text.
func (c *Connector) Pace(call string) core.Pace {
	p := core.Pace{After: 10 * time.Second, Max: 5 * time.Minute, Rate: 20}
	switch {
	case call == core.Reversal || c.cfg.InquiryCode != "":
	case c.cfg.ReverseAfter > 0:
		p.After, p.Max = c.cfg.ReverseAfter, max(p.Max, c.cfg.ReverseAfter)
	default:
		p.After, p.Max = 5*time.Minute, time.Hour
	}
	return p
}

// Serves says whether a call can be made with this configuration.
func (c *Connector) Serves(call string) bool { return c.cfg.Codes[call] != "" }

// ids are what a request carries on the wire.
type ids struct {
	stan string // field 11, 6 digits
	rrn  string // field 37, 12 digits
	at   string // field 7, MMDDhhmmss
}

func (i ids) key() string { return i.stan + "-" + i.rrn + "-" + i.at }

var errKey = errors.New("its wire key was not prepared")

func parseIDs(key string) (ids, error) {
	p := strings.Split(key, "-")
	if len(p) != 3 || !numeric(p[0], 6) || !numeric(p[1], 12) || !numeric(p[2], 10) {
		return ids{}, errKey
	}
	return ids{p[0], p[1], p[2]}, nil
}

// perSecond is how many STANs a second of the hour has.
const perSecond = 277

// mint takes the next STAN.
func (c *Connector) mint() (ids, error) {
	now := c.cfg.Now().UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	hour := now.Truncate(time.Hour)
	if hour.After(c.hour) {
		c.hour, c.stan = hour, 0
	}
	c.stan = max(c.stan+1, 1+perSecond*int(now.Sub(c.hour)/time.Second))
	if c.stan > 999_999 {
		return ids{}, errors.New("all STANs of this hour are used")
	}
	stan := fmt.Sprintf("%06d", c.stan)
	rrn := strconv.Itoa(c.hour.Year()%10) + fmt.Sprintf("%03d%02d", c.hour.YearDay(), c.hour.Hour()) + stan
	return ids{stan: stan, rrn: rrn, at: now.Format("0102150405")}, nil
}

// Prepare mints the STAN and RRN of an action. A read has no wire key.
func (c *Connector) Prepare(r core.Request) (string, error) {
	if !core.Moves(r.Call) {
		return "", nil
	}
	if r.Call == core.Reversal {
		return reversalKey(r.Args.Get(core.ReversedKey)), nil
	}
	if !c.Serves(r.Call) {
		return "", fmt.Errorf("iso8583: %s: %w", r.Call, errNoCall)
	}
	if _, err := uuid.Parse(r.ID); err != nil || len(r.ID) != 36 {
		return "", fmt.Errorf("iso8583: %s: the id is not a UUID", r.Call)
	}
	i, err := c.mint()
	if err != nil {
		return "", fmt.Errorf("iso8583: %s: %w", r.Call, err)
	}
	return i.key(), nil
}

var errNoCall = errors.New("this core does not serve the call: it has no processing code")

// deadline gives a ctx without a deadline the default one.
func (c *Connector) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.cfg.Timeout)
}

func numeric(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}
