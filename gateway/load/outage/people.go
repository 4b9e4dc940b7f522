package outage

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/sessions"
)

// pin is everybody's.
const pin = "1234"

// number is the MSISDN of a customer.
func number(i int) string { return "2556" + strconv.Itoa(100_000_000 + i)[1:] }

// errands of people, by the option that each is in the menu.
const (
	errandTransfer = "1"
	errandBill     = "2"
	errandBalance  = "3"
)

// callsOf is how many calls an errand makes of the core: name, fee and transfer.
func callsOf(errand string) int {
	if errand == errandTransfer {
		return 3
	}
	return 1
}

// line is how people reach the gateway.
type line interface {
	// say takes a message through its turn; false: there is no screen.
	say(ctx context.Context, m dialog.Message) (dialog.Reply, bool)
}

// direct leads to a dialog in this process.
type direct struct{ d *dialog.Dialog }

func (l direct) say(ctx context.Context, m dialog.Message) (dialog.Reply, bool) {
	return l.d.Handle(ctx, m).Reply(ctx)
}

// people are the customers of a scenario.
type people struct {
	s       Scenario
	seed    uint64
	line    line
	m       *meter
	free    chan int
	dialled atomic.Int64
	errands atomic.Int64
}

func newPeople(cfg Config, l line, m *meter) *people {
	p := &people{s: cfg.Scenario, seed: cfg.Seed, line: l, m: m, free: make(chan int, cfg.Scenario.Customers)}
	for i := range p.s.Customers {
		p.free <- i
	}
	return p
}

// person is a customer on an errand, with dice of his own.
type person struct {
	*people
	who  int
	dice *rand.Rand
}

// pause waits about d; it is false when the night is over.
func (p *person) pause(ctx context.Context, d time.Duration) bool {
	return until(ctx, time.Now().Add(time.Duration(float64(d)*(0.5+p.dice.Float64()))))
}

// errand is one customer who wants one thing done.
func (all *people) errand(ctx context.Context, who int) {
	id := all.errands.Add(1)
	p := &person{people: all, who: who, dice: rand.New(rand.NewPCG(all.seed, uint64(1000+id)))} //nolint:gosec // a simulation's
	what := errandTransfer
	switch r := p.dice.Float64(); {
	case r < p.s.Mix.Balance:
		what = errandBalance
	case r < p.s.Mix.Balance+p.s.Mix.Bill:
		what = errandBill
	}
	for range p.s.Tries {
		switch screen := p.dial(ctx, who, id, what); {
		case screen == "sent" || screen == "balance_show" || screen == "refused":
			p.m.done()
			return
		case screen == "checking" && p.dice.Float64() >= p.s.Stubborn:
			p.wonder(ctx)
			return
		}
		if !p.pause(ctx, p.s.Again) {
			return
		}
	}
}

// wonder is what people do who were told to wait for an SMS: half of them look at
// their balance, and a quarter call the payee, who looks at his.
func (p *person) wonder(ctx context.Context) {
	switch r := p.dice.Float64(); {
	case r >= 0.75 || !p.pause(ctx, p.s.Again):
	case r < 0.5:
		p.dial(ctx, p.who, 0, errandBalance)
	default:
		select {
		case friend := <-p.free:
			p.dial(ctx, friend, 0, errandBalance)
			p.free <- friend
		default: // does not answer
		}
	}
}

// dial is one dialogue; it returns the last screen, or "" if there was none.
func (p *person) dial(ctx context.Context, who int, errand int64, what string) string {
	key := sessions.Key{Network: "night", MSISDN: number(who), ID: strconv.FormatInt(p.dialled.Add(1), 10)}
	m := dialog.Message{Key: key, Kind: dialog.Dial, Text: "*150#"}
	for step := uint8(1); step < 12; step++ {
		m.Seq, m.At = step, time.Now()
		r, ok := p.say(ctx, m)
		if !ok {
			return ""
		}
		p.m.turn(time.Since(m.At))
		if r.End {
			if r.Screen == "not_sent" || r.Screen == "no_balance" {
				p.m.refuse(what, 1)
			}
			p.m.ended(key, attempt{errand: errand, screen: r.Screen})
			return r.Screen
		}
		text := ""
		switch r.Screen {
		case "home":
			if text = what; closed(r.Text, what) {
				p.m.refuse(what, callsOf(what))
				p.say(ctx, dialog.Message{Key: key, Kind: dialog.Abort, Seq: step + 1})
				return "closed"
			}
		case "to":
			text = "0" + number((who + 1) % p.s.Customers)[3:]
		case "amount", "bill_amount":
			text = "1000"
		default: // a PIN: now it is asked for in earnest
			text = pin
			p.m.refuse(what, unnamed(r.Text))
		}
		if !p.pause(ctx, p.s.Think) {
			return ""
		}
		m = dialog.Message{Key: key, Kind: dialog.Answer, Text: menus.Typed(text)}
	}
	return ""
}

// say takes a message through its turn, at most as long as people wait for a
// screen. The end of the night cuts nobody off.
func (p *person) say(ctx context.Context, m dialog.Message) (dialog.Reply, bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.s.Patience)
	defer cancel()
	return p.line.say(ctx, m)
}

// closed says whether the menu marks an option as not to be had now.
func closed(text, option string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if rest, ok := strings.CutPrefix(line, option); ok {
			return strings.Contains(rest, "(")
		}
	}
	return false
}
