// Package isosim plays a switch that speaks ISO 8583 over TCP, to develop and
// test against: sign-on, echo, financial requests, balances, status inquiries,
// reversals; and it misbehaves on command.
//
//	isosim.go   Config, Core, connections
//	message.go  its own reading and writing of messages: ASCII, a binary bitmap
//	bank.go     what requests do
//	faults.go   what is wrong with it now
//
// Money is in memory. It is no place for real money.
package isosim

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Config is what a simulated switch is made of. The zero value has the customers
// 255700000001 to 255700000009 with 1,000,000 each, and every payee but
// 255799999999.
type Config struct {
	Balances map[string]int64 // by number, in the smallest unit
	Limit    int64            // of one payment; default 5,000,000
	// PIN checks field 52, decrypting it as it likes; nil: every PIN is right.
	PIN        func(number string, block []byte) bool
	MaxRecords int            // requests kept; default 1,000,000
	Rand       func() float64 // in [0, 1): decides whom a fault hits
	Log        *slog.Logger   // nil: nothing is logged
}

// Core is a simulated switch. Serve serves connections until Close.
type Core struct {
	state
	cfg  Config
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	balances map[string]int64
	records  map[string]*record // by RRN
	order    []*record
	advised  map[string]bool // RRNs that were reversed before they came
	posts    int
	advices  int
	conns    map[net.Conn]bool
	listener net.Listener
	closed   bool
}

// New returns a switch without faults that listens nowhere yet.
func New(cfg Config) *Core {
	if cfg.Balances == nil {
		cfg.Balances = map[string]int64{}
		for i := range 9 {
			cfg.Balances["25570000000"+string(rune('1'+i))] = 1_000_000
		}
	}
	if cfg.Limit <= 0 {
		cfg.Limit = 5_000_000
	}
	if cfg.MaxRecords <= 0 {
		cfg.MaxRecords = 1_000_000
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Core{cfg: cfg, balances: map[string]int64{}, records: map[string]*record{}, advised: map[string]bool{}, conns: map[net.Conn]bool{}}
	for n, b := range cfg.Balances {
		c.balances[n] = b
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Serve takes connections until Close; then it returns nil.
func (c *Core) Serve(l net.Listener) error {
	c.mu.Lock()
	c.listener = l
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return l.Close()
	}
	for {
		nc, err := l.Accept()
		if err != nil {
			if c.ctx.Err() != nil {
				return nil
			}
			return err
		}
		c.mu.Lock()
		if c.closed || c.Faults().Down || len(c.conns) >= 1000 {
			_ = nc.Close()
		} else {
			c.conns[nc] = true
			c.wg.Go(func() { c.serve(nc) })
		}
		c.mu.Unlock()
	}
}

// Close ends all connections and waits for what is under way.
func (c *Core) Close() error {
	c.stop()
	c.mu.Lock()
	c.closed = true
	if c.listener != nil {
		_ = c.listener.Close()
	}
	c.cut()
	c.mu.Unlock()
	c.wg.Wait()
	return nil
}

// cut ends all connections. It is called with mu held.
func (c *Core) cut() {
	for nc := range c.conns {
		_ = nc.Close()
	}
}

// serve reads one connection. Requests are worked on at the same time.
func (c *Core) serve(nc net.Conn) {
	var work sync.WaitGroup
	var writing sync.Mutex
	defer func() {
		_ = nc.Close()
		c.mu.Lock()
		delete(c.conns, nc)
		c.mu.Unlock()
		work.Wait()
	}()
	slots := make(chan struct{}, 1000)
	r := bufio.NewReader(nc)
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		m, err := decode(body)
		if err != nil {
			c.cfg.Log.Info("a message that cannot be read", "err", err)
			return
		}
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			for _, a := range c.answer(m) {
				frame := a.encode()
				writing.Lock()
				_ = nc.SetWriteDeadline(time.Now().Add(5 * time.Second))
				_, err := nc.Write(binary.BigEndian.AppendUint16(nil, uint16(len(frame))))
				if err == nil {
					_, err = nc.Write(frame)
				}
				writing.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
}
