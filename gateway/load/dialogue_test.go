package load

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// fakeGateway is a gateway with one menu: it counts what it is told.
type fakeGateway struct {
	// answer is the screen for what was dialled or typed so far in a dialogue, and
	// whether it ends it.
	answer func(number string, typed []string) (screen string, end bool)
	status pdu.Status // of every deliver_sm
	mute   bool       // no screen ever
	twice  bool       // each screen is submitted twice

	mu     sync.Mutex
	open   map[string][]string // by number and id
	starts int
	aborts int
	keys   int
}

func (g *fakeGateway) ServeSMPP(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	d, ok := p.Body.(*pdu.DeliverSM)
	if !ok {
		return nil, pdu.StatusInvCmdID
	}
	if g.status != 0 {
		return &pdu.DeliverSMResp{}, g.status
	}
	op, _ := d.TLVs.Uint8(pdu.TagUSSDServiceOp)
	session, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
	info := [2]byte(session)
	number := string(d.SourceAddr)
	key := fmt.Sprint(number, " ", info[0])
	g.mu.Lock()
	switch {
	case info[1]&1 != 0:
		g.aborts++
		delete(g.open, key)
		g.mu.Unlock()
		return &pdu.DeliverSMResp{}, 0
	case op == 1:
		g.starts++
		g.open[key] = nil
	default:
		g.keys++
	}
	typed := append(g.open[key], text.Decode(d.ShortMessage, d.DataCoding))
	g.open[key] = typed
	g.mu.Unlock()
	if g.mute {
		return &pdu.DeliverSMResp{}, 0
	}
	screen, end := g.answer(number, typed)
	sm := &pdu.SubmitSM{DestinationAddr: append([]byte(nil), d.SourceAddr...), DataCoding: text.DCSUSSD}
	sm.ShortMessage, _ = text.EncodeGSM7(nil, screen)
	op = 2
	if end {
		op = 17
		info[1] |= 1
	}
	sm.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
	sm.TLVs.Add(pdu.TagITSSessionInfo, info[:])
	times := 1
	if g.twice {
		times = 2
	}
	for range times {
		// The window is far above what the handsets can have outstanding.
		_ = c.TryGo(sm, nil)
	}
	return &pdu.DeliverSMResp{}, 0
}

// three is the menu of the script below.
func three(_ string, typed []string) (string, bool) {
	switch len(typed) {
	case 1:
		return "Welcome", false
	case 2:
		return "Whom?\n0 Back", false
	}
	return "Sent to " + typed[1], true
}

const threeSteps = `
steps:
  - {press: "*150#", text: Welcome}
  - {press: "1", text: "Whom?\n0 Back"}
  - {press: "2", match: '^Sent to \d$', end: true}
`

