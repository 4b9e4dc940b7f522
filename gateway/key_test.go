package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nyota/gateway/config"
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

func TestM6KeyIsMadeByTheFirstStartOfANewStoreAndNeverInThePlaceOfAnother(t *testing.T) {
	startAndStop := func(cfg config.Config) error {
		g, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			err = g.Stop(t.Context())
		}
		return err
	}
	cfg := testConfig(t)
	cfg.Secret.KeyFile = ""
	own := filepath.Join(cfg.Store.Path, "secret.key")
	for range 2 { // the second start finds it
		if err := startAndStop(cfg); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sessions.LoadKey(own); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	named := testConfig(t) // with a new store
	named.Secret.KeyFile = filepath.Join(t.TempDir(), "new.key")
	for _, tt := range []struct {
		name, file string
		cfg        config.Config
	}{
		{"the store has had one", own, cfg},
		{"one is configured", named.Secret.KeyFile, named},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := startAndStop(tt.cfg); err == nil || !strings.Contains(err.Error(), "gateway key new "+tt.file) {
				t.Errorf("it says %v", err)
			}
			if _, err := os.Stat(tt.file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the key was made: %v", err)
			}
			if err := errors.Join(sessions.CreateKey(tt.file), startAndStop(tt.cfg)); err != nil {
				t.Errorf("with the key that a person made: %v", err)
			}
		})
	}
}

// TestM6KeyIsChangedWhileGatewaysRun does what gateway/OPERATING.md says, with each
// shipped configuration: at every step each of two gateways opens what the other
// sealed, and the configuration ends as it began.
func TestM6KeyIsChangedWhileGatewaysRun(t *testing.T) {
	b, err := os.ReadFile("OPERATING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "## Change the key\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var steps []string
	for _, m := range regexp.MustCompile("(?m)^.*`(secret: {.*})`").FindAllStringSubmatch(text, -1) {
		steps = append(steps, m[1])
	}
	if len(steps) != 3 {
		t.Fatalf("%d steps change the configuration", len(steps))
	}
	for _, tt := range []struct{ name, file, folder string }{
		{"by hand", "../config.yaml", "data/"},
		{"systemd", "deploy/systemd/config.yaml", "/var/lib/nyota/"},
		{"Kubernetes", "deploy/config.yaml", "/etc/nyota/key/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(text, "`"+tt.folder+"`") {
				t.Errorf("the folder is not %s", tt.folder)
			}
			dir := deployed(t)
			keys := filepath.Join(dir, "secrets")
			for range 2 { // a second time it changes nothing
				if out, err := makeSecrets(dir, "--new-key"); err != nil {
					t.Fatalf("%v %s", err, out)
				}
			}
			before, err := os.ReadFile(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			ring := func(text string) *sessions.Keyring {
				t.Helper()
				file := filepath.Join(t.TempDir(), "config.yaml")
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				cfg, err := config.Load(file, deployedEnv(t, dir))
				if err != nil {
					t.Fatal(err)
				}
				g := &Gateway{cfg: cfg}
				g.cfg.Secret.KeyFile = filepath.Join(keys, filepath.Base(cfg.KeyFile()))
				if o := cfg.Secret.OtherKeyFile; o != "" {
					g.cfg.Secret.OtherKeyFile = filepath.Join(keys, filepath.Base(o))
				}
				if got, want := filepath.Dir(cfg.KeyFile()), filepath.Dir(cfg.Path(tt.folder+"x")); got != want {
					t.Errorf("the key is in %s, not in %s", got, want)
				}
				r, err := g.openKeys()
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			rings := []*sessions.Keyring{ring(string(before))}
			section := regexp.MustCompile(`(?m)^secret:\n( .*\n)+`)
			for i, step := range steps {
				if i == len(steps)-1 {
					if err := os.Rename(filepath.Join(keys, "new.key"), filepath.Join(keys, "secret.key")); err != nil {
						t.Fatal(err)
					}
				}
				rings = append(rings, ring(section.ReplaceAllString(string(before), strings.ReplaceAll(step, "data/", tt.folder)+"\n")))
			}
			for i := range len(rings) - 1 {
				a, b := rings[i], rings[i+1]
				for _, pair := range [][2]*sessions.Keyring{{a, b}, {b, a}} {
					sealed, err := pair[0].Seal([]byte("2580"), []byte("255700000001"))
					if err != nil {
						t.Fatal(err)
					}
					if plain, err := pair[1].Open(sealed, []byte("255700000001")); err != nil || string(plain) != "2580" {
						t.Errorf("between step %d and %d: %v", i+1, i+2, err)
					}
				}
			}
			sealed, err := rings[0].Seal([]byte("2580"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ring(string(before)).Open(sealed, nil); err == nil {
				t.Error("the old key still opens with the configuration that it began with")
			}
		})
	}
}

func TestM6OtherKeyIsNeverMade(t *testing.T) {
	dir := t.TempDir()
	g := &Gateway{}
	g.cfg.Secret.KeyFile, g.cfg.Secret.OtherKeyFile = newKey(t, dir), filepath.Join(dir, "missing.key")
	if _, err := g.openKeys(); err == nil || !strings.Contains(err.Error(), "secret.other_key_file") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "missing.key")); err == nil {
		t.Error("it was made")
	}
}
