package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"sync"
	"time"

	"nyota/gateway/dialog"
	"nyota/gateway/simulator"
	"nyota/menus"
	"nyota/smpp/text"
)

// menusEvery is how soon an edit of the menus is on the pages, at the latest, and
// redrawWithin how long one screen is given to be drawn anew.
const (
	menusEvery   = 150 * time.Millisecond
	redrawWithin = 5 * time.Second
)

// mostProblems is how many problems of a broken edit a page is told.
const mostProblems = 20

// menusState tells the page which menus serve, and what is wrong with an edit
// that does not.
type menusState struct {
	T        string       `json:"t"` // "menus"
	Revision string       `json:"revision"`
	Menus    []menuHead   `json:"menus"`
	Broken   *brokenMenus `json:"broken,omitempty"`
}

type menuHead struct {
	Name      string   `json:"name"`
	Codes     []string `json:"codes"`
	Languages []string `json:"languages"`
	Screens   int      `json:"screens"`
}

type brokenMenus struct {
	Problems []problem `json:"problems"` // the first of them
	Count    int       `json:"count"`
}

type problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Snippet string `json:"snippet,omitempty"`
}

// board is the latest menusState, and a channel that is closed at the next one.
type board struct {
	mu   sync.Mutex
	now  menusState
	next chan struct{}
}

func (b *board) get() (menusState, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now, b.next
}

func (b *board) set(s menusState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = s
	if b.next != nil {
		close(b.next)
	}
	b.next = make(chan struct{})
}

// watchMenus puts every edit on the board until the Phone closes, and has the
// screens that are open before their authors drawn anew.
func (p *Phone) watchMenus() {
	t := time.NewTicker(menusEvery)
	defer t.Stop()
	m := p.opt.Desk.Menus()
	was, wasBroken := m.Current(), m.Broken()
	for {
		select {
		case <-t.C:
		case <-p.ctx.Done():
			return
		}
		now, broken := m.Current(), m.Broken()
		if now == was && same(broken, wasBroken) {
			continue
		}
		edited := now != was
		was, wasBroken = now, broken
		if edited {
			p.redraw()
		}
		p.board.set(p.menusState())
	}
}

func same(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}

// redraw takes the dialogues on the pages along with an edit. Their screens come
// from the gateway, as every screen does.
func (p *Phone) redraw() {
	ctx, cancel := context.WithTimeout(p.ctx, redrawWithin)
	defer cancel()
	for _, msisdn := range p.opt.Desk.Followed() {
		again, err := p.opt.Desk.Redraw(ctx, msisdn)
		if err == nil && again {
			var h *simulator.Handset
			if h, err = p.opt.SMSC.Handset(msisdn); err == nil {
				err = h.Again(ctx)
			}
		}
		if err != nil {
			p.log.Info("a screen was not drawn anew", "err", err)
		}
	}
}

// menusState is what there is to tell of the menus now.
func (p *Phone) menusState() menusState {
	m := p.opt.Desk.Menus()
	c := m.Current()
	s := menusState{T: "menus", Revision: c.Revision(), Menus: []menuHead{}}
	for _, name := range c.Menus() {
		if program, ok := c.Program(name); ok {
			s.Menus = append(s.Menus, menuHead{Name: name, Codes: program.Codes(), Languages: program.Languages(), Screens: len(program.Flow(""))})
		}
	}
	err := m.Broken()
	if err == nil {
		return s
	}
	s.Broken = &brokenMenus{Count: 1}
	var problems menus.Problems
	if !errors.As(err, &problems) {
		s.Broken.Problems = []problem{{Code: "unreadable", Message: err.Error()}}
		return s
	}
	s.Broken.Count = len(problems)
	for _, q := range problems[:min(len(problems), mostProblems)] {
		s.Broken.Problems = append(s.Broken.Problems, problem{File: p.file(q.File), Line: q.Line, Col: q.Col,
			Code: q.Code, Message: q.Message, Fix: q.Fix, Snippet: q.Snippet})
	}
	return s
}

