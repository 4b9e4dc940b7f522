package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nyota/gateway/simulator"
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
	ill     bool // the core misbehaves: what finds no place there is not even born, and owes no SMS
	kills   []span
	sent    atomic.Int64 // payments whose last screen said that they were made
}

// span is a stretch of time.
type span struct{ from, to time.Time }

func newTown(t *testing.T, store string) *town {
	t.Helper()
	dir, bin := t.TempDir(), binary(t)
	smsc := start(t, nil, bin, "simulate", "smsc", "--config", "../config.yaml", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--redeliver", "10s")
	smpp := smsc.after("smsc listens on ")
	c := &town{t: t, control: "http://" + smsc.after("control listens on ")}
	core := start(t, nil, bin, "simulate", "core", "--config", "../config.yaml", "--listen", "127.0.0.1:0")
	c.core = core.after("core listens on ")
	c.admin = freePort(t) // no sooner, or somebody else here may be given it
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

// kill kills a gateway, and remembers when.
func (c *town) kill(p *process) {
	k := span{from: time.Now()}
	p.kill()
	k.to = time.Now()
	c.kills = append(c.kills, k)
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

// live lets customers go about their errands all the time while disturb does its
// work, and then demands that every payment happened once, or as often as its
// customer asked for it, or not at all, and that all that was told is true.
func (c *town) live(disturb func()) map[string]int {
	t := c.t
	t.Helper()
	setFaults(t, c.core, map[string]any{"service_ms": 20})
	if code := httpJSON(t, http.MethodPut, c.control+"/faults", map[string]any{"duplicate_start": true}, nil); code != http.StatusOK {
		t.Fatalf("PUT /faults: %d", code)
	}
	var next atomic.Int64
	next.Store(1000)
	stop := make(chan struct{})
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		all []errand
	)
	for i := range customers {
		wg.Go(func() {
			mine := c.customer(fmt.Sprintf("25570000000%d", i+1), &next, stop)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
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
		final, waiting := c.judge(all, post)
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
	copies, slowest, err := post.copies(c.kills)
	if err != nil {
		t.Error(err)
	}
	told := map[string]int{}
	walks, asked, paid := 0, 0, 0
	for _, e := range all {
		walks += len(e.walks)
		asked += e.asked
		for _, w := range e.walks {
			told[w.told]++
		}
	}
	for _, e := range effects(t, c.core) {
		paid += e.Times
	}
	t.Logf("%d errands, %d dialogues, last screens %v; %d times \"send again\", %d payments; %d kills, %d second copies of an SMS, the kill at most %v after the first",
		len(all), walks, told, asked, paid, len(c.kills), copies, slowest)
	return told
}

// nothingOpen says whether every action is final.
func (c *town) nothingOpen() bool {
	for i := range customers {
		var open []any
		if httpJSON(c.t, http.MethodGet, fmt.Sprintf("http://%s/actions/25570000000%d", c.admin, i+1), nil, &open); len(open) > 0 {
			return false
		}
	}
	return true
}
