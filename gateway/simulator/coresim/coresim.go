// Package coresim is a core switch to develop and test against: it speaks the
// GSMA Mobile Money API v1.2 over HTTP, keeps accounts in double entry, and can
// be made as slow, as silent or as dead as a core is on a bad night.
//
//	coresim.go      Config, Core: the HTTP surface and the order of things
//	faults.go       what is wrong with it now: GET and PUT /faults
//	pool.go         its workers, and the queue in front of them
//	bank.go         accounts, PINs, limits, fees, postings
//	directory.go    the people, agents, merchants and billers it ships with
//	transactions.go POST /transactions/type/{type}, request states, responses
//	reversal.go     payments taken back
//	statement.go    what took effect, as the CSV file that operators get
//	reads.go        names, balances, statements, quotations, heartbeat
//	wire.go         the API's objects
//
// It behaves as cores do where that hurts: a request waits in a long queue and
// is executed even when nobody waits for it any more, an answer may be lost
// after the money moved, and a repeat of a correlation id is refused, not
// answered again. It reads X-Request-Deadline no more than they do.
//
// All of it is in memory and bounded; it is no place for real money.
package coresim

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a simulated core is made of. The zero value is a core with the
// accounts, tariff and limits of directory.go and no faults.
type Config struct {
	BasePath string // of the API; default /v1.2/mm
	Currency string // default TZS; amounts are whole
	APIKey   string // wanted in X-API-Key; "" accepts all

	// Directory is who there is; nil means DefaultDirectory.
	Directory *Directory
	// Limits on a payment; zero fields mean the defaults.
	Limits Limits
	// PINTries is how many wrong PINs in a row lock it; default 3.
	PINTries int
	// PINKey, if set, is the private key for PINs that come as a JWE; PINs in
	// clear are then refused.
	PINKey any
	// Day is where the limits' day begins and ends; default UTC+3.
	Day *time.Location

	Faults     *Faults // to begin with; nil means DefaultFaults
	MaxQueue   int     // requests waiting for a worker; default 1,000,000
	MaxRecords int     // transactions and request states kept; default 2,000,000

	Now  func() time.Time // default time.Now
	Rand func() float64   // in [0, 1): decides whom a fault hits; default math/rand
	// Worked, if set, hears of every request that a worker is through with. It is
	// called on the worker and must not block.
	Worked func(Work)
	Log    *slog.Logger // nil: nothing is logged
}

// Work is a request that a worker had in hand.
type Work struct {
	Pattern      string // of the request, as GET /v1.2/mm/heartbeat
	Began, Ended time.Time
	// Left says that whoever asked did not wait for the end, and Lost that a fault
	// kept the answer from somebody who did.
	Left, Lost bool
}

// Core is a simulated core switch: an http.Handler that serves the API under its
// base path and, at the root, the developer's side: GET and PUT /faults, GET
// /effects, GET /statement.csv, GET /accounts and POST /accounts/{id}/unlock.
type Core struct {
	cfg       Config
	mux       *http.ServeMux
	pool      *pool
	callbacks *http.Client

	stop context.CancelFunc
	ctx  context.Context // ends with Close
	wg   sync.WaitGroup  // answers to be given later, callbacks

	mu       sync.Mutex
	faults   Faults
	cut      chan struct{} // closed when the core goes down
	bank     *bank
	requests map[string]*request // by correlation id
	states   map[string]*request // by server's correlation id
	calling  int                 // callbacks under way
	posts    int                 // requests to move money
}

