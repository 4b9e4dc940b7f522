// Package ledger is an action's life: accepted with the dialogue that gave birth
// to it, durable as sent before its request leaves, and followed by inquiry until
// what happened is known. It never posts a debit twice and never holds one back
// to send later.
//
// An action without a final answer is asked about by turn, with growing pauses,
// and out of turn when a callback says that there is news. All of it stays within
// the rate of the gateway and of the connector. A backlog waits in the store, due,
// and is claimed no faster than it may be asked about: no lease is held for it. In
// the same queue, behind the backlog, stands what was never sent by a process that
// died; the customer's next key finds it too.
//
//	ledger.go      Accept and Run: the way through one turn of a dialogue
//	transition.go  the states, as a pure function of evidence
//	follow.go      recovery after a crash, paced inquiries
//	pace.go        when to ask, and how many may ask in a second
//	callback.go    the core's callbacks: a hint to inquire, never evidence
//	operator.go    what two operators decide, and how they find what waits for them
//	discrepancy.go evidence that does not fit what is recorded
//	reversal.go    a new action that takes a confirmed one back
//	reference.go   the reference a customer can read out
package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"nyota/gateway/core"
	"nyota/sessions"
)

// Vault opens what was sealed and makes the tokens of callback URLs.
// *sessions.Keyring is one.
type Vault interface {
	Open(sealed, aad []byte) ([]byte, error)
	SealToken(parts ...string) (string, error)
	OpenToken(token string) ([]string, error)
}

// Config is what a Ledger needs. Store, Switch, Vault and Notices are required.
type Config struct {
	Store   sessions.Store
	Switch  core.Switch
	Vault   Vault
	Notices func(ctx context.Context, a sessions.Action) []*sessions.Notice // what is owed for a's state
	Hand    func(n sessions.Notice)                                         // takes a fresh notice that is leased to this process
	Changed func(a sessions.Action)                                         // after each durable change; must not block

	// Reverses says whether the core takes a confirmed call back. nil: none.
	Reverses func(call string) bool
	// Pace is how the core wants to be asked about a call. nil: it does not say.
	Pace func(call string) core.Pace
	// Known says that the core's connector knows the answer to an inquiry without
	// asking the core. nil: it never does.
	Known func(q core.Inquiry) bool
	// Read reads what a callback's body claims. nil: bodies are not looked at.
	Read func(body []byte) (core.Callback, error)
	// Refused takes callbacks that were refused, for the record; it must not block.
	Refused func(r Refusal)

	CallbackURL  string        // prefix of callback URLs; "": none are given to the core
	Worker       string        // this process, as the lease of a claim names it
	InquireAfter time.Duration // first inquiry; 0: as Pace says
	InquireMax   time.Duration // longest pause between two; 0: as Pace says
	InquireRate  float64       // inquiries a second of this process, out of turn too, a second's worth at once aside; 0: no limit
	ManualAfter  time.Duration // then an operator decides; 24 h
	Grace        time.Duration // after an action's deadline, before recovery takes it; 2 s
	Parallel     int           // inquiries at once; 16
	Now          func() time.Time
	Jitter       func(most time.Duration) time.Duration // from 0 to most; random
	Log          *slog.Logger
}

// NoticeLease is how long a fresh notice belongs to the process that made it:
// longer than any response timeout of SMPP, so that nobody else submits it while
// the first submit's outcome is still to come.
const NoticeLease = 25 * time.Second

// settleWithin bounds the commits that follow a call, whatever became of the
// turn that made it.
const settleWithin = 3 * time.Second

// reverseWithin is the deadline of a reversal: nobody waits at a phone.
const reverseWithin = 10 * time.Second

// Ledger follows actions. Its methods are safe for use by many goroutines.
type Ledger struct {
	Config
	slots  chan struct{} // of inquiries at once
	budget *budget       // of inquiries in a second
}

