package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/sessions/storetest"
)

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
			c.kill(c.gateway)
			c.start()
		}
	})
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
