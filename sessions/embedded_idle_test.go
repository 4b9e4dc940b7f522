package sessions

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"nyota/menus"
)

// idleStates are states of the shipped wallet as its steps make them: where
// customers pause, from the first screen to the one that shows all it knows and
// waits for a PIN that was wrong once.
func idleStates(t *testing.T) (states [][]byte, screens []string) {
	t.Helper()
	catalog, err := menus.Load(os.DirFS("../menus/catalog"), menus.DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	wallet, ok := catalog.Program("wallet")
	if !ok {
		t.Fatal("no wallet")
	}
	ring, err := NewKeyring(make([]byte, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	in := menus.Input{Kind: menus.Begin, Customer: "255700000001", Language: "en",
		Seal: func(pin string) ([]byte, error) { return ring.Seal([]byte(pin), []byte("idle")) }}
	turn, err := wallet.Step(menus.State{}, in)
	if err != nil {
		t.Fatal(err)
	}
	keep := func() {
		b, err := turn.State.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		states, screens = append(states, b), append(screens, turn.Screen.ID)
	}
	keep()
	for _, key := range []menus.Typed{"1", "0700000002", "5000", "1234"} {
		in.Kind, in.Text = menus.Keys, key
		if turn, err = wallet.Step(turn.State, in); err != nil {
			t.Fatal(err)
		}
		for turn.Call != nil {
			r := menus.Result{Outcome: menus.Done, Fields: []menus.Value{{Name: "name", Text: "ASHA MOHAMED JUMA"}, {Name: "fee", Text: "150"}}}
			if turn.Call.Action {
				r = menus.Result{Outcome: menus.Rejected, Reason: "wrong_pin"}
			}
			if turn, err = wallet.Step(turn.State, menus.Input{Kind: menus.Answer, Result: r, Customer: in.Customer}); err != nil {
				t.Fatal(err)
			}
		}
		keep()
	}
	if last := screens[len(screens)-1]; last != "send_pin" {
		t.Fatalf("the walk ends at %s", last)
	}
	return states, screens
}

// resident is the memory that the process has, by the kernel's count, after the
// collector gave back what it could.
func resident(t *testing.T) uint64 {
	t.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("the kernel does not count: ", err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseUint(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// live is the memory that the heap needs: unlike the resident set it is the same
// under the race detector.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAMillionIdleSessions fills a store with dialogues in which customers pause.
// NYOTA_SOAK=1 asks for the million, and for the resident memory of the process.
func TestAMillionIdleSessions(t *testing.T) {
	const (
		perSession = 1 << 10
		wholeStore = 1200 << 20 // a million of them
	)
	count, soak := 20_000, os.Getenv("NYOTA_SOAK") != ""
	if soak {
		count = 1_000_000
	}
	clock := newTestTime()
	rss, heap := resident(t), live()
	e := openTest(t, t.TempDir(), EmbeddedOptions{Now: clock.now, Memory: int64(count) * perSession, Sweep: time.Hour})
	begun := time.Now()
	octets := fillIdle(t, e, clock.now(), count)
	took := time.Since(begun)

	after := live()
	grown := after - min(after, heap)
	t.Logf("%d sessions of %d octets each, written in %.1f s; heap %d MiB, %d octets a session",
		count, octets, took.Seconds(), grown>>20, grown/uint64(count))
	if octets > perSession/2 {
		t.Errorf("a stored session has %d octets on average", octets)
	}
	// Beside the sessions the store has its own tables, which do not grow.
	if limit := uint64(count)*perSession + 32<<20; grown > limit {
		t.Errorf("the heap grew by %d octets, over %d", grown, limit)
	}
	if soak {
		now := resident(t)
		t.Logf("VmRSS %d MiB, %d before: %d octets a session", now>>20, rss>>20, (now-min(now, rss))/uint64(count))
		if now > wholeStore {
			t.Errorf("the process has %d MiB, over %d", now>>20, wholeStore>>20)
		}
	}
	expireIdle(t, e, clock, count)
}

// idleMSISDN is the number of a dialogue.
func idleMSISDN(i int) string { return strconv.Itoa(255700000000 + i) }

// early says which dialogues are forgotten first: a third of them.
func early(i int) bool { return i%3 == 0 }

// fillIdle begins count dialogues and leads each a step further, as customers do
// who pause then. It returns the octets of a stored session, on average.
func fillIdle(t *testing.T, e *Embedded, now time.Time, count int) uint64 {
	t.Helper()
	states, screens := idleStates(t)
	node := uuid.NewString()
	var next atomic.Int64
	var octets atomic.Uint64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				s := Session{
					Key:  Key{Network: "operator", MSISDN: idleMSISDN(i), ID: strconv.Itoa(i % 128)},
					Menu: "wallet", Revision: "3f9a1c0d5b7e2846a1b2c3d4e5f60718", Node: node, Asking: true,
					State: states[i%len(states)], Screen: screens[i%len(screens)],
					LastHash: uint64(i) * 0x9E3779B97F4A7C15, LastSeq: 3, LastAt: now, Started: now, Steps: 3,
					Expires: now.Add(3 * time.Minute),
				}
				if !early(i) {
					s.Expires = now.Add(4 * time.Minute)
				}
				for range 2 {
					var err error
					if s, err = e.Commit(t.Context(), s); err != nil {
						t.Error(err)
						return
					}
				}
				b, _ := s.MarshalBinary()
				octets.Add(uint64(len(b)))
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return octets.Load() / uint64(count)
}

// expireIdle lets a third of the dialogues expire, then the rest, and checks that
// a sweep looks at those alone.
func expireIdle(t *testing.T, e *Embedded, clock *testTime, count int) {
	t.Helper()
	thirds := (count + 2) / 3
	for _, step := range []struct {
		name    string
		advance time.Duration
		removed int
	}{
		{"nothing expired", 2 * time.Minute, 0},
		{"a third expired", time.Minute + 2*time.Second, thirds},
		{"the rest lives", 10 * time.Second, 0},
		{"all expired", time.Minute, count - thirds},
	} {
		clock.advance(step.advance)
		begun := time.Now()
		n, err := e.sweep(t.Context())
		t.Logf("%s: %d removed in %v", step.name, n, time.Since(begun).Round(time.Microsecond))
		if n != step.removed || err != nil {
			t.Errorf("%s: removed %d, %v, want %d", step.name, n, err, step.removed)
		}
	}
	for i := range min(count, 100) {
		if _, err := e.Load(t.Context(), Key{"operator", idleMSISDN(i), strconv.Itoa(i % 128)}); !errors.Is(err, ErrNotFound) {
			t.Fatalf("session %d: %v", i, err)
		}
	}
	if n := e.octets.Load(); n != 0 {
		t.Errorf("%d octets of no session", n)
	}
}
