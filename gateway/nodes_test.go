package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nyota/sessions/storetest"
)

// fleet is a town with several gateways on one Valkey.
type fleet struct {
	*town
	configs  []string
	admins   []string
	gateways []*process
}

func newFleet(t *testing.T, gateways int) *fleet {
	t.Helper()
	f := &fleet{town: newTown(t, fmt.Sprintf(`{kind: valkey, addresses: [%q]}`, storetest.StartValkey(t)))}
	text, err := os.ReadFile(f.config)
	if err != nil {
		t.Fatal(err)
	}
	for i := range gateways {
		own := fmt.Sprintf("http: {listen: %q}\nadmin: {listen: %q}\ncdr: {dir: cdr%d}\n", freePort(t), f.admin, i)
		if i > 0 {
			admin := freePort(t)
			own = strings.ReplaceAll(own, f.admin, admin)
			f.admins = append(f.admins, admin)
		} else {
			f.admins = append(f.admins, f.admin)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "http:") && !strings.HasPrefix(line, "admin:") {
				own += line
			}
		}
		path := filepath.Join(filepath.Dir(f.config), fmt.Sprintf("gateway%d.yaml", i)) // one folder: one key
		if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
		f.configs = append(f.configs, path)
		f.gateways = append(f.gateways, nil)
	}
	for i := range gateways {
		f.startAt(i)
	}
	return f
}

// startAt starts a gateway and waits until it is ready.
func (f *fleet) startAt(i int) {
	f.t.Helper()
	f.gateways[i] = start(f.t, nil, binary(f.t), "serve", "--config", f.configs[i])
	f.gateways[i].line("Nyota serves.")
	eventually(f.t, "the gateway is ready", func() bool {
		return httpJSON(f.t, http.MethodGet, "http://"+f.admins[i]+"/readyz", nil, nil) == http.StatusOK
	})
}

// stopAt stops a gateway in order, and waits until it has ended well.
func (f *fleet) stopAt(i int) {
	f.t.Helper()
	p := f.gateways[i]
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		f.t.Fatal("the gateway does not stop")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		f.t.Errorf("a gateway that was told to stop ended with status %d", code)
	}
}

func restarts() int {
	if soak() {
		return 50
	}
	return 3
}

func TestM7ThreeGatewaysThatAreRestartedInTurnLoseAndDoubleNothing(t *testing.T) {
	f := newFleet(t, 3)
	f.live(func() {
		for n := range restarts() {
			time.Sleep(500 * time.Millisecond) // of load
			f.stopAt(n % 3)
			f.startAt(n % 3)
		}
	})
}

func TestM7ThreeGatewaysThatAreKilledInTurnLoseAndDoubleNothing(t *testing.T) {
	f := newFleet(t, 3)
	f.live(func() {
		for n := range restarts() {
			time.Sleep(500 * time.Millisecond) // of load
			f.kill(f.gateways[n%3])
			f.startAt(n % 3)
		}
	})
}

func TestDialogueGoesOnWhereItsGatewayLeftIt(t *testing.T) {
	f := newFleet(t, 2)
	h := f.handset(payer)
	if err := h.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	press := keys(payee, "5000")
	for n, want := range []string{"home", "send_to", "send_amount", "send_pin"} {
		if shown := shows(t, h); shown.ScreenID != want {
			t.Fatalf("on %q, want %q: a gateway that left in order costs no key", shown.ScreenID, want)
		}
		// One of the two has the dialogue: each leaves in its turn.
		f.stopAt(n % 2)
		if err := h.press(press[want]); err != nil {
			t.Fatal(err)
		}
		shows(t, h)
		f.startAt(n % 2)
	}
	shows(t, h, "confirmed", "5,000")
	inbox(t, h, 1)
	inbox(t, f.handset(payee), 1)
	if all := effects(t, f.core); len(all) != 1 || all[0].Times != 1 {
		t.Errorf("effects %+v", all)
	}
}
