package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nyota/smpp/text"
)

// ask calls the control API.
func ask(t *testing.T, h http.Handler, method, target, body string, out any) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if out != nil {
		if err := json.NewDecoder(w.Body).Decode(out); err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
	}
	return w.Code
}

func TestTheControlAPIDrivesAHandset(t *testing.T) {
	s := NewSMSC(SMSCConfig{})
	p := &fakePeer{}
	s.bound(p)
	api := s.Control()
	var got Snapshot
	if code := ask(t, api, "POST", "/handsets/"+asha+"/dial", `{"code":"*150*00#"}`, &got); code != 200 || got.State != Waiting {
		t.Fatalf("dial: %d %+v", code, got)
	}
	h := phone(t, s, asha)
	h.show(screen{op: opUSSRReq, session: session(p.last(), false), text: "Wallet"})
	if code := ask(t, api, "GET", "/handsets/"+asha, "", &got); code != 200 || got.Screen != "Wallet" || len(got.Transcript) != 2 {
		t.Fatalf("get: %d %+v", code, got)
	}
	got = Snapshot{}
	if code := ask(t, api, "POST", "/handsets/"+asha+"/press", `{"text":"1"}`, &got); code != 200 || got.State != Waiting {
		t.Fatalf("press: %d %+v", code, got)
	}
	if string(p.last().ShortMessage) != "1" {
		t.Errorf("the gateway got %q", p.last().ShortMessage)
	}
	got = Snapshot{}
	if code := ask(t, api, "POST", "/handsets/"+asha+"/hangup", "", &got); code != 200 || got.State != Idle {
		t.Fatalf("hangup: %d %+v", code, got)
	}
	h.receive(time.Now(), "NYOTA", [][]byte{[]byte("Hi")}, 0, text.Alphabet{})
	got = Snapshot{}
	if code := ask(t, api, "POST", "/handsets/"+asha+"/read", "", &got); code != 200 || got.Unread != 0 || len(got.Inbox) != 1 {
		t.Fatalf("read: %d %+v", code, got)
	}
	var list []Snapshot
	if code := ask(t, api, "GET", "/handsets", "", &list); code != 200 || len(list) != 1 || list[0].Transcript != nil {
		t.Errorf("list: %d %+v", code, list)
	}
}

func TestTheControlAPIRefuses(t *testing.T) {
	s := NewSMSC(SMSCConfig{})
	api := s.Control()
	for name, c := range map[string]struct {
		method, target, body string
		want                 int
	}{
		"no number":              {"GET", "/handsets/hello", "", 400},
		"no JSON":                {"POST", "/handsets/" + asha + "/dial", "code", 400},
		"no code":                {"POST", "/handsets/" + asha + "/dial", `{}`, 400},
		"a body without end":     {"POST", "/handsets/" + asha + "/dial", strings.Repeat(" ", maxBody+1), 400},
		"no question":            {"POST", "/handsets/" + asha + "/press", `{"text":"1"}`, 409},
		"a revision with a sign": {"GET", "/handsets/" + asha + "/wait?after=-1", "", 400},
		"a timeout without unit": {"GET", "/handsets/" + asha + "/wait?timeout=5", "", 400},
		"a fault below zero":     {"PUT", "/faults", `{"throttle":-1}`, 400},
		"another path":           {"GET", "/nothing", "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, api, c.method, c.target, c.body, nil); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
	t.Run("another site's page", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/handsets/"+asha+"/hangup", nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%d", w.Code)
		}
	})
}

func TestADialWithoutAGatewayIsAHandsetsAnswer(t *testing.T) {
	var got Snapshot
	code := ask(t, NewSMSC(SMSCConfig{}).Control(), "POST", "/handsets/"+asha+"/dial", `{"code":"*150*00#"}`, &got)
	if code != 200 || got.State != Failed || got.Screen != connectionProblem {
		t.Errorf("%d %+v", code, got)
	}
}

func TestWaitAnswersWithTheNextChange(t *testing.T) {
	s := NewSMSC(SMSCConfig{})
	h := phone(t, s, asha)
	srv := httptest.NewServer(s.Control())
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	get := func(query string) (Snapshot, error) {
		var got Snapshot
		r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/handsets/"+asha+"/wait?"+query, nil)
		if err != nil {
			return got, err
		}
		resp, err := srv.Client().Do(r)
		if err != nil {
			return got, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return got, err
		}
		return got, json.Unmarshal(body, &got)
	}
	first, err := get("after=0")
	if err != nil || first.Revision == 0 {
		t.Fatalf("the present state: %+v, %v", first, err)
	}
	done := make(chan Snapshot, 1)
	go func() {
		got, err := get("after=1&timeout=10s")
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	eventually(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.subs) == 1
	})
	h.receive(time.Now(), "NYOTA", [][]byte{[]byte("Hi")}, 0, text.Alphabet{})
	if got := <-done; got.Revision != first.Revision+1 || len(got.Inbox) != 1 {
		t.Errorf("the change: %+v", got)
	}
	if got, err := get("after=99&timeout=1ms"); err != nil || got.Revision != first.Revision+1 {
		t.Errorf("after the timeout: %+v, %v", got, err)
	}
}

func TestFaultsAreSwitchedByHTTP(t *testing.T) {
	s := NewSMSC(SMSCConfig{Faults: Faults{Throttle: 3}})
	var got Faults
	if code := ask(t, s.Control(), "PUT", "/faults", `{"duplicate_start":true}`, &got); code != 200 {
		t.Fatal(code)
	}
	if want := (Faults{DuplicateStart: true, Throttle: 3}); got != want || s.Faults() != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
