package phone

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"nyota/gateway/simulator"
)

// Terminal is the phone in a terminal: it plays a handset of a running gateway's
// simulated operator, as the page does, so that what it dials goes over SMPP.
type Terminal struct {
	URL    string // of the gateway: http://127.0.0.1:8080
	MSISDN string // "": the one that the gateway proposes
	At     string // "menu.screen" on which the first dialogue begins; "": the phone waits for a code
	With   map[string]string
	Lang   string
	Record string // file for a test of the last dialogue; "": none

	In  io.Reader // a line is a code, or an answer
	Out io.Writer
	// Echo switches what is typed on and off, nil where nothing is echoed. Without
	// it the phone is a script's: it prompts for nothing, and what goes wrong is the
	// error of Run.
	Echo   func(on bool)
	Linger time.Duration // how long it waits for SMS at the end of its input; 1.5 s if 0
}

// Times of a Terminal.
const (
	connectWithin = 5 * time.Second
	// A key that is the same as the one before is taken for the same press if it
	// comes within a second.
	repeatPause = 1100 * time.Millisecond
)

// handsetState is a message of the server, whatever its kind.
type handsetState struct {
	T      string             `json:"t"`
	MSISDN string             `json:"msisdn"`
	Code   string             `json:"code"`
	PIN    string             `json:"pin"`
	Text   string             `json:"text"`
	Phone  simulator.Snapshot `json:"phone"`
	Reset  bool               `json:"reset"`
	Lines  []simulator.Entry  `json:"lines"`
	Broken *brokenMenus       `json:"broken"`
}

// session is one run of a Terminal.
type session struct {
	*Terminal
	ws      *websocket.Conn
	client  *http.Client
	phone   simulator.Snapshot
	known   bool // phone is there
	sent    bool // a line is on its way: what it does is not seen yet
	last    string
	lastAt  time.Time
	broken  string // the first problem that was said
	failed  error
	prompts bool
}

// Run plays the phone until its input ends or ctx does, hangs up, and leaves. Its
// errors are in words for people.
func (t *Terminal) Run(ctx context.Context) error {
	s := &session{Terminal: t, client: &http.Client{Timeout: 30 * time.Second}, prompts: t.Echo != nil}
	defer s.client.CloseIdleConnections()
	if s.Linger == 0 {
		s.Linger = 1500 * time.Millisecond
	}
	if s.Record != "" { // said before anybody types a dialogue for nothing
		if _, err := os.Stat(s.Record); err == nil {
			return fmt.Errorf("%s is there already: name another file", s.Record)
		}
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	defer s.ws.Close()
	messages, lost := make(chan handsetState), make(chan error, 1)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			var m handsetState
			if err := s.ws.ReadJSON(&m); err != nil {
				lost <- err
				return
			}
			select {
			case messages <- m:
			case <-done:
				return
			}
		}
	}()
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(s.In)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-done:
				return
			}
		}
	}()
	err := s.play(ctx, messages, lost, lines)
	if s.Echo != nil {
		s.Echo(true)
		s.say("\n") // off the prompt
	}
	if err == nil || errors.Is(err, errLeft) {
		err = errors.Join(s.save(), s.failed)
	}
	s.hangUp(messages)
	_ = s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	return err
}

// errLeft says that the person at the terminal wants to leave.
var errLeft = errors.New("phone: left")

// connect opens the websocket of the gateway's phone.
func (s *session) connect(ctx context.Context) error {
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is no address of a gateway: it is like http://127.0.0.1:8080", s.URL)
	}
	s.URL = u.Scheme + "://" + u.Host
	d := websocket.Dialer{HandshakeTimeout: connectWithin}
	ws, resp, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/phone/ws", nil)
	switch {
	case err == nil:
		s.ws = ws
		return nil
	case resp == nil:
		return fmt.Errorf("no gateway answers at %s: start one with \"gateway\", or name another with --url (%w)", s.URL, err)
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("what answers at %s has no phone: a phone is one of the simulated operator's, so set simulator.smpp, or name another gateway with --url", s.URL)
	case resp.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("too many phones are open at %s", s.URL)
	}
	return fmt.Errorf("what answers at %s is no gateway: it says %s", s.URL, resp.Status)
}

