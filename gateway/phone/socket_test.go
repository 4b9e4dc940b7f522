package phone

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nyota/gateway/simulator"
)

// page is the browser's side of the websocket.
type page struct {
	t  *testing.T
	ws *websocket.Conn
}

// incoming has the fields of all messages.
type incoming struct {
	T      string             `json:"t"`
	Code   string             `json:"code"`
	PIN    string             `json:"pin"`
	Phone  simulator.Snapshot `json:"phone"`
	Lines  []simulator.Entry  `json:"lines"`
	Inbox  []simulator.SMS    `json:"inbox"`
	Reset  bool               `json:"reset"`
	Mode   string             `json:"mode"`
	Text   string             `json:"text"`
	Error  string             `json:"error"`
	MSISDN string             `json:"msisdn"`
	raw    string
}

func (w *world) connect(t *testing.T, header http.Header) (*page, *http.Response, error) {
	t.Helper()
	ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(w.url, "http")+"/phone/ws", header)
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { _ = ws.Close() })
	return &page{t, ws}, resp, nil
}

func (w *world) open(t *testing.T) *page {
	t.Helper()
	p, _, err := w.connect(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *page) send(c command) {
	p.t.Helper()
	if err := p.ws.WriteJSON(c); err != nil {
		p.t.Fatal(err)
	}
}

// until reads messages up to the first that satisfies ok.
func (p *page) until(ok func(incoming) bool) incoming {
	p.t.Helper()
	_ = p.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, data, err := p.ws.ReadMessage()
		if err != nil {
			p.t.Fatalf("waiting for a message: %v", err)
		}
		m := incoming{raw: string(data)}
		if err := json.Unmarshal(data, &m); err != nil {
			p.t.Fatal(err)
		}
		if ok(m) {
			return m
		}
	}
}

func (p *page) untilState(s simulator.State, has string) incoming {
	p.t.Helper()
	return p.until(func(m incoming) bool {
		return m.T == "phone" && m.Phone.State == s && strings.Contains(m.Phone.Screen, has)
	})
}

func TestADialogueOverTheSocket(t *testing.T) {
	w := newWorld(t, Options{})
	p := w.open(t)
	if m := p.until(func(incoming) bool { return true }); m.T != "hello" || m.Code != "*150*00#" || m.PIN != "1234" || m.MSISDN != asha {
		t.Fatalf("first: %s", m.raw)
	}
	p.send(command{T: cmdWatch, MSISDN: asha})
	p.send(command{T: cmdWatch, MSISDN: neema})
	p.send(command{T: cmdDial, MSISDN: asha, Code: "*150*00#"})
	p.untilState(simulator.Asking, "1. Send money")
	for _, step := range []struct{ press, shows string }{
		{"1", "Phone number"}, {"0700000002", "Amount"}, {"5000", "Enter your PIN"},
	} {
		p.send(command{T: cmdPress, MSISDN: asha, Text: step.press})
		m := p.untilState(simulator.Asking, step.shows)
		if m.Phone.Secret != (step.shows == "Enter your PIN") {
			t.Errorf("secret %v at %q", m.Phone.Secret, step.shows)
		}
	}
	var seen strings.Builder
	p.send(command{T: cmdPress, MSISDN: asha, Text: "73519"})
	lines := 0
	p.until(func(m incoming) bool {
		seen.WriteString(m.raw)
		lines += len(m.Lines)
		return m.Phone.MSISDN == neema && len(m.Inbox) == 1 && strings.Contains(m.Inbox[0].Text, "You received TZS 5,000")
	})

	// A reloaded page shows the same screen.
	again := w.open(t)
	again.send(command{T: cmdWatch, MSISDN: asha})
	m := again.until(func(m incoming) bool { return m.T == "phone" })
	seen.WriteString(m.raw)
	if !m.Reset || m.Phone.State != simulator.Ended || !strings.Contains(m.Phone.Screen, "Confirmed") ||
		len(m.Lines) != 11 || len(m.Inbox) != 1 {
		t.Errorf("after a reload: %s", m.raw)
	}
	if strings.Contains(seen.String(), `"73519`) || !strings.Contains(seen.String(), "••••") {
		t.Errorf("the secret went to the page: %s", seen.String())
	}
}

