package iso8583

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"nyota/gateway/core"
)

// Inquire asks what became of an action, and reverses it if that is configured
// and nobody can say; see the package's text. It never sends a 0200.
func (c *Connector) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	if q.Call == core.Reversal {
		out, err := c.takeBack(ctx, q.ID, q.MSISDN, q.WireKey, q.Args)
		if err != nil {
			return core.Outcome{}, core.Asked(q.Call, err)
		}
		return out, nil
	}
	in, err := c.intent(q.Call, q.ID, q.WireKey, q.MSISDN, q.Args)
	if err != nil {
		return core.Outcome{}, core.Failed(q.Call, err)
	}
	out, err := core.Outcome{}, error(nil)
	if c.cfg.InquiryCode == "" {
		err = core.Failed(q.Call, errors.New("this core has no status inquiry"))
	} else {
		out, err = c.ask(ctx, in)
	}
	if err == nil && (out.Status == core.Done || out.Status == core.Rejected) || errors.Is(err, core.ErrMismatch) {
		return out, err
	}
	if c.cfg.ReverseAfter > 0 && !q.SentAt.IsZero() && c.cfg.Now().Sub(q.SentAt) >= c.cfg.ReverseAfter {
		return c.reverse(ctx, in, c.cfg.Now().Sub(q.SentAt) > c.cfg.Horizon)
	}
	return out, err
}

// original is field 90: what the request was.
func (c *Connector) original(in intent) string {
	return "0200" + in.stan + in.at + strings.Repeat("0", 11-len(c.cfg.Acquirer)) + c.cfg.Acquirer + strings.Repeat("0", 11)
}

// ask sends a status inquiry. It carries the original's RRN and a STAN of its own.
func (c *Connector) ask(ctx context.Context, in intent) (core.Outcome, error) {
	i, err := c.mint()
	if err != nil {
		return core.Outcome{}, core.Failed(in.call, err)
	}
	m := c.message("0100", c.cfg.InquiryCode, ids{stan: i.stan, rrn: in.rrn, at: i.at}, in.payer)
	m.Fields[4], m.Fields[48], m.Fields[90] = in.amount, in.id, c.original(in)
	a, err := c.link.do(ctx, in.call, m)
	if err != nil {
		return core.Outcome{}, core.Asked(in.call, err)
	}
	switch code := a.Fields[39]; code {
	case approved:
	case noOriginal:
		return core.Outcome{Status: core.NotFound}, nil
	default:
		return core.Outcome{}, core.Failed(in.call, fmt.Errorf("the core answered an inquiry with %q", core.Clean(code, 2)))
	}
	if err := in.match(a); err != nil {
		c.log.ErrorContext(ctx, "core answered about something else", "op", in.call, "action", in.id, "err", err)
		return core.Outcome{Detail: "the core's answer does not match the action"}, core.Failed(in.call, err)
	}
	code := strings.TrimSpace(a.Fields[c.cfg.StatusField])
	if code == duplicate {
		return core.Outcome{}, core.Failed(in.call, errors.New("the core's answer decides nothing"))
	}
	return c.judge(in, a, code)
}

// reversals knows which reversal advices this process has sent: a repeat says
// that it is one. Which it forgets does not matter to the switch.
type reversals struct {
	mu   sync.Mutex
	sent map[string]bool
}

func (r *reversals) first(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent == nil || len(r.sent) >= 10_000 {
		r.sent = map[string]bool{}
	}
	first := !r.sent[key]
	r.sent[key] = true
	return first
}

// advise sends a reversal advice and returns the response code.
func (c *Connector) advise(ctx context.Context, in intent) (string, error) {
	mti := "0420"
	if !c.reversed.first(in.key()) {
		mti = "0421"
	}
	m := c.financial(mti, in)
	m.Fields[90] = c.original(in)
	a, err := c.link.do(ctx, in.call, m)
	if err != nil {
		return "", err
	}
	if err := in.match(a); err != nil {
		return "", core.Failed(in.call, err)
	}
	return a.Fields[39], nil
}

// reverse takes back a request of whose outcome nobody can tell. Approved, the
// original has no effect. Answered "no such original" it has none only when the
// original is too old to arrive any more.
func (c *Connector) reverse(ctx context.Context, in intent, old bool) (core.Outcome, error) {
	code, err := c.advise(ctx, in)
	if err != nil {
		return core.Outcome{}, core.Asked(in.call, err)
	}
	switch {
	case code == approved || code == noOriginal && old:
		return core.Outcome{Status: core.Rejected, Reason: core.Other, Detail: "reversed, response code " + code}, nil
	default:
		return core.Outcome{}, core.Failed(in.call, fmt.Errorf("the core answered a reversal with %q", core.Clean(code, 2)))
	}
}
