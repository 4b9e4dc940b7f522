package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nyota/sessions"
)

func TestKeyIsMadeOnceAndNeverOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.key")
	if code := run(t.Context(), []string{"key", "new", path}); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	first, err := sessions.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"key", "new", path}); code != 1 {
		t.Errorf("exit status %d for a file that is there", code)
	}
	if again, err := sessions.LoadKey(path); err != nil || string(again) != string(first) {
		t.Errorf("the key was changed: %v", err)
	}
}

// The change of a key, as gateway/OPERATING.md leads through it: at every step
// each of two gateways opens what the other sealed.
func TestM6KeyIsChangedWhileGatewaysRun(t *testing.T) {
	dir := t.TempDir()
	older, newer := filepath.Join(dir, "secret.key"), filepath.Join(dir, "new.key")
	for _, path := range []string{older, newer} {
		if err := sessions.CreateKey(path); err != nil {
			t.Fatal(err)
		}
	}
	ring := func(key, other string) *sessions.Keyring {
		t.Helper()
		g := &Gateway{}
		g.cfg.Secret.KeyFile, g.cfg.Secret.OtherKeyFile = key, other
		r, err := g.openKeys()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	steps := []*sessions.Keyring{ring(older, ""), ring(older, newer), ring(newer, older), ring(newer, "")}
	for i := range len(steps) - 1 {
		a, b := steps[i], steps[i+1]
		for _, pair := range [][2]*sessions.Keyring{{a, b}, {b, a}} {
			sealed, err := pair[0].Seal([]byte("2580"), []byte("255700000001"))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := pair[1].Open(sealed, []byte("255700000001")); err != nil || string(plain) != "2580" {
				t.Errorf("between step %d and %d: %v", i, i+1, err)
			}
		}
	}

	g := &Gateway{}
	g.cfg.Secret.KeyFile, g.cfg.Secret.OtherKeyFile = older, filepath.Join(dir, "missing.key")
	if _, err := g.openKeys(); err == nil || !strings.Contains(err.Error(), "secret.other_key_file") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "missing.key")); err == nil {
		t.Error("the other key was made: only the first one is")
	}
}