// New returns a ledger with cfg's defaults filled in.
func New(cfg Config) *Ledger {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.ManualAfter, 24*time.Hour)
	def(&cfg.Grace, 2*time.Second)
	if cfg.Parallel == 0 {
		cfg.Parallel = 16
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func(most time.Duration) time.Duration { return rand.N(most + 1) }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Hand == nil {
		cfg.Hand = func(sessions.Notice) {}
	}
	if cfg.Changed == nil {
		cfg.Changed = func(sessions.Action) {}
	}
	if cfg.Reverses == nil {
		cfg.Reverses = func(string) bool { return false }
	}
	if cfg.Refused == nil {
		cfg.Refused = func(Refusal) {}
	}
	if cfg.Known == nil {
		cfg.Known = func(core.Inquiry) bool { return false }
	}
	return &Ledger{Config: cfg, slots: make(chan struct{}, cfg.Parallel), budget: newBudget(cfg.InquireRate)}
}

// Order is what a customer confirmed.
type Order struct {
	Session  sessions.Key
	Call     string
	Args     []sessions.Arg // the secret among them sealed with the MSISDN as additional data
	Vars     []sessions.Arg
	Menu     string
	Revision string
	Screen   string
	Language string
	Deadline time.Time // the customer is answered by then
}

// Accept returns the action that the caller commits together with its session.
// Until Run it is ACCEPTED; if Run never comes it expires, unsent.
func (l *Ledger) Accept(o Order) (*sessions.Action, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &sessions.Action{
		ID: id.String(), MSISDN: o.Session.MSISDN, State: sessions.Accepted,
		Session: o.Session, Call: o.Call, Args: o.Args, Vars: o.Vars,
		Menu: o.Menu, Revision: o.Revision, Screen: o.Screen, Language: o.Language,
		Deadline: o.Deadline, Created: l.Now(), Due: o.Deadline.Add(l.Grace),
	}, nil
}

// Run takes an accepted action, as committed, through its one try: durable as
// SENT, then the request, then what the answer proves. The returned action is
// what is known at the end: it may be ahead of the store if the store failed
// after the core answered, and inquiry then brings the store up to it.
func (l *Ledger) Run(ctx context.Context, a sessions.Action) sessions.Action {
	l.Changed(a)
	ctx, cancel := context.WithDeadline(ctx, a.Deadline)
	defer cancel()

	req, err := l.request(a)
	if err != nil {
		l.Log.Error("an action cannot be sent", "action", a.ID, "call", a.Call, "err", err)
		return l.expire(ctx, a, err.Error())
	}
	defer req.PIN.Erase()
	if ctx.Err() != nil || !l.Now().Before(a.Deadline) {
		return l.expire(ctx, a, "its deadline passed before it was sent")
	}

	sent := a
	sent.State, sent.WireKey, sent.SentAt = sessions.Sent, req.WireKey, l.Now()
	sent.Args = unsealed(a.Args)
	switch err := l.Store.Put(ctx, &sent); {
	case errors.Is(err, sessions.ErrConflict):
		return l.reload(ctx, a)
	case err != nil:
		// Nothing has left, and nothing will: whatever the store kept of this,
		// recovery ends it without money moving.
		l.Log.Error("an action could not be made durable and was not sent", "action", a.ID, "err", err)
		return l.expire(ctx, a, "the store failed before it was sent")
	}
	l.Changed(sent)

	out, err := l.Switch.Call(ctx, req)
	if errors.Is(err, core.ErrNotSent) {
		out = core.Outcome{Status: core.Rejected, Reason: core.NotSent, Detail: err.Error()}
	} else if err != nil {
		l.Log.Warn("no final answer from the core", "action", a.ID, "call", a.Call, "err", err)
		if out.Detail == "" {
			out.Detail = err.Error()
		}
		if errors.Is(err, core.ErrMismatch) {
			l.discrepancy(ctx, sent, KindMismatch, out.Status, err.Error())
		}
	}
	return l.settle(ctx, sent, out, false)
}