func TestOnlyNewLinesAreSent(t *testing.T) {
	w := newWorld(t, Options{})
	p := w.open(t)
	p.send(command{T: cmdWatch, MSISDN: asha})
	p.send(command{T: cmdDial, MSISDN: asha, Code: "*150*00#"})
	total := 0
	p.until(func(m incoming) bool {
		total += len(m.Lines)
		return m.Phone.State == simulator.Asking
	})
	p.send(command{T: cmdHangUp, MSISDN: asha})
	p.until(func(m incoming) bool {
		total += len(m.Lines)
		return m.T == "phone" && m.Phone.State == simulator.Idle
	})
	if total != 3 {
		t.Errorf("%d lines were sent for dial, ask, hang up", total)
	}
}

func TestBadCommandsAreAnsweredAndTheSocketLives(t *testing.T) {
	w := newWorld(t, Options{MaxPhones: 1})
	p := w.open(t)
	p.send(command{T: cmdWatch, MSISDN: asha})
	for name, c := range map[string]struct {
		send command
		want string
	}{
		"no number":       {command{T: cmdDial, MSISDN: "hello", Code: "*1#"}, "5 to 15 digits"},
		"no code":         {command{T: cmdDial, MSISDN: asha, Code: "0700000002"}, "Only codes such as"},
		"no question":     {command{T: cmdPress, MSISDN: asha, Text: "1"}, "No question"},
		"a long text":     {command{T: cmdPress, MSISDN: asha, Text: strings.Repeat("1", 183)}, "longer than"},
		"a command":       {command{T: "fly", MSISDN: asha}, "not understood"},
		"a core's mode":   {command{T: cmdCore, Mode: "tired"}, "did not take"},
		"too many phones": {command{T: cmdWatch, MSISDN: neema}, "no room"},
	} {
		t.Run(name, func(t *testing.T) {
			p.send(c.send)
			if m := p.until(func(m incoming) bool { return m.T == "error" }); !strings.Contains(m.Text, c.want) {
				t.Errorf("%q, want %q", m.Text, c.want)
			}
		})
	}
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte("{")); err != nil {
		t.Fatal(err)
	}
	p.until(func(m incoming) bool { return m.T == "error" })
	if err := p.ws.WriteMessage(websocket.TextMessage, make([]byte, maxMessage+1)); err != nil {
		t.Fatal(err)
	}
	var closed *websocket.CloseError
	for {
		if _, _, err := p.ws.ReadMessage(); err != nil {
			if !errors.As(err, &closed) || closed.Code != websocket.CloseMessageTooBig {
				t.Errorf("after a long message: %v", err)
			}
			break
		}
	}
}

func TestOtherSitesPagesCannotConnect(t *testing.T) {
	w := newWorld(t, Options{})
	_, resp, err := w.connect(t, http.Header{"Origin": {"http://elsewhere.example"}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v", resp, err)
	}
	if _, _, err := w.connect(t, http.Header{"Origin": {w.url}}); err != nil {
		t.Errorf("its own page: %v", err)
	}
}

func TestTooManyBrowsersAreTurnedAway(t *testing.T) {
	w := newWorld(t, Options{MaxConns: 2})
	first := w.open(t)
	w.open(t)
	_, resp, err := w.connect(t, nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = first.ws.Close()
	deadline := time.After(10 * time.Second)
	for {
		if _, _, err := w.connect(t, nil); err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the place of a browser that left was not given away")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func TestTheCoreIsSwitchedAndShown(t *testing.T) {
	w := newWorld(t, Options{})
	p := w.open(t)
	p.until(func(m incoming) bool { return m.T == "core" && m.Mode == ModeNormal })
	for mode, want := range map[string]Faults{
		ModeSlow:   {Workers: 2, ServiceMS: 3000},
		ModeSilent: {Workers: 20, ServiceMS: 5, DropAnswers: 1},
		ModeDead:   {Workers: 20, ServiceMS: 5, Down: true},
		ModeNormal: {Workers: 20, ServiceMS: 5},
	} {
		p.send(command{T: cmdCore, Mode: mode})
		p.until(func(m incoming) bool { return m.T == "core" && m.Mode == mode })
		if got, _ := w.core.Faults(t.Context()); got != want {
			t.Errorf("%s: %+v, want %+v", mode, got, want)
		}
	}
	w.core.mu.Lock()
	w.core.err = errors.New("no answer")
	w.core.mu.Unlock()
	p.send(command{T: cmdCore, Mode: ModeDead})
	if m := p.until(func(m incoming) bool { return m.T == "core" }); m.Mode != "unknown" || m.Error == "" {
		t.Errorf("without an answer: %s", m.raw)
	}
}
