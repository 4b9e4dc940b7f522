package outage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"nyota/gateway/dialog"
	"nyota/gateway/simulator"
	"nyota/sessions"
)

// Place is where a gateway of its own finds what it needs for a night.
type Place struct {
	Dir   string // an empty folder
	Menus string // the folder with the night's menus
	SMPP  string // the operator's address
	Core  string // URL of the core's API
	// CDR is the folder for call detail records, from which the night learns what
	// became of actions.
	CDR     string
	Horizon time.Duration
}

// Process is a running gateway.
type Process interface {
	// Stop ends it in order and waits for its end.
	Stop() error
}

// RunOver plays a scenario against a gateway that start runs, and that knows
// nothing of it: people dial through an SMPP operator, the core speaks HTTP, and
// what became of actions is read from the call detail records. cfg's Policy must
// be Nyota; Store, Connect, Vault and Limit are not used.
func RunOver(ctx context.Context, cfg Config, start func(context.Context, Place) (Process, error)) (res Result, err error) {
	cfg.defaults()
	s := cfg.Scenario
	if err := s.check(); err != nil {
		return res, err
	}
	if cfg.Policy != Nyota {
		return res, errors.New("outage: a gateway of its own has the policy " + Nyota)
	}
	m := newMeter(time.Now())
	sim, url, stop, err := startCore(cfg, m)
	if err != nil {
		return res, err
	}
	defer stop()
	smsc := simulator.NewSMSC(simulator.SMSCConfig{MaxHandsets: s.Customers})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return res, err
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	back, end := context.WithCancel(ctx)
	defer end()
	parts.Go(func() { _ = smsc.Serve(back, ln) })

	folder, err := writeMenus(cfg)
	if err != nil {
		return res, err
	}
	place := Place{Dir: cfg.Dir, Menus: folder, SMPP: ln.Addr().String(), Core: url + "/v1.2/mm", CDR: filepath.Join(cfg.Dir, "cdr"), Horizon: s.Horizon}
	gateway, err := start(ctx, place)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, gateway.Stop()) }()
	if err := bound(ctx, smsc); err != nil {
		return res, err
	}
	m.restart(time.Now())
	l := &handsets{smsc: smsc, m: m}
	records := &records{m: m, l: l, dir: place.CDR}
	parts.Go(func() { records.follow(back) })
	return finish(ctx, cfg, sim, m, l, func() error {
		until(ctx, time.Now().Add(recordsLate))
		return ctx.Err()
	})
}

// recordsLate is after how long a gateway's records are in their files (it writes
// them every second) and read.
const recordsLate = 2500 * time.Millisecond

// bound waits until the gateway has bound to the operator.
func bound(ctx context.Context, smsc *simulator.SMSC) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !smsc.Bound() {
		if !until(ctx, time.Now().Add(20*time.Millisecond)) {
			return errors.New("outage: the gateway did not bind within 30 s")
		}
	}
	return nil
}

// handsets lead to a gateway over SMPP.
type handsets struct {
	smsc *simulator.SMSC
	m    *meter
}

// say presses a key and waits for the screen.
func (l *handsets) say(ctx context.Context, m dialog.Message) (dialog.Reply, bool) {
	h, err := l.smsc.Handset(m.Key.MSISDN)
	if err != nil {
		return dialog.Reply{}, false
	}
	switch m.Kind {
	case dialog.Dial:
		_ = h.HangUp(ctx) // whatever is left of an earlier dialogue
		l.m.dialled(m.Key, m.At)
		err = h.Dial(ctx, string(m.Text))
	case dialog.Answer:
		err = h.Press(ctx, string(m.Text))
	default:
		_ = h.HangUp(ctx)
		return dialog.Reply{}, false
	}
	if err != nil {
		return dialog.Reply{}, false
	}
	s, err := h.Await(ctx, func(s simulator.Snapshot) bool { return s.Waiting || s.Ended })
	if err != nil || s.State == simulator.Failed || s.State == simulator.Idle {
		return dialog.Reply{}, false
	}
	return dialog.Reply{Screen: s.ScreenID, Text: s.Screen, Secret: s.Secret, End: s.Ended}, true
}

// inbox returns the texts of all SMS of a number.
func (l *handsets) inbox(msisdn string) []string {
	var all []string
	for _, sms := range l.texts(msisdn) {
		all = append(all, sms.Text)
	}
	return all
}

// texts returns the SMS of a number.
func (l *handsets) texts(msisdn string) []simulator.SMS {
	h, err := l.smsc.Handset(msisdn)
	if err != nil {
		return nil
	}
	return h.Snapshot().Inbox
}

// records follows a gateway's call detail records.
type records struct {
	m   *meter
	l   *handsets
	dir string

	read map[string]int64 // octets, by file
}

// record is a line of them, as far as it matters here.
type record struct {
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	ID        string    `json:"id"`
	MSISDN    string    `json:"msisdn"`
	State     string    `json:"state"`
	Ref       string    `json:"ref"`
	Inquiries int       `json:"inquiries"`
	Created   time.Time `json:"created"`
}

// states are the words of records.
var states = map[string]sessions.ActionState{
	"ACCEPTED": sessions.Accepted, "SENT": sessions.Sent, "DONE": sessions.Done, "REJECTED": sessions.Rejected,
	"UNKNOWN": sessions.Unknown, "MANUAL": sessions.Manual, "EXPIRED": sessions.Expired,
}

// follow reads what is new until ctx ends, and counts SMS.
func (r *records) follow(ctx context.Context) {
	r.read = map[string]int64{}
	for until(ctx, time.Now().Add(200*time.Millisecond)) {
		files, _ := filepath.Glob(filepath.Join(r.dir, "*.jsonl"))
		slices.Sort(files)
		for _, f := range files {
			r.file(f)
		}
		for _, o := range r.m.refs() {
			n := 0
			for _, sms := range r.l.texts(o.msisdn) {
				if strings.Contains(sms.Text, o.ref) {
					n++
				}
			}
			r.m.heard(o.id, n)
		}
	}
}

// file reads the whole lines that were added to a file.
func (r *records) file(name string) {
	f, err := os.Open(name) //nolint:gosec // in our own folder
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(r.read[name], io.SeekStart); err != nil {
		return
	}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return // the rest of it comes later
		}
		r.read[name] += int64(len(line))
		var rec record
		if json.NewDecoder(bytes.NewReader(line)).Decode(&rec) == nil && rec.Type == "action" {
			r.m.recorded(rec)
		}
	}
}
