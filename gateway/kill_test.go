package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nyota/gateway/simulator"
	"nyota/sessions/storetest"
)

// remote is a handset of an operator that runs as a process of its own.
type remote struct {
	t      *testing.T
	base   string
	msisdn string
}

func (h remote) post(what string, body any) error {
	code := httpJSON(h.t, http.MethodPost, h.base+"/handsets/"+h.msisdn+"/"+what, body, nil)
	if code != http.StatusOK {
		return fmt.Errorf("%s: %d", what, code)
	}
	return nil
}

func (h remote) dial(code string) error  { return h.post("dial", map[string]string{"code": code}) }
func (h remote) press(text string) error { return h.post("press", map[string]string{"text": text}) }
func (h remote) hangUp() error           { return h.post("hangup", nil) }

func (h remote) snapshot() (simulator.Snapshot, error) {
	var s simulator.Snapshot
	if code := httpJSON(h.t, http.MethodGet, h.base+"/handsets/"+h.msisdn, nil, &s); code != http.StatusOK {
		return s, fmt.Errorf("handset: %d", code)
	}
	return s, nil
}

// town is an operator, a core and a gateway, each a process of its own, so that
// the gateway can die alone.
type town struct {
	t       *testing.T
	config  string
	core    string
	control string
	admin   string
	gateway *process
	ill     bool         // the core misbehaves: what finds no place there is not even born, and owes no SMS
	sent    atomic.Int64 // payments whose last screen said that they were made
}

