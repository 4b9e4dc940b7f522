package ops

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/sessions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadyzSaysWhatIsWrong(t *testing.T) {
	ok := Check{"store", func(context.Context) error { return nil }}
	bad := Check{"smpp", func(context.Context) error { return errors.New("link demo: connection refused") }}
	for _, tc := range []struct {
		name   string
		checks []Check
		status int
		says   string
	}{
		{"all well", []Check{ok}, http.StatusOK, `"ready": true`},
		{"one is not", []Check{ok, bad}, http.StatusServiceUnavailable, "link demo: connection refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			Readyz(tc.checks)(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestReadyzIsBoundedByItsDeadline(t *testing.T) {
	stuck := Check{"store", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	Readyz([]Check{stuck})(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
}

func TestGuardWantsATokenAndSaysWhoseItIs(t *testing.T) {
	h := Guard([]Token{{"admin", "sesame"}, {"amina", "open"}, {"off", ""}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Who", Who(r.Context()))
		w.WriteHeader(http.StatusTeapot)
	}))
	for header, want := range map[string]string{
		"": "", "Bearer wrong": "", "sesame": "", "Bearer ": "", "Bearer sesame": "admin", "Bearer open": "amina",
	} {
		r := httptest.NewRequest(http.MethodGet, "/actions/1", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		code := http.StatusTeapot
		if want == "" {
			code = http.StatusUnauthorized
		}
		if w.Code != code || w.Header().Get("X-Who") != want {
			t.Errorf("%q: %d for %q, want %d for %q", header, w.Code, w.Header().Get("X-Who"), code, want)
		}
	}
	if who := Who(t.Context()); who != Nobody {
		t.Errorf("without a guard: %q", who)
	}
}

func action() sessions.Action {
	return sessions.Action{ID: "0192f0c0-0000-7000-8000-000000000001", MSISDN: "255700000001", State: sessions.Unknown, Call: "transfer",
		Args:    []sessions.Arg{{Name: "amount", Value: "5000"}, {Name: "pin", Sealed: []byte("sealed")}},
		Session: sessions.Key{Network: "demo", MSISDN: "255700000001", ID: "7"}, Created: time.Now()}
}

func TestActionsShowWhatIsOpenAndNoSecret(t *testing.T) {
	store, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	a := action()
	if err := store.Put(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		Actions(store, menus.DefaultEnv().Country).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	for _, path := range []string{"/actions/255700000001", "/actions/0700000001", "/actions/+255700000001", "/actions/00255700000001",
		"/actions/255700000001/" + a.ID, "/actions/0700000001/" + a.ID} {
		code, body := get(path)
		if code != http.StatusOK || !strings.Contains(body, `"state":"UNKNOWN"`) || strings.Contains(body, "pin") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body := get("/actions/255700000002"); code != http.StatusOK || strings.TrimSpace(body) != "[]" {
		t.Errorf("of nobody: %d %s", code, body)
	}
	if code, body := get("/actions/+254712345678"); code != http.StatusOK || strings.TrimSpace(body) != "[]" {
		t.Errorf("a number of another country: %d %s", code, body)
	}
	for _, none := range []string{"nonsense", "70000001", "25570000001", "+x", "+0712345678", a.ID, "nonsense/" + a.ID} {
		if code, body := get("/actions/" + none); code != http.StatusBadRequest || !strings.Contains(body, "write it as 255777777777, +255777777777 or 0777777777") {
			t.Errorf("%s: %d %s", none, code, body)
		}
	}
	if code, body := get("/actions/255700000001/none"); code != http.StatusNotFound || !strings.Contains(body, "gateway ledger show") {
		t.Errorf("no such action: %d %s", code, body)
	}
}

func TestCDRHasALinePerDialogueAndChange(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cdr")
	c, err := NewCDR(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx) })
	start := time.Now()
	c.Dialogue(dialog.Record{Key: sessions.Key{Network: "demo", MSISDN: "255700000001", ID: "7"}, Menu: "wallet",
		Started: start, Ended: start.Add(90 * time.Second), Steps: 4, Screen: "sent", End: dialog.EndDone})
	c.Action(action())
	cancel()
	wg.Wait()
	files, err := filepath.Glob(filepath.Join(dir, "cdr-*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var types []string
	for s := bufio.NewScanner(f); s.Scan(); {
		var l struct {
			Type    string
			Seconds float64
			Args    map[string]string
		}
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		types = append(types, l.Type)
		if l.Type == "dialogue" && l.Seconds != 90 || l.Args["pin"] != "" {
			t.Errorf("%s", s.Bytes())
		}
	}
	if strings.Join(types, " ") != "dialogue action" {
		t.Errorf("lines %v", types)
	}
}

func TestSlowDiskCostsRecordsAndNoCustomer(t *testing.T) {
	c, err := NewCDR(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range cap(c.lines) + 10 { // nobody writes
		c.Action(action())
	}
	if lost := c.lost.Load(); lost != 10 {
		t.Errorf("%d lost", lost)
	}
}