func script(t testing.TB, src string) *Script {
	t.Helper()
	s, err := ParseScript("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dialogues runs cfg with two binds of g.
func dialogues(t *testing.T, ctx context.Context, g *fakeGateway, cfg DialogueConfig) DialogueReport {
	t.Helper()
	g.open = map[string][]string{}
	if g.answer == nil {
		g.answer = three
	}
	return lead(t, ctx, g, cfg)
}

func TestDialoguesAreCountedAsTheGatewaySawThem(t *testing.T) {
	for name, cfg := range map[string]DialogueConfig{
		"flat out":               {Handsets: 10, Duration: 150 * time.Millisecond},
		"a window for few":       {Handsets: 50, Window: 2, Duration: 150 * time.Millisecond},
		"a rate":                 {Handsets: 50, Rate: 1000, Duration: 200 * time.Millisecond},
		"a rate and pauses":      {Handsets: 200, Rate: 500, Think: 5 * time.Millisecond, Spread: 1, Duration: 200 * time.Millisecond},
		"pauses":                 {Handsets: 20, Think: 2 * time.Millisecond, Spread: 0.5, Duration: 100 * time.Millisecond},
		"hanging up, dialling":   {Handsets: 10, Abandon: 0.3, Redial: 0.2, Duration: 150 * time.Millisecond},
		"all hang up, at a rate": {Handsets: 50, Rate: 1000, Abandon: 1, Duration: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			g := &fakeGateway{}
			cfg.Script = script(t, threeSteps)
			r := dialogues(t, t.Context(), g, cfg)
			if r.Failed() || r.Dialogues.Failed != 0 {
				t.Fatalf("%v: %s", r.Errors, r.FirstError)
			}
			if r.Steps == 0 || r.Steps != uint64(g.starts+g.keys) {
				t.Errorf("%d steps, and the gateway saw %d dials and %d keys", r.Steps, g.starts, g.keys)
			}
			d := r.Dialogues
			if uint64(g.starts) != d.Begun+d.Redialled {
				t.Errorf("%d dials, %+v", g.starts, d)
			}
			// Each but the finished ones ends with an abort.
			if uint64(g.aborts)+d.Finished != uint64(g.starts) {
				t.Errorf("%d aborts of %d dials, %+v", g.aborts, g.starts, d)
			}
			if cfg.Rate > 0 && d.Begun+d.Missed != uint64(cfg.Rate*cfg.Duration.Seconds()) {
				t.Errorf("%d begun and %d missed at a rate of %g", d.Begun, d.Missed, cfg.Rate)
			}
			if l := r.Latency; l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.Max {
				t.Errorf("percentiles %+v", l)
			}
		})
	}
}

func TestSharesAreKeptByCount(t *testing.T) {
	for _, tt := range []struct{ abandon, redial float64 }{{0.1, 0.25}, {0, 1}, {1, 0}, {0.5, 0.5}, {0, 0}} {
		p := plan{abandon: tt.abandon, redial: tt.redial, steps: 4}
		const n = 1000
		counts, where := map[uint8]int{}, map[int]int{}
		for range n {
			how, step := p.next()
			counts[how]++
			where[step]++
			if how != never && (step < 0 || step > 2) {
				t.Fatalf("broken off after step %d of 4", step)
			}
		}
		if counts[abandons] != int(tt.abandon*n) || counts[redials] != int(tt.redial*n) {
			t.Errorf("%+v: %v", tt, counts)
		}
		if tt.abandon+tt.redial > 0 && (where[0] == 0 || where[1] == 0 || where[2] == 0) {
			t.Errorf("%+v: always at the same steps: %v", tt, where)
		}
	}
}

func TestSharesShowInTheTraffic(t *testing.T) {
	g := &fakeGateway{}
	r := dialogues(t, t.Context(), g, DialogueConfig{Script: script(t, threeSteps), Handsets: 100, Rate: 1000,
		Duration: 200 * time.Millisecond, Abandon: 0.25, Redial: 0.1})
	d := r.Dialogues
	// A dialogue that the end of the run cut short may have been meant to break off.
	if d.Abandoned > d.Begun/4 || d.Abandoned+d.Cut < d.Begun/4 {
		t.Errorf("a quarter should have been abandoned: %+v", d)
	}
	if want := (d.Begun + 5) / 10; d.Redialled > want || d.Redialled+d.Cut+1 < want {
		t.Errorf("a tenth should have been dialled again: %+v", d)
	}
}

func TestEveryWrongScreenIsAnError(t *testing.T) {
	const number = "255700000003" // of the third handset: the others are well
	for name, tt := range map[string]struct {
		answer func(typed []string) (string, bool)
		kind   string
	}{
		"another text":              {func([]string) (string, bool) { return "Welcome!", false }, kindWrong},
		"the end too early":         {func(typed []string) (string, bool) { return "Welcome", true }, kindWrong},
		"no end":                    {func(typed []string) (s string, end bool) { s, _ = three("", typed); return s, false }, kindWrong},
		"a pattern that is not met": {func(typed []string) (s string, end bool) { s, end = three("", typed); return s + "!", end }, kindWrong},
	} {
		t.Run(name, func(t *testing.T) {
			var wrong counter
			g := &fakeGateway{answer: func(n string, typed []string) (string, bool) {
				s, end := three(n, typed)
				if n == number {
					if bad, badEnd := tt.answer(typed); bad != s || badEnd != end {
						wrong.add()
						return bad, badEnd
					}
				}
				return s, end
			}}
			r := dialogues(t, t.Context(), g, DialogueConfig{Script: script(t, threeSteps), Handsets: 5, Duration: 250 * time.Millisecond})
			if n := r.Errors[tt.kind]; n == 0 || n != wrong.n || len(r.Errors) != 1 {
				t.Errorf("%d were wrong, counted %v", wrong.n, r.Errors)
			}
			if r.Dialogues.Failed != wrong.n || r.Dialogues.Finished == 0 || !r.Failed() {
				t.Errorf("%+v", r.Dialogues)
			}
			if r.Steps != uint64(g.starts+g.keys)-wrong.n {
				t.Errorf("%d right steps of %d, %d wrong", r.Steps, g.starts+g.keys, wrong.n)
			}
			if !strings.HasPrefix(r.FirstError, tt.kind+": step ") {
				t.Errorf("the first error is %q", r.FirstError)
			}
		})
	}
}

type counter struct {
	mu sync.Mutex
	n  uint64
}

// add counts one more, and returns how many there are.
func (c *counter) add() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

func TestWhatTheGatewayDoesWrongIsCountedByKind(t *testing.T) {
	for name, tt := range map[string]struct {
		g    *fakeGateway
		kind string
	}{
		"a refusal":         {&fakeGateway{status: pdu.StatusThrottled}, "ESME_RTHROTTLED"},
		"no screen":         {&fakeGateway{mute: true}, kindNone},
		"each screen twice": {&fakeGateway{twice: true}, kindUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DialogueConfig{Script: script(t, threeSteps), Handsets: 3, Duration: 150 * time.Millisecond}
			switch {
			case tt.g.mute:
				cfg.Timeout = 50 * time.Millisecond
			case tt.g.status != 0: // it is delivered again until there is no time left
				cfg.Timeout = time.Second
			}
			r := dialogues(t, t.Context(), tt.g, cfg)
			if r.Errors[tt.kind] == 0 || len(r.Errors) != 1 {
				t.Errorf("%v: %s", r.Errors, r.FirstError)
			}
			if tt.kind != kindUnexpected && (r.Dialogues.Failed != r.Errors[tt.kind] || r.Steps != 0) {
				t.Errorf("%d steps, %+v", r.Steps, r.Dialogues)
			}
			if r.Slow(time.Hour) != (r.Steps == 0) {
				t.Error("a gate is open although nothing was measured")
			}
		})
	}
}