func newTown(t *testing.T, store string) *town {
	t.Helper()
	dir, bin := t.TempDir(), binary(t)
	smsc := start(t, nil, bin, "simulate", "smsc", "--config", "../config.yaml", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--redeliver", "10s")
	smpp := smsc.after("smsc listens on ")
	c := &town{t: t, control: "http://" + smsc.after("control listens on "), admin: freePort(t)}
	core := start(t, nil, bin, "simulate", "core", "--config", "../config.yaml", "--listen", "127.0.0.1:0")
	c.core = core.after("core listens on ")
	menus, err := filepath.Abs("../menus/catalog")
	if err != nil {
		t.Fatal(err)
	}
	c.config = filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
http:  {listen: %q}
admin: {listen: %q}
callbacks: {listen: ""}
store: %s
menus: {dir: %q}
smpp:
  links:
    - {name: town, address: %q, system_id: nyota, password: secret, hints: "on"}
core:  {kind: gsma, url: "http://%s/v1.2/mm", heartbeat: 500ms, horizon: 5s}
simulator: {smpp: "", core: ""}
ledger: {inquire_after: 300ms, inquire_max: 1s}
secret: {key_file: %q}
`, freePort(t), c.admin, store, menus, smpp, c.core, newKey(t, dir))
	if err := os.WriteFile(c.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// start runs the gateway until it is killed, and waits until it is bound.
func (c *town) start() {
	c.t.Helper()
	c.gateway = start(c.t, nil, binary(c.t), "serve", "--config", c.config)
	h := c.handset(payer)
	eventually(c.t, "the gateway is bound", func() bool {
		s, err := h.snapshot()
		return err == nil && s.Service
	})
}

func (c *town) handset(msisdn string) remote { return remote{c.t, c.control, msisdn} }

// keys is what a customer presses on each screen on the way to a payment.
func keys(to, amount string) map[string]string {
	return map[string]string{"open": "1", "home": "1", "send_to": to, "send_amount": amount, "send_pin": testPIN}
}

// settles waits until a handset has nothing more to wait for, at most for so
// long as a customer does.
func settles(h dialler, patience time.Duration) (simulator.Snapshot, bool) {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		s, err := h.snapshot()
		if err == nil && s.State != simulator.Waiting && s.State != simulator.Dialling {
			return s, true
		}
		if time.Now().After(end) {
			return s, false
		}
	}
}

func TestM7AfterAKillTheNextKeyShowsTheStoredScreenAndTheDialogueGoesOn(t *testing.T) {
	c := newTown(t, `{kind: embedded, path: data}`)
	c.start()
	h := c.handset(payer)
	if err := h.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	press := keys(payee, "5000")
	for _, want := range []string{"home", "send_to", "send_amount", "send_pin"} {
		before := shows(t, h)
		if before.ScreenID != want {
			t.Fatalf("on %q, want %q", before.ScreenID, want)
		}
		c.gateway.kill()
		c.start()
		if err := h.press(press[want]); err != nil {
			t.Fatal(err)
		}
		again := shows(t, h)
		if again.ScreenID != want || again.Screen != before.Screen {
			t.Fatalf("after the kill: %q, want %q again", again.Screen, before.Screen)
		}
		if err := h.press(press[want]); err != nil {
			t.Fatal(err)
		}
	}
	shows(t, h, "confirmed", "5,000")
	inbox(t, h, 1)
	inbox(t, c.handset(payee), 1)
	if all := effects(t, c.core); len(all) != 1 || all[0].Times != 1 {
		t.Errorf("effects %+v", all)
	}
}

// story is one dialogue of a customer: what was paid, and what was said.
type story struct {
	payer  string
	amount int
	told   string // the last screen's id, "" if none came
}

// customer pays again and again until stop; each payment has an amount of its
// own, so that it can be told from all others.
func (c *town) customer(msisdn string, next *atomic.Int64, stop <-chan struct{}) (stories []story) {
	h := c.handset(msisdn)
	for {
		select {
		case <-stop:
			return stories
		default:
		}
		s := story{payer: msisdn, amount: int(next.Add(1))}
		press := keys("255700000009", strconv.Itoa(s.amount))
		_ = h.hangUp()
		if h.dial("*150*00#") != nil {
			continue
		}
		for keys := 0; keys < 30; keys++ {
			shown, ok := settles(h, 1500*time.Millisecond)
			if !ok || shown.State != simulator.Asking {
				if ok && shown.State == simulator.Ended {
					s.told = shown.ScreenID
				}
				break
			}
			text, known := press[shown.ScreenID]
			if !known {
				s.told = shown.ScreenID
				break
			}
			if h.press(text) != nil {
				break
			}
		}
		if s.told == "sent" {
			c.sent.Add(1)
		}
		stories = append(stories, s)
	}
}

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

var (
	sentSMS     = regexp.MustCompile(`You sent TZS ([\d,]+) to`)
	receivedSMS = regexp.MustCompile(`You received TZS ([\d,]+) from`)
	refusedSMS  = regexp.MustCompile(`request of TZS ([\d,]+) was not`)
)

// amounts are the texts of a phone's SMS by the amount that they speak of.
func (m *mail) amounts(re *regexp.Regexp, msisdn string) map[int][]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[int][]string{}
	for _, m := range m.boxes[msisdn] {
		if match := re.FindStringSubmatch(m.Text); match != nil {
			n, _ := strconv.Atoi(strings.ReplaceAll(match[1], ",", ""))
			found[n] = append(found[n], m.Text)
		}
	}
	return found
}

// judge compares what happened with what people were told. It returns the first
// thing that is not (yet) right, and whether that can still come right.
func (c *town) judge(stories []story, post *mail) (final, waiting error) {
	happened := map[int]int{}
	for _, e := range effects(c.t, c.core) {
		n, _ := strconv.Atoi(e.Amount)
		happened[n] += e.Times
	}
	if err := post.collect(c); err != nil {
		return err, nil
	}
	got := post.amounts(receivedSMS, "255700000009")
	boxes := map[string][2]map[int][]string{}
	for _, s := range stories {
		if _, ok := boxes[s.payer]; !ok {
			boxes[s.payer] = [2]map[int][]string{post.amounts(sentSMS, s.payer), post.amounts(refusedSMS, s.payer)}
		}
		sent, refused := boxes[s.payer][0][s.amount], boxes[s.payer][1][s.amount]
		times := happened[s.amount]
		switch {
		case times > 1:
			return fmt.Errorf("%+v took effect %d times", s, times), nil
		case s.told == "sent" && times == 0:
			return fmt.Errorf("%+v: told sent, nothing happened", s), nil
		case s.told == "not_sent" && times != 0:
			return fmt.Errorf("%+v: told not sent, money moved", s), nil
		case len(sent) > 0 && times == 0, len(refused) > 0 && times != 0:
			return fmt.Errorf("%+v took effect %d times; SMS %q %q", s, times, sent, refused), nil
		case len(got[s.amount]) > 0 && times == 0:
			return fmt.Errorf("%+v: the payee was told of money that never moved", s), nil
		case times == 1 && (len(sent) == 0 || len(got[s.amount]) == 0):
			waiting = fmt.Errorf("%+v: SMS to payer %d, to payee %d", s, len(sent), len(got[s.amount]))
		case (s.told == "checking" || s.told == "not_sent" && !c.ill) && len(sent)+len(refused) == 0:
			waiting = fmt.Errorf("%+v: no SMS", s)
		}
		for _, texts := range [][]string{sent, refused, got[s.amount]} {
			for _, text := range texts {
				if text != texts[0] {
					return fmt.Errorf("%+v: two different SMS: %q", s, texts), nil
				}
			}
		}
	}
	return nil, waiting
}

// ills are what the core goes through while the gateway is killed, again and
// again: the nights of the outage scenarios, in short.
var ills = []map[string]any{
	{"service_ms": 20, "drop_answers": 0, "down": false, "async": 0},
	{"service_ms": 700, "drop_answers": 0, "down": false, "async": 0},                    // a slow core
	{"service_ms": 20, "drop_answers": 0.5, "down": false, "async": 0},                   // lost answers
	{"service_ms": 20, "drop_answers": 0, "down": true, "async": 0},                      // flapping: down
	{"service_ms": 20, "drop_answers": 0, "down": false, "async": 0},                     // and up
	{"service_ms": 100, "drop_answers": 0.2, "down": false, "async": 1, "async_ms": 300}, // decided later
}

// sicken takes the core through its ills until stop.
func (c *town) sicken(stop <-chan struct{}) {
	tick := time.NewTicker(900 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			setFaults(c.t, c.core, ills[0])
			return
		case <-tick.C:
			setFaults(c.t, c.core, ills[i%len(ills)])
		}
	}
}

// live lets customers pay all the time while disturb does its work, and then
// demands that every payment happened once or not at all and was told truly.
func (c *town) live(disturb func()) map[string]int {
	t := c.t
	t.Helper()
	setFaults(t, c.core, map[string]any{"service_ms": 20})
	var next atomic.Int64
	next.Store(1000)
	stop := make(chan struct{})
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		stories []story
	)
	for i := range 6 {
		wg.Go(func() {
			mine := c.customer(fmt.Sprintf("25570000000%d", i+1), &next, stop)
			mu.Lock()
			defer mu.Unlock()
			stories = append(stories, mine...)
		})
	}
	post := &mail{boxes: map[string]map[int]simulator.SMS{}}
	wg.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if err := post.collect(c); err != nil {
					t.Error(err)
				}
			}
		}
	})
	disturb()
	eventually(t, "a payment is made", func() bool { return c.sent.Load() > 0 }) // disturbances may be as short as they like
	close(stop)
	wg.Wait()
	// What a killed process had leased is delivered when its lease ends.
	for end := time.Now().Add(3 * patience); ; time.Sleep(100 * time.Millisecond) {
		final, waiting := c.judge(stories, post)
		if final != nil {
			t.Fatal(final)
		}
		if waiting == nil && c.nothingOpen() {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not everything is settled and told: %v", waiting)
		}
	}
	told := map[string]int{}
	for _, s := range stories {
		told[s.told]++
	}
	t.Logf("%d dialogues, last screens %v", len(stories), told)
	return told
}

// chaos kills the gateway at random instants of running dialogues, in front of a
// core that is well or goes through ills.
func chaos(t *testing.T, store string, kills int, ill bool) {
	c := newTown(t, store)
	c.ill = ill
	c.start()
	c.live(func() {
		if ill {
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() { c.sicken(stop) })
			defer wg.Wait()
			defer close(stop)
		}
		for range kills {
			time.Sleep(rand.N(1500 * time.Millisecond)) // the random instant itself
			c.gateway.kill()
			c.start()
		}
	})
	t.Logf("after %d kills", kills)
}

// nothingOpen says whether every action is final.
func (c *town) nothingOpen() bool {
	for i := 1; i <= 6; i++ {
		var open []any
		if httpJSON(c.t, http.MethodGet, fmt.Sprintf("http://%s/actions/25570000000%d", c.admin, i), nil, &open); len(open) > 0 {
			return false
		}
	}
	return true
}

func TestM1M7KillsAtRandomInstantsLoseAndDoubleNothing(t *testing.T) {
	kills := 3
	if soak() {
		kills = 50
	}
	killed(t, kills, false)
}

// With a core that is slow, loses answers and flaps meanwhile.
func TestM1M7KillsUnderACoreInTroubleLoseAndDoubleNothing(t *testing.T) {
	kills := 5
	if soak() {
		kills = 200
	}
	killed(t, kills, true)
}

func killed(t *testing.T, kills int, ill bool) {
	t.Run("embedded", func(t *testing.T) { chaos(t, `{kind: embedded, path: data}`, kills, ill) })
	t.Run("valkey", func(t *testing.T) {
		chaos(t, fmt.Sprintf(`{kind: valkey, addresses: [%q]}`, storetest.StartValkey(t)), kills, ill)
	})
}

func TestPortInUseIsSaidWithItsKey(t *testing.T) {
	c := newTown(t, `{kind: embedded, path: data}`)
	c.start()
	second := start(t, nil, binary(t), "--config", c.config)
	if line := second.line("gateway: "); !strings.Contains(line, "http.listen") || !strings.Contains(line, "in use") {
		t.Errorf("%q", line)
	}
	<-second.ended
	if second.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit status %d", second.cmd.ProcessState.ExitCode())
	}
}
