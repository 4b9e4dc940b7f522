package load

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// pair is two gateways on one store: the first one leaves in the middle, in some
// way, and the other one has it all then.
type pair struct {
	leave  func(c *smpp.Conn, m *message) pdu.Status // of the first one, from a message on
	spoil  func(m *message, screen string) string    // what the other one shows in the place of a screen; nil: the right one
	keeps  bool                                      // a key delivered twice is taken twice
	behind bool                                      // the other one shows the stored screen first, always

	mu    sync.Mutex
	open  map[string]*kept
	seen  int
	gone  bool            // the first one
	had   map[string]bool // its handsets
	alone int             // messages of theirs that the other one has had since
	over  context.CancelFunc
	other *smpp.Conn
}

// leavesAfter is how many messages the first gateway takes: its ten handsets are
// then about to press the first key of their second dialogue.
const leavesAfter = 45

// kept is a dialogue in the store.
type kept struct {
	typed []string
	seq   uint8
	by    string // the gateway
	again bool   // its screen was shown again
}

// message is what a handset sends.
type message struct {
	number, id, text string
	info             [2]byte
	start, abort     bool
	addr             []byte
}

type member struct {
	*pair
	name string
}

func (g member) ServeSMPP(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	d := p.Body.(*pdu.DeliverSM)
	op, _ := d.TLVs.Uint8(pdu.TagUSSDServiceOp)
	info, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
	m := &message{number: string(d.SourceAddr), id: fmt.Sprint(string(d.SourceAddr), " ", info[0]), text: text.Decode(d.ShortMessage, d.DataCoding),
		info: [2]byte(info), start: op == 1, abort: info[1]&1 != 0, addr: append([]byte(nil), d.SourceAddr...)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.name == "stays" {
		g.other = c
		if g.gone && g.had[m.number] {
			if g.alone++; g.alone == 500 {
				g.over()
			}
		}
	} else if g.seen < leavesAfter {
		g.seen, g.had[m.number] = g.seen+1, true
	} else {
		g.seen++
		return &pdu.DeliverSMResp{}, g.leave(c, m)
	}
	if screen, end, ok := g.take(g.name, m); ok {
		if g.spoil != nil && g.name == "stays" {
			screen = g.spoil(m, screen)
		}
		show(c, m, screen, end)
	}
	return &pdu.DeliverSMResp{}, 0
}

// take is a gateway's turn: a key is one step, however often it is delivered, and
// one that another gateway has taken shows the stored screen.
func (g *pair) take(by string, m *message) (screen string, end, ok bool) {
	k := g.open[m.id]
	seq := m.info[1] >> 1
	switch {
	case m.abort:
		delete(g.open, m.id)
		return "", false, false
	case k == nil || m.start && k.seq != seq:
		k = &kept{}
		g.open[m.id] = k
	case k.seq == seq && !g.keeps:
		if k.by == by {
			return "", false, false
		}
		k.by = by
		screen, end = three(m.number, k.typed)
		return screen, end, true
	case g.behind && !k.again || k.by == "gone":
		k.by, k.again, k.seq = by, true, seq
		screen, end = three(m.number, k.typed)
		return screen, end, true
	}
	k.typed, k.seq, k.by, k.again = append(k.typed, m.text), seq, by, false
	screen, end = three(m.number, k.typed)
	return screen, end, true
}

func show(c *smpp.Conn, m *message, screen string, end bool) {
	sm := &pdu.SubmitSM{DestinationAddr: m.addr, DataCoding: text.DCSUSSD}
	sm.ShortMessage, _ = text.EncodeGSM7(nil, screen)
	op, info := uint8(2), m.info
	if end {
		op = 17
		info[1] |= 1
	}
	sm.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
	sm.TLVs.Add(pdu.TagITSSessionInfo, info[:])
	_ = c.TryGo(sm, nil) // the window is above the number of handsets
}

// Ways to leave. What the first gateway had is the other one's afterwards.

func refusing(status pdu.Status) func(*pair, *smpp.Conn, *message) pdu.Status {
	return func(g *pair, c *smpp.Conn, _ *message) pdu.Status {
		if g.seen == leavesAfter+20 {
			g.gone = true
			go func() { _ = c.Unbind(context.Background()) }()
		}
		return status
	}
}

func diesBefore(g *pair, c *smpp.Conn, _ *message) pdu.Status {
	_ = c.Close()
	g.gone = true
	for _, k := range g.open { // nobody knows what its customers have seen
		if k.by == "leaves" {
			k.by = "gone"
		}
	}
	return 0
}

func diesAfter(g *pair, c *smpp.Conn, m *message) pdu.Status {
	g.take("leaves", m)
	_ = c.Close()
	g.gone = true
	return 0
}

// diesWithAScreenOnItsWay takes the key, and its screen comes by the other's bind
// too, once that one has shown it.
func diesWithAScreenOnItsWay(g *pair, c *smpp.Conn, m *message) pdu.Status {
	screen, end, ok := g.take("leaves", m)
	_ = c.Close()
	g.gone = true
	if ok {
		g.spoil = func(again *message, shown string) string {
			if again.id == m.id && again.info == m.info {
				g.spoil = nil
				show(g.other, m, screen, end)
			}
			return shown
		}
	}
	return 0
}

func (g *pair) run(t *testing.T, leave func(*pair, *smpp.Conn, *message) pdu.Status, cfg DialogueConfig) DialogueReport {
	t.Helper()
	g.open, g.had = map[string]*kept{}, map[string]bool{}
	g.leave = func(c *smpp.Conn, m *message) pdu.Status { return leave(g, c, m) }
	cfg.Script, cfg.Handsets, cfg.Duration = script(t, threeSteps), 20, time.Hour
	ctx, over := context.WithCancel(t.Context())
	defer over()
	g.over = over
	r := leadAll(t, ctx, cfg, member{g, "leaves"}, member{g, "stays"})
	if g.seen <= leavesAfter {
		t.Fatalf("the first gateway had %d messages, and did not leave", g.seen)
	}
	return r
}

func TestAGatewayThatLeavesInTheMiddleIsNoError(t *testing.T) {
	for name, tt := range map[string]struct {
		leave  func(*pair, *smpp.Conn, *message) pdu.Status
		unsure bool // keys that may have arrived
		again  bool // screens come again
	}{
		"drained, ESME_RTHROTTLED":    {refusing(pdu.StatusThrottled), false, false},
		"drained, ESME_RX_T_APPN":     {refusing(pdu.StatusXTAppn), false, false},
		"drained, ESME_RMSGQFUL":      {refusing(pdu.StatusMsgQFul), false, false},
		"drained, ESME_RINVBNDSTS":    {refusing(pdu.StatusInvBndSts), false, false},
		"killed before it took a key": {diesBefore, true, true},
		"killed after it took a key":  {diesAfter, true, false},
		"killed with a screen coming": {diesWithAScreenOnItsWay, true, true},
	} {
		for _, window := range []int{100, 2} { // with 2, most wait for room when the bind goes
			t.Run(fmt.Sprint(name, ", window ", window), func(t *testing.T) {
				g := &pair{}
				r := g.run(t, tt.leave, DialogueConfig{Window: window})
				if d := r.Dialogues; r.Failed() || d.Failed != 0 || d.Finished == 0 {
					t.Errorf("%v %q %+v", r.Errors, r.FirstError, d)
				}
				if r.Deliveries.Redelivered+r.Deliveries.Unsure == 0 || (r.Deliveries.Unsure > 0) != tt.unsure || (r.Deliveries.ShownAgain > 0) != tt.again {
					t.Errorf("%+v", r.Deliveries)
				}
				if d := r.Deliveries; !tt.unsure && d.Redelivered < 20 {
					t.Errorf("20 messages were refused: %+v", d)
				}
			})
		}
	}
}

func TestWhatIsWrongAfterAGatewayLeftStaysAnError(t *testing.T) {
	first := func(m *message) bool { return m.info[1]>>1 == 0 }
	for name, tt := range map[string]struct {
		leave func(*pair, *smpp.Conn, *message) pdu.Status
		g     *pair
		kind  string
	}{
		"another screen": {refusing(pdu.StatusThrottled), &pair{spoil: func(m *message, screen string) string {
			if m.number == "255700000001" {
				return "Sorry"
			}
			return screen
		}}, kindWrong},
		"a key delivered twice is taken twice":               {diesAfter, &pair{keeps: true}, kindWrong},
		"the screen before, and nothing was delivered again": {refusing(pdu.StatusThrottled), &pair{behind: true}, kindWrong},
		"the screen before, and before again": {diesBefore, &pair{spoil: func(m *message, screen string) string {
			if m.number == "255700000001" && !first(m) {
				return "Welcome"
			}
			return screen
		}}, kindWrong},
		"a refusal for good": {refusing(pdu.StatusSysErr), &pair{}, "ESME_RSYSERR"},
	} {
		t.Run(name, func(t *testing.T) {
			r := tt.g.run(t, tt.leave, DialogueConfig{})
			if !r.Failed() || r.Errors[tt.kind] == 0 || r.Dialogues.Failed == 0 {
				t.Errorf("%v %+v %+v", r.Errors, r.Dialogues, r.Deliveries)
			}
			if strings.HasPrefix(name, "a refusal") && (r.Deliveries.Redelivered > uint64(r.Dialogues.Begun) || r.Errors[tt.kind] < 20) {
				t.Errorf("20 were refused for good: %v %+v", r.Errors, r.Deliveries)
			}
		})
	}
}

func TestAKeyThatNobodyTakesIsGivenUpInTime(t *testing.T) {
	g := &fakeGateway{status: pdu.StatusThrottled}
	r := dialogues(t, t.Context(), g, DialogueConfig{Script: script(t, threeSteps), Handsets: 3, Duration: 100 * time.Millisecond,
		Timeout: time.Second})
	// After pauses of 20, 40, 80, 160 and 320 ms the next one would be too long.
	if n := r.Errors["ESME_RTHROTTLED"]; n != 3 || r.Dialogues.Failed != 3 || r.Deliveries.Redelivered > 5*n || r.Deliveries.Redelivered == 0 {
		t.Errorf("%v %+v %+v", r.Errors, r.Dialogues, r.Deliveries)
	}
}

func TestTheLastScreenComesAgainWithoutErrorOnlyWhereThatIsAllowed(t *testing.T) {
	for name, tc := range map[string]struct {
		allowed bool
		instead string // of the screen after the second key; "": the one before it
		fails   bool
	}{
		"not allowed":              {false, "", true},
		"allowed":                  {true, "", false},
		"allowed, but another one": {true, "What?", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := &fakeGateway{answer: func(number string, typed []string) (string, bool) {
				if len(typed) == 2 {
					if tc.instead != "" {
						return tc.instead, false
					}
					return three(number, typed[:1])
				}
				return three(number, typed[:min(len(typed), 1)+max(len(typed)-2, 0)])
			}}
			r := dialogues(t, t.Context(), g, DialogueConfig{Script: script(t, threeSteps), Handsets: 5,
				ShownAgain: tc.allowed, Duration: 100 * time.Millisecond})
			if r.Failed() != tc.fails || tc.fails && r.Errors[kindWrong] == 0 {
				t.Errorf("%v: %s", r.Errors, r.FirstError)
			}
			if !tc.fails && (r.Deliveries.ShownAgain == 0 || r.Dialogues.Finished == 0) {
				t.Errorf("%+v %+v", r.Deliveries, r.Dialogues)
			}
		})
	}
}
