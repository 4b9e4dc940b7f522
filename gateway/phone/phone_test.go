package phone

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"nyota/gateway/simulator"
)

func get(t *testing.T, h http.Handler, target string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", target, nil)
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func newPhone(t *testing.T) *Phone {
	t.Helper()
	p, err := New(Options{SMSC: simulator.NewSMSC(simulator.SMSCConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return p
}

func TestThePageMayLoadOnlyItsOwnFiles(t *testing.T) {
	p := newPhone(t)
	resp := get(t, p, "/phone?msisdn="+asha, nil)
	csp := resp.Header.Get("Content-Security-Policy")
	if resp.StatusCode != 200 || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("%d, policy %q", resp.StatusCode, csp)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	refs := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(body), -1)
	if len(refs) < 4 {
		t.Fatalf("references: %v", refs)
	}
	for _, ref := range refs {
		if strings.HasPrefix(ref[1], "#") {
			continue
		}
		if r := get(t, p, ref[1], nil); r.StatusCode != 200 || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d", ref[1], r.StatusCode)
		}
	}
	if strings.Contains(string(body), " style=") || strings.Contains(string(body), " onclick=") {
		t.Error("the page has inline style or script, which its policy forbids")
	}
}

func TestNothingIsLoadedFromElsewhere(t *testing.T) {
	elsewhere := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]`)
	imports := regexp.MustCompile(`from "([^"]+)"`)
	p := newPhone(t)
	err := fs.WalkDir(static, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := static.ReadFile(path)
		if err != nil {
			return err
		}
		s := strings.ReplaceAll(string(body), "http://www.w3.org/2000/svg", "") // a name, not an address
		if hit := elsewhere.FindString(s); hit != "" {
			t.Errorf("%s refers to %s", path, hit)
		}
		for _, m := range imports.FindAllStringSubmatch(s, -1) {
			if r := get(t, p, "/phone/static/"+strings.TrimPrefix(m[1], "./"), nil); r.StatusCode != 200 {
				t.Errorf("%s imports %s: %d", path, m[1], r.StatusCode)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	p := newPhone(t)
	first := get(t, p, "/phone/static/main.js", nil)
	tag := first.Header.Get("ETag")
	if tag == "" || !strings.HasPrefix(first.Header.Get("Content-Type"), "text/javascript") {
		t.Fatalf("header: %v", first.Header)
	}
	if r := get(t, p, "/phone/static/main.js", http.Header{"If-None-Match": {tag}}); r.StatusCode != http.StatusNotModified {
		t.Errorf("again: %d", r.StatusCode)
	}
}

func TestPaths(t *testing.T) {
	p := newPhone(t)
	for target, want := range map[string]int{
		"/phone": 200, "/phone/?msisdn=1": 301, "/phone/static/nothing.js": 404,
		"/phone/static/": 404, "/phone/static/index.html": 404, "/phone/ws": 400, "/other": 404,
	} {
		if r := get(t, p, target, nil); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, r.StatusCode, want)
		}
	}
}

func TestNewNeedsAnOperator(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("it was made without one")
	}
}

func TestHTTPCoreSpeaksToTheFaultsOfACore(t *testing.T) {
	have := Faults{Workers: 20, ServiceMS: 5}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/faults" {
			http.NotFound(w, r)
			return
		}
		if r.Method == http.MethodPut {
			if err := json.NewDecoder(r.Body).Decode(&have); err != nil || have.Workers == 0 {
				http.Error(w, "bad", http.StatusBadRequest)
				return
			}
		}
		_ = json.NewEncoder(w).Encode(have)
	}))
	defer srv.Close()
	c := HTTPCore(srv.URL + "/")
	want := Faults{Workers: 2, ServiceMS: 3000, DropAnswers: 0.5, Down: true}
	if err := c.SetFaults(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Faults(t.Context()); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if err := c.SetFaults(t.Context(), Faults{}); err == nil {
		t.Error("a refusal was no error")
	}
	if _, err := HTTPCore(srv.URL + "/elsewhere").Faults(t.Context()); err == nil {
		t.Error("404 was no error")
	}
}

func TestModesAreToldFromFaults(t *testing.T) {
	for _, mode := range []string{ModeNormal, ModeSlow, ModeSilent, ModeDead} {
		f, ok := preset(mode)
		if !ok || f.Mode() != mode {
			t.Errorf("%s is told as %s", mode, f.Mode())
		}
	}
	if _, ok := preset("tired"); ok {
		t.Error("there is no such mode")
	}
}
