package phone

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"nyota/gateway/dialog"
	"nyota/gateway/simulator"
	"nyota/menus"
	"nyota/menus/graph"
)

// flowRoutes are the paths of the live graph, and of what pages do with the desk.
func (p *Phone) flowRoutes() {
	if p.opt.Desk == nil {
		p.mux.HandleFunc("GET /flow", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "The flow is of the menus, and there are none here: open it at the gateway.", http.StatusNotFound)
		})
		return
	}
	p.mux.HandleFunc("GET /flow", func(w http.ResponseWriter, r *http.Request) { p.send(w, r, "flow.html") })
	p.mux.HandleFunc("GET /flow/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/flow", http.StatusMovedPermanently)
	})
	p.mux.HandleFunc("GET /flow/graph.svg", p.drawGraph)
	p.mux.HandleFunc("GET /flow/screens", p.screens)
	p.mux.Handle("POST /flow/start", local(http.HandlerFunc(p.start)))
	p.mux.Handle("POST /phone/test", local(http.HandlerFunc(p.makeTest)))
}

// program is the menu that a request is about; it has answered if there is none.
func (p *Phone) program(w http.ResponseWriter, r *http.Request) (*menus.Program, string, bool) {
	c := p.opt.Desk.Menus().Current()
	q := r.URL.Query()
	program, ok := c.Program(q.Get("menu"))
	if !ok {
		refuse(w, http.StatusNotFound, "There is no such menu.")
		return nil, "", false
	}
	lang := q.Get("lang")
	if !slices.Contains(program.Languages(), lang) {
		lang = program.Languages()[0]
	}
	return program, lang, true
}

// drawGraph draws one menu.
func (p *Phone) drawGraph(w http.ResponseWriter, r *http.Request) {
	program, lang, ok := p.program(w, r)
	if !ok {
		return
	}
	var b bytes.Buffer
	if err := graph.SVG(&b, lang, program); err != nil {
		refuse(w, http.StatusInternalServerError, "The menu could not be drawn.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes())
}

// screenView is a screen of the graph, as its author looks into it.
type screenView struct {
	ID      string       `json:"id"`
	Kind    string       `json:"kind"`
	Text    string       `json:"text,omitempty"`
	Call    string       `json:"call,omitempty"`
	File    string       `json:"file"`
	Line    int          `json:"line"`
	Col     int          `json:"col"`
	Closed  string       `json:"closed,omitempty"`
	Vars    []varView    `json:"vars,omitempty"`
	Lengths []lengthView `json:"lengths,omitempty"`
}

type varView struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Sample  string   `json:"sample"`
	Choices []string `json:"choices,omitempty"`
}

// screens describes the screens of one menu.
func (p *Phone) screens(w http.ResponseWriter, r *http.Request) {
	program, lang, ok := p.program(w, r)
	if !ok {
		return
	}
	all := []screenView{}
	for _, s := range program.Flow(lang) {
		v := screenView{ID: s.ID, Kind: s.Kind, Text: s.Text, Call: s.Call, File: p.file(s.File), Line: s.Line, Col: s.Col, Closed: s.Closed}
		for _, d := range s.Vars {
			v.Vars = append(v.Vars, varView{Name: d.Name, Type: d.Type, Sample: d.Sample, Choices: d.Choices})
		}
		for _, l := range program.Longest(s.ID) {
			short := longest(&l)
			short.Text = ""
			v.Lengths = append(v.Lengths, short)
		}
		all = append(all, v)
	}
	answer(w, http.StatusOK, map[string]any{"menu": program.Menu(), "start": program.Start(), "screens": all})
}

// startRequest asks for a dialogue on a phone that begins on a screen.
type startRequest struct {
	MSISDN   string            `json:"msisdn"`
	Menu     string            `json:"menu"`
	Screen   string            `json:"screen"`
	Language string            `json:"language"`
	Vars     map[string]string `json:"vars"`
}

// start plants the seed of a dialogue, and dials: from there on it goes its way
// over SMPP as any other.
func (p *Phone) start(w http.ResponseWriter, r *http.Request) {
	var in startRequest
	if !read(w, r, &in) {
		return
	}
	h, err := p.opt.SMSC.Handset(in.MSISDN)
	if err != nil {
		refuse(w, http.StatusBadRequest, "A number has 5 to 15 digits, such as 255700000001.")
		return
	}
	seed := dialog.Seed{Menu: in.Menu, Screen: in.Screen, Language: in.Language}
	for name, value := range in.Vars {
		seed.Vars = append(seed.Vars, menus.Value{Name: name, Text: value})
	}
	slices.SortFunc(seed.Vars, func(a, b menus.Value) int { return strings.Compare(a.Name, b.Name) })
	code, err := p.opt.Desk.Plant(in.MSISDN, seed)
	switch {
	case errors.Is(err, menus.ErrEnter):
		why := strings.TrimPrefix(err.Error(), menus.ErrEnter.Error()+": ")
		refuse(w, http.StatusUnprocessableEntity, strings.ToUpper(why[:1])+why[1:]+".")
		return
	case errors.Is(err, dialog.ErrNoMenu):
		refuse(w, http.StatusNotFound, "There is no such menu.")
		return
	case errors.Is(err, dialog.ErrNotFollowed):
		refuse(w, http.StatusConflict, "That phone is open on no page.")
		return
	case err != nil:
		refuse(w, http.StatusInternalServerError, "The dialogue could not be begun.")
		return
	}
	// A page that is left does not take the phone away.
	ctx := context.WithoutCancel(r.Context())
	_ = h.HangUp(ctx) // the phone is free, whatever the gateway says of it
	if err := h.Dial(ctx, code); err != nil {
		var refused *simulator.RefusedError
		if !errors.As(err, &refused) && !errors.Is(err, simulator.ErrNoService) {
			refuse(w, http.StatusConflict, "The phone is in another dialogue already.")
			return
		}
	}
	answer(w, http.StatusOK, map[string]string{"code": code})
}
