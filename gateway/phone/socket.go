package phone

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"nyota/gateway/simulator"
)

// Limits of one browser's connection.
const (
	maxMessage = 4 << 10 // octets of one command
	maxBusy    = 16      // commands that are being carried out
	outbox     = 64      // messages that wait to be written

	pongWait  = 40 * time.Second
	pingEvery = 15 * time.Second
	writeWait = 10 * time.Second
	coreEvery = 2 * time.Second
)

// browser is one websocket. Its handler's goroutine reads; one more writes;
// one per handset shown forwards its changes. These end before the handler
// returns. Each command has one of its own, as it waits for the gateway: the
// Phone owns those.
type browser struct {
	p    *Phone
	ws   *websocket.Conn
	ctx  context.Context
	stop context.CancelFunc
	out  chan any
	busy chan struct{}
	wg   sync.WaitGroup

	watched map[string]context.CancelFunc // the reader's alone
}

func (p *Phone) socket(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		http.Error(w, "too many phones are open", http.StatusServiceUnavailable)
		return
	}
	defer p.leave()
	ws, err := p.up.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	ctx, stop := context.WithCancel(p.ctx)
	b := &browser{
		p: p, ws: ws, ctx: ctx, stop: stop, out: make(chan any, outbox),
		busy: make(chan struct{}, maxBusy), watched: make(map[string]context.CancelFunc),
	}
	b.wg.Go(b.write)
	if p.core.core != nil {
		b.wg.Go(b.watchCore)
	}
	if p.opt.Desk != nil {
		b.wg.Go(b.watchMenus)
	}
	network, answer := p.opt.SMSC.Timeouts()
	b.send(hello{
		T: "hello", Now: b.now(), MSISDN: p.opt.MSISDN, Code: p.opt.Code, PIN: p.opt.PIN,
		NetworkMS: network.Milliseconds(), AnswerMS: answer.Milliseconds(),
		MaxPhones: p.opt.MaxPhones, Core: p.core.core != nil,
		Desk: p.opt.Desk != nil, Local: p.opt.Desk != nil && isLocal(r),
	})
	b.read()
	stop()
	_ = ws.Close()
	b.wg.Wait()
}

func (b *browser) now() int64 { return b.p.opt.SMSC.Now().UnixMilli() }

// send queues a message; it waits for room as long as the connection lives.
func (b *browser) send(m any) {
	select {
	case b.out <- m:
	case <-b.ctx.Done():
	}
}

// write is the only goroutine that writes messages. When the connection is to
// end it says so to the page, which the reader notices too.
func (b *browser) write() {
	defer b.ws.Close()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case m := <-b.out:
			if err = b.ws.SetWriteDeadline(time.Now().Add(writeWait)); err == nil {
				err = b.ws.WriteJSON(m)
			}
		case <-ping.C:
			err = b.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait))
		case <-b.ctx.Done():
			bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
			_ = b.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
			return
		}
		if err != nil {
			b.stop()
			return
		}
	}
}

// read carries out commands until the connection ends.
func (b *browser) read() {
	b.ws.SetReadLimit(maxMessage)
	alive := func(string) error { return b.ws.SetReadDeadline(time.Now().Add(pongWait)) }
	b.ws.SetPongHandler(alive)
	for {
		_ = alive("")
		kind, data, err := b.ws.ReadMessage()
		if err != nil {
			return
		}
		var c command
		if kind != websocket.TextMessage || json.Unmarshal(data, &c) != nil {
			b.send(trouble{T: "error", Text: "That message was not understood."})
			continue
		}
		b.do(c)
	}
}