// play goes on until the input has ended and nothing is to come any more.
func (s *session) play(ctx context.Context, messages <-chan handsetState, lost <-chan error, lines <-chan string) error {
	var next *string // a line that waits for its turn
	over := false    // the input has ended
	var quiet, again <-chan time.Time
	for {
		var input <-chan string
		if next == nil && !over && s.ready() {
			input = lines
		}
		if next != nil && s.ready() {
			if wait := time.Until(s.lastAt.Add(repeatPause)); *next == s.last && wait > 0 {
				again = time.After(wait)
			} else {
				line := *next
				next = nil
				if err := s.line(line); err != nil {
					return err
				}
				continue
			}
		}
		if over && next == nil && s.ready() && quiet == nil {
			quiet = time.After(s.Linger) // an SMS may follow the last screen
		}
		select {
		case m := <-messages:
			if err := s.take(ctx, m); err != nil {
				return err
			}
		case line, ok := <-input:
			if !ok {
				over = true
				continue
			}
			next = &line
		case <-again:
			again = nil
		case <-quiet:
			return nil
		case err := <-lost:
			return fmt.Errorf("the connection to %s is lost: %w", s.URL, err)
		case <-ctx.Done():
			return nil
		}
	}
}

// ready says whether the phone takes a line.
func (s *session) ready() bool {
	if !s.known || s.sent {
		return false
	}
	switch s.phone.State {
	case simulator.Dialling, simulator.Waiting:
		return false
	}
	return true
}

func (s *session) say(format string, args ...any) { fmt.Fprintf(s.Out, format, args...) }

// take takes a message of the server.
func (s *session) take(ctx context.Context, m handsetState) error {
	switch m.T {
	case "hello":
		if s.MSISDN == "" {
			s.MSISDN = m.MSISDN
		}
		if s.prompts {
			s.say("+%s, a phone of the simulated operator. Dial a code such as %s", s.MSISDN, m.Code)
			if m.PIN != "" {
				s.say("; the PIN is %s", m.PIN)
			}
			s.say(".\n/hangup ends a dialogue, Ctrl-D leaves.\n")
		}
		return s.command(command{T: cmdWatch, MSISDN: s.MSISDN})
	case "menus":
		s.menus(m.Broken)
	case "error":
		s.sent = false
		s.trouble(m.Text)
		s.prompt()
	case "phone":
		return s.update(ctx, m)
	}
	return nil
}

// menus says what is wrong with an edit, once.
func (s *session) menus(b *brokenMenus) {
	now := ""
	if b != nil && len(b.Problems) > 0 {
		p := b.Problems[0]
		now = fmt.Sprintf("%s:%d:%d: %s %s", p.File, p.Line, p.Col, p.Code, p.Message)
	}
	if now == s.broken {
		return
	}
	s.broken = now
	if now != "" {
		s.say("! The menus on disk have %d problems, the last good revision serves on: %s\n", b.Count, now)
	} else if s.prompts {
		s.say("! The menus on disk are good again.\n")
	}
}

// trouble is what a script fails with.
func (s *session) trouble(text string) {
	s.say("! %s\n", text)
	if !s.prompts && s.failed == nil {
		s.failed = errors.New(text)
	}
}

func (s *session) update(ctx context.Context, m handsetState) error {
	first := !s.known
	s.known, s.phone = true, m.Phone
	news := false
	for _, e := range m.Lines {
		if first && m.Reset {
			continue // of before
		}
		if e.Direction == simulator.Out && (e.Kind == simulator.KindDial || e.Kind == simulator.KindAnswer) {
			s.sent = false
		}
		news = s.show(e) || news
	}
	if first {
		if !s.phone.Service {
			s.say("! No gateway is bound to this operator: there is no service.\n")
		}
		if s.phone.State == simulator.Asking { // a dialogue of before goes on
			s.screen(simulator.Entry{Text: s.phone.Screen, Screen: s.phone.ScreenID, Kind: simulator.KindAsk})
		}
		if s.At != "" {
			return s.start(ctx)
		}
	}
	if first || news {
		s.prompt()
	}
	return nil
}