// request builds what goes to the core, the secret opened.
func (l *Ledger) request(a sessions.Action) (core.Request, error) {
	r := core.Request{ID: a.ID, Call: a.Call, MSISDN: a.MSISDN}
	for _, arg := range a.Args {
		if arg.Sealed == nil {
			r.Args = append(r.Args, core.Arg{Name: arg.Name, Value: arg.Value})
			continue
		}
		octets, err := l.Vault.Open(arg.Sealed, []byte(a.MSISDN))
		if err != nil {
			return r, fmt.Errorf("ledger: the sealed %s cannot be opened: %w", arg.Name, err)
		}
		r.PIN = core.NewSecret(octets)
	}
	if l.CallbackURL != "" {
		token, err := l.Vault.SealToken(a.MSISDN, a.ID)
		if err != nil {
			return r, fmt.Errorf("ledger: %w", err)
		}
		r.Callback = l.CallbackURL + token
	}
	key, err := l.Switch.Prepare(r)
	if err != nil {
		return r, fmt.Errorf("ledger: %w", err)
	}
	r.WireKey = key
	return r, nil
}

// expire ends an action that was never sent. If the store cannot take that now,
// the due queue brings the action to recovery, which comes to the same end.
func (l *Ledger) expire(ctx context.Context, a sessions.Action, why string) sessions.Action {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	gone := a
	gone.Args = unsealed(a.Args)
	gone.State, gone.Detail, gone.EndedAt, gone.Due = sessions.Expired, why, l.Now(), time.Time{}
	if err := l.commit(ctx, &gone, true); err != nil {
		if errors.Is(err, sessions.ErrConflict) {
			return l.reload(ctx, gone)
		}
		l.Log.Warn("an expired action stays for recovery", "action", a.ID, "err", err)
	}
	return gone
}

// settle applies what an answer proves, onto whatever the store holds by then.
func (l *Ledger) settle(ctx context.Context, a sessions.Action, out core.Outcome, inquired bool) sessions.Action {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	for {
		next, verdict := l.next(a, out, inquired)
		switch verdict {
		case unchanged:
			return a
		case contradiction:
			l.discrepancy(ctx, a, KindLate, out.Status, out.Detail)
			return a
		}
		err := l.commit(ctx, &next, true)
		if err == nil {
			return next
		}
		if !errors.Is(err, sessions.ErrConflict) {
			l.Log.Error("an outcome could not be stored: inquiry will find it again", "action", a.ID, "err", err)
			return next
		}
		stored, err := l.Store.Action(ctx, a.MSISDN, a.ID)
		if err != nil {
			l.Log.Error("an action could not be read again", "action", a.ID, "err", err)
			return next
		}
		a = stored
	}
}

// commit stores a, with the notices that its state owes if it ends now, and hands
// those on. The other records are of the same customer.
func (l *Ledger) commit(ctx context.Context, a *sessions.Action, ends bool, others ...sessions.Record) error {
	records := append([]sessions.Record{a}, others...)
	var notices []*sessions.Notice
	if ends && a.State.Final() {
		notices = l.Notices(ctx, *a)
		for _, n := range notices {
			n.Due = l.Now().Add(NoticeLease)
			records = append(records, n)
		}
	}
	if err := l.Store.Put(ctx, records...); err != nil {
		return err
	}
	l.Changed(*a)
	for _, n := range notices {
		l.Hand(*n)
	}
	return nil
}

// reload returns what the store holds of an action that another was faster with.
func (l *Ledger) reload(ctx context.Context, a sessions.Action) sessions.Action {
	stored, err := l.Store.Action(ctx, a.MSISDN, a.ID)
	if err != nil {
		l.Log.Error("an action could not be read again", "action", a.ID, "err", err)
		return a
	}
	return stored
}

// unsealed returns the args without their secrets.
func unsealed(args []sessions.Arg) []sessions.Arg {
	kept := make([]sessions.Arg, 0, len(args))
	for _, arg := range args {
		if arg.Sealed == nil {
			kept = append(kept, arg)
		}
	}
	return kept
}
