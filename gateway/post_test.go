package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/gateway/ledger"
	"nyota/gateway/load/outage"
	"nyota/gateway/simulator"
	"nyota/sessions"
)

// mail is every SMS that came to the town's phones: a phone's own inbox keeps the
// newest only.
type mail struct {
	mu    sync.Mutex
	boxes map[string]map[int]simulator.SMS
}

// collect looks into every inbox.
func (m *mail) collect(c *town) error {
	for i := range 9 {
		h := c.handset(fmt.Sprintf("25570000000%d", i+1))
		s, err := h.snapshot()
		if err != nil {
			return err
		}
		m.mu.Lock()
		if m.boxes[h.msisdn] == nil {
			m.boxes[h.msisdn] = map[int]simulator.SMS{}
		}
		for _, sms := range s.Inbox {
			m.boxes[h.msisdn][sms.ID] = sms
		}
		m.mu.Unlock()
	}
	return nil
}

// outstanding is how long the submit of an SMS may be under way in a gateway, from
// when the operator took it to when the store knows of that, on a busy machine.
const outstanding = time.Second

// copies counts the SMS that came more than once. A gateway submits the same text
// again only if it does not know what became of the first submit (M5), and as this
// operator answers every one, that is so only if a gateway was killed after the
// operator took the first, before the store knew, and before the second came.
// slowest is the longest time from a first to its kill.
func (m *mail) copies(kills []span) (n int, slowest time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	blamed := make([]int, len(kills))
	for msisdn, box := range m.boxes {
		byText := map[string][]time.Time{}
		for _, sms := range box {
			byText[sms.Text] = append(byText[sms.Text], sms.At)
		}
		for text, at := range byText {
			slices.SortFunc(at, time.Time.Compare)
			for i := 1; i < len(at); i++ {
				n++
				k := slices.IndexFunc(kills, func(k span) bool {
					return !at[i-1].After(k.to) && k.from.Before(at[i]) && k.from.Sub(at[i-1]) <= outstanding
				})
				if k < 0 {
					return n, slowest, fmt.Errorf("M5: %s has %q at %v and again at %v, and no gateway was killed between with the first submit under way", msisdn, text, at[i-1], at[i])
				}
				slowest = max(slowest, kills[k].from.Sub(at[i-1]))
				if blamed[k]++; blamed[k] > 2*customers {
					return n, slowest, fmt.Errorf("M5: the kill at %v cannot have caught so many submits", kills[k].from)
				}
			}
		}
	}
	return n, slowest, nil
}

// books are the payments that the core made.
type books struct {
	amounts map[int][]string  // the actions by their amount
	names   map[string]string // the actions by what they are called: by the core, and by us
}

// books reads them. Its error says what happened more than once.
func (c *town) books() (books, error) {
	b := books{amounts: map[int][]string{}, names: map[string]string{}}
	for _, e := range effects(c.t, c.core) {
		if e.Times > 1 {
			return b, fmt.Errorf("%+v: one action took effect more than once", e)
		}
		n, _ := strconv.Atoi(e.Amount)
		b.amounts[n] = append(b.amounts[n], e.CorrelationID)
		b.names[ledger.Reference(sessions.Action{ID: e.CorrelationID})] = e.CorrelationID
	}
	resp, err := http.Get("http://" + c.core + "/statement.csv") //nolint:noctx // a test's own core
	if err != nil {
		return b, err
	}
	defer func() { _ = resp.Body.Close() }()
	rows, err := csv.NewReader(resp.Body).ReadAll()
	for _, row := range rows {
		b.names[row[1]] = row[0]
	}
	return b, err
}

// hold holds what was said of an action against the books.
func (b books) hold(s outage.Saying) error {
	refs := strings.Split(s.Ref, "/")
	switch s.Says {
	case outage.SaysMoved:
		for _, ref := range refs {
			if id := b.names[ref]; id == "" || id != b.names[refs[0]] {
				return fmt.Errorf("it is said of %s that money moved, and none did", s.Ref)
			}
		}
	case outage.SaysNothing:
		for _, ref := range refs {
			if b.names[ref] != "" {
				return fmt.Errorf("it is said of %s that no money moved, and it did", s.Ref)
			}
		}
	case outage.SaysChecking:
	default:
		return fmt.Errorf("something is said that nobody understands")
	}
	return nil
}

// ofAmount is the amount that an SMS speaks of.
var ofAmount = regexp.MustCompile(`(?:You sent|You received|request of) TZS ([\d,]+)`)

// letters are what a phone's SMS say: of amounts that moved, the actions; of
// actions that are not done, by our reference, that they are not.
type letters struct {
	moved   map[int]map[string]bool
	refused map[string]bool
	of      map[int]int // amounts that were refused, and how often
}