// prompt asks for the next line where somebody sits in front of it.
func (s *session) prompt() {
	if !s.prompts || !s.ready() {
		return
	}
	s.Echo(!s.phone.Secret)
	switch {
	case s.phone.Secret:
		s.say("secret> ")
	case s.phone.State == simulator.Asking:
		s.say("answer> ")
	default:
		s.say("dial> ")
	}
}

// line is a line of the input: a command, a code, or an answer.
func (s *session) line(line string) error {
	asking := s.phone.State == simulator.Asking
	if asking && s.phone.Secret && s.prompts {
		s.say("\n") // it was not echoed
	}
	switch strings.TrimSpace(line) {
	case "/hangup":
		if !asking {
			s.prompt()
			return nil
		}
		return s.command(command{T: cmdHangUp, MSISDN: s.MSISDN})
	case "/quit":
		return errLeft
	}
	c := command{T: cmdPress, MSISDN: s.MSISDN, Text: line}
	if !asking {
		c = command{T: cmdDial, MSISDN: s.MSISDN, Code: strings.TrimSpace(line)}
		if c.Code == "" {
			s.prompt()
			return nil
		}
	}
	s.sent, s.last, s.lastAt = true, line, time.Now()
	return s.command(c)
}

func (s *session) command(c command) error {
	if err := s.ws.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	if err := s.ws.WriteJSON(c); err != nil {
		return fmt.Errorf("the connection to %s is lost: %w", s.URL, err)
	}
	return nil
}

// start begins the first dialogue on a screen.
func (s *session) start(ctx context.Context) error {
	menu, screen, ok := strings.Cut(s.At, ".")
	if !ok {
		return fmt.Errorf("--at is a menu and a screen, like wallet.send_amount, not %q", s.At)
	}
	s.sent = true
	_, err := s.post(ctx, "/flow/start", startRequest{MSISDN: s.MSISDN, Menu: menu, Screen: screen, Language: s.Lang, Vars: s.With})
	return err
}

// post asks the gateway for what only this machine may do.
func (s *session) post(ctx context.Context, path string, body any) (map[string]string, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the gateway did not answer: %w", err)
	}
	defer resp.Body.Close()
	out := map[string]string{}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || json.Unmarshal(text, &out) != nil {
		return nil, fmt.Errorf("the gateway at %s cannot do that: it has no menus to look into (%s)", s.URL, resp.Status)
	}
	if out["error"] != "" {
		return nil, errors.New(out["error"])
	}
	return out, nil
}

// save writes a test of the last dialogue.
func (s *session) save() error {
	if s.Record == "" || !s.known {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := s.post(ctx, "/phone/test", testRequest{MSISDN: s.MSISDN})
	if err != nil {
		return fmt.Errorf("no test is recorded: %w", err)
	}
	f, err := os.OpenFile(s.Record, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("no test is recorded: %w", err)
	}
	_, err = f.WriteString(out["test"])
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("no test is recorded: %w", err)
	}
	s.say("The dialogue is a test now: %s\n", s.Record)
	return nil
}

// hangUp ends a dialogue that still runs, and waits a moment for the phone to say so.
func (s *session) hangUp(messages <-chan handsetState) {
	if s.phone.State == simulator.Idle || !s.known || s.command(command{T: cmdHangUp, MSISDN: s.MSISDN}) != nil {
		return
	}
	patience := time.After(2 * time.Second)
	for {
		select {
		case m := <-messages:
			if m.T == "phone" && m.Phone.State == simulator.Idle {
				return
			}
		case <-patience:
			return
		}
	}
}
