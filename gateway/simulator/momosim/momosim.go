// Package momosim plays MTN's MoMo API over HTTP, to develop and test against:
// collection (requesttopay, requesttowithdraw), disbursement (transfer, refund),
// tokens, names, callbacks; and it misbehaves on command.
//
//	momosim.go   Config, Core, tokens, the order of things
//	resources.go POST and GET of requests that move money, callbacks
//	faults.go    what is wrong with it now: GET and PUT /faults, GET /effects
//
// Money is in memory: subscribers have wallets, the API user has an account for
// each product. It is no place for real money.
package momosim

import (
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"nyota/gateway/simulator/faults"
)

// Config is what a simulated MoMo is made of. The zero value has the subscribers
// 255700000001 to 255700000009 with 1,000,000 each, and accepts any keys.
type Config struct {
	Currency    string            // default TZS
	Environment string            // wanted in X-Target-Environment; "" accepts all
	User, Key   string            // wanted for a token; "" accepts all
	Subscribers map[string]int64  // balances by MSISDN
	Names       map[string]string // by MSISDN
	TokenLife   time.Duration     // default 1 h
	Limit       int64             // of one payment; default 5,000,000
	MaxRecords  int               // resources kept; default 1,000,000
	Now         func() time.Time  // default time.Now
	Rand        func() float64    // in [0, 1): decides whom a fault hits
	Log         *slog.Logger      // nil: nothing is logged
}

// Core is a simulated MoMo: an http.Handler. Close ends what it still does.
type Core struct {
	state
	cfg    Config
	mux    *http.ServeMux
	client *http.Client
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup // decisions and callbacks to come

	mu        sync.Mutex
	balances  map[string]int64
	resources map[string]*resource // by reference
	order     []*resource
	tokens    map[string]time.Time // until when
	posts     int
	fetched   int
	sequence  int
	closed    bool
}

// New returns a running core without faults.
func New(cfg Config) *Core {
	if cfg.Currency == "" {
		cfg.Currency = "TZS"
	}
	if cfg.Subscribers == nil {
		cfg.Subscribers = map[string]int64{}
		for i := range 9 {
			cfg.Subscribers["25570000000"+string(rune('1'+i))] = 1_000_000
		}
	}
	if cfg.Names == nil {
		cfg.Names = map[string]string{"255700000001": "Asha Juma Mwinyi", "255700000002": "Baraka Elias Mushi"}
	}
	if cfg.TokenLife <= 0 {
		cfg.TokenLife = time.Hour
	}
	if cfg.Limit <= 0 {
		cfg.Limit = 5_000_000
	}
	if cfg.MaxRecords <= 0 {
		cfg.MaxRecords = 1_000_000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = mathrand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Core{
		cfg: cfg, mux: http.NewServeMux(),
		client:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 5 * time.Second},
		balances: map[string]int64{}, resources: map[string]*resource{}, tokens: map[string]time.Time{},
	}
	for n, b := range cfg.Subscribers {
		c.balances[n] = b
	}
	_ = c.SetFaults(DefaultFaults())
	c.ctx, c.stop = context.WithCancel(context.Background())
	faults.Serve(c.mux, c.Faults, c.SetFaults, c.Effects)
	c.mux.HandleFunc("POST /{product}/token/", c.guard(c.postToken))
	c.mux.HandleFunc("GET /{product}/v1_0/account/balance", c.guard(c.getBalance))
	c.mux.HandleFunc("GET /{product}/v1_0/accountholder/msisdn/{msisdn}/basicuserinfo", c.guard(c.getName))
	for _, version := range []string{"v1_0", "v2_0"} {
		c.mux.HandleFunc("POST /{product}/"+version+"/{kind}", c.guard(c.post(version)))
	}
	c.mux.HandleFunc("GET /{product}/v1_0/{kind}/{reference}", c.guard(c.get))
	return c
}

// ServeHTTP serves the API and, at the root, the developer's side.
func (c *Core) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// Close ends decisions and callbacks that are still to come.
func (c *Core) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.wg.Wait()
	c.client.CloseIdleConnections()
	return nil
}

// guard is what every request of the API passes first.
func (c *Core) guard(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := c.Faults()
		if f.Down {
			panic(http.ErrAbortHandler)
		}
		if f.Status != 0 {
			faults.Answer(w, f.Status, map[string]string{"code": "SERVICE_UNAVAILABLE", "message": "try again later"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		h(w, r)
	}
}

func complain(w http.ResponseWriter, status int, code, message string) {
	faults.Answer(w, status, map[string]string{"code": code, "message": message})
}

func (c *Core) postToken(w http.ResponseWriter, r *http.Request) {
	user, key, ok := r.BasicAuth()
	if !ok || c.cfg.User != "" && user != c.cfg.User || c.cfg.Key != "" && key != c.cfg.Key {
		faults.Answer(w, http.StatusUnauthorized, map[string]string{"error": "login_failed"})
		return
	}
	token := rand.Text()
	c.mu.Lock()
	c.fetched++
	if len(c.tokens) > 1000 {
		clear(c.tokens)
	}
	c.tokens[token] = c.cfg.Now().Add(c.cfg.TokenLife)
	c.mu.Unlock()
	faults.Answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "access_token", "expires_in": int(c.cfg.TokenLife.Seconds())})
}

// Tokens returns how many tokens were given out.
func (c *Core) Tokens() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fetched
}

// RevokeTokens makes all tokens worthless before their time.
func (c *Core) RevokeTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tokens)
}

// authorised checks what every request carries.
func (c *Core) authorised(w http.ResponseWriter, r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c.mu.Lock()
	ends := c.tokens[token]
	c.mu.Unlock()
	switch {
	case r.Header.Get("Ocp-Apim-Subscription-Key") == "":
		faults.Answer(w, http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "Access denied due to missing subscription key."})
	case !ok || !c.cfg.Now().Before(ends):
		faults.Answer(w, http.StatusUnauthorized, map[string]string{"error": "token expired or unknown"})
	case c.cfg.Environment != "" && r.Header.Get("X-Target-Environment") != c.cfg.Environment:
		complain(w, http.StatusInternalServerError, "NOT_ALLOWED_TARGET_ENVIRONMENT", "access to target environment is forbidden")
	default:
		return true
	}
	return false
}

func (c *Core) getBalance(w http.ResponseWriter, r *http.Request) {
	if c.authorised(w, r) {
		faults.Answer(w, http.StatusOK, map[string]string{"availableBalance": "1000000", "currency": c.cfg.Currency})
	}
}

func (c *Core) getName(w http.ResponseWriter, r *http.Request) {
	if !c.authorised(w, r) {
		return
	}
	name := c.cfg.Names[r.PathValue("msisdn")]
	if name == "" {
		complain(w, http.StatusNotFound, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
		return
	}
	given, family, _ := strings.Cut(name, " ")
	faults.Answer(w, http.StatusOK, map[string]string{"given_name": given, "family_name": family, "status": "ACTIVE"})
}