// file is a menu file as its author knows it.
func (p *Phone) file(name string) string { return path.Join(p.opt.MenuName, name) }

// deskView is what an author sees of the dialogue on a phone.
type deskView struct {
	Menu     string   `json:"menu"`
	Screen   string   `json:"screen"`
	Kind     string   `json:"kind"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Col      int      `json:"col"`
	Language string   `json:"language"`
	Visited  []string `json:"visited"` // screens, calls included, in the order of the dialogue
	// Languages is the present screen in each; none while the core is asked.
	Languages []languageView `json:"languages,omitempty"`
	Title     string         `json:"title"` // for a test of this dialogue
}

type languageView struct {
	Language string         `json:"language"`
	Text     string         `json:"text"`
	Size     simulator.Size `json:"size"`
	Page     int            `json:"page"`
	Pages    int            `json:"pages"`
	Worst    *lengthView    `json:"worst,omitempty"`
}

// lengthView is how long a screen can become.
type lengthView struct {
	Language string         `json:"language"`
	Size     simulator.Size `json:"size"`
	Pages    int            `json:"pages"`
	Because  string         `json:"because,omitempty"` // what forces UCS-2
	Text     string         `json:"text,omitempty"`
}

// desk is the view of a phone's dialogue, encoded; nil if there is none.
func (p *Phone) desk(msisdn string) json.RawMessage {
	if p.opt.Desk == nil {
		return nil
	}
	t, ok := p.opt.Desk.Trail(msisdn)
	if !ok || len(t.Events) == 0 {
		return nil
	}
	r := recording(&t)
	v := deskView{Menu: t.Program.Menu(), Language: t.State.Language(), Title: r.Title()}
	for _, e := range t.Events {
		if e.Asked != "" {
			v.Visited = append(v.Visited, e.Asked)
		}
		if e.Shown.ID != "" {
			v.Visited = append(v.Visited, e.Shown.ID)
			v.Screen = e.Shown.ID
		}
	}
	for _, s := range t.Program.Flow("") {
		if s.ID == v.Screen {
			v.Kind, v.File, v.Line, v.Col = s.Kind, p.file(s.File), s.Line, s.Col
		}
	}
	worst := t.Program.Longest(v.Screen)
	langs := t.Program.Languages()
	for i, s := range t.Languages(p.opt.SMSC.Now()) {
		l := languageView{Language: langs[i], Text: s.Text, Size: p.size(s.Text, s.UCS2), Page: s.Page, Pages: s.Pages}
		if i < len(worst) {
			w := longest(&worst[i])
			l.Worst = &w
		}
		v.Languages = append(v.Languages, l)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

func longest(l *menus.Length) lengthView {
	size := simulator.Size{Encoding: "gsm7", Units: l.Units, Limit: l.Limit}
	if l.UCS2 {
		size.Encoding = "ucs2"
	}
	return lengthView{Language: l.Language, Size: size, Pages: l.Pages, Because: l.Because, Text: l.Text}
}

// size counts a screen as it goes over the air.
func (p *Phone) size(s string, ucs2 bool) simulator.Size {
	limits := p.opt.Limits
	if n, ok := text.Septets(s); ok && !ucs2 {
		return simulator.Size{Encoding: "gsm7", Units: n, Limit: limits.Septets}
	}
	return simulator.Size{Encoding: "ucs2", Units: len(text.EncodeUCS2(nil, s)) / 2, Limit: limits.UCS2}
}

// follow lets the desk see a phone. A desk without room sees it not, and the page
// is a phone alone.
func (p *Phone) follow(msisdn string) (stop func()) {
	if p.opt.Desk == nil {
		return func() {}
	}
	stop, err := p.opt.Desk.Follow(msisdn)
	if errors.Is(err, dialog.ErrDeskFull) {
		return func() {}
	}
	return stop
}

// fresh is data if it is not what the page has already.
func (v *seen) fresh(data json.RawMessage) json.RawMessage {
	if bytes.Equal(v.desk, data) {
		return nil
	}
	v.desk = data
	if data == nil {
		return json.RawMessage("null")
	}
	return data
}