func TestADialogueThatBrokeOffMayBeOfferedAgain(t *testing.T) {
	var mu sync.Mutex
	before := map[string]bool{}
	g := &fakeGateway{answer: func(n string, typed []string) (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(typed) == 1 && before[n] {
			return "Go on?", false
		}
		before[n] = true
		if len(typed) > 1 && typed[1] == "9" {
			typed = slices.Delete(slices.Clone(typed), 1, 2)
		}
		s, end := three(n, typed)
		if end {
			before[n] = false
		}
		return s, end
	}}
	s := script(t, "resumed: {match: '^Go on', press: \"9\"}"+threeSteps)
	r := dialogues(t, t.Context(), g, DialogueConfig{Script: s, Handsets: 5, Duration: 100 * time.Millisecond, Abandon: 0.2, Redial: 0.2})
	if r.Failed() || r.Dialogues.Abandoned == 0 || r.Dialogues.Redialled == 0 || r.Dialogues.Finished == 0 {
		t.Errorf("%v %s %+v", r.Errors, r.FirstError, r.Dialogues)
	}
}

func TestAnInterruptEndsDialoguesAndIsNoError(t *testing.T) {
	for name, cfg := range map[string]DialogueConfig{
		"flat out": {Handsets: 10},
		"pauses":   {Handsets: 10, Think: 10 * time.Millisecond},
		"a rate":   {Handsets: 10, Rate: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var seen counter
			g := &fakeGateway{answer: func(n string, typed []string) (string, bool) {
				if seen.add() == 50 {
					interrupt()
				}
				return three(n, typed)
			}}
			cfg.Script, cfg.Duration = script(t, threeSteps), time.Hour
			r := dialogues(t, ctx, g, cfg)
			if r.Failed() || r.Steps != uint64(g.starts+g.keys) || r.Steps < 50 {
				t.Errorf("%v, %d steps, %d seen", r.Errors, r.Steps, g.starts+g.keys)
			}
		})
	}
}

func TestWhatWasUnderWayWhenTheGatewayDiedIsCounted(t *testing.T) {
	var seen counter
	g := &fakeGateway{open: map[string][]string{}, answer: three}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := smpp.HandlerFunc(func(ctx context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		if seen.add() > 20 {
			_ = c.Close()
		}
		return g.ServeSMPP(ctx, c, p)
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := smpp.Dial(t.Context(), l.Addr().String(), smpp.Bind{SystemID: "gw"}, smpp.Config{Window: 1000, Handler: h})
		if err != nil {
			t.Error(err)
			return
		}
		<-c.Done()
	}()
	r, err := Dialogue(t.Context(), l, DialogueConfig{Script: script(t, threeSteps), Handsets: 10, Window: 4,
		Duration: 300 * time.Millisecond, Timeout: 100 * time.Millisecond})
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if !r.Failed() || r.Errors[kindNoBind] == 0 || r.Dialogues.Failed == 0 || r.Steps == 0 {
		t.Errorf("%v %+v", r.Errors, r.Dialogues)
	}
	if d := r.Dialogues; d.Begun != d.Finished+d.Abandoned+d.Failed+d.Cut {
		t.Errorf("the fates do not add up: %+v", d)
	}
}

func TestDialoguesThatMakeNoSenseAreRefused(t *testing.T) {
	twice := `steps: [{press: "*1#", text: a}, {press: "1", text: b}, {press: "1", text: c}]`
	for name, cfg := range map[string]DialogueConfig{
		"the same key twice in a row":           {Script: script(t, twice)},
		"twice, and the shortest pause too low": {Script: script(t, twice), Think: 1500 * time.Millisecond, Spread: 0.5},
		"resumed with the next key":             {Script: script(t, `{resumed: {press: "1", text: x}, steps: [{press: "*1#", text: a}, {press: "1", text: b}]}`)},
		"one step to break off in":              {Script: script(t, `steps: [{press: "*1#", text: a}]`), Abandon: 0.1},
		"shares over 1":                         {Abandon: 0.6, Redial: 0.6},
		"a number with a plus":                  {First: "+255700000001"},
		"numbers over 15 digits":                {First: "999999999999999", Handsets: 2},
		"too many handsets":                     {Handsets: maxHandsets + 1},
		"a rate below 0":                        {Rate: -1},
		"nobody binds":                          {BindWithin: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Dialogue(t.Context(), l, cfg); err == nil {
				t.Error("no error")
			}
			if _, err := l.Accept(); err == nil {
				t.Error("it still listens")
			}
		})
	}
	slow := DialogueConfig{Script: script(t, twice), Think: 2 * time.Second, Spread: 0.5}
	if _, err := slow.withDefaults(); err != nil {
		t.Errorf("with pauses of a second and more: %v", err)
	}
}

