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
	// inbox returns the SMS of a number that the meter does not know of by itself.
	inbox(msisdn string) []string
}

// direct leads to a dialog in this process.
type direct struct{ d *dialog.Dialog }

func (l direct) say(ctx context.Context, m dialog.Message) (dialog.Reply, bool) {
	return l.d.Handle(ctx, m).Reply(ctx)
}

func (direct) inbox(string) []string { return nil }

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
	who      int
	dice     *rand.Rand
	id       int64  // of the errand
	what     string // it is
	stubborn bool   // pays again whatever he reads
}

// amount is the errand's own: the same amount again is the same errand again.
func (p *person) amount() string { return strconv.FormatInt(1000+p.id%4000, 10) }

// pause waits about d; it is false when the night is over.
func (p *person) pause(ctx context.Context, d time.Duration) bool {
	return until(ctx, time.Now().Add(time.Duration(float64(d)*(0.5+p.dice.Float64()))))
}

// sameKey is after how long at least a customer presses a key a second time, on
// another screen: the gateway takes it for the same one when it comes within a
// second (M9), and a phone's keys are not that quick.
const sameKey = 1100 * time.Millisecond

// How a dialogue ended that came to no screen of the menu's end.
const (
	endClosed = "closed" // the option is not to be had now
	endDone   = "told"   // the customer has read that it was done
	endWaits  = "waits"  // that it is being checked, and hung up
)

// errand is one customer who wants one thing done.
func (all *people) errand(ctx context.Context, who int) {
	id := all.errands.Add(1)
	p := &person{people: all, who: who, id: id, what: errandTransfer,
		dice: rand.New(rand.NewPCG(all.seed, uint64(1000+id)))} //nolint:gosec // a simulation's
	switch r := p.dice.Float64(); {
	case r < p.s.Mix.Balance:
		p.what = errandBalance
	case r < p.s.Mix.Balance+p.s.Mix.Bill:
		p.what = errandBill
	}
	p.stubborn = p.dice.Float64() < p.s.Stubborn
	for range p.s.Tries {
		switch screen := p.dial(ctx, who, p.what); {
		case screen == "sent" || screen == "balance_show" || screen == "refused" || screen == endDone:
			p.m.done()
			return
		case screen == endWaits:
			return
		case screen == "checking" && !p.stubborn:
			p.wonder(ctx)
			return
		}
		if !p.pause(ctx, p.s.Again) {
			return
		}
	}
}

// wonder is what people do who were told to wait for an SMS: half of them look at
// their balance, a quarter call the payee, who looks at his, and a quarter go for
// the same once more, to see what they are told.
func (p *person) wonder(ctx context.Context) {
	r := p.dice.Float64()
	if !p.pause(ctx, p.s.Again) {
		return
	}
	switch {
	case r < 0.5:
		p.dial(ctx, p.who, errandBalance)
	case r < 0.75:
		select {
		case friend := <-p.free:
			p.dial(ctx, friend, errandBalance)
			p.free <- friend
		default: // does not answer
		}
	default:
		switch p.dial(ctx, p.who, p.what) {
		case "sent", "refused", endDone:
			p.m.done()
		}
	}
}

// dial is one dialogue; it returns the last screen, "" if there was none, or how
// else it ended.
func (p *person) dial(ctx context.Context, who int, what string) string {
	key := sessions.Key{Network: "night", MSISDN: number(who), ID: strconv.FormatInt(p.dialled.Add(1), 10)}
	errand := p.id
	if what != p.what {
		errand = 0
	}
	m := dialog.Message{Key: key, Kind: dialog.Dial, Text: "*150#"}
	page := ""  // what was read of a screen, and goes on
	leave := "" // why there is nothing more to do here
	hangUp := func(step uint8, why string) string {
		p.say(ctx, dialog.Message{Key: key, Kind: dialog.Abort, Seq: step})
		return why
	}
	for step := uint8(1); step < 20; step++ {
		m.Seq, m.At = step, time.Now()
		r, ok := p.say(ctx, m)
		if !ok {
			return ""
		}
		p.m.turn(time.Since(m.At))
		text := ""
		if part, more := strings.CutSuffix(r.Text, "\n98 More"); more {
			page, text = page+part+" ", "98"
		} else {
			r.Text, page = page+r.Text, ""
			p.m.read(r.Screen, r.Text)
		}
		if r.End {
			if r.Screen == "not_sent" || r.Screen == "no_balance" {
				p.m.refuse(what, 1)
			}
			p.m.ended(key, attempt{errand: errand, screen: r.Screen})
			return r.Screen
		}
		switch r.Screen {
		case "open":
			if text == "" {
				if why := p.opened(errand, r.Text); why != "" {
					return hangUp(step+1, why)
				}
				text = "1"
			}
		case "again":
			switch {
			case text != "":
			case p.stubborn && errand != 0:
				text = "9"
				p.m.insist(errand)
			default:
				if text, leave = "1", endWaits; Sayings(r.Text)[0].Says == SaysMoved {
					leave = endDone
				}
			}
		case "home":
			switch text = what; {
			case leave != "":
				return hangUp(step+1, leave)
			case closed(r.Text, what):
				p.m.refuse(what, callsOf(what))
				return hangUp(step+1, endClosed)
			}
		case "unavailable": // since the menu was shown
			p.m.refuse(what, callsOf(what))
			return hangUp(step+1, endClosed)
		case "to":
			text = "0" + number((who + 1) % p.s.Customers)[3:]
		case "amount", "bill_amount":
			text = p.amount()
		case "pin", "bill_pin", "balance_pin": // now it is asked for in earnest
			text = pin
			p.m.refuse(what, unnamed(r.Text))
		default:
			p.m.strange(r.Screen, r.Text)
			return hangUp(step+1, "")
		}
		if !p.pause(ctx, p.s.Think) || text == string(m.Text) && !until(ctx, m.At.Add(sameKey)) {
			return ""
		}
		m = dialog.Message{Key: key, Kind: dialog.Answer, Text: menus.Typed(text)}
	}
	return ""
}

// opened is what people make of a dial that says first what became of earlier
// actions: why they hang up, or "" if they go on. Whoever is stubborn, or is here
// for something else, goes on; so do, of those who are told to wait, half.
func (p *person) opened(errand int64, text string) string {
	if errand == 0 || p.stubborn {
		return ""
	}
	for _, s := range Sayings(text) {
		switch {
		case s.Amount != p.amount():
		case s.Says == SaysMoved:
			return endDone
		case s.Says == SaysChecking && p.dice.Float64() < 0.5:
			return endWaits
		}
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

// closed says whether the menu marks an option as not to be had now. One that is
// marked as very busy is chosen all the same.
func closed(text, option string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if rest, ok := strings.CutPrefix(line, option); ok {
			return strings.Contains(rest, "available") // not available now, or unavailable till
		}
	}
	return false
}
