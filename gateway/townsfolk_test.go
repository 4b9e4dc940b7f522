package main

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"nyota/gateway/load/outage"
	"nyota/gateway/simulator"
)

// customers are how many people live in a town. A ninth phone is their payee.
const (
	customers = 6
	receiver  = "255700000009"
)

// errand is what a customer did about one amount, which is no other errand's.
type errand struct {
	payer  string
	amount int
	asked  int // times that "send again" was pressed
	walks  []walk
}

// walk is one way through a dialogue.
type walk struct {
	told string // the last screen's id, "" if none came
	pin  bool   // the PIN was typed
	left bool   // at "the same again?"
	read []outage.Saying
}

// surely says that the customer has read that it was done.
func (w walk) surely() bool { return w.told == "sent" }

// perhaps says that money may have moved, for all that the customer has read.
func (w walk) perhaps() bool {
	switch w.told {
	case "sent", "not_sent", "refused", "send_short":
		return false
	}
	return w.pin && !w.left
}

// customer goes on errands until stop: most pay, and some of these once more, some
// ask for the balance.
func (c *town) customer(msisdn string, next *atomic.Int64, stop <-chan struct{}) (all []errand) {
	h := c.handset(msisdn)
	for {
		select {
		case <-stop:
			return all
		default:
		}
		if rand.N(8) == 0 {
			c.walk(h, map[string]string{"open": "1", "home": "5", "balance_pin": testPIN}, nil)
			continue
		}
		e := errand{payer: msisdn, amount: int(next.Add(1))}
		press := keys(receiver, strconv.Itoa(e.amount))
		for again := true; again; again = rand.N(3) == 0 {
			w := c.walk(h, press, &e)
			e.walks = append(e.walks, w)
			if w.surely() {
				c.sent.Add(1)
			}
		}
		all = append(all, e)
	}
}

// walk dials and presses keys until there is nothing more to press. Now and then
// the customer changes his mind on the way, and dials again. e is nil if nothing is
// paid.
func (c *town) walk(h remote, press map[string]string, e *errand) (w walk) {
	dial := func() bool {
		_ = h.hangUp()
		return h.dial("*150*00#") == nil
	}
	if !dial() {
		return w
	}
	page := "" // of a screen that goes on
	for keys := 0; keys < 40; keys++ {
		shown, ok := settles(h, 1500*time.Millisecond)
		if !ok {
			return w
		}
		if part, more := strings.CutSuffix(shown.Screen, "\n98 More"); more && shown.State == simulator.Asking {
			if page += part + " "; h.press("98") != nil {
				return w
			}
			continue
		}
		if names(shown.ScreenID) {
			w.read = append(w.read, outage.Sayings(page+shown.Screen)...)
		}
		page = ""
		if shown.State != simulator.Asking {
			if shown.State == simulator.Ended {
				w.told = shown.ScreenID
			}
			return w
		}
		text, known := press[shown.ScreenID]
		switch {
		case shown.ScreenID == "again":
			if text = "1"; e != nil && rand.N(2) == 0 {
				text = "9"
				e.asked++
			}
			w.left = text == "1"
		case shown.ScreenID == "home" && w.left:
			_ = h.hangUp()
			return w
		case !known:
			w.told = shown.ScreenID
			return w
		case !w.pin && rand.N(20) == 0: // so that no earlier part of it can have paid
			if !dial() {
				return w
			}
			continue
		}
		w.pin = w.pin || e != nil && shown.ScreenID == "send_pin"
		if h.press(text) != nil {
			return w
		}
	}
	return w
}

// names says whether a screen names the action that it speaks of.
func names(screen string) bool {
	switch screen {
	case "open", "again", "sent", "checking", "still_checking":
		return true
	}
	return false
}
