package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// restartWith stops the town's gateway in order and starts it with these keys.
func (c *town) restartWith(template []byte, key, other string) {
	c.t.Helper()
	if c.gateway != nil {
		if err := c.gateway.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			c.t.Fatal(err)
		}
		<-c.gateway.ended
	}
	before, _, ok := strings.Cut(string(template), "secret: ") // which is the last of a town's configuration
	if !ok {
		c.t.Fatal("the town has no key")
	}
	text := fmt.Appendf(nil, "%ssecret: {key_file: %q, other_key_file: %q}\n", before, key, other)
	if err := os.WriteFile(c.config, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.start()
}

// The change of a key with restarts in the midst of a dialogue that has PINs typed
// before each of them: they are opened under whatever key sealed them, compared with
// each other, and reach the core.
func TestM6PINsTypedBeforeAChangeOfKeysReachTheCoreAfterIt(t *testing.T) {
	for name, store := range map[string]func(*testing.T) string{
		"embedded": func(*testing.T) string { return `{kind: embedded, path: data}` },
		"valkey": func(t *testing.T) string {
			return fmt.Sprintf(`{kind: valkey, addresses: [%q]}`, storetest.StartValkey(t))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTown(t, store(t))
			template, err := os.ReadFile(c.config)
			dir := t.TempDir()
			older, newer := filepath.Join(dir, "secret.key"), filepath.Join(dir, "new.key")
			if err := errors.Join(err, sessions.CreateKey(older), sessions.CreateKey(newer)); err != nil {
				t.Fatal(err)
			}
			h := c.handset(payer)
			// on presses a key on a screen; after a restart that screen may come once more.
			on := func(screen, text string) {
				t.Helper()
				for range 2 {
					if shown := shows(t, h); shown.ScreenID != screen {
						t.Fatalf("on %q: %q, want %q", shown.ScreenID, shown.Screen, screen)
					}
					if err := h.press(text); err != nil {
						t.Fatal(err)
					}
					if shows(t, h).ScreenID != screen {
						return
					}
				}
			}
			const newPIN = "2580"
			c.restartWith(template, older, "")
			if err := h.dial("*150*02#"); err != nil {
				t.Fatal(err)
			}
			on("home", "3")
			on("pin_old", testPIN)
			c.restartWith(template, older, newer)
			on("pin_new", newPIN)
			c.restartWith(template, newer, older)
			on("pin_repeat", newPIN)
			if shown := shows(t, h); shown.ScreenID != "pin_changed" {
				t.Fatalf("on %q: %q", shown.ScreenID, shown.Screen)
			}

			// The new PIN is what the core was given.
			c.restartWith(template, newer, "")
			if err := h.dial("*150*00#"); err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct{ screen, text string }{
				{"home", "1"}, {"send_to", payee}, {"send_amount", "5000"}, {"send_pin", newPIN},
			} {
				on(step.screen, step.text)
			}
			shows(t, h, "confirmed", "5,000")
		})
	}
}
