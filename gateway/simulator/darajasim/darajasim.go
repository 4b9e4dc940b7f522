// Package darajasim plays Safaricom's Daraja API over HTTP, to develop and test
// against: tokens, STK push and its query, B2C payments, reversals,
// TransactionStatusQuery, results by callback; and it misbehaves on command.
//
//	darajasim.go  Config, Core, tokens
//	payments.go   pushes and payouts, and what becomes of them
//	reversal.go   pushes taken back
//	queries.go    stkpushquery, TransactionStatusQuery
//	faults.go     what is wrong with it now: GET and PUT /faults, GET /effects
//
// Money is in memory. It is no place for real money.
package darajasim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"nyota/gateway/simulator/faults"
)

// Config is what a simulated Daraja is made of. The zero value has the
// subscribers 255700000001 to 255700000009 with 1,000,000 each, and accepts any
// keys.
type Config struct {
	Key, Secret string           // wanted for a token; "" accepts all
	Passkey     string           // wanted in the password of a push; "" accepts all
	Initiator   string           // password wanted in a SecurityCredential, with Private; "" accepts all
	Private     *rsa.PrivateKey  // opens SecurityCredentials
	Subscribers map[string]int64 // balances by MSISDN
	Float       int64            // what the short code has; default 100,000,000
	Limit       int64            // of one payment; default 5,000,000
	TokenLife   time.Duration    // default 1 h
	MaxRecords  int              // payments kept; default 1,000,000
	Now         func() time.Time // default time.Now
	Rand        func() float64   // in [0, 1): decides whom a fault hits
	Log         *slog.Logger     // nil: nothing is logged
}

// Core is a simulated Daraja: an http.Handler. Close ends what it still does.
type Core struct {
	state
	cfg    Config
	mux    *http.ServeMux
	client *http.Client
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup // decisions and callbacks to come

	mu       sync.Mutex
	balances map[string]int64
	byID     map[string]*payment // CheckoutRequestID or OriginatorConversationID
	order    []*payment
	tokens   map[string]time.Time
	posts    int
	fetched  int
	sequence int
	closed   bool
}

// New returns a running core without faults.
func New(cfg Config) *Core {
	if cfg.Subscribers == nil {
		cfg.Subscribers = map[string]int64{}
		for i := range 9 {
			cfg.Subscribers["25570000000"+string(rune('1'+i))] = 1_000_000
		}
	}
	if cfg.Float <= 0 {
		cfg.Float = 100_000_000
	}
	if cfg.Limit <= 0 {
		cfg.Limit = 5_000_000
	}
	if cfg.TokenLife <= 0 {
		cfg.TokenLife = time.Hour
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
		cfg: cfg, mux: http.NewServeMux(), balances: map[string]int64{shortCode: cfg.Float},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 5 * time.Second},
		byID:   map[string]*payment{}, tokens: map[string]time.Time{},
	}
	for n, b := range cfg.Subscribers {
		c.balances[n] = b
	}
	_ = c.SetFaults(DefaultFaults())
	c.ctx, c.stop = context.WithCancel(context.Background())
	faults.Serve(c.mux, c.Faults, c.SetFaults, c.Effects)
	c.mux.HandleFunc("GET /oauth/v1/generate", c.guard(c.getToken))
	c.mux.HandleFunc("POST /mpesa/stkpush/v1/processrequest", c.guard(c.authorised(c.push)))
	c.mux.HandleFunc("POST /mpesa/b2c/v3/paymentrequest", c.guard(c.authorised(c.payout)))
	c.mux.HandleFunc("POST /mpesa/reversal/v1/request", c.guard(c.authorised(c.reverse)))
	c.mux.HandleFunc("POST /mpesa/stkpushquery/v1/query", c.guard(c.authorised(c.queryPush)))
	c.mux.HandleFunc("POST /mpesa/transactionstatus/v1/query", c.guard(c.authorised(c.queryStatus)))
	return c
}

// shortCode is the account of every organisation here.
const shortCode = "short-code"

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

func (c *Core) guard(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := c.Faults()
		if f.Down {
			panic(http.ErrAbortHandler)
		}
		if f.Status != 0 {
			complain(w, f.Status, "500.003.02", "Error Occurred: Spike Arrest Violation")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		h(w, r)
	}
}

// authorised checks the token and reads the body, an object of texts.
func (c *Core) authorised(h func(http.ResponseWriter, map[string]string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		c.mu.Lock()
		if strings.Contains(r.URL.Path, "request") {
			c.posts++
		}
		ends := c.tokens[token]
		c.mu.Unlock()
		if !c.cfg.Now().Before(ends) {
			complain(w, http.StatusUnauthorized, "404.001.03", "Invalid Access Token")
			return
		}
		var body map[string]string
		if json.NewDecoder(r.Body).Decode(&body) != nil {
			complain(w, http.StatusBadRequest, "400.002.05", "Invalid Request Payload")
			return
		}
		h(w, body)
	}
}

func (c *Core) getToken(w http.ResponseWriter, r *http.Request) {
	key, secret, ok := r.BasicAuth()
	if !ok || c.cfg.Key != "" && key != c.cfg.Key || c.cfg.Secret != "" && secret != c.cfg.Secret {
		complain(w, http.StatusBadRequest, "400.008.01", "Invalid Authentication passed")
		return
	}
	token := rand.Text()
	c.mu.Lock()
	c.fetched++
	if len(c.tokens) > 10_000 {
		clear(c.tokens)
	}
	c.tokens[token] = c.cfg.Now().Add(c.cfg.TokenLife)
	c.mu.Unlock()
	faults.Answer(w, http.StatusOK, map[string]string{"access_token": token, "expires_in": fmt.Sprint(int(c.cfg.TokenLife.Seconds()))})
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

// credential checks a SecurityCredential.
func (c *Core) credential(s string) bool {
	if c.cfg.Private == nil {
		return s != ""
	}
	sealed, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return false
	}
	//lint:ignore SA1019 the API wants this padding and no other
	plain, err := rsa.DecryptPKCS1v15(nil, c.cfg.Private, sealed)
	return err == nil && (c.cfg.Initiator == "" || string(plain) == c.cfg.Initiator)
}

// call sends a result, as often as said. What fails is not tried again.
func (c *Core) call(url string, result any, times int) {
	body, err := json.Marshal(result)
	if err != nil || url == "" {
		return
	}
	for range times {
		req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.client.Do(req)
		if err != nil {
			c.cfg.Log.Info("a callback failed")
			continue
		}
		_ = resp.Body.Close()
	}
}

func complain(w http.ResponseWriter, status int, code, message string) {
	faults.Answer(w, status, map[string]string{"requestId": "1-1-1", "errorCode": code, "errorMessage": message})
}