func TestScriptsAreReadStrictly(t *testing.T) {
	for name, src := range map[string]string{
		"no steps":                     `steps: []`,
		"an unknown key":               `{steps: [{press: "1", text: a}], pause: 1s}`,
		"nothing pressed":              `steps: [{text: a}]`,
		"no screen":                    `steps: [{press: "1"}]`,
		"both a text and a pattern":    `steps: [{press: "1", text: a, match: a}]`,
		"a pattern that is none":       `steps: [{press: "1", match: "("}]`,
		"steps after the end":          `steps: [{press: "1", text: a, end: true}, {press: "2", text: b}]`,
		"resumed that ends":            `{resumed: {press: "1", text: a, end: true}, steps: [{press: "1", text: a}]}`,
		"resumed without a press":      `{resumed: {text: a}, steps: [{press: "1", text: a}]}`,
		"something that is not a list": `steps: 1`,
		"a short code too long":        `{sms: "123456789012345678901", steps: [{press: "1", text: a}]}`,
		"SMS that are resumed":         `{sms: "15000", resumed: {press: "1", text: a}, steps: [{press: "2", text: a}]}`,
	} {
		if _, err := ParseScript("x", []byte(src)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, name := range []string{"walk", "pay"} {
		s, err := BuiltIn(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.paced(0); err != nil {
			t.Error(err)
		}
	}
	if _, err := BuiltIn("run"); err == nil {
		t.Error("a script that is not there")
	}
}

func TestThePeerIsTheNextHandset(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]string{}
	g := &fakeGateway{answer: func(n string, typed []string) (string, bool) {
		if len(typed) == 1 {
			return "Whom?", false
		}
		mu.Lock()
		defer mu.Unlock()
		seen[n] = typed[1]
		return "Sent to " + typed[1], true
	}}
	r := dialogues(t, t.Context(), g, DialogueConfig{Handsets: 3, Duration: 50 * time.Millisecond,
		Script: script(t, `steps: [{press: "*1#", text: Whom?}, {press: "{peer}", text: "Sent to {peer}", end: true}]`)})
	want := map[string]string{"255700000001": "255700000002", "255700000002": "255700000003", "255700000003": "255700000001"}
	if r.Failed() || !maps.Equal(seen, want) {
		t.Errorf("%v %s", seen, r.FirstError)
	}
}

func TestEachDialogueOfAHandsetCountsOn(t *testing.T) {
	var mu sync.Mutex
	seen := map[string][]string{}
	g := &fakeGateway{answer: func(n string, typed []string) (string, bool) {
		if len(typed) == 1 {
			return "How much?", false
		}
		mu.Lock()
		defer mu.Unlock()
		seen[n] = append(seen[n], typed[1])
		return "Paid " + typed[1], true
	}}
	r := dialogues(t, t.Context(), g, DialogueConfig{Handsets: 2, Duration: 50 * time.Millisecond,
		Script: script(t, `steps: [{press: "*1#", text: How much?}, {press: "{count}", text: "Paid {count}", end: true}]`)})
	if r.Failed() || len(seen) != 2 {
		t.Fatalf("%v %s", seen, r.FirstError)
	}
	for n, amounts := range seen {
		for i := range amounts {
			got, err := strconv.Atoi(amounts[i])
			if first, _ := strconv.Atoi(amounts[0]); err != nil || got < 100 || got != first+i {
				t.Fatalf("%s: %q", n, amounts)
			}
		}
	}
}