// do carries out one command. It waits for nothing but room in the outbox.
func (b *browser) do(c command) {
	if c.T == cmdCore {
		b.run(c, func(ctx context.Context) error {
			s, err := b.p.core.turn(ctx, c.Mode)
			if s.T != "" {
				b.send(s)
			}
			return err
		})
		return
	}
	if c.T == cmdUnwatch {
		if stop := b.watched[c.MSISDN]; stop != nil {
			stop()
			delete(b.watched, c.MSISDN)
		}
		return
	}
	if !simulator.ValidMSISDN(c.MSISDN) {
		b.fail(c, simulator.ErrMSISDN)
		return
	}
	if c.T == cmdWatch && b.watched[c.MSISDN] == nil && len(b.watched) >= b.p.opt.MaxPhones {
		b.send(trouble{T: "error", MSISDN: c.MSISDN, Text: "There is no room for another phone on this page."})
		return
	}
	h, err := b.p.opt.SMSC.Handset(c.MSISDN)
	if err != nil {
		b.fail(c, err)
		return
	}
	switch c.T {
	case cmdWatch:
		b.watch(h)
	case cmdDial:
		b.run(c, func(ctx context.Context) error { return h.Dial(ctx, c.Code) })
	case cmdPress:
		b.run(c, func(ctx context.Context) error { return h.Press(ctx, c.Text) })
	case cmdHangUp:
		b.run(c, h.HangUp)
	case cmdRead:
		h.MarkRead(c.ID)
	default:
		b.send(trouble{T: "error", Text: "That message was not understood."})
	}
}

// run carries out what waits for others. It goes on when the page is left: a
// reload does not take the customer's phone away. The operator's time limits
// bound it, and the phone's own end.
func (b *browser) run(c command, do func(context.Context) error) {
	select {
	case b.busy <- struct{}{}:
	default:
		b.send(trouble{T: "error", MSISDN: c.MSISDN, Text: "Too much at once. Please wait."})
		return
	}
	b.p.wg.Go(func() {
		defer func() { <-b.busy }()
		if err := do(b.p.ctx); err != nil {
			b.fail(c, err)
		}
	})
}

// watch forwards a handset's changes. A slow page misses some in between.
func (b *browser) watch(h *simulator.Handset) {
	if b.watched[h.MSISDN()] != nil {
		return
	}
	ctx, stop := context.WithCancel(b.ctx)
	b.watched[h.MSISDN()] = stop
	unfollow := b.p.follow(h.MSISDN()) // before the page can dial
	b.wg.Go(func() {
		defer stop()
		defer unfollow()
		changes, end := h.Subscribe()
		defer end()
		var v seen
		var last simulator.Snapshot
		for {
			_, edited := b.p.board.get()
			select {
			case last = <-changes:
			case <-edited:
				if !v.began {
					continue
				}
			case <-ctx.Done():
				return
			}
			u := v.next(last, b.now())
			u.Desk = v.fresh(b.p.desk(h.MSISDN()))
			b.send(u)
		}
	})
}

// watchMenus tells the page which menus serve, when that changes.
func (b *browser) watchMenus() {
	for {
		s, edited := b.p.board.get()
		b.send(s)
		select {
		case <-edited:
		case <-b.ctx.Done():
			return
		}
	}
}

// watchCore tells the page how the core is, when that changes.
func (b *browser) watchCore() {
	t := time.NewTicker(coreEvery)
	defer t.Stop()
	var last coreState
	for {
		if s := b.p.core.state(b.p.ctx); s != last && b.ctx.Err() == nil {
			last = s
			b.send(s)
		}
		select {
		case <-t.C:
		case <-b.ctx.Done():
			return
		}
	}
}

// fail tells the page why a command did not work, in words for people. What the
// handset's own screen says already is not told twice.
func (b *browser) fail(c command, err error) {
	var refused *simulator.RefusedError
	text := "That did not work."
	switch {
	case errors.As(err, &refused), errors.Is(err, simulator.ErrNoService):
		return
	case errors.Is(err, simulator.ErrNotCode):
		text = "Only codes such as " + b.p.opt.Code + " can be dialled here."
	case errors.Is(err, simulator.ErrBusy):
		text = "This phone is in a dialogue already."
	case errors.Is(err, simulator.ErrNotAsked):
		text = "No question is waiting for an answer."
	case errors.Is(err, simulator.ErrTooLong):
		text = "That is longer than one USSD message."
	case errors.Is(err, simulator.ErrMSISDN):
		text = "A number has 5 to 15 digits, such as 255700000001."
	case errors.Is(err, simulator.ErrFull):
		text = "The operator has no room for another handset."
	case c.T == cmdCore:
		text = "The core simulator did not take the switch."
	}
	b.send(trouble{T: "error", MSISDN: c.MSISDN, Text: text})
}
