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

// people are the customers of a scenario.
type people struct {
	s       Scenario
	d       *dialog.Dialog
	m       *meter
	free    chan int
	dialled atomic.Int64
	errands atomic.Int64
}

func newPeople(s Scenario, d *dialog.Dialog, m *meter) *people {
	p := &people{s: s, d: d, m: m, free: make(chan int, s.Customers)}
	for i := range s.Customers {
		p.free <- i
	}
	return p
}

// pause waits about d; it is false when the night is over.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(time.Duration(float64(d) * (0.5 + rand.Float64())))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errand is one customer who wants one thing done.
func (p *people) errand(ctx context.Context, who int) {
	what := errandTransfer
	switch r := rand.Float64(); {
	case r < p.s.Mix.Balance:
		what = errandBalance
	case r < p.s.Mix.Balance+p.s.Mix.Bill:
		what = errandBill
	}
	id := p.errands.Add(1)
	for range p.s.Tries {
		switch screen := p.dial(ctx, who, id, what); {
		case screen == "sent" || screen == "balance_show" || screen == "refused":
			return
		case screen == "checking" && rand.Float64() >= p.s.Stubborn:
			// They were told not to repeat it. Half of them look at the balance.
			if rand.Float64() < 0.5 && pause(ctx, p.s.Again) {
				p.dial(ctx, who, 0, errandBalance)
			}
			return
		}
		if !pause(ctx, p.s.Again) {
			return
		}
	}
}

// dial is one dialogue; it returns the last screen, or "" if there was none.
func (p *people) dial(ctx context.Context, who int, errand int64, what string) string {
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
				p.m.refuse()
			}
			p.m.ended(key, attempt{errand: errand, screen: r.Screen})
			return r.Screen
		}
		text := ""
		switch r.Screen {
		case "home":
			if text = what; closed(r.Text, what) {
				p.m.ask()
				p.m.refuse()
				p.say(ctx, dialog.Message{Key: key, Kind: dialog.Abort, Seq: step + 1})
				return "closed"
			}
		case "to":
			text = "0" + number((who + 1) % p.s.Customers)[3:]
		case "amount", "bill_amount":
			text = "1000"
		default: // a PIN: now it is asked for in earnest
			text = pin
		}
		if !pause(ctx, p.s.Think) {
			return ""
		}
		if text == pin {
			p.m.ask()
		}
		m = dialog.Message{Key: key, Kind: dialog.Answer, Text: menus.Typed(text)}
	}
	return ""
}

// say takes a message through its turn. The end of the night cuts nobody off.
func (p *people) say(ctx context.Context, m dialog.Message) (dialog.Reply, bool) {
	ctx = context.WithoutCancel(ctx)
	return p.d.Handle(ctx, m).Reply(ctx)
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
