// Package ops is what operators see of a running gateway.
//
//	cdr.go      call detail records, as JSON lines
//	delivery.go receipts of SMS, and those that failed
//	health.go   /healthz and /readyz
//	actions.go  a customer's actions by number, for the help desk
//	ledger.go   what waits for operators, and what two of them decide
//	metrics.go  what Prometheus is told
//	guard.go    who may use the admin API
//	audit.go    who did what with it
//	board.go    what operators have closed, and want said; notices.go: its API
//	menus.go    which menus serve: status, reload, promote, rollback
package ops

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/sessions"
)

// CDR writes call detail records: one JSON line per dialogue that ended and per
// change of an action, to a file per day (UTC). It never holds up a customer: a
// disk that is too slow costs records, which are counted.
type CDR struct {
	dir   string
	log   *slog.Logger
	lines chan any
	lost  atomic.Int64
}

// dialogueLine and actionLine are the records' forms. Amounts and numbers are
// what billing needs; texts and secrets are never in them.
type dialogueLine struct {
	Type     string    `json:"type"` // dialogue
	At       time.Time `json:"at"`
	Network  string    `json:"network"`
	MSISDN   string    `json:"msisdn"`
	ID       string    `json:"id,omitempty"`
	Menu     string    `json:"menu"`
	Revision string    `json:"revision"`
	Language string    `json:"language"`
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	Answers  uint32    `json:"answers"`
	Screen   string    `json:"last_screen"`
	End      string    `json:"end"`
}

type actionLine struct {
	Type      string            `json:"type"` // action
	At        time.Time         `json:"at"`
	ID        string            `json:"id"`
	MSISDN    string            `json:"msisdn"`
	Network   string            `json:"network"`
	Call      string            `json:"call"`
	Args      map[string]string `json:"args"`
	State     string            `json:"state"`
	Ref       string            `json:"ref"`
	Reason    string            `json:"reason,omitempty"`
	Detail    string            `json:"detail,omitempty"`
	Inquiries uint32            `json:"inquiries,omitempty"`
	Created   time.Time         `json:"created"`
}

// NewCDR returns a writer of files in dir, which it makes. Run writes them.
func NewCDR(dir string, log *slog.Logger) (*CDR, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("cdr: %w", err)
	}
	return &CDR{dir: dir, log: log, lines: make(chan any, 8192)}, nil
}

// Dialogue records a dialogue that ended.
func (c *CDR) Dialogue(r dialog.Record) {
	c.put(dialogueLine{Type: "dialogue", At: r.Ended, Network: r.Key.Network, MSISDN: r.Key.MSISDN, ID: r.Key.ID,
		Menu: r.Menu, Revision: r.Revision, Language: r.Language, Started: r.Started,
		Seconds: r.Ended.Sub(r.Started).Seconds(), Answers: r.Steps, Screen: r.Screen, End: string(r.End)})
}

// Action records a change of an action.
func (c *CDR) Action(a sessions.Action) { c.put(line(a, time.Now())) }

func line(a sessions.Action, at time.Time) actionLine {
	l := actionLine{Type: "action", At: at, ID: a.ID, MSISDN: a.MSISDN, Network: a.Session.Network,
		Call: a.Call, Args: map[string]string{}, State: ledger.StateName(a.State), Ref: ledger.Reference(a),
		Reason: a.Reason, Detail: a.Detail, Inquiries: a.Inquiry, Created: a.Created}
	for _, arg := range a.Args {
		if arg.Sealed == nil {
			l.Args[arg.Name] = arg.Value
		}
	}
	return l
}

// callbackLine is a callback that was refused.
type callbackLine struct {
	Type   string    `json:"type"` // callback
	At     time.Time `json:"at"`
	From   string    `json:"from"`
	Action string    `json:"action,omitempty"`
	Why    string    `json:"why"`
}

// Refused records a callback that was refused.
func (c *CDR) Refused(r ledger.Refusal) {
	c.put(callbackLine{Type: "callback", At: r.At, From: r.From, Action: r.Action, Why: r.Why})
}

func (c *CDR) put(l any) {
	select {
	case c.lines <- l:
	default:
		c.lost.Add(1)
	}
}

// Run writes until ctx ends, then writes what is left and closes the file.
func (c *CDR) Run(ctx context.Context) {
	var (
		day  string
		file *os.File
		buf  *bufio.Writer
	)
	flush := func() {
		if buf == nil {
			return
		}
		if err := buf.Flush(); err != nil {
			c.log.Error("call detail records are lost", "err", err)
			buf.Reset(file)
		}
	}
	defer func() {
		flush()
		if file != nil {
			_ = file.Close()
		}
	}()
	write := func(l any) {
		if today := time.Now().UTC().Format(time.DateOnly); today != day || file == nil {
			flush()
			if file != nil {
				_ = file.Close()
			}
			path := filepath.Join(c.dir, "cdr-"+today+".jsonl")
			f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // billing reads it
			if err != nil {
				c.lost.Add(1)
				c.log.Error("call detail records cannot be written", "err", err)
				file, buf = nil, nil
				return
			}
			file, buf, day = f, bufio.NewWriter(f), today
		}
		if err := json.NewEncoder(buf).Encode(l); err != nil {
			c.lost.Add(1)
		}
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case l := <-c.lines:
			write(l)
			for more := true; more; {
				select {
				case l := <-c.lines:
					write(l)
				default:
					more = false
				}
			}
			flush()
		case <-tick.C:
			if n := c.lost.Swap(0); n > 0 {
				c.log.Error("call detail records were lost", "count", n)
			}
		case <-ctx.Done():
			for {
				select {
				case l := <-c.lines:
					write(l)
				default:
					return
				}
			}
		}
	}
}
