// Package phone is a phone in the browser: handsets of the simulated operator,
// with screen, keypad, inbox and transcript, and switches for the simulated
// core.
//
//	phone.go    the handler: page, static files, limits
//	socket.go   one browser's websocket
//	message.go  what goes over it
//	core.go     the switches
//	desk.go     what authors of menus see beside a phone, and edits of the menus
//	flow.go     the live graph, and a dialogue that begins on any of its screens
//	record.go   a dialogue saved as a test
//	guard.go    what only this machine may do
//	terminal.go the phone in a terminal
//	static/     the page itself: HTML, CSS and JavaScript modules, no framework
//
// The page plays the customer only: what it dials goes through the operator's
// SMPP side to the gateway, as everything that customers do. The state of each
// handset lives in the operator, so that a reloaded page shows the same screen.
// Everything is in the binary; the page loads nothing from elsewhere.
package phone

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"nyota/gateway/dialog"
	"nyota/gateway/simulator"
	"nyota/menus"
)

//go:embed static
var static embed.FS

// What the page may do: load its own files and talk to its own server.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// Options say what the phone is connected to. SMSC is required.
type Options struct {
	SMSC *simulator.SMSC
	Core Core // nil leaves the switches out

	Code string // what the page proposes to dial; "*150*00#" if empty
	// Desk is where the authors of the menus look into the dialogues of these phones;
	// nil leaves out /flow, languages side by side, tests and what else is theirs.
	Desk     *dialog.Desk
	Limits   menus.Limits // of a screen, as the gateway keeps them; menus.DefaultEnv's if zero
	MenuDir  string       // the menus' folder, where tests are saved; "": nowhere
	MenuName string       // the same folder as the page names it

	PIN    string // the test PIN that the page tells; none if empty
	MSISDN string // the handset shown if the address names none; "255700000001" if empty

	MaxConns  int // browsers at once; 32 if 0
	MaxPhones int // handsets of one browser; 8 if 0

	Log *slog.Logger // discards if nil
}

// Phone serves the pages. It is an http.Handler for the paths /phone and /flow
// and all below them. Close ends its websockets, which an http.Server's
// Shutdown does not.
type Phone struct {
	opt   Options
	log   *slog.Logger
	mux   *http.ServeMux
	up    websocket.Upgrader
	core  *coreView
	board board // of the menus; nothing is on it without a desk
	files map[string]file

	ctx    context.Context
	cancel context.CancelFunc
	conns  atomic.Int32
	mu     sync.Mutex // guards closed, and conns' way into wg against Close
	closed bool
	wg     sync.WaitGroup
}

type file struct {
	kind string
	etag string
	body []byte
}

// New returns a phone that is ready to serve.
func New(opt Options) (*Phone, error) {
	if opt.SMSC == nil {
		return nil, errors.New("phone: an operator is needed")
	}
	if opt.Code == "" {
		opt.Code = "*150*00#"
	}
	if opt.MSISDN == "" {
		opt.MSISDN = "255700000001"
	}
	if opt.MaxConns <= 0 {
		opt.MaxConns = 32
	}
	if opt.MaxPhones <= 0 {
		opt.MaxPhones = 8
	}
	if opt.Limits == (menus.Limits{}) {
		opt.Limits = menus.DefaultEnv().Limits
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	files, err := load()
	if err != nil {
		return nil, err
	}
	p := &Phone{opt: opt, log: opt.Log, files: files, core: &coreView{core: opt.Core}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	// The zero CheckOrigin lets only pages of the same host connect.
	p.up = websocket.Upgrader{ReadBufferSize: 2 << 10, WriteBufferSize: 8 << 10}
	p.mux = http.NewServeMux()
	p.mux.HandleFunc("GET /phone", p.page)
	p.mux.HandleFunc("GET /phone/{$}", func(w http.ResponseWriter, r *http.Request) {
		to := "/phone"
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusMovedPermanently)
	})
	p.mux.HandleFunc("GET /phone/static/{name}", p.static)
	p.mux.HandleFunc("GET /phone/ws", p.socket)
	p.flowRoutes()
	if opt.Desk != nil {
		p.board.set(p.menusState())
		p.wg.Go(p.watchMenus)
	}
	return p, nil
}

// load reads the embedded files once, with what HTTP wants to know of them.
func load() (map[string]file, error) {
	kinds := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	files := make(map[string]file)
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		return nil, err
	}
	handset, err := static.ReadFile("static/handset.html")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		body, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		// Both pages play a phone with the same template.
		body = bytes.Replace(body, []byte("<!-- handset -->"), handset, 1)
		sum := sha256.Sum256(body)
		files[e.Name()] = file{kinds[path.Ext(e.Name())], `"` + hex.EncodeToString(sum[:8]) + `"`, body}
	}
	return files, nil
}

// ServeHTTP serves the phone's paths.
func (p *Phone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	p.mux.ServeHTTP(w, r)
}

// Close ends every browser's connection and waits for its goroutines, as long
// as ctx.
func (p *Phone) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	done := make(chan struct{})
	go func() {
		p.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Phone) page(w http.ResponseWriter, r *http.Request) { p.send(w, r, "index.html") }

func (p *Phone) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if strings.HasSuffix(name, ".html") {
		name = ""
	}
	p.send(w, r, name)
}

func (p *Phone) send(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := p.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache") // asked about each time: a new binary is seen at once
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(f.body)
}

// enter counts a browser in, unless there are too many or the phone is closing.
func (p *Phone) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || int(p.conns.Load()) >= p.opt.MaxConns {
		return false
	}
	p.conns.Add(1)
	p.wg.Add(1)
	return true
}

func (p *Phone) leave() {
	p.conns.Add(-1)
	p.wg.Done()
}