// New returns a running core. Close ends it. A Directory that contradicts itself,
// or Faults out of their bounds, are mistakes in the program: New panics.
func New(cfg Config) *Core {
	if cfg.BasePath == "" {
		cfg.BasePath = "/v1.2/mm"
	}
	if cfg.Currency == "" {
		cfg.Currency = "TZS"
	}
	if cfg.Directory == nil {
		d := DefaultDirectory()
		cfg.Directory = &d
	}
	cfg.Limits.defaults()
	if cfg.PINTries <= 0 {
		cfg.PINTries = 3
	}
	if cfg.Day == nil {
		cfg.Day = time.FixedZone("EAT", 3*3600)
	}
	if cfg.Faults == nil {
		f := DefaultFaults()
		cfg.Faults = &f
	}
	if err := cfg.Faults.check(); err != nil {
		panic(err)
	}
	if cfg.MaxQueue <= 0 {
		cfg.MaxQueue = 1_000_000
	}
	if cfg.MaxRecords <= 0 {
		cfg.MaxRecords = 2_000_000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b, err := newBank(cfg)
	if err != nil {
		panic(err)
	}
	c := &Core{
		cfg:       cfg,
		pool:      newPool(cfg.MaxQueue),
		callbacks: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 5 * time.Second},
		cut:       make(chan struct{}),
		bank:      b,
		requests:  make(map[string]*request),
		states:    make(map[string]*request),
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.apply(*cfg.Faults)
	c.routes()
	return c
}

// Close ends the workers, whatever still waits for them, and callbacks.
func (c *Core) Close() error {
	c.stop()
	c.pool.close()
	c.wg.Wait()
	c.callbacks.CloseIdleConnections()
	return nil
}

func (c *Core) routes() {
	c.mux = http.NewServeMux()
	c.mux.HandleFunc("GET /faults", c.getFaults)
	c.mux.HandleFunc("PUT /faults", c.putFaults)
	c.mux.HandleFunc("GET /effects", c.getEffects)
	c.mux.HandleFunc("GET /statement.csv", c.getBooks)
	c.mux.HandleFunc("GET /accounts", c.getAccounts)
	c.mux.HandleFunc("POST /accounts/{id}/unlock", c.unlock)

	api := func(method, path string, h http.HandlerFunc) {
		c.mux.HandleFunc(method+" "+c.cfg.BasePath+path, c.guard(h))
	}
	api("POST", "/transactions/{reference}/{what}", c.postTransactions)
	api("GET", "/transactions/{reference}", c.getTransaction)
	api("GET", "/requeststates/{id}", c.getState)
	api("GET", "/responses/{id}", c.getResponse)
	api("POST", "/quotations", c.postQuotation)
	api("GET", "/accounts/{account}/accountname", c.getName)
	api("GET", "/accounts/{type}/{identifier}/accountname", c.getName)
	api("GET", "/accounts/{account}/balance", c.getBalance)
	api("GET", "/accounts/{type}/{identifier}/balance", c.getBalance)
	api("GET", "/accounts/{account}/statemententries", c.getStatement)
	api("GET", "/accounts/{type}/{identifier}/statemententries", c.getStatement)
	api("PATCH", "/accounts/{type}/{identifier}", c.patchAccount)
	api("GET", "/heartbeat", c.getHeartbeat)
	c.mux.HandleFunc(c.cfg.BasePath+"/", c.guard(func(w http.ResponseWriter, _ *http.Request) {
		c.write(w, refuse(http.StatusNotFound, "validation", "formatError", "this core has no such resource").reply())
	}))
}

// ServeHTTP serves the API and the developer's side.
func (c *Core) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// guard is what every request of the API passes first: a dead core cuts the
// connection, a living one asks for its key.
func (c *Core) guard(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if c.Faults().Down {
			panic(http.ErrAbortHandler)
		}
		if c.cfg.APIKey != "" && !same(r.Header.Get("X-API-Key"), c.cfg.APIKey) {
			c.write(w, refuse(http.StatusUnauthorized, "authorisation", "clientAuthorisationError", "the client's key is not known").reply())
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		h(w, r)
	}
}

var _ http.Handler = (*Core)(nil)

// reply is an answer to be written, or lost.
type reply struct {
	status int
	body   any
	lost   bool   // the connection is cut instead
	before func() // is done before the answer leaves; nil: nothing
	rows   int    // X-Records-Returned-Count, if the body is a list
	list   bool
}

// work queues a job for a worker and writes its reply. If the client goes away
// meanwhile the job stays in the queue and is done all the same.
func (c *Core) work(w http.ResponseWriter, r *http.Request, job func() reply) {
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	done := make(chan reply, 1)
	var left atomic.Bool
	err := c.pool.submit(func(began time.Time) {
		out := job()
		if c.cfg.Worked != nil {
			w := Work{Pattern: r.Pattern, Began: began, Ended: time.Now(), Left: left.Load(), Lost: out.lost}
			select {
			case <-cut:
				w.Lost = !w.Left
			default:
			}
			c.cfg.Worked(w)
		}
		done <- out
	})
	if err != nil {
		c.write(w, refuse(http.StatusServiceUnavailable, "serviceUnavailable", "genericError", "the core's queue is full").reply())
		return
	}
	select {
	case out := <-done:
		if out.before != nil {
			out.before()
		}
		c.write(w, out)
	case <-r.Context().Done():
		left.Store(true)
		panic(http.ErrAbortHandler) // nobody reads it, but an empty 200 would be a lie
	case <-cut:
		panic(http.ErrAbortHandler)
	case <-c.ctx.Done():
		panic(http.ErrAbortHandler)
	}
}

var errBusy = errors.New("coresim: the queue is full")