// read reads a phone's SMS and holds each against the books.
func (m *mail) read(msisdn string, b books) (letters, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := letters{moved: map[int]map[string]bool{}, refused: map[string]bool{}, of: map[int]int{}}
	for _, sms := range m.boxes[msisdn] {
		said, match := outage.Sayings(sms.Text), ofAmount.FindStringSubmatch(sms.Text)
		if len(said) != 1 || match == nil || said[0].Says == outage.SaysChecking {
			return l, fmt.Errorf("%s has the SMS %q", msisdn, sms.Text)
		}
		if err := b.hold(said[0]); err != nil {
			return l, fmt.Errorf("%s has the SMS %q: %w", msisdn, sms.Text, err)
		}
		amount, _ := strconv.Atoi(strings.ReplaceAll(match[1], ",", ""))
		refs := strings.Split(said[0].Ref, "/")
		if said[0].Says == outage.SaysNothing {
			l.of[amount]++
			for _, ref := range refs {
				l.refused[ref] = true
			}
			continue
		}
		if l.moved[amount] == nil {
			l.moved[amount] = map[string]bool{}
		}
		l.moved[amount][b.names[refs[0]]] = true
	}
	return l, nil
}

// judge compares what happened with what people were told. It returns the first
// thing that is not (yet) right, and whether that can still come right.
func (c *town) judge(all []errand, post *mail) (final, waiting error) {
	if err := post.collect(c); err != nil {
		return err, nil
	}
	b, err := c.books() // after what is held against them
	if err != nil {
		return err, nil
	}
	got, err := post.read(receiver, b)
	if err != nil {
		return err, nil
	}
	boxes := map[string]letters{}
	for _, e := range all {
		if _, ok := boxes[e.payer]; !ok {
			if boxes[e.payer], err = post.read(e.payer, b); err != nil {
				return err, nil
			}
		}
		box, paid := boxes[e.payer], b.amounts[e.amount]
		surely, most := 0, 0
		for _, w := range e.walks {
			if w.surely() {
				surely++
			}
			if w.surely() || w.perhaps() {
				most++
			}
			for _, s := range w.read {
				if err := b.hold(s); err != nil {
					return fmt.Errorf("%+v: on a screen: %w", e, err), nil
				}
				if s.Says == outage.SaysChecking && b.names[s.Ref] == "" && !box.refused[s.Ref] {
					waiting = cmp.Or(waiting, fmt.Errorf("%+v: no SMS about %s", e, s.Ref))
				}
			}
			if w.told == "not_sent" && !c.ill && box.of[e.amount] == 0 {
				waiting = cmp.Or(waiting, fmt.Errorf("%+v: no SMS", e))
			}
		}
		switch n := len(paid); {
		case n < surely:
			return fmt.Errorf("%+v: told sent %d times, and paid %d times", e, surely, n), nil
		case n > most:
			return fmt.Errorf("%+v: paid %d times, and it can have been %d by what was told", e, n, most), nil
		case n > 1+e.asked:
			return fmt.Errorf("%+v: paid %d times, and asked for %d times more than once", e, n, e.asked), nil
		}
		for _, id := range paid {
			if !box.moved[e.amount][id] || !got.moved[e.amount][id] {
				waiting = cmp.Or(waiting, fmt.Errorf("%+v: the payer has an SMS about %s: %t, the payee: %t", e, id, box.moved[e.amount][id], got.moved[e.amount][id]))
			}
		}
	}
	return nil, waiting
}

func TestSecondCopyOfAnSMSNeedsAKillThatCaughtTheFirst(t *testing.T) {
	begun := time.Now()
	at := func(ms int) time.Time { return begun.Add(time.Duration(ms) * time.Millisecond) }
	kill := func(ms int) span { return span{at(ms), at(ms + 5)} }
	for _, tc := range []struct {
		name  string
		sms   []int // when copies of one text came, in ms
		kills []span
		want  int // second copies; -1: one that nothing explains
	}{
		{"one copy", []int{0}, nil, 0},
		{"two, and nobody was killed", []int{0, 3000}, nil, -1},
		{"killed between", []int{0, 3000}, []span{kill(40)}, 1},
		{"killed while it came", []int{42, 3000}, []span{kill(40)}, 1},
		{"killed before the first", []int{100, 3000}, []span{kill(40)}, -1},
		{"killed after the second", []int{0, 30}, []span{kill(40)}, -1},
		{"killed long after the first", []int{0, 5000}, []span{kill(4000)}, -1},
		{"three, and two kills", []int{0, 3000, 6000}, []span{kill(40), kill(3040)}, 2},
		{"three, and one kill", []int{0, 3000, 6000}, []span{kill(40)}, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &mail{boxes: map[string]map[int]simulator.SMS{payer: {}}}
			for i, ms := range tc.sms {
				m.boxes[payer][i] = simulator.SMS{Text: "the same", At: at(ms)}
			}
			if n, _, err := m.copies(tc.kills); (err != nil) != (tc.want < 0) || err == nil && n != tc.want {
				t.Errorf("%d second copies: %v", n, err)
			}
		})
	}
}
